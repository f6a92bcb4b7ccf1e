//! Sockets: receives requests, lets faults strike, and sends what the site or the origin answers.

mod payload;
mod receive;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use socket2::SockRef;
use tokio::net::TcpListener;

use crate::faults::{Effect, Fault, Operation, RetryAfter};
use crate::origin::{Contents, Origin, OriginRequest};
use crate::site::Site;
use crate::site::call::{self, Answer, Body, Call};
use crate::site::error::ApiError;
use payload::Payload;

/// Everything behind the socket.
pub(crate) struct World {
    pub(crate) site: Site,
    pub(crate) origin: Origin,
    pub(crate) faults: Vec<Fault>,
    pub(crate) calls: Vec<String>,
    /// The operations seen, for counting.
    seen: Vec<Operation>,
}

/// The world, shared between connections and the owner of the simulator.
#[derive(Clone)]
pub(crate) struct Shared(Arc<Mutex<World>>);

/// The connection is closed without an answer.
#[derive(Debug)]
pub(crate) struct Unanswered;

impl std::fmt::Display for Unanswered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("closed without an answer, as asked")
    }
}

impl std::error::Error for Unanswered {}

impl Shared {
    pub(crate) fn new(site: Site, faults: Vec<Fault>) -> Self {
        let world = World {
            site,
            origin: Origin::default(),
            faults,
            calls: Vec::new(),
            seen: Vec::new(),
        };
        Self(Arc::new(Mutex::new(world)))
    }

    /// A panic in a test's closure must not spoil what other tests see of it.
    pub(crate) fn lock(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl World {
    /// Counts a call and returns what shall go wrong with it.
    fn meet(&mut self, operation: Operation) -> Option<Effect> {
        self.seen.push(operation);
        let n = self.seen.iter().filter(|seen| **seen == operation).count();
        let strikes = |fault: &&Fault| {
            let nth = fault.nth.and_then(|nth| usize::try_from(nth.get()).ok());
            fault.operation == operation && nth.is_none_or(|nth| nth == n)
        };
        let effect = self.faults.iter().find(strikes).map(|fault| fault.effect);
        if operation != Operation::Origin {
            let mark = if effect.is_some() { "!" } else { "" };
            self.calls.push(format!("{operation}{mark}"));
        }
        effect
    }

    pub(crate) fn n_calls(&self, operation: Operation) -> usize {
        self.seen.iter().filter(|seen| **seen == operation).count()
    }

    /// Tableau dates its answers by its own clock; whatever stands in front of it has the real one.
    fn send(&self, mut answer: Answer) -> Sent {
        if answer.is_document() {
            answer = answer.header("Date", &self.site.date());
        }
        let (status, headers, body) =
            answer.render(self.site.settings.xml, &self.site.settings.rest_api_version);
        Sent {
            status,
            headers,
            body: Contents::Bytes(body),
        }
    }
}

/// An answer in its last form.
struct Sent {
    status: u16,
    headers: Vec<(String, String)>,
    body: Contents,
}

/// Accepts connections for ever.
pub(crate) async fn listen(listener: TcpListener, shared: Shared) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        // Small answers behind large requests would otherwise wait for an acknowledgement.
        let _ = stream.set_nodelay(true);
        let shared = shared.clone();
        let Ok(socket) = stream.into_std().and_then(|stream| {
            let twin = stream.try_clone()?;
            Ok((stream, Arc::new(twin)))
        }) else {
            continue;
        };
        let (Ok(stream), twin) = (tokio::net::TcpStream::from_std(socket.0), socket.1) else {
            continue;
        };
        tokio::spawn(async move {
            let service =
                service_fn(move |request| serve(shared.clone(), Arc::clone(&twin), request));
            // An error here is a client that went away, or a fault.
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

/// The head of a request, before its body has arrived.
struct Head {
    operation: Operation,
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
}

impl Head {
    fn of(request: &hyper::Request<Incoming>) -> Self {
        let method = request.method().as_str().to_owned();
        let path = request.uri().path().to_owned();
        let text = |value: &hyper::header::HeaderValue| {
            String::from_utf8_lossy(value.as_bytes()).into_owned()
        };
        Self {
            operation: call::operation(&method, &path),
            method,
            path,
            query: request.uri().query().unwrap_or_default().to_owned(),
            headers: request
                .headers()
                .iter()
                .map(|(name, value)| (name.as_str().to_owned(), text(value)))
                .collect(),
        }
    }
}

async fn serve(
    shared: Shared,
    socket: Arc<std::net::TcpStream>,
    request: hyper::Request<Incoming>,
) -> Result<hyper::Response<Payload>, Unanswered> {
    let head = Head::of(&request);
    let body = request.into_body();
    let effect = shared.lock().meet(head.operation);
    match effect {
        Some(Effect::Refuse) => return Err(Unanswered),
        Some(Effect::Reset) => {
            receive::drain(body).await?;
            // Closing sends a reset instead of an orderly end.
            let _ = SockRef::from(&*socket).set_linger(Some(Duration::ZERO));
            return Err(Unanswered);
        }
        Some(Effect::Stall) => std::future::pending::<()>().await,
        _ => {}
    }
    if let Some(answer) = effect.and_then(|effect| instead(effect, &head)) {
        receive::drain(body).await?;
        let mut world = shared.lock();
        if head.operation != Operation::Origin {
            world.site.intercepted(
                head.operation,
                &head.method,
                &head.path,
                &head.query,
                answer.status,
            );
        }
        return respond(world.send(answer), None);
    }
    let sent = act(&shared, head, body).await?;
    respond(sent, effect)
}

/// The answer of a fault that strikes before anything is done.
fn instead(effect: Effect, head: &Head) -> Option<Answer> {
    Some(match effect {
        Effect::Status(status) => Answer::html(status),
        Effect::Code(code) => Answer::error(&ApiError::stock(code)),
        Effect::ErrorIn200 => Answer::document(200, [ApiError::stock(403_135).document()]),
        Effect::Empty => Answer::empty(200),
        Effect::Redirect => {
            let query = if head.query.is_empty() {
                String::new()
            } else {
                format!("?{}", head.query)
            };
            Answer::html(301).header("Location", &format!("{}{query}", head.path))
        }
        Effect::Throttle(retry_after) => {
            let answer = Answer::error(&ApiError::stock(429_000));
            match retry_after {
                RetryAfter::Absent => answer,
                RetryAfter::Seconds(seconds) => answer.header("Retry-After", &seconds.to_string()),
                RetryAfter::Reset => answer
                    .header("X-RateLimit-Remaining", "0")
                    .header("X-RateLimit-Reset", "1e22"),
                // Clients compare a date with their own clock, so this is the one place that reads a real one.
                RetryAfter::Date => {
                    let date = SystemTime::now() + Duration::from_secs(3);
                    answer.header("Retry-After", &httpdate::fmt_http_date(date))
                }
            }
        }
        Effect::Refuse
        | Effect::Reset
        | Effect::Stall
        | Effect::LoseResponse
        | Effect::Truncate
        | Effect::Garbage
        | Effect::LateStatus(_) => {
            return None;
        }
    })
}

async fn act(shared: &Shared, head: Head, body: Incoming) -> Result<Sent, Unanswered> {
    if head.operation == Operation::Origin {
        let body = receive::plain(body).await?;
        let path = head
            .path
            .strip_prefix("/origin")
            .unwrap_or_default()
            .to_owned();
        let request = OriginRequest {
            method: head.method,
            path,
            query: head.query,
            headers: head.headers,
            body,
        };
        let served = shared.lock().origin.answer(request);
        return Ok(Sent {
            status: served.status,
            headers: served.headers,
            body: served.body,
        });
    }
    let _append = Append::enter(shared, &head);
    let body = match head.operation {
        Operation::AppendToFileUpload | Operation::PublishDataSource => {
            let store = shared.lock().site.store.clone();
            receive::multipart(body, &head.headers, &store).await?
        }
        _ => Body::Plain(receive::plain(body).await?),
    };
    let call = Call {
        method: head.method,
        path: head.path,
        query: head.query,
        headers: head.headers,
        body,
    };
    let mut world = shared.lock();
    let answer = world.site.answer(call);
    Ok(world.send(answer))
}

/// Marks an append as under way; a client that goes away in the middle ends it, too.
struct Append {
    shared: Shared,
    id: String,
}

impl Append {
    fn enter(shared: &Shared, head: &Head) -> Option<Self> {
        if head.operation != Operation::AppendToFileUpload {
            return None;
        }
        let id = call::split(&head.path).and_then(|(_, segments)| segments.last().cloned())?;
        shared.lock().site.enter_append(&id);
        Some(Self {
            shared: shared.clone(),
            id,
        })
    }
}

impl Drop for Append {
    fn drop(&mut self) {
        self.shared.lock().site.leave_append(&self.id);
    }
}

/// Sends an answer, unless a fault strikes after the deed.
fn respond(sent: Sent, effect: Option<Effect>) -> Result<hyper::Response<Payload>, Unanswered> {
    let Sent {
        status,
        headers,
        body,
    } = match effect {
        Some(Effect::LoseResponse) => return Err(Unanswered),
        Some(Effect::Truncate) if sent.body.length() == 0 => return Err(Unanswered),
        Some(Effect::Garbage) => rendered(Answer::raw(
            200,
            "text/html",
            b"<!doctype html><p>Welcome & sign in<br>\x00\xff".to_vec(),
        )),
        Some(Effect::LateStatus(status)) => rendered(Answer::html(status)),
        _ => sent,
    };
    let mut response = hyper::Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(name, value);
    }
    let cut = if effect == Some(Effect::Truncate) {
        body.length() / 2
    } else {
        body.length()
    };
    response
        .body(Payload::new(body, cut))
        .map_err(|_| Unanswered)
}

fn rendered(answer: Answer) -> Sent {
    let (status, headers, body) = answer.render(crate::XmlStyle::Plain, "");
    Sent {
        status,
        headers,
        body: Contents::Bytes(body),
    }
}

//! One client for both networks: the only place that sends a request a second time.
//!
//! It knows nothing of Tableau or of data; it knows what may be repeated, how long to wait, and
//! where a redirect may lead. Secrets travel in headers and bodies and never in an error or event.

mod addresses;
mod body;
mod coding;
mod links;
mod trust;
mod waits;

use std::collections::HashSet;
use std::error::Error as _;
use std::fmt;
use std::fs::File;
use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use reqwest::Certificate;
use reqwest::header::{ACCEPT_ENCODING, CONTENT_LENGTH, DATE, HeaderMap, HeaderValue, LOCATION};
pub use reqwest::{Method, StatusCode, Url, header};

use crate::events::{Event, Observer};
use crate::say::span;
use crate::secrets;
use body::Sink;
pub use coding::{Coding, CodingError};
use links::{Closed, Lookup, Resolver};
pub use links::{Hosts, Redirects, check_link};
pub use trust::CaCertificate;
use waits::Turnstile;
pub use waits::{Rate, RetryPolicy, told_seconds};

/// Silence in the middle of an answer that ends the attempt.
const IDLE_LIMIT: Duration = Duration::from_mins(1);
/// TCP and TLS together.
const CONNECT_LIMIT: Duration = Duration::from_secs(30);
/// Redirects followed for one request; Tableau's own client allows 30, browsers 20.
const REDIRECT_LIMIT: u32 = 10;

/// Bytes of a body that are looked at for an excerpt of it.
const EXCERPT_READ: usize = 4_000;
/// Characters of an excerpt.
const EXCERPT: usize = 200;

/// How to treat a server that is not Tableau's: what the `http` input says.
#[derive(Clone, Debug)]
pub struct Conduct {
    /// What is asked again, and when.
    pub policy: RetryPolicy,
    /// Until the head of an answer, and the longest silence in the middle of one.
    pub timeout: Duration,
    /// `None` asks as fast as the server answers.
    pub rate: Option<Rate>,
    /// Hosts that may see what the source may see.
    pub allow: Hosts,
    /// The most bytes an answer may have, decompressed.
    pub max_body: u64,
}

impl Default for Conduct {
    /// Eight gigabytes leave room on a runner's disk, which has 14 GB to spare.
    fn default() -> Conduct {
        Conduct {
            policy: RetryPolicy::default(),
            timeout: Duration::from_mins(1),
            rate: None,
            allow: Hosts::default(),
            max_body: 8 << 30,
        }
    }
}

/// What is known of the network before the first request.
#[derive(Clone, Debug, Default)]
pub struct Network {
    /// Trusted besides the system's authorities.
    pub ca_certificate: Option<CaCertificate>,
    /// Names of the proxies in use, in lower case: they may have private addresses.
    pub proxies: HashSet<String>,
}

/// Whether a request may be sent again when nobody knows if the server acted on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replay {
    /// Reading, or writing the same thing twice does no harm.
    Safe,
    /// A second execution would do damage; only what surely did not arrive is repeated.
    Never,
}

/// What a request carries. It can be produced again for another attempt.
#[derive(Clone, Debug)]
pub enum Body {
    /// Nothing, with `Content-Length: 0` where the method expects one.
    Empty,
    /// Bytes in memory.
    Bytes(Bytes),
    /// Part of a file between two pieces in memory; read from disk while it is sent.
    FilePart {
        /// Sent before the file's bytes.
        head: Bytes,
        /// The file, read at its offsets, so that all parts and attempts share one handle.
        file: Arc<File>,
        /// First byte sent.
        offset: u64,
        /// Number of bytes sent; the file must be at least `offset + length` long.
        length: u64,
        /// Sent after the file's bytes.
        tail: Bytes,
        /// Bytes of the file handed to the connection so far, by the last attempt.
        sent: Arc<AtomicU64>,
    },
}

/// One request, as often as it needs to be sent.
#[derive(Clone, Debug)]
pub struct Request {
    /// What it is for, in a message after "failed to": `sign in to Tableau`.
    pub operation: &'static str,
    /// HTTP method.
    pub method: Method,
    /// Full address with query.
    pub url: Url,
    /// Headers besides `Host`, `Content-Length` and `User-Agent`. Secret values are marked sensitive.
    pub headers: HeaderMap,
    /// Payload.
    pub body: Body,
    /// What may be repeated.
    pub replay: Replay,
    /// What may be followed.
    pub redirects: Redirects,
    /// What the user named for this request: nothing else may lie in a private network.
    pub named: Hosts,
    /// From the first byte sent until the head of the answer.
    pub timeout: Duration,
}

/// What a server said.
#[derive(Debug)]
pub struct Answer {
    /// The final status: retries and redirects are behind us.
    pub status: StatusCode,
    /// Headers of the answer.
    pub headers: HeaderMap,
    /// Where it came from, after redirects.
    pub url: Url,
    /// The body, unless it went to a file.
    pub body: Bytes,
    /// Bytes of the body, wherever it went.
    pub length: u64,
    /// How often the request was sent, 1 if the first attempt succeeded.
    pub attempts: u32,
    /// Since the first attempt began.
    pub elapsed: Duration,
    /// The server asked to come back after this long, which is longer than our patience.
    pub retry_after: Option<Duration>,
}

impl Answer {
    /// Whether the body is the data, and all of it: a success, and neither a promise (202) nor a part (206, 226).
    pub fn is_whole(&self) -> bool {
        body::is_whole(self.status)
    }

    /// Returns the server's time when it answered, in whole seconds (RFC 9110, 6.6.1).
    pub fn date(&self) -> Option<SystemTime> {
        let date = self.headers.get(DATE)?.to_str().ok()?;
        httpdate::parse_http_date(date).ok()
    }
}

/// A request that got no usable answer.
#[derive(Debug)]
pub struct Error {
    /// [`Request::operation`].
    pub operation: &'static str,
    /// Address without query, user and password.
    pub url: String,
    /// How often the request was sent.
    pub attempts: u32,
    /// Since the first attempt began.
    pub elapsed: Duration,
    /// What happened to the last attempt.
    pub kind: ErrorKind,
}

/// How an attempt came to nothing.
#[derive(Debug)]
pub enum ErrorKind {
    /// The server was never reached: name, route, port, TLS, proxy.
    Connect(String),
    /// No answer in time.
    Timeout,
    /// The connection broke after the request may have arrived, or in the middle of the answer.
    Interrupted(String),
    /// The server was reached, and its certificate is not one we trust for this name.
    Untrusted(String),
    /// A redirect that must not be followed.
    Redirect(String),
    /// The answer came, but less than 1 KB of it in this long.
    Slow(Duration),
    /// The answer is compressed in a way we cannot undo.
    Coding(String),
    /// The answer is longer than the limit, in bytes.
    TooLarge(u64),
    /// This machine's disk failed.
    Disk(std::io::Error),
}

impl ErrorKind {
    /// Whether the server may have acted, and another attempt may find out.
    fn is_passing(&self) -> bool {
        matches!(
            self,
            ErrorKind::Timeout | ErrorKind::Slow(_) | ErrorKind::Interrupted(_)
        )
    }

    /// Whether a request may be sent again after this.
    fn is_repeated(&self, replay: Replay) -> bool {
        match self {
            ErrorKind::Connect(_) => true,
            kind => kind.is_passing() && replay == Replay::Safe,
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ErrorKind::Connect(reason) => write!(f, "cannot connect: {reason}"),
            ErrorKind::Untrusted(reason) => {
                write!(f, "the server's certificate is not trusted: {reason}")
            }
            ErrorKind::Timeout => f.write_str("no answer in time"),
            ErrorKind::Slow(stretch) => write!(
                f,
                "the answer comes too slowly, less than 1 KB in {}",
                span(*stretch)
            ),
            ErrorKind::Interrupted(reason) => write!(f, "the connection broke: {reason}"),
            ErrorKind::Redirect(reason) | ErrorKind::Coding(reason) => f.write_str(reason),
            ErrorKind::TooLarge(limit) => write!(f, "the answer is longer than {limit} bytes"),
            ErrorKind::Disk(reason) => write!(f, "cannot use this machine's disk: {reason}"),
        }
    }
}

impl Error {
    /// Whether the server may have acted although no answer arrived.
    pub fn is_ambiguous(&self) -> bool {
        self.kind.is_passing()
    }

    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        match &self.kind {
            ErrorKind::Untrusted(reason) if reason.contains("UnknownIssuer") => Some(
                "if the server belongs to you, set `ca-certificate` to the certificate of the CA that issued its own"
                    .into(),
            ),
            ErrorKind::Untrusted(_) => Some(format!(
                "check the address `{}`; else those who run the server must renew its certificate",
                self.url
            )),
            ErrorKind::Connect(_) => Some(format!(
                "check the address `{}`, and that the runner may reach it (firewall, proxy, VPN)",
                self.url
            )),
            ErrorKind::Redirect(reason) if reason.contains("without encryption") => Some(
                "write an `https` address that stays with https; else those who run the server must correct where it leads"
                    .into(),
            ),
            ErrorKind::Redirect(reason) if !reason.contains("allow=") => {
                Some("write the address the server redirects to, if you trust it".into())
            }
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "failed to {} at `{}`", self.operation, self.url)?;
        if self.attempts > 1 {
            let seconds = self.elapsed.as_secs_f32();
            write!(f, " after {} attempts in {seconds:.1}s", self.attempts)?;
        }
        write!(f, ": {}", self.kind)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.kind {
            ErrorKind::Disk(error) => Some(error),
            _ => None,
        }
    }
}

/// Sends requests.
#[derive(Debug)]
pub struct Client {
    // Made at the first request: reading the system's certificates takes longer than a small job. Two, so that no
    // connection to a private address is there to be used for a request it is not named for.
    named: OnceLock<reqwest::Client>,
    public: OnceLock<reqwest::Client>,
    policy: RetryPolicy,
    idle_limit: Duration,
    turnstile: Turnstile,
    certificates: Vec<Certificate>,
    proxies: HashSet<String>,
}

impl Client {
    /// Prepares a client for Tableau; proxies come from the environment.
    ///
    /// Fails if the extra certificate authority cannot be read.
    pub fn new(policy: RetryPolicy, network: &Network) -> anyhow::Result<Client> {
        let certificates = network.ca_certificate.as_ref().map(CaCertificate::load);
        Ok(Client {
            named: OnceLock::new(),
            public: OnceLock::new(),
            policy,
            idle_limit: IDLE_LIMIT,
            turnstile: Turnstile::default(),
            certificates: certificates.transpose()?.unwrap_or_default(),
            proxies: network.proxies.clone(),
        })
    }

    /// Prepares a client for the source.
    pub fn with_conduct(conduct: &Conduct, network: &Network) -> anyhow::Result<Client> {
        let mut client = Client::new(conduct.policy.clone(), network)?;
        client.idle_limit = conduct.timeout;
        client.turnstile = Turnstile::new(conduct.rate);
        Ok(client)
    }

    /// Sends a request and reads the whole answer, at most 64 MB.
    ///
    /// Any status is an answer; judging it is the caller's business.
    pub async fn exchange(
        &self,
        request: &Request,
        observer: &dyn Observer,
    ) -> Result<Answer, Error> {
        self.attempt(request, &Sink::Memory, observer).await
    }

    /// Sends a request and writes a successful answer's body to a file, at most `limit` bytes.
    ///
    /// The file is created or replaced. An answer that is not [`Answer::is_whole`] leaves it alone and comes
    /// with the beginning of its body in memory; one that says the data is still made (202) is asked for again.
    pub async fn download(
        &self,
        request: &Request,
        into: &Path,
        limit: u64,
        observer: &dyn Observer,
    ) -> Result<Answer, Error> {
        self.attempt(request, &Sink::File(into, limit), observer)
            .await
    }

    async fn attempt(
        &self,
        request: &Request,
        sink: &Sink<'_>,
        observer: &dyn Observer,
    ) -> Result<Answer, Error> {
        let began = Instant::now();
        let mut attempts = 1;
        loop {
            let outcome = self.follow(request, sink, observer).await;
            let last = attempts >= self.policy.attempts.get();
            let (reason, wait) = match outcome {
                Ok((mut answer, broken)) => {
                    answer.attempts = attempts;
                    answer.elapsed = began.elapsed();
                    let is_retried =
                        waits::is_retried(answer.status, &answer.headers, request.replay)
                            || sink.waits_for(answer.status);
                    let reason = match broken {
                        _ if is_retried => format!("the server answered {}", answer.status),
                        Some(kind) if kind.is_repeated(request.replay) => kind.to_string(),
                        _ => return Ok(answer),
                    };
                    let asked = waits::asked_wait(&answer.headers, SystemTime::now());
                    if asked.is_some_and(|wait| wait > self.policy.patience) {
                        answer.retry_after = asked;
                        return Ok(answer);
                    }
                    if last {
                        return Ok(answer);
                    }
                    let wait = asked.unwrap_or_else(|| self.policy.backoff(attempts));
                    (reason, wait)
                }
                Err((url, kind)) => {
                    if last || !kind.is_repeated(request.replay) {
                        return Err(Error {
                            operation: request.operation,
                            url: show(&url),
                            attempts,
                            elapsed: began.elapsed(),
                            kind,
                        });
                    }
                    (kind.to_string(), self.policy.backoff(attempts))
                }
            };
            observer.on(Event::Retrying {
                operation: request.operation,
                attempt: attempts,
                wait,
                reason,
            });
            tokio::time::sleep(wait).await;
            attempts += 1;
        }
    }

    async fn follow(
        &self,
        request: &Request,
        sink: &Sink<'_>,
        observer: &dyn Observer,
    ) -> Result<(Answer, Option<ErrorKind>), (Url, ErrorKind)> {
        let mut url = request.url.clone();
        for _ in 0..=REDIRECT_LIMIT {
            let response = self
                .send_once(request, &url)
                .await
                .map_err(|kind| (url.clone(), kind))?;
            let status = response.status();
            if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
                return body::read(response, (&url, self.idle_limit), sink, observer)
                    .await
                    .map_err(|kind| (url, kind));
            }
            let next = response
                .headers()
                .get(LOCATION)
                .and_then(|location| location.to_str().ok())
                .and_then(|location| url.join(location).ok());
            url = if let Some(next) = next {
                check_link(&url, next, &request.redirects).map_err(|reason| {
                    (
                        url,
                        ErrorKind::Redirect(format!("it redirects to {reason}")),
                    )
                })?
            } else {
                let reason = format!("it answers {status} without saying where to");
                return Err((url, ErrorKind::Redirect(reason)));
            };
        }
        let reason = format!("it redirects more than {REDIRECT_LIMIT} times");
        Err((url, ErrorKind::Redirect(reason)))
    }

    fn inner(&self, lookup: Lookup) -> Result<&reqwest::Client, ErrorKind> {
        let cell = match lookup {
            Lookup::Named => &self.named,
            Lookup::Public => &self.public,
        };
        if let Some(inner) = cell.get() {
            return Ok(inner);
        }
        // A second installation is refused and harmless: the first one serves.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let inner = reqwest::Client::builder()
            .user_agent(concat!("publish-to-tableau/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_LIMIT)
            .tls_certs_merge(self.certificates.clone())
            .dns_resolver(Resolver::new(lookup, self.proxies.clone()))
            .build()
            .map_err(|error| ErrorKind::Untrusted(root_cause(&error)))?;
        Ok(cell.get_or_init(|| inner))
    }

    /// Which addresses the host of an address may have.
    fn lookup(&self, request: &Request, url: &Url) -> Result<Lookup, ErrorKind> {
        if request.named.contains(url) {
            return Ok(Lookup::Named);
        }
        // Its name is looked up whoever asks, so that nothing else would stop a server from leading us to it.
        if url
            .host_str()
            .is_some_and(|host| self.proxies.contains(host))
        {
            let closed = Closed::Private(format!("`{}`, the host of the proxy", show(url)));
            let reason = format!("it leads to {}", closed.explain(url));
            return Err(ErrorKind::Redirect(reason));
        }
        Ok(Lookup::Public)
    }

    async fn send_once(
        &self,
        request: &Request,
        url: &Url,
    ) -> Result<reqwest::Response, ErrorKind> {
        let lookup = self.lookup(request, url)?;
        let mut builder = self
            .inner(lookup)?
            .request(request.method.clone(), url.clone())
            .headers(request.headers.clone());
        if !request.headers.contains_key(ACCEPT_ENCODING) {
            builder = builder.header(ACCEPT_ENCODING, HeaderValue::from_static(coding::ACCEPTED));
        }
        builder = match &request.body {
            Body::Empty if request.method == Method::GET => builder,
            Body::Empty => builder.header(CONTENT_LENGTH, HeaderValue::from_static("0")),
            Body::Bytes(bytes) => builder.body(bytes.clone()),
            Body::FilePart {
                head,
                file,
                offset,
                length,
                tail,
                sent,
            } => {
                let whole = head.len() as u64 + length + tail.len() as u64;
                let stream = body::read_part((head, file, tail), (*offset, *length), sent);
                // Without it the body would be sent in chunked encoding, which Tableau does not promise to take.
                builder
                    .header(CONTENT_LENGTH, HeaderValue::from(whole))
                    .body(reqwest::Body::wrap_stream(stream))
            }
        };
        self.turnstile.pass().await;
        match tokio::time::timeout(request.timeout, builder.send()).await {
            Err(_) => Err(ErrorKind::Timeout),
            Ok(Err(error)) => Err(classify(&error, url)),
            Ok(Ok(response)) => Ok(response),
        }
    }
}

/// Returns an address as it may be shown: no query, no user, no fragment.
pub fn show(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    // Both fail only for addresses that cannot have them.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.into()
}

/// Returns what to do about a server that asks for more patience than we have.
pub fn come_back(wait: Duration) -> String {
    format!(
        "the server asks {}: run the workflow later, or raise `http: max-wait=`",
        waits::told_wait(wait)
    )
}

/// Returns the beginning of a body as text for a message: one line, at most 200 characters, no secret.
pub fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(EXCERPT_READ)]);
    let text = secrets::replace_in_answer(&text);
    let words: Vec<&str> = text.split_whitespace().collect();
    let line: String = words
        .join(" ")
        .chars()
        .filter(|c| !c.is_control())
        .collect();
    match line.char_indices().nth(EXCERPT) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

fn classify(error: &reqwest::Error, to: &Url) -> ErrorKind {
    if let Some(closed) = cause::<Closed>(error) {
        return ErrorKind::Redirect(format!("it leads to {}", closed.explain(to)));
    }
    let reason = root_cause(error);
    if let Some((_, why)) = reason.split_once("invalid peer certificate: ") {
        ErrorKind::Untrusted(why.to_owned())
    } else if error.is_connect() || error.is_builder() {
        ErrorKind::Connect(reason)
    } else if error.is_timeout() {
        ErrorKind::Timeout
    } else {
        ErrorKind::Interrupted(reason)
    }
}

fn cause<E: std::error::Error + 'static>(error: &reqwest::Error) -> Option<&E> {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(found) = inner.downcast_ref() {
            return Some(found);
        }
        cause = inner.source();
    }
    None
}

/// The innermost message: the outer ones repeat the address, query and all.
fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    if std::ptr::addr_eq(cause, error) {
        return "unexpected end".into();
    }
    cause.to_string()
}

//! One client for both networks: the only place that sends a request a second time.
//!
//! It knows nothing of Tableau or of data; it knows what may be repeated, how long to wait, and
//! where a redirect may lead. Secrets travel in headers and bodies and never in an error or event.

use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use reqwest::header::{CONTENT_LENGTH, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER};
pub use reqwest::{Method, StatusCode, Url, header};
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

use crate::events::{Event, Observer, Progress};

/// An answer read into memory is cut off here; only error pages and XML documents are.
const ANSWER_LIMIT: u64 = 64 << 20;
/// Silence in the middle of an answer that ends the attempt.
const IDLE_LIMIT: Duration = Duration::from_mins(1);
/// TCP and TLS together.
const CONNECT_LIMIT: Duration = Duration::from_secs(30);
/// Redirects followed for one request; Tableau's own client allows 30, browsers 20.
const REDIRECT_LIMIT: u32 = 10;
/// Read from disk and handed to the socket at once.
const FILE_BLOCK: usize = 256 << 10;

/// How often and how patiently a request is repeated.
#[derive(Clone, Debug)]
pub struct RetryPolicy {
    /// The first try included.
    pub attempts: NonZeroU32,
    /// Mean of the first wait; doubles each time, with jitter.
    pub first_wait: Duration,
    /// Ceiling of the doubling.
    pub longest_wait: Duration,
    /// A server that asks (`Retry-After`) for more than this is not waited for.
    pub patience: Duration,
}

/// Whether a request may be sent again when nobody knows if the server acted on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replay {
    /// Reading, or writing the same thing twice does no harm.
    Safe,
    /// A second execution would do damage; only what surely did not arrive is repeated.
    Never,
}

/// Where a redirect may lead. The method, headers and body are sent again unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Redirects {
    /// Within the origin, or from `http` to `https` on the same host: the request carries a secret.
    SameOrigin,
    /// To any public host: the request carries nothing that could leak.
    Anywhere,
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
        /// The file.
        path: PathBuf,
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
    /// A redirect that must not be followed.
    Redirect(String),
    /// The answer is longer than the limit, in bytes.
    TooLarge(u64),
    /// This machine's disk failed.
    Disk(std::io::Error),
}

impl Error {
    /// Whether the server may have acted although no answer arrived.
    pub fn is_ambiguous(&self) -> bool {
        matches!(self.kind, ErrorKind::Timeout | ErrorKind::Interrupted(_))
    }

    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        match &self.kind {
            ErrorKind::Connect(reason) if reason.contains("certificate") => Some(
                "the server's certificate is not trusted here; a private CA must be known to the runner"
                    .into(),
            ),
            ErrorKind::Connect(_) => Some(format!(
                "check the address `{}`, and that the runner may reach it (firewall, proxy, VPN)",
                self.url
            )),
            ErrorKind::Redirect(_) => {
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
        match &self.kind {
            ErrorKind::Connect(reason) => write!(f, ": cannot connect: {reason}"),
            ErrorKind::Timeout => write!(f, ": no answer in time"),
            ErrorKind::Interrupted(reason) => write!(f, ": the connection broke: {reason}"),
            ErrorKind::Redirect(reason) => write!(f, ": {reason}"),
            ErrorKind::TooLarge(limit) => write!(f, ": the answer is longer than {limit} bytes"),
            ErrorKind::Disk(reason) => write!(f, ": cannot use this machine's disk: {reason}"),
        }
    }
}

impl std::error::Error for Error {}

/// Sends requests.
#[derive(Debug)]
pub struct Client {
    // Made at the first request: reading the system's certificates takes longer than a small job.
    inner: OnceLock<reqwest::Client>,
    policy: RetryPolicy,
}

impl Client {
    /// Prepares a client; proxies come from the environment, trust from the system's CA bundle.
    pub fn new(policy: RetryPolicy) -> Client {
        Client {
            inner: OnceLock::new(),
            policy,
        }
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
    /// The file is created or replaced. An answer that is not a success leaves it alone and comes
    /// with its body in memory.
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
                Ok(mut answer) => {
                    answer.attempts = attempts;
                    answer.elapsed = began.elapsed();
                    if !is_retried(answer.status, request.replay) {
                        return Ok(answer);
                    }
                    let asked = retry_after(&answer.headers, SystemTime::now());
                    if asked.is_some_and(|wait| wait > self.policy.patience) {
                        answer.retry_after = asked;
                        return Ok(answer);
                    }
                    if last {
                        return Ok(answer);
                    }
                    let wait = asked.unwrap_or_else(|| self.policy.backoff(attempts));
                    (format!("the server answered {}", answer.status), wait)
                }
                Err((url, kind)) => {
                    let again = match &kind {
                        ErrorKind::Connect(_) => true,
                        ErrorKind::Timeout | ErrorKind::Interrupted(_) => {
                            request.replay == Replay::Safe
                        }
                        ErrorKind::Redirect(_) | ErrorKind::TooLarge(_) | ErrorKind::Disk(_) => {
                            false
                        }
                    };
                    let error = Error {
                        operation: request.operation,
                        url: show(&url),
                        attempts,
                        elapsed: began.elapsed(),
                        kind,
                    };
                    if last || !again {
                        return Err(error);
                    }
                    let reason = match &error.kind {
                        ErrorKind::Connect(reason) => format!("cannot connect: {reason}"),
                        ErrorKind::Interrupted(reason) => format!("the connection broke: {reason}"),
                        _ => "no answer in time".into(),
                    };
                    (reason, self.policy.backoff(attempts))
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
    ) -> Result<Answer, (Url, ErrorKind)> {
        let mut url = request.url.clone();
        for _ in 0..=REDIRECT_LIMIT {
            let response = self
                .send_once(request, &url)
                .await
                .map_err(|kind| (url.clone(), kind))?;
            if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
                return read(response, &url, sink, observer)
                    .await
                    .map_err(|kind| (url, kind));
            }
            let next = response
                .headers()
                .get(LOCATION)
                .and_then(|location| location.to_str().ok())
                .and_then(|location| url.join(location).ok());
            url = if let Some(next) = next {
                check_redirect(&url, next, request.redirects)
                    .map_err(|reason| (url, ErrorKind::Redirect(reason)))?
            } else {
                let reason = "it redirects without saying where to".to_owned();
                return Err((url, ErrorKind::Redirect(reason)));
            };
        }
        let reason = format!("it redirects more than {REDIRECT_LIMIT} times");
        Err((url, ErrorKind::Redirect(reason)))
    }

    fn inner(&self) -> Result<&reqwest::Client, ErrorKind> {
        if let Some(inner) = self.inner.get() {
            return Ok(inner);
        }
        // A second installation is refused and harmless: the first one serves.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let inner = reqwest::Client::builder()
            .user_agent(concat!("publish-to-tableau/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_LIMIT)
            .build()
            .map_err(|error| ErrorKind::Connect(root_cause(&error)))?;
        Ok(self.inner.get_or_init(|| inner))
    }

    async fn send_once(
        &self,
        request: &Request,
        url: &Url,
    ) -> Result<reqwest::Response, ErrorKind> {
        let mut builder = self
            .inner()?
            .request(request.method.clone(), url.clone())
            .headers(request.headers.clone());
        builder = match &request.body {
            Body::Empty if request.method == Method::GET => builder,
            Body::Empty => builder.header(CONTENT_LENGTH, HeaderValue::from_static("0")),
            Body::Bytes(bytes) => builder.body(bytes.clone()),
            Body::FilePart {
                head,
                path,
                offset,
                length,
                tail,
                sent,
            } => {
                let whole = head.len() as u64 + length + tail.len() as u64;
                let stream = read_part((head, path, tail), (*offset, *length), sent)
                    .await
                    .map_err(ErrorKind::Disk)?;
                // Without it the body would be sent in chunked encoding, which Tableau does not promise to take.
                builder
                    .header(CONTENT_LENGTH, HeaderValue::from(whole))
                    .body(reqwest::Body::wrap_stream(stream))
            }
        };
        match tokio::time::timeout(request.timeout, builder.send()).await {
            Err(_) => Err(ErrorKind::Timeout),
            Ok(Err(error)) => Err(classify(&error)),
            Ok(Ok(response)) => Ok(response),
        }
    }
}

impl Default for RetryPolicy {
    /// Six attempts within some two minutes, and ten minutes of patience with a server that asks for it.
    fn default() -> RetryPolicy {
        RetryPolicy {
            attempts: NonZeroU32::new(6).expect("6 is not 0"),
            first_wait: Duration::from_secs(1),
            longest_wait: Duration::from_mins(1),
            patience: Duration::from_mins(10),
        }
    }
}

impl RetryPolicy {
    /// Full jitter around a doubling mean, so that many runs do not knock in step.
    fn backoff(&self, attempt: u32) -> Duration {
        let ceiling = self
            .first_wait
            .saturating_mul(2u32.saturating_pow(attempt))
            .min(self.longest_wait);
        ceiling.mul_f64(f64::from(jitter()) / f64::from(u32::MAX))
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

/// Returns the beginning of a body as text for a message: one line, at most 200 characters.
pub fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(2_000)]);
    let words: Vec<&str> = text.split_whitespace().collect();
    let line: String = words
        .join(" ")
        .chars()
        .filter(|c| !c.is_control())
        .collect();
    match line.char_indices().nth(200) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

enum Sink<'a> {
    Memory,
    File(&'a Path, u64),
}

async fn read(
    mut response: reqwest::Response,
    url: &Url,
    sink: &Sink<'_>,
    observer: &dyn Observer,
) -> Result<Answer, ErrorKind> {
    let status = response.status();
    let headers = response.headers().clone();
    let mut length = 0;
    let mut body = Vec::new();
    let mut file = None;
    let mut limit = ANSWER_LIMIT;
    if let (Sink::File(path, most), true) = (sink, status.is_success()) {
        limit = *most;
        let created = tokio::fs::File::create(path)
            .await
            .map_err(ErrorKind::Disk)?;
        file = Some(tokio::io::BufWriter::with_capacity(FILE_BLOCK, created));
    }
    loop {
        let piece = match tokio::time::timeout(IDLE_LIMIT, response.chunk()).await {
            Err(_) => return Err(ErrorKind::Timeout),
            Ok(Err(error)) => return Err(ErrorKind::Interrupted(root_cause(&error))),
            Ok(Ok(None)) => break,
            Ok(Ok(Some(piece))) => piece,
        };
        length += piece.len() as u64;
        if length > limit {
            return Err(ErrorKind::TooLarge(limit));
        }
        match &mut file {
            Some(file) => {
                file.write_all(&piece).await.map_err(ErrorKind::Disk)?;
                observer.on(Event::Progress(Progress::Received(length)));
            }
            None => body.extend_from_slice(&piece),
        }
    }
    if let Some(mut file) = file {
        file.flush().await.map_err(ErrorKind::Disk)?;
    }
    Ok(Answer {
        status,
        headers,
        url: url.clone(),
        body: body.into(),
        length,
        attempts: 1,
        elapsed: Duration::ZERO,
        retry_after: None,
    })
}

async fn read_part(
    (head, path, tail): (&Bytes, &Path, &Bytes),
    (offset, length): (u64, u64),
    sent: &Arc<AtomicU64>,
) -> std::io::Result<impl futures_util::Stream<Item = std::io::Result<Bytes>> + use<>> {
    enum Next {
        Head(Bytes),
        File(u64),
        Done,
    }
    let mut file = tokio::fs::File::open(path).await?;
    file.seek(std::io::SeekFrom::Start(offset)).await?;
    let tail = tail.clone();
    let sent = Arc::clone(sent);
    sent.store(0, Ordering::Relaxed);
    let state = (Next::Head(head.clone()), file, (tail, sent));
    Ok(futures_util::stream::try_unfold(
        state,
        move |(next, mut file, (tail, sent))| async move {
            match next {
                Next::Head(head) => Ok(Some((head, (Next::File(length), file, (tail, sent))))),
                Next::File(0) => Ok(Some((tail.clone(), (Next::Done, file, (tail, sent))))),
                Next::File(left) => {
                    let block = usize::try_from(left).unwrap_or(usize::MAX).min(FILE_BLOCK);
                    let mut buffer = vec![0; block];
                    file.read_exact(&mut buffer).await?;
                    let left = left - block as u64;
                    sent.store(length - left, Ordering::Relaxed);
                    Ok(Some((
                        buffer.into(),
                        (Next::File(left), file, (tail, sent)),
                    )))
                }
                Next::Done => Ok(None),
            }
        },
    ))
}

/// A status after which the same request may succeed.
fn is_retried(status: StatusCode, replay: Replay) -> bool {
    match replay {
        Replay::Safe => matches!(status.as_u16(), 408 | 425 | 429 | 500 | 502 | 503 | 504),
        // 429 says that nothing was done.
        Replay::Never => status == StatusCode::TOO_MANY_REQUESTS,
    }
}

/// `Retry-After` in seconds or as an HTTP date (RFC 9110, 10.2.3).
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

fn check_redirect(from: &Url, to: Url, redirects: Redirects) -> Result<Url, String> {
    let shown = show(&to);
    if !matches!(to.scheme(), "http" | "https") {
        return Err(format!(
            "it redirects to `{shown}`, which is no web address"
        ));
    }
    if from.scheme() == "https" && to.scheme() == "http" {
        return Err(format!(
            "it redirects from https to `{shown}` without encryption"
        ));
    }
    if from.origin() == to.origin() {
        return Ok(to);
    }
    let is_upgrade = from.host() == to.host() && from.scheme() == "http" && to.scheme() == "https";
    if is_upgrade {
        return Ok(to);
    }
    if redirects == Redirects::SameOrigin {
        return Err(format!(
            "it redirects to `{shown}`, another host, which must not see the credentials"
        ));
    }
    if is_internal(&to) && !is_internal(from) {
        return Err(format!(
            "it redirects to `{shown}`, an address inside a private network"
        ));
    }
    Ok(to)
}

/// Loopback, link-local (cloud metadata) and private addresses, as far as the URL itself tells.
fn is_internal(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) => {
            ip.is_loopback() || ip.is_private() || ip.is_link_local() || ip.is_unspecified()
        }
        Ok(IpAddr::V6(ip)) => {
            ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local()
        }
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}

fn classify(error: &reqwest::Error) -> ErrorKind {
    let reason = root_cause(error);
    if error.is_connect() || error.is_builder() {
        ErrorKind::Connect(reason)
    } else if error.is_timeout() {
        ErrorKind::Timeout
    } else {
        ErrorKind::Interrupted(reason)
    }
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

/// A number from the hasher the standard library seeds per process; good enough to spread retries.
fn jitter() -> u32 {
    use std::hash::{BuildHasher, Hasher};
    let hash = std::collections::hash_map::RandomState::new()
        .build_hasher()
        .finish();
    u32::try_from(hash >> 32).unwrap_or(u32::MAX)
}

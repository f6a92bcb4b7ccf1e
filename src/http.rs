//! One client for both networks: the only place that sends a request a second time.
//!
//! It knows nothing of Tableau or of data; it knows what may be repeated, how long to wait, and
//! where a redirect may lead. Secrets travel in headers and bodies and never in an error or event.

mod addresses;
mod body;
mod coding;
mod error;
mod redirects;
mod request;
mod retry;
mod shown;
mod tls;

use std::collections::HashSet;
use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime};

use reqwest::Certificate;
use reqwest::header::{ACCEPT_ENCODING, CONTENT_LENGTH, HeaderValue, LOCATION};
pub use reqwest::{Method, StatusCode, Url, header};

use crate::events::{Event, Observer};
use body::BodySink;
pub use coding::{Coding, CodingError};
pub use error::{Error, ErrorKind, UntrustedReason};
use error::{classify, root_cause};
pub use redirects::{
    ClosedHost, Hosts, LinkError, LinkReason, RedirectError, Redirects, check_link,
};
use redirects::{Lookup, Resolver};
pub use request::{Answer, Body, Replay, Request};
use retry::RateLimiter;
pub use retry::{Rate, RetryPolicy, come_back, told_seconds};
pub use shown::{excerpt, show};
pub use tls::CaCertificate;

/// Silence in the middle of an answer that ends the attempt.
const IDLE_LIMIT: Duration = Duration::from_mins(1);
/// TCP and TLS together.
const CONNECT_LIMIT: Duration = Duration::from_secs(30);
/// Redirects followed for one request; Tableau's own client allows 30, browsers 20.
const REDIRECT_LIMIT: u32 = 10;

/// How to treat a server that is not Tableau's: what the `http` input says.
#[derive(Clone, Debug)]
pub struct HttpOptions {
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

impl Default for HttpOptions {
    /// Eight gigabytes leave room on a runner's disk, which has 14 GB to spare.
    fn default() -> HttpOptions {
        HttpOptions {
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

/// Sends requests.
#[derive(Debug)]
pub struct Client {
    // Made at the first request: reading the system's certificates takes longer than a small job. Two, so that no
    // connection to a private address is there to be used for a request it is not named for.
    named: OnceLock<reqwest::Client>,
    public: OnceLock<reqwest::Client>,
    policy: RetryPolicy,
    idle_limit: Duration,
    rate_limiter: RateLimiter,
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
            rate_limiter: RateLimiter::default(),
            certificates: certificates.transpose()?.unwrap_or_default(),
            proxies: network.proxies.clone(),
        })
    }

    /// Prepares a client for the source; fails as [`Client::new`] does.
    pub fn with_options(options: &HttpOptions, network: &Network) -> anyhow::Result<Client> {
        let mut client = Client::new(options.policy.clone(), network)?;
        client.idle_limit = options.timeout;
        client.rate_limiter = RateLimiter::new(options.rate);
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
        self.attempt(request, &BodySink::Memory, observer).await
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
        self.attempt(request, &BodySink::File(into, limit), observer)
            .await
    }

    async fn attempt(
        &self,
        request: &Request,
        sink: &BodySink<'_>,
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
                        retry::is_retried(answer.status, &answer.headers, request.replay)
                            || sink.waits_for(answer.status);
                    let reason = match broken {
                        _ if is_retried => format!("the server answered {}", answer.status),
                        Some(kind) if kind.is_repeated(request.replay) => kind.to_string(),
                        _ => return Ok(answer),
                    };
                    let asked = retry::asked_wait(&answer.headers, SystemTime::now());
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
        sink: &BodySink<'_>,
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
            let next = next.ok_or(RedirectError::NoTarget(status));
            let next = next.and_then(|next| {
                check_link(&url, next, &request.redirects).map_err(RedirectError::Link)
            });
            url = match next {
                Ok(next) => next,
                Err(error) => return Err((url, error.into())),
            };
        }
        Err((url, RedirectError::TooMany(REDIRECT_LIMIT).into()))
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
            .map_err(|error| ErrorKind::Untrusted(UntrustedReason::Own(root_cause(&error))))?;
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
            let closed = ClosedHost::Private(format!("`{}`, the host of the proxy", show(url)));
            return Err(RedirectError::Host(closed, url.clone()).into());
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
        self.rate_limiter.pass().await;
        match tokio::time::timeout(request.timeout, builder.send()).await {
            Err(_) => Err(ErrorKind::Timeout),
            Ok(Err(error)) => Err(classify(&error, url)),
            Ok(Ok(response)) => Ok(response),
        }
    }
}

//! What is sent, and what a server said: requests that can be sent as often as they need to be, and answers.

use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use reqwest::header::{DATE, HeaderMap};
use reqwest::{Method, StatusCode, Url};

use super::redirects::{Hosts, Redirects};

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
        is_whole(self.status)
    }

    /// Returns the server's time when it answered, in whole seconds (RFC 9110, 6.6.1).
    pub fn date(&self) -> Option<SystemTime> {
        let date = self.headers.get(DATE)?.to_str().ok()?;
        httpdate::parse_http_date(date).ok()
    }
}

/// Whether a status says that the body is the data, and all of it: not that it is still made (202), not a part (206)
/// nor a change (226) of it.
pub(super) fn is_whole(status: StatusCode) -> bool {
    status.is_success() && !matches!(status.as_u16(), 202 | 206 | 226)
}

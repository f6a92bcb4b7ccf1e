//! Why a request got no usable answer, and what the user can do about it.

use std::error::Error as _;
use std::fmt;
use std::io;
use std::time::Duration;

use reqwest::Url;
use rustls::CertificateError;

use super::redirects::{ClosedHost, LinkReason, RedirectError};
use super::request::Replay;
use crate::say::span;

/// A request that got no usable answer.
#[derive(Debug)]
pub struct Error {
    /// `Request::operation`: what it was for, in a message after "failed to".
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
    Untrusted(UntrustedReason),
    /// It leads where it must not be followed.
    Redirect(Box<RedirectError>),
    /// The answer came, but less than 1 KB of it in this long.
    Slow(Duration),
    /// The answer is compressed in a way we cannot undo.
    Coding(String),
    /// The answer is longer than the limit, in bytes.
    TooLarge(u64),
    /// This machine's disk failed.
    Disk(std::io::Error),
}

/// Why no connection is made that could be trusted.
#[derive(Clone, Debug)]
pub enum UntrustedReason {
    /// The certificate the server showed, as the TLS library judges it.
    Peer(CertificateError),
    /// The certificates of this machine or of the input cannot be used.
    Own(String),
}

impl fmt::Display for UntrustedReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UntrustedReason::Peer(error) => error.fmt(f),
            UntrustedReason::Own(reason) => f.write_str(reason),
        }
    }
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
    pub(super) fn is_repeated(&self, replay: Replay) -> bool {
        match self {
            ErrorKind::Connect(_) => true,
            kind => kind.is_passing() && replay == Replay::Safe,
        }
    }
}

impl From<RedirectError> for ErrorKind {
    fn from(error: RedirectError) -> ErrorKind {
        ErrorKind::Redirect(Box::new(error))
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
            ErrorKind::Redirect(reason) => reason.fmt(f),
            ErrorKind::Coding(reason) => f.write_str(reason),
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

    /// Returns the address of another origin the server redirected to, if it was not followed for being one.
    pub fn other_origin(&self) -> Option<&Url> {
        match &self.kind {
            ErrorKind::Redirect(reason) => match reason.as_ref() {
                RedirectError::Link(link)
                    if matches!(
                        link.reason,
                        LinkReason::Credentials | LinkReason::NotAllowed
                    ) =>
                {
                    Some(&link.target)
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        match &self.kind {
            ErrorKind::Untrusted(UntrustedReason::Peer(CertificateError::UnknownIssuer)) => Some(
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
            ErrorKind::Redirect(reason) => reason.hint().map(str::to_owned),
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

pub(super) fn classify(error: &reqwest::Error, to: &Url) -> ErrorKind {
    if let Some(closed) = cause::<ClosedHost>(error) {
        return RedirectError::Host(closed.clone(), to.clone()).into();
    }
    if let Some(rustls::Error::InvalidCertificate(why)) = cause(error) {
        return ErrorKind::Untrusted(UntrustedReason::Peer(why.clone()));
    }
    let reason = root_cause(error);
    if error.is_connect() || error.is_builder() {
        ErrorKind::Connect(reason)
    } else if error.is_timeout() {
        ErrorKind::Timeout
    } else {
        ErrorKind::Interrupted(reason)
    }
}

fn cause<E: std::error::Error + 'static>(error: &reqwest::Error) -> Option<&E> {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        // What an I/O error wraps is not among its sources.
        let wrapped = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        cause = match wrapped {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    None
}

/// The innermost message: the outer ones repeat the address, query and all.
pub(super) fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    if std::ptr::addr_eq(cause, error) {
        return "unexpected end".into();
    }
    cause.to_string()
}

//! How a call reaches Tableau and what becomes of its answer.
//!
//! What the calls are for is known in `session`.

use std::collections::HashSet;
use std::fmt::Write;
use std::fs::File;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use bytes::Bytes;
use jiff::Timestamp;

use super::answers::Page;
use super::backoff::spread;
use super::error::ApiError;
use super::failure::{CallFailure, RefusedCall};
use super::names::Luid;
use super::session::Session;
use super::xml::Element;
use crate::events::Event;
use crate::http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use crate::http::{self, Body, Hosts, Method, Redirects, Replay, Request, StatusCode, Url};
use crate::secrets;

/// The largest page ("Paginating Results").
const PAGE_SIZE: u64 = 1000;
/// The slowest upload that is waited for, in bytes a second.
const SLOWEST: u64 = 64 << 10;
/// Characters of what Tableau says that are shown.
const QUOTED: usize = 2_000;
/// Entries of a list that are taken; the largest sites have some ten thousand projects.
const LIST_ENTRIES: usize = 100_000;
/// Pages of a list that are asked for; a server may put fewer entries on a page than it is asked to.
const LIST_PAGES: u64 = 1_000;
/// Bytes of a list, all pages together.
const LIST_BYTES: u64 = 256 << 20;
/// Warnings of Tableau that are passed on.
const WARNINGS: usize = 20;
/// A token displaced sooner than this after being renewed did not run out: someone else uses it.
const DISPLACED: Duration = Duration::from_mins(30);
/// Sign-ins in the place of a displaced session before this run gives way for good.
const RENEWALS: u32 = 50;
/// The longest mean of a wait for another run with the same token.
const LONGEST_TURN: Duration = Duration::from_mins(5);

/// A part of a file, in bytes.
pub(super) struct FileChunk {
    pub(super) file: Arc<File>,
    pub(super) offset: u64,
    pub(super) length: u64,
    /// Counts the bytes on their way.
    pub(super) sent: Arc<AtomicU64>,
}

/// One call, apart from the token it is made with.
pub(super) struct Call<'c> {
    pub(super) operation: &'static str,
    pub(super) method: Method,
    /// Below `/api/<version>`, and below the site unless `scope` says otherwise.
    pub(super) path: &'c [&'c str],
    pub(super) query: String,
    pub(super) content: Content,
    pub(super) replay: Replay,
    pub(super) scope: CallScope,
}

/// What a call is about.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum CallScope {
    /// The server as a whole.
    Server,
    /// The server, before there is a token; the answer brings one.
    SignIn,
    /// The site signed in to.
    Site,
}

/// What a call carries.
pub(super) enum Content {
    None,
    Xml(Vec<u8>),
    Multipart { boundary: String, body: Body },
}

impl Session<'_> {
    /// Reads pages until all entries are there; the list may grow and shrink meanwhile.
    ///
    /// What the server says of sizes and totals is believed only so far: a list that does not end is an error.
    pub(super) async fn pages<T>(
        &mut self,
        mut call: Call<'_>,
        (list, item): (&str, &str),
        read: fn(&Element) -> Option<T>,
        id: fn(&T) -> &Luid,
    ) -> Result<Vec<T>, CallFailure> {
        let filter = std::mem::take(&mut call.query);
        let mut found: Vec<T> = Vec::new();
        let mut seen = HashSet::new();
        let began = self.received;
        for number in 1..=LIST_PAGES {
            call.query = format!("{filter}pageSize={PAGE_SIZE}&pageNumber={number}");
            let answer = match self.call(&call).await {
                // The list became shorter; official clients take this for its end, too.
                Err(failure) if failure.code() == Some("400006") => return Ok(found),
                answer => answer?,
            };
            let Some(page) = Page::read(&answer, list, item) else {
                return Err(self.unusable(&call, &format!("`{list}` is missing")));
            };
            let n_before = found.len();
            let entries = page.entries.iter().filter_map(|entry| read(entry));
            found.extend(entries.filter(|entry| seen.insert(id(entry).clone())));
            let size = page.size.filter(|size| (1..=PAGE_SIZE).contains(size));
            let end = number * size.unwrap_or(PAGE_SIZE);
            // A page that brings nothing new is the end even if the server promises more.
            if found.len() == n_before || page.total.is_some_and(|total| end >= total) {
                return Ok(found);
            }
            if found.len() > LIST_ENTRIES || self.received - began > LIST_BYTES {
                break;
            }
        }
        let text = format!("the list does not end after {} entries", found.len());
        Err(self.unusable(&call, &text))
    }

    /// Makes a call, and again after a new sign-in, or once where somebody else has answered.
    ///
    /// A call refused with 401002 has done nothing, so it may be repeated whatever it is for.
    /// Tableau has answered before, so a page with status 200 in its place is an accident in between.
    pub(super) async fn call(&mut self, call: &Call<'_>) -> Result<Element, CallFailure> {
        let mut outcome = self.call_once(call).await;
        if let Err(failure) = &outcome
            && failure.is_foreign()
            && call.replay == Replay::Safe
        {
            let text = format!("asking again: {failure}");
            self.observer.on(Event::Note(text));
            tokio::time::sleep(self.pace.first_wait.saturating_mul(20)).await;
            outcome = self.call_once(call).await;
        }
        loop {
            match outcome {
                Err(failure) if failure.code() == Some("401002") => {
                    self.renew(failure).await?;
                    outcome = self.call_once(call).await;
                }
                outcome => return outcome,
            }
        }
    }

    /// Signs in again: at once if the session may just have run out, else when another run has had its turn.
    async fn renew(&mut self, refusal: CallFailure) -> Result<(), CallFailure> {
        let is_displaced = self
            .renewed
            .is_some_and(|renewed| renewed.elapsed() < DISPLACED);
        if is_displaced {
            self.give_way(refusal).await?;
        } else {
            self.displaced = None;
            self.observer.on(Event::Warning(
                "Tableau ended this run's session (401002); signing in again. Another run may be using the same token"
                    .into(),
            ));
        }
        self.sign_in().await?;
        self.renewed = Some(Instant::now());
        self.n_renewals += 1;
        Ok(())
    }

    /// Waits for another run with the same token to get on or to end, `wait` at most in all.
    ///
    /// Two runs that sign in whenever they are displaced would only displace each other. Waits that double, and
    /// differ by chance, give each of them longer and longer turns.
    async fn give_way(&mut self, refusal: CallFailure) -> Result<(), CallFailure> {
        let (since, n_waits) = self.displaced.unwrap_or((Instant::now(), 0));
        let left = self.to.wait.saturating_sub(since.elapsed());
        if left.is_zero() || n_waits + 1 >= RENEWALS {
            return Err(displaced(refusal));
        }
        self.displaced = Some((since, n_waits + 1));
        let first = self.pace.first_wait.saturating_mul(20);
        let mean = first.saturating_mul(2u32.saturating_pow(n_waits));
        let wait = spread(mean.min(LONGEST_TURN), 50).min(left);
        self.observer.on(Event::Note(format!(
            "another run uses the same token; leaving it to that one for {:.1} s",
            wait.as_secs_f32()
        )));
        tokio::time::sleep(wait).await;
        Ok(())
    }

    pub(super) async fn call_once(&mut self, call: &Call<'_>) -> Result<Element, CallFailure> {
        let request = self.request(call, Redirects::SameOrigin);
        let answer = self.http.exchange(&request, self.observer).await;
        let answer = answer.map_err(CallFailure::Unanswered)?;
        self.received += answer.length;
        let date = answer.date();
        let answer = Session::judge(call, &request.url, &answer)?;
        if answer.is_answer() {
            let date = date.and_then(|date| Timestamp::try_from(date).ok());
            // Caches repeat old dates.
            if date > self.clock {
                self.clock = date;
                self.ticked = Instant::now();
            }
        }
        for warning in answer
            .child("warnings")
            .iter()
            .flat_map(|warnings| warnings.all("warning"))
        {
            let message = warning.attribute("message").unwrap_or_default();
            let message = shorten(message);
            if message.is_empty()
                || self.warnings.len() > WARNINGS
                || !self.warnings.insert(message.clone())
            {
                continue;
            }
            let text = if self.warnings.len() > WARNINGS {
                "further warnings of Tableau are not shown".to_owned()
            } else {
                format!("Tableau warns: {message}")
            };
            self.observer.on(Event::Warning(text));
        }
        Ok(answer)
    }

    pub(super) fn request(&self, call: &Call<'_>, redirects: Redirects) -> Request {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/xml"));
        if let (CallScope::Server | CallScope::Site, Some(credentials)) =
            (call.scope, &self.credentials)
        {
            headers.insert("x-tableau-auth", credentials.header.clone());
        }
        let mut timeout = self.pace.answer_limit;
        let body = match &call.content {
            Content::None => Body::Empty,
            Content::Xml(document) => {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/xml"));
                Body::Bytes(Bytes::copy_from_slice(document))
            }
            Content::Multipart { boundary, body } => {
                let content_type =
                    HeaderValue::from_str(&format!("multipart/mixed; boundary={boundary}"))
                        .expect("a boundary is hexadecimal");
                headers.insert(CONTENT_TYPE, content_type);
                if let Body::FilePart { length, .. } = body {
                    timeout = timeout.saturating_add(Duration::from_secs(length / SLOWEST));
                }
                body.clone()
            }
        };
        Request {
            operation: call.operation,
            method: call.method.clone(),
            url: self.url(call),
            headers,
            body,
            replay: call.replay,
            redirects,
            named: Hosts::of([&self.base]),
            timeout,
        }
    }

    fn url(&self, call: &Call<'_>) -> Url {
        let mut url = self.base.clone();
        url.set_fragment(None);
        url.set_query((!call.query.is_empty()).then_some(call.query.as_str()));
        let mut path = url.path_segments_mut().expect("a web address has a path");
        path.clear().extend(["api", &self.version.to_string()]);
        if let (CallScope::Site, Some(credentials)) = (call.scope, &self.credentials) {
            path.extend(["sites", credentials.site.as_str()]);
        }
        path.extend(call.path);
        drop(path);
        url
    }

    /// Turns an answer into its document; an `error` in it counts whatever the status says.
    pub(super) fn judge(
        call: &Call<'_>,
        url: &Url,
        answer: &http::Answer,
    ) -> Result<Element, CallFailure> {
        let document = Element::parse(&answer.body).ok().filter(Element::is_answer);
        let error = document
            .as_ref()
            .and_then(|document| document.child("error"));
        let is_done = answer.status.is_success() && error.is_none();
        match document {
            Some(document) if is_done => return Ok(document),
            None if answer.status == StatusCode::NO_CONTENT => return Ok(Element::default()),
            _ => {}
        }
        let text = |name| {
            let said = error.and_then(|error| error.text_of(name));
            shorten(said.unwrap_or_default())
        };
        let (summary, detail) = match error {
            Some(_) => (text("summary"), text("detail")),
            // It may hold a token that nobody could find to mask it.
            None if call.scope == CallScope::SignIn && answer.status.is_success() => {
                (String::new(), "no document that can be read".to_owned())
            }
            None => (String::new(), http::excerpt(&answer.body)),
        };
        let error = ApiError {
            status: answer.status.as_u16(),
            code: error
                .and_then(|error| error.attribute("code"))
                .map(|code| code.trim().to_owned()),
            summary,
            detail,
            operation: call.operation,
            retry_after: answer.retry_after,
        };
        let mut call = format!("failed to {} at `{}`", call.operation, http::show(url));
        if answer.attempts > 1 {
            let seconds = answer.elapsed.as_secs_f32();
            let _ = write!(call, " after {} attempts in {seconds:.1}s", answer.attempts);
        }
        Err(CallFailure::Refused(Box::new(RefusedCall {
            call,
            meaning: None,
            error,
        })))
    }

    /// A success that lacks what the call was for.
    pub(super) fn unusable(&self, call: &Call<'_>, detail: &str) -> CallFailure {
        let error = ApiError {
            status: 200,
            code: None,
            summary: String::new(),
            detail: detail.to_owned(),
            operation: call.operation,
            retry_after: None,
        };
        let call = format!(
            "failed to {} at `{}`",
            call.operation,
            http::show(&self.url(call))
        );
        CallFailure::Refused(Box::new(RefusedCall {
            call,
            meaning: None,
            error,
        }))
    }
}

impl<'c> Call<'c> {
    /// Reads something of the site and may be repeated; other calls start from this.
    pub(super) fn get(operation: &'static str, path: &'c [&'c str]) -> Call<'c> {
        Call {
            operation,
            method: Method::GET,
            path,
            query: String::new(),
            content: Content::None,
            replay: Replay::Safe,
            scope: CallScope::Site,
        }
    }
}

impl Content {
    /// The parts of "Append to File Upload": an empty document and a piece of a file.
    pub(super) fn chunk(chunk: FileChunk) -> Content {
        let boundary = boundary();
        let mut head = payload_part(&boundary, b"");
        let file_part = format!(
            "\r\n--{boundary}\r\nContent-Disposition: form-data; name=\"tableau_file\"; filename=\"file\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        );
        head.extend(file_part.bytes());
        let body = Body::FilePart {
            head: head.into(),
            file: chunk.file,
            offset: chunk.offset,
            length: chunk.length,
            tail: format!("\r\n--{boundary}--\r\n").into(),
            sent: chunk.sent,
        };
        Content::Multipart { boundary, body }
    }

    /// The only part of "Publish Data Source" when the file is in an upload session.
    pub(super) fn payload(document: &[u8]) -> Content {
        let boundary = boundary();
        let mut body = payload_part(&boundary, document);
        body.extend(format!("\r\n--{boundary}--\r\n").bytes());
        Content::Multipart {
            boundary,
            body: Body::Bytes(body.into()),
        }
    }
}

fn payload_part(boundary: &str, document: &[u8]) -> Vec<u8> {
    let head = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"request_payload\"; filename=\"\"\r\n\
         Content-Type: text/xml\r\n\r\n"
    );
    [head.as_bytes(), document].concat()
}

/// Percent-encodes everything but RFC 3986's unreserved characters.
pub(super) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// A random separator of 128 bits, so that it cannot be met in the file.
fn boundary() -> String {
    let random = || {
        std::collections::hash_map::RandomState::new()
            .build_hasher()
            .finish()
    };
    format!("{:016x}{:016x}", random(), random())
}

/// Tableau's words are shown as they are, without secrets; a flood of them is not.
///
/// Proxies are known to repeat requests in their error pages.
pub(super) fn shorten(text: &str) -> String {
    secrets::quote(text, QUOTED)
}

fn displaced(failure: CallFailure) -> CallFailure {
    if failure.code() == Some("401002") {
        return failure.meaning(
            "another run signs in with the same personal access token and ends this one's session",
        );
    }
    failure
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_in_addresses_is_encoded_as_utf_8() {
        assert_eq!(encode("a b+ü/&:~"), "a%20b%2B%C3%BC%2F%26%3A~");
    }

    #[test]
    fn a_chunk_is_framed_to_the_byte() {
        let chunk = FileChunk {
            file: Arc::new(tempfile::tempfile().unwrap()),
            offset: 7,
            length: 3,
            sent: Arc::default(),
        };
        let Content::Multipart { boundary, body } = Content::chunk(chunk) else {
            panic!("multipart")
        };
        let Body::FilePart {
            head,
            offset: 7,
            length: 3,
            tail,
            ..
        } = body
        else {
            panic!("a part of the file")
        };
        let expected = "--B\r\nContent-Disposition: form-data; name=\"request_payload\"; filename=\"\"\r\n\
             Content-Type: text/xml\r\n\r\n\r\n\
             --B\r\nContent-Disposition: form-data; name=\"tableau_file\"; filename=\"file\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n";
        assert_eq!(head, expected.replace('B', &boundary));
        assert_eq!(tail, format!("\r\n--{boundary}--\r\n"));
    }

    #[test]
    fn boundaries_differ() {
        let one = boundary();
        assert_eq!(one.len(), 32);
        assert_ne!(one, boundary());
    }
}

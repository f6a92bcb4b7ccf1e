//! Bodies on their way: what is sent from a file, and what arrives in memory or in a file.

use std::fs::File;
use std::io::BufReader;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use reqwest::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use reqwest::{StatusCode, Url};
use tokio::io::AsyncWriteExt;

use super::coding::{Coding, CodingError};
use super::error::{ErrorKind, root_cause};
use super::request::{Answer, is_whole};
use crate::events::{Event, Observer, Progress};

/// An answer read into memory may not be longer; only documents of Tableau and tokens are.
const ANSWER_LIMIT: u64 = 64 << 20;
/// Of an error page no more than this is read.
const PAGE_LIMIT: usize = 1 << 20;
/// Read from disk and handed to the socket at once.
const FILE_BLOCK: usize = 256 << 10;

/// Bytes that must come in each stretch of [`SLOWEST_STRETCH`] times the longest silence.
const SLOWEST: u64 = 1 << 10;
/// How many times the longest silence lasts the stretch in which [`SLOWEST`] bytes must come.
const SLOWEST_STRETCH: u32 = 10;

pub(super) enum BodySink<'a> {
    Memory,
    File(&'a Path, u64),
}

impl BodySink<'_> {
    /// Whether an answer of this status brings what was asked for.
    fn takes(&self, status: StatusCode) -> bool {
        match self {
            BodySink::Memory => status.is_success(),
            BodySink::File(..) => is_whole(status),
        }
    }

    /// Whether the server is not ready with what will be kept.
    pub(super) fn waits_for(&self, status: StatusCode) -> bool {
        matches!(self, BodySink::File(..)) && status == StatusCode::ACCEPTED
    }
}

/// Reads an answer. Its bytes are counted as they come out of their content coding.
///
/// What explains a refusal never takes its place: of such a page there is as much as could be read, at most
/// [`PAGE_LIMIT`], and beside the answer what ended it early.
pub(super) async fn read(
    response: reqwest::Response,
    (url, idle_limit): (&Url, Duration),
    sink: &BodySink<'_>,
    observer: &dyn Observer,
) -> Result<(Answer, Option<ErrorKind>), ErrorKind> {
    let status = response.status();
    let mut headers = response.headers().clone();
    let codings = Coding::of_headers(&headers);
    let mut broken = None;
    let (body, length) = if sink.takes(status) {
        let codings = codings.map_err(ErrorKind::Coding)?;
        if !codings.is_empty() {
            headers.remove(CONTENT_ENCODING);
            headers.remove(CONTENT_LENGTH);
        }
        match sink {
            BodySink::Memory => keep(response, idle_limit, &codings).await?,
            BodySink::File(path, limit) => {
                let limits = (*limit, idle_limit);
                let length = save(response, limits, &codings, path, observer).await?;
                (Vec::new(), length)
            }
        }
    } else {
        let page;
        (page, broken) = read_page(response, idle_limit).await;
        // What cannot be undone cannot be shown.
        let page = codings.map_or_else(|_| Vec::new(), |codings| unpack_page(page, &codings));
        let length = page.len() as u64;
        (page, length)
    };
    let answer = Answer {
        status,
        headers,
        url: url.clone(),
        body: body.into(),
        length,
        attempts: 1,
        elapsed: Duration::ZERO,
        retry_after: None,
    };
    Ok((answer, broken))
}

/// Reads a body into memory.
async fn keep(
    response: reqwest::Response,
    idle_limit: Duration,
    codings: &[Coding],
) -> Result<(Vec<u8>, u64), ErrorKind> {
    let mut pieces = Pieces::new(response, ANSWER_LIMIT, idle_limit);
    let mut body = Vec::new();
    while let Some(piece) = pieces.next().await? {
        body.extend_from_slice(&piece);
    }
    for coding in codings.iter().rev() {
        let packed = std::mem::take(&mut body);
        coding
            .unpack(packed.as_slice(), &mut body, ANSWER_LIMIT)
            .map_err(|error| explain(error, ANSWER_LIMIT))?;
    }
    let length = body.len() as u64;
    Ok((body, length))
}

/// Writes a body into a file, which is created or replaced; returns its length.
async fn save(
    response: reqwest::Response,
    (limit, idle_limit): (u64, Duration),
    codings: &[Coding],
    path: &Path,
    observer: &dyn Observer,
) -> Result<u64, ErrorKind> {
    let created = tokio::fs::File::create(path)
        .await
        .map_err(ErrorKind::Disk)?;
    let mut file = tokio::io::BufWriter::with_capacity(FILE_BLOCK, created);
    let mut pieces = Pieces::new(response, limit, idle_limit);
    while let Some(piece) = pieces.next().await? {
        file.write_all(&piece).await.map_err(ErrorKind::Disk)?;
        observer.on(Event::Progress(Progress::Received(pieces.length)));
    }
    file.flush().await.map_err(ErrorKind::Disk)?;
    let mut length = pieces.length;
    for coding in codings.iter().rev() {
        length = unpack(*coding, path, limit).map_err(|error| explain(error, limit))?;
    }
    Ok(length)
}

/// Reads the beginning of what explains a refusal, and returns what ended it early, if anything did.
async fn read_page(
    mut response: reqwest::Response,
    limit: Duration,
) -> (Vec<u8>, Option<ErrorKind>) {
    let mut page = Vec::new();
    let reading = async {
        loop {
            match response.chunk().await {
                Err(error) => return Some(ErrorKind::Interrupted(root_cause(&error))),
                Ok(None) => return None,
                Ok(Some(piece)) => {
                    let room = PAGE_LIMIT - page.len();
                    page.extend_from_slice(&piece[..piece.len().min(room)]);
                    if page.len() == PAGE_LIMIT {
                        return None;
                    }
                }
            }
        }
    };
    let broken = tokio::time::timeout(limit, reading).await;
    let broken = broken.unwrap_or(Some(ErrorKind::Timeout));
    (page, broken)
}

/// Undoes codings as far as that goes: a page may be cut off.
fn unpack_page(mut page: Vec<u8>, codings: &[Coding]) -> Vec<u8> {
    for coding in codings.iter().rev() {
        let packed = std::mem::take(&mut page);
        // What came out before the fault is what there is.
        let _ = coding.unpack(packed.as_slice(), &mut page, PAGE_LIMIT as u64);
    }
    page
}

/// The pieces of a body that may take its time, but not for ever.
struct Pieces {
    response: reqwest::Response,
    limit: u64,
    /// Bytes so far.
    length: u64,
    idle_limit: Duration,
    stretch: Duration,
    stretch_began: Instant,
    in_stretch: u64,
}

impl Pieces {
    fn new(response: reqwest::Response, limit: u64, idle_limit: Duration) -> Pieces {
        Pieces {
            response,
            limit,
            length: 0,
            idle_limit,
            stretch: idle_limit.saturating_mul(SLOWEST_STRETCH),
            stretch_began: Instant::now(),
            in_stretch: 0,
        }
    }

    async fn next(&mut self) -> Result<Option<Bytes>, ErrorKind> {
        let left = self.stretch.saturating_sub(self.stretch_began.elapsed());
        let wait = left.min(self.idle_limit);
        let piece = match tokio::time::timeout(wait, self.response.chunk()).await {
            Err(_) if left <= self.idle_limit => return Err(ErrorKind::Slow(self.stretch)),
            Err(_) => return Err(ErrorKind::Timeout),
            Ok(Err(error)) => return Err(ErrorKind::Interrupted(root_cause(&error))),
            Ok(Ok(None)) => return Ok(None),
            Ok(Ok(Some(piece))) => piece,
        };
        let n_bytes = piece.len() as u64;
        self.length += n_bytes;
        if self.length > self.limit {
            return Err(ErrorKind::TooLarge(self.limit));
        }
        self.in_stretch += n_bytes;
        if self.in_stretch >= SLOWEST {
            self.in_stretch = 0;
            self.stretch_began = Instant::now();
        }
        Ok(Some(piece))
    }
}

/// Puts what is in a file into its place.
fn unpack(coding: Coding, path: &Path, limit: u64) -> Result<u64, CodingError> {
    let plain = path.with_extension("plain");
    let packed = File::open(path).map_err(CodingError::Disk)?;
    let packed = BufReader::with_capacity(FILE_BLOCK, packed);
    let mut target = File::create(&plain).map_err(CodingError::Disk)?;
    let length = coding.unpack(packed, &mut target, limit)?;
    std::fs::rename(&plain, path).map_err(CodingError::Disk)?;
    Ok(length)
}

fn explain(error: CodingError, limit: u64) -> ErrorKind {
    match error {
        CodingError::TooLong => ErrorKind::TooLarge(limit),
        CodingError::Disk(error) => ErrorKind::Disk(error),
        CodingError::Broken(error) => ErrorKind::Interrupted(format!(
            "the compressed answer is damaged or not complete: {error}"
        )),
    }
}

/// Reads part of a file, with two pieces of memory around it, while it is sent.
///
/// `sent` counts the bytes of the file handed over so far.
pub(super) fn read_part(
    (head, file, tail): (&Bytes, &Arc<File>, &Bytes),
    (offset, length): (u64, u64),
    sent: &Arc<AtomicU64>,
) -> impl futures_util::Stream<Item = std::io::Result<Bytes>> + use<> {
    enum Next {
        Head(Bytes),
        File(u64),
        Done,
    }
    let (file, tail, sent) = (Arc::clone(file), tail.clone(), Arc::clone(sent));
    sent.store(0, Ordering::Relaxed);
    futures_util::stream::try_unfold(Next::Head(head.clone()), move |next| {
        let (file, tail, sent) = (Arc::clone(&file), tail.clone(), Arc::clone(&sent));
        async move {
            match next {
                Next::Head(head) => Ok(Some((head, Next::File(length)))),
                Next::File(0) => Ok(Some((tail, Next::Done))),
                Next::File(left) => {
                    let at = offset + (length - left);
                    let block = usize::try_from(left).unwrap_or(usize::MAX).min(FILE_BLOCK);
                    let buffer = tokio::task::spawn_blocking(move || {
                        let mut buffer = vec![0; block];
                        file.read_exact_at(&mut buffer, at).map(|()| buffer)
                    });
                    let buffer = buffer.await.map_err(std::io::Error::other)??;
                    let left = left - block as u64;
                    sent.store(length - left, Ordering::Relaxed);
                    Ok(Some((buffer.into(), Next::File(left))))
                }
                Next::Done => Ok(None),
            }
        }
    })
}

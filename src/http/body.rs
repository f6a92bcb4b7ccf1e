//! Bodies on their way: what is sent from a file, and what arrives in memory or in a file.

use std::fs::File;
use std::io::BufReader;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use reqwest::Url;
use reqwest::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use tokio::io::AsyncWriteExt;

use super::coding::{Coding, CodingError};
use super::{Answer, ErrorKind, root_cause};
use crate::events::{Event, Observer, Progress};

/// An answer read into memory is cut off here; only error pages and XML documents are.
const ANSWER_LIMIT: u64 = 64 << 20;
/// Of an error page no more than this is read.
const PAGE_LIMIT: u64 = 1 << 20;
/// Read from disk and handed to the socket at once.
const FILE_BLOCK: usize = 256 << 10;

pub(super) enum Sink<'a> {
    Memory,
    File(&'a Path, u64),
}

/// Reads an answer. Its bytes are counted as they come out of their content coding.
pub(super) async fn read(
    mut response: reqwest::Response,
    (url, idle_limit): (&Url, Duration),
    sink: &Sink<'_>,
    observer: &dyn Observer,
) -> Result<Answer, ErrorKind> {
    let status = response.status();
    let mut headers = response.headers().clone();
    let coding = headers
        .get(CONTENT_ENCODING)
        .and_then(|value| value.to_str().ok());
    let coding = Coding::of_header(coding.unwrap_or_default()).map_err(ErrorKind::Interrupted)?;
    let mut length = 0;
    let mut body = Vec::new();
    let mut file = None;
    let mut limit = match sink {
        Sink::Memory => ANSWER_LIMIT,
        Sink::File(..) => PAGE_LIMIT,
    };
    if let (Sink::File(path, most), true) = (sink, status.is_success()) {
        limit = *most;
        let created = tokio::fs::File::create(path)
            .await
            .map_err(ErrorKind::Disk)?;
        file = Some(tokio::io::BufWriter::with_capacity(FILE_BLOCK, created));
    }
    loop {
        let piece = match tokio::time::timeout(idle_limit, response.chunk()).await {
            Err(_) => return Err(ErrorKind::Timeout),
            Ok(Err(error)) => return Err(ErrorKind::Interrupted(root_cause(&error))),
            Ok(Ok(None)) => break,
            Ok(Ok(Some(piece))) => piece,
        };
        length += piece.len() as u64;
        if length > limit {
            // Of an error page the beginning is enough.
            if matches!(sink, Sink::File(..)) && file.is_none() {
                break;
            }
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
    if let Some(coding) = coding {
        headers.remove(CONTENT_ENCODING);
        headers.remove(CONTENT_LENGTH);
        length = match sink {
            Sink::File(path, limit) if status.is_success() => unpack(coding, path, *limit),
            _ => {
                let packed = std::mem::take(&mut body);
                coding.unpack(packed.as_slice(), &mut body, limit)
            }
        }
        .map_err(|error| explain(error, limit))?;
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

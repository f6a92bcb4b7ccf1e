//! Receives bodies: small ones into memory, files to disk while they arrive.

use std::future::poll_fn;
use std::pin::Pin;

use bytes::Bytes;
use hyper::body::{Body as _, Incoming};

use super::Unanswered;
use crate::multipart::{self, Parser, PartHead, Piece};
use crate::site::call::{Body, Content, Part};
use crate::site::store::{Arriving, Store};

/// More than any document of a client.
const LONGEST_DOCUMENT: usize = 4 * 1024 * 1024;

/// Receives a body and forgets it.
pub(super) async fn drain(mut body: Incoming) -> Result<(), Unanswered> {
    while next(&mut body).await?.is_some() {}
    Ok(())
}

/// Receives a body into memory.
pub(super) async fn plain(mut body: Incoming) -> Result<Vec<u8>, Unanswered> {
    let mut received = Vec::new();
    while let Some(bytes) = next(&mut body).await? {
        received.extend_from_slice(&bytes);
    }
    Ok(received)
}

/// Receives a multipart body, its files into the store; another body is drained.
pub(super) async fn multipart(
    mut body: Incoming,
    headers: &[(String, String)],
    store: &Store,
) -> Result<Body, Unanswered> {
    let content_type = headers
        .iter()
        .find(|(name, _)| name == "content-type")
        .map_or("", |(_, value)| value);
    let boundary = match multipart::boundary(content_type) {
        Some(Ok(boundary)) => boundary,
        other => {
            drain(body).await?;
            return Ok(if other.is_some() {
                Body::Malformed
            } else {
                Body::Plain(Vec::new())
            });
        }
    };
    let mut parser = Parser::new(boundary);
    let mut parts = Parts {
        store,
        finished: Vec::new(),
        open: None,
    };
    while let Some(bytes) = next(&mut body).await? {
        let taken = parser
            .push(&bytes)
            .and_then(|pieces| pieces.into_iter().try_for_each(|piece| parts.take(piece)));
        if taken.is_err() {
            drain(body).await?;
            return Ok(Body::Malformed);
        }
    }
    Ok(match parser.finish() {
        Ok(()) => Body::Multipart(parts.finished),
        Err(_) => Body::Malformed,
    })
}

async fn next(body: &mut Incoming) -> Result<Option<Bytes>, Unanswered> {
    loop {
        match poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await {
            None => return Ok(None),
            Some(Err(_)) => return Err(Unanswered),
            Some(Ok(frame)) => {
                if let Ok(bytes) = frame.into_data() {
                    return Ok(Some(bytes));
                }
            }
        }
    }
}

struct Parts<'a> {
    store: &'a Store,
    finished: Vec<Part>,
    open: Option<(PartHead, Target)>,
}

enum Target {
    Memory(Vec<u8>),
    Disk(Arriving),
}

impl Parts<'_> {
    fn take(&mut self, piece: Piece) -> Result<(), String> {
        match piece {
            Piece::Part(head) => {
                let target = if head.name == "request_payload" {
                    Target::Memory(Vec::new())
                } else {
                    Target::Disk(self.store.receive().map_err(|error| error.to_string())?)
                };
                self.open = Some((head, target));
                Ok(())
            }
            Piece::Data(bytes) => match &mut self.open {
                Some((_, Target::Memory(document)))
                    if document.len() + bytes.len() > LONGEST_DOCUMENT =>
                {
                    Err("the document is too long".to_owned())
                }
                Some((_, Target::Memory(document))) => {
                    document.extend_from_slice(&bytes);
                    Ok(())
                }
                Some((_, Target::Disk(file))) => {
                    file.write(&bytes).map_err(|error| error.to_string())
                }
                None => Ok(()),
            },
            Piece::PartEnd => {
                if let Some((head, target)) = self.open.take() {
                    let content = match target {
                        Target::Memory(document) => Content::Document(document),
                        Target::Disk(file) => Content::File(file.finish()),
                    };
                    self.finished.push(Part {
                        name: head.name,
                        filename: head.filename,
                        content,
                    });
                }
                Ok(())
            }
        }
    }
}

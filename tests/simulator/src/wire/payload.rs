//! Bodies on their way out: whole, or cut off before their announced length.

use std::fs::File;
use std::io::{Read as _, Take};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use super::Unanswered;
use crate::origin::Contents;

/// Bytes of a file that are read at once.
const BLOCK: usize = 1 << 18;

/// A body that may end before its announced length.
pub(crate) struct Payload {
    rest: Rest,
    announced: u64,
    end: End,
}

/// What is still to be sent.
enum Rest {
    Bytes(Bytes),
    File(Take<File>),
}

/// How a body ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Complete,
    /// Too early, once what was given has been written.
    AfterFlush,
    Early,
}

impl Payload {
    /// Sends the first `cut` bytes of the contents.
    pub(super) fn new(contents: Contents, cut: u64) -> Self {
        let announced = contents.length();
        let end = if cut == announced {
            End::Complete
        } else {
            End::AfterFlush
        };
        let rest = match contents {
            Contents::Bytes(mut bytes) => {
                bytes.truncate(usize::try_from(cut).unwrap_or(usize::MAX));
                Rest::Bytes(bytes.into())
            }
            Contents::File(file, _) => Rest::File(file.take(cut)),
        };
        Self {
            rest,
            announced,
            end,
        }
    }
}

impl Rest {
    fn is_empty(&self) -> bool {
        match self {
            Rest::Bytes(bytes) => bytes.is_empty(),
            Rest::File(file) => file.limit() == 0,
        }
    }

    /// Returns the next bytes; a file that has become shorter ends the answer early.
    fn next(&mut self) -> Result<Bytes, Unanswered> {
        match self {
            Rest::Bytes(bytes) => Ok(std::mem::take(bytes)),
            Rest::File(file) => {
                let mut block = vec![0; BLOCK];
                match file.read(&mut block) {
                    Ok(n_read) if n_read > 0 => {
                        block.truncate(n_read);
                        Ok(block.into())
                    }
                    _ => Err(Unanswered),
                }
            }
        }
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = Unanswered;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Unanswered>>> {
        if !self.rest.is_empty() {
            return Poll::Ready(Some(self.rest.next().map(Frame::data)));
        }
        match self.end {
            End::Complete => Poll::Ready(None),
            End::AfterFlush => {
                // An error at once would make hyper forget what it has not written yet.
                self.end = End::Early;
                context.waker().wake_by_ref();
                Poll::Pending
            }
            End::Early => Poll::Ready(Some(Err(Unanswered))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.end == End::Complete
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.announced)
    }
}

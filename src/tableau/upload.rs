//! Brings a file to the server in chunks. Whatever is in doubt begins again from the first byte.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::call::FileChunk;
use super::calls;
use super::failure::CallFailure;
use super::payload::Payload;
use super::session::Session;
use crate::events::{Event, Progress};
use crate::problem::Problem;
use crate::say::{count, size};

/// Upload sessions begun for one file before giving up; sessions that only found out a smaller
/// chunk size, or that ended with their token, do not count.
const SESSIONS: u32 = 3;
/// On a slow line a chunk takes minutes, in which a person wants to see it move.
const WATCH: Duration = Duration::from_secs(1);
/// Chunks are not made smaller than this, in bytes.
const SMALLEST: u64 = 1 << 20;

/// A file on its way to the server.
pub(super) struct Upload<'p> {
    payload: &'p Payload<'p>,
    /// Bytes in one append; becomes smaller when the way does not carry more.
    chunk: u64,
    n_sessions: u32,
    /// How often the token had been replaced when the last session began.
    n_renewals: u32,
}

impl<'p> Upload<'p> {
    pub(super) fn new(payload: &'p Payload<'p>, chunk: u64) -> Upload<'p> {
        Upload {
            payload,
            chunk: chunk.max(1),
            n_sessions: 0,
            n_renewals: 0,
        }
    }

    /// Whether one more session may be begun. Tokens are replaced only so often, see `Session::call`.
    pub(super) fn may_restart(&self, session: &Session<'_>) -> bool {
        self.n_sessions < SESSIONS || session.n_renewals > self.n_renewals
    }

    fn count(&mut self, session: &Session<'_>) {
        if self.n_sessions == 0 || session.n_renewals == self.n_renewals {
            self.n_sessions += 1;
        }
    }

    /// Uploads the whole file; returns the id of the upload session that holds it.
    pub(super) async fn send(&mut self, session: &mut Session<'_>) -> anyhow::Result<String> {
        self.count(session);
        loop {
            let id = calls::initiate_file_upload(session).await?;
            self.n_renewals = session.n_renewals;
            let (length, failure) = match self.append_all(session, &id).await {
                Ok(()) => return Ok(id),
                Err(stopped) => stopped,
            };
            let code = failure.code();
            if failure.status() == Some(413) || code == Some("400016") {
                if length <= SMALLEST {
                    return Err(failure.into());
                }
                self.shrink(length, 2);
                session.observer.on(Event::Note(format!(
                    "the server does not take {} at once; beginning the upload again with {}",
                    size(length),
                    size(self.chunk)
                )));
                continue;
            }
            // A new token may not reach an upload session that the old one began.
            let is_lost = code == Some("404015")
                || (failure.status() == Some(403) && session.n_renewals > self.n_renewals);
            if !is_lost && !failure.is_doubtful() {
                return Err(failure.into());
            }
            // A read beyond the end of a file that became shorter breaks the connection, too.
            self.payload.check()?;
            if !self.may_restart(session) {
                return Err(Problem::new(format!("the upload broke off {SESSIONS} times"))
                    .hint("run again later; if it stays, check the way from the runner to `server-url` (proxy, firewall)")
                    .because(failure)
                    .into());
            }
            if failure.is_doubtful() {
                // Some proxies cut long requests off instead of refusing them.
                self.shrink(length, 4);
            }
            session.observer.on(Event::Warning(format!(
                "beginning the upload again: {failure}"
            )));
            tokio::time::sleep(session.pace.first_wait * 4 * self.n_sessions).await;
            self.count(session);
        }
    }

    async fn append_all(
        &self,
        session: &mut Session<'_>,
        id: &str,
    ) -> Result<(), (u64, CallFailure)> {
        let mut offset = 0;
        while offset < self.payload.bytes {
            let length = self.chunk.min(self.payload.bytes - offset);
            let sent = Arc::new(AtomicU64::new(0));
            let chunk = FileChunk {
                file: Arc::clone(&self.payload.file),
                offset,
                length,
                sent: Arc::clone(&sent),
            };
            let observer = session.observer;
            let tell = |bytes| {
                observer.on(Event::Progress(Progress::Sent {
                    bytes,
                    of: self.payload.bytes,
                }));
            };
            let watch = async {
                loop {
                    tokio::time::sleep(WATCH).await;
                    tell(offset + sent.load(Ordering::Relaxed));
                }
            };
            let appended = tokio::select! {
                appended = calls::append_to_file_upload(session, id, chunk) => appended,
                () = watch => unreachable!("it watches for ever"),
            };
            appended.map_err(|failure| (length, failure))?;
            offset += length;
            tell(offset);
        }
        let n_chunks = self.payload.bytes.div_ceil(self.chunk);
        session.observer.on(Event::Note(format!(
            "uploaded {} in {}",
            size(self.payload.bytes),
            count(n_chunks, "chunk")
        )));
        Ok(())
    }

    /// Divides what was sent last, which may be less than a full chunk.
    fn shrink(&mut self, length: u64, by: u64) {
        self.chunk = self.chunk.min(length.div_ceil(by).max(SMALLEST));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_shrink_to_the_smallest_and_never_grow() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "content").unwrap();
        let payload = Payload::open(file.path()).unwrap();
        let mut upload = Upload::new(&payload, 50 << 20);
        upload.shrink(10 << 20, 2);
        assert_eq!(upload.chunk, 5 << 20);
        upload.shrink(3 << 19, 4);
        assert_eq!(upload.chunk, 1 << 20);
        let mut tiny = Upload::new(&payload, 4);
        tiny.shrink(4, 2);
        assert_eq!(tiny.chunk, 4);
    }
}

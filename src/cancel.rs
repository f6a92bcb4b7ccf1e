//! The wish to stop: told on one thread, noticed on all others. Who tells it is not known here.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// What must be done at once when the run is cancelled.
type Undo = Box<dyn FnOnce() + Send>;

/// One wish for one run; clones share it.
#[derive(Clone, Default)]
pub struct Cancel(Arc<Shared>);

#[derive(Default)]
struct Shared {
    is_told: AtomicBool,
    told: Notify,
    // Blocking work notices nothing by itself, so something it depends on is taken away.
    undo: Mutex<BTreeMap<u64, Undo>>,
}

/// Forgets what was to be done on cancellation when it is dropped.
#[must_use]
pub struct Guard {
    cancel: Cancel,
    key: u64,
}

/// Why a cancelled run stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cancelled;

impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the run was cancelled")
    }
}

impl std::error::Error for Cancelled {}

impl Cancel {
    /// Tells everybody; does what must be done at once before it returns.
    pub fn tell(&self) {
        self.0.is_told.store(true, Ordering::SeqCst);
        self.0.told.notify_waiters();
        let undo = std::mem::take(&mut *self.undo());
        // The latest first: an engine ends before its folder goes.
        for (_, undo) in undo.into_iter().rev() {
            undo();
        }
    }

    /// Whether the run is cancelled.
    pub fn is_told(&self) -> bool {
        self.0.is_told.load(Ordering::SeqCst)
    }

    /// Returns once the run is cancelled.
    pub async fn told(&self) {
        let told = self.0.told.notified();
        tokio::pin!(told);
        // Registered before the look, so that nothing told in between is missed.
        told.as_mut().enable();
        if !self.is_told() {
            told.await;
        }
    }

    /// Does the work, or drops it in the middle when the run is cancelled.
    pub async fn unless<T, E: Into<anyhow::Error>>(
        &self,
        work: impl Future<Output = Result<T, E>>,
    ) -> anyhow::Result<T> {
        tokio::select! {
            biased;
            () = self.told() => Err(Cancelled.into()),
            outcome = work => outcome.map_err(Into::into),
        }
    }

    /// Has something done at once on cancellation, for as long as the guard lives.
    pub fn guard(&self, undo: impl FnOnce() + Send + 'static) -> Guard {
        let mut all = self.undo();
        let key = all.last_key_value().map_or(0, |(last, _)| last + 1);
        all.insert(key, Box::new(undo));
        drop(all);
        if self.is_told() {
            self.tell();
        }
        Guard {
            cancel: self.clone(),
            key,
        }
    }

    fn undo(&self) -> MutexGuard<'_, BTreeMap<u64, Undo>> {
        self.0.undo.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.cancel.undo().remove(&self.key);
    }
}

impl fmt::Debug for Cancel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cancel").field(&self.is_told()).finish()
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Guard").field(&self.key).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_must_be_done_is_done_once_the_latest_first() {
        let done = Arc::new(Mutex::new(Vec::new()));
        let note = |name: &'static str| {
            let done = Arc::clone(&done);
            move || done.lock().unwrap().push(name)
        };
        let cancel = Cancel::default();
        let _folder = cancel.guard(note("folder"));
        let _engine = cancel.guard(note("engine"));
        drop(cancel.guard(note("forgotten")));
        cancel.tell();
        cancel.tell();
        let _late = cancel.guard(note("late"));
        assert_eq!(*done.lock().unwrap(), ["engine", "folder", "late"]);
    }

    #[tokio::test]
    async fn waiting_ends_whether_it_was_told_before_or_after() {
        let cancel = Cancel::default();
        let work = cancel.unless(async { Ok::<_, Cancelled>(1) }).await;
        assert_eq!(work.unwrap(), 1);
        let never = std::future::pending::<Result<(), Cancelled>>();
        let mut waiting = std::pin::pin!(cancel.unless(never));
        tokio::select! {
            biased;
            _ = &mut waiting => panic!("nobody has told it"),
            () = std::future::ready(()) => {}
        }
        let other = cancel.clone();
        let teller = std::thread::spawn(move || other.tell());
        assert!(waiting.await.unwrap_err().is::<Cancelled>());
        teller.join().unwrap();
        cancel.told().await;
    }
}

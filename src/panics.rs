//! A panic is a defect of this program, and still ends like any other failure: told, with its stage and what is known.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};

use futures_util::FutureExt;

/// Where the program panicked first; later panics only follow from it.
static PLACE: Mutex<Option<String>> = Mutex::new(None);

/// What a panic said, and where it happened.
#[derive(Debug)]
pub struct Panicked {
    message: String,
    place: Option<String>,
}

impl Panicked {
    /// What a user can do about it.
    pub fn hint(&self) -> &'static str {
        "this is a defect of the action and not of your workflow: please report it with this message and, if you may show it, \
         the input that causes it"
    }

    /// What it said, without where.
    pub fn message(&self) -> &str {
        &self.message
    }

    fn new(payload: &(dyn Any + Send)) -> Panicked {
        let text = payload
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned());
        let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
        let place = PLACE.lock().unwrap_or_else(PoisonError::into_inner);
        Panicked {
            message: text.unwrap_or_else(|| "no message".to_owned()),
            place: place.clone(),
        }
    }
}

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the action itself failed (panic")?;
        if let Some(place) = &self.place {
            write!(f, " at {place}")?;
        }
        write!(f, "): {}", self.message)
    }
}

impl std::error::Error for Panicked {}

/// Keeps panics from being printed: their messages may quote data and secrets, and are told by the report.
pub fn silence() {
    std::panic::set_hook(Box::new(|info| {
        let mut place = PLACE.lock().unwrap_or_else(PoisonError::into_inner);
        if place.is_none() {
            *place = info.location().map(|place| shown(&place.to_string()));
        }
    }));
}

/// A file of ours is named from `src` on, one of a library from its name on; where the program was built tells nobody anything.
fn shown(place: &str) -> String {
    let of_library = place.split_once("/registry/src/");
    let of_library = of_library.and_then(|(_, rest)| rest.split_once('/'));
    of_library.map_or(place, |(_, rest)| rest).to_owned()
}

/// Does the work; a panic becomes an error.
///
/// What the work had changed stays as far as it had come.
pub fn caught<T>(work: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|payload| Panicked::new(&*payload))
}

/// Does work that waits; a panic becomes an error. What the work had changed stays as far as it had come.
pub async fn caught_in<T>(work: impl Future<Output = T>) -> Result<T, Panicked> {
    let outcome = AssertUnwindSafe(work).catch_unwind().await;
    outcome.map_err(|payload| Panicked::new(&*payload))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_told_and_what_was_done_stays() {
        let mut done = Vec::new();
        let outcome = caught(|| {
            done.push(1);
            assert_eq!(done.len(), 2, "there are {} things", done.len());
        });
        let told = outcome.unwrap_err().to_string();
        assert!(told.contains("there are 1 things"), "{told}");
        assert_eq!(done, [1]);
        assert!(caught(|| 1).is_ok_and(|one| one == 1));
        assert_eq!(shown("src/table.rs:1:2"), "src/table.rs:1:2");
        let of_library = "/x/registry/src/host-1/tokio-1.0.0/src/signal.rs:1:2";
        assert_eq!(shown(of_library), "tokio-1.0.0/src/signal.rs:1:2");
    }
}

//! What the readers of all formats have in common: how reading ends early, and rows that are not where they should be.

use crate::data::path::{Step, pointer};
use crate::readers::position::DataProblem;
use crate::say::{listed, nearest};

/// Keys remembered for a message about a missing one.
pub(crate) const REMEMBERED: usize = 1000;

/// Why reading stopped: our own problem, or the receiver's.
#[derive(Debug)]
pub(crate) enum Stop<E> {
    DataProblem(DataProblem),
    Sink(E),
}

impl<E> From<DataProblem> for Stop<E> {
    fn from(problem: DataProblem) -> Stop<E> {
        Stop::DataProblem(problem)
    }
}

/// Says that a path leads nowhere: the object or element at step `at` lacks `wanted`, but has `keys`.
pub(crate) fn missing(
    steps: &[Step],
    at: usize,
    wanted: &str,
    keys: &[String],
    offset: u64,
) -> DataProblem {
    let here = pointer(&steps[..at]);
    let names = keys.iter().map(String::as_str);
    let there = if keys.is_empty() {
        String::from("it is empty")
    } else {
        format!("it has {}", listed(names.clone()))
    };
    let problem = DataProblem::new(format!("`{here}` has no `{wanted}`, {there}"));
    let hint = match nearest(wanted, names) {
        Some(near) => {
            let mut meant = steps.to_vec();
            meant[at] = Step::Key(near.to_owned());
            format!("did you mean `records: {}`?", pointer(&meant))
        }
        None => String::from("set `records` to the path of the rows"),
    };
    DataProblem {
        offset: Some(offset),
        ..problem.hint(hint)
    }
}

/// Says that a file is not as it was when it was looked at.
pub(crate) fn changed() -> DataProblem {
    DataProblem::new("the file has changed while it was read")
}

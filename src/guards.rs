//! What must hold before anyone sees the data. Asks the built extract, never the source.

mod condition;
mod key;
mod verdict;

use crate::hyper::Draft;
use crate::say::count;
use condition::check_condition;
use key::check_key;

pub use condition::Check;
pub use key::Key;
pub use verdict::{GuardError, Outcome, Verdict, judge};

/// What the user asked to be true of the result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guards {
    /// Fewer rows than this and nothing is published.
    pub min_rows: u64,
    /// Columns that identify a row, if declared.
    pub key: Option<Key>,
    /// Conditions over the result.
    pub checks: Vec<Check>,
}

/// Runs every guard over the finished result, also after one has failed.
pub fn check(draft: &Draft, guards: &Guards) -> Vec<Verdict> {
    let mut verdicts = vec![check_rows(draft.rows(), guards)];
    verdicts.extend(guards.key.iter().map(|key| check_key(draft, key)));
    let key: &[String] = guards.key.as_ref().map_or(&[], Key::names);
    let checks = guards.checks.iter();
    verdicts.extend(checks.map(|check| check_condition(draft, check, key)));
    verdicts
}

/// The row guard alone, for a result that has not even columns.
pub fn check_rows(rows: u64, guards: &Guards) -> Verdict {
    let found = format!("the result has {}", count(rows, "row"));
    Verdict {
        guard: format!("min-rows: {}", guards.min_rows),
        outcome: Outcome::of(rows >= guards.min_rows),
        found,
        hint: (rows < guards.min_rows).then(|| {
            "check what the source delivers now; if this is as it should be, change the guard (`min-rows: 0` publishes an empty table)".into()
        }),
    }
}

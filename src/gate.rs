//! What must hold before anyone sees the data. Asks the built extract, never the source.

use std::fmt;

use crate::hyper::Draft;

/// What the user asked to be true of the result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guards {
    /// Fewer rows than this and nothing is published.
    pub min_rows: u64,
}

/// Whether a guard let the data through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The data is as it should be.
    Held,
    /// The data must not be published.
    Failed,
}

/// What a guard found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The input that asked for it, with its value: `min-rows: 1`.
    pub guard: String,
    /// Whether it holds.
    pub outcome: Outcome,
    /// What was found, in numbers.
    pub found: String,
}

/// At least one guard failed.
#[derive(Debug)]
pub struct GuardError {
    failed: Vec<Verdict>,
}

impl GuardError {
    /// What the user can do about it.
    pub fn hint(&self) -> String {
        "check what the source delivers now; if this is as it should be, change the guard (`min-rows: 0` publishes an empty table)".into()
    }
}

impl fmt::Display for GuardError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found: Vec<String> = self
            .failed
            .iter()
            .map(|verdict| format!("{}, but `{}`", verdict.found, verdict.guard))
            .collect();
        f.write_str(&found.join("; "))
    }
}

impl std::error::Error for GuardError {}

/// Runs every guard over the finished result, also after one has failed.
pub fn check(draft: &Draft, guards: &Guards) -> Vec<Verdict> {
    vec![check_rows(draft.rows(), guards)]
}

/// The row guard alone, for a result that has not even columns.
pub fn check_rows(rows: u64, guards: &Guards) -> Verdict {
    let outcome = if rows < guards.min_rows {
        Outcome::Failed
    } else {
        Outcome::Held
    };
    let found = match rows {
        1 => "the result has 1 row".to_owned(),
        rows => format!("the result has {rows} rows"),
    };
    Verdict {
        guard: format!("min-rows: {}", guards.min_rows),
        outcome,
        found,
    }
}

/// Fails if any verdict does.
pub fn judge(verdicts: &[Verdict]) -> Result<(), GuardError> {
    let failed: Vec<Verdict> = verdicts
        .iter()
        .filter(|verdict| verdict.outcome == Outcome::Failed)
        .cloned()
        .collect();
    if failed.is_empty() {
        Ok(())
    } else {
        Err(GuardError { failed })
    }
}

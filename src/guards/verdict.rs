//! What the guards found, and whether it lets the data through.

use std::fmt;

use crate::hyper::EngineError;
use crate::say::count;

/// Examples of rows or keys in a message.
pub(super) const EXAMPLES: usize = 5;

/// Whether a guard let the data through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The data is as it should be.
    Held,
    /// The data must not be published.
    Failed,
    /// The guard names a column that is not there, or the engine refused its condition: nothing is published.
    Unanswerable,
}

impl Outcome {
    pub(super) fn of(holds: bool) -> Outcome {
        if holds {
            Outcome::Held
        } else {
            Outcome::Failed
        }
    }
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
    /// What to do about it, if it failed.
    pub hint: Option<String>,
}

impl Verdict {
    /// The verdict of a guard that could not be asked, for a reason that is the guard's own.
    pub(super) fn unanswerable(guard: String, found: String, hint: Option<String>) -> Verdict {
        Verdict {
            guard,
            outcome: Outcome::Unanswerable,
            found,
            hint,
        }
    }

    /// The verdict of a guard whose question the engine refused; without a code it did not answer at all.
    pub(super) fn refused(
        guard: String,
        error: &EngineError,
        found: String,
        hint: Option<String>,
    ) -> Verdict {
        Verdict {
            outcome: match error.code {
                Some(_) => Outcome::Unanswerable,
                None => Outcome::Failed,
            },
            ..Verdict::unanswerable(guard, found, hint)
        }
    }

    /// Returns the name of the input that asked for the guard.
    fn input(&self) -> &str {
        self.guard
            .split_once(':')
            .map_or(self.guard.as_str(), |(input, _)| input)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = match self.outcome {
            Outcome::Held => '✓',
            Outcome::Failed | Outcome::Unanswerable => '✗',
        };
        write!(f, "{mark} {}: {}", self.guard, self.found)
    }
}

/// Fails if any verdict does.
pub fn judge(verdicts: &[Verdict]) -> Result<(), GuardError> {
    let failed: Vec<Verdict> = verdicts
        .iter()
        .filter(|verdict| verdict.outcome != Outcome::Held)
        .cloned()
        .collect();
    if failed.is_empty() {
        Ok(())
    } else {
        Err(GuardError { failed })
    }
}

/// At least one guard failed.
#[derive(Debug)]
pub struct GuardError {
    failed: Vec<Verdict>,
}

impl GuardError {
    /// What the user can do about it: one thing, whatever number of guards failed.
    pub fn hint(&self) -> String {
        let [first, others @ ..] = self.failed.as_slice() else {
            return String::new();
        };
        if others.iter().all(|verdict| verdict.hint == first.hint) {
            return first.hint.clone().unwrap_or_default();
        }
        let mut inputs: Vec<&str> = self.failed.iter().map(Verdict::input).collect();
        inputs.dedup();
        format!(
            "check what the source delivers now, and keep out in `sql` what shall not come; if all is as it should be, change `{}`",
            inputs.join("` or `")
        )
    }
}

impl fmt::Display for GuardError {
    /// One sentence for one guard, else a line for each.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let say = |verdict: &Verdict| format!("{}, but `{}`", verdict.found, verdict.guard);
        if let [one] = self.failed.as_slice() {
            return f.write_str(&say(one));
        }
        write!(f, "{} failed:", count(self.failed.len(), "guard"))?;
        for verdict in &self.failed {
            write!(f, "\n- {}", say(verdict))?;
            // The common hint says enough of those that were answered.
            if let (Outcome::Unanswerable, Some(hint)) = (verdict.outcome, &verdict.hint) {
                write!(f, " ({hint})")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for GuardError {}

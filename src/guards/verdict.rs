//! What the guards found, and whether it lets the data through.

use std::fmt;

use crate::say::count;
use crate::secrets;

/// Examples of keys in a message.
pub(super) const EXAMPLES: usize = 5;
/// Characters of an example that are shown.
const SHOWN: usize = 40;

/// Whether a guard let the data through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The data is as it should be.
    Held,
    /// The data must not be published.
    Failed,
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
    /// Whether the guard itself could not be asked.
    fn is_misspelt(&self) -> bool {
        self.found.starts_with("Hyper answered") || self.found.contains("has no column")
    }

    pub(super) fn failed(guard: String, found: String, hint: String) -> Verdict {
        Verdict {
            guard,
            outcome: Outcome::Failed,
            found,
            hint: (!hint.is_empty()).then_some(hint),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = match self.outcome {
            Outcome::Held => '✓',
            Outcome::Failed => '✗',
        };
        write!(f, "{mark} {}: {}", self.guard, self.found)
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
        let failed = self.failed.iter();
        let mut inputs: Vec<&str> = failed
            .filter_map(|verdict| verdict.guard.split(':').next())
            .collect();
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
            // Of the others the common hint says enough.
            if let Some(hint) = verdict.hint.as_ref().filter(|_| verdict.is_misspelt()) {
                write!(f, " ({hint})")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for GuardError {}

/// Shows a value of the data: short, without control characters and secrets.
pub(super) fn shorten(value: &str) -> String {
    let shown = secrets::quote(value, SHOWN);
    shown.chars().flat_map(char::escape_debug).collect()
}

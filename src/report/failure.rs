//! Why a run stopped, as a person reads it: a chain of sentences and what to do.

use std::error::Error;

use super::words::standing;
use crate::data::DataError;
use crate::guards::GuardError;
use crate::http;
use crate::hyper::EngineError;
use crate::inputs::{InputError, InputErrors};
use crate::panics::Panicked;
use crate::problem::Problem;
use crate::run::outcome::{Failure, Run};
use crate::tableau::ApiError;

/// One thing that went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// Stage or input it happened in.
    pub title: String,
    /// From what we were doing for the user down to what the other side said; never empty.
    pub levels: Vec<String>,
    /// What to do, naming the input.
    pub hints: Vec<String>,
}

impl Explanation {
    /// Returns the lines for the log.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (depth, level) in self.levels.iter().enumerate() {
            let lead = if depth == 0 {
                "error: "
            } else {
                "  caused by: "
            };
            text += &format!("{lead}{level}\n");
        }
        for hint in &self.hints {
            text += &format!("hint: {hint}\n");
        }
        text
    }

    /// Returns the first and the last level and the hints, for an annotation.
    pub fn in_one_line(&self) -> String {
        let mut line = self.levels.first().cloned().unwrap_or_default();
        if let [_, .., last] = self.levels.as_slice() {
            line += &format!(": {last}");
        }
        for hint in &self.hints {
            line += &format!(" (hint: {hint})");
        }
        line
    }
}

/// Explains why a run stopped; several wrong inputs are several explanations.
pub(super) fn explain(run: &Run) -> Vec<Explanation> {
    let Some(failure) = &run.failure else {
        return Vec::new();
    };
    if run.is_cancelled() {
        return vec![Explanation {
            title: failure.stage.name().to_owned(),
            levels: vec![format!("{}; {}", failure.error, standing(run))],
            hints: Vec::new(),
        }];
    }
    explain_failure(failure)
}

fn explain_failure(failure: &Failure) -> Vec<Explanation> {
    if let Some(errors) = failure.error.downcast_ref::<InputErrors>() {
        let explain_one = |error: &InputError| Explanation {
            title: format!("input {}", error.input),
            levels: vec![error.to_string()],
            hints: Vec::new(),
        };
        return errors.all().iter().map(explain_one).collect();
    }
    let mut levels: Vec<String> = Vec::new();
    let mut hints: Vec<String> = Vec::new();
    for cause in failure.error.chain() {
        let level = cause.to_string();
        // Some errors repeat their source in their own words.
        if !levels.iter().any(|above| above.contains(&level)) {
            levels.push(level);
        }
        if let Some(hint) = hint(cause).filter(|hint| !hints.contains(hint)) {
            hints.push(hint);
        }
    }
    vec![Explanation {
        title: failure.stage.name().to_owned(),
        levels,
        hints,
    }]
}

/// The knowledge stays with the type that has it; here is only the list of those that have some.
fn hint(cause: &(dyn Error + 'static)) -> Option<String> {
    hint_of(cause, |error: &Problem| error.hint.clone())
        .or_else(|| hint_of(cause, |error: &DataError| error.hint.clone()))
        .or_else(|| hint_of(cause, |error: &EngineError| error.hint.clone()))
        .or_else(|| hint_of(cause, ApiError::hint))
        .or_else(|| hint_of(cause, http::Error::hint))
        .or_else(|| hint_of(cause, |error: &GuardError| Some(error.hint())))
        .or_else(|| hint_of(cause, |error: &Panicked| Some(error.hint().to_owned())))
}

/// Asks an error for its hint if it is of the one type.
fn hint_of<E: Error + 'static>(
    cause: &(dyn Error + 'static),
    hint: impl Fn(&E) -> Option<String>,
) -> Option<String> {
    cause.downcast_ref().and_then(hint)
}

//! What is wrong and what to do about it: the one error of all rooms that is told rather than handled.

use std::error::Error;
use std::fmt;

/// Something found out by looking, in words for the user.
#[derive(Debug)]
pub struct Problem {
    /// What happened: lower case, no full stop.
    pub what: String,
    /// What to change, naming the input.
    pub hint: Option<String>,
    /// What it follows from.
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl Problem {
    /// Says what happened.
    pub fn new(what: impl Into<String>) -> Problem {
        Problem {
            what: what.into(),
            hint: None,
            source: None,
        }
    }

    /// Adds what to change.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Problem {
        Problem {
            hint: Some(hint.into()),
            ..self
        }
    }

    /// Adds what it follows from; the report tells it below.
    #[must_use]
    pub fn because(self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Problem {
        Problem {
            source: Some(source.into()),
            ..self
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl Error for Problem {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

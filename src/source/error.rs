//! A source that failed.

use std::fmt;

/// A source that did not deliver what can be read as data.
#[derive(Debug)]
pub struct SourceError {
    /// What happened: lower case, no full stop.
    pub problem: String,
    /// What to change, naming the input.
    pub hint: Option<String>,
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem)
    }
}

impl std::error::Error for SourceError {}

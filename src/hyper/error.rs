//! The engine's refusals as an error.

use std::fmt;

use super::position::SqlPosition;

/// What the engine refused, in its own words.
#[derive(Debug)]
pub struct EngineError {
    /// SQLSTATE, if the engine answered.
    pub code: Option<String>,
    /// The engine's message.
    pub message: String,
    /// What to change, naming the input.
    pub hint: Option<String>,
    /// Where in `sql`, if the engine said so.
    pub position: Option<Box<SqlPosition>>,
    /// What it follows from, if anything.
    pub(super) cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl EngineError {
    /// The bare answer.
    pub(super) fn new(code: Option<String>, message: String) -> EngineError {
        EngineError {
            code,
            message,
            hint: None,
            position: None,
            cause: None,
        }
    }

    /// Whether the disk took no more of what the engine writes.
    pub fn lacks_disk(&self) -> bool {
        lacks_disk(&self.message)
    }
}

impl fmt::Display for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.code {
            Some(code) => write!(f, "Hyper answered {code}: {}", self.message)?,
            None => f.write_str(&self.message)?,
        }
        match &self.position {
            Some(position) => {
                let SqlPosition { line, column, .. } = position.as_ref();
                write!(
                    f,
                    ", in line {line}, column {column} of `sql`:\n{}",
                    position.excerpt
                )
            }
            None => Ok(()),
        }
    }
}

impl std::error::Error for EngineError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.cause {
            // Its first sentence is our own.
            Some(cause) => cause.source(),
            None => None,
        }
    }
}

/// Whether the engine says that a file of its own cannot grow; it has the code of lacking memory for that.
pub(super) fn lacks_disk(message: &str) -> bool {
    let message = message.to_lowercase();
    [
        "growing the database file",
        "writing to the database file",
        "temporary file",
        "no space left",
    ]
    .iter()
    .any(|words| message.contains(words))
}

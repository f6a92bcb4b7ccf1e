//! What the engine refused, and whether it can be asked again.
//!
//! hyperdb-api tells by variant and SQLSTATE what happened, and that decides. Only the engine's own words for a full
//! disk have neither.

use std::fmt;

use super::position::SqlPosition;

/// Whether the engine can be asked again after an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Contact {
    /// It has answered.
    Kept,
    /// The connection is broken or closed, as it is when the engine has ended.
    Lost,
}

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
    /// Whether the engine can be asked again.
    pub(super) contact: Contact,
}

impl EngineError {
    /// What the library reports, without hint and position.
    pub(super) fn of(error: &hyperdb_api::Error) -> EngineError {
        let code = error.sqlstate().map(str::to_owned);
        let text = error.to_string();
        // The message comes as `ERROR: … (42703)`; both ends are said elsewhere.
        let message = text
            .split_once("ERROR: ")
            .map_or(text.as_str(), |(_, message)| message);
        let message = match &code {
            Some(code) => message.trim_end_matches(&format!(" ({code})")),
            None => message,
        };
        EngineError {
            message: message.to_owned(),
            code,
            hint: None,
            position: None,
            contact: contact_after(error),
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

impl std::error::Error for EngineError {}

/// Tells from an error of the library whether the engine can be asked again.
///
/// An end of the connection that the engine announces comes as an answer, of class 08 or as 57P….
pub(super) fn contact_after(error: &hyperdb_api::Error) -> Contact {
    use hyperdb_api::Error;
    let is_farewell = |code: &str| code.starts_with("08") || code.starts_with("57P");
    match error {
        Error::Connection { .. } | Error::Closed { .. } | Error::Io(_) => Contact::Lost,
        other if other.sqlstate().is_some_and(is_farewell) => Contact::Lost,
        _ => Contact::Kept,
    }
}

/// Whether the engine says that a file of its own cannot grow.
///
/// Its words are all there is to tell it by: the code is the one it has for lacking memory.
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

#[cfg(test)]
mod tests {
    use hyperdb_api::Error;

    use super::*;

    #[test]
    fn a_lost_engine_is_told_by_variant_and_code_whatever_the_words() {
        let answer =
            |code: &str, message: &str| Error::server(Some(code.to_owned()), message, None, None);
        for (error, contact) in [
            (Error::connection("x"), Contact::Lost),
            (Error::closed("x"), Contact::Lost),
            (answer("57P01", "x"), Contact::Lost),
            (answer("08006", "x"), Contact::Lost),
            (answer("57014", "x"), Contact::Kept),
            (
                answer("42703", "unknown column 'connection'"),
                Contact::Kept,
            ),
            (Error::conversion("closed"), Contact::Kept),
        ] {
            assert_eq!(EngineError::of(&error).contact, contact, "{error}");
        }
    }
}

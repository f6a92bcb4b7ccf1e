//! A refused statement, as hints are found for it.

use super::position::{Spot, offset};
use super::sql;

/// What the engine answered, in parts.
pub(super) struct Refusal<'a> {
    /// SQLSTATE, if the engine answered.
    pub(super) code: Option<&'a str>,
    /// Its message.
    pub(super) message: &'a str,
    /// What it was asked, as the user wrote it; empty if that is not known.
    pub(super) sql: &'a str,
    /// Where in it.
    pub(super) spot: Option<Spot>,
    /// What the engine itself suggests.
    pub(super) suggestion: Option<&'a str>,
}

impl Refusal<'_> {
    /// Returns what stands at the place the engine names.
    pub(super) fn at_spot(&self) -> &str {
        let line = self
            .spot
            .and_then(|spot| self.sql.lines().nth(spot.line - 1));
        let (Some(line), Some(spot)) = (line, self.spot) else {
            return "";
        };
        let start = offset(line, spot.column - 1);
        let end = offset(line, spot.column - 1 + spot.width);
        &line[start..end]
    }

    /// Returns the SQL before that place, without texts, quoted names and comments.
    pub(super) fn code_before(&self) -> String {
        let Some(spot) = self.spot else {
            return String::new();
        };
        let code = sql::code_of(self.sql);
        let mut lines: Vec<&str> = code.lines().take(spot.line).collect();
        if let Some(last) = lines.last_mut() {
            *last = &last[..offset(last, spot.column - 1)];
        }
        lines.join("\n").trim_end().to_lowercase()
    }
}

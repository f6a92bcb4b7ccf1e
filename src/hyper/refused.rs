//! A refused statement, as hints are found for it.

use super::error::{Contact, EngineError};
use super::position::{Span, offset};
use super::sql;

/// What the engine answered, in parts.
pub(super) struct RefusedStatement<'a> {
    /// SQLSTATE, if the engine answered.
    pub(super) code: Option<&'a str>,
    /// Whether the engine can still be asked.
    pub(super) contact: Contact,
    /// Its message.
    pub(super) message: &'a str,
    /// What it was asked, as the user wrote it; empty if that is not known.
    pub(super) sql: &'a str,
    /// Where in it.
    pub(super) span: Option<Span>,
    /// What the engine itself suggests.
    pub(super) suggestion: Option<&'a str>,
}

impl<'a> RefusedStatement<'a> {
    /// A statement of which nothing is known but the answer.
    pub(super) fn new(answer: &'a EngineError, sql: &'a str) -> RefusedStatement<'a> {
        RefusedStatement {
            code: answer.code.as_deref(),
            contact: answer.contact,
            message: &answer.message,
            sql,
            span: None,
            suggestion: None,
        }
    }

    /// Returns what stands at the place the engine names.
    pub(super) fn at_span(&self) -> &str {
        let line = self
            .span
            .and_then(|span| self.sql.lines().nth(span.line - 1));
        let (Some(line), Some(span)) = (line, self.span) else {
            return "";
        };
        let start = offset(line, span.column - 1);
        let end = offset(line, span.column - 1 + span.width);
        &line[start..end]
    }

    /// Returns the SQL before that place, without texts, quoted names and comments.
    pub(super) fn code_before(&self) -> String {
        let Some(span) = self.span else {
            return String::new();
        };
        let code = sql::code_of(self.sql);
        let mut lines: Vec<&str> = code.lines().take(span.line).collect();
        if let Some(last) = lines.last_mut() {
            *last = &last[..offset(last, span.column - 1)];
        }
        lines.join("\n").trim_end().to_lowercase()
    }
}

//! Turns the engine's refusals into ours: its words, where in the user's SQL, and what to write instead.

use hyperdb_api::Error;

use super::diagnostics::{self, Diagnostic};
use super::engine::Engine;
use super::error::EngineError;
use super::hints::{DIED, after_a_table, hint, list_columns, named, nested};
use super::position::SqlPosition;
use super::refused::RefusedStatement;
use super::target::staging;
use super::{dialects, suggest};
use crate::table::Table;

/// Explains why a statement of ours was refused.
pub(super) fn explain(error: &Error) -> EngineError {
    let (code, message) = parts(error);
    let refusal = RefusedStatement {
        code: code.as_deref(),
        message: &message,
        sql: "",
        span: None,
        suggestion: None,
    };
    let hint = hint(&refusal, &[]);
    EngineError {
        hint,
        ..EngineError::new(code, message)
    }
}

/// Explains why the user's SQL over the staged tables was refused; `endpoint` is where the engine listens.
pub(super) fn explain_sql(
    error: &Error,
    text: &str,
    staged: &[Table],
    endpoint: &str,
) -> EngineError {
    let (code, message) = parts(error);
    let is_text = code.as_deref().is_some_and(is_about_text);
    let diagnostic = is_text.then(|| {
        let tables: Vec<String> = staged.iter().map(staging).collect();
        diagnostics::diagnose(endpoint, &tables, text)
    });
    // Asked without what we put around it, it names the end of the user's text, not our bracket.
    let diagnostic = diagnostic
        .flatten()
        .filter(|diagnostic| is_same(diagnostic, code.as_deref()));
    let diagnostic = diagnostic.unwrap_or_default();
    let message = match diagnostic.message.as_str() {
        "" => message,
        other => other.to_owned(),
    };
    let refusal = RefusedStatement {
        code: code.as_deref(),
        message: &message,
        sql: text,
        span: diagnostic.span,
        suggestion: diagnostic.suggestion.as_deref(),
    };
    let mut hint = hint(&refusal, staged);
    if is_text && !matches!(code.as_deref(), Some(code) if code.starts_with("54")) {
        let columns: Vec<String> = staged.iter().map(list_columns).collect();
        let columns = columns.join(", the ");
        hint = Some(match hint {
            Some(hint) if hint.ends_with('?') => format!("{hint} The {columns}"),
            Some(hint) => format!("{hint}; the {columns}"),
            None => format!("the {columns}"),
        });
    }
    EngineError {
        hint,
        position: diagnostic
            .span
            .map(|span| Box::new(SqlPosition::of(text, span))),
        ..EngineError::new(code, message)
    }
}

/// Explains why a question to the result was refused, whose columns `checks` and `key` name.
pub(super) fn explain_result(error: &Error, text: &str, names: &[&str]) -> EngineError {
    let (code, message) = parts(error);
    let refusal = RefusedStatement {
        code: code.as_deref(),
        message: &message,
        sql: text,
        span: None,
        suggestion: None,
    };
    let hint = match code.as_deref() {
        Some("42703") => named(&message).map(|name| {
            dialects::text_in_double_quotes(&refusal, name, names)
                .unwrap_or_else(|| suggest::suggest(name, names))
        }),
        // The bracket is ours.
        Some("42601") if message.contains("got ')'") => {
            Some("the condition ends too early: something is missing at its end, or a bracket too many closes".into())
        }
        Some("42601") if message.contains("GROUP BY") || message.contains("aggregates are not") => {
            Some("a line of `checks` either aggregates or is asked of every row: write two lines".into())
        }
        Some("42P01" | "42501" | "3F000") => nested(&message, text, names)
            .or_else(|| after_a_table(text, names))
            .or_else(|| Some("a check may ask the columns of the result and nothing else".into())),
        _ => hint(&refusal, &[]),
    };
    EngineError {
        hint,
        ..EngineError::new(code, message)
    }
}

/// Explains that the engine is not there, ended, or did not start.
pub(super) fn without_engine(error: anyhow::Error, hint: &str) -> anyhow::Error {
    let message = error.to_string();
    EngineError {
        hint: Some(hint.to_owned()),
        cause: Some(error.into()),
        ..EngineError::new(None, message)
    }
    .into()
}

/// Puts the engine's death above an error that only follows from it.
pub(super) fn blame(engine: &mut Engine, error: anyhow::Error) -> anyhow::Error {
    match engine.death(&error) {
        Some(status) => {
            let died = error.context(format!("the Hyper engine died ({status})"));
            without_engine(died, DIED)
        }
        None => error,
    }
}

fn parts(error: &Error) -> (Option<String>, String) {
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
    let message = message.to_owned();
    (code, message)
}

/// Whether the engine has found it out from the text alone, so that it will again.
fn is_about_text(code: &str) -> bool {
    ["42", "0A", "3F", "54"]
        .iter()
        .any(|class| code.starts_with(class))
        && code != "42501"
}

fn is_same(diagnostic: &Diagnostic, code: Option<&str>) -> bool {
    code == Some(diagnostic.code.as_str())
}

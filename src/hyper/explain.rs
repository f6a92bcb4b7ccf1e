//! Turns the engine's refusals into ours: its words, where in the user's SQL, and what to write instead.

use std::time::Duration;

use hyperdb_api::Error;

use super::engine::Engine;
use super::error::{self, Contact, EngineError};
use super::hints::{DIED, after_a_table, hint, list_columns, named, nested};
use super::position::SqlPosition;
use super::refused::RefusedStatement;
use super::suggest::suggest_column;
use super::target::LoadTarget;
use super::{diagnostics, dialects};
use crate::problem::Problem;
use crate::table::Table;

/// How long the process may outlive its connections when the engine ends.
const LINGERING: Duration = Duration::from_secs(1);

/// Explains why a statement of ours was refused.
pub(super) fn explain(error: &Error) -> EngineError {
    let mut refused = EngineError::of(error);
    refused.hint = hint(&RefusedStatement::new(&refused, ""), &[]);
    refused
}

/// Explains why the user's SQL over the staged tables was refused; `endpoint` is where the engine listens.
pub(super) fn explain_sql(
    error: &Error,
    text: &str,
    staged: &[Table],
    endpoint: &str,
) -> EngineError {
    let mut refused = EngineError::of(error);
    let code = refused.code.as_deref();
    let is_text = code.is_some_and(is_about_text);
    let diagnostic = is_text.then(|| {
        let tables = staged
            .iter()
            .map(|table| LoadTarget::Staging.creation(table));
        let tables: Vec<String> = tables.collect();
        diagnostics::diagnose(endpoint, &tables, text)
    });
    // Asked without what we put around it, it names the end of the user's text, not our bracket.
    let diagnostic = diagnostic
        .flatten()
        .filter(|diagnostic| code == Some(diagnostic.code.as_str()));
    let diagnostic = diagnostic.unwrap_or_default();
    if !diagnostic.message.is_empty() {
        refused.message = diagnostic.message;
    }
    let statement = RefusedStatement {
        span: diagnostic.span,
        suggestion: diagnostic.suggestion.as_deref(),
        ..RefusedStatement::new(&refused, text)
    };
    let mut hint = hint(&statement, staged);
    if is_text && !statement.code.is_some_and(|code| code.starts_with("54")) {
        let columns: Vec<String> = staged.iter().map(list_columns).collect();
        let columns = columns.join(", the ");
        hint = Some(match hint {
            Some(hint) if hint.ends_with('?') => format!("{hint} The {columns}"),
            Some(hint) => format!("{hint}; the {columns}"),
            None => format!("the {columns}"),
        });
    }
    refused.hint = hint;
    refused.position = diagnostic
        .span
        .map(|span| Box::new(SqlPosition::of(text, span)));
    refused
}

/// Explains why a question to the result was refused, whose columns `checks` and `key` name.
pub(super) fn explain_result(error: &Error, text: &str, names: &[&str]) -> EngineError {
    let mut refused = EngineError::of(error);
    let statement = RefusedStatement::new(&refused, text);
    let message = statement.message;
    refused.hint = match statement.code {
        Some("42703") => named(message).map(|name| {
            dialects::text_in_double_quotes(&statement, name, names)
                .unwrap_or_else(|| suggest_column(name, names))
        }),
        // The bracket is ours.
        Some("42601") if message.contains("got ')'") => {
            Some("the condition ends too early: something is missing at its end, or a bracket too many closes".into())
        }
        Some("42601") if message.contains("GROUP BY") || message.contains("aggregates are not") => {
            Some("a line of `checks` either aggregates or is asked of every row: write two lines".into())
        }
        Some("42P01" | "42501" | "3F000") => nested(message, text, names)
            .or_else(|| after_a_table(text, names))
            .or_else(|| Some("a check may ask the columns of the result and nothing else".into())),
        _ => hint(&statement, &[]),
    };
    refused
}

/// Puts the engine's death above an error that only follows from it.
pub(super) fn blame(engine: &mut Engine, error: anyhow::Error) -> anyhow::Error {
    let patience = match contact_of(&error) {
        Contact::Lost => LINGERING,
        Contact::Kept => Duration::ZERO,
    };
    match engine.ends_within(patience) {
        Some(status) => {
            let died = Problem::new(format!("the Hyper engine died ({status})"));
            // Not `error.into()`: whoever looks for an error further down must find it under its own type.
            let error = error.reallocate_into_boxed_dyn_error_without_backtrace();
            died.hint(DIED).because(error).into()
        }
        None => error,
    }
}

/// Tells from a failure of any stage whether the engine can be asked again.
fn contact_of(error: &anyhow::Error) -> Contact {
    let causes = error.chain().filter_map(|cause| {
        let explained = cause.downcast_ref::<EngineError>();
        let bare = cause.downcast_ref::<Error>();
        explained
            .map(|explained| explained.contact)
            .or_else(|| bare.map(error::contact_after))
    });
    if { causes }.any(|contact| contact == Contact::Lost) {
        Contact::Lost
    } else {
        Contact::Kept
    }
}

/// Whether the engine has found it out from the text alone, so that it will again.
fn is_about_text(code: &str) -> bool {
    ["42", "0A", "3F", "54"]
        .iter()
        .any(|class| code.starts_with(class))
        && code != "42501"
}

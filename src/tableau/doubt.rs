//! A commit or job whose end nobody tells: looks for its work, and says what is not known.

use std::time::Duration;

use super::answers::Datasource;
use super::destination::PublishMode;
use super::lookup::{Comparison, DatasourceKey};
use super::publishing::Publishing;
use crate::problem::Problem;

/// Why nobody knows how a commit ended.
pub(super) const LOST: &str = "Tableau's answer to the commit was lost";

/// Looks for the work of a call or job that did not tell its result.
///
/// Rows appended twice do more harm than waiting, so append waits longer.
pub(super) async fn look_for_change(
    publishing: &mut Publishing<'_, '_>,
    key: &DatasourceKey<'_>,
    reason: &str,
) -> Result<Comparison, Problem> {
    let lag = publishing.session.pace.index_lag;
    let mode = publishing.session.to.mode;
    let patience = |comparison: &Comparison| match (comparison, mode) {
        // What was there before stays so.
        (Comparison::Doubtful(_), PublishMode::CreateNew) => Duration::ZERO,
        (_, PublishMode::Append) => lag.saturating_mul(10),
        _ => lag,
    };
    let known = publishing.before.as_ref().map(|before| before.id.clone());
    publishing
        .watch(key, known.as_ref(), patience)
        .await
        .map_err(|failure| {
            let reason = format!("{reason}, and the data source cannot be looked at");
            unknown(publishing, &reason).because(failure)
        })
}

/// It was not listed before the commit and is now, and nothing tells whose work it is.
pub(super) fn undecided(
    publishing: &Publishing<'_, '_>,
    reason: &str,
    seen: &Datasource,
) -> Problem {
    let time = |time: &Option<String>| time.clone().unwrap_or_else(|| "an unknown time".into());
    let since = publishing.since.map(|since| since.to_string());
    let place = seen.webpage_url.as_deref();
    let place = place.map(|url| format!(" at {url}")).unwrap_or_default();
    let hint = match publishing.session.to.mode {
        PublishMode::Append => count_rows(&place),
        PublishMode::CreateNew => format!(
            "open `datasource`{place}: if it holds this run's data, nothing is to be done; else choose another `datasource`, \
             or set `mode: overwrite`"
        ),
        PublishMode::Overwrite => look_yourself(&place),
    };
    Problem::new(format!(
        "{reason}; `{}` ({}) was not listed before and is now, and nothing tells whether this run or an earlier one \
         published it: it was created at {} and changed at {}, and this run's commit came after {}",
        seen.name,
        seen.id,
        time(&seen.created_at),
        time(&seen.updated_at),
        time(&since)
    ))
    .hint(hint)
}

/// Whether the data will arrive is not known, so the next step is the user's.
pub(super) fn unknown(publishing: &Publishing<'_, '_>, reason: &str) -> Problem {
    let to = publishing.session.to;
    let before = publishing.before.as_ref();
    let last = match before.and_then(|before| before.updated_at.as_deref()) {
        Some(updated) => format!("last seen change of `{}`: {updated}", to.datasource),
        None => format!("`{}` was not seen", to.datasource),
    };
    let place = before.and_then(|before| before.webpage_url.as_deref());
    let place = place.map(|url| format!(" at {url}")).unwrap_or_default();
    let hint = match to.mode {
        PublishMode::Append => count_rows(&place),
        PublishMode::Overwrite | PublishMode::CreateNew => look_yourself(&place),
    };
    Problem::new(format!(
        "{reason}; it is not known whether the data will arrive ({last})"
    ))
    .hint(hint)
}

fn count_rows(place: &str) -> String {
    format!(
        "count the rows of `datasource`{place} before running again: with `mode: append` a second run may double them"
    )
}

fn look_yourself(place: &str) -> String {
    format!("look at `datasource`{place}; with `mode: overwrite` running again is harmless")
}

//! How the report says what became of a run: sentences and words that log, outputs and summary share.

use std::time::Duration;

use crate::events::Stage;
use crate::run::outcome::Run;
use crate::say::{count, size};
use crate::tableau::{Change, DataState, PublishMode};

/// Whether the data is published; `None` if the run does not know.
pub(super) fn is_published(run: &Run) -> Option<bool> {
    let published = run.published.as_ref();
    match published.and_then(|published| published.change) {
        Some(Change::Created | Change::Replaced | Change::Appended) => Some(true),
        None => match published.map(|published| published.state) {
            None | Some(DataState::Untouched) => Some(false),
            Some(_) => None,
        },
    }
}

/// What became of the published data, in one sentence without its full stop.
pub(super) fn standing(run: &Run) -> String {
    let published = run.published.as_ref();
    let job = published.and_then(|published| published.job.as_ref());
    let job = job.map(|job| format!(" as job {job}")).unwrap_or_default();
    match published.map(|published| published.state) {
        None => "Tableau was not contacted, and the published data is as it was before".into(),
        Some(DataState::Untouched) => "the published data is as it was before".into(),
        Some(DataState::Unknown) => {
            "the commit was on its way and it is not known whether Tableau acts on it: look at the data source before running again".into()
        }
        Some(DataState::Accepted) => format!("Tableau has the whole file and goes on with it{job}"),
        Some(DataState::Changed) => "the data is published".into(),
    }
}

/// The last line of a log: what a run that did not fail has done.
pub(super) fn done(run: &Run) -> String {
    let rows = run.extract.as_ref().map_or(0, |extract| extract.rows);
    let rows = count(rows, "row");
    match run.published.as_ref() {
        None => format!("Done: {rows}, nothing published (publish: false)"),
        Some(published) => {
            let what = match published.change {
                Some(change) => change_words(change).to_owned(),
                None => "handed to Tableau, which was not waited for".to_owned(),
            };
            let id = published
                .datasource
                .as_ref()
                .map(|id| format!(", data source {id}"))
                .unwrap_or_default();
            let url = published
                .url
                .as_ref()
                .map(|url| format!(", {url}"))
                .unwrap_or_default();
            format!("Done: {rows}, {what}{id}{url}")
        }
    }
}

fn change_words(change: Change) -> &'static str {
    match change {
        Change::Created => "data source created",
        Change::Replaced => "rows replaced",
        Change::Appended => "rows appended",
    }
}

/// The headline of a stage in the log.
pub(super) fn title(stage: Stage) -> &'static str {
    match stage {
        Stage::Inputs => "Read the inputs",
        Stage::Fetch => "Fetch the data",
        Stage::Type => "Find rows and types",
        Stage::Shape => "Build the extract",
        Stage::Check => "Check the result",
        Stage::Publish => "Publish to Tableau",
    }
}

/// The word of the input `mode`.
pub(super) fn mode_name(mode: PublishMode) -> &'static str {
    match mode {
        PublishMode::Overwrite => "overwrite",
        PublishMode::Append => "append",
        PublishMode::CreateNew => "create-new",
    }
}

/// ` at 1.5 MB/s`.
pub(super) fn rate(bytes: u64, elapsed: Duration) -> String {
    let millis = u64::try_from(elapsed.as_millis())
        .unwrap_or(u64::MAX)
        .max(1);
    format!(" at {}/s", size(bytes.saturating_mul(1_000) / millis))
}

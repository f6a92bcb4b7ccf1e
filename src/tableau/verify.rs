//! What has arrived: takes the end of a job for what it means, looks at the data source and completes it.

use std::time::Duration;

use super::answers::Datasource;
use super::calls;
use super::commit::Attempt;
use super::doubt;
use super::job::Waited;
use super::lookup::{Comparison, DatasourceKey};
use super::published::{Change, DataState};
use super::publishing::Publishing;
use crate::problem::Problem;

/// Takes the end of a job for what it means here; returns the data source if it can be described.
pub(super) async fn judge_job(
    publishing: &mut Publishing<'_, '_>,
    waited: Waited,
    key: &DatasourceKey<'_>,
    attempt: Attempt,
) -> Result<Option<Datasource>, Problem> {
    match waited {
        Waited::Failed(problem) if attempt == Attempt::First => {
            publishing.record.state = DataState::Untouched;
            Err(problem)
        }
        // The first commit, whose answer was lost, may be what made the second one's job fail.
        Waited::Failed(problem) => {
            publishing.record.state = DataState::Unknown;
            publishing.warn(format!(
                "{problem}; looking whether the first commit arrived"
            ));
            match doubt::look_for_change(publishing, key, doubt::LOST).await? {
                Comparison::Changed(seen) => {
                    publishing.record_arrival();
                    Ok(Some(seen))
                }
                Comparison::Doubtful(_) | Comparison::Same(_) | Comparison::Absent => Err(problem),
            }
        }
        // Only a changed data source is a success.
        Waited::Unclear(reason) => {
            publishing.record.state = DataState::Unknown;
            publishing.note(format!("{reason}; looking at the data source instead"));
            match doubt::look_for_change(publishing, key, &reason).await? {
                Comparison::Changed(seen) => {
                    publishing.record_arrival();
                    Ok(Some(seen))
                }
                Comparison::Doubtful(seen) => Err(doubt::undecided(publishing, &reason, &seen)),
                Comparison::Same(_) | Comparison::Absent => {
                    Err(doubt::unknown(publishing, &reason))
                }
            }
        }
        Waited::RanOut => {
            if !publishing.session.to.tags.is_empty() {
                publishing.warn("the tags are not set, as that needs the finished job".into());
            }
            Ok(None)
        }
        Waited::Done => {
            publishing.record_arrival();
            Ok(find_published(publishing, key).await)
        }
    }
}

/// After a job that succeeded: finds what it made. Its word counts more than what lists show.
pub(super) async fn find_published(
    publishing: &mut Publishing<'_, '_>,
    key: &DatasourceKey<'_>,
) -> Option<Datasource> {
    let lag = publishing.session.pace.index_lag;
    let known = publishing.record.datasource.clone();
    let patience = |comparison: &Comparison| match comparison {
        Comparison::Doubtful(_) => Duration::ZERO,
        Comparison::Same(_) => lag / 10,
        Comparison::Changed(_) | Comparison::Absent => lag,
    };
    match publishing.watch(key, known.as_ref(), patience).await {
        Ok(Comparison::Changed(seen) | Comparison::Doubtful(seen)) => Some(seen),
        Ok(Comparison::Same(seen)) => {
            let updated = seen.updated_at.as_deref().unwrap_or("an unknown time");
            publishing.warn(format!(
                "Tableau reports success, but `{}` still shows its last change of {updated}; Tableau counts in whole \
                 seconds, so a second publish within one looks like this",
                seen.name
            ));
            Some(seen)
        }
        Ok(Comparison::Absent) => {
            publishing.warn(format!(
                "Tableau reports success, but `{}` is not listed in project `{}` yet; its LUID is unknown",
                key.name, key.project.path
            ));
            None
        }
        Err(failure) => {
            publishing.warn(format!(
                "Tableau reports success, but that could not be verified: {failure}"
            ));
            None
        }
    }
}

/// Tells what was published, and what of it may surprise.
pub(super) fn confirm(publishing: &mut Publishing<'_, '_>, seen: &Datasource) {
    let done = match publishing.record.change {
        Some(Change::Appended) => "appended to",
        Some(Change::Replaced) => "replaced",
        Some(Change::Created) | None => "created",
    };
    publishing.record_datasource(seen);
    if let Some(before) = publishing
        .before
        .as_ref()
        .filter(|before| before.id != seen.id)
    {
        publishing.warn(format!(
            "the LUID of `{}` changed from {} to {}; what refers to the old one is broken",
            seen.name, before.id, seen.id
        ));
    }
    let wanted = publishing.session.to.datasource.as_str();
    if seen.name != wanted {
        publishing.note(format!(
            "Tableau ignores the case of names and keeps `{}` for `{wanted}`",
            seen.name
        ));
    }
    let updated = seen
        .updated_at
        .as_deref()
        .map(|time| format!(" at {time}"))
        .unwrap_or_default();
    publishing.note(format!("{done} `{}` ({}){updated}", seen.name, seen.id));
}

/// Sets what a publish does not carry or may lose. The data is there, so failures are warnings.
pub(super) async fn set_details(publishing: &mut Publishing<'_, '_>, seen: &Datasource) {
    let to = publishing.session.to;
    if let Some(wanted) = &publishing.description()
        && !seen
            .description
            .as_ref()
            .is_some_and(|shown| shown.is_same(wanted))
        && let Err(failure) =
            calls::update_data_source(&mut publishing.session, &seen.id, wanted).await
    {
        publishing.warn(format!(
            "the data is published, but its description is not: {failure}"
        ));
    }
    if !to.tags.is_empty()
        && let Err(failure) =
            calls::add_tags_to_data_source(&mut publishing.session, &seen.id, &to.tags).await
    {
        publishing.warn(format!("the data is published, but not tagged: {failure}"));
    }
}

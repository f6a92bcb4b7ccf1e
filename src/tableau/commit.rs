//! Commits an upload and finds out what became of it, also when nobody says.
//!
//! A commit without an answer is looked for, and repeated where that can do no harm. What is found
//! counts as this run's work only if it cannot be an older run's: lists are late, both with new data
//! sources and with changes, so what appears or differs after the commit may have been there before.

use jiff::Timestamp;

use super::answers::Datasource;
use super::calls::{self, Accepted, Publication};
use super::destination::PublishMode;
use super::doubt;
use super::failure::CallFailure;
use super::lookup::{self, Comparison, DatasourceKey};
use super::published::DataState;
use super::publishing::Publishing;
use super::upload::Upload;

/// How the commit ended.
pub(super) enum Commit {
    Accepted(Accepted, Attempt),
    /// The answer was lost, but the data source has changed.
    Seen(Datasource),
}

/// Which commit it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Attempt {
    First,
    /// The first one's answer was lost, and nothing was seen of its work.
    Second,
}

/// Uploads and commits, a second time where that can do no harm.
pub(super) async fn upload_and_commit(
    publishing: &mut Publishing<'_, '_>,
    key: &DatasourceKey<'_>,
) -> anyhow::Result<Commit> {
    let mode = publishing.session.to.mode;
    let mut upload = Upload::new(publishing.payload, publishing.session.pace.chunk);
    let mut attempt = Attempt::First;
    loop {
        let sent = upload.send(&mut publishing.session).await;
        let id = match attempt {
            Attempt::First => sent?,
            Attempt::Second => {
                sent.map_err(|error| doubt::unknown(publishing, doubt::LOST).because(error))?
            }
        };
        if attempt == Attempt::First {
            look_before(publishing, key).await?;
        }
        if let Err(changed) = publishing.payload.check().map_err(anyhow::Error::from) {
            return Err(match attempt {
                Attempt::First => changed,
                Attempt::Second => doubt::unknown(publishing, doubt::LOST)
                    .because(changed)
                    .into(),
            });
        }
        let description = publishing.description();
        let publication = Publication {
            name: key.name.as_str(),
            description: description.as_ref(),
            project: &key.project.id,
            mode,
        };
        publishing.record.state = DataState::Unknown;
        let failure =
            match calls::publish_data_source(&mut publishing.session, &id, &publication).await {
                Ok(accepted) => return Ok(Commit::Accepted(accepted, attempt)),
                Err(failure) => failure,
            };
        if attempt == Attempt::First && !failure.is_doubtful() {
            publishing.record.state = DataState::Untouched;
        }
        if failure.code() == Some("404015") && upload.may_restart(&publishing.session) {
            publishing.warn(format!("beginning the upload again: {failure}"));
            continue;
        }
        // The first commit, whose answer was lost, may be what forbids the second.
        let is_echo = attempt == Attempt::Second
            && mode == PublishMode::CreateNew
            && failure.code() == Some("403007");
        if !failure.is_doubtful() && !is_echo {
            return Err(failure.into());
        }
        match look_after(publishing, key, attempt, failure).await? {
            Some(seen) => return Ok(Commit::Seen(seen)),
            None => attempt = Attempt::Second,
        }
    }
}

/// Finds out what a commit without an answer came to; nothing, if committing again does no harm.
///
/// Fails where only a person can find out.
async fn look_after(
    publishing: &mut Publishing<'_, '_>,
    key: &DatasourceKey<'_>,
    attempt: Attempt,
    failure: CallFailure,
) -> anyhow::Result<Option<Datasource>> {
    publishing.warn(format!(
        "{failure}; looking whether Tableau has published all the same"
    ));
    let mode = publishing.session.to.mode;
    let is_harmless = attempt == Attempt::First && mode != PublishMode::Append;
    let comparison = match doubt::look_for_change(publishing, key, doubt::LOST).await {
        Err(problem) if is_harmless && mode == PublishMode::Overwrite => {
            publishing.warn(format!("{problem}; publishing again"));
            return Ok(None);
        }
        comparison => comparison?,
    };
    match comparison {
        Comparison::Changed(seen) => {
            let mut text = format!(
                "`{}` has changed since the commit; taking that for the work of this run",
                seen.name
            );
            if mode == PublishMode::Append {
                text += ". If anything else publishes to it, count its rows";
            }
            publishing.warn(text);
            Ok(Some(seen))
        }
        Comparison::Doubtful(seen) if is_harmless && mode == PublishMode::Overwrite => {
            publishing.record_datasource(&seen);
            publishing.warn(format!(
                "`{}` is listed now, and it may be older than this run; publishing again",
                seen.name
            ));
            Ok(None)
        }
        Comparison::Doubtful(seen) => Err(doubt::undecided(publishing, doubt::LOST, &seen)
            .because(failure)
            .into()),
        Comparison::Same(_) | Comparison::Absent if is_harmless => {
            publishing.warn("nothing has changed; publishing again".into());
            Ok(None)
        }
        Comparison::Same(_) | Comparison::Absent => Err(doubt::unknown(publishing, doubt::LOST)
            .because(failure)
            .into()),
    }
}

/// The last look before the commit: at the data source itself, which is not late as lists are.
async fn look_before(
    publishing: &mut Publishing<'_, '_>,
    key: &DatasourceKey<'_>,
) -> anyhow::Result<()> {
    if let Some(before) = &publishing.before {
        let known = before.id.clone();
        let mut found = lookup::look(&mut publishing.session, key, Some(&known)).await?;
        // Another has its name and place now, and so far only a list has shown it.
        if let Some(other) = found.as_ref().filter(|found| found.id != known) {
            let known = other.id.clone();
            found = lookup::look(&mut publishing.session, key, Some(&known)).await?;
        }
        publishing.before = found;
        publishing.check_mode()?;
    }
    publishing.since = publishing.session.clock;
    let_tick(publishing).await;
    Ok(())
}

/// Lets the commit fall into a later second than all that is known to be older.
///
/// Tableau counts in whole seconds. If the answer to the commit is lost, or its job, the time of change is
/// all that tells its work from that of an earlier run.
async fn let_tick(publishing: &Publishing<'_, '_>) {
    let updated = |before: &Datasource| before.updated_at.as_deref()?.parse().ok();
    let is_same_second = match (&publishing.before, publishing.since) {
        (None, since) => since.is_some(),
        (Some(before), since) => {
            updated(before).is_some_and(|updated: Timestamp| Some(updated) >= since)
        }
    };
    if is_same_second {
        let passed = publishing.session.ticked.elapsed();
        tokio::time::sleep(publishing.session.pace.tick.saturating_sub(passed)).await;
    }
}

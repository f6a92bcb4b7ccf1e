//! Commits an upload and finds out what became of it, also when nobody says.
//!
//! A commit without an answer is looked for, and repeated where that can do no harm. What is found
//! counts as this run's work only if it cannot be an older run's: lists are late, both with new data
//! sources and with changes, so what appears or differs after the commit may have been there before.

use std::time::Duration;

use jiff::Timestamp;

use super::Publishing;
use super::answers::Datasource;
use super::calls::{self, Accepted, Publication};
use super::destination::PublishMode;
use super::failure::CallFailure;
use super::job::Waited;
use super::lookup::{self, Baseline, Comparison, DatasourceKey};
use super::names::Luid;
use super::published::{Change, DataState};
use super::upload::Upload;
use crate::problem::Problem;

/// Why nobody knows how a commit ended.
const LOST: &str = "Tableau's answer to the commit was lost";

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

impl Publishing<'_, '_> {
    /// Uploads and commits, a second time where that can do no harm.
    pub(super) async fn commit(&mut self, key: &DatasourceKey<'_>) -> anyhow::Result<Commit> {
        let mode = self.session.to.mode;
        let mut upload = Upload::new(self.payload, self.session.pace.chunk);
        let mut attempt = Attempt::First;
        loop {
            let sent = upload.send(&mut self.session).await;
            let id = match attempt {
                Attempt::First => sent?,
                Attempt::Second => sent.map_err(|error| self.unknown(LOST).because(error))?,
            };
            if attempt == Attempt::First {
                self.look_before(key).await?;
            }
            if let Err(changed) = self.payload.check().map_err(anyhow::Error::from) {
                return Err(match attempt {
                    Attempt::First => changed,
                    Attempt::Second => self.unknown(LOST).because(changed).into(),
                });
            }
            let description = self.description();
            let publication = Publication {
                name: key.name.as_str(),
                description: description.as_ref(),
                project: &key.project.id,
                mode,
            };
            self.record.state = DataState::Unknown;
            let failure =
                match calls::publish_data_source(&mut self.session, &id, &publication).await {
                    Ok(accepted) => return Ok(Commit::Accepted(accepted, attempt)),
                    Err(failure) => failure,
                };
            if attempt == Attempt::First && !failure.is_doubtful() {
                self.record.state = DataState::Untouched;
            }
            if failure.code() == Some("404015") && upload.may_restart(&self.session) {
                self.warn(format!("beginning the upload again: {failure}"));
                continue;
            }
            // The first commit, whose answer was lost, may be what forbids the second.
            let is_echo = attempt == Attempt::Second
                && mode == PublishMode::CreateNew
                && failure.code() == Some("403007");
            if !failure.is_doubtful() && !is_echo {
                return Err(failure.into());
            }
            self.warn(format!(
                "{failure}; looking whether Tableau has published all the same"
            ));
            let is_harmless = attempt == Attempt::First && mode != PublishMode::Append;
            let comparison = match self.look_for_change(key, LOST).await {
                Err(problem) if is_harmless && mode == PublishMode::Overwrite => {
                    self.warn(format!("{problem}; publishing again"));
                    attempt = Attempt::Second;
                    continue;
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
                    self.warn(text);
                    return Ok(Commit::Seen(seen));
                }
                Comparison::Doubtful(seen) if is_harmless && mode == PublishMode::Overwrite => {
                    self.keep(&seen);
                    self.warn(format!(
                        "`{}` is listed now, and it may be older than this run; publishing again",
                        seen.name
                    ));
                }
                Comparison::Doubtful(seen) => {
                    return Err(self.undecided(LOST, &seen).because(failure).into());
                }
                Comparison::Same(_) | Comparison::Absent if is_harmless => {
                    self.warn("nothing has changed; publishing again".into());
                }
                Comparison::Same(_) | Comparison::Absent => {
                    return Err(self.unknown(LOST).because(failure).into());
                }
            }
            attempt = Attempt::Second;
        }
    }

    /// Takes the end of a job for what it means here.
    pub(super) async fn judge_job(
        &mut self,
        waited: Waited,
        key: &DatasourceKey<'_>,
        attempt: Attempt,
    ) -> Result<Option<Datasource>, Problem> {
        match waited {
            Waited::Failed(problem) if attempt == Attempt::First => {
                self.record.state = DataState::Untouched;
                Err(problem)
            }
            // The first commit, whose answer was lost, may be what made the second one's job fail.
            Waited::Failed(problem) => {
                self.record.state = DataState::Unknown;
                self.warn(format!(
                    "{problem}; looking whether the first commit arrived"
                ));
                match self.look_for_change(key, LOST).await? {
                    Comparison::Changed(seen) => Ok(Some(self.settle(seen))),
                    Comparison::Doubtful(_) | Comparison::Same(_) | Comparison::Absent => {
                        Err(problem)
                    }
                }
            }
            // Only a changed data source is a success.
            Waited::Unclear(reason) => {
                self.record.state = DataState::Unknown;
                self.note(format!("{reason}; looking at the data source instead"));
                match self.look_for_change(key, &reason).await? {
                    Comparison::Changed(seen) => Ok(Some(self.settle(seen))),
                    Comparison::Doubtful(seen) => Err(self.undecided(&reason, &seen)),
                    Comparison::Same(_) | Comparison::Absent => Err(self.unknown(&reason)),
                }
            }
            Waited::Done | Waited::RanOut => {
                self.arrived();
                Ok(self.verify(key).await)
            }
        }
    }

    /// The last look before the commit: at the data source itself, which is not late as lists are.
    async fn look_before(&mut self, key: &DatasourceKey<'_>) -> anyhow::Result<()> {
        if let Some(before) = &self.before {
            let known = before.id.clone();
            let mut found = lookup::look(&mut self.session, key, Some(&known)).await?;
            // Another has its name and place now, and so far only a list has shown it.
            if let Some(other) = found.as_ref().filter(|found| found.id != known) {
                let known = other.id.clone();
                found = lookup::look(&mut self.session, key, Some(&known)).await?;
            }
            self.before = found;
            self.check_mode()?;
        }
        self.since = self.session.clock;
        self.let_tick().await;
        Ok(())
    }

    /// Lets the commit fall into a later second than all that is known to be older.
    ///
    /// Tableau counts in whole seconds. If the answer to the commit is lost, or its job, the time of change is
    /// all that tells its work from that of an earlier run.
    async fn let_tick(&self) {
        let updated = |before: &Datasource| before.updated_at.as_deref()?.parse().ok();
        let is_same_second = match (&self.before, self.since) {
            (None, since) => since.is_some(),
            (Some(before), since) => {
                updated(before).is_some_and(|updated: Timestamp| Some(updated) >= since)
            }
        };
        if is_same_second {
            let passed = self.session.ticked.elapsed();
            tokio::time::sleep(self.session.pace.tick.saturating_sub(passed)).await;
        }
    }

    /// Looks for the work of a call or job that did not tell its result.
    ///
    /// Rows appended twice do more harm than waiting, so append waits longer.
    async fn look_for_change(
        &mut self,
        key: &DatasourceKey<'_>,
        reason: &str,
    ) -> Result<Comparison, Problem> {
        let lag = self.session.pace.index_lag;
        let mode = self.session.to.mode;
        let patience = |comparison: &Comparison| match (comparison, mode) {
            // What was there before stays so.
            (Comparison::Doubtful(_), PublishMode::CreateNew) => Duration::ZERO,
            (_, PublishMode::Append) => lag.saturating_mul(10),
            _ => lag,
        };
        let known = self.before.as_ref().map(|before| before.id.clone());
        self.watch(key, known.as_ref(), patience)
            .await
            .map_err(|failure| {
                let reason = format!("{reason}, and the data source cannot be looked at");
                self.unknown(&reason).because(failure)
            })
    }

    /// After a job that succeeded: finds what it made. Its word counts more than what lists show.
    pub(super) async fn verify(&mut self, key: &DatasourceKey<'_>) -> Option<Datasource> {
        let lag = self.session.pace.index_lag;
        let known = self.record.datasource.clone();
        let patience = |comparison: &Comparison| match comparison {
            Comparison::Doubtful(_) => Duration::ZERO,
            Comparison::Same(_) => lag / 10,
            Comparison::Changed(_) | Comparison::Absent => lag,
        };
        match self.watch(key, known.as_ref(), patience).await {
            Ok(Comparison::Changed(seen) | Comparison::Doubtful(seen)) => Some(seen),
            Ok(Comparison::Same(seen)) => {
                let updated = seen.updated_at.as_deref().unwrap_or("an unknown time");
                self.warn(format!(
                    "Tableau reports success, but `{}` still shows its last change of {updated}; Tableau counts in whole \
                     seconds, so a second publish within one looks like this",
                    seen.name
                ));
                Some(seen)
            }
            Ok(Comparison::Absent) => {
                self.warn(format!(
                    "Tableau reports success, but `{}` is not listed in project `{}` yet; its LUID is unknown",
                    key.name, key.project.path
                ));
                None
            }
            Err(failure) => {
                self.warn(format!(
                    "Tableau reports success, but that could not be verified: {failure}"
                ));
                None
            }
        }
    }

    async fn watch(
        &mut self,
        key: &DatasourceKey<'_>,
        known: Option<&Luid>,
        patience: impl Fn(&Comparison) -> Duration,
    ) -> Result<Comparison, CallFailure> {
        let wanted = Baseline {
            before: self.before.as_ref(),
            known,
            since: self.since,
            mode: self.session.to.mode,
        };
        lookup::watch(&mut self.session, key, &wanted, patience).await
    }

    /// The data has arrived; whatever is found out or set afterwards does not change that.
    pub(super) fn arrived(&mut self) {
        self.record.state = DataState::Changed;
        self.record.change = Some(match (&self.before, self.session.to.mode) {
            (None, _) => Change::Created,
            (Some(_), PublishMode::Append) => Change::Appended,
            (Some(_), _) => Change::Replaced,
        });
    }

    pub(super) fn settle(&mut self, seen: Datasource) -> Datasource {
        self.arrived();
        seen
    }

    /// It was not listed before the commit and is now, and nothing tells whose work it is.
    fn undecided(&self, reason: &str, seen: &Datasource) -> Problem {
        let time = |time: &Option<String>| time.clone().unwrap_or_else(|| "an unknown time".into());
        let since = self.since.map(|since| since.to_string());
        let place = seen.webpage_url.as_deref();
        let place = place.map(|url| format!(" at {url}")).unwrap_or_default();
        let hint = match self.session.to.mode {
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

    fn unknown(&self, reason: &str) -> Problem {
        let to = self.session.to;
        let before = self.before.as_ref();
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
}

fn count_rows(place: &str) -> String {
    format!(
        "count the rows of `datasource`{place} before running again: with `mode: append` a second run may double them"
    )
}

fn look_yourself(place: &str) -> String {
    format!("look at `datasource`{place}; with `mode: overwrite` running again is harmless")
}

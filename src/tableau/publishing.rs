//! The part of a run between signing in and signing out: what is known in it, and how that is told.

use std::time::Duration;

use jiff::Timestamp;

use super::answers::Datasource;
use super::destination::PublishMode;
use super::failure::CallFailure;
use super::lookup::{self, Baseline, Comparison, DatasourceKey};
use super::names::{Description, Luid};
use super::payload::Payload;
use super::published::{Change, DataState, Published};
use super::session::Session;
use crate::events::Event;
use crate::problem::Problem;

/// Who is signed in, what is published, and what has been seen and done so far.
pub(super) struct Publishing<'a, 'r> {
    pub(super) payload: &'a Payload<'a>,
    pub(super) session: Session<'a>,
    pub(super) record: &'r mut Published,
    /// The data source as it was, if it was seen.
    pub(super) before: Option<Datasource>,
    /// Tableau's own clock before the first commit, in whole seconds.
    pub(super) since: Option<Timestamp>,
}

impl Publishing<'_, '_> {
    /// Whether what was there before lets this run do what its `mode` says.
    pub(super) fn check_mode(&self) -> Result<(), Problem> {
        let to = self.session.to;
        match (to.mode, &self.before) {
            (PublishMode::CreateNew, Some(before)) => {
                Err(Problem::new(format!("the data source `{}` already exists ({})", before.name, before.id))
                    .hint("set `mode: overwrite` to replace it, or choose another `datasource`"))
            }
            (PublishMode::Append, None) => Err(Problem::new(format!(
                "there is no data source `{}` in this project to append to, or the token's user may not see it",
                to.datasource
            ))
            .hint(
                "set `mode: overwrite` to create it, or check `datasource` and `project`; one created a moment ago may not be listed yet",
            )),
            _ => Ok(()),
        }
    }

    /// The data has arrived; whatever is found out or set afterwards does not change that.
    pub(super) fn record_arrival(&mut self) {
        self.record.state = DataState::Changed;
        self.record.change = Some(match (&self.before, self.session.to.mode) {
            (None, _) => Change::Created,
            (Some(_), PublishMode::Append) => Change::Appended,
            (Some(_), _) => Change::Replaced,
        });
    }

    /// Records which data source it is and where it is to be seen.
    pub(super) fn record_datasource(&mut self, datasource: &Datasource) {
        self.record.datasource = Some(datasource.id.clone());
        self.record.url = datasource
            .webpage_url
            .clone()
            .or_else(|| self.record.url.take());
    }

    /// Looks until the data source has changed since the commit, or until the patience for what is seen is over.
    pub(super) async fn watch(
        &mut self,
        key: &DatasourceKey<'_>,
        known: Option<&Luid>,
        patience: impl Fn(&Comparison) -> Duration,
    ) -> Result<Comparison, CallFailure> {
        let baseline = Baseline {
            before: self.before.as_ref(),
            known,
            since: self.since,
            mode: self.session.to.mode,
        };
        lookup::watch(&mut self.session, key, &baseline, patience).await
    }

    /// The one asked for, else that of before: old servers empty it when they overwrite.
    pub(super) fn description(&self) -> Option<Description> {
        let old = || self.before.as_ref()?.description.clone();
        self.session.to.description.clone().or_else(old)
    }

    /// Tells something a person may want to see.
    pub(super) fn note(&self, text: String) {
        self.session.observer.on(Event::Note(text));
    }

    /// Tells something a careful person would want to know.
    pub(super) fn warn(&self, text: String) {
        self.session.observer.on(Event::Warning(text));
    }
}

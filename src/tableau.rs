//! Everything that touches Tableau: sign in, find, upload, commit, wait, verify, sign out.
//!
//! It takes a file and does not know where it came from. What a REST call looks like is known in
//! `session` and `xml`; here is the order of the calls and what to do when one of them fails.

mod answers;
mod backoff;
mod call;
mod calls;
mod commit;
mod context;
mod destination;
mod error;
mod failure;
mod job;
mod lookup;
mod names;
mod pages;
mod payload;
mod project;
mod published;
mod reply;
mod requests;
mod requirements;
mod server;
mod session;
mod token;
mod upload;
mod xml;

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use jiff::Timestamp;

use self::answers::Datasource;
use self::calls::Accepted;
use self::commit::Commit;
use self::job::Waited;
use self::lookup::DatasourceKey;
use self::payload::Payload;
use self::session::Session;
use crate::events::Event;
use crate::panics;
use crate::problem::Problem;

pub use self::context::{Pace, PublishContext};
pub use self::destination::{Destination, PublishMode};
pub use self::error::{ApiError, CATALOGUE};
pub use self::names::{DatasourceName, Description, Luid, ProjectReference, SiteContentUrl, Tag};
pub use self::published::{Change, DataState, Published};
pub use self::token::{PersonalAccessToken, TokenName, TokenSecret};

/// A session that is not signed out ends by itself, so it is not worth waiting for.
const SIGN_OUT: Duration = Duration::from_secs(10);
/// A cancelled job is about to be killed.
const SHORT_SIGN_OUT: Duration = Duration::from_secs(2);

/// Publishes a `.hyper` file and makes sure that it arrived.
///
/// The record is filled as far as the run comes, also when it fails. A `wait` that runs out is a
/// warning and no error. Secrets that come into being are announced to the observer first.
pub async fn publish(
    to: &Destination,
    file: &Path,
    context: &PublishContext<'_>,
    record: &mut Published,
) -> anyhow::Result<()> {
    let outcome = run(to, file, context, record).await;
    outcome.with_context(|| {
        format!(
            "failed to publish `{}` to project `{}`",
            to.datasource, to.project
        )
    })
}

async fn run(
    to: &Destination,
    file: &Path,
    context: &PublishContext<'_>,
    record: &mut Published,
) -> anyhow::Result<()> {
    let payload = Payload::open(file)?;
    record.bytes = payload.bytes;
    let PublishContext {
        observer, cancel, ..
    } = *context;
    let (session, info) = cancel.unless(server::open(to, context)).await?;
    let host = session.base.origin().ascii_serialization();
    observer.on(Event::Note(format!(
        "Tableau {} at {host}, REST API {}",
        info.product, session.version
    )));
    record.api_version = Some(session.version.to_string());
    requirements::check_server(&info.product)?;
    if let Some(warning) = requirements::size_warning(&host, record.bytes) {
        observer.on(Event::Warning(warning));
    }
    record.product_version = Some(info.product);
    if to.site.is_default() && host.ends_with(".online.tableau.com") {
        return Err(
            Problem::new("no site is given, and Tableau Cloud has no default site")
                .hint("set `site` to the part after /site/ in the browser's address")
                .into(),
        );
    }
    let mut publishing = Publishing {
        payload: &payload,
        session,
        record,
        before: None,
        since: None,
    };
    let outcome = panics::caught_in(Box::pin(cancel.unless(publishing.run()))).await;
    let limit = if cancel.is_told() {
        SHORT_SIGN_OUT
    } else {
        SIGN_OUT
    };
    publishing.session.sign_out(limit).await;
    outcome.unwrap_or_else(|panicked| Err(panicked.into()))
}

/// The part of the run between signing in and signing out.
struct Publishing<'a, 'r> {
    payload: &'a Payload<'a>,
    session: Session<'a>,
    record: &'r mut Published,
    /// The data source as it was, if it was seen.
    before: Option<Datasource>,
    /// Tableau's own clock before the first commit, in whole seconds.
    since: Option<Timestamp>,
}

impl<'a> Publishing<'a, '_> {
    async fn run(&mut self) -> anyhow::Result<()> {
        let to = self.session.to;
        self.record.site = Some(self.session.sign_in().await?);
        self.note(format!("signed in to {}", to.site_name()));
        let key = self.find_project().await?;
        self.before = match to.mode {
            PublishMode::Append => lookup::expect(&mut self.session, &key).await?,
            PublishMode::Overwrite | PublishMode::CreateNew => {
                lookup::find(&mut self.session, &key).await?
            }
        };
        self.check_mode()?;
        if let Some(before) = self.before.clone() {
            self.keep(&before);
        }
        let seen = match self.commit(&key).await? {
            Commit::Seen(seen) => Some(self.settle(seen)),
            Commit::Accepted(Accepted::Published(done), _) => {
                self.arrived();
                self.keep(&done);
                self.verify(&key).await
            }
            Commit::Accepted(Accepted::Job(job), attempt) => {
                self.record.state = DataState::Accepted;
                self.note(format!("Tableau works on it as job {job}"));
                self.record.job = Some(job.clone());
                let waited = job::wait(&mut self.session, &job, to.wait).await?;
                if let Waited::RanOut = waited {
                    self.session.observer.on(job::ran_out(&job, to.wait));
                    if !to.tags.is_empty() {
                        self.warn("the tags are not set, as that needs the finished job".into());
                    }
                    return Ok(());
                }
                self.judge_job(waited, &key, attempt).await?
            }
        };
        if let Some(seen) = seen {
            self.confirm(&seen);
            self.dress(&seen).await;
        }
        Ok(())
    }

    async fn find_project(&mut self) -> anyhow::Result<DatasourceKey<'a>> {
        let to = self.session.to;
        let projects = calls::query_projects(&mut self.session).await?;
        let found = project::resolve(&to.project, &projects)?;
        self.note(format!("project `{}` ({})", found.path, found.id));
        self.record.project = Some(found.id.clone());
        self.record.project_path = Some(found.path.clone());
        Ok(DatasourceKey {
            name: &to.datasource,
            project: found,
        })
    }

    fn check_mode(&self) -> Result<(), Problem> {
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

    fn confirm(&mut self, seen: &Datasource) {
        let done = match self.record.change {
            Some(Change::Appended) => "appended to",
            Some(Change::Replaced) => "replaced",
            Some(Change::Created) | None => "created",
        };
        self.keep(seen);
        if let Some(before) = self.before.as_ref().filter(|before| before.id != seen.id) {
            self.warn(format!(
                "the LUID of `{}` changed from {} to {}; what refers to the old one is broken",
                seen.name, before.id, seen.id
            ));
        }
        let wanted = self.session.to.datasource.as_str();
        if seen.name != wanted {
            self.note(format!(
                "Tableau ignores the case of names and keeps `{}` for `{wanted}`",
                seen.name
            ));
        }
        let updated = seen
            .updated_at
            .as_deref()
            .map(|time| format!(" at {time}"))
            .unwrap_or_default();
        self.note(format!("{done} `{}` ({}){updated}", seen.name, seen.id));
    }

    /// Sets what a publish does not carry or may lose. The data is there, so failures are warnings.
    async fn dress(&mut self, seen: &Datasource) {
        let to = self.session.to;
        if let Some(wanted) = &self.description()
            && !seen
                .description
                .as_ref()
                .is_some_and(|shown| shown.is_same(wanted))
            && let Err(failure) =
                calls::update_data_source(&mut self.session, &seen.id, wanted).await
        {
            self.warn(format!(
                "the data is published, but its description is not: {failure}"
            ));
        }
        if !to.tags.is_empty()
            && let Err(failure) =
                calls::add_tags_to_data_source(&mut self.session, &seen.id, &to.tags).await
        {
            self.warn(format!("the data is published, but not tagged: {failure}"));
        }
    }

    /// The one asked for, else that of before: old servers empty it when they overwrite.
    fn description(&self) -> Option<Description> {
        let old = || self.before.as_ref()?.description.clone();
        self.session.to.description.clone().or_else(old)
    }

    fn keep(&mut self, datasource: &Datasource) {
        self.record.datasource = Some(datasource.id.clone());
        self.record.url = datasource
            .webpage_url
            .clone()
            .or_else(|| self.record.url.take());
    }

    fn note(&self, text: String) {
        self.session.observer.on(Event::Note(text));
    }

    fn warn(&self, text: String) {
        self.session.observer.on(Event::Warning(text));
    }
}

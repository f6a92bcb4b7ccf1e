//! Everything that touches Tableau: sign in, find, upload, commit, wait, verify, sign out.
//!
//! It takes a file and does not know where it came from. What a REST call looks like is known in
//! `session` and `xml`; here is the order of the calls and what to do when one of them fails.

mod call;
mod commit;
mod error;
mod job;
mod lookup;
mod names;
mod payload;
mod project;
mod requirements;
mod session;
mod upload;
mod xml;

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use jiff::Timestamp;

use self::commit::Commit;
use self::job::Waited;
use self::lookup::Target;
use self::payload::Payload;
use self::session::{Accepted, Session, site_name};
use self::xml::Datasource;
use crate::cancel::Cancel;
use crate::events::{Event, Observer};
use crate::http::{self, Url};
use crate::panics;

pub use self::error::{ApiError, CATALOGUE, Problem};
pub use self::names::{
    DatasourceName, Description, Luid, PersonalAccessToken, ProjectReference, SiteContentUrl, Tag,
    TokenName, TokenSecret,
};

/// A session that is not signed out ends by itself, so it is not worth waiting for.
const SIGN_OUT: Duration = Duration::from_secs(10);
/// A cancelled job is about to be killed.
const SHORT_SIGN_OUT: Duration = Duration::from_secs(2);

/// Where to publish, as whom, and how.
#[derive(Clone, Debug)]
pub struct Destination {
    /// Only scheme, host and port count.
    pub server: Url,
    /// The site to sign in to.
    pub site: SiteContentUrl,
    /// Who signs in.
    pub token: PersonalAccessToken,
    /// The project of the data source.
    pub project: ProjectReference,
    /// The name of the data source; Tableau ignores its case.
    pub datasource: DatasourceName,
    /// Left as it is when absent.
    pub description: Option<Description>,
    /// Added to those there are.
    pub tags: Vec<Tag>,
    /// What may happen to an existing data source.
    pub mode: PublishMode,
    /// How long to wait for the publish job; zero does not wait.
    pub wait: Duration,
}

/// What may happen to an existing data source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublishMode {
    /// It is replaced; a missing one is created.
    Overwrite,
    /// It keeps its rows and gets more; a missing one is an error.
    Append,
    /// It is not touched: that is an error.
    CreateNew,
}

/// How fast and how patiently to work.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Between the first two looks at something that is not ready; grows by half each time.
    pub first_wait: Duration,
    /// Ceiling of the growth.
    pub longest_wait: Duration,
    /// How long a new data source may be missing from Tableau's lists.
    pub index_lag: Duration,
    /// From the first byte of a call until its answer; uploads get more by their size.
    pub answer_limit: Duration,
    /// Bytes of the file in one call; Tableau takes up to 64 MB.
    pub chunk: u64,
    /// The step of Tableau's clock: a commit that only its time tells from earlier ones waits for the next.
    pub tick: Duration,
}

/// What happened to the data source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It did not exist before.
    Created,
    /// Its rows were replaced.
    Replaced,
    /// Rows were added to it.
    Appended,
}

/// What is known of the published data, whatever became of the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// Nothing of this run has reached it: it is as it was before.
    #[default]
    Untouched,
    /// The commit is on its way, or its end is not known.
    Unknown,
    /// Tableau has the whole file and works on it.
    Accepted,
    /// It is the data of this run.
    Changed,
}

/// What a run works with.
#[derive(Clone, Copy)]
pub struct Means<'a> {
    /// Sends the calls.
    pub http: &'a http::Client,
    /// How fast and how patiently.
    pub pace: &'a Pace,
    /// Who listens.
    pub observer: &'a dyn Observer,
    /// Ends the work in the middle; the session is signed out all the same.
    pub cancel: &'a Cancel,
}

/// What a run found and did, as far as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Published {
    /// Release of the server, such as `2026.2.0`.
    pub product_version: Option<String>,
    /// Version of the REST API spoken.
    pub api_version: Option<String>,
    /// The site.
    pub site: Option<Luid>,
    /// The project.
    pub project: Option<Luid>,
    /// The project's names from the top, separated by `/`.
    pub project_path: Option<String>,
    /// The data source; known early when it existed before.
    pub datasource: Option<Luid>,
    /// The data source's address in a browser.
    pub url: Option<String>,
    /// The publish job.
    pub job: Option<Luid>,
    /// What is known to have happened; absent also when the wait ran out.
    pub change: Option<Change>,
    /// What is known of the published data.
    pub standing: Standing,
    /// Size of the file.
    pub bytes: u64,
}

/// Publishes a `.hyper` file and makes sure that it arrived.
///
/// The record is filled as far as the run comes, also when it fails. A `wait` that runs out is a
/// warning and no error. Secrets that come into being are announced to the observer first.
pub async fn publish(
    to: &Destination,
    file: &Path,
    means: &Means<'_>,
    record: &mut Published,
) -> anyhow::Result<()> {
    let outcome = run(to, file, means, record).await;
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
    means: &Means<'_>,
    record: &mut Published,
) -> anyhow::Result<()> {
    let payload = Payload::open(file)?;
    record.bytes = payload.bytes;
    let Means {
        observer, cancel, ..
    } = *means;
    let (session, info) = cancel.unless(Session::open(to, means)).await?;
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
                .with_hint("set `site` to the part after /site/ in the browser's address")
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

impl Default for Pace {
    fn default() -> Pace {
        Pace {
            first_wait: Duration::from_millis(50),
            longest_wait: Duration::from_secs(30),
            index_lag: Duration::from_secs(30),
            answer_limit: Duration::from_mins(2),
            chunk: 50 << 20,
            tick: Duration::from_secs(1),
        }
    }
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
        self.note(format!("signed in to {}", site_name(to)));
        let target = self.find_project().await?;
        self.before = match to.mode {
            PublishMode::Append => lookup::expect(&mut self.session, &target).await?,
            PublishMode::Overwrite | PublishMode::CreateNew => {
                lookup::find(&mut self.session, &target).await?
            }
        };
        self.check_mode()?;
        if let Some(before) = self.before.clone() {
            self.keep(&before);
        }
        let seen = match self.commit(&target).await? {
            Commit::Seen(seen) => Some(self.settle(seen)),
            Commit::Accepted(Accepted::Published(done), _) => {
                self.arrived();
                self.keep(&done);
                self.verify(&target).await
            }
            Commit::Accepted(Accepted::Job(job), attempt) => {
                self.record.standing = Standing::Accepted;
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
                self.judge_job(waited, &target, attempt).await?
            }
        };
        if let Some(seen) = seen {
            self.confirm(&seen);
            self.dress(&seen).await;
        }
        Ok(())
    }

    async fn find_project(&mut self) -> anyhow::Result<Target<'a>> {
        let to = self.session.to;
        let projects = self.session.query_projects().await?;
        let place = project::resolve(&to.project, &projects)?;
        self.note(format!("project `{}` ({})", place.path, place.id));
        self.record.project = Some(place.id.clone());
        self.record.project_path = Some(place.path.clone());
        Ok(Target {
            name: &to.datasource,
            place,
        })
    }

    fn check_mode(&self) -> Result<(), Problem> {
        let to = self.session.to;
        match (to.mode, &self.before) {
            (PublishMode::CreateNew, Some(before)) => {
                Err(Problem::new(format!("the data source `{}` already exists ({})", before.name, before.id))
                    .with_hint("set `mode: overwrite` to replace it, or choose another `datasource`"))
            }
            (PublishMode::Append, None) => Err(Problem::new(format!(
                "there is no data source `{}` in this project to append to, or the token's user may not see it",
                to.datasource
            ))
            .with_hint(
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
            && let Err(failure) = self.session.update_data_source(&seen.id, wanted).await
        {
            self.warn(format!(
                "the data is published, but its description is not: {failure}"
            ));
        }
        if !to.tags.is_empty()
            && let Err(failure) = self
                .session
                .add_tags_to_data_source(&seen.id, &to.tags)
                .await
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

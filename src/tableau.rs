//! Everything that touches Tableau: sign in, find, upload, commit, wait, verify, sign out.
//!
//! It takes a file and does not know where it came from. What a REST call looks like is known in
//! `session` and `xml`; here is the order of the calls and what to do when one of them fails.

mod call;
mod error;
mod fitness;
mod job;
mod lookup;
mod name;
mod project;
mod session;
mod upload;
mod xml;

use std::path::Path;
use std::time::Duration;

use anyhow::Context;

use self::job::Waited;
use self::lookup::{Sight, Target};
use self::session::{Accepted, Publication, Session, site_name};
use self::upload::Upload;
use self::xml::Datasource;
use crate::cancel::Cancel;
use crate::events::{Event, Observer};
use crate::http::{self, Url};

pub use self::error::{ApiError, CATALOGUE, Problem};
pub use self::name::{
    DatasourceName, Description, Luid, PersonalAccessToken, ProjectReference, SiteContentUrl, Tag,
    TokenName, TokenSecret,
};

/// Why nobody knows how a commit ended.
const LOST: &str = "Tableau's answer to the commit was lost";

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
    let metadata = tokio::fs::metadata(file).await;
    record.bytes = metadata
        .with_context(|| format!("cannot read `{}`", file.display()))?
        .len();
    if record.bytes == 0 {
        return Err(Problem::new(format!("the file `{}` is empty", file.display())).into());
    }
    let Means {
        observer, cancel, ..
    } = *means;
    let (mut session, info) = cancel.unless(Session::open(to, means)).await?;
    let host = session.base.origin().ascii_serialization();
    observer.on(Event::Note(format!(
        "Tableau {} at {host}, REST API {}",
        info.product, session.version
    )));
    record.api_version = Some(session.version.to_string());
    fitness::check_server(&info.product)?;
    if let Some(warning) = fitness::size_warning(&host, record.bytes) {
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
    record.site = Some(cancel.unless(session.sign_in()).await?);
    observer.on(Event::Note(format!("signed in to {}", site_name(to))));
    let mut publishing = Publishing {
        file,
        session,
        record,
    };
    let outcome = cancel.unless(publishing.run()).await;
    let limit = if cancel.is_told() {
        SHORT_SIGN_OUT
    } else {
        SIGN_OUT
    };
    publishing.session.sign_out(limit).await;
    outcome
}

impl Default for Pace {
    fn default() -> Pace {
        Pace {
            first_wait: Duration::from_millis(50),
            longest_wait: Duration::from_secs(30),
            index_lag: Duration::from_secs(30),
            answer_limit: Duration::from_mins(2),
            chunk: 50 << 20,
        }
    }
}

/// The part of the run that is signed in.
struct Publishing<'a, 'r> {
    file: &'a Path,
    session: Session<'a>,
    record: &'r mut Published,
}

/// How the commit ended.
enum Commit {
    Accepted(Accepted, Attempt),
    /// The answer was lost, but the data source has changed.
    Seen(Datasource),
}

/// Which commit it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Attempt {
    First,
    /// The first one's answer was lost, and nothing was seen of its work.
    Second,
}

impl<'a> Publishing<'a, '_> {
    async fn run(&mut self) -> anyhow::Result<()> {
        let to = self.session.to;
        let target = self.find_project().await?;
        let before = lookup::find(&mut self.session, &target).await?;
        self.check_mode(before.as_ref())?;
        if let Some(before) = &before {
            self.keep(before);
        }
        // Old servers empty the description of what they overwrite.
        let old = before
            .as_ref()
            .and_then(|before| before.description.clone());
        let description = to.description.clone().or(old);
        let commit = self
            .commit(&target, before.as_ref(), description.as_ref())
            .await?;
        let seen = match commit {
            Commit::Seen(seen) => {
                self.settle(before.as_ref());
                Some(seen)
            }
            Commit::Accepted(Accepted::Published(done), _) => {
                self.settle(before.as_ref());
                self.keep(&done);
                self.verify(&target, before.as_ref()).await
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
                self.judge_job(waited, &target, before.as_ref(), attempt)
                    .await?
            }
        };
        if let Some(seen) = seen {
            self.confirm(before.as_ref(), &seen);
            self.dress(&seen, description.as_ref()).await;
        }
        Ok(())
    }

    /// Takes the end of a job for what it means here.
    async fn judge_job(
        &mut self,
        waited: Waited,
        target: &Target<'_>,
        before: Option<&Datasource>,
        attempt: Attempt,
    ) -> Result<Option<Datasource>, Problem> {
        match waited {
            Waited::Failed(problem) if attempt == Attempt::First => {
                self.record.standing = Standing::Untouched;
                Err(problem)
            }
            // The first commit, whose answer was lost, may be what made the second one's job fail.
            Waited::Failed(problem) => {
                self.record.standing = Standing::Unknown;
                self.warn(format!(
                    "{problem}; looking whether the first commit arrived"
                ));
                let seen = self.look_for_change(target, before, LOST).await?;
                let seen = seen.ok_or(problem)?;
                self.settle(before);
                Ok(Some(seen))
            }
            Waited::Unclear(reason) => {
                self.record.standing = Standing::Unknown;
                let seen = self.make_sure(target, before, &reason).await?;
                self.settle(before);
                Ok(Some(seen))
            }
            Waited::Done | Waited::RanOut => {
                self.settle(before);
                Ok(self.verify(target, before).await)
            }
        }
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

    fn check_mode(&self, before: Option<&Datasource>) -> Result<(), Problem> {
        let to = self.session.to;
        match (to.mode, before) {
            (PublishMode::CreateNew, Some(before)) => {
                Err(Problem::new(format!("the data source `{}` already exists ({})", before.name, before.id))
                    .with_hint("set `mode: overwrite` to replace it, or choose another `datasource`"))
            }
            (PublishMode::Append, None) => Err(Problem::new(format!(
                "there is no data source `{}` in this project to append to, or the token's user may not see it",
                to.datasource
            ))
            .with_hint("set `mode: overwrite` to create it, or check `datasource` and `project`")),
            _ => Ok(()),
        }
    }

    /// Uploads and commits, a second time where that can do no harm.
    async fn commit(
        &mut self,
        target: &Target<'_>,
        before: Option<&Datasource>,
        description: Option<&Description>,
    ) -> anyhow::Result<Commit> {
        let mode = self.session.to.mode;
        let name = target.name.as_str();
        let publication = Publication {
            name,
            description,
            project: &target.place.id,
            mode,
        };
        let mut upload = Upload::new(self.file, self.record.bytes, self.session.pace.chunk);
        let mut attempt = Attempt::First;
        loop {
            let sent = upload.send(&mut self.session).await;
            let id = match attempt {
                Attempt::First => sent?,
                Attempt::Second => {
                    sent.map_err(|error| self.unknown(before, LOST).due_to(error))?
                }
            };
            self.record.standing = Standing::Unknown;
            let failure = match self.session.publish_data_source(&id, &publication).await {
                Ok(accepted) => return Ok(Commit::Accepted(accepted, attempt)),
                Err(failure) => failure,
            };
            if attempt == Attempt::First && !failure.is_doubtful() {
                self.record.standing = Standing::Untouched;
            }
            if failure.code() == Some("404015") && upload.may_restart() {
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
            if let Some(seen) = self.look_for_change(target, before, LOST).await? {
                self.warn(format!(
                    "`{}` has changed since the commit; taking that for the work of this run",
                    seen.name
                ));
                return Ok(Commit::Seen(seen));
            }
            if attempt == Attempt::Second || mode == PublishMode::Append {
                return Err(self.unknown(before, LOST).because(failure).into());
            }
            self.warn("nothing has changed; publishing again".into());
            attempt = Attempt::Second;
        }
    }

    /// Looks for the work of a call or job that did not tell its result.
    ///
    /// Rows appended twice do more harm than waiting, so append waits longer.
    async fn look_for_change(
        &mut self,
        target: &Target<'_>,
        before: Option<&Datasource>,
        reason: &str,
    ) -> Result<Option<Datasource>, Problem> {
        let lag = self.session.pace.index_lag;
        let patience = if self.session.to.mode == PublishMode::Append {
            lag * 10
        } else {
            lag
        };
        let known = before.map(|before| before.id.clone());
        let known = (before, known.as_ref());
        match lookup::watch(&mut self.session, target, known, |_| patience).await {
            Ok(Sight::Changed(seen)) => Ok(Some(seen)),
            Ok(Sight::Same(_) | Sight::Absent) => Ok(None),
            Err(failure) => {
                let reason = format!("{reason}, and the data source cannot be looked at");
                Err(self.unknown(before, &reason).because(failure))
            }
        }
    }

    /// After an end without a result: only a changed data source is a success.
    async fn make_sure(
        &mut self,
        target: &Target<'_>,
        before: Option<&Datasource>,
        reason: &str,
    ) -> Result<Datasource, Problem> {
        self.note(format!("{reason}; looking at the data source instead"));
        let seen = self.look_for_change(target, before, reason).await?;
        seen.ok_or_else(|| self.unknown(before, reason))
    }

    fn unknown(&self, before: Option<&Datasource>, reason: &str) -> Problem {
        let to = self.session.to;
        let last = match before.and_then(|before| before.updated_at.as_deref()) {
            Some(updated) => format!("last seen change of `{}`: {updated}", to.datasource),
            None => format!("`{}` was not seen", to.datasource),
        };
        let place = before.and_then(|before| before.webpage_url.as_deref());
        let place = place.map(|url| format!(" at {url}")).unwrap_or_default();
        let hint = match to.mode {
            PublishMode::Append => format!(
                "count the rows of `datasource`{place} before running again: with `mode: append` a second run may double them"
            ),
            _ => format!(
                "look at `datasource`{place}; with `mode: overwrite` running again is harmless"
            ),
        };
        Problem::new(format!(
            "{reason}; it is not known whether the data will arrive ({last})"
        ))
        .with_hint(hint)
    }

    /// After a job that succeeded: finds what it made. Its word counts more than what lists show.
    async fn verify(
        &mut self,
        target: &Target<'_>,
        before: Option<&Datasource>,
    ) -> Option<Datasource> {
        let lag = self.session.pace.index_lag;
        let known = self.record.datasource.clone();
        let patience = |sight: &Sight| match sight {
            Sight::Same(_) => lag / 10,
            Sight::Changed(_) | Sight::Absent => lag,
        };
        let known = (before, known.as_ref());
        match lookup::watch(&mut self.session, target, known, patience).await {
            Ok(Sight::Changed(seen)) => Some(seen),
            Ok(Sight::Same(seen)) => {
                let updated = seen.updated_at.as_deref().unwrap_or("an unknown time");
                self.warn(format!(
                    "Tableau reports success, but `{}` still shows its last change of {updated}; Tableau counts in whole \
                     seconds, so a second publish within one looks like this",
                    seen.name
                ));
                Some(seen)
            }
            Ok(Sight::Absent) => {
                self.warn(format!(
                    "Tableau reports success, but `{}` is not listed in project `{}` yet; its LUID is unknown",
                    target.name, target.place.path
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

    /// The data has arrived; whatever is found out or set afterwards does not change that.
    fn settle(&mut self, before: Option<&Datasource>) {
        self.record.standing = Standing::Changed;
        self.record.change = Some(match (before, self.session.to.mode) {
            (None, _) => Change::Created,
            (Some(_), PublishMode::Append) => Change::Appended,
            (Some(_), _) => Change::Replaced,
        });
    }

    fn confirm(&mut self, before: Option<&Datasource>, seen: &Datasource) {
        let done = match self.record.change {
            Some(Change::Appended) => "appended to",
            Some(Change::Replaced) => "replaced",
            Some(Change::Created) | None => "created",
        };
        self.keep(seen);
        if let Some(before) = before.filter(|before| before.id != seen.id) {
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
    async fn dress(&mut self, seen: &Datasource, description: Option<&Description>) {
        let to = self.session.to;
        if let Some(wanted) = description
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

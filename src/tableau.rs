//! Everything that touches Tableau: sign in, find, upload, commit, wait, verify, sign out.
//!
//! It takes a file and does not know where it came from. Here is the order of the work ([`publish`], `deliver`);
//! each step has its file, and below the steps lie three layers that know nothing of the order:
//!
//! | layer | files |
//! |---|---|
//! | steps | `requirements` `project` `lookup` `upload` `commit` `job` `verify`, `doubt` for what nobody tells |
//! | what the steps share | `publishing`, `payload` |
//! | the REST API | `calls` (one function each) `pages` over `session` `server`, which send a `call` and judge its `reply` |
//! | documents and words | `requests` `answers` `xml` `error` `failure` `names` `token` `destination` `context` `published` `backoff` `random` |

mod answers;
mod backoff;
mod call;
mod calls;
mod commit;
mod context;
mod destination;
mod doubt;
mod error;
mod failure;
mod job;
mod lookup;
mod names;
mod pages;
mod payload;
mod project;
mod published;
mod publishing;
mod reply;
mod requests;
mod requirements;
mod server;
mod session;
mod token;
mod upload;
mod verify;
mod xml;

use std::path::Path;
use std::time::Duration;

use anyhow::Context;

use self::answers::Datasource;
use self::calls::Accepted;
use self::commit::Commit;
use self::lookup::DatasourceKey;
use self::payload::Payload;
use self::publishing::Publishing;
use crate::events::Event;
use crate::panics;

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
///
/// An error names what was to be published, and below it what stood in the way: a [`Problem`](crate::problem::Problem),
/// an [`ApiError`] or an [`http::Error`](crate::http::Error), each with a hint that names the input to change.
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
    requirements::check_site(&to.site, &host)?;
    let mut publishing = Publishing {
        payload: &payload,
        session,
        record,
        before: None,
        since: None,
    };
    let outcome = panics::caught_in(Box::pin(cancel.unless(deliver(&mut publishing)))).await;
    let limit = if cancel.is_told() {
        SHORT_SIGN_OUT
    } else {
        SIGN_OUT
    };
    publishing.session.sign_out(limit).await;
    outcome.unwrap_or_else(|panicked| Err(panicked.into()))
}

/// What happens between signing in and signing out, in its order.
async fn deliver(publishing: &mut Publishing<'_, '_>) -> anyhow::Result<()> {
    let to = publishing.session.to;
    publishing.record.site = Some(publishing.session.sign_in().await?);
    publishing.note(format!("signed in to {}", to.site_name()));
    let key = find_project(publishing).await?;
    find_before(publishing, &key).await?;
    let committed = commit::upload_and_commit(publishing, &key).await?;
    if let Some(seen) = finish(publishing, &key, committed).await? {
        verify::confirm(publishing, &seen);
        verify::set_details(publishing, &seen).await;
    }
    Ok(())
}

/// Finds where the data source lies, or will.
async fn find_project<'a>(
    publishing: &mut Publishing<'a, '_>,
) -> anyhow::Result<DatasourceKey<'a>> {
    let to = publishing.session.to;
    let projects = calls::query_projects(&mut publishing.session).await?;
    let found = project::resolve(&to.project, &projects)?;
    publishing.note(format!("project `{}` ({})", found.path, found.id));
    publishing.record.project = Some(found.id.clone());
    publishing.record.project_path = Some(found.path.clone());
    Ok(DatasourceKey {
        name: &to.datasource,
        project: found,
    })
}

/// Finds what the run will create, replace or append to, and whether it may.
async fn find_before(
    publishing: &mut Publishing<'_, '_>,
    key: &DatasourceKey<'_>,
) -> anyhow::Result<()> {
    publishing.before = match publishing.session.to.mode {
        PublishMode::Append => lookup::expect(&mut publishing.session, key).await?,
        PublishMode::Overwrite | PublishMode::CreateNew => {
            lookup::find(&mut publishing.session, key).await?
        }
    };
    publishing.check_mode()?;
    if let Some(before) = publishing.before.clone() {
        publishing.record_datasource(&before);
    }
    Ok(())
}

/// Waits until Tableau has done what it accepted; returns the data source if it is there to be described.
async fn finish(
    publishing: &mut Publishing<'_, '_>,
    key: &DatasourceKey<'_>,
    committed: Commit,
) -> anyhow::Result<Option<Datasource>> {
    match committed {
        Commit::Seen(seen) => {
            publishing.record_arrival();
            Ok(Some(seen))
        }
        Commit::Accepted(Accepted::Published(done), _) => {
            publishing.record_arrival();
            publishing.record_datasource(&done);
            Ok(verify::find_published(publishing, key).await)
        }
        Commit::Accepted(Accepted::Job(job), attempt) => {
            publishing.record.state = DataState::Accepted;
            publishing.note(format!("Tableau works on it as job {job}"));
            publishing.record.job = Some(job.clone());
            let wait = publishing.session.to.wait;
            let waited = job::wait(&mut publishing.session, &job, wait).await?;
            Ok(verify::judge_job(publishing, waited, key, attempt).await?)
        }
    }
}

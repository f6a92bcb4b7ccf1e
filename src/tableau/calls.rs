//! One function per call of the REST API, named as in Tableau's reference.
//!
//! What signs in and out, and finds the server, is in `session` and `server`.

use super::answers::{Datasource, Job, Project};
use super::call::{Call, Content, FileChunk, encode};
use super::destination::PublishMode;
use super::failure::CallFailure;
use super::names::{Description, Luid, Tag};
use super::session::Session;
use super::{pages, requests};
use crate::http::{Method, Replay};

/// What to publish under which name, and how.
pub(super) struct Publication<'p> {
    pub(super) name: &'p str,
    pub(super) description: Option<&'p Description>,
    pub(super) project: &'p Luid,
    pub(super) mode: PublishMode,
}

/// Tableau's answer to a commit.
pub(super) enum Accepted {
    /// It will be done.
    Job(Luid),
    /// It is done.
    Published(Datasource),
}

/// Query Projects, all pages.
pub(super) async fn query_projects(session: &mut Session<'_>) -> Result<Vec<Project>, CallFailure> {
    let call = Call::get("list the projects", &["projects"]);
    pages::read_all(
        session,
        call,
        ("projects", "project"),
        Project::read,
        |project| &project.id,
    )
    .await
}

/// Query Data Sources, all pages; the filter is percent-encoded already.
pub(super) async fn query_data_sources(
    session: &mut Session<'_>,
    filter: Option<String>,
) -> Result<Vec<Datasource>, CallFailure> {
    let mut call = Call::get("look up the data source", &["datasources"]);
    call.query = filter
        .map(|filter| format!("filter={filter}&"))
        .unwrap_or_default();
    pages::read_all(
        session,
        call,
        ("datasources", "datasource"),
        Datasource::read,
        |datasource| &datasource.id,
    )
    .await
}

/// Query Data Source.
pub(super) async fn query_data_source(
    session: &mut Session<'_>,
    id: &Luid,
) -> Result<Datasource, CallFailure> {
    let path = ["datasources", id.as_str()];
    let call = Call::get("look at the data source", &path);
    let answer = session.call(&call).await?;
    let found = answer.child("datasource").and_then(Datasource::read);
    found.ok_or_else(|| session.unusable(&call, "the data source is missing"))
}

/// Initiate File Upload; returns the id of the upload session.
pub(super) async fn initiate_file_upload(session: &mut Session<'_>) -> Result<String, CallFailure> {
    let call = Call {
        method: Method::POST,
        ..Call::get("begin the upload", &["fileUploads"])
    };
    let answer = session.call(&call).await?;
    let id = answer
        .child("fileUpload")
        .and_then(|upload| upload.attribute("uploadSessionId"));
    id.map(str::to_owned)
        .ok_or_else(|| session.unusable(&call, "`uploadSessionId` is missing"))
}

/// Append to File Upload; never sent twice, as a second execution would double the bytes.
pub(super) async fn append_to_file_upload(
    session: &mut Session<'_>,
    upload: &str,
    chunk: FileChunk,
) -> Result<(), CallFailure> {
    let path = ["fileUploads", upload];
    let call = Call {
        method: Method::PUT,
        content: Content::chunk(chunk),
        replay: Replay::Never,
        ..Call::get("append to the upload", &path)
    };
    call_for(session, &call, "fileUpload").await
}

/// Publish Data Source from an upload session, as a job.
pub(super) async fn publish_data_source(
    session: &mut Session<'_>,
    upload: &str,
    publication: &Publication<'_>,
) -> Result<Accepted, CallFailure> {
    let document = requests::publish(
        publication.name,
        publication.description,
        publication.project,
    );
    let mode = match publication.mode {
        PublishMode::Overwrite => "&overwrite=true",
        PublishMode::Append => "&append=true",
        PublishMode::CreateNew => "",
    };
    let upload = encode(upload);
    let call = Call {
        method: Method::POST,
        query: format!("datasourceType=hyper{mode}&asJob=true&uploadSessionId={upload}"),
        content: Content::payload(&document),
        replay: Replay::Never,
        ..Call::get("commit the upload", &["datasources"])
    };
    let answer = session.call(&call).await?;
    if let Some(job) = answer.child("job").and_then(|job| Job::read(job).id) {
        return Ok(Accepted::Job(job));
    }
    let published = answer
        .child("datasource")
        .and_then(Datasource::read)
        .map(Accepted::Published);
    published.ok_or_else(|| session.unusable(&call, "neither a job nor a data source came"))
}

/// Query Job.
pub(super) async fn query_job(session: &mut Session<'_>, id: &Luid) -> Result<Job, CallFailure> {
    let path = ["jobs", id.as_str()];
    let call = Call::get("look at the publish job", &path);
    let answer = session.call(&call).await?;
    let job = answer.child("job").map(Job::read);
    job.ok_or_else(|| session.unusable(&call, "the job is missing"))
}

/// Update Data Source: the description, and nothing else.
pub(super) async fn update_data_source(
    session: &mut Session<'_>,
    id: &Luid,
    description: &Description,
) -> Result<(), CallFailure> {
    let path = ["datasources", id.as_str()];
    let content = Content::Xml(requests::describe(description));
    let call = Call {
        method: Method::PUT,
        content,
        ..Call::get("set the description", &path)
    };
    call_for(session, &call, "datasource").await
}

/// Add Tags to Data Source; those it has are kept.
pub(super) async fn add_tags_to_data_source(
    session: &mut Session<'_>,
    id: &Luid,
    tags: &[Tag],
) -> Result<(), CallFailure> {
    let path = ["datasources", id.as_str(), "tags"];
    let content = Content::Xml(requests::tags(tags));
    let call = Call {
        method: Method::PUT,
        content,
        ..Call::get("add the tags", &path)
    };
    call_for(session, &call, "tags").await
}

/// Makes a call whose answer tells nothing but that Tableau itself has acted.
async fn call_for(
    session: &mut Session<'_>,
    call: &Call<'_>,
    element: &str,
) -> Result<(), CallFailure> {
    let answer = session.call(call).await?;
    match answer.child(element) {
        Some(_) => Ok(()),
        None => Err(session.unusable(call, &format!("`{element}` is missing"))),
    }
}

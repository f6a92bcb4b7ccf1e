//! One method per call of the REST API, named as in Tableau's reference.
//!
//! A session answers every call refused with 401002 by signing in again, once.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use secrecy::SecretString;

use super::answers::{ApiVersion, Datasource, Job, Project, ServerInfo};
use super::call::{Call, CallScope, Content, FileChunk, encode};
use super::context::{Pace, PublishContext};
use super::destination::{Destination, PublishMode};
use super::failure::CallFailure;
use super::names::{Description, Luid, Tag};
use super::requests;
use crate::events::{Event, Observer};
use crate::http::header::HeaderValue;
use crate::http::{self, Method, Redirects, Replay, Url};
use crate::problem::Problem;
use crate::secrets;

/// The first release with personal access tokens (Tableau 2019.4).
const OLDEST: ApiVersion = ApiVersion(3, 6);
/// The newest release this client was written for; servers keep speaking older ones.
const NEWEST: ApiVersion = ApiVersion(3, 29);

/// A conversation with one server as one user on one site.
pub(super) struct Session<'a> {
    pub(super) to: &'a Destination,
    pub(super) pace: &'a Pace,
    pub(super) observer: &'a dyn Observer,
    pub(super) http: &'a http::Client,
    /// Scheme, host and port: those of `server-url`, or https on its host if http was redirected there.
    pub(super) base: Url,
    pub(super) version: ApiVersion,
    pub(super) credentials: Option<Credentials>,
    /// The latest time at which Tableau has dated an answer.
    pub(super) clock: Option<Timestamp>,
    /// When `clock` was first seen as it is.
    pub(super) ticked: Instant,
    /// Bytes of Tableau's answers.
    pub(super) received: u64,
    /// When the token was last replaced during the session.
    pub(super) renewed: Option<Instant>,
    /// Since when another run keeps taking the token, and the waits for it so far.
    pub(super) displaced: Option<(Instant, u32)>,
    /// Warnings of Tableau that were passed on.
    pub(super) warnings: HashSet<String>,
    /// How often the token was replaced during the session.
    pub(super) n_renewals: u32,
}

/// What a sign-in brings; valid until the same token signs in elsewhere.
pub(super) struct Credentials {
    /// Marked sensitive.
    pub(super) header: HeaderValue,
    pub(super) site: Luid,
}

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

impl<'a> Session<'a> {
    /// Server Info: finds out where the server is and what it speaks.
    pub(super) async fn open(
        to: &'a Destination,
        context: &PublishContext<'a>,
    ) -> anyhow::Result<(Session<'a>, ServerInfo)> {
        // 2.4 is the oldest version with this call, and every server still knows it.
        let version = ApiVersion(2, 4);
        let base = to.server.clone();
        let PublishContext {
            http,
            pace,
            observer,
            ..
        } = *context;
        let mut session = Session {
            to,
            pace,
            observer,
            http,
            base,
            version,
            credentials: None,
            clock: None,
            ticked: Instant::now(),
            received: 0,
            renewed: None,
            displaced: None,
            warnings: HashSet::new(),
            n_renewals: 0,
        };
        let call = Call {
            scope: CallScope::Server,
            ..Call::get("ask for the server's version", &["serverInfo"])
        };
        let request = session.request(&call, Redirects::SameOrigin);
        let answer = http.exchange(&request, observer).await;
        let answer = answer.map_err(CallFailure::Unanswered)?;
        // What it is redirected to decides no more than whether to speak https.
        let url = Url::parse(&answer.url.origin().ascii_serialization())?;
        let info = Session::judge(&call, &request.url, &answer).and_then(|answer| {
            ServerInfo::read(&answer)
                .ok_or_else(|| session.unusable(&call, "`restApiVersion` is missing"))
        });
        let info = info.map_err(|failure| no_server(&url, failure))?;
        session.version = info.rest_api.min(NEWEST);
        session.base = url;
        if session.version < OLDEST {
            return Err(Problem::new(format!(
                "the server is Tableau {} with REST API {}, and personal access tokens came with {OLDEST} (2019.4)",
                info.product, info.rest_api
            ))
            .hint("update the server, or give another `server-url`")
            .into());
        }
        Ok((session, info))
    }

    /// Sign In; ends any other session of the same token.
    pub(super) async fn sign_in(&mut self) -> Result<Luid, CallFailure> {
        let call = Call {
            method: Method::POST,
            content: Content::Xml(requests::sign_in(&self.to.token, &self.to.site)),
            scope: CallScope::SignIn,
            ..Call::get("sign in to Tableau", &["auth", "signin"])
        };
        let answer = self
            .call_once(&call)
            .await
            .map_err(|failure| match failure.code() {
                Some("401001") => failure.meaning(format!(
                    "the token is wrong, expired or revoked, or this server has no {}{}",
                    site_name(self.to),
                    if self.to.token.secret.has_usual_form() {
                        ""
                    } else {
                        "; what stands in `pat-secret` does not have the form of a secret, which is `…==:…`"
                    }
                )),
                _ => failure,
            })?;
        let credentials = answer.child("credentials");
        let token = credentials.and_then(|found| found.attribute("token"));
        let site = credentials.and_then(|found| found.child("site")?.attribute("id"));
        let header = token.and_then(|token| HeaderValue::from_str(token).ok());
        let (Some(token), Some(mut header), Some(site)) =
            (token, header, site.and_then(Luid::from_server))
        else {
            return Err(self.unusable(&call, "the token or the site is missing"));
        };
        let token = SecretString::from(token);
        secrets::keep(&token);
        header.set_sensitive(true);
        self.credentials = Some(Credentials {
            header,
            site: site.clone(),
        });
        self.observer.on(Event::Secret(token));
        Ok(site)
    }

    /// Sign Out; what happens to it makes no difference any more.
    pub(super) async fn sign_out(mut self, limit: Duration) {
        let call = Call {
            method: Method::POST,
            replay: Replay::Never,
            scope: CallScope::Server,
            ..Call::get("sign out of Tableau", &["auth", "signout"])
        };
        if self.credentials.is_some() {
            self.observer = &|_: Event| {};
            let _ = tokio::time::timeout(limit, self.call_once(&call)).await;
        }
    }

    /// Query Projects, all pages.
    pub(super) async fn query_projects(&mut self) -> Result<Vec<Project>, CallFailure> {
        let call = Call::get("list the projects", &["projects"]);
        self.pages(call, ("projects", "project"), Project::read, |project| {
            &project.id
        })
        .await
    }

    /// Query Data Sources, all pages; the filter is percent-encoded already.
    pub(super) async fn query_data_sources(
        &mut self,
        filter: Option<String>,
    ) -> Result<Vec<Datasource>, CallFailure> {
        let mut call = Call::get("look up the data source", &["datasources"]);
        call.query = filter
            .map(|filter| format!("filter={filter}&"))
            .unwrap_or_default();
        self.pages(
            call,
            ("datasources", "datasource"),
            Datasource::read,
            |datasource| &datasource.id,
        )
        .await
    }

    /// Query Data Source.
    pub(super) async fn query_data_source(&mut self, id: &Luid) -> Result<Datasource, CallFailure> {
        let path = ["datasources", id.as_str()];
        let call = Call::get("look at the data source", &path);
        let answer = self.call(&call).await?;
        let found = answer.child("datasource").and_then(Datasource::read);
        found.ok_or_else(|| self.unusable(&call, "the data source is missing"))
    }

    /// Initiate File Upload; returns the id of the upload session.
    pub(super) async fn initiate_file_upload(&mut self) -> Result<String, CallFailure> {
        let call = Call {
            method: Method::POST,
            ..Call::get("begin the upload", &["fileUploads"])
        };
        let answer = self.call(&call).await?;
        let id = answer
            .child("fileUpload")
            .and_then(|upload| upload.attribute("uploadSessionId"));
        id.map(str::to_owned)
            .ok_or_else(|| self.unusable(&call, "`uploadSessionId` is missing"))
    }

    /// Append to File Upload; never sent twice, as a second execution would double the bytes.
    pub(super) async fn append_to_file_upload(
        &mut self,
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
        self.call_for(&call, "fileUpload").await
    }

    /// Publish Data Source from an upload session, as a job.
    pub(super) async fn publish_data_source(
        &mut self,
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
        let answer = self.call(&call).await?;
        if let Some(job) = answer.child("job").and_then(|job| Job::read(job).id) {
            return Ok(Accepted::Job(job));
        }
        let published = answer
            .child("datasource")
            .and_then(Datasource::read)
            .map(Accepted::Published);
        published.ok_or_else(|| self.unusable(&call, "neither a job nor a data source came"))
    }

    /// Query Job.
    pub(super) async fn query_job(&mut self, id: &Luid) -> Result<Job, CallFailure> {
        let path = ["jobs", id.as_str()];
        let call = Call::get("look at the publish job", &path);
        let answer = self.call(&call).await?;
        let job = answer.child("job").map(Job::read);
        job.ok_or_else(|| self.unusable(&call, "the job is missing"))
    }

    /// Update Data Source: the description, and nothing else.
    pub(super) async fn update_data_source(
        &mut self,
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
        self.call_for(&call, "datasource").await
    }

    /// Add Tags to Data Source; those it has are kept.
    pub(super) async fn add_tags_to_data_source(
        &mut self,
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
        self.call_for(&call, "tags").await
    }

    /// Makes a call whose answer tells nothing but that Tableau itself has acted.
    async fn call_for(&mut self, call: &Call<'_>, element: &str) -> Result<(), CallFailure> {
        let answer = self.call(call).await?;
        match answer.child(element) {
            Some(_) => Ok(()),
            None => Err(self.unusable(call, &format!("`{element}` is missing"))),
        }
    }
}

/// Names the site in a message.
pub(super) fn site_name(to: &Destination) -> String {
    if to.site.is_default() {
        "default site".to_owned()
    } else {
        format!("site `{}`", to.site)
    }
}

fn no_server(url: &Url, failure: CallFailure) -> anyhow::Error {
    let is_foreign = failure.code().is_none()
        && failure
            .status()
            .is_some_and(|status| status < 500 && status != 429);
    let host = url.origin().ascii_serialization();
    let message = if is_foreign {
        format!("`{host}` is not a Tableau server, or something stands in front of it")
    } else if matches!(failure.code(), Some("404001" | "404003")) {
        format!(
            "`{host}` does not tell its version; personal access tokens need Tableau 2019.4 or later"
        )
    } else {
        return failure.into();
    };
    Problem::new(message)
        .hint("check `server-url`: the address of a Tableau Server, or of the Tableau Cloud pod the site lives on")
        .because(failure)
        .into()
}

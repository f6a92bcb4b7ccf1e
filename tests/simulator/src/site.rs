//! The state of a Tableau site and its answers. Sockets live in `wire`; the only I/O is the uploaded files.

pub(crate) mod call;
mod clock;
mod connections;
mod datasources;
mod engine;
pub(crate) mod error;
mod jobs;
mod listing;
mod package;
mod paging;
mod projects;
mod publish;
mod sample;
mod session;
mod settings;
pub(crate) mod store;
mod tds;
mod tdsx;
mod uploads;

use std::path::PathBuf;

use call::{Answer, Call, NoRoute, Query, Route};
use clock::{Clock, Ids};
pub use connections::{Connection, Connections};
pub use engine::{Column, Table, Tables};
use error::{ApiError, Refusal};
pub use jobs::{Job, JobState};
pub use listing::FilterCase;
pub use sample::{CONTENT_URL, DEFAULT_PROJECT, PROJECT, TOKEN_NAME, TOKEN_SECRET};
use session::Session;
pub use settings::{
    AsJob, DescriptionAtPublish, Downloads, JobOutcome, Paging, Replace, Seconds, Settings,
    UploadLife, WithoutExtract,
};
use store::Store;
pub use tds::{CalculatedField, Caption, Folder};
pub use uploads::Upload;

use crate::faults::Operation;
use crate::xml::{self, Element};

/// A site of a Tableau server: everything the outside can see or change.
#[derive(Debug)]
pub struct Site {
    /// The LUID of the site.
    pub luid: String,
    /// The URL name, used at sign-in.
    pub content_url: String,
    /// The display name.
    pub name: String,
    /// The users; the first one owns what nobody else owns.
    pub users: Vec<User>,
    /// The personal access tokens that can sign in.
    pub tokens: Vec<PersonalAccessToken>,
    /// The projects.
    pub projects: Vec<Project>,
    /// The published data sources.
    pub datasources: Vec<Datasource>,
    /// The jobs, finished or not.
    pub jobs: Vec<Job>,
    /// The upload sessions nobody has committed.
    pub uploads: Vec<Upload>,
    /// Every request so far, without secrets.
    pub requests: Vec<Request>,
    /// The way this server is.
    pub settings: Settings,
    pub(crate) store: Store,
    pub(crate) address: String,
    pub(crate) engine: Option<Box<dyn Tables>>,
    sessions: Vec<Session>,
    clock: Clock,
    ids: Ids,
}

/// A user of the site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The LUID.
    pub luid: String,
    /// The user name.
    pub name: String,
    /// The site role, such as `Creator`.
    pub site_role: String,
}

/// A personal access token; one session at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonalAccessToken {
    /// The name.
    pub name: String,
    /// The secret.
    pub secret: String,
    /// The LUID of its user.
    pub user: String,
}

/// A project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    /// The LUID.
    pub luid: String,
    /// The name, unique among its siblings.
    pub name: String,
    /// The LUID of the project around it.
    pub parent: Option<String>,
    /// The description.
    pub description: String,
    /// The LUID of its owner.
    pub owner: String,
    /// When it was made.
    pub created_at: String,
}

/// A published data source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datasource {
    /// The LUID, which survives an overwrite.
    pub luid: String,
    /// The LUID of its project.
    pub project: String,
    /// The name, unique within the project in any case.
    pub name: String,
    /// The description; empty if there is none.
    pub description: String,
    /// The tags.
    pub tags: Vec<String>,
    /// The name in URLs, unique on the site.
    pub content_url: String,
    /// The number in the browser address.
    pub number: u64,
    /// The LUID of its owner.
    pub owner: String,
    /// When it was first published.
    pub created_at: String,
    /// When it was last published or changed.
    pub updated_at: String,
    /// Whether it is certified.
    pub is_certified: bool,
    /// The note of the certification.
    pub certification_note: String,
    /// Whether Tableau Bridge is used.
    pub use_remote_query_agent: bool,
    /// `hyper`, `tds`, `tdsx`, `tde` or `parquet`, or the class of what it reads from if nobody published a file.
    pub kind: String,
    /// What it reads from.
    pub connections: Vec<Connection>,
    /// Its description, the document `.tds`: where its rows are, and what people made of it.
    pub tds: String,
    /// The stored files: the published one, then every appended one.
    pub parts: Vec<PathBuf>,
    /// The package somebody published, for what is in it beside description and rows.
    package: Option<PathBuf>,
    /// The lists that do not show its present state yet.
    late_lists: u32,
    /// What those lists show; nothing if it is new.
    former: Option<Box<Datasource>>,
}

/// A request that was answered, without secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The operation.
    pub operation: Operation,
    /// The method.
    pub method: String,
    /// The path as sent.
    pub path: String,
    /// The query as sent, without `?`.
    pub query: String,
    /// The status of the answer; a fault that strikes after the deed does not show here.
    pub status: u16,
    /// The XML document of the request, with secrets replaced by `***`.
    pub document: Option<String>,
}

impl Site {
    /// Returns the project at a path of names, starting at the top level.
    pub fn project(&self, path: &[&str]) -> Option<&Project> {
        let mut found: Option<&Project> = None;
        for name in path {
            let parent = found.map(|project| project.luid.clone());
            found = Some(
                self.projects
                    .iter()
                    .find(|project| project.parent == parent && project.name == *name)?,
            );
        }
        found
    }

    /// Returns the first data source of that name.
    pub fn datasource(&self, name: &str) -> Option<&Datasource> {
        self.datasources
            .iter()
            .find(|datasource| datasource.name == name)
    }

    /// Whether anybody is signed in.
    pub fn has_sessions(&self) -> bool {
        !self.sessions.is_empty()
    }

    /// Ends every session, as an administrator or a restart would.
    pub fn end_sessions(&mut self) {
        while let Some(session) = self.sessions.pop() {
            self.end_uploads_of(&session.token);
        }
    }

    /// Answers a request and writes it down.
    pub(crate) fn answer(&mut self, mut call: Call) -> Answer {
        self.clock.advance(self.settings.seconds);
        let operation = call::operation(&call.method, &call.path);
        let document = sanitized(call.document());
        let answer = match self.dispatch(&mut call) {
            Ok(answer) => answer,
            Err(Refusal::Api(error)) => Answer::error(&error),
            Err(Refusal::Html(status)) => Answer::html(status),
        };
        self.note(
            operation,
            &call.method,
            &call.path,
            &call.query,
            answer.status,
            document,
        );
        answer
    }

    /// Writes down a request that never reached the site.
    pub(crate) fn intercepted(
        &mut self,
        operation: Operation,
        method: &str,
        path: &str,
        query: &str,
        status: u16,
    ) {
        self.clock.advance(self.settings.seconds);
        self.note(operation, method, path, query, status, None);
    }

    fn note(
        &mut self,
        operation: Operation,
        method: &str,
        path: &str,
        query: &str,
        status: u16,
        document: Option<String>,
    ) {
        let (method, path, query) = (method.to_owned(), path.to_owned(), query.to_owned());
        self.requests.push(Request {
            operation,
            method,
            path,
            query,
            status,
            document,
        });
    }

    /// Checks in the order of real servers: version, path, method, session, site; then the operation's own.
    fn dispatch(&mut self, call: &mut Call) -> Result<Answer, Refusal> {
        let path = call.path.clone();
        let Some((version, segments)) = call::split(&path) else {
            return Err(Refusal::Html(404));
        };
        let version = self.accept_version(version)?;
        let route = call::route(&call.method, &segments).map_err(|problem| match problem {
            NoRoute::UnknownResource => {
                let resource = path.trim_start_matches("/api");
                ApiError::new(
                    404_003,
                    format!("Unknown resource '{resource}' specified in URI."),
                )
            }
            NoRoute::WrongMethod => ApiError::new(
                405_000,
                format!(
                    "The HTTP method '{}' is not supported for the given resource",
                    call.method
                ),
            ),
        })?;
        match route.operation {
            Operation::ServerInfo => return Ok(self.server_info()),
            Operation::SignIn => return self.sign_in(call),
            _ => {}
        }
        let token = self.authorize(call)?;
        if let Some(site) = &route.site
            && *site != self.luid
        {
            return Err(
                ApiError::new(404_000, format!("Site '{site}' could not be found.")).into(),
            );
        }
        self.act(&route, version, &token, call)
    }

    fn act(
        &mut self,
        route: &Route,
        version: (u32, u32),
        token: &str,
        call: &mut Call,
    ) -> Result<Answer, Refusal> {
        let query = Query::parse(&call.query);
        Ok(match route.operation {
            Operation::SignOut => self.sign_out(token),
            Operation::GetCurrentServerSession => self.current_session(token),
            Operation::QueryProjects => self.query_projects(&query)?,
            Operation::CreateProject => self.create_project(call)?,
            Operation::DeleteProject => self.delete_project(&route.id)?,
            Operation::InitiateFileUpload => self.initiate_file_upload(token, call)?,
            Operation::AppendToFileUpload => self.append_to_file_upload(&route.id, call)?,
            Operation::PublishDataSource => {
                self.publish_data_source(version, &query, token, call)?
            }
            Operation::QueryJob => self.query_job(&route.id)?,
            Operation::QueryDataSources => self.query_data_sources(&query)?,
            Operation::QueryDataSource => self.query_data_source(&route.id)?,
            Operation::QueryDataSourceConnections => {
                self.query_data_source_connections(&route.id)?
            }
            Operation::DownloadDataSource => self.download_data_source(&route.id, &query)?,
            Operation::UpdateDataSource => self.update_data_source(&route.id, call)?,
            Operation::DeleteDataSource => self.delete_data_source(&route.id)?,
            Operation::AddTagsToDataSource => self.add_tags_to_data_source(&route.id, call)?,
            Operation::DeleteTagFromDataSource => {
                self.delete_tag_from_data_source(&route.id, &route.tag)?
            }
            Operation::ServerInfo | Operation::SignIn | Operation::Origin | Operation::Unknown => {
                return Err(ApiError::stock(404_003).into());
            }
        })
    }

    fn accept_version(&self, text: &str) -> Result<(u32, u32), ApiError> {
        let highest = version(&self.settings.rest_api_version).unwrap_or((3, 29));
        version(text)
            .filter(|version| *version <= highest)
            .ok_or_else(|| {
                ApiError::new(
                    404_001,
                    format!("The API version '{text}' is not available on this server."),
                )
            })
    }

    fn server_info(&self) -> Answer {
        let settings = Element::new("serverSettings")
            .child(Element::new("oAuthEnabled").text("true"))
            .child(Element::new("sheetImageMaxAgeFloor").text("1"))
            .child(Element::new("sheetImageMaxAgeCeiling").text("720"))
            .child(Element::new("offlineInteractionSupportedPhase").text("2"));
        let info = Element::new("serverInfo")
            .child(
                Element::new("productVersion")
                    .with("build", "20262.26.0615.1200")
                    .text(&self.settings.product_version),
            )
            .child(Element::new("prepConductorVersion").text("20262.26.0601.0900"))
            .child(Element::new("restApiVersion").text(&self.settings.rest_api_version))
            .child(Element::new("platform").text("linux"))
            .child(settings);
        Answer::document(200, [info])
    }

    fn user(&self, luid: &str) -> Option<&User> {
        self.users.iter().find(|user| user.luid == luid)
    }

    /// The header `Date` of Tableau's own answers.
    pub(crate) fn date(&self) -> String {
        self.clock.date()
    }

    fn now(&self) -> String {
        self.clock.now()
    }
}

/// Compares as numbers, so that 3.9 is lower than 3.10.
fn version(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

fn sanitized(document: &[u8]) -> Option<String> {
    if document.iter().all(u8::is_ascii_whitespace) {
        return None;
    }
    Some(match xml::parse(document) {
        Ok(mut root) => {
            root.mask();
            root.fragment()
        }
        Err(_) => format!("unreadable, {} bytes", document.len()),
    })
}

fn malformed(detail: String) -> Refusal {
    ApiError::new(400_000, detail).into()
}

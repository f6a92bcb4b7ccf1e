//! Brings data to this disk: HTTP addresses and workspace files become staged files.
//!
//! What is in the files is not known here beyond their first bytes, which tell the format.

pub mod auth;
mod body;
mod charset;
mod file;
mod format;
mod graphql;
mod link;
mod odata;
mod pages;
mod paging;
mod param;
mod search;
mod unpack;
mod walk;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::Result;
use bytes::Bytes;

use crate::events::Observer;
use crate::http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use crate::http::{
    self, Answer, Body, Client, Hosts, HttpOptions, Method, Redirects, Replay, Request, StatusCode,
    Url,
};
pub use crate::http::{Coding, CodingError, excerpt};
pub use auth::Auth;
use auth::Session;
pub use charset::Charset;
pub use file::WorkspacePath;
pub use format::Format;
pub use graphql::Query;
pub use paging::{
    Ask, Base, Count, Empty, Inspect, Paging, Param, Place, Pointer, Seen, Signs, Style,
};

/// What to fetch and how to ask for it.
#[derive(Clone, Debug)]
pub struct Spec {
    /// One for each table the SQL may name; never empty, names unique.
    pub tables: Vec<TableSource>,
    /// `None` finds it out for every file.
    pub format: Option<Format>,
    /// What the encoding that a server announces for separated values counts for.
    pub charset: Charset,
    /// Headers of every request to a table without access of its own; values are marked sensitive.
    pub headers: HeaderMap,
    /// Who we are to these.
    pub auth: Option<Auth>,
    /// Makes the request a POST.
    pub body: Option<String>,
    /// How to treat the servers, and how much to take from them.
    pub http: HttpOptions,
    /// Makes the request a POST with a GraphQL document; never together with `body`.
    pub query: Option<Query>,
    /// How to get all pages.
    pub paging: Paging,
}

/// What the servers of a table get to see of us.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// Headers of every request; values are marked sensitive.
    pub headers: HeaderMap,
    /// Who we are.
    pub auth: Option<Auth>,
}

/// Where the rows of one table lie.
#[derive(Clone, Debug)]
pub struct TableSource {
    /// Name of the table in the user's SQL.
    pub name: String,
    /// One for each line of `source` with this name, united by column name; never empty.
    pub locations: Vec<Location>,
    /// Instead of what [`Spec`] has for all; its addresses are of one origin then.
    pub access: Option<Access>,
}

/// Where data lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// `http` or `https`, with the `params` in its query.
    Http(Url),
    /// One file or all that match a pattern.
    File(WorkspacePath),
}

/// A file that has arrived: read-only bytes with a known format.
#[derive(Clone, Debug)]
pub struct StagedFile {
    /// Where it lies on this disk.
    pub path: PathBuf,
    /// How to read it.
    pub format: Format,
    /// What to call it: workspace path, or URL without its query.
    pub origin: String,
    /// Size in bytes.
    pub bytes: u64,
    /// Where its rows are, from [`Seen::rows_at`], if somebody has looked already.
    pub rows_at: Option<String>,
}

/// The data of one SQL table, completely received.
#[derive(Clone, Debug)]
pub struct Staged {
    /// Name of the table in the user's SQL.
    pub name: String,
    /// In the order of the `source` lines, files of a glob sorted by path. Never empty.
    pub files: Vec<StagedFile>,
    /// When fetching began: microseconds since 1970-01-01 00:00:00 UTC.
    pub fetched_at: i64,
    /// HTTP requests made, retries included.
    pub requests: u32,
    /// Descriptions of the `OData` services among the sources.
    pub metadata: Vec<Metadata>,
}

/// What an `OData` service says about its types: its `$metadata` document.
#[derive(Clone, Debug)]
pub struct Metadata {
    /// [`StagedFile::origin`] of the files it describes.
    pub origin: String,
    /// Where it lies on this disk; `None` if the service did not deliver it.
    pub path: Option<PathBuf>,
    /// Requests it took, retries included.
    pub requests: u32,
}

/// A source that did not deliver what can be read as data.
#[derive(Debug)]
pub struct SourceError {
    /// What happened: lower case, no full stop.
    pub problem: String,
    /// What to change, naming the input.
    pub hint: Option<String>,
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem)
    }
}

impl std::error::Error for SourceError {}

/// Places a fetch works with.
#[derive(Clone, Debug)]
pub struct Places {
    /// Files named by `source` are below this folder.
    pub workspace: PathBuf,
    /// Downloads go here; it exists and is ours.
    pub spool: PathBuf,
}

impl Spec {
    /// Returns all credentials there are.
    pub fn auths(&self) -> impl Iterator<Item = &Auth> {
        let own = self.tables.iter().filter_map(|table| table.access.as_ref());
        let own = own.filter_map(|access| access.auth.as_ref());
        self.auth.iter().chain(own)
    }

    /// Returns what holds for one table, which has access of its own.
    fn with(&self, access: &Access) -> Spec {
        Spec {
            headers: access.headers.clone(),
            auth: access.auth.clone(),
            ..self.clone()
        }
    }
}

/// Fetches every location of every table completely, with all pages, or fails.
pub async fn fetch(
    spec: &Spec,
    places: &Places,
    inspect: &dyn Inspect,
    (client, observer): (&Client, &dyn Observer),
) -> Result<Vec<Staged>> {
    let since_epoch = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let fetched_at = i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX);
    // One token serves all that share the credentials.
    let shared = Session::new(spec.auth.as_ref(), &spec.http);
    let mut tables = Vec::with_capacity(spec.tables.len());
    for (index, table) in spec.tables.iter().enumerate() {
        let mut staged = Staged {
            name: table.name.clone(),
            files: Vec::new(),
            fetched_at,
            requests: 0,
            metadata: Vec::new(),
        };
        let own_spec = table.access.as_ref().map(|access| spec.with(access));
        let own = own_spec.as_ref();
        let own = own.map(|spec| Session::new(spec.auth.as_ref(), &spec.http));
        let (spec, session) = match (&own_spec, &own) {
            (Some(spec), Some(session)) => (spec, session),
            _ => (spec, &shared),
        };
        // Pages of one address agree on where the rows are, as they will when types are found.
        let mut rows_at: HashMap<String, String> = HashMap::new();
        let mut taken = HashSet::new();
        for location in &table.locations {
            match location {
                Location::File(path) => {
                    let prefix = format!("file-{index}-{}", staged.files.len());
                    let room = file::Room {
                        workspace: &places.workspace,
                        unpacked: &places.spool.join(prefix),
                        limit: spec.http.max_body,
                        observer,
                    };
                    let files = file::stage(path, spec.format, &mut taken, &room)?;
                    staged.files.extend(files);
                }
                Location::Http(url) => {
                    let name = format!("source-{index}-{}", staged.files.len());
                    let into = places.spool.join(name);
                    let crawl = pages::Crawl {
                        spec,
                        url,
                        into: &into,
                        inspect,
                        session,
                        client,
                        observer,
                    };
                    let origin = http::show(url);
                    let crawled = crawl.run(rows_at.get(&origin).cloned()).await?;
                    staged.requests += crawled.requests;
                    if let Some(first) = crawled.files.first()
                        && first.format == Format::OData
                    {
                        let mut request = ask(spec, url);
                        session
                            .authorize(&mut request.headers, client, observer)
                            .await?;
                        let into = into.with_extension("metadata");
                        let described =
                            odata::describe(&request, first, &into, (client, observer)).await;
                        staged.requests += described.requests;
                        staged.metadata.push(described);
                    }
                    staged.files.extend(crawled.files);
                    rows_at.extend(crawled.rows_at.map(|place| (origin, place)));
                }
            }
        }
        tables.push(staged);
    }
    Ok(tables)
}

/// Takes a downloaded file for data, if the answer is a success; unpacks it if it is packed.
fn accept(answer: &Answer, spec: &Spec, (into, origin): (&Path, String)) -> Result<StagedFile> {
    if !answer.is_whole() {
        return Err(refused(answer, spec).into());
    }
    if answer.length == 0 && matches!(answer.status.as_u16(), 204 | 205) {
        let problem = format!(
            "the source `{}` answered {}, an empty answer where rows were expected",
            http::show(&answer.url),
            answer.status
        );
        return Err(SourceError {
            problem,
            hint: Some("check `source` and `params`: what they ask for has no content".into()),
        }
        .into());
    }
    let unpacked = into.with_extension("unpacked");
    let is_packed = unpack::unpack(into, &unpacked, spec.http.max_body, &origin)?;
    let path = if is_packed {
        // Its place on the disk may be needed; if it stays, no harm is done.
        let _ = std::fs::remove_file(into);
        unpacked
    } else {
        into.to_owned()
    };
    let content_type = answer
        .headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let format = format::detect(
        &path,
        &format::Clues {
            given: spec.format,
            content_type,
            name: unpack::inner_name(answer.url.path()),
            origin: &origin,
        },
    )?;
    if spec.charset == Charset::Heeded
        && matches!(format, Format::Csv | Format::Tsv)
        && let Some(content_type) = content_type
    {
        charset::check(&path, content_type, &origin)?;
    }
    Ok(StagedFile {
        bytes: path.metadata().map_or(answer.length, |file| file.len()),
        path,
        format,
        origin,
        rows_at: None,
    })
}

fn ask(spec: &Spec, url: &Url) -> Request {
    let mut headers = spec.headers.clone();
    // A request that carries nothing of the user's may be sent wherever the server points.
    let body = spec
        .query
        .as_ref()
        .map(Query::body)
        .or_else(|| spec.body.clone());
    // What is named for another source may be no business of this one's server.
    let named = Hosts::of([url]).and(&spec.http.allow);
    let redirects = if headers.is_empty() && spec.auth.is_none() && body.is_none() {
        Redirects::Anywhere(named.clone())
    } else {
        Redirects::Allowed(spec.http.allow.clone())
    };
    headers.entry(ACCEPT).or_insert(HeaderValue::from_static(
        "application/json, text/csv;q=0.9, */*;q=0.5",
    ));
    let (method, body) = match body {
        None => (Method::GET, Body::Empty),
        Some(body) => {
            if serde_json::from_str::<serde::de::IgnoredAny>(&body).is_ok() {
                headers
                    .entry(CONTENT_TYPE)
                    .or_insert(HeaderValue::from_static("application/json"));
            }
            (Method::POST, Body::Bytes(Bytes::from(body)))
        }
    };
    Request {
        operation: "fetch the source",
        method,
        url: url.clone(),
        headers,
        body,
        // A POST is a read here: it carries a query.
        replay: Replay::Safe,
        redirects,
        named,
        timeout: spec.http.timeout,
    }
}

fn refused(answer: &Answer, spec: &Spec) -> SourceError {
    let mut problem = format!(
        "the source `{}` answered {}",
        http::show(&answer.url),
        answer.status
    );
    if answer.attempts > 1 {
        problem += &format!(" after {} attempts", answer.attempts);
    }
    let words = http::excerpt(&answer.body);
    if !words.is_empty() {
        problem += &format!(": {words}");
    }
    let has_credentials = spec.auth.is_some() || !spec.headers.is_empty();
    let hint = match answer.status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN if has_credentials => {
            "check the credentials in `auth` or `headers`: are they complete, not expired, and allowed to read this?"
        }
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            "the source wants credentials: set `auth` or `headers`"
        }
        StatusCode::NOT_FOUND | StatusCode::GONE => {
            "check the address in `source` and the `params`"
        }
        StatusCode::METHOD_NOT_ALLOWED => {
            "the address takes another method: `body` makes the request a POST"
        }
        StatusCode::TOO_MANY_REQUESTS => {
            "the source limits how often it may be asked: run the workflow less often"
        }
        StatusCode::ACCEPTED => {
            "the source has not made the data yet: run the workflow later, or raise `http: retries=`"
        }
        StatusCode::PARTIAL_CONTENT | StatusCode::IM_USED => {
            "the source sent a part where all of the data was asked for: take `Range` and `A-IM` out of `headers`, or ask those who run it"
        }
        status if status.is_server_error() => {
            "the source itself failed: try again later, or ask those who run it"
        }
        _ => "check `source`, `params`, `headers` and `body` against the source's documentation",
    };
    let hint = match answer.retry_after {
        Some(wait) => http::come_back(wait),
        None => hint.to_owned(),
    };
    SourceError {
        problem,
        hint: Some(hint),
    }
}

/// Names of the query parameters; the values may be secret.
fn show_parameters(url: &Url) -> String {
    let names: Vec<String> = url
        .query_pairs()
        .map(|(name, _)| name.into_owned())
        .collect();
    match names.as_slice() {
        [] => String::new(),
        names => format!(" with {}", names.join(", ")),
    }
}

//! Brings data to this disk: HTTP addresses and workspace files become staged files.
//!
//! What is in the files is not known here beyond their first bytes, which tell the format.

mod file;
mod format;
mod odata;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use bytes::Bytes;
use secrecy::{ExposeSecret, SecretString};

use crate::events::{Event, Observer};
use crate::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use crate::http::{
    self, Answer, Body, Client, Method, Redirects, Replay, Request, StatusCode, Url,
};
pub use file::WorkspacePath;
pub use format::Format;

/// A source may compute for long before it begins to answer.
const ANSWER_WAIT: Duration = Duration::from_mins(1);
/// A bound on what one answer may put on the runner's disk, which has 14 GB to spare.
const BODY_LIMIT: u64 = 8 << 30;

/// What to fetch and how to ask for it.
#[derive(Clone, Debug)]
pub struct Spec {
    /// One for each table the SQL may name; never empty, names unique.
    pub tables: Vec<TableSource>,
    /// `None` finds it out for every file.
    pub format: Option<Format>,
    /// Headers of every request, the `auth` one included; values are marked sensitive.
    pub headers: HeaderMap,
    /// Who we are to the source.
    pub auth: Option<Auth>,
    /// Makes the request a POST.
    pub body: Option<String>,
}

/// Where the rows of one table lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableSource {
    /// Name of the table in the user's SQL.
    pub name: String,
    /// One for each line of `source` with this name, united by column name; never empty.
    pub locations: Vec<Location>,
}

/// Where data lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// `http` or `https`, with the `params` in its query.
    Http(Url),
    /// One file or all that match a pattern.
    File(WorkspacePath),
}

/// Credentials for the source.
#[derive(Clone, Debug)]
pub enum Auth {
    /// RFC 6750.
    Bearer(SecretString),
    /// RFC 7617; the secret is `USER:PASSWORD`.
    Basic(SecretString),
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

/// Fetches every location of every table completely, or fails.
pub async fn fetch(
    spec: &Spec,
    places: &Places,
    client: &Client,
    observer: &dyn Observer,
) -> Result<Vec<Staged>> {
    let since_epoch = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let fetched_at = i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX);
    for secret in spec.auth.iter().flat_map(Auth::derived) {
        observer.on(Event::Secret(secret));
    }
    let mut tables = Vec::with_capacity(spec.tables.len());
    for (index, table) in spec.tables.iter().enumerate() {
        let mut staged = Staged {
            name: table.name.clone(),
            files: Vec::new(),
            fetched_at,
            requests: 0,
            metadata: Vec::new(),
        };
        for location in &table.locations {
            match location {
                Location::File(path) => {
                    let files = file::stage(path, spec.format, &places.workspace)?;
                    staged.files.extend(files);
                }
                Location::Http(url) => {
                    let name = format!("source-{index}-{}", staged.files.len());
                    let into = places.spool.join(name);
                    let (file, requests) = download(spec, url, &into, (client, observer)).await?;
                    staged.requests += requests;
                    if file.format == Format::OData {
                        let request = ask(spec, url)?;
                        let into = into.with_extension("metadata");
                        let metadata =
                            odata::describe(&request, &file, &into, (client, observer)).await;
                        staged.metadata.push(metadata);
                    }
                    staged.files.push(file);
                }
            }
        }
        tables.push(staged);
    }
    Ok(tables)
}

impl Auth {
    /// Returns the value of the `Authorization` header.
    fn header(&self) -> Result<HeaderValue> {
        let value = match self {
            Auth::Bearer(token) => format!("Bearer {}", token.expose_secret()),
            Auth::Basic(pair) => {
                format!("Basic {}", encode_base64(pair.expose_secret().as_bytes()))
            }
        };
        let mut value = HeaderValue::from_str(&value)
            .context("`auth` holds a character no HTTP header can carry")?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// Returns secrets in forms GitHub cannot know, to be masked.
    fn derived(&self) -> Vec<SecretString> {
        match self {
            Auth::Bearer(token) => vec![token.clone()],
            Auth::Basic(pair) => {
                let password = pair
                    .expose_secret()
                    .split_once(':')
                    .map_or("", |(_, password)| password);
                let encoded = encode_base64(pair.expose_secret().as_bytes());
                [password.to_owned(), encoded]
                    .into_iter()
                    .filter(|secret| !secret.is_empty())
                    .map(SecretString::from)
                    .collect()
            }
        }
    }
}

async fn download(
    spec: &Spec,
    url: &Url,
    into: &Path,
    (client, observer): (&Client, &dyn Observer),
) -> Result<(StagedFile, u32)> {
    let request = ask(spec, url)?;
    let origin = http::show(url);
    observer.on(Event::Note(format!(
        "{} {}{}",
        request.method,
        origin,
        show_parameters(url)
    )));
    let answer = client
        .download(&request, into, BODY_LIMIT, observer)
        .await?;
    if !answer.status.is_success() {
        return Err(refused(&answer, spec).into());
    }
    let content_type = answer
        .headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let format = format::detect(
        into,
        &format::Clues {
            given: spec.format,
            content_type,
            name: url.path(),
            origin: &origin,
        },
    )?;
    Ok((
        StagedFile {
            path: into.to_owned(),
            format,
            origin,
            bytes: answer.length,
        },
        answer.attempts,
    ))
}

fn ask(spec: &Spec, url: &Url) -> Result<Request> {
    let mut headers = spec.headers.clone();
    if let Some(auth) = &spec.auth {
        headers.insert(AUTHORIZATION, auth.header()?);
    }
    // A request that carries nothing of the user's may be sent wherever the server points.
    let redirects = if headers.is_empty() && spec.body.is_none() {
        Redirects::Anywhere
    } else {
        Redirects::SameOrigin
    };
    headers.entry(ACCEPT).or_insert(HeaderValue::from_static(
        "application/json, text/csv;q=0.9, */*;q=0.5",
    ));
    let (method, body) = match &spec.body {
        None => (Method::GET, Body::Empty),
        Some(body) => {
            if serde_json::from_str::<serde::de::IgnoredAny>(body).is_ok() {
                headers
                    .entry(CONTENT_TYPE)
                    .or_insert(HeaderValue::from_static("application/json"));
            }
            (
                Method::POST,
                Body::Bytes(Bytes::copy_from_slice(body.as_bytes())),
            )
        }
    };
    Ok(Request {
        operation: "fetch the source",
        method,
        url: url.clone(),
        headers,
        body,
        // A POST is a read here: it carries a query.
        replay: Replay::Safe,
        redirects,
        timeout: ANSWER_WAIT,
    })
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
    let words = redact(&http::excerpt(&answer.body), spec);
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
        status if status.is_server_error() => {
            "the source itself failed: try again later, or ask those who run it"
        }
        _ => "check `source`, `params`, `headers` and `body` against the source's documentation",
    };
    let hint = match answer.retry_after {
        Some(wait) => format!(
            "the source asks to come back in {} s: run the workflow later",
            wait.as_secs()
        ),
        None => hint.to_owned(),
    };
    SourceError {
        problem,
        hint: Some(hint),
    }
}

/// A server may quote the credentials it was sent.
fn redact(text: &str, spec: &Spec) -> String {
    let secrets = spec
        .auth
        .iter()
        .flat_map(Auth::derived)
        .map(|secret| secret.expose_secret().to_owned());
    let headers = spec
        .headers
        .values()
        .filter_map(|value| value.to_str().ok())
        .map(str::to_owned);
    secrets
        .chain(headers)
        .filter(|secret| secret.len() > 3)
        .fold(text.to_owned(), |text, secret| text.replace(&secret, "***"))
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

fn encode_base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

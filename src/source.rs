//! Brings data to this disk: HTTP addresses and workspace files become staged files.
//!
//! What is in the files is not known here beyond their first bytes, which tell the format.

pub mod auth;
mod charset;
mod detect;
mod file;
mod format;
mod graphql;
mod json_body;
mod link;
mod metadata;
mod pager;
mod pages;
mod paging;
mod param;
mod request;
mod search;
mod spec;
mod staged;
mod unpack;

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::time::SystemTime;

use anyhow::Result;

use crate::events::Observer;
use crate::http::{self, Client};
pub use crate::http::{Coding, CodingError, excerpt};
pub use auth::Auth;
use auth::Authorizer;
pub use charset::Charset;
pub use file::WorkspacePath;
pub use format::{Family, Format, FormatDescription};
pub use graphql::Query;
pub use paging::{
    Base, Count, Empty, PageFacts, PageQuestion, PageReader, Paging, Param, Signs, Style, ValueAt,
};
use request::ask;
pub use spec::{Access, Location, Spec, TableSource};
pub use staged::{Metadata, Staged, StagedFile};

/// Places a fetch works with.
#[derive(Clone, Debug)]
pub struct Places {
    /// Files named by `source` are below this folder.
    pub workspace: PathBuf,
    /// Downloads go here; it exists and is ours.
    pub spool: PathBuf,
}

/// Fetches every location of every table completely, with all pages, or fails.
pub async fn fetch(
    spec: &Spec,
    places: &Places,
    inspect: &dyn PageReader,
    (client, observer): (&Client, &dyn Observer),
) -> Result<Vec<Staged>> {
    let since_epoch = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let fetched_at = i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX);
    // One token serves all that share the credentials.
    let shared = Authorizer::new(spec.auth.as_ref(), &spec.http);
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
        let own = own.map(|spec| Authorizer::new(spec.auth.as_ref(), &spec.http));
        let (spec, authorizer) = match (&own_spec, &own) {
            (Some(spec), Some(authorizer)) => (spec, authorizer),
            _ => (spec, &shared),
        };
        // Pages of one address agree on where the rows are, as they will when types are found.
        let mut rows_at: HashMap<String, String> = HashMap::new();
        let mut taken = HashSet::new();
        for location in &table.locations {
            match location {
                Location::File(path) => {
                    let prefix = format!("file-{index}-{}", staged.files.len());
                    let context = file::StageContext {
                        workspace: &places.workspace,
                        unpacked: &places.spool.join(prefix),
                        limit: spec.http.max_body,
                        observer,
                    };
                    let files = file::stage(path, spec.format, &mut taken, &context)?;
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
                        authorizer,
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
                        authorizer
                            .authorize(&mut request.headers, client, observer)
                            .await?;
                        let into = into.with_extension("metadata");
                        let described =
                            metadata::describe(&request, first, &into, (client, observer)).await;
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

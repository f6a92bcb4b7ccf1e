//! What to fetch, and as whom.

use super::auth::Auth;
use super::charset::Charset;
use super::file::WorkspacePath;
use super::format::Format;
use super::graphql::Query;
use super::paging::Paging;
use crate::http::header::HeaderMap;
use crate::http::{HttpOptions, Url};

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

impl Spec {
    /// Returns all credentials there are.
    pub fn auths(&self) -> impl Iterator<Item = &Auth> {
        let own = self.tables.iter().filter_map(|table| table.access.as_ref());
        let own = own.filter_map(|access| access.auth.as_ref());
        self.auth.iter().chain(own)
    }

    /// Returns what holds for one table, which has access of its own.
    pub(super) fn with(&self, access: &Access) -> Spec {
        Spec {
            headers: access.headers.clone(),
            auth: access.auth.clone(),
            ..self.clone()
        }
    }
}

//! What the `paginate` input says, and what the crawl needs to know of a page's content.

use crate::data::path::Pointer;
use std::fmt;
use std::num::NonZeroU32;

use anyhow::Result;

use super::staged::StagedFile;
use crate::http::header::HeaderName;

/// How to get from one page to the next, and when all have come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paging {
    /// What leads to the next page.
    pub style: Style,
    /// Parameter and value that ask for pages of a size; the server need not obey.
    pub size: Option<(Param, u64)>,
    /// Whether there is more: `false`, `0`, `""`, `null` say no.
    pub more: Option<ValueAt>,
    /// How many rows there are in all; what arrives must agree.
    pub total: Option<ValueAt>,
    /// How many pages there are.
    pub pages: Option<ValueAt>,
    /// Most pages that are read; one more with rows in it is an error.
    pub max: NonZeroU32,
    /// What a page without rows means.
    pub empty: Empty,
    /// Which host links lead to.
    pub base: Base,
}

/// What leads to the next page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Style {
    /// A `Link` header or the format's own link, if there is one.
    Auto,
    /// There is one page.
    None,
    /// A `Link` header (RFC 8288) with `rel=next`.
    Link,
    /// An address in the answer.
    Next(ValueAt),
    /// A value of the answer goes into a parameter of the next request.
    Cursor(Param, ValueAt),
    /// A parameter counts pages, beginning with this number.
    Page(Param, u64),
    /// A parameter counts rows, beginning with this number.
    Offset(Param, u64),
}

impl Style {
    /// Returns the word that begins it in the input.
    pub fn name(&self) -> &'static str {
        match self {
            Style::Auto => "auto",
            Style::None => "none",
            Style::Link => "link",
            Style::Next(_) => "next",
            Style::Cursor(..) => "cursor",
            Style::Page(..) => "page",
            Style::Offset(..) => "offset",
        }
    }

    /// Returns the parameter that changes from page to page.
    pub fn param(&self) -> Option<&Param> {
        match self {
            Style::Cursor(param, _) | Style::Page(param, _) | Style::Offset(param, _) => {
                Some(param)
            }
            _ => None,
        }
    }

    /// Whether the next request follows from a count alone, and nothing in the answer.
    pub(super) fn is_counting(&self) -> bool {
        matches!(self, Style::Page(..) | Style::Offset(..))
    }
}

/// Where in a request a value goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Param {
    /// A query parameter, or a variable of a GraphQL document.
    Query(String),
    /// A place in the JSON body.
    Body(Pointer),
    /// A header.
    Header(HeaderName),
}

/// Where in an answer a value stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValueAt {
    /// In the document.
    Body(Pointer),
    /// In the last record of the page.
    Last(Pointer),
    /// In a header.
    Header(HeaderName),
}

/// What a page without rows means where links or cursors lead on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Empty {
    /// Everything on it was filtered out; there may be more.
    Continue,
    /// The end.
    Stop,
}

/// Which host a link of the answer leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    /// The one it names, if that is the host we asked.
    Link,
    /// The one of `source`, whatever it names: only path and query count.
    Source,
}

impl Default for Paging {
    fn default() -> Paging {
        Paging {
            style: Style::Auto,
            size: None,
            more: None,
            total: None,
            pages: None,
            max: NonZeroU32::new(10_000).expect("10,000 is not 0"),
            empty: Empty::Continue,
            base: Base::Link,
        }
    }
}

impl fmt::Display for Param {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Param::Query(name) => f.write_str(name),
            Param::Body(pointer) => write!(f, "{pointer}"),
            Param::Header(name) => write!(f, "header:{name}"),
        }
    }
}

impl fmt::Display for ValueAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ValueAt::Body(pointer) => write!(f, "{pointer}"),
            ValueAt::Last(pointer) => write!(f, "last:{pointer}"),
            ValueAt::Header(name) => write!(f, "header:{name}"),
        }
    }
}

/// Looks into a page on behalf of the crawl, which knows no formats.
pub trait PageReader {
    /// Counts the rows by the rules that will later read them, and looks up what is asked for.
    ///
    /// A page that cannot be read is an error; one that merely lacks the place of the rows is not.
    fn inspect(&self, page: &StagedFile, ask: &PageQuestion<'_>) -> Result<PageFacts>;
}

/// What the crawl wants to know of a page.
#[derive(Clone, Copy, Debug)]
pub struct PageQuestion<'a> {
    /// Values of the document.
    pub document: &'a [Pointer],
    /// A value of the last record.
    pub last: Option<&'a Pointer>,
    /// Where the first page had its rows, from [`PageFacts::rows_at`].
    pub rows_at: Option<&'a str>,
    /// Whether signs of further pages are looked for.
    pub signs: Signs,
    /// Whether the rows must be counted.
    pub count: Count,
}

/// Whether the rows of a page must be counted, which means reading all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// The way to the next page, or a check at the end, needs the number.
    Always,
    /// Only if the page itself tells of others.
    IfPaged,
}

/// Whether a page is searched for signs that it is one of several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signs {
    /// Nobody has said how to get the next page.
    Wanted,
    /// The way to the next page is known.
    Ignored,
}

/// What a page holds. Values are JSON texts: strings have their quotes, `null` is a value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageFacts {
    /// Number of rows, 0 if they were not to be counted; `None` if the document lacks the place they should be at.
    pub rows: Option<u64>,
    /// Where the rows were found, in words only the inspector understands.
    pub rows_at: Option<String>,
    /// Equal for pages with the same rows.
    pub digest: u64,
    /// Values asked for, as far as the document has them.
    pub document: Vec<(Pointer, String)>,
    /// The value asked for of the last record.
    pub last: Option<String>,
    /// The format's own link to the next page: `OData`, Atom.
    pub next_link: Option<String>,
    /// The format's own number of rows in all pages, as written.
    pub total: Option<String>,
    /// Why this looks like one page of several, as in "`/has_more` is true".
    pub sign: Option<String>,
}

impl PageFacts {
    /// Returns a value of the document; `null` is none.
    pub(super) fn value(&self, pointer: &Pointer) -> Option<&str> {
        let found = self.document.iter().find(|(other, _)| other == pointer);
        found
            .map(|(_, text)| text.as_str())
            .filter(|text| *text != "null")
    }
}

/// Returns the text of a JSON scalar: strings lose their quotes, everything else stays.
pub(super) fn plain(json: &str) -> Option<String> {
    match json.as_bytes().first()? {
        b'"' => serde_json::from_str(json).ok(),
        b'{' | b'[' => None,
        _ => Some(json.to_owned()),
    }
}

//! What has arrived: files on this disk whose format is known.

use std::path::PathBuf;

use super::format::Format;

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
    /// Where its rows are, from `PageFacts::rows_at`, if somebody has looked already.
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

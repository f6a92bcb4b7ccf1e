//! What a run found and did at Tableau, as far as it came.

use super::names::Luid;

/// What a run found and did, as far as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Published {
    /// Release of the server, such as `2026.2.0`.
    pub product_version: Option<String>,
    /// Version of the REST API spoken.
    pub api_version: Option<String>,
    /// The site.
    pub site: Option<Luid>,
    /// The project.
    pub project: Option<Luid>,
    /// The project's names from the top, separated by `/`.
    pub project_path: Option<String>,
    /// The data source; known early when it existed before.
    pub datasource: Option<Luid>,
    /// The data source's address in a browser.
    pub url: Option<String>,
    /// The publish job.
    pub job: Option<Luid>,
    /// What is known to have happened; absent also when the wait ran out.
    pub change: Option<Change>,
    /// What is known of the published data.
    pub state: DataState,
    /// Size of the file.
    pub bytes: u64,
}

/// What happened to the data source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It did not exist before.
    Created,
    /// Its rows were replaced.
    Replaced,
    /// Rows were added to it.
    Appended,
}

/// What is known of the published data, whatever became of the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DataState {
    /// Nothing of this run has reached it: it is as it was before.
    #[default]
    Untouched,
    /// The commit is on its way, or its end is not known.
    Unknown,
    /// Tableau has the whole file and works on it.
    Accepted,
    /// It is the data of this run.
    Changed,
}

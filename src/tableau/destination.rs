//! Where a run publishes: what the inputs say of Tableau.

use std::time::Duration;

use super::names::{DatasourceName, Description, ProjectReference, SiteContentUrl, Tag};
use super::token::PersonalAccessToken;
use crate::http::Url;

/// Where to publish, as whom, and how.
#[derive(Clone, Debug)]
pub struct Destination {
    /// Only scheme, host and port count.
    pub server: Url,
    /// The site to sign in to.
    pub site: SiteContentUrl,
    /// Who signs in.
    pub token: PersonalAccessToken,
    /// The project of the data source.
    pub project: ProjectReference,
    /// The name of the data source; Tableau ignores its case.
    pub datasource: DatasourceName,
    /// Left as it is when absent.
    pub description: Option<Description>,
    /// Added to those there are.
    pub tags: Vec<Tag>,
    /// What may happen to an existing data source.
    pub mode: PublishMode,
    /// How long to wait for the publish job; zero does not wait.
    pub wait: Duration,
}

/// What may happen to an existing data source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublishMode {
    /// It is replaced; a missing one is created.
    Overwrite,
    /// It keeps its rows and gets more; a missing one is an error.
    Append,
    /// It is not touched: that is an error.
    CreateNew,
}

impl Destination {
    /// Names the site in a message.
    pub(super) fn site_name(&self) -> String {
        if self.site.is_default() {
            "default site".to_owned()
        } else {
            format!("site `{}`", self.site)
        }
    }
}

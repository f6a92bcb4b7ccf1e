//! The site that tests and demos start from.

use super::clock::{Clock, Ids};
use super::connections::HYPER;
use super::engine::Table;
use super::settings::Settings;
use super::store::Store;
use super::{Datasource, PersonalAccessToken, Site, User};

/// The content URL of the sample site.
pub const CONTENT_URL: &str = "acme";
/// The name of the sample site's personal access token.
pub const TOKEN_NAME: &str = "ci-publisher";
/// The secret of the sample site's personal access token.
pub const TOKEN_SECRET: &str = "c2VjcmV0LXNlY3JldC0x:S3cr3tS3cr3t";
/// The default project, which every site has.
pub const DEFAULT_PROJECT: &str = "default";
/// A project of the sample site to publish to.
pub const PROJECT: &str = "Sales";

impl Default for Site {
    /// The sample site: `acme` with one token and some projects with awkward names.
    fn default() -> Self {
        let mut site = Self::empty();
        for name in [DEFAULT_PROJECT, PROJECT, "Finance"] {
            site.add_project(name, None);
        }
        for name in [PROJECT, "Finance"] {
            let parent = site.project(&[name]).map(|project| project.luid.clone());
            site.add_project("EMEA", parent.as_deref());
        }
        for name in [
            "Sales & Ops",
            "Größe, Maß: Überblick",
            "Tief/er",
            "Stern*chen",
            "[Archiv] \"alt\" <1>",
            "O'Brien",
        ] {
            site.add_project(name, None);
        }
        site
    }
}

impl Site {
    /// A site with one user and one token, without any project.
    pub fn empty() -> Self {
        let mut ids = Ids::default();
        let luid = ids.luid();
        let user = User {
            luid: ids.luid(),
            name: "ci@example.com".to_owned(),
            site_role: "Creator".to_owned(),
        };
        let token = PersonalAccessToken {
            name: TOKEN_NAME.to_owned(),
            secret: TOKEN_SECRET.to_owned(),
            user: user.luid.clone(),
        };
        Self {
            luid,
            content_url: CONTENT_URL.to_owned(),
            name: "Acme".to_owned(),
            users: vec![user],
            tokens: vec![token],
            projects: Vec::new(),
            datasources: Vec::new(),
            jobs: Vec::new(),
            uploads: Vec::new(),
            requests: Vec::new(),
            settings: Settings::default(),
            store: Store::temporary(),
            address: "http://localhost".to_owned(),
            engine: None,
            sessions: Vec::new(),
            clock: Clock::default(),
            ids,
        }
    }

    /// Adds a personal access token for the first user.
    pub fn add_token(&mut self, name: &str, secret: &str) {
        let user = self
            .users
            .first()
            .map(|user| user.luid.clone())
            .unwrap_or_default();
        self.tokens.push(PersonalAccessToken {
            name: name.to_owned(),
            secret: secret.to_owned(),
            user,
        });
    }

    /// Adds a data source without a stored file to a project and returns its LUID.
    pub fn add_datasource(&mut self, name: &str, project: &str) -> String {
        let luid = self.ids.luid();
        let content_url = self.content_url_for(name);
        let now = self.now();
        let connections = self.connect(&[HYPER]);
        let tds = self.describe(name, &content_url, &connections, &[Table::assumed()]);
        self.datasources.push(Datasource {
            luid: luid.clone(),
            project: project.to_owned(),
            name: name.to_owned(),
            description: String::new(),
            tags: Vec::new(),
            content_url,
            number: self.ids.number(),
            owner: self
                .users
                .first()
                .map(|user| user.luid.clone())
                .unwrap_or_default(),
            created_at: now.clone(),
            updated_at: now,
            is_certified: false,
            certification_note: String::new(),
            use_remote_query_agent: false,
            kind: "hyper".to_owned(),
            connections,
            tds,
            parts: Vec::new(),
            package: None,
            late_lists: 0,
            former: None,
        });
        luid
    }

    /// Drops what is not safe in URLs; a name that is taken gets a number.
    pub(super) fn content_url_for(&self, name: &str) -> String {
        let slug: String = name
            .chars()
            .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
            .collect();
        let taken = |slug: &str| {
            self.datasources
                .iter()
                .any(|datasource| datasource.content_url == slug)
        };
        let mut candidate = slug.clone();
        let mut n = 0;
        while candidate.is_empty() || taken(&candidate) {
            n += 1;
            candidate = format!("{slug}_{n}");
        }
        candidate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_urls_are_safe_and_unique() {
        let mut site = Site::default();
        for (name, expected) in [
            ("Sales & Ops", "SalesOps"),
            ("Sales, Ops", "SalesOps_1"),
            ("Sales Ops", "SalesOps_2"),
            ("Größe", "Gre"),
            ("売上", "_1"),
            ("a-b_c", "a-b_c"),
        ] {
            let luid = site.add_datasource(name, "");
            let added = site
                .datasources
                .iter()
                .find(|datasource| datasource.luid == luid)
                .unwrap();
            assert_eq!(added.content_url, expected, "{name}");
        }
    }

    #[test]
    fn the_sample_site_has_its_projects() {
        let site = Site::default();
        let of = |path: &[&str]| site.project(path).unwrap().luid.clone();
        assert_ne!(of(&["Sales", "EMEA"]), of(&["Finance", "EMEA"]));
        assert!(site.project(&["Tief/er"]).is_some());
        assert!(site.project(&["EMEA"]).is_none());
    }
}

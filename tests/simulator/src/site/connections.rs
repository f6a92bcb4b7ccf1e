//! The connections of data sources: what they read their rows from.

use super::call::Answer;
use super::engine::Table;
use super::error::ApiError;
use super::{Datasource, Site};
use crate::xml::Element;

/// The class of a connection to a file of the Hyper engine.
pub(super) const HYPER: &str = "hyper";

/// A connection of a data source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// The LUID.
    pub luid: String,
    /// The class, such as `hyper` or `snowflake`.
    pub kind: String,
    /// The host of the database; empty for a file.
    pub server_address: String,
    /// The port of the database; empty for a file.
    pub server_port: String,
    /// Who signs in to the database; empty for a file.
    pub user_name: String,
}

/// What is told about connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Connections {
    /// All of them, by their class.
    #[default]
    Hyper,
    /// All of them, `dataengine` standing for `hyper`.
    Dataengine,
    /// Nothing: 403021.
    Forbidden,
}

impl Connection {
    fn new(luid: String, kind: &str) -> Self {
        let is_remote = kind != HYPER;
        let remote = |text: &str| {
            if is_remote {
                text.to_owned()
            } else {
                String::new()
            }
        };
        Self {
            luid,
            kind: kind.to_owned(),
            server_address: remote(&format!("{kind}.example.com")),
            server_port: remote("443"),
            user_name: remote("reader"),
        }
    }

    fn element(&self, manner: Connections) -> Element {
        let kind = match (manner, self.kind.as_str()) {
            (Connections::Dataengine, HYPER) => "dataengine",
            (_, kind) => kind,
        };
        Element::new("connection")
            .with("id", &self.luid)
            .with("type", kind)
            .with("serverAddress", &self.server_address)
            .with("serverPort", &self.server_port)
            .with("userName", &self.user_name)
            .with("embedPassword", "false")
            .with("queryTaggingEnabled", "false")
    }
}

impl Site {
    /// Adds a data source that reads from databases or files of those classes, and returns its LUID.
    pub fn add_datasource_from(&mut self, name: &str, project: &str, kinds: &[&str]) -> String {
        let luid = self.add_datasource(name, project);
        let connections = self.connect(kinds);
        let slug = self.datasources.last().map(|added| &added.content_url);
        let tds = self.describe(
            name,
            &slug.cloned().unwrap_or_default(),
            &connections,
            &[Table::assumed()],
        );
        if let Some(added) = self.datasources.last_mut() {
            added.connections = connections;
            added.tds = tds;
            if let Some(first) = kinds.first() {
                (*first).clone_into(&mut added.kind);
            }
        }
        luid
    }

    pub(super) fn connect(&mut self, kinds: &[&str]) -> Vec<Connection> {
        let connections = kinds.iter();
        connections
            .map(|kind| Connection::new(self.ids.connection(), kind))
            .collect()
    }

    pub(super) fn query_data_source_connections(&mut self, luid: &str) -> Result<Answer, ApiError> {
        let manner = self.settings.connections;
        if manner == Connections::Forbidden {
            return Err(ApiError::stock(403_021));
        }
        self.advance_jobs();
        // This call has a code of its own for a data source that does not exist.
        let datasource = self.find_datasource(luid).ok_or_else(|| {
            ApiError::new(404_011, format!("Datasource '{luid}' could not be found."))
        })?;
        let connections = datasource.connections.iter();
        let connections = connections.map(|connection| connection.element(manner));
        Ok(Answer::document(
            200,
            [Element::new("connections").children(connections)],
        ))
    }
}

impl Datasource {
    /// Whether its only connection is a file of the Hyper engine.
    pub(super) fn reads_one_file(&self) -> bool {
        matches!(self.connections.as_slice(), [only] if only.kind == HYPER)
    }
}

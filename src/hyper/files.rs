//! Parquet files the engine reads itself: within its reach while they are loaded, and alone there.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use hyperdb_api::Connection;

use super::names::{literal, quote};
use super::types::sql_type;
use crate::columnar::{Columnar, EngineExpression, Part};
use crate::data::ColumnType;
use crate::table::Table;

/// A folder of our own that holds links to the files and nothing else.
///
/// The engine follows links in the one folder it may read, so nothing is copied. The SQL of the
/// user runs only after [`LinkedFiles::remove`].
#[derive(Debug)]
pub(super) struct LinkedFiles {
    folder: PathBuf,
}

/// Links every file the engine can read into a new folder; `None` if there is none.
pub(super) fn stage(tables: &[Table], folder: &Path) -> Result<Option<LinkedFiles>> {
    let parts: Vec<&Part> = tables.iter().flat_map(readable).collect();
    if parts.is_empty() {
        return Ok(None);
    }
    let folder = folder.join("parquet");
    fs::create_dir(&folder).with_context(|| format!("cannot create `{}`", folder.display()))?;
    let files = LinkedFiles { folder };
    for part in parts {
        let (link, file) = (files.link(part), part.path());
        // The same file may be named twice.
        if !link.exists() {
            symlink(fs::canonicalize(file)?, &link)
                .with_context(|| format!("cannot create `{}`", link.display()))?;
        }
    }
    Ok(Some(files))
}

fn readable(table: &Table) -> impl Iterator<Item = &Part> {
    let parts = table.columnar().into_iter().flat_map(Columnar::parts);
    parts.filter(|part| part.expressions().is_some())
}

impl LinkedFiles {
    /// Returns the folder; the engine may read it and nothing else.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Takes the files out of the engine's reach.
    pub(super) fn remove(self) -> Result<()> {
        fs::remove_dir_all(&self.folder)
            .with_context(|| format!("cannot remove `{}`", self.folder.display()))
    }

    /// A name that says nothing and cannot end a string in SQL.
    fn link(&self, part: &Part) -> PathBuf {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut hash = DefaultHasher::new();
        part.path().hash(&mut hash);
        self.folder.join(format!("{:016x}.parquet", hash.finish()))
    }

    /// Lets the engine read these parts into a table; returns the number of rows.
    pub(super) fn insert(
        &self,
        connection: &Connection,
        table: &Table,
        parts: &[&Part],
        target: &str,
    ) -> hyperdb_api::Result<u64> {
        let mut selects = Vec::new();
        for group in parts.chunk_by(|a, b| a.is_like(b)) {
            let links = group
                .iter()
                .map(|part| literal(&self.link(part).display().to_string()));
            let links: Vec<String> = links.collect();
            let cells = group[0].expressions().unwrap_or_default();
            let expressions: Vec<String> = cells
                .iter()
                .zip(table.columns())
                .map(|(cell, column)| expression(cell, column.column_type))
                .collect();
            selects.push(format!(
                "SELECT {} FROM external(ARRAY[{}], FORMAT => 'parquet')",
                expressions.join(", "),
                links.join(", ")
            ));
        }
        let statement = format!("INSERT INTO {target}\n{}", selects.join("\nUNION ALL\n"));
        connection.execute_command(&statement)
    }
}

fn expression(cell: &EngineExpression, column_type: ColumnType) -> String {
    let value = match cell {
        EngineExpression::Null => "NULL".to_owned(),
        EngineExpression::Column(name) => quote(name),
        EngineExpression::Zoned(name) => format!("{} AT TIME ZONE 'UTC'", quote(name)),
        EngineExpression::FetchedAt(text) | EngineExpression::Text(text) => literal(text),
    };
    format!("CAST({value} AS {})", sql_type(column_type))
}

//! Parquet and Arrow: typed columns, in files the engine mostly reads by itself.
//!
//! Nothing is inferred from values: the types are in the files. What the engine cannot read, or
//! would change on the way, is converted here: whole columns where nothing but their width changes, else value by
//! value, by the same converters as any other format's values.

mod arrow;
mod container;
mod decode;
mod leaf;
mod open;
mod parquet;
mod part;
mod plan;
mod reader;
mod scalar;
mod widen;

pub use part::{EngineExpression, Part};

use crate::data::{Column, DataError};
use crate::readers::position::{DataProblem, without_file};
use crate::rules::Rules;
use crate::say::harmless;
use crate::source::{Family, Staged, StagedFile};
use crate::typing::layout;
use plan::Plan;

/// A table of files whose columns have types, with what fills its columns from each file.
#[derive(Debug)]
pub struct Columnar {
    name: String,
    columns: Vec<Column>,
    rows: u64,
    notices: Vec<String>,
    parts: Vec<Part>,
}

impl Columnar {
    /// Returns the name by which the user's SQL calls it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the columns; values of a row come in this order.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Returns the number of rows, as the files themselves say.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Returns what a careful person may want to know.
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    /// Returns the files in order.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }
}

/// Whether files are read here.
pub(crate) fn is_any(staged: &Staged) -> bool {
    let mut files = staged.files.iter();
    files.any(|file| file.format.family() == Family::Columnar)
}

/// Returns the number of rows, as the file itself says.
pub(crate) fn count(file: &StagedFile) -> Result<u64, DataError> {
    let opened = open::open(file).map_err(|problem| problem.at(file, None, None))?;
    Ok(opened.rows())
}

/// Reads the schemas of all files and decides columns, types and who reads which file.
pub(crate) fn read(staged: &Staged, rules: &Rules) -> Result<Columnar, DataError> {
    if let Some(other) = staged
        .files
        .iter()
        .find(|file| file.format.family() != Family::Columnar)
    {
        let problem =
            DataProblem::new("a table is either all Parquet and Arrow or of other formats");
        let hint = "give them names in `source` (`a: …`, `b: …`) and unite them in `sql`";
        return Err(problem.hint(hint).at(other, None, None));
    }
    if rules.records.is_some() {
        let problem = DataProblem::new("`records` is a path into documents, this file is a table");
        let problem = problem.hint("leave out `records`");
        return Err(match staged.files.first() {
            Some(file) => problem.at(file, None, None),
            None => without_file(problem),
        });
    }
    let Plan {
        columns,
        notices,
        parts,
    } = plan::plan(staged, rules)?;
    let table = Columnar {
        name: staged.name.clone(),
        columns,
        rows: parts.iter().map(Part::rows).sum(),
        notices: notices.into_iter().map(harmless).collect(),
        parts,
    };
    match staged.files.first() {
        // The system columns count as well.
        Some(file) if table.columns.len() > layout::MOST_COLUMNS => {
            Err(layout::too_wide().at(file, None, None))
        }
        _ => Ok(table),
    }
}

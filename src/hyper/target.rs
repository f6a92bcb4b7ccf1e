//! Tables that rows are loaded into: their names and the statements that create them.

use super::names::{TableName, quote};
use super::types::sql_type;
use crate::table::Table;

/// Where rows are loaded.
pub(super) enum LoadTarget<'a> {
    /// The result table itself.
    Result(&'a TableName),
    /// A temporary table of its own name: a second database attached would end the resolution of plain names.
    Staging,
}

impl LoadTarget<'_> {
    /// The table's name, qualified and quoted.
    pub(super) fn name(&self, table: &Table) -> String {
        match self {
            LoadTarget::Result(name) => name.qualified(),
            LoadTarget::Staging => quote(table.name()),
        }
    }
}

/// Returns the statement that makes a staged table, without its rows.
pub(super) fn staging(table: &Table) -> String {
    creation(
        table,
        &LoadTarget::Staging,
        &LoadTarget::Staging.name(table),
    )
}

/// Returns the statement that makes the table, without its rows.
pub(super) fn creation(table: &Table, target: &LoadTarget, name: &str) -> String {
    let kind = match target {
        LoadTarget::Result(_) => "TABLE",
        LoadTarget::Staging => "TEMPORARY TABLE",
    };
    let columns: Vec<String> = table
        .columns()
        .iter()
        .map(|column| format!("{} {}", quote(&column.name), sql_type(column.column_type)))
        .collect();
    format!("CREATE {kind} {name} ({})", columns.join(", "))
}

//! Tables that rows are loaded into: their names and the statements that create them.

use super::names::{TableName, quote};
use super::types::sql_type;
use crate::table::Table;

/// Where rows go.
pub(super) enum Target<'a> {
    /// The result table itself.
    Result(&'a TableName),
    /// A temporary table of its own name: a second database attached would end the resolution of plain names.
    Staging,
}

impl Target<'_> {
    /// The table's name, qualified and quoted.
    pub(super) fn name(&self, table: &Table) -> String {
        match self {
            Target::Result(name) => name.qualified(),
            Target::Staging => quote(table.name()),
        }
    }
}

/// Returns the statement that makes a staged table, without its rows.
pub(super) fn staging(table: &Table) -> String {
    creation(table, &Target::Staging, &Target::Staging.name(table))
}

/// Returns the statement that makes the table, without its rows.
pub(super) fn creation(table: &Table, target: &Target, name: &str) -> String {
    let kind = match target {
        Target::Result(_) => "TABLE",
        Target::Staging => "TEMPORARY TABLE",
    };
    let columns: Vec<String> = table
        .columns()
        .iter()
        .map(|column| format!("{} {}", quote(&column.name), sql_type(column.column_type)))
        .collect();
    format!("CREATE {kind} {name} ({})", columns.join(", "))
}

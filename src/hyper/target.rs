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
    /// Returns the name of the table: qualified if need be, and quoted.
    pub(super) fn name(&self, table: &Table) -> String {
        match self {
            LoadTarget::Result(name) => name.qualified(),
            LoadTarget::Staging => quote(table.name()),
        }
    }

    /// Returns the statement that makes the table, without its rows.
    ///
    /// Not by the library: it leaves names unquoted that are words of SQL, such as `when`.
    pub(super) fn creation(&self, table: &Table) -> String {
        let kind = match self {
            LoadTarget::Result(_) => "TABLE",
            LoadTarget::Staging => "TEMPORARY TABLE",
        };
        let columns: Vec<String> = table
            .columns()
            .iter()
            .map(|column| format!("{} {}", quote(&column.name), sql_type(column.column_type)))
            .collect();
        let name = self.name(table);
        format!("CREATE {kind} {name} ({})", columns.join(", "))
    }
}

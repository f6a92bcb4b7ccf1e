//! What an engine says of the rows in a file; the simulator itself cannot read them.

use std::fmt;
use std::path::Path;

/// An engine that tests bring, because reading files of rows takes a real one.
pub trait Tables: fmt::Debug + Send {
    /// Returns the tables of a file; an error if it cannot be read.
    fn tables(&mut self, file: &Path) -> Result<Vec<Table>, String>;
}

/// A table of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// The schema, such as `Extract`.
    pub schema: String,
    /// The name, such as `Extract`.
    pub name: String,
    /// The columns, in order.
    pub columns: Vec<Column>,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// The name.
    pub name: String,
    /// The type as the engine numbers it, such as `20` for a whole number of 64 bits.
    pub remote_type: u16,
    /// The type as Tableau names it, such as `integer`.
    pub local_type: String,
}

impl Table {
    /// The table a file is expected to have when nobody has looked.
    pub(super) fn assumed() -> Self {
        Self {
            schema: "Extract".to_owned(),
            name: "Extract".to_owned(),
            columns: Vec::new(),
        }
    }

    /// Returns schema and name as descriptions write them.
    pub(super) fn quoted(&self) -> String {
        let quoted = |name: &str| format!("[{}]", name.replace(']', "]]"));
        format!("{}.{}", quoted(&self.schema), quoted(&self.name))
    }
}

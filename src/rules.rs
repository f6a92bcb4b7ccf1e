//! What the user declares about the data: where its rows are, what its columns are, how its files are written.

pub mod columns;
pub mod csv;

use std::collections::BTreeSet;

use crate::data::path::RecordsPath;
use crate::data::{Column, SystemColumn};
use columns::ColumnRule;
use csv::CsvOptions;

/// What is known about the rows before they are read.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Where the rows are; found automatically if absent.
    pub records: Option<RecordsPath>,
    /// Columns whose type, name or place is declared; the rest is inferred.
    pub columns: Vec<ColumnRule>,
    /// Columns about the run itself that the user's SQL names.
    pub system: BTreeSet<SystemColumn>,
    /// How files of separated values are written.
    pub csv: CsvOptions,
}

impl Rules {
    /// Puts the system columns behind those of the data and returns them; a name the data has stays the data's.
    pub(crate) fn add_system_columns(
        &self,
        columns: &mut Vec<Column>,
        notices: &mut Vec<String>,
    ) -> Vec<SystemColumn> {
        let mut system = Vec::new();
        for &column in &self.system {
            let name = column.name();
            if columns
                .iter()
                .any(|other| other.name.eq_ignore_ascii_case(name))
            {
                notices.push(format!(
                    "`{name}` is a column of the data, which takes precedence"
                ));
            } else {
                system.push(column);
            }
        }
        columns.extend(system.iter().map(|column| Column {
            name: column.name().to_owned(),
            column_type: column.column_type(),
        }));
        system
    }

    /// Whether a declared column is at a key of the record, or inside what is there.
    pub fn names_key(&self, key: &str) -> bool {
        self.columns.iter().any(|rule| match &rule.from {
            Some(from) => from.first().is_some_and(|first| first == key),
            None => rule.name.split('.').next() == Some(key),
        })
    }
}

//! Which leaf of the records fills which column: what conversion needs to know of a table.

use std::borrow::Cow;

use super::layout::{Layout, LeafId};
use crate::data::{Column, ColumnType, SystemColumn, Value};

/// Columns, and where their values come from.
#[derive(Debug)]
pub(crate) struct Projection {
    /// The keys that records have.
    pub(crate) layout: Layout,
    /// The system columns are the last ones.
    pub(crate) columns: Vec<Column>,
    /// Index of a leaf's column, by leaf.
    pub(crate) targets: Vec<Option<usize>>,
    /// Behind the data columns.
    pub(crate) system: Vec<SystemColumn>,
    /// When fetching began: microseconds since 1970-01-01 00:00:00 UTC.
    pub(crate) fetched_at: i64,
}

/// Where the values of a leaf go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    pub(crate) leaf: LeafId,
    /// Index of the column.
    pub(crate) column: usize,
    pub(crate) column_type: ColumnType,
}

impl Projection {
    /// Returns where the values of a leaf go, if it has a column.
    pub(crate) fn target(&self, leaf: LeafId) -> Option<Target> {
        let column = self.targets.get(leaf).copied().flatten()?;
        Some(Target {
            leaf,
            column,
            column_type: self.columns[column].column_type,
        })
    }

    /// Whether some record has an object with members where others have the values of a leaf.
    pub(crate) fn has_objects(&self, leaf: LeafId) -> bool {
        self.layout
            .node_of(leaf)
            .is_some_and(|node| self.layout.has_children(node))
    }

    /// Whether rows converted for `assumed` are right for this one; `kept_empty` are leaves whose `{}` was kept as text.
    pub(crate) fn is_as_assumed(&self, assumed: &Projection, kept_empty: &[LeafId]) -> bool {
        let (known, further) = self
            .targets
            .split_at(assumed.targets.len().min(self.targets.len()));
        self.columns == assumed.columns
            && self.system == assumed.system
            && known == assumed.targets
            && further.iter().all(Option::is_none)
            && !kept_empty.iter().any(|leaf| self.has_objects(*leaf))
    }

    /// Takes out a column.
    pub(crate) fn remove(&mut self, name: &str) {
        let Some(at) = self.columns.iter().position(|column| column.name == name) else {
            return;
        };
        self.columns.remove(at);
        for target in &mut self.targets {
            *target = match *target {
                Some(index) if index == at => None,
                Some(index) if index > at => Some(index - 1),
                same => same,
            };
        }
    }

    /// Fills the system columns of a row.
    pub(crate) fn fill_system<'r>(
        &self,
        values: &mut [Value<'r>],
        origin: &'r str,
        row: u64,
        key: Option<&'r str>,
    ) {
        let first = values.len() - self.system.len();
        for (value, column) in values[first..].iter_mut().zip(&self.system) {
            *value = match column {
                SystemColumn::FetchedAt => Value::Timestamp(self.fetched_at),
                SystemColumn::Source => Value::Text(Cow::Borrowed(origin)),
                SystemColumn::Row => Value::BigInt(i64::try_from(row).unwrap_or(i64::MAX)),
                SystemColumn::Key => key.map_or(Value::Null, |key| Value::Text(Cow::Borrowed(key))),
            };
        }
    }
}

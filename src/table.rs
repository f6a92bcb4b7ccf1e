//! Typed data: what the staged files hold, as columns with one type each.
//!
//! All rows decide the types. Of a large table the first rows only assume them; all rows then confirm that while
//! they are converted, or contradict it, and the conversion starts over with the right types.
//! Nothing here touches the network, and nothing is async.

mod fields;
mod pass;
pub mod structure;
mod tables;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::ops::ControlFlow;
use std::sync::{Arc, OnceLock};

pub use crate::columnar::{Cell, Parquet, Part};
pub use crate::data::SystemColumn;
pub use crate::data::path::RecordsPath;
pub use crate::outline::page::parse_pointer;
pub use crate::rules::Rules;
pub use crate::rules::columns::{ColumnRule, RuleKind, TimeFormat};
pub use crate::rules::csv::CsvOptions;

use self::structure::Markup;
use crate::data::{Column, ColumnType, DataError, Value};
use crate::outline::rows::Found;
use crate::readers::position::Problem;
use crate::source::Staged;
use crate::typing::key_plan::Goal;
use crate::typing::layout::{Layout, LeafId, NodeId};
use crate::typing::profile::{Outcome, Presence};
use pass::{Conclusion, Ended, Pass};

/// All rows of all staged files, united by column name; they stay in the files.
///
/// Columns come in the order in which the data first has them, declared ones that it lacks behind those, then the
/// system columns.
#[derive(Debug)]
pub struct Table {
    pub(crate) staged: Staged,
    pub(crate) rules: Rules,
    pub(crate) basis: Basis,
    pub(crate) layout: Layout,
    pub(crate) columns: Vec<Column>,
    /// Index of a leaf's column, by leaf.
    pub(crate) targets: Vec<Option<usize>>,
    /// Behind the data columns.
    pub(crate) system: Vec<SystemColumn>,
    pub(crate) markup: Arc<Markup>,
    /// Where the rows of documents are, by their origin.
    pub(crate) places: HashMap<String, Found>,
    /// Of those that were read for this.
    pub(crate) rows: u64,
    /// Columns that are only declared.
    pub(crate) absent: Vec<String>,
    /// Declared columns that are those of other tables.
    pub(crate) forgotten: Vec<String>,
    pub(crate) notices: Vec<String>,
    /// Instead of anything else, if the files are Parquet.
    pub(crate) parquet: Option<Parquet>,
    /// What all rows came to, if this is about the first ones only.
    pub(crate) settled: OnceLock<Result<Box<Table>, DataError>>,
}

/// Which rows have decided the columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// All of them.
    AllRows,
    /// Only the first: the columns are assumed.
    FirstRows,
}

/// A later row does not agree with the columns that the first rows gave: [`Table::settle`] knows the right ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contradicted;

impl fmt::Display for Contradicted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a later row has other types than the first rows")
    }
}

impl std::error::Error for Contradicted {}

/// Refuses more columns than a table may have.
fn checked_width(table: Table) -> Result<Table, DataError> {
    match table.staged.files.first() {
        Some(file) if table.columns.len() > crate::typing::layout::MOST_COLUMNS => {
            Err(crate::typing::layout::too_wide().at(file, None, None))
        }
        _ => Ok(table),
    }
}

impl Table {
    fn surveyed(staged: &Staged, rules: &Rules) -> Result<Table, DataError> {
        if crate::columnar::is_any(staged) {
            return checked_width(crate::columnar::read(staged, rules)?);
        }
        let mut pass = Pass::new(staged, rules, u64::MAX)?;
        match pass.walk() {
            Err(Ended::Data(error)) => Err(error),
            _ => pass.decide(Basis::AllRows).map(Conclusion::into_table),
        }
    }

    /// Decides the columns by the first rows, or by all if there are no more; `None` if that fails.
    fn assumed(staged: &Staged, rules: &Rules, n_rows: u64) -> Result<Option<Table>, DataError> {
        if crate::columnar::is_any(staged) {
            return checked_width(crate::columnar::read(staged, rules)?).map(Some);
        }
        let mut pass = Pass::new(staged, rules, n_rows)?;
        let basis = match pass.walk() {
            Err(Ended::Data(error)) => return Err(error),
            Err(Ended::Enough | Ended::Refused) => Basis::FirstRows,
            Ok(()) => Basis::AllRows,
        };
        match pass.decide(basis) {
            // There may be more of the same behind the first rows.
            Err(_) if basis == Basis::FirstRows => Ok(None),
            decided => decided.map(|conclusion| Some(conclusion.into_table())),
        }
    }

    fn decided(
        pass: Pass<'_>,
        mut outcomes: Vec<Outcome>,
        mut notices: Vec<String>,
        basis: Basis,
    ) -> Table {
        let (staged, rules) = (pass.staged.clone(), pass.rules.clone());
        let (survey, markup, places) = pass.into_parts();
        let rows = survey.record;
        let layout = survey.layout;
        if rows > 0 && layout.leaves.is_empty() && !layout.has_children(NodeId::ROOT) {
            notices.push(String::from(
                "the records are empty, their only column is `value`",
            ));
            let column = Column {
                name: String::from("value"),
                column_type: ColumnType::Text,
            };
            outcomes.push(Outcome {
                leaf: None,
                column,
                presence: Presence::InData,
            });
        }
        let mut targets = vec![None; layout.leaves.len()];
        let mut columns = Vec::with_capacity(outcomes.len());
        let mut absent = Vec::new();
        for (index, outcome) in outcomes.into_iter().enumerate() {
            if outcome.presence == Presence::Declared {
                absent.push(outcome.column.name.clone());
            }
            if let Some(leaf) = outcome.leaf {
                targets[leaf] = Some(index);
            }
            columns.push(outcome.column);
        }
        let mut notices: Vec<String> = notices.into_iter().map(crate::say::harmless).collect();
        let system = rules.add_system_columns(&mut columns, &mut notices);
        Table {
            staged,
            rules,
            basis,
            layout,
            columns,
            targets,
            system,
            markup,
            places,
            rows,
            absent,
            forgotten: Vec::new(),
            notices,
            parquet: None,
            settled: OnceLock::new(),
        }
    }

    /// Whether rows converted for `assumed` are right for this one; `hollow` are leaves whose `{}` was kept as text.
    fn is_as_assumed(&self, assumed: &Table, hollow: &[LeafId]) -> bool {
        let (known, further) = self
            .targets
            .split_at(assumed.targets.len().min(self.targets.len()));
        self.columns == assumed.columns
            && self.system == assumed.system
            && known == assumed.targets
            && further.iter().all(Option::is_none)
            && !hollow.iter().any(|leaf| self.has_objects(*leaf))
    }

    /// Returns the name by which the user's SQL calls it.
    pub fn name(&self) -> &str {
        &self.staged.name
    }

    /// Returns the columns; values of a row come in this order.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Returns the number of rows; unknown until all of them have been seen.
    pub fn rows(&self) -> Option<u64> {
        self.known().map(|table| table.rows)
    }

    /// Returns what a careful person may want to know: decisions about rows, columns and types; unknown until
    /// all rows have been seen.
    pub fn notices(&self) -> Option<&[String]> {
        self.known().map(|table| table.notices.as_slice())
    }

    /// Returns the number of rows that have decided the columns.
    pub fn rows_read(&self) -> u64 {
        self.rows
    }

    fn known(&self) -> Option<&Table> {
        match self.basis {
            Basis::AllRows => Some(self),
            Basis::FirstRows => self.settled.get()?.as_deref().ok(),
        }
    }

    /// Returns the files the engine may read by itself, if they are of that kind.
    pub fn parquet(&self) -> Option<&Parquet> {
        self.parquet.as_ref()
    }

    /// Converts every row of one file of [`Table::parquet`].
    pub fn for_each_row_of<E: From<DataError>>(
        &self,
        part: &Part,
        mut sink: impl FnMut(&[Value<'_>]) -> Result<(), E>,
    ) -> Result<(), E> {
        part.for_each_row(self, &mut sink)
    }

    /// Converts every row, in the same order; `sink` gets the values of one row at a time.
    ///
    /// Fails if `sink` does, if a file has changed since its columns were decided, or if these were assumed and
    /// are [`Contradicted`]: then no row that `sink` got counts.
    pub fn for_each_row<E: From<DataError> + From<Contradicted>>(
        &self,
        mut sink: impl FnMut(&[Value<'_>]) -> Result<(), E>,
    ) -> Result<(), E> {
        if let Some(parquet) = &self.parquet {
            for part in parquet.parts() {
                part.for_each_row(self, &mut sink)?;
            }
            return Ok(());
        }
        let mut refused = None;
        let mut pass_on = |row: &[Value<'_>]| match sink(row) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                refused = Some(error);
                ControlFlow::Break(())
            }
        };
        let mut pass = Pass::trial(self, &mut pass_on)?;
        let walked = pass.walk();
        let concluded = match walked {
            Ok(()) => pass.decide(Basis::AllRows),
            Err(Ended::Data(error)) => Err(error),
            // A trial has no limit, so it was the receiver.
            Err(Ended::Enough | Ended::Refused) => {
                drop(pass);
                return refused.map_or(Ok(()), Err);
            }
        };
        match (self.basis, concluded) {
            (Basis::AllRows, Ok(Conclusion::Confirmed(table))) if table.rows == self.rows => Ok(()),
            (Basis::AllRows, Ok(_)) => Err(match self.staged.files.last() {
                Some(file) => changed().at(file, None, None).into(),
                None => without_file(changed()).into(),
            }),
            (Basis::AllRows, Err(error)) => Err(error.into()),
            (Basis::FirstRows, Ok(Conclusion::Confirmed(table))) => {
                self.remember(Ok(table));
                Ok(())
            }
            (Basis::FirstRows, Ok(Conclusion::Contradicted(table))) => {
                self.remember(Ok(table));
                Err(Contradicted.into())
            }
            // Its place is known best by whom nothing but the types concerns.
            (Basis::FirstRows, Err(error)) => {
                self.remember(Err(error));
                Err(Contradicted.into())
            }
        }
    }

    fn remember(&self, found: Result<Table, DataError>) {
        let found = found.map(|mut table| {
            table.tell_absent();
            Box::new(table)
        });
        // The first walk over all rows has said it already.
        drop(self.settled.set(found));
    }

    fn has_objects(&self, leaf: LeafId) -> bool {
        self.layout
            .node_of(leaf)
            .is_some_and(|node| self.layout.has_children(node))
    }

    /// Returns where the values of a leaf go, if it has a column.
    pub(crate) fn goal(&self, leaf: LeafId) -> Option<Goal> {
        let target = self.targets.get(leaf).copied().flatten()?;
        Some(Goal {
            leaf,
            target,
            column_type: self.columns[target].column_type,
        })
    }

    fn fill_system<'r>(
        &self,
        values: &mut [Value<'r>],
        origin: &'r str,
        row: u64,
        key: Option<&'r str>,
    ) {
        let first = values.len() - self.system.len();
        for (value, column) in values[first..].iter_mut().zip(&self.system) {
            *value = match column {
                SystemColumn::FetchedAt => Value::Timestamp(self.staged.fetched_at),
                SystemColumn::Source => Value::Text(Cow::Borrowed(origin)),
                SystemColumn::Row => Value::BigInt(i64::try_from(row).unwrap_or(i64::MAX)),
                SystemColumn::Key => key.map_or(Value::Null, |key| Value::Text(Cow::Borrowed(key))),
            };
        }
    }
}

pub(crate) fn changed() -> Problem {
    Problem::new("the file has changed while it was read")
}

pub(crate) fn without_file(problem: Problem) -> DataError {
    DataError {
        origin: String::from("source"),
        record: None,
        line: None,
        column: problem.column.map(crate::say::harmless),
        problem: crate::say::harmless(problem.what),
        hint: problem.hint.map(crate::say::harmless),
    }
}

//! One file of a table: what fills the table's columns, and its rows.

use std::path::Path;

use arrow_array::{ArrayRef, RecordBatch};

use super::container::open;
use super::leaf::Leaf;
use super::reader::ColumnReader;
use super::scalar::BEYOND_YEARS;
use crate::data::{Column, ColumnType, DataError, SystemColumn, Value};
use crate::readers::position::Problem;
use crate::readers::record::changed;
use crate::rules::columns::ColumnRule;
use crate::source::StagedFile;

/// One file.
#[derive(Debug)]
pub struct Part {
    pub(crate) file: StagedFile,
    /// Rows in the files before this one.
    pub(crate) rows_before: u64,
    pub(crate) rows: u64,
    /// What fills the table's columns, one each.
    pub(crate) fills: Vec<Fill>,
    /// The same as the engine does it, if it can.
    pub(crate) expressions: Option<Vec<EngineExpression>>,
    /// Equal for files whose schemas are.
    pub(crate) signature: String,
    pub(crate) fetched_at: i64,
}

/// What fills a column when this process reads the file.
#[derive(Debug)]
pub(crate) enum Fill {
    /// The file has no such column.
    Null,
    /// A leaf, converted by a rule or to the column's type.
    Leaf(Leaf, Option<ColumnRule>),
    System(SystemColumn),
}

/// What fills a column when the engine reads the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EngineExpression {
    /// Nothing: the file has no such column.
    Null,
    /// A column of the file that can be cast to the table's type without a loss.
    Column(String),
    /// A column of points in time with a zone.
    Zoned(String),
    /// When fetching began, as ISO 8601 in UTC.
    FetchedAt(String),
    /// A text that is the same in every row.
    Text(String),
}

impl Part {
    /// Returns where the file lies.
    pub fn path(&self) -> &Path {
        &self.file.path
    }

    /// Returns what to call the file.
    pub fn origin(&self) -> &str {
        &self.file.origin
    }

    /// Returns the number of rows, as the file itself says.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Returns what the engine is to put into each column; `None` if it cannot read the file.
    pub fn expressions(&self) -> Option<&[EngineExpression]> {
        self.expressions.as_deref()
    }

    /// Whether the engine can read both files in one go: same expressions, same schema.
    pub fn is_like(&self, other: &Part) -> bool {
        self.expressions == other.expressions && self.signature == other.signature
    }

    /// Converts every row; `sink` gets the values of one row at a time.
    pub(crate) fn for_each_row<E: From<DataError>>(
        &self,
        columns: &[Column],
        sink: &mut impl FnMut(&[Value<'_>]) -> Result<(), E>,
    ) -> Result<(), E> {
        let whole = |problem: Problem| E::from(problem.at(&self.file, None, None));
        let container = open(&self.file).map_err(whole)?;
        let leaves = self.fills.iter().filter_map(|fill| match fill {
            Fill::Leaf(leaf, _) => Some(leaf),
            _ => None,
        });
        let roots: Vec<usize> = leaves.map(|leaf| leaf.path[0]).collect();
        let mut row = self.rows_before;
        for batch in container.batches(&roots).map_err(whole)? {
            let batch = batch.map_err(whole)?;
            let cells = self.columns(&batch, &roots).map_err(whole)?;
            for index in 0..batch.num_rows() {
                row += 1;
                let values = self
                    .row(&cells, index, row, columns)
                    .map_err(|problem| problem.at(&self.file, Some(row), None))?;
                sink(&values)?;
            }
        }
        if row - self.rows_before != self.rows {
            let found = row - self.rows_before;
            let problem = format!("the file says it has {} rows and has {found}", self.rows);
            return Err(whole(Problem::new(problem)));
        }
        Ok(())
    }

    /// One reader for each column of the table that the file has.
    fn columns(
        &self,
        batch: &RecordBatch,
        roots: &[usize],
    ) -> Result<Vec<Option<ColumnReader<'_>>>, Problem> {
        let mut kept: Vec<usize> = roots.to_vec();
        kept.sort_unstable();
        kept.dedup();
        let cells = self.fills.iter().map(|fill| {
            let Fill::Leaf(leaf, _) = fill else {
                return Ok(None);
            };
            let position = kept.binary_search(&leaf.path[0]).ok();
            let root = position.and_then(|position| batch.columns().get(position));
            let root: &ArrayRef = root.ok_or_else(changed)?;
            ColumnReader::new(root, leaf).map(Some)
        });
        cells.collect()
    }

    fn row<'r>(
        &'r self,
        cells: &'r [Option<ColumnReader<'r>>],
        index: usize,
        row: u64,
        columns: &[Column],
    ) -> Result<Vec<Value<'r>>, Problem> {
        let mut values = Vec::with_capacity(self.fills.len());
        for ((fill, cells), column) in self.fills.iter().zip(cells).zip(columns) {
            values.push(match (fill, cells) {
                (Fill::Leaf(_, rule), Some(cells)) => value(cells, index, rule.as_ref(), column)?,
                (Fill::System(SystemColumn::FetchedAt), _) => Value::Timestamp(self.fetched_at),
                (Fill::System(SystemColumn::Source), _) => {
                    Value::Text(self.file.origin.as_str().into())
                }
                (Fill::System(SystemColumn::Row), _) => {
                    Value::BigInt(i64::try_from(row).unwrap_or(i64::MAX))
                }
                _ => Value::Null,
            });
        }
        Ok(values)
    }
}

/// Converts one value of a leaf.
fn value<'r>(
    cells: &'r ColumnReader<'r>,
    index: usize,
    rule: Option<&ColumnRule>,
    column: &Column,
) -> Result<Value<'r>, Problem> {
    let name = &column.name;
    let scalar = cells.get(index).map_err(|problem| {
        let hint = format!("leave it out in `columns`: `{name}: skip`");
        problem.hint(hint).column(name)
    })?;
    let shown = scalar.clone();
    let value = match rule {
        Some(rule) => scalar.declared(rule),
        None => scalar.typed(column.column_type),
    };
    value.map_err(|misfit| {
        let problem = Problem::new(format!("{} {misfit}", shown.shown())).column(name);
        if shown.is_moment() && misfit == BEYOND_YEARS {
            problem.hint(format!("take it as text in `columns`: `{name}: text`"))
        } else {
            problem
        }
    })
}

/// The type of a column whose values a rule does not decide.
pub(crate) fn column_type(rule: Option<&ColumnRule>, found: ColumnType) -> ColumnType {
    rule.and_then(|rule| rule.kind.column_type())
        .unwrap_or(found)
}

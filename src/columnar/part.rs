//! One file of a table: what fills the table's columns, and its rows.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchOptions};

use super::container::EngineReader;
use super::leaf::SchemaLeaf;
use super::open::open;
use super::reader::ColumnReader;
use super::scalar::BEYOND_YEARS;
use super::widen::whole;
use crate::data::batch::{self, ColumnBuilder};
use crate::data::{Column, ColumnType, DataError, SystemColumn, Value};
use crate::readers::position::DataProblem;
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
    /// What the engine puts into each column, if it can read the file by itself.
    pub(crate) expressions: Option<Vec<EngineExpression>>,
    pub(crate) engine: EngineReader,
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
    SchemaLeaf(SchemaLeaf, Option<ColumnRule>),
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

    /// Whether the engine reads other files of the format, but not this one.
    pub fn is_refused(&self) -> bool {
        self.expressions.is_none() && self.engine != EngineReader::Missing
    }

    /// Whether the engine can read both files in one go: same expressions, same schema.
    pub fn is_like(&self, other: &Part) -> bool {
        self.expressions == other.expressions && self.signature == other.signature
    }

    /// Hands over every row in batches of about `n_bytes` bytes; columns are those of the table.
    ///
    /// Columns that are as the table wants them are passed through as they are.
    pub fn for_each_batch<E: From<DataError> + From<anyhow::Error>>(
        &self,
        columns: &[Column],
        n_bytes: usize,
        mut sink: impl FnMut(RecordBatch) -> Result<(), E>,
    ) -> Result<(), E> {
        let of_file = |problem: DataProblem| E::from(problem.at(&self.file, None, None));
        let container = open(&self.file).map_err(of_file)?;
        let leaves = self.fills.iter().filter_map(|fill| match fill {
            Fill::SchemaLeaf(leaf, _) => Some(leaf),
            _ => None,
        });
        let roots: Vec<usize> = leaves.map(|leaf| leaf.path[0]).collect();
        let schema = batch::schema(columns);
        let mut rows = self.rows_before;
        for batch in container.batches(&roots).map_err(of_file)? {
            let batch = batch.map_err(of_file)?;
            let readers = self.readers(&batch, &roots).map_err(of_file)?;
            // Where a value is that fits no column, counted from the batch's first row.
            let mut misfit: Option<(usize, DataProblem)> = None;
            let mut arrays = Vec::with_capacity(columns.len());
            for ((fill, reader), column) in self.fills.iter().zip(&readers).zip(columns) {
                // Behind a misfit only an earlier one is worth finding.
                let n_rows = misfit.as_ref().map_or(batch.num_rows(), |(row, _)| *row);
                match self.array(fill, reader.as_ref(), column, (rows, n_rows)) {
                    Ok(array) => arrays.push(array),
                    Err(found) => misfit = Some(found),
                }
            }
            if let Some((index, problem)) = misfit {
                let row = rows + index as u64 + 1;
                return Err(problem.at(&self.file, Some(row), None).into());
            }
            rows += batch.num_rows() as u64;
            let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            let batch = RecordBatch::try_new_with_options(Arc::clone(&schema), arrays, &options)
                .context("the columns do not fit together")?;
            for piece in pieces(&batch, n_bytes) {
                sink(piece)?;
            }
        }
        if rows - self.rows_before != self.rows {
            let found = rows - self.rows_before;
            let problem = format!("the file says it has {} rows and has {found}", self.rows);
            return Err(of_file(DataProblem::new(problem)));
        }
        Ok(())
    }

    /// One reader for each column of the table that the file has.
    fn readers(
        &self,
        batch: &RecordBatch,
        roots: &[usize],
    ) -> Result<Vec<Option<ColumnReader<'_>>>, DataProblem> {
        let mut kept: Vec<usize> = roots.to_vec();
        kept.sort_unstable();
        kept.dedup();
        let readers = self.fills.iter().map(|fill| {
            let Fill::SchemaLeaf(leaf, _) = fill else {
                return Ok(None);
            };
            let position = kept.binary_search(&leaf.path[0]).ok();
            let root = position.and_then(|position| batch.columns().get(position));
            let root: &ArrayRef = root.ok_or_else(changed)?;
            ColumnReader::new(root, leaf).map(Some)
        });
        readers.collect()
    }

    /// Returns the values of one column in the first `n_rows` rows of a batch; an error says in which row it is.
    fn array(
        &self,
        fill: &Fill,
        reader: Option<&ColumnReader<'_>>,
        column: &Column,
        (rows_before, n_rows): (u64, usize),
    ) -> Result<ArrayRef, (usize, DataProblem)> {
        let mut builder = ColumnBuilder::new(column.column_type);
        if let (Fill::SchemaLeaf(_, rule), Some(reader)) = (fill, reader) {
            if let Some(array) = whole(reader, rule.as_ref(), column.column_type) {
                return Ok(array);
            }
            for index in 0..n_rows {
                let value = value(reader, index, rule.as_ref(), column);
                push(&mut builder, &value.map_err(|problem| (index, problem))?);
            }
            return Ok(builder.finish());
        }
        for index in 0..n_rows {
            let row = rows_before + index as u64 + 1;
            let value = match fill {
                Fill::System(SystemColumn::FetchedAt) => Value::Timestamp(self.fetched_at),
                Fill::System(SystemColumn::Source) => Value::Text(self.file.origin.as_str().into()),
                Fill::System(SystemColumn::Row) => {
                    Value::BigInt(i64::try_from(row).unwrap_or(i64::MAX))
                }
                Fill::System(SystemColumn::Key) | Fill::Null | Fill::SchemaLeaf(..) => Value::Null,
            };
            push(&mut builder, &value);
        }
        Ok(builder.finish())
    }
}

/// Adds a value, which has the type of the column.
fn push(builder: &mut ColumnBuilder, value: &Value<'_>) {
    let n_bytes = builder.push(value);
    debug_assert!(n_bytes.is_some(), "{value:?} is of another type");
}

/// Cuts a batch into pieces of about `n_bytes` bytes.
fn pieces(batch: &RecordBatch, n_bytes: usize) -> impl Iterator<Item = RecordBatch> {
    let n_rows = batch.num_rows();
    // Arrays may be slices of others, many times as long.
    let sizes = batch
        .columns()
        .iter()
        .map(|array| array.to_data().get_slice_memory_size().unwrap_or_default());
    let n_pieces = sizes.sum::<usize>().div_ceil(n_bytes.max(1)).max(1);
    let length = n_rows.div_ceil(n_pieces).max(1);
    (0..n_rows)
        .step_by(length)
        .map(move |start| batch.slice(start, length.min(n_rows - start)))
}

/// Converts one value of a leaf.
fn value<'r>(
    cells: &'r ColumnReader<'r>,
    index: usize,
    rule: Option<&ColumnRule>,
    column: &Column,
) -> Result<Value<'r>, DataProblem> {
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
        let problem = DataProblem::new(format!("{} {misfit}", shown.shown())).column(name);
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

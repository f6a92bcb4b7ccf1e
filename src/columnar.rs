//! Parquet: typed columns in files the engine mostly reads by itself.
//!
//! Nothing is inferred from values: the types are in the files. What the engine cannot read, or
//! would change on the way, is converted here, row by row, by the same converters as any other
//! format's values.

mod cells;
mod damage;
mod footer;
mod leaf;
mod pages;
mod plan;
mod schema;

use std::fs::File;
use std::path::Path;

use arrow_array::{ArrayRef, RecordBatch};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::schema::types::TypePtr;

use self::cells::ColumnReader;
use crate::data::SystemColumn;
use crate::data::{Column, ColumnType, DataError, Value};
use crate::readers::position::{Problem, without_file};
use crate::rules::Rules;
use crate::rules::columns::ColumnRule;
use crate::source::{Format, Staged, StagedFile};

use crate::typing::layout;
use crate::columnar::leaf::Leaf;

/// Rows decoded at once: enough to amortise a call, few enough for wide rows of long texts.
const BATCH: usize = 4096;

/// A table of files whose columns have types, with what fills its columns from each file.
#[derive(Debug)]
pub struct Columnar {
    name: String,
    columns: Vec<Column>,
    rows: u64,
    notices: Vec<String>,
    parts: Vec<Part>,
}

/// One file.
#[derive(Debug)]
pub struct Part {
    file: StagedFile,
    /// Rows in the files before this one.
    rows_before: u64,
    rows: u64,
    /// What fills the table's columns, one each.
    fills: Vec<Fill>,
    /// The same as the engine does it, if it can.
    cells: Option<Vec<Cell>>,
    /// Bytes of the pages that are in memory at the same time when this process reads the file.
    page_bytes: u64,
    schema: TypePtr,
    fetched_at: i64,
}

/// What fills a column when this process reads the file.
#[derive(Debug)]
enum Fill {
    /// The file has no such column.
    Null,
    /// A leaf, converted by a rule or to the column's type.
    Leaf(Leaf, Option<ColumnRule>),
    System(SystemColumn),
}

/// What fills a column when the engine reads the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
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
    pub fn cells(&self) -> Option<&[Cell]> {
        self.cells.as_deref()
    }

    /// Whether the engine can read both files in one go: same cells, same schema.
    pub fn is_like(&self, other: &Part) -> bool {
        self.cells == other.cells && self.schema == other.schema
    }

    /// Converts every row; `sink` gets the values of one row at a time.
    pub(crate) fn for_each_row<E: From<DataError>>(
        &self,
        columns: &[Column],
        sink: &mut impl FnMut(&[Value<'_>]) -> Result<(), E>,
    ) -> Result<(), E> {
        let whole = |problem: Problem| E::from(problem.at(&self.file, None, None));
        pages::check_together(self.page_bytes).map_err(whole)?;
        let metadata = open(&self.file).map_err(whole)?;
        let leaves = self.fills.iter().filter_map(|fill| match fill {
            Fill::Leaf(leaf, _) => Some(leaf),
            _ => None,
        });
        let roots: Vec<usize> = leaves.map(|leaf| leaf.path[0]).collect();
        let mut row = self.rows_before;
        for batch in batches(&self.file, metadata, roots.iter().copied()).map_err(whole)? {
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
            let root: &ArrayRef = root.ok_or_else(|| broken("a column is missing"))?;
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
        if shown.is_moment() && misfit == cells::BEYOND_YEARS {
            problem.hint(format!("take it as text in `columns`: `{name}: text`"))
        } else {
            problem
        }
    })
}

/// Whether files are read here.
pub(crate) fn is_any(staged: &Staged) -> bool {
    let mut files = staged.files.iter();
    files.any(|file| file.format == Format::Parquet)
}

/// Returns the number of rows, as the file itself says.
pub(crate) fn count(file: &StagedFile) -> Result<u64, DataError> {
    let at = |problem: Problem| problem.at(file, None, None);
    let metadata = open(file).map_err(at)?;
    let rows = metadata.metadata().file_metadata().num_rows();
    u64::try_from(rows).map_err(|_| at(broken("its number of rows is negative")))
}

/// Reads the schemas of all files and decides columns, types and who reads which file.
pub(crate) fn read(staged: &Staged, rules: &Rules) -> Result<Columnar, DataError> {
    if let Some(other) = staged
        .files
        .iter()
        .find(|file| file.format != Format::Parquet)
    {
        let problem = Problem::new("a table is either all Parquet or of other formats");
        let hint = "give them names in `source` (`a: …`, `b: …`) and unite them in `sql`";
        return Err(problem.hint(hint).at(other, None, None));
    }
    if rules.records.is_some() {
        let problem = Problem::new("`records` is a path into documents, this is a Parquet file");
        let problem = problem.hint("leave out `records`");
        return Err(match staged.files.first() {
            Some(file) => problem.at(file, None, None),
            None => without_file(problem),
        });
    }
    let table = plan::plan(staged, rules)?;
    match staged.files.first() {
        // The system columns count as well.
        Some(file) if table.columns.len() > layout::MOST_COLUMNS => {
            Err(layout::too_wide().at(file, None, None))
        }
        _ => Ok(table),
    }
}

/// Reads a file's footer.
fn open(file: &StagedFile) -> Result<ArrowReaderMetadata, Problem> {
    let mut opened = File::open(&file.path).map_err(|error| broken(&error.to_string()))?;
    footer::check(&mut opened)?;
    // The engine goes by Parquet's own types too; an embedded Arrow schema names finer ones.
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    guarded(|| {
        let known = ArrowReaderMetadata::load(&opened, options.clone())
            .map_err(|error| broken(&error.to_string()))?;
        // In nanoseconds most years would overflow, without a word.
        let Some(schema) = schema::with_wide_int96(&known) else {
            return Ok(known);
        };
        ArrowReaderMetadata::try_new(known.metadata().clone(), options.with_schema(schema))
            .map_err(|error| broken(&error.to_string()))
    })
}

/// Decodes the columns with these roots, batch by batch; memory does not grow with the file.
fn batches(
    file: &StagedFile,
    metadata: ArrowReaderMetadata,
    roots: impl Iterator<Item = usize>,
) -> Result<impl Iterator<Item = Result<RecordBatch, Problem>>, Problem> {
    let opened = File::open(&file.path).map_err(|error| broken(&error.to_string()))?;
    let mask = ProjectionMask::roots(metadata.parquet_schema(), roots);
    let mut reader = guarded(|| {
        ParquetRecordBatchReaderBuilder::new_with_metadata(opened, metadata)
            .with_projection(mask)
            .with_batch_size(BATCH)
            .build()
            .map_err(|error| broken(&error.to_string()))
    })?;
    Ok(std::iter::from_fn(move || {
        guarded(|| match reader.next() {
            None => Ok(None),
            Some(Ok(batch)) => Ok(Some(batch)),
            Some(Err(error)) => Err(broken(&error.to_string())),
        })
        .transpose()
    }))
}

/// Runs the decoder; it panics on some broken files, which must not look like a fault of ours.
fn guarded<T>(work: impl FnOnce() -> Result<T, Problem>) -> Result<T, Problem> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(broken("its pages contradict each other")))
}

fn broken(words: &str) -> Problem {
    let words = words.trim_start_matches("Parquet error: ");
    Problem::new(format!("this is no readable Parquet file: {words}"))
        .hint("was it completely written and transferred? Files of other formats want `format`")
}

/// The type of a column whose values a rule does not decide.
fn column_type(rule: Option<&ColumnRule>, found: ColumnType) -> ColumnType {
    rule.and_then(|rule| rule.kind.column_type())
        .unwrap_or(found)
}

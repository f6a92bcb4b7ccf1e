//! Typed data: what the staged files hold, as columns with one type each.
//!
//! All rows decide the types (pass 1); the same converters then produce the values (pass 2).
//! Nothing here touches the network, and nothing is async.

mod atom;
mod csv;
mod declare;
mod decode;
mod dialect;
mod edm;
mod elements;
mod fields;
mod find;
mod infer;
mod inspect;
mod json;
mod layout;
mod local;
mod markup;
mod odata;
mod parquet;
mod path;
mod place;
mod quoting;
mod rules;
mod several;
mod shape;
mod sniff;
mod stream;
mod survey;
#[cfg(test)]
mod tests;
mod time;
mod tree;
mod value;
mod walk;
mod xml;

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::num::NonZeroU64;

use encoding_rs::{Encoding, UTF_8};

pub use dialect::CsvOptions;
pub use inspect::parse_pointer;
pub use parquet::{Cell, Parquet, Part};
pub use path::RecordsPath;
pub use rules::{ColumnRule, RuleKind, Rules, SystemColumn, TimeFormat};

use crate::source::{Format, Staged, StagedFile};
use edm::Types;
use fields::Fields;
use json::{Record, Stop};
use layout::{Layout, LeafId, NodeId};
use markup::{Markup, is_markup};
use odata::Notation;
use place::Problem;
use survey::{Located, Outcome, Presence, Survey};
use value::Token;
use walk::{Scope, Take};

/// Types a column of the staged table can have; names as in the `columns` input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// Any characters.
    Text,
    /// `true` or `false`.
    Boolean,
    /// 64-bit signed integer.
    BigInt,
    /// IEEE 754 double.
    Double,
    /// Exact decimal; `1 <= precision <= 38`, `scale <= precision`.
    Decimal {
        /// Digits in all.
        precision: u8,
        /// Digits after the point.
        scale: u8,
    },
    /// A calendar day.
    Date,
    /// A point in time without zone; UTC where the source named one.
    Timestamp,
}

impl fmt::Display for ColumnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ColumnType::Text => "text",
            ColumnType::Boolean => "boolean",
            ColumnType::BigInt => "bigint",
            ColumnType::Double => "double",
            ColumnType::Decimal { precision, scale } => {
                return write!(f, "decimal({precision},{scale})");
            }
            ColumnType::Date => "date",
            ColumnType::Timestamp => "timestamp",
        })
    }
}

/// A column of a table: its name is unique without regard to case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// As the source spells it, nested names joined by `.`.
    pub name: String,
    /// The one type all its values have.
    pub column_type: ColumnType,
}

/// One value of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// No value.
    Null,
    /// For [`ColumnType::Boolean`].
    Boolean(bool),
    /// For [`ColumnType::BigInt`].
    BigInt(i64),
    /// For [`ColumnType::Double`]; finite, unless a Parquet file says otherwise.
    Double(f64),
    /// For [`ColumnType::Decimal`]: the digits as an integer, at the column's scale.
    Decimal(i128),
    /// For [`ColumnType::Date`]: days since 1970-01-01.
    Date(i32),
    /// For [`ColumnType::Timestamp`]: microseconds since 1970-01-01 00:00:00.
    Timestamp(i64),
    /// For [`ColumnType::Text`].
    Text(Cow<'a, str>),
}

/// Data that cannot be read or typed, with its place.
#[derive(Debug)]
pub struct DataError {
    /// File or address (without query) the data came from.
    pub origin: String,
    /// Row counted from 1 over all files, if the problem is in one.
    pub record: Option<NonZeroU64>,
    /// Line of the file counted from 1, where known.
    pub line: Option<NonZeroU64>,
    /// Column name, if the problem is in one.
    pub column: Option<String>,
    /// What is wrong: lower case, no full stop.
    pub problem: String,
    /// What to change, naming the input.
    pub hint: Option<String>,
}

impl fmt::Display for DataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.origin)?;
        if let Some(record) = self.record {
            write!(f, ", record {record}")?;
        }
        if let Some(line) = self.line {
            write!(f, " (line {line})")?;
        }
        if let Some(column) = &self.column {
            write!(f, ", column `{column}`")?;
        }
        write!(f, ": {}", self.problem)
    }
}

impl std::error::Error for DataError {}

/// All rows of all staged files, united by column name; they stay in the files.
///
/// Columns come in the order in which the data first has them, declared ones that it lacks behind those, then the
/// system columns.
#[derive(Debug)]
pub struct Table {
    name: String,
    sources: Vec<Source>,
    layout: Layout,
    columns: Vec<Column>,
    /// Index of a leaf's column, by leaf.
    targets: Vec<Option<usize>>,
    /// Behind the data columns.
    system: Vec<SystemColumn>,
    fetched_at: i64,
    csv: CsvOptions,
    markup: Markup,
    rows: u64,
    /// Columns that are only declared.
    absent: Vec<String>,
    notices: Vec<String>,
    /// Instead of all sources, if the files are Parquet.
    parquet: Option<Parquet>,
}

/// One file and what pass 1 found out about it.
#[derive(Debug)]
struct Source {
    file: StagedFile,
    /// Of JSON: where the rows are in the document, or in each line if that is not the row itself.
    path: Option<RecordsPath>,
    encoding: &'static Encoding,
    /// Of CSV: how it is written, and which field goes to which leaf.
    fields: Fields,
}

impl Table {
    fn surveyed(staged: &Staged, rules: &Rules) -> Result<Table, DataError> {
        if staged
            .files
            .iter()
            .any(|file| file.format == Format::Parquet)
        {
            return parquet::read(staged, rules);
        }
        let whole = |problem: Problem| match staged.files.first() {
            Some(file) => problem.at(file, None, None),
            None => without_file(problem),
        };
        let is_csv = |file: &StagedFile| matches!(file.format, Format::Csv | Format::Tsv);
        if rules.records.is_some() && staged.files.iter().all(is_csv) {
            let problem =
                Problem::new("`records` is a path into JSON, these are comma-separated values");
            return Err(whole(problem.hint("leave out `records`")));
        }
        let mut survey = Survey::new(Layout::new(&rules.columns).map_err(whole)?);
        let mut notices = Vec::new();
        let markup = Markup::look(staged, rules, &mut notices)?;
        let mut sources: Vec<Source> = Vec::new();
        // Pages of one address agree on where the rows are; files may differ.
        let mut paths: HashMap<&str, RecordsPath> = HashMap::new();
        let mut described = None;
        for (index, file) in staged.files.iter().enumerate() {
            survey.file = index;
            survey.notation = notation(file);
            let is_new = described.replace((file.format, file.origin.as_str()))
                != Some((file.format, file.origin.as_str()));
            if is_new && file.format == Format::Atom {
                let (types, record) = markup.types();
                survey.layout.expect(types, Some(record));
            } else if is_new {
                survey.layout.expect(Types::default(), None);
            }
            let mut source = Source {
                file: file.clone(),
                path: None,
                encoding: UTF_8,
                fields: Fields::default(),
            };
            if is_csv(file) {
                source.survey_fields(&mut survey, &rules.csv)?;
            } else if is_markup(file) {
                source.encoding = markup.encoding(index);
                source.survey_elements(&mut survey, &markup)?;
            } else {
                let pinned = if file.format == Format::NdJson {
                    None
                } else {
                    paths.get(file.origin.as_str())
                };
                let known = rules.records.as_ref().or(pinned);
                source.path = if known.is_some() || file.format == Format::NdJson {
                    known.cloned()
                } else {
                    let found =
                        json::locate(file).map_err(|problem| problem.at(file, None, None))?;
                    notices.extend(found.notice.filter(|notice| !notices.contains(notice)));
                    paths.insert(&file.origin, found.path.clone());
                    Some(found.path)
                };
                if let (true, Some(path)) = (file.format == Format::OData && is_new, &source.path) {
                    odata::expect(staged, file, path, &mut survey, &mut notices)
                        .map_err(|problem| problem.at(file, None, None))?;
                }
                notices.extend(source.survey_records(&mut survey)?);
            }
            sources.push(source);
        }
        let outcomes = survey.finish(&mut notices).map_err(|located| {
            let Located {
                problem,
                file,
                record,
                offset,
            } = *located;
            match sources.get(file) {
                Some(Source { file, encoding, .. }) => {
                    problem.at_in(file, encoding, record, offset)
                }
                None => without_file(problem),
            }
        })?;
        fields::notice_commas(&sources, &outcomes, &survey.layout, &mut notices);
        let table = Table::decided(staged, rules, survey, sources, outcomes, notices);
        Ok(Table { markup, ..table })
    }

    fn decided(
        staged: &Staged,
        rules: &Rules,
        survey: Survey,
        sources: Vec<Source>,
        mut outcomes: Vec<Outcome>,
        mut notices: Vec<String>,
    ) -> Table {
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
        let mut notices: Vec<String> = notices.into_iter().map(place::harmless).collect();
        let system = rules.add_system_columns(&mut columns, &mut notices);
        Table {
            name: staged.name.clone(),
            sources,
            layout,
            columns,
            targets,
            system,
            fetched_at: staged.fetched_at,
            csv: rules.csv.clone(),
            markup: Markup::default(),
            rows,
            absent,
            notices,
            parquet: None,
        }
    }

    /// Returns the name by which the user's SQL calls it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the columns; values of a row come in this order.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Returns the number of rows.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Returns what a careful person may want to know: decisions about rows, columns and types.
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    /// Returns the files the engine may read by itself, if they are of that kind.
    pub fn parquet(&self) -> Option<&Parquet> {
        self.parquet.as_ref()
    }

    /// Pass 2 for one file of [`Table::parquet`].
    pub fn for_each_row_of<E: From<DataError>>(
        &self,
        part: &Part,
        mut sink: impl FnMut(&[Value<'_>]) -> Result<(), E>,
    ) -> Result<(), E> {
        part.for_each_row(self, &mut sink)
    }

    /// Pass 2: converts every row, in the same order; `sink` gets the values of one row at a time.
    ///
    /// Fails only if `sink` does, or if a file has changed since pass 1.
    pub fn for_each_row<E: From<DataError>>(
        &self,
        mut sink: impl FnMut(&[Value<'_>]) -> Result<(), E>,
    ) -> Result<(), E> {
        for part in self.parquet.iter().flat_map(Parquet::parts) {
            part.for_each_row(self, &mut sink)?;
        }
        let mut row = 0;
        for (index, source) in self.sources.iter().enumerate() {
            match source.file.format {
                Format::Json | Format::NdJson | Format::OData => {
                    self.fill_records(source, &mut row, &mut sink)?;
                }
                Format::Csv | Format::Tsv => self.fill_fields(source, &mut row, &mut sink)?,
                Format::Xml | Format::Atom => {
                    self.fill_elements((index, source), &mut row, &mut sink)?;
                }
                // Never among the sources.
                Format::Parquet => {}
            }
        }
        match self.sources.last() {
            Some(source) if row != self.rows => Err(changed().at(&source.file, None, None).into()),
            _ => Ok(()),
        }
    }

    fn fill_records<E: From<DataError>>(
        &self,
        source: &Source,
        row: &mut u64,
        sink: &mut impl FnMut(&[Value<'_>]) -> Result<(), E>,
    ) -> Result<(), E> {
        let file = &source.file;
        let mut values: Vec<Value<'static>> = Vec::with_capacity(self.columns.len());
        let result = json::read(file, source.path.as_ref(), &mut |record: Record<'_>| {
            *row += 1;
            let mut filling = Fill {
                table: self,
                values: self.blank(&mut values),
                notation: notation(file),
            };
            if let Err(problem) = walk::record(&mut filling, record.text) {
                return Err(problem
                    .within(record.offset)
                    .at(file, Some(*row), Some(record.offset))
                    .into());
            }
            let mut filled = filling.values;
            self.fill_system(&mut filled, source, *row, record.key);
            sink(&filled)?;
            values = recycled(filled);
            Ok(())
        });
        match result {
            Ok(_) => Ok(()),
            Err(Stop::Sink(error)) => Err(error),
            Err(Stop::Problem(problem)) => Err(problem.at(file, None, None).into()),
        }
    }

    /// Returns a row of nulls in the memory of the last one.
    fn blank<'r>(&self, values: &mut Vec<Value<'static>>) -> Vec<Value<'r>> {
        let mut blank: Vec<Value<'r>> = std::mem::take(values);
        blank.resize(self.columns.len(), Value::Null);
        blank
    }

    fn put<'r>(
        &self,
        values: &mut [Value<'r>],
        leaf: LeafId,
        token: Token<'r>,
    ) -> Result<(), Problem> {
        let Some(target) = self.targets.get(leaf).copied().flatten() else {
            return Ok(());
        };
        let column = &self.columns[target];
        let value = match self.layout.leaves[leaf].rule {
            Some(rule) => declare::convert(&self.layout.rules[rule], token).ok(),
            None if token == Token::EmptyObject && self.has_objects(leaf) => Some(Value::Null),
            None => token.value(column.column_type),
        };
        values[target] = value.ok_or_else(|| changed().column(&column.name))?;
        Ok(())
    }

    fn has_objects(&self, leaf: LeafId) -> bool {
        self.layout
            .node_of(leaf)
            .is_some_and(|node| self.layout.has_children(node))
    }

    fn fill_system<'r>(
        &self,
        values: &mut [Value<'r>],
        source: &'r Source,
        row: u64,
        key: Option<&'r str>,
    ) {
        let first = values.len() - self.system.len();
        for (value, column) in values[first..].iter_mut().zip(&self.system) {
            *value = match column {
                SystemColumn::FetchedAt => Value::Timestamp(self.fetched_at),
                SystemColumn::Source => Value::Text(Cow::Borrowed(&source.file.origin)),
                SystemColumn::Row => Value::BigInt(i64::try_from(row).unwrap_or(i64::MAX)),
                SystemColumn::Key => key.map_or(Value::Null, |key| Value::Text(Cow::Borrowed(key))),
            };
        }
    }
}

impl Source {
    /// Pass 1 over JSON. Returns a notice, if there is one.
    fn survey_records(&self, survey: &mut Survey) -> Result<Option<String>, DataError> {
        let file = &self.file;
        let result = json::read(file, self.path.as_ref(), &mut |record: Record<'_>| {
            survey.begin(record.offset);
            walk::record(survey, record.text).map_err(|problem| {
                problem
                    .within(record.offset)
                    .at(file, Some(survey.record), Some(record.offset))
            })
        });
        match result {
            Ok(notice) => Ok(notice.map(|notice| format!("{}: {notice}", file.origin))),
            Err(Stop::Sink(error)) => Err(error),
            Err(Stop::Problem(problem)) => Err(problem.at(file, None, None)),
        }
    }
}

fn notation(file: &StagedFile) -> Notation {
    match file.format {
        Format::OData => Notation::OData,
        _ => Notation::Plain,
    }
}

/// Empties a row and forgets what it borrowed; collecting in place keeps the memory.
fn recycled(mut row: Vec<Value<'_>>) -> Vec<Value<'static>> {
    row.clear();
    row.into_iter().map(|_| Value::Null).collect()
}

fn changed() -> Problem {
    Problem::new("the file has changed while it was read")
}

fn without_file(problem: Problem) -> DataError {
    DataError {
        origin: String::from("source"),
        record: None,
        line: None,
        column: problem.column.map(place::harmless),
        problem: place::harmless(problem.what),
        hint: problem.hint.map(place::harmless),
    }
}

/// Puts one record's values where they belong.
struct Fill<'t, 'r> {
    table: &'t Table,
    values: Vec<Value<'r>>,
    notation: Notation,
}

impl<'r> Take<'r> for Fill<'_, 'r> {
    fn layout(&self) -> &Layout {
        &self.table.layout
    }

    fn notation(&self) -> Notation {
        self.notation
    }

    fn key(
        &mut self,
        parent: NodeId,
        expected: usize,
        key: &str,
        scope: Scope,
    ) -> Result<Option<NodeId>, Problem> {
        match self.table.layout.child(parent, expected, key) {
            None if self.notation == Notation::OData && odata::is_control(key) => Ok(None),
            None if scope == Scope::All => Err(changed()),
            found => Ok(found),
        }
    }

    fn token(&mut self, node: NodeId, token: Token<'r>, _: Scope) -> Result<(), Problem> {
        let token = self.table.layout.meant(node, token);
        for &leaf in &self.table.layout.node(node).leaves {
            if self.table.layout.takes(leaf, token) {
                self.table.put(&mut self.values, leaf, token)?;
            }
        }
        Ok(())
    }
}

//! The words for data that has a type: columns, values, and data that cannot be read. Nothing here reads or writes.

pub mod batch;
pub mod local_number;
pub mod number;
pub mod path;
pub mod time;
pub mod token;

use std::borrow::Cow;
use std::fmt;
use std::num::NonZeroU64;

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

/// Columns that say where a row comes from, in the order they are appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SystemColumn {
    /// `_fetched_at`: when fetching began, in UTC.
    FetchedAt,
    /// `_source`: the file, or the URL without its query.
    Source,
    /// `_row`: counted from 1 over all files.
    Row,
    /// `_key`: the object key that `*` in `records` stood for; several are joined by `/`.
    Key,
}

impl SystemColumn {
    /// All of them, in order.
    pub const ALL: [SystemColumn; 4] = [
        SystemColumn::FetchedAt,
        SystemColumn::Source,
        SystemColumn::Row,
        SystemColumn::Key,
    ];

    /// Returns the column's name.
    pub fn name(self) -> &'static str {
        match self {
            SystemColumn::FetchedAt => "_fetched_at",
            SystemColumn::Source => "_source",
            SystemColumn::Row => "_row",
            SystemColumn::Key => "_key",
        }
    }

    /// Returns the column's type.
    pub fn column_type(self) -> ColumnType {
        match self {
            SystemColumn::FetchedAt => ColumnType::Timestamp,
            SystemColumn::Source | SystemColumn::Key => ColumnType::Text,
            SystemColumn::Row => ColumnType::BigInt,
        }
    }
}

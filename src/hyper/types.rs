//! Types: those of the staged columns, those of the result, and the engine's.

use std::fmt;

use hyperdb_api::SqlType;

use crate::data::ColumnType;

/// Type of a result column as stored in the extract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResultType {
    /// One of the types the staged table knows too.
    Plain(ColumnType),
    /// Points, lines and areas; only SQL makes them.
    Geography,
}

impl fmt::Display for ResultType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ResultType::Plain(column_type) => column_type.fmt(f),
            ResultType::Geography => f.write_str("geography"),
        }
    }
}

/// Returns the engine's type for a column.
pub(super) fn sql_type(column_type: ColumnType) -> SqlType {
    match column_type {
        ColumnType::Text => SqlType::text(),
        ColumnType::Boolean => SqlType::bool(),
        ColumnType::BigInt => SqlType::big_int(),
        ColumnType::Double => SqlType::double(),
        ColumnType::Decimal { precision, scale } => {
            SqlType::numeric(precision.into(), scale.into())
        }
        ColumnType::Date => SqlType::date(),
        ColumnType::Timestamp => SqlType::timestamp(),
    }
}

pub(super) fn result_type(sql_type: SqlType) -> Option<ResultType> {
    Some(ResultType::Plain(match sql_type {
        SqlType::Text => ColumnType::Text,
        SqlType::Bool => ColumnType::Boolean,
        SqlType::BigInt => ColumnType::BigInt,
        SqlType::Double => ColumnType::Double,
        SqlType::Numeric { precision, scale } => ColumnType::Decimal {
            precision: u8::try_from(precision).ok()?,
            scale: u8::try_from(scale).ok()?,
        },
        SqlType::Date => ColumnType::Date,
        SqlType::Timestamp => ColumnType::Timestamp,
        SqlType::Geography => return Some(ResultType::Geography),
        _ => return None,
    }))
}

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

/// Column types that have one value each; of [`ColumnType::Decimal`] there is one for every precision and scale.
const SIMPLE: [ColumnType; 6] = [
    ColumnType::Text,
    ColumnType::Boolean,
    ColumnType::BigInt,
    ColumnType::Double,
    ColumnType::Date,
    ColumnType::Timestamp,
];

/// Returns the engine's type for a column: the one list of what is what, which [`result_type`] reads backwards.
pub(super) fn sql_type(column_type: ColumnType) -> SqlType {
    match column_type {
        ColumnType::Text => SqlType::Text,
        ColumnType::Boolean => SqlType::Bool,
        ColumnType::BigInt => SqlType::BigInt,
        ColumnType::Double => SqlType::Double,
        ColumnType::Decimal { precision, scale } => {
            SqlType::numeric(precision.into(), scale.into())
        }
        ColumnType::Date => SqlType::Date,
        ColumnType::Timestamp => SqlType::Timestamp,
    }
}

/// Returns the type of a result column; `None` if an extract does not keep the engine's.
pub(super) fn result_type(stored: SqlType) -> Option<ResultType> {
    match stored {
        SqlType::Geography => Some(ResultType::Geography),
        SqlType::Numeric { precision, scale } => Some(ResultType::Plain(ColumnType::Decimal {
            precision: u8::try_from(precision).ok()?,
            scale: u8::try_from(scale).ok()?,
        })),
        other => {
            let mut simple = SIMPLE.into_iter();
            let found = simple.find(|column_type| sql_type(*column_type) == other);
            found.map(ResultType::Plain)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_of_a_column_is_read_back_as_itself() {
        let decimal = ColumnType::Decimal {
            precision: 38,
            scale: 9,
        };
        for column_type in SIMPLE.into_iter().chain([decimal]) {
            let back = result_type(sql_type(column_type));
            assert_eq!(back, Some(ResultType::Plain(column_type)));
        }
        assert_eq!(result_type(SqlType::Geography), Some(ResultType::Geography));
        assert_eq!(result_type(SqlType::TimestampTz), None);
    }
}

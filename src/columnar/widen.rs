//! Whole columns as the table wants them, where no rule and no single value has a say.
//!
//! Not by `arrow-cast`: all its casts together would add 5 MB to the program.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type,
};
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType};
use arrow_schema::{DataType, TimeUnit};

use super::reader::ColumnReader;
use crate::data::ColumnType;
use crate::data::batch::data_type;
use crate::data::time::{self, MICROS_PER_DAY};
use crate::rules::columns::{ColumnRule, RuleKind};

/// Returns the column of a batch in the table's type; `None` if its values must be looked at one by one, which also
/// tells the row of one that does not fit.
pub(crate) fn whole(
    reader: &ColumnReader<'_>,
    rule: Option<&ColumnRule>,
    column_type: ColumnType,
) -> Option<ArrayRef> {
    let is_plain = rule.is_none_or(|rule| {
        rule.kind == RuleKind::Typed(column_type) && rule.format.is_none() && rule.tz.is_none()
    });
    // Where a group is null, so are the values in it.
    if !is_plain || !reader.around.is_empty() {
        return None;
    }
    let array = &reader.array;
    match column_type {
        ColumnType::Text => (*array.data_type() == DataType::Utf8).then(|| Arc::clone(array)),
        ColumnType::Boolean => (*array.data_type() == DataType::Boolean).then(|| Arc::clone(array)),
        ColumnType::BigInt => integers(array),
        ColumnType::Double => doubles(array),
        ColumnType::Decimal { precision, .. } => {
            let limit = 10i128.checked_pow(precision.into())?;
            let is_alike = *array.data_type() == data_type(column_type);
            let fits = |digits: i128| digits.unsigned_abs() < limit.unsigned_abs();
            let values = is_alike.then(|| array.as_primitive::<Decimal128Type>())?;
            values.iter().flatten().all(fits).then(|| Arc::clone(array))
        }
        ColumnType::Date => {
            let days = array.as_primitive_opt::<Date32Type>()?;
            let mut days = days.iter().flatten();
            let in_range = |days: i32| {
                i64::from(days)
                    .checked_mul(MICROS_PER_DAY)
                    .is_some_and(time::in_range)
            };
            days.all(in_range).then(|| Arc::clone(array))
        }
        ColumnType::Timestamp => timestamps(array),
    }
}

fn integers(array: &ArrayRef) -> Option<ArrayRef> {
    match array.data_type() {
        DataType::Int64 => Some(Arc::clone(array)),
        DataType::Int8 => Some(wide::<Int8Type, Int64Type>(array, i64::from)),
        DataType::Int16 => Some(wide::<Int16Type, Int64Type>(array, i64::from)),
        DataType::Int32 => Some(wide::<Int32Type, Int64Type>(array, i64::from)),
        DataType::UInt8 => Some(wide::<UInt8Type, Int64Type>(array, i64::from)),
        DataType::UInt16 => Some(wide::<UInt16Type, Int64Type>(array, i64::from)),
        DataType::UInt32 => Some(wide::<UInt32Type, Int64Type>(array, i64::from)),
        _ => None,
    }
}

fn doubles(array: &ArrayRef) -> Option<ArrayRef> {
    match array.data_type() {
        DataType::Float64 => Some(Arc::clone(array)),
        DataType::Float32 => Some(wide::<Float32Type, Float64Type>(array, f64::from)),
        DataType::Float16 => Some(wide::<Float16Type, Float64Type>(array, |value| {
            value.to_f64()
        })),
        _ => None,
    }
}

/// Microseconds without a zone: what is finer is cut towards the past.
fn timestamps(array: &ArrayRef) -> Option<ArrayRef> {
    let DataType::Timestamp(unit, _) = array.data_type() else {
        return None;
    };
    let coarser = |value: i64, factor: i64| value.checked_mul(factor).and_then(in_range);
    let times = match unit {
        TimeUnit::Second => {
            checked::<TimestampSecondType>(array, |value| coarser(value, 1_000_000))?
        }
        TimeUnit::Millisecond => {
            checked::<TimestampMillisecondType>(array, |value| coarser(value, 1_000))?
        }
        TimeUnit::Microsecond => checked::<TimestampMicrosecondType>(array, in_range)?,
        TimeUnit::Nanosecond => {
            checked::<TimestampNanosecondType>(array, |value| in_range(value.div_euclid(1_000)))?
        }
    };
    Some(times)
}

fn in_range(micros: i64) -> Option<i64> {
    time::in_range(micros).then_some(micros)
}

fn checked<T: ArrowPrimitiveType<Native = i64>>(
    array: &ArrayRef,
    convert: impl Fn(i64) -> Option<i64>,
) -> Option<ArrayRef> {
    let times = array.as_primitive::<T>();
    let converted =
        times.try_unary::<_, TimestampMicrosecondType, ()>(|value| convert(value).ok_or(()));
    Some(Arc::new(converted.ok()?))
}

fn wide<From: ArrowPrimitiveType, To: ArrowPrimitiveType>(
    array: &ArrayRef,
    convert: impl Fn(From::Native) -> To::Native,
) -> ArrayRef {
    Arc::new(array.as_primitive::<From>().unary::<_, To>(convert))
}

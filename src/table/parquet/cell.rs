//! Values of Parquet files as this process reads them.

use std::borrow::Cow;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, Decimal256Type, Float16Type, Float32Type, Float64Type, Int8Type,
    Int16Type, Int32Type, Int64Type, Time32MillisecondType, Time64MicrosecondType,
    Time64NanosecondType, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType};
use arrow_schema::{ArrowError, DataType, TimeUnit};
use jiff::ToSpan;
use jiff::civil::{Date, DateTime, Time};

use super::super::declare::{self, Misfit};
use super::super::place::{Problem, quoted};
use super::super::rules::{ColumnRule, RuleKind};
use super::super::time;
use super::super::value::Token;
use super::super::{ColumnType, Value};
use super::broken;
use super::schema::{Kind, Leaf};

/// One value, before its column's type is considered.
#[derive(Clone, Debug)]
pub(super) enum Scalar<'a> {
    Null,
    Boolean(bool),
    Integer(i64),
    Unsigned(u64),
    Double(f64),
    /// Digits and how many of them follow the point.
    Decimal(i128, u8),
    HugeDecimal(String),
    Text(&'a str),
    Bytes(&'a [u8]),
    Date(i32),
    /// Microseconds of the day.
    Time(i64),
    Timestamp(i64),
    Zoned(i64),
    Json(String),
}

/// The values of one leaf in a batch.
pub(super) struct Cells {
    array: ArrayRef,
    kind: Kind,
    /// Groups around the leaf: where one of them is null, so is the value.
    around: Vec<ArrayRef>,
}

impl Cells {
    pub(super) fn new(root: &ArrayRef, leaf: &Leaf) -> Result<Cells, Problem> {
        let mut array = root.clone();
        let mut around = Vec::new();
        for &position in &leaf.path[1..] {
            let group = array.as_struct_opt();
            let child = group
                .filter(|group| position < group.num_columns())
                .map(|group| group.column(position).clone());
            let child = child.ok_or_else(|| broken("a group lacks a column"))?;
            around.push(std::mem::replace(&mut array, child));
        }
        Ok(Cells {
            array: plain(&array)?,
            kind: leaf.kind,
            around,
        })
    }

    pub(super) fn get(&self, row: usize) -> Result<Scalar<'_>, Problem> {
        if self.array.is_null(row) || self.around.iter().any(|group| group.is_null(row)) {
            return Ok(Scalar::Null);
        }
        scalar(&self.array, row, self.kind)
    }
}

/// Brings an array to the one width its kind is read at.
///
/// Not by `arrow-cast`: all its casts together would double the size of the program.
fn plain(array: &ArrayRef) -> Result<ArrayRef, Problem> {
    let too_far = |_| broken("a time is beyond what 64 bits of microseconds hold");
    let exact = |factor: i64| {
        move |value: i64| {
            value
                .checked_mul(factor)
                .ok_or_else(|| ArrowError::ArithmeticOverflow(String::new()))
        }
    };
    Ok(match array.data_type() {
        DataType::Int8 => widen::<Int8Type>(array),
        DataType::Int16 => widen::<Int16Type>(array),
        DataType::Int32 => widen::<Int32Type>(array),
        DataType::UInt8 => widen::<UInt8Type>(array),
        DataType::UInt16 => widen::<UInt16Type>(array),
        DataType::UInt32 => widen::<UInt32Type>(array),
        DataType::Float16 => Arc::new(
            array
                .as_primitive::<Float16Type>()
                .unary::<_, Float64Type>(<Float16Type as ArrowPrimitiveType>::Native::to_f64),
        ),
        DataType::Float32 => Arc::new(
            array
                .as_primitive::<Float32Type>()
                .unary::<_, Float64Type>(f64::from),
        ),
        DataType::Timestamp(unit, _) => match unit {
            TimeUnit::Second => Arc::new(
                array
                    .as_primitive::<TimestampSecondType>()
                    .try_unary::<_, TimestampMicrosecondType, _>(exact(1_000_000))
                    .map_err(too_far)?,
            ),
            TimeUnit::Millisecond => Arc::new(
                array
                    .as_primitive::<TimestampMillisecondType>()
                    .try_unary::<_, TimestampMicrosecondType, _>(exact(1_000))
                    .map_err(too_far)?,
            ),
            TimeUnit::Microsecond => array.clone(),
            // Cut towards 1970, as the engine does.
            TimeUnit::Nanosecond => Arc::new(
                array
                    .as_primitive::<TimestampNanosecondType>()
                    .unary::<_, TimestampMicrosecondType>(|nanos| nanos / 1_000),
            ),
        },
        DataType::Time32(TimeUnit::Millisecond) => Arc::new(
            array
                .as_primitive::<Time32MillisecondType>()
                .unary::<_, Time64MicrosecondType>(|millis| i64::from(millis) * 1_000),
        ),
        DataType::Time64(TimeUnit::Nanosecond) => Arc::new(
            array
                .as_primitive::<Time64NanosecondType>()
                .unary::<_, Time64MicrosecondType>(|nanos| nanos / 1_000),
        ),
        _ => array.clone(),
    })
}

fn widen<T: ArrowPrimitiveType<Native: Into<i64>>>(array: &ArrayRef) -> ArrayRef {
    Arc::new(array.as_primitive::<T>().unary::<_, Int64Type>(Into::into))
}

fn scalar(array: &ArrayRef, row: usize, kind: Kind) -> Result<Scalar<'_>, Problem> {
    Ok(match array.data_type() {
        DataType::Boolean => Scalar::Boolean(array.as_boolean().value(row)),
        DataType::Int64 => Scalar::Integer(array.as_primitive::<Int64Type>().value(row)),
        DataType::UInt64 => Scalar::Unsigned(array.as_primitive::<UInt64Type>().value(row)),
        DataType::Float64 => Scalar::Double(array.as_primitive::<Float64Type>().value(row)),
        DataType::Utf8 => Scalar::Text(array.as_string::<i32>().value(row)),
        DataType::Binary => Scalar::Bytes(array.as_binary::<i32>().value(row)),
        DataType::FixedSizeBinary(_) => Scalar::Bytes(array.as_fixed_size_binary().value(row)),
        DataType::Date32 => Scalar::Date(array.as_primitive::<Date32Type>().value(row)),
        DataType::Time64(_) => {
            Scalar::Time(array.as_primitive::<Time64MicrosecondType>().value(row))
        }
        DataType::Timestamp(_, _) => {
            let micros = array.as_primitive::<TimestampMicrosecondType>().value(row);
            match kind {
                Kind::Zoned => Scalar::Zoned(micros),
                _ => Scalar::Timestamp(micros),
            }
        }
        DataType::Decimal128(_, _) => {
            let array = array.as_primitive::<Decimal128Type>();
            match kind {
                Kind::Decimal { scale, .. } => Scalar::Decimal(array.value(row), scale),
                _ => Scalar::HugeDecimal(array.value_as_string(row)),
            }
        }
        DataType::Decimal256(_, _) => {
            let array = array.as_primitive::<Decimal256Type>();
            match (kind, array.value(row).to_i128()) {
                (Kind::Decimal { scale, .. }, Some(digits)) => Scalar::Decimal(digits, scale),
                _ => Scalar::HugeDecimal(array.value_as_string(row)),
            }
        }
        _ => {
            let mut text = String::new();
            json(&mut text, array, row)?;
            Scalar::Json(text)
        }
    })
}

/// Writes a value as JSON: what has no notation there as text.
fn json(text: &mut String, array: &ArrayRef, row: usize) -> Result<(), Problem> {
    if array.is_null(row) || *array.data_type() == DataType::Null {
        text.push_str("null");
        return Ok(());
    }
    let list = match array.data_type() {
        DataType::List(_) => Some(array.as_list::<i32>().value(row)),
        DataType::LargeList(_) => Some(array.as_list::<i64>().value(row)),
        DataType::FixedSizeList(_, _) => Some(array.as_fixed_size_list().value(row)),
        _ => None,
    };
    if let Some(list) = list {
        return sequence(text, list.len(), ('[', ']'), |text, index| {
            json(text, &list, index)
        });
    }
    if let Some(group) = array.as_struct_opt() {
        let names = group.column_names();
        return sequence(text, names.len(), ('{', '}'), |text, index| {
            text.push_str(&escaped(names[index]));
            text.push(':');
            json(text, group.column(index), row)
        });
    }
    if let Some(map) = array.as_map_opt() {
        let entries = map.value(row);
        return sequence(text, entries.len(), ('{', '}'), |text, index| {
            let key = plain(entries.column(0))?;
            let key = scalar(&key, index, Kind::of_array(&key))?.text();
            text.push_str(&escaped(&key.unwrap_or_default()));
            text.push(':');
            json(text, entries.column(1), index)
        });
    }
    let array = plain(array)?;
    let kind = Kind::of_array(&array);
    if matches!(kind, Kind::Other | Kind::Json) {
        let what = format!("`{}` has no place in an extract", array.data_type());
        return Err(Problem::new(what));
    }
    let value = scalar(&array, row, kind)?;
    let plain = value.text().unwrap_or_default();
    match value {
        Scalar::Boolean(_)
        | Scalar::Integer(_)
        | Scalar::Unsigned(_)
        | Scalar::Decimal(_, _)
        | Scalar::HugeDecimal(_) => text.push_str(&plain),
        Scalar::Double(number) if number.is_finite() => text.push_str(&plain),
        _ => text.push_str(&escaped(&plain)),
    }
    Ok(())
}

fn sequence(
    text: &mut String,
    length: usize,
    (open, close): (char, char),
    mut each: impl FnMut(&mut String, usize) -> Result<(), Problem>,
) -> Result<(), Problem> {
    text.push(open);
    for index in 0..length {
        if index > 0 {
            text.push(',');
        }
        each(text, index)?;
    }
    text.push(close);
    Ok(())
}

fn escaped(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

impl Kind {
    fn of_array(array: &ArrayRef) -> Kind {
        match array.data_type() {
            DataType::Decimal128(_, scale) | DataType::Decimal256(_, scale) => {
                match u8::try_from(*scale) {
                    Ok(scale) => Kind::Decimal {
                        precision: 38,
                        scale,
                    },
                    Err(_) => Kind::HugeDecimal,
                }
            }
            DataType::Timestamp(_, _) => Kind::Timestamp,
            DataType::Boolean
            | DataType::Int64
            | DataType::UInt64
            | DataType::Float64
            | DataType::Utf8
            | DataType::Binary
            | DataType::FixedSizeBinary(_)
            | DataType::Date32
            | DataType::Time64(_) => Kind::Text,
            _ => Kind::Other,
        }
    }
}

impl<'a> Scalar<'a> {
    /// Converts to the type that holds every value of the column.
    pub(super) fn typed(self, column_type: ColumnType) -> Result<Value<'a>, Misfit> {
        Ok(match (column_type, self) {
            (_, Scalar::Null) => Value::Null,
            (ColumnType::Boolean, Scalar::Boolean(value)) => Value::Boolean(value),
            (ColumnType::BigInt, Scalar::Integer(value)) => Value::BigInt(value),
            (ColumnType::BigInt, Scalar::Unsigned(value)) => {
                Value::BigInt(i64::try_from(value).map_err(|_| "is beyond 64 bits")?)
            }
            (ColumnType::Double, Scalar::Double(value)) => Value::Double(value),
            // Only integers that a double holds come here.
            (ColumnType::Double, integer @ (Scalar::Integer(_) | Scalar::Unsigned(_))) => {
                let text = integer.text().unwrap_or_default();
                Value::Double(text.parse().map_err(|_| "is not a number")?)
            }
            (ColumnType::Decimal { precision, scale }, Scalar::Unsigned(value)) => {
                decimal(value.into(), 0, precision, scale)?
            }
            (ColumnType::Decimal { precision, scale }, Scalar::Integer(value)) => {
                decimal(value.into(), 0, precision, scale)?
            }
            (ColumnType::Decimal { precision, scale }, Scalar::Decimal(digits, fraction)) => {
                decimal(digits, fraction, precision, scale)?
            }
            (ColumnType::Date, Scalar::Date(days)) => Value::Date(checked_days(days)?),
            (ColumnType::Timestamp, Scalar::Date(days)) => {
                Value::Timestamp(time::midnight(checked_days(days)?))
            }
            (ColumnType::Timestamp, Scalar::Timestamp(micros) | Scalar::Zoned(micros)) => {
                if !time::in_range(micros) {
                    return Err("is beyond the years 1 to 9999");
                }
                Value::Timestamp(micros)
            }
            (ColumnType::Text, Scalar::Text(text)) => Value::Text(Cow::Borrowed(text)),
            (ColumnType::Text, other) => Value::Text(other.text().ok_or("is not UTF-8")?),
            _ => return Err("does not fit the column's type"),
        })
    }

    /// Converts to what a rule declares, exactly as a value of any other format.
    pub(super) fn declared(self, rule: &ColumnRule) -> Result<Value<'a>, Misfit> {
        if matches!(self, Scalar::Null) {
            return Ok(Value::Null);
        }
        if rule.kind == RuleKind::Typed(ColumnType::Text) {
            return self.typed(ColumnType::Text);
        }
        if rule.format.is_some()
            && matches!(
                self,
                Scalar::Date(_) | Scalar::Timestamp(_) | Scalar::Zoned(_)
            )
        {
            return Err("is a date or time already: leave out `format`");
        }
        if let (Scalar::Double(value), RuleKind::Typed(ColumnType::Double)) = (&self, rule.kind) {
            return Ok(Value::Double(*value));
        }
        let text = self.text().ok_or("is not UTF-8")?;
        let quoted;
        let token = match &self {
            Scalar::Boolean(value) => Token::Boolean(*value),
            Scalar::Integer(_)
            | Scalar::Unsigned(_)
            | Scalar::Double(_)
            | Scalar::Decimal(_, _)
            | Scalar::HugeDecimal(_) => Token::Number(&text),
            Scalar::Json(_) => Token::Document(&text),
            Scalar::Date(_) | Scalar::Time(_) | Scalar::Timestamp(_) | Scalar::Zoned(_)
                if rule.kind == RuleKind::Json =>
            {
                quoted = escaped(&text);
                Token::String(&quoted)
            }
            _ if text.is_empty() => Token::Null,
            _ => Token::Field(&text),
        };
        declare::convert(rule, token).map(owned)
    }

    /// The value as text; `None` if its bytes are none.
    pub(super) fn text(&self) -> Option<Cow<'a, str>> {
        Some(Cow::Owned(match self {
            Scalar::Null => return None,
            Scalar::Text(text) => return Some(Cow::Borrowed(text)),
            Scalar::Bytes(bytes) => return std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
            Scalar::Boolean(value) => value.to_string(),
            Scalar::Integer(value) => value.to_string(),
            Scalar::Unsigned(value) => value.to_string(),
            Scalar::Double(value) if value.is_finite() => {
                serde_json::Number::from_f64(*value)?.to_string()
            }
            Scalar::Double(value) => value.to_string(),
            Scalar::Decimal(digits, scale) => decimal_text(*digits, *scale),
            Scalar::HugeDecimal(text) | Scalar::Json(text) => text.clone(),
            Scalar::Date(days) => civil(i64::from(*days), 0)?.date().to_string(),
            Scalar::Time(micros) => civil(0, *micros)?.time().to_string(),
            Scalar::Timestamp(micros) => instant(*micros)?.to_string(),
            Scalar::Zoned(micros) => format!("{}Z", instant(*micros)?),
        }))
    }

    /// The value as messages show it.
    pub(super) fn shown(&self) -> String {
        match (self, self.text()) {
            (_, Some(text)) => quoted(&text),
            (Scalar::Bytes(_), None) => "a binary value".into(),
            (_, None) => "a value".into(),
        }
    }
}

fn owned(value: Value<'_>) -> Value<'static> {
    match value {
        Value::Null => Value::Null,
        Value::Boolean(value) => Value::Boolean(value),
        Value::BigInt(value) => Value::BigInt(value),
        Value::Double(value) => Value::Double(value),
        Value::Decimal(value) => Value::Decimal(value),
        Value::Date(value) => Value::Date(value),
        Value::Timestamp(value) => Value::Timestamp(value),
        Value::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
    }
}

fn decimal(digits: i128, fraction: u8, precision: u8, scale: u8) -> Result<Value<'static>, Misfit> {
    let places = scale
        .checked_sub(fraction)
        .ok_or("has too many digits behind the point")?;
    let shifted = digits.checked_mul(10i128.pow(u32::from(places)));
    let limit = 10i128.checked_pow(u32::from(precision));
    match shifted {
        Some(shifted)
            if limit.is_none_or(|limit| shifted.unsigned_abs() < limit.unsigned_abs()) =>
        {
            Ok(Value::Decimal(shifted))
        }
        _ => Err("has too many digits"),
    }
}

fn decimal_text(digits: i128, scale: u8) -> String {
    if scale == 0 {
        return digits.to_string();
    }
    let scale = usize::from(scale);
    let sign = if digits < 0 { "-" } else { "" };
    let padded = format!("{:0>width$}", digits.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = padded.split_at(padded.len() - scale);
    format!("{sign}{whole}.{fraction}")
}

fn checked_days(days: i32) -> Result<i32, Misfit> {
    // Far enough to be sure that the product fits; the exact border follows.
    if days.unsigned_abs() < 100_000_000 && time::in_range(time::midnight(days)) {
        Ok(days)
    } else {
        Err("is beyond the years 1 to 9999")
    }
}

pub(super) fn instant(micros: i64) -> Option<DateTime> {
    const DAY: i64 = 86_400_000_000;
    civil(micros.div_euclid(DAY), micros.rem_euclid(DAY))
}

fn civil(days: i64, micros: i64) -> Option<DateTime> {
    let date = Date::constant(1970, 1, 1)
        .checked_add(jiff::Span::new().try_days(days).ok()?)
        .ok()?;
    DateTime::from_parts(date, Time::midnight())
        .checked_add(micros.microseconds())
        .ok()
}

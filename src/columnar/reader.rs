//! Takes single values out of Arrow arrays; lists, maps and groups become JSON.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type,
    DecimalType, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    Time32MillisecondType, Time32SecondType, Time64MicrosecondType, Time64NanosecondType,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType};
use arrow_schema::{DataType, TimeUnit};

use super::leaf::{Form, SchemaLeaf, ValueKind};
use super::scalar::{Scalar, escaped};
use crate::data::time::MICROS_PER_DAY;
use crate::readers::position::DataProblem;
use crate::readers::record::changed;

/// Bytes of one text or JSON: few bytes of a file may stand for many elements, and each of them for a long text.
const MOST_BYTES: usize = 1 << 30;

/// The values of one leaf in a batch.
pub(crate) struct ColumnReader<'a> {
    pub(crate) array: ArrayRef,
    leaf: &'a SchemaLeaf,
    /// Groups around the leaf: where one of them is null, so is the value.
    pub(crate) around: Vec<ArrayRef>,
}

impl<'a> ColumnReader<'a> {
    pub(crate) fn new(
        root: &ArrayRef,
        leaf: &'a SchemaLeaf,
    ) -> Result<ColumnReader<'a>, DataProblem> {
        let mut array = root.clone();
        let mut around = Vec::new();
        for &position in &leaf.path[1..] {
            let group = array.as_struct_opt();
            let child = group
                .filter(|group| position < group.num_columns())
                .map(|group| group.column(position).clone());
            let child = child.ok_or_else(changed)?;
            around.push(std::mem::replace(&mut array, child));
        }
        Ok(ColumnReader {
            array,
            leaf,
            around,
        })
    }

    pub(crate) fn get(&self, row: usize) -> Result<Scalar<'_>, DataProblem> {
        let is_none = self.around.iter().any(|group| group.is_null(row));
        let place = found(&self.array, row).filter(|_| !is_none);
        let Some((array, row)) = place else {
            return Ok(Scalar::Null);
        };
        match &self.leaf.form {
            Form::Value(_) => match scalar(array, row, self.leaf.kind)? {
                Scalar::Text(text) if text.len() > MOST_BYTES => Err(too_long()),
                scalar => Ok(scalar),
            },
            form => {
                let mut text = String::new();
                json(&mut text, array, row, form)?;
                Ok(Scalar::Json(text))
            }
        }
    }
}

/// Returns where a value stands, in a dictionary if it is a key of one; nothing if it is null.
fn found(array: &ArrayRef, row: usize) -> Option<(&ArrayRef, usize)> {
    if array.is_null(row) {
        return None;
    }
    let Some(dictionary) = array.as_any_dictionary_opt() else {
        return Some((array, row));
    };
    let keys = dictionary.keys();
    let row = match keys.data_type() {
        DataType::Int8 => key::<Int8Type>(keys, row),
        DataType::Int16 => key::<Int16Type>(keys, row),
        DataType::Int32 => key::<Int32Type>(keys, row),
        DataType::Int64 => key::<Int64Type>(keys, row),
        DataType::UInt8 => key::<UInt8Type>(keys, row),
        DataType::UInt16 => key::<UInt16Type>(keys, row),
        DataType::UInt32 => key::<UInt32Type>(keys, row),
        _ => key::<UInt64Type>(keys, row),
    }?;
    found(dictionary.values(), row)
}

fn key<T: ArrowPrimitiveType<Native: TryInto<usize>>>(
    keys: &dyn Array,
    row: usize,
) -> Option<usize> {
    keys.as_primitive::<T>().value(row).try_into().ok()
}

/// Reads a value at the width it has.
///
/// Not by `arrow-cast`: all its casts together would double the size of the program.
fn scalar(array: &ArrayRef, row: usize, kind: ValueKind) -> Result<Scalar<'_>, DataProblem> {
    Ok(match array.data_type() {
        DataType::Null => Scalar::Null,
        DataType::Boolean => Scalar::Boolean(array.as_boolean().value(row)),
        DataType::Int8 => integer::<Int8Type>(array, row),
        DataType::Int16 => integer::<Int16Type>(array, row),
        DataType::Int32 => integer::<Int32Type>(array, row),
        DataType::Int64 => integer::<Int64Type>(array, row),
        DataType::UInt8 => integer::<UInt8Type>(array, row),
        DataType::UInt16 => integer::<UInt16Type>(array, row),
        DataType::UInt32 => integer::<UInt32Type>(array, row),
        DataType::UInt64 => Scalar::Unsigned(array.as_primitive::<UInt64Type>().value(row)),
        DataType::Float16 => {
            Scalar::Double(array.as_primitive::<Float16Type>().value(row).to_f64())
        }
        DataType::Float32 => Scalar::Double(array.as_primitive::<Float32Type>().value(row).into()),
        DataType::Float64 => Scalar::Double(array.as_primitive::<Float64Type>().value(row)),
        DataType::Utf8 => Scalar::Text(array.as_string::<i32>().value(row)),
        DataType::LargeUtf8 => Scalar::Text(array.as_string::<i64>().value(row)),
        DataType::Utf8View => Scalar::Text(array.as_string_view().value(row)),
        DataType::Binary => bytes(array.as_binary::<i32>().value(row), kind)?,
        DataType::LargeBinary => bytes(array.as_binary::<i64>().value(row), kind)?,
        DataType::BinaryView => bytes(array.as_binary_view().value(row), kind)?,
        DataType::FixedSizeBinary(_) => bytes(array.as_fixed_size_binary().value(row), kind)?,
        DataType::Date32 => Scalar::Date(array.as_primitive::<Date32Type>().value(row)),
        DataType::Date64 => whole_days(array.as_primitive::<Date64Type>().value(row))?,
        DataType::Time32(TimeUnit::Second) => {
            let seconds = array.as_primitive::<Time32SecondType>().value(row);
            time_of_day(seconds.into(), TimeUnit::Second)?
        }
        DataType::Time32(_) => {
            let millis = array.as_primitive::<Time32MillisecondType>().value(row);
            time_of_day(millis.into(), TimeUnit::Millisecond)?
        }
        DataType::Time64(TimeUnit::Nanosecond) => {
            let nanos = array.as_primitive::<Time64NanosecondType>().value(row);
            time_of_day(nanos, TimeUnit::Nanosecond)?
        }
        DataType::Time64(_) => {
            let micros = array.as_primitive::<Time64MicrosecondType>().value(row);
            time_of_day(micros, TimeUnit::Microsecond)?
        }
        DataType::Timestamp(unit, _) => {
            let micros = micros(array, row, *unit);
            match kind {
                ValueKind::Zoned => Scalar::Zoned(micros),
                _ => Scalar::Timestamp(micros),
            }
        }
        DataType::Decimal32(_, _) => decimal::<Decimal32Type>(array, row, kind),
        DataType::Decimal64(_, _) => decimal::<Decimal64Type>(array, row, kind),
        DataType::Decimal128(_, _) => decimal::<Decimal128Type>(array, row, kind),
        DataType::Decimal256(_, _) => {
            let array = array.as_primitive::<Decimal256Type>();
            match (kind, array.value(row).to_i128()) {
                (ValueKind::Decimal { scale, .. }, Some(digits)) => Scalar::Decimal(digits, scale),
                _ => Scalar::HugeDecimal(array.value_as_string(row)),
            }
        }
        other => {
            let what = format!("`{other}` has no place in an extract");
            return Err(DataProblem::new(what));
        }
    })
}

fn integer<T: ArrowPrimitiveType<Native: Into<i64>>>(array: &ArrayRef, row: usize) -> Scalar<'_> {
    Scalar::Integer(array.as_primitive::<T>().value(row).into())
}

fn decimal<T: DecimalType<Native: Into<i128>>>(
    array: &ArrayRef,
    row: usize,
    kind: ValueKind,
) -> Scalar<'_> {
    let array = array.as_primitive::<T>();
    match kind {
        ValueKind::Decimal { scale, .. } => Scalar::Decimal(array.value(row).into(), scale),
        _ => Scalar::HugeDecimal(array.value_as_string(row)),
    }
}

fn bytes(bytes: &[u8], kind: ValueKind) -> Result<Scalar<'_>, DataProblem> {
    Ok(match kind {
        ValueKind::Uuid => Scalar::Uuid(bytes),
        ValueKind::Text => Scalar::Text(std::str::from_utf8(bytes).map_err(|_| not_utf8())?),
        _ => Scalar::Bytes(bytes),
    })
}

fn too_long() -> DataProblem {
    DataProblem::new(format!("a value has more than {} MiB", MOST_BYTES >> 20))
}

fn not_utf8() -> DataProblem {
    DataProblem::new("a binary value is not UTF-8")
}

/// Microseconds since 1970-01-01 00:00:00, what is finer cut towards the past: a time never becomes a later one.
fn micros(array: &ArrayRef, row: usize, unit: TimeUnit) -> i128 {
    match unit {
        TimeUnit::Second => {
            i128::from(array.as_primitive::<TimestampSecondType>().value(row)) * 1_000_000
        }
        TimeUnit::Millisecond => {
            i128::from(array.as_primitive::<TimestampMillisecondType>().value(row)) * 1_000
        }
        TimeUnit::Microsecond => array
            .as_primitive::<TimestampMicrosecondType>()
            .value(row)
            .into(),
        TimeUnit::Nanosecond => array
            .as_primitive::<TimestampNanosecondType>()
            .value(row)
            .div_euclid(1_000)
            .into(),
    }
}

/// A day given in milliseconds: a part of a day would be lost, so there must be none.
fn whole_days(millis: i64) -> Result<Scalar<'static>, DataProblem> {
    let day = MICROS_PER_DAY / 1_000;
    let days = i32::try_from(millis.div_euclid(day)).ok();
    match days.filter(|_| millis.rem_euclid(day) == 0) {
        Some(days) => Ok(Scalar::Date(days)),
        None => Err(DataProblem::new(format!(
            "the date of {millis} ms is no day"
        ))),
    }
}

/// A time of day, what is finer than a microsecond cut.
fn time_of_day(count: i64, unit: TimeUnit) -> Result<Scalar<'static>, DataProblem> {
    let (micros, name) = match unit {
        TimeUnit::Second => (count.checked_mul(1_000_000), "s"),
        TimeUnit::Millisecond => (count.checked_mul(1_000), "ms"),
        TimeUnit::Microsecond => (Some(count), "µs"),
        TimeUnit::Nanosecond => (Some(count.div_euclid(1_000)), "ns"),
    };
    match micros {
        Some(micros) if (0..MICROS_PER_DAY).contains(&micros) => Ok(Scalar::Time(micros)),
        _ => Err(DataProblem::new(format!(
            "the time of day of {count} {name} is beyond the day"
        ))),
    }
}

/// Writes a value as JSON: what has no notation there as text.
fn json(text: &mut String, array: &ArrayRef, row: usize, form: &Form) -> Result<(), DataProblem> {
    let Some((array, row)) = found(array, row) else {
        text.push_str("null");
        return Ok(());
    };
    match form {
        Form::List(inside) => {
            let list = match array.data_type() {
                DataType::List(_) => array.as_list::<i32>().value(row),
                DataType::LargeList(_) => array.as_list::<i64>().value(row),
                DataType::ListView(_) => array.as_list_view::<i32>().value(row),
                DataType::LargeListView(_) => array.as_list_view::<i64>().value(row),
                _ => array.as_fixed_size_list().value(row),
            };
            sequence(text, list.len(), ('[', ']'), |text, index| {
                json(text, &list, index, inside)
            })
        }
        Form::Group(fields) => {
            let group = array.as_struct();
            sequence(text, fields.len(), ('{', '}'), |text, index| {
                let (name, inside) = &fields[index];
                text.push_str(&escaped(name));
                text.push(':');
                json(text, group.column(index), row, inside)
            })
        }
        Form::Map(key_form, inside) => {
            let entries = array.as_map().value(row);
            sequence(text, entries.len(), ('{', '}'), |text, index| {
                let mut key = String::new();
                json(&mut key, entries.column(0), index, key_form)?;
                // A key is a text, whatever its type is.
                if key.starts_with('"') {
                    text.push_str(&key);
                } else {
                    text.push_str(&escaped(&key));
                }
                text.push(':');
                json(text, entries.column(1), index, inside)
            })
        }
        Form::Value(kind) => {
            let value = scalar(array, row, *kind)?;
            if matches!(value, Scalar::Null) {
                text.push_str("null");
                return Ok(());
            }
            let plain = value.text().ok_or_else(not_utf8)?;
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
    }
}

fn sequence(
    text: &mut String,
    length: usize,
    (open, close): (char, char),
    mut each: impl FnMut(&mut String, usize) -> Result<(), DataProblem>,
) -> Result<(), DataProblem> {
    text.push(open);
    for index in 0..length {
        if index > 0 {
            text.push(',');
        }
        each(text, index)?;
        if text.len() > MOST_BYTES {
            return Err(too_long());
        }
    }
    text.push(close);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_in_milliseconds_are_whole() {
        let day = |millis| whole_days(millis).map(|day| day.text().unwrap().into_owned());
        assert_eq!(day(-86_400_000).unwrap(), "1969-12-31");
        for millis in [1, -1, i64::MAX, i64::MIN, 86_400_000 << 32] {
            assert!(day(millis).is_err(), "{millis}");
        }
    }

    #[test]
    fn times_of_day_are_below_24_hours() {
        for (count, unit) in [
            (-1, TimeUnit::Nanosecond),
            (86_400, TimeUnit::Second),
            (i64::MAX, TimeUnit::Second),
            (i64::MIN, TimeUnit::Millisecond),
        ] {
            assert!(time_of_day(count, unit).is_err(), "{count} {unit:?}");
        }
        let last = time_of_day(86_399_999_999_999, TimeUnit::Nanosecond).unwrap();
        assert_eq!(last.text().unwrap(), "23:59:59.999999");
    }
}

//! Looks for values that their own types do not allow, before anybody reads them: the library wraps them around,
//! the engine makes other values of them, and neither says so.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use parquet::arrow::arrow_reader::ArrowReaderMetadata;
use parquet::basic::{ConvertedType, LogicalType, Type as Physical};
use parquet::column::reader::ColumnReaderImpl;
use parquet::data_type::{DataType, Int32Type, Int96, Int96Type};
use parquet::errors::ParquetError;
use parquet::file::serialized_reader::SerializedPageReader;
use parquet::schema::types::ColumnDescriptor;

use super::broken::{broken, guarded};
use crate::columnar::container::Damage;
use crate::columnar::decode::BATCH;
use crate::readers::position::DataProblem;

const NANOS_OF_DAY: u64 = 86_400_000_000_000;
/// The Julian day of 1970-01-01.
const EPOCH: i64 = 2_440_588;
/// Days from 1970 whose microseconds 64 bits still hold.
const MOST_DAYS: u64 = 106_000_000;

/// Returns the first damaged value of a column of the file; reads them all if its type has damaged ones.
pub(crate) fn find(
    path: &Path,
    known: &ArrowReaderMetadata,
    column: usize,
) -> Result<Option<Damage>, DataProblem> {
    let descriptor = known.parquet_schema().column(column);
    let limits = limits(&descriptor);
    let is_int96 = descriptor.physical_type() == Physical::INT96;
    if limits.is_none() && !is_int96 {
        return Ok(None);
    }
    let opened = File::open(path).map_err(|error| broken(&error.to_string()))?;
    let opened = Arc::new(opened);
    guarded(|| {
        let found = if let Some((first, last)) = limits {
            let is_damaged = |value: &i32| !(first..=last).contains(value);
            let found = first_of::<Int32Type>(&opened, known, column, is_damaged)?;
            found.map(|(row, value)| {
                let problem = format!("{value} is beyond its type, which has {first} to {last}");
                (row, problem)
            })
        } else {
            let is_damaged = |value: &Int96| damage_of(value).is_some();
            let found = first_of::<Int96Type>(&opened, known, column, is_damaged)?;
            found.map(|(row, value)| (row, damage_of(&value).unwrap_or_default()))
        };
        Ok(found.map(|(row, problem)| Damage {
            row,
            problem: DataProblem::new(problem),
        }))
    })
}

/// The least and the largest value of integers stored in more bits than they have.
fn limits(column: &ColumnDescriptor) -> Option<(i32, i32)> {
    if column.physical_type() != Physical::INT32 {
        return None;
    }
    let (bits, is_signed) = match (column.logical_type_ref(), column.converted_type()) {
        (
            Some(LogicalType::Integer {
                bit_width,
                is_signed,
            }),
            _,
        ) => (i32::from(*bit_width), *is_signed),
        (_, ConvertedType::INT_8) => (8, true),
        (_, ConvertedType::INT_16) => (16, true),
        (_, ConvertedType::UINT_8) => (8, false),
        (_, ConvertedType::UINT_16) => (16, false),
        _ => return None,
    };
    match (bits, is_signed) {
        (8, true) => Some((i8::MIN.into(), i8::MAX.into())),
        (8, false) => Some((0, u8::MAX.into())),
        (16, true) => Some((i16::MIN.into(), i16::MAX.into())),
        (16, false) => Some((0, u16::MAX.into())),
        _ => None,
    }
}

/// What is wrong with a time of 96 bits: nanoseconds of the day, then the Julian day.
fn damage_of(value: &Int96) -> Option<String> {
    let [low, high, day] = value.data() else {
        return None;
    };
    let nanos = u64::from(*high) << 32 | u64::from(*low);
    let day = day.cast_signed();
    if nanos >= NANOS_OF_DAY {
        return Some(format!("the time of day of {nanos} ns is beyond the day"));
    }
    let days = i64::from(day) - EPOCH;
    (days.unsigned_abs() > MOST_DAYS)
        .then(|| format!("the Julian day {day} is beyond any calendar"))
}

/// Returns the first of the column's values that is damaged, and its row.
fn first_of<T: DataType>(
    file: &Arc<File>,
    known: &ArrowReaderMetadata,
    column: usize,
    is_damaged: impl Fn(&T::T) -> bool,
) -> Result<Option<(u64, T::T)>, DataProblem> {
    let failed = |error: ParquetError| broken(&error.to_string());
    let descriptor = known.parquet_schema().column(column);
    let (mut values, mut definitions, mut repetitions) = (Vec::new(), Vec::new(), Vec::new());
    let mut row = 0;
    for group in known.metadata().row_groups() {
        let n_rows = usize::try_from(group.num_rows()).unwrap_or_default();
        let pages = SerializedPageReader::new(file.clone(), group.column(column), n_rows, None);
        let pages = Box::new(pages.map_err(failed)?);
        let mut reader = ColumnReaderImpl::<T>::new(descriptor.clone(), pages);
        loop {
            values.clear();
            definitions.clear();
            repetitions.clear();
            let (definitions, repetitions) = (&mut definitions, &mut repetitions);
            let (n_rows, _, _) = reader
                .read_records(BATCH, Some(definitions), Some(repetitions), &mut values)
                .map_err(failed)?;
            if let Some(position) = values.iter().position(&is_damaged) {
                let levels = (definitions.as_slice(), repetitions.as_slice());
                row += row_of(position, descriptor.max_def_level(), levels);
                return Ok(Some((row, values.swap_remove(position))));
            }
            if n_rows == 0 {
                break;
            }
            row += u64::try_from(n_rows).unwrap_or_default();
        }
    }
    Ok(None)
}

/// The row, counted from 1, of the value at a position among those that are there.
fn row_of(position: usize, there: i16, (definitions, repetitions): (&[i16], &[i16])) -> u64 {
    let starts = |level: usize| repetitions.get(level).is_none_or(|level| *level == 0);
    let mut levels = definitions.iter().enumerate();
    let levels = levels
        .by_ref()
        .filter(|(_, definition)| **definition == there);
    // Where all values are there, no levels are kept.
    let last = match definitions {
        [] => position,
        _ => levels
            .map(|(level, _)| level)
            .nth(position)
            .unwrap_or_default(),
    };
    (0..=last).map(|level| u64::from(starts(level))).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_in_its_row() {
        assert_eq!(row_of(2, 0, (&[], &[])), 3);
        assert_eq!(row_of(1, 1, (&[0, 1, 0, 1], &[])), 4);
        // Rows [a, b], [], [c].
        let levels: (&[i16], &[i16]) = (&[2, 2, 1, 2], &[0, 1, 0, 0]);
        assert_eq!([0, 1, 2].map(|n| row_of(n, 2, levels)), [1, 1, 3]);
    }

    #[test]
    fn a_time_of_96_bits_is_within_the_day_and_the_calendar() {
        let time = |day: i32, nanos: u64| {
            let low = u32::try_from(nanos & u64::from(u32::MAX)).unwrap();
            let mut value = Int96::new();
            value.set_data(
                low,
                u32::try_from(nanos >> 32).unwrap(),
                day.cast_unsigned(),
            );
            damage_of(&value)
        };
        assert_eq!(time(0, 0), None);
        assert_eq!(time(5_373_485, NANOS_OF_DAY - 1), None);
        for (day, nanos) in [
            (0, NANOS_OF_DAY),
            (0, u64::MAX),
            (i32::MAX, 0),
            (i32::MIN, 0),
        ] {
            assert!(time(day, nanos).is_some(), "{day} {nanos}");
        }
    }
}

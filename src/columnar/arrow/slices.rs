//! How many rows of a batch are looked at together: where few bytes stand for long texts, or texts are long anyway,
//! fewer than elsewhere.

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, OffsetSizeTrait, RecordBatch};
use arrow_schema::DataType;

use crate::columnar::decode::BATCH;

/// Bytes of the rows that are converted together, if their largest values all came together.
const MOST_BYTES: usize = 64 << 20;

/// Returns how many rows of a batch to take at once.
pub(crate) fn length(batch: &RecordBatch) -> usize {
    let row: usize = batch
        .columns()
        .iter()
        .map(largest)
        .fold(1, usize::saturating_add);
    (MOST_BYTES / row).clamp(1, BATCH)
}

/// Returns the bytes of the largest value of an array, roughly, as text where it is not one of fixed length.
fn largest(array: &ArrayRef) -> usize {
    match array.data_type() {
        DataType::Utf8 => longest(array.as_string::<i32>().value_offsets()),
        DataType::LargeUtf8 => longest(array.as_string::<i64>().value_offsets()),
        DataType::Binary => longest(array.as_binary::<i32>().value_offsets()),
        DataType::LargeBinary => longest(array.as_binary::<i64>().value_offsets()),
        DataType::Utf8View => most(array.as_string_view().lengths()),
        DataType::BinaryView => most(array.as_binary_view().lengths()),
        DataType::FixedSizeBinary(length) => usize::try_from(*length).unwrap_or_default(),
        DataType::Dictionary(_, _) => array
            .as_any_dictionary_opt()
            .map_or(0, |array| largest(array.values())),
        DataType::Struct(_) => {
            let fields = array.as_struct().columns().iter();
            fields.map(largest).fold(0, usize::saturating_add)
        }
        DataType::List(_) => {
            let array = array.as_list::<i32>();
            longest(array.value_offsets()).saturating_mul(largest(array.values()))
        }
        DataType::LargeList(_) => {
            let array = array.as_list::<i64>();
            longest(array.value_offsets()).saturating_mul(largest(array.values()))
        }
        DataType::Map(_, _) => {
            let array = array.as_map();
            let entries = array.entries().columns().iter();
            let entry = entries.map(largest).fold(0, usize::saturating_add);
            longest(array.value_offsets()).saturating_mul(entry)
        }
        DataType::ListView(_) => {
            let array = array.as_list_view::<i32>();
            most(array.value_sizes().iter().copied()).saturating_mul(largest(array.values()))
        }
        DataType::LargeListView(_) => {
            let array = array.as_list_view::<i64>();
            most(array.value_sizes().iter().copied()).saturating_mul(largest(array.values()))
        }
        DataType::FixedSizeList(_, length) => {
            let length = usize::try_from(*length).unwrap_or_default();
            length.saturating_mul(largest(array.as_fixed_size_list().values()))
        }
        _ => 16,
    }
}

fn longest<O: OffsetSizeTrait + TryInto<usize>>(offsets: &[O]) -> usize {
    most(offsets.windows(2).map(|pair| pair[1] - pair[0]))
}

fn most<N: Ord + TryInto<usize>>(lengths: impl Iterator<Item = N>) -> usize {
    let most = lengths.max().and_then(|most| most.try_into().ok());
    most.unwrap_or_default()
}

//! Parquet files from their physical values, which may be any: types no Arrow writer has, values no type allows.

use std::sync::Arc;

use parquet::basic::{BrotliLevel, Compression};
use parquet::column::writer::ColumnWriterImpl;
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DataType, DoubleType, FixedLenByteArray,
    FixedLenByteArrayType, FloatType, Int32Type, Int64Type, Int96, Int96Type,
};
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::TypePtr;

/// The values of a column that are there.
#[derive(Clone, Copy)]
pub(crate) enum Values<'a> {
    Boolean(&'a [bool]),
    Int32(&'a [i32]),
    Int64(&'a [i64]),
    /// Julian days and nanoseconds of the day.
    Int96(&'a [(u32, u64)]),
    Float(&'a [f32]),
    Double(&'a [f64]),
    Bytes(&'a [&'a [u8]]),
    Fixed(&'a [&'a [u8]]),
}

/// A column of the file.
pub(crate) struct Column<'a> {
    pub(crate) values: Values<'a>,
    /// Definition levels, if not all values are there.
    pub(crate) levels: Option<&'a [i16]>,
    /// Repetition levels, if it is in a list.
    pub(crate) repeats: Option<&'a [i16]>,
}

/// A column whose values are all there.
pub(crate) fn column(values: Values<'_>) -> Column<'_> {
    Column {
        values,
        levels: None,
        repeats: None,
    }
}

/// Writes a file that the engine reads if its types allow.
pub(crate) fn plain(message: &str, columns: &[Column<'_>]) -> Vec<u8> {
    write(&schema(message), columns, WriterProperties::builder())
}

/// Writes a file whose compression the engine does not know, so that it is read row by row.
pub(crate) fn brotli(message: &str, columns: &[Column<'_>]) -> Vec<u8> {
    let brotli = Compression::BROTLI(BrotliLevel::default());
    let properties = WriterProperties::builder().set_compression(brotli);
    write(&schema(message), columns, properties)
}

/// Reads the notation of a schema.
pub(crate) fn schema(message: &str) -> TypePtr {
    Arc::new(parse_message_type(message).unwrap())
}

/// Writes a file of one row group.
pub(crate) fn write(
    schema: &TypePtr,
    columns: &[Column<'_>],
    properties: WriterPropertiesBuilder,
) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut file =
        SerializedFileWriter::new(&mut bytes, schema.clone(), Arc::new(properties.build()))
            .unwrap();
    let mut group = file.next_row_group().unwrap();
    for column in columns {
        let mut writer = group.next_column().unwrap().unwrap();
        fill(&mut writer, column);
        writer.close().unwrap();
    }
    assert!(group.next_column().unwrap().is_none(), "a column is left");
    group.close().unwrap();
    file.close().unwrap();
    bytes
}

fn fill(writer: &mut SerializedColumnWriter<'_>, column: &Column<'_>) {
    let bytes = |values: &[&[u8]]| -> Vec<ByteArray> {
        let values = values.iter().map(|value| ByteArray::from(value.to_vec()));
        values.collect()
    };
    match column.values {
        Values::Boolean(values) => put(writer.typed::<BoolType>(), values, column),
        Values::Int32(values) => put(writer.typed::<Int32Type>(), values, column),
        Values::Int64(values) => put(writer.typed::<Int64Type>(), values, column),
        Values::Float(values) => put(writer.typed::<FloatType>(), values, column),
        Values::Double(values) => put(writer.typed::<DoubleType>(), values, column),
        Values::Int96(values) => {
            let values = values.iter().map(|&(days, nanos)| {
                let low = u32::try_from(nanos & u64::from(u32::MAX)).unwrap();
                let high = u32::try_from(nanos >> 32).unwrap();
                let mut value = Int96::new();
                value.set_data(low, high, days);
                value
            });
            let values: Vec<Int96> = values.collect();
            put(writer.typed::<Int96Type>(), &values, column);
        }
        Values::Bytes(values) => put(writer.typed::<ByteArrayType>(), &bytes(values), column),
        Values::Fixed(values) => {
            let values = bytes(values).into_iter().map(FixedLenByteArray::from);
            let values: Vec<FixedLenByteArray> = values.collect();
            put(writer.typed::<FixedLenByteArrayType>(), &values, column);
        }
    }
}

fn put<T: DataType>(writer: &mut ColumnWriterImpl<'_, T>, values: &[T::T], column: &Column<'_>) {
    writer
        .write_batch(values, column.levels, column.repeats)
        .unwrap();
}

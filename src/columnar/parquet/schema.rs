//! Schemas of Parquet files: their leaves, and whether the engine's own reader takes them.

use std::collections::HashSet;
use std::sync::Arc;

use arrow_schema::{DataType, Field, FieldRef, Fields, Schema, SchemaRef, TimeUnit};
use parquet::arrow::arrow_reader::ArrowReaderMetadata;
use parquet::basic::{Compression, ConvertedType, LogicalType, Type as Physical};
use parquet::file::metadata::RowGroupMetaData;
use parquet::schema::types::{ColumnDescPtr, ColumnDescriptor, Type};

use crate::columnar::container::EngineReader;
use crate::columnar::leaf::{Leaves, SchemaLeaf, ValueKind, Wanted};

/// Returns the schema with times of 96 bits in microseconds; `None` if there are no such times.
pub(crate) fn with_wide_int96(metadata: &ArrowReaderMetadata) -> Option<SchemaRef> {
    let columns = metadata.parquet_schema().columns();
    let is_int96 = |column: &ColumnDescPtr| column.physical_type() == Physical::INT96;
    columns.iter().any(is_int96).then(|| {
        let mut columns = columns.iter();
        let schema = metadata.schema();
        Arc::new(Schema::new_with_metadata(
            widened(schema.fields(), &mut columns),
            schema.metadata().clone(),
        ))
    })
}

fn widened(fields: &Fields, columns: &mut std::slice::Iter<'_, ColumnDescPtr>) -> Fields {
    let mut widen = |field: &FieldRef| -> FieldRef {
        let data_type = match field.data_type() {
            DataType::Struct(fields) => DataType::Struct(widened(fields, columns)),
            DataType::List(inside) => DataType::List(widened_one(inside, columns)),
            DataType::Map(inside, sorted) => DataType::Map(widened_one(inside, columns), *sorted),
            other => match columns.next() {
                Some(column) if column.physical_type() == Physical::INT96 => {
                    DataType::Timestamp(TimeUnit::Microsecond, None)
                }
                _ => other.clone(),
            },
        };
        Arc::new(field.as_ref().clone().with_data_type(data_type))
    };
    fields.iter().map(&mut widen).collect()
}

fn widened_one(field: &FieldRef, columns: &mut std::slice::Iter<'_, ColumnDescPtr>) -> FieldRef {
    let one = widened(&Fields::from(vec![field.clone()]), columns);
    one.first().unwrap_or(field).clone()
}

/// Returns the leaves in the order of the file; `wanted` is asked for every place by its names.
pub(crate) fn leaves(
    metadata: &ArrowReaderMetadata,
    wanted: &dyn Fn(&[String]) -> Wanted,
) -> Vec<SchemaLeaf> {
    let parquet = metadata.parquet_schema();
    // The values of the schema come in the order of the columns.
    let mut columns = parquet.columns().iter();
    let mut kind = |field: &Field| {
        let column = columns.next();
        column.map_or(ValueKind::Other, |column| {
            kind_of(field.data_type(), column)
        })
    };
    let is_variant = |path: &[usize]| {
        let mut group = Some(parquet.root_schema());
        for &position in path {
            let groups = group.filter(|group| group.is_group());
            let fields = groups.map(Type::get_fields).unwrap_or_default();
            group = fields.get(position).map(Arc::as_ref);
        }
        let logical = group.and_then(|group| group.get_basic_info().logical_type_ref());
        matches!(logical, Some(LogicalType::Variant { .. }))
    };
    Leaves {
        wanted,
        kind: &mut kind,
        is_opaque: &is_variant,
    }
    .of(metadata.schema().fields())
}

/// Whether the engine reads the file at all: one column it does not know is enough to be refused.
pub(crate) fn engine(metadata: &ArrowReaderMetadata) -> EngineReader {
    let fields = metadata.schema().fields();
    let groups = metadata.metadata().row_groups();
    let mut chunks = groups.iter().flat_map(RowGroupMetaData::columns);
    let is_packed = chunks.any(|chunk| {
        matches!(
            chunk.compression(),
            Compression::BROTLI(_) | Compression::LZO
        )
    });
    let mut names = HashSet::new();
    let is_doubled = !fields.iter().all(|field| names.insert(field.name()));
    if is_packed
        || is_doubled
        || !metadata
            .parquet_schema()
            .columns()
            .iter()
            .all(is_annotation_known)
        || !fields.iter().all(|field| is_known(field.data_type()))
    {
        EngineReader::Refuses
    } else {
        EngineReader::Reads
    }
}

/// The types that Arrow does not tell apart from others.
fn is_annotation_known(column: &ColumnDescPtr) -> bool {
    let is_bytes = column.physical_type() == Physical::BYTE_ARRAY;
    match (column.logical_type_ref(), column.converted_type()) {
        (Some(LogicalType::Uuid | LogicalType::Enum), _) | (_, ConvertedType::ENUM) => false,
        (Some(LogicalType::Decimal { .. }), _) | (_, ConvertedType::DECIMAL) => !is_bytes,
        _ => true,
    }
}

fn is_known(data_type: &DataType) -> bool {
    match data_type {
        DataType::Null
        | DataType::UInt64
        | DataType::Float16
        | DataType::Decimal256(_, _)
        | DataType::Time32(_)
        | DataType::Time64(TimeUnit::Nanosecond)
        | DataType::Interval(_)
        | DataType::Duration(_)
        | DataType::Map(_, _) => false,
        DataType::Struct(fields) => fields.iter().all(|field| is_known(field.data_type())),
        DataType::List(field) | DataType::LargeList(field) | DataType::FixedSizeList(field, _) => {
            is_known(field.data_type())
        }
        _ => true,
    }
}

/// Returns the kind of a column's values: Parquet's own types tell some apart that Arrow does not.
fn kind_of(data_type: &DataType, column: &ColumnDescriptor) -> ValueKind {
    let kind = ValueKind::of(data_type);
    match kind {
        ValueKind::Binary => match column.logical_type_ref() {
            Some(LogicalType::Uuid) => ValueKind::Uuid,
            // By definition the names are UTF-8.
            Some(LogicalType::Enum) => ValueKind::Text,
            _ if column.converted_type() == ConvertedType::ENUM => ValueKind::Text,
            _ => ValueKind::Binary,
        },
        // By convention the 96-bit times of older writers are UTC.
        ValueKind::Timestamp if column.physical_type() == Physical::INT96 => ValueKind::Zoned,
        other => other,
    }
}

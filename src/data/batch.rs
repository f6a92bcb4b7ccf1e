//! Rows gathered by column into Arrow record batches.

use std::sync::Arc;

use anyhow::{Context, Result, bail};
use arrow_array::builder::{
    ArrayBuilder, BooleanBuilder, Date32Builder, Decimal128Builder, Float64Builder, Int64Builder,
    PrimitiveBuilder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};

use super::{Column, ColumnType, Value};

/// Gathers rows by column.
pub struct BatchBuilder {
    columns: Vec<ColumnBuilder>,
    schema: SchemaRef,
    /// About as many as the rows in hand take.
    n_bytes: usize,
    n_rows: usize,
}

/// The values of one column.
pub(crate) enum ColumnBuilder {
    Text(StringBuilder),
    Boolean(BooleanBuilder),
    BigInt(Int64Builder),
    Double(Float64Builder),
    Decimal(Decimal128Builder),
    Date(Date32Builder),
    Timestamp(TimestampMicrosecondBuilder),
}

impl BatchBuilder {
    /// Prepares for rows of these columns.
    pub fn new(columns: &[Column]) -> BatchBuilder {
        let builders = columns
            .iter()
            .map(|column| ColumnBuilder::new(column.column_type));
        BatchBuilder {
            columns: builders.collect(),
            schema: schema(columns),
            n_bytes: 0,
            n_rows: 0,
        }
    }

    /// Takes one row: a value for each column, of the column's type or NULL.
    ///
    /// A value of another type is an error; it would be a defect of whoever typed the row.
    pub fn push(&mut self, row: &[Value<'_>]) -> Result<()> {
        for (index, (column, value)) in self.columns.iter_mut().zip(row).enumerate() {
            let Some(n_bytes) = column.push(value) else {
                let field = self.schema.field(index);
                bail!("a {} column cannot hold {value:?}", field.data_type());
            };
            self.n_bytes += n_bytes;
        }
        self.n_rows += 1;
        Ok(())
    }

    /// Returns about how many bytes the rows in hand take.
    pub fn n_bytes(&self) -> usize {
        self.n_bytes
    }

    /// Returns the rows in hand; nothing if there are none.
    pub fn take(&mut self) -> Result<Option<RecordBatch>> {
        if self.n_rows == 0 {
            return Ok(None);
        }
        let arrays = self.columns.iter_mut().map(ColumnBuilder::finish).collect();
        (self.n_bytes, self.n_rows) = (0, 0);
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), arrays);
        batch.map(Some).context("the rows do not fit together")
    }
}

impl ColumnBuilder {
    pub(crate) fn new(column_type: ColumnType) -> ColumnBuilder {
        match column_type {
            ColumnType::Text => ColumnBuilder::Text(StringBuilder::new()),
            ColumnType::Boolean => ColumnBuilder::Boolean(BooleanBuilder::new()),
            ColumnType::BigInt => ColumnBuilder::BigInt(Int64Builder::new()),
            ColumnType::Double => ColumnBuilder::Double(Float64Builder::new()),
            ColumnType::Decimal { .. } => ColumnBuilder::Decimal(
                Decimal128Builder::new().with_data_type(data_type(column_type)),
            ),
            ColumnType::Date => ColumnBuilder::Date(Date32Builder::new()),
            ColumnType::Timestamp => ColumnBuilder::Timestamp(TimestampMicrosecondBuilder::new()),
        }
    }

    /// Returns about how many bytes the value takes; `None` if it is of another type than the column.
    pub(crate) fn push(&mut self, value: &Value<'_>) -> Option<usize> {
        match (self, value) {
            (ColumnBuilder::Text(builder), Value::Text(text)) => {
                builder.append_value(text);
                return Some(size_of::<i32>() + text.len());
            }
            (ColumnBuilder::Text(builder), Value::Null) => builder.append_null(),
            (ColumnBuilder::Boolean(builder), Value::Boolean(value)) => {
                builder.append_value(*value);
            }
            (ColumnBuilder::Boolean(builder), Value::Null) => builder.append_null(),
            (ColumnBuilder::BigInt(builder), Value::BigInt(value)) => builder.append_value(*value),
            (ColumnBuilder::BigInt(builder), Value::Null) => builder.append_null(),
            (ColumnBuilder::Double(builder), Value::Double(value)) => builder.append_value(*value),
            (ColumnBuilder::Double(builder), Value::Null) => builder.append_null(),
            (ColumnBuilder::Decimal(builder), Value::Decimal(digits)) => {
                builder.append_value(*digits);
                return Some(size_of::<i128>());
            }
            (ColumnBuilder::Decimal(builder), Value::Null) => builder.append_null(),
            (ColumnBuilder::Date(builder), Value::Date(days)) => builder.append_value(*days),
            (ColumnBuilder::Date(builder), Value::Null) => builder.append_null(),
            (ColumnBuilder::Timestamp(builder), Value::Timestamp(micros)) => {
                builder.append_value(*micros);
            }
            (ColumnBuilder::Timestamp(builder), Value::Null) => builder.append_null(),
            _ => return None,
        }
        Some(size_of::<u64>())
    }

    /// Returns the values in hand; the memory for the next ones is probably as large.
    pub(crate) fn finish(&mut self) -> ArrayRef {
        match self {
            ColumnBuilder::Text(builder) => {
                let (n_values, n_bytes) = (builder.len(), builder.values_slice().len());
                let next = StringBuilder::with_capacity(n_values, n_bytes + n_bytes / 8);
                Arc::new(std::mem::replace(builder, next).finish())
            }
            ColumnBuilder::Boolean(builder) => {
                let next = BooleanBuilder::with_capacity(builder.len());
                Arc::new(std::mem::replace(builder, next).finish())
            }
            ColumnBuilder::BigInt(builder) => finish(builder),
            ColumnBuilder::Double(builder) => finish(builder),
            ColumnBuilder::Decimal(builder) => finish(builder),
            ColumnBuilder::Date(builder) => finish(builder),
            ColumnBuilder::Timestamp(builder) => finish(builder),
        }
    }
}

fn finish<T: ArrowPrimitiveType>(builder: &mut PrimitiveBuilder<T>) -> ArrayRef {
    let array = builder.finish();
    *builder = PrimitiveBuilder::with_capacity(array.len() + array.len() / 8)
        .with_data_type(array.data_type().clone());
    Arc::new(array)
}

/// Returns the schema of batches with these columns: names and types are exactly theirs, as the engine finds columns
/// by name and converts no type.
pub fn schema(columns: &[Column]) -> SchemaRef {
    let fields = columns
        .iter()
        .map(|column| Field::new(&column.name, data_type(column.column_type), true));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// Returns the Arrow type in which a column's values are kept.
pub(crate) fn data_type(column_type: ColumnType) -> DataType {
    match column_type {
        ColumnType::Text => DataType::Utf8,
        ColumnType::Boolean => DataType::Boolean,
        ColumnType::BigInt => DataType::Int64,
        ColumnType::Double => DataType::Float64,
        ColumnType::Decimal { precision, scale } => {
            // No scale is beyond 38.
            DataType::Decimal128(precision, i8::try_from(scale).unwrap_or(i8::MAX))
        }
        ColumnType::Date => DataType::Date32,
        ColumnType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
    }
}

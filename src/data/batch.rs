//! Rows as Arrow record batches: of all forms the engine takes, the one that costs it the least work.

use std::sync::Arc;

use anyhow::{Context, Result, bail};
use arrow_array::builder::{
    ArrayBuilder, BooleanBuilder, Date32Builder, Decimal128Builder, Float64Builder, Int64Builder,
    PrimitiveBuilder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType, RecordBatch};
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};

use super::{Column, ColumnType, Value};

/// Rows on their way into a stream of record batches.
pub struct Batch {
    cells: Vec<Cells>,
    writer: StreamWriter<Vec<u8>>,
    schema: SchemaRef,
    /// About as many as the rows in hand take in the stream.
    n_bytes: usize,
    n_rows: usize,
}

/// The values of one column.
enum Cells {
    Text(StringBuilder),
    Boolean(BooleanBuilder),
    BigInt(Int64Builder),
    Double(Float64Builder),
    Decimal(Decimal128Builder),
    Date(Date32Builder),
    Timestamp(TimestampMicrosecondBuilder),
}

/// Returns what a stream of such rows begins with.
pub fn head(columns: &[Column]) -> Result<Vec<u8>> {
    Ok(std::mem::take(begin(&schema(columns))?.get_mut()))
}

impl Batch {
    /// Prepares for rows of these columns, about `n_bytes` at once.
    pub fn new(columns: &[Column], n_bytes: usize) -> Result<Batch> {
        let schema = schema(columns);
        let mut writer = begin(&schema)?;
        *writer.get_mut() = Vec::with_capacity(n_bytes + n_bytes / 8);
        let cells = columns.iter().map(|column| Cells::new(column.column_type));
        Ok(Batch {
            cells: cells.collect(),
            writer,
            schema,
            n_bytes: 0,
            n_rows: 0,
        })
    }

    /// Takes one row: a value for each column.
    pub fn push(&mut self, row: &[Value<'_>]) -> Result<()> {
        for (cells, value) in self.cells.iter_mut().zip(row) {
            self.n_bytes += cells.push(value)?;
        }
        self.n_rows += 1;
        Ok(())
    }

    /// Returns about how many bytes [`Batch::take`] would return.
    pub fn n_bytes(&self) -> usize {
        self.n_bytes
    }

    /// Returns the rows in hand, as the stream goes on with them; nothing if there are none.
    pub fn take(&mut self) -> Result<Option<Vec<u8>>> {
        if self.n_rows == 0 {
            return Ok(None);
        }
        let arrays = self.cells.iter_mut().map(Cells::finish).collect();
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), arrays)
            .context("the rows do not fit together")?;
        self.writer
            .write(&batch)
            .context("the rows cannot be written")?;
        (self.n_bytes, self.n_rows) = (0, 0);
        let buffer = self.writer.get_mut();
        let next = Vec::with_capacity(buffer.capacity());
        Ok(Some(std::mem::replace(buffer, next)))
    }
}

impl Cells {
    fn new(column_type: ColumnType) -> Cells {
        match column_type {
            ColumnType::Text => Cells::Text(StringBuilder::new()),
            ColumnType::Boolean => Cells::Boolean(BooleanBuilder::new()),
            ColumnType::BigInt => Cells::BigInt(Int64Builder::new()),
            ColumnType::Double => Cells::Double(Float64Builder::new()),
            ColumnType::Decimal { .. } => {
                Cells::Decimal(Decimal128Builder::new().with_data_type(data_type(column_type)))
            }
            ColumnType::Date => Cells::Date(Date32Builder::new()),
            ColumnType::Timestamp => Cells::Timestamp(TimestampMicrosecondBuilder::new()),
        }
    }

    /// Returns about how many bytes the value takes.
    fn push(&mut self, value: &Value<'_>) -> Result<usize> {
        match (self, value) {
            (Cells::Text(cells), Value::Text(text)) => {
                cells.append_value(text);
                return Ok(size_of::<i32>() + text.len());
            }
            (Cells::Text(cells), Value::Null) => cells.append_null(),
            (Cells::Boolean(cells), Value::Boolean(value)) => cells.append_value(*value),
            (Cells::Boolean(cells), Value::Null) => cells.append_null(),
            (Cells::BigInt(cells), Value::BigInt(value)) => cells.append_value(*value),
            (Cells::BigInt(cells), Value::Null) => cells.append_null(),
            (Cells::Double(cells), Value::Double(value)) => cells.append_value(*value),
            (Cells::Double(cells), Value::Null) => cells.append_null(),
            (Cells::Decimal(cells), Value::Decimal(digits)) => {
                cells.append_value(*digits);
                return Ok(size_of::<i128>());
            }
            (Cells::Decimal(cells), Value::Null) => cells.append_null(),
            (Cells::Date(cells), Value::Date(days)) => cells.append_value(*days),
            (Cells::Date(cells), Value::Null) => cells.append_null(),
            (Cells::Timestamp(cells), Value::Timestamp(micros)) => cells.append_value(*micros),
            (Cells::Timestamp(cells), Value::Null) => cells.append_null(),
            (cells, value) => bail!("a {} column cannot hold {value:?}", cells.name()),
        }
        Ok(size_of::<u64>())
    }

    /// Returns the values in hand; the memory for the next ones is probably as large.
    fn finish(&mut self) -> ArrayRef {
        match self {
            Cells::Text(cells) => {
                let (n_values, n_bytes) = (cells.len(), cells.values_slice().len());
                let next = StringBuilder::with_capacity(n_values, n_bytes + n_bytes / 8);
                Arc::new(std::mem::replace(cells, next).finish())
            }
            Cells::Boolean(cells) => {
                let next = BooleanBuilder::with_capacity(cells.len());
                Arc::new(std::mem::replace(cells, next).finish())
            }
            Cells::BigInt(cells) => finish(cells),
            Cells::Double(cells) => finish(cells),
            Cells::Decimal(cells) => finish(cells),
            Cells::Date(cells) => finish(cells),
            Cells::Timestamp(cells) => finish(cells),
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Cells::Text(_) => "text",
            Cells::Boolean(_) => "boolean",
            Cells::BigInt(_) => "bigint",
            Cells::Double(_) => "double precision",
            Cells::Decimal(_) => "numeric",
            Cells::Date(_) => "date",
            Cells::Timestamp(_) => "timestamp",
        }
    }
}

fn finish<T: ArrowPrimitiveType>(cells: &mut PrimitiveBuilder<T>) -> ArrayRef {
    let array = cells.finish();
    *cells = PrimitiveBuilder::with_capacity(array.len() + array.len() / 8)
        .with_data_type(array.data_type().clone());
    Arc::new(array)
}

fn begin(schema: &Schema) -> Result<StreamWriter<Vec<u8>>> {
    StreamWriter::try_new(Vec::new(), schema).context("the columns cannot be written")
}

/// The engine finds columns by their names and takes no type but its own.
fn schema(columns: &[Column]) -> SchemaRef {
    let fields = columns
        .iter()
        .map(|column| Field::new(&column.name, data_type(column.column_type), true));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

fn data_type(column_type: ColumnType) -> DataType {
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

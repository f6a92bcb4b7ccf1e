//! Record batches as messages of an Arrow IPC stream: of all forms the engine takes, the one that costs it the least work.

use anyhow::{Context, Result};
use arrow_array::RecordBatch;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::Schema;

use crate::data::Column;
use crate::data::batch::schema;

/// Encodes batches of the same columns, one after another.
pub(super) struct StreamEncoder {
    writer: StreamWriter<Vec<u8>>,
}

/// Returns the schema message, with which a stream of these columns begins.
pub(super) fn schema_message(columns: &[Column]) -> Result<Vec<u8>> {
    Ok(std::mem::take(begin(&schema(columns))?.get_mut()))
}

impl StreamEncoder {
    /// Prepares for batches of these columns with about `n_bytes` bytes each.
    pub(super) fn new(columns: &[Column], n_bytes: usize) -> Result<StreamEncoder> {
        let mut writer = begin(&schema(columns))?;
        *writer.get_mut() = Vec::with_capacity(n_bytes + n_bytes / 8);
        Ok(StreamEncoder { writer })
    }

    /// Returns a batch as one message, which continues the stream of [`schema_message`].
    pub(super) fn encode(&mut self, batch: &RecordBatch) -> Result<Vec<u8>> {
        self.writer
            .write(batch)
            .context("the rows cannot be written")?;
        let buffer = self.writer.get_mut();
        let next = Vec::with_capacity(buffer.capacity());
        Ok(std::mem::replace(buffer, next))
    }
}

fn begin(schema: &Schema) -> Result<StreamWriter<Vec<u8>>> {
    StreamWriter::try_new(Vec::new(), schema).context("the columns cannot be written")
}

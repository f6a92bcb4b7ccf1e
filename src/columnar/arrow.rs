//! Arrow IPC files (Feather 2) and streams: read here, the engine has no reader for them.

mod broken;
mod claims;
mod messages;
mod slices;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_ipc::MetadataVersion;
use arrow_ipc::reader::FileDecoder;
use arrow_schema::{DataType, Field};

use self::broken::{broken, guarded};
use self::claims::{Claim, Claimant};
use self::messages::{MOST_BATCH, Message, MessageKind, Messages, too_large};
use super::container::{Batches, Container, Damage, EngineReader};
use super::leaf::{Leaves, SchemaLeaf, ValueKind, Wanted};
use crate::readers::position::DataProblem;

/// A file or stream whose headers have been read.
#[derive(Debug)]
pub(crate) struct ArrowFile {
    path: PathBuf,
    messages: Messages,
}

impl ArrowFile {
    /// Reads the headers of a file.
    pub(crate) fn open(path: &Path) -> Result<ArrowFile, DataProblem> {
        let mut opened = File::open(path).map_err(|error| broken(&error.to_string()))?;
        Ok(ArrowFile {
            path: path.to_owned(),
            messages: messages::read(&mut opened)?,
        })
    }
}

impl Container for ArrowFile {
    fn rows(&self) -> u64 {
        self.messages.rows
    }

    fn leaves(&self, wanted: &dyn Fn(&[String]) -> Wanted) -> Vec<SchemaLeaf> {
        Leaves {
            wanted,
            kind: &mut kind,
            is_opaque: &|_| false,
        }
        .of(self.messages.schema.fields())
    }

    fn root(&self, position: usize) -> &Field {
        self.messages.schema.field(position)
    }

    fn batches(&self, roots: &[usize]) -> Result<Batches, DataProblem> {
        let mut roots = roots.to_vec();
        roots.sort_unstable();
        roots.dedup();
        let schema = Arc::clone(&self.messages.schema);
        // With the first version the decoder goes by that of each message, which footers of others may contradict.
        let decoder = FileDecoder::new(schema, MetadataVersion::V1).with_projection(roots);
        let file = File::open(&self.path).map_err(|error| broken(&error.to_string()))?;
        Ok(Box::new(Decoding {
            file,
            decoder,
            messages: Arc::clone(&self.messages.all),
            n_read: 0,
            held: HashMap::new(),
            rest: None,
        }))
    }

    fn check_size(&self, _: &HashSet<usize>) -> Result<(), DataProblem> {
        // The headers were; what is packed is known when it is read.
        Ok(())
    }

    fn damage(&self, _: &SchemaLeaf) -> Result<Option<Damage>, DataProblem> {
        // Values have the width of their types, and the library checks the texts.
        Ok(None)
    }

    fn engine_reader(&self) -> EngineReader {
        EngineReader::Missing
    }

    fn signature(&self) -> String {
        format!("{:?}", self.messages.schema)
    }
}

/// Returns the kind of a field's values: extensions tell some apart that Arrow's own types do not.
fn kind(field: &Field) -> ValueKind {
    match (field.extension_type_name(), field.data_type()) {
        (Some("arrow.uuid"), DataType::FixedSizeBinary(16)) => ValueKind::Uuid,
        // The bytes of a type of somebody else's are no text.
        (Some("arrow.opaque"), data_type) if ValueKind::of(data_type) != ValueKind::Text => {
            ValueKind::Other
        }
        (_, data_type) => ValueKind::of(data_type),
    }
}

/// Batches on their way out of a file.
struct Decoding {
    file: File,
    decoder: FileDecoder,
    messages: Arc<[Message]>,
    n_read: usize,
    /// Bytes of the dictionaries in memory.
    held: HashMap<i64, u64>,
    /// What is left of a batch, and how many rows of it to take at once.
    rest: Option<(RecordBatch, usize)>,
}

impl Iterator for Decoding {
    type Item = Result<RecordBatch, DataProblem>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((batch, length)) = self.rest.take() {
                let n_rows = batch.num_rows();
                let length = length.min(n_rows);
                if length < n_rows {
                    let rest = batch.slice(length, n_rows - length);
                    self.rest = Some((rest, length));
                }
                return Some(Ok(batch.slice(0, length)));
            }
            let message = *self.messages.get(self.n_read)?;
            self.n_read += 1;
            if let Err(problem) = guarded(|| self.read(message)) {
                self.n_read = self.messages.len();
                return Some(Err(problem));
            }
        }
    }
}

impl Decoding {
    /// Decodes a message: what comes of it is kept here.
    fn read(&mut self, message: Message) -> Result<(), DataProblem> {
        let bytes = message.read(&mut self.file)?;
        let head = usize::try_from(message.head).unwrap_or_default();
        let claim = claims::check(&bytes, head)?;
        let failed = |error: arrow_schema::ArrowError| broken(&error.to_string());
        match message.kind {
            MessageKind::Schema => {}
            MessageKind::Dictionary => {
                self.hold(claim)?;
                let read = self
                    .decoder
                    .read_dictionary(&message.block(), &bytes.into());
                read.map_err(failed)?;
            }
            MessageKind::Rows(rows) => {
                let read = self
                    .decoder
                    .read_record_batch(&message.block(), &bytes.into());
                let batch = read.map_err(failed)?;
                let batch = batch.filter(|batch| batch.num_rows() as u64 == rows);
                let batch = batch.ok_or_else(|| broken("it has changed while it was read"))?;
                let length = slices::length(&batch);
                self.rest = Some((batch, length)).filter(|_| rows > 0);
            }
        }
        Ok(())
    }

    /// Makes sure that all dictionaries together are not too much.
    fn hold(&mut self, claim: Claim) -> Result<(), DataProblem> {
        match claim.of {
            Claimant::Rows => {}
            Claimant::Dictionary(id) => {
                self.held.insert(id, claim.n_bytes);
            }
            Claimant::MoreOf(id) => *self.held.entry(id).or_default() += claim.n_bytes,
        }
        let all = self
            .held
            .values()
            .fold(0, |all: u64, held| all.saturating_add(*held));
        if all > MOST_BATCH {
            return Err(too_large("dictionaries", all));
        }
        Ok(())
    }
}

//! Parquet files: checked before the library decodes them, and mostly read by the engine itself.

mod broken;
mod damage;
mod footer;
mod pages;
mod schema;

use std::collections::HashSet;
use std::fs::File;
use std::path::{Path, PathBuf};

use arrow_schema::Field;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};

use self::broken::{broken, guarded};
use super::container::{Batches, Container, Damage, EngineReader};
use super::decode::BATCH;
use super::leaf::{SchemaLeaf, Wanted};
use crate::readers::position::DataProblem;

/// A file whose footer has been read.
#[derive(Debug)]
pub(crate) struct ParquetFile {
    path: PathBuf,
    metadata: ArrowReaderMetadata,
    rows: u64,
}

impl ParquetFile {
    /// Reads a file's footer.
    pub(crate) fn open(path: &Path) -> Result<ParquetFile, DataProblem> {
        let mut opened = File::open(path).map_err(|error| broken(&error.to_string()))?;
        footer::check(&mut opened)?;
        // The engine goes by Parquet's own types too; an embedded Arrow schema names finer ones.
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let metadata = guarded(|| {
            let known = ArrowReaderMetadata::load(&opened, options.clone())
                .map_err(|error| broken(&error.to_string()))?;
            // In nanoseconds most years would overflow, without a word.
            let Some(schema) = schema::with_wide_int96(&known) else {
                return Ok(known);
            };
            ArrowReaderMetadata::try_new(known.metadata().clone(), options.with_schema(schema))
                .map_err(|error| broken(&error.to_string()))
        })?;
        let rows = metadata.metadata().file_metadata().num_rows();
        Ok(ParquetFile {
            path: path.to_owned(),
            rows: u64::try_from(rows).map_err(|_| broken("its number of rows is negative"))?,
            metadata,
        })
    }
}

impl Container for ParquetFile {
    fn rows(&self) -> u64 {
        self.rows
    }

    fn leaves(&self, wanted: &dyn Fn(&[String]) -> Wanted) -> Vec<SchemaLeaf> {
        schema::leaves(&self.metadata, wanted)
    }

    fn root(&self, position: usize) -> &Field {
        self.metadata.schema().field(position)
    }

    fn batches(&self, roots: &[usize]) -> Result<Batches, DataProblem> {
        let is_read: HashSet<usize> = roots.iter().copied().collect();
        let at_once = pages::check(&self.path, &self.metadata, |root| is_read.contains(&root))?;
        pages::check_together(at_once)?;
        let opened = File::open(&self.path).map_err(|error| broken(&error.to_string()))?;
        let metadata = self.metadata.clone();
        let mask = ProjectionMask::roots(metadata.parquet_schema(), roots.iter().copied());
        let mut reader = guarded(|| {
            ParquetRecordBatchReaderBuilder::new_with_metadata(opened, metadata)
                .with_projection(mask)
                .with_batch_size(BATCH)
                .build()
                .map_err(|error| broken(&error.to_string()))
        })?;
        Ok(Box::new(std::iter::from_fn(move || {
            guarded(|| match reader.next() {
                None => Ok(None),
                Some(Ok(batch)) => Ok(Some(batch)),
                Some(Err(error)) => Err(broken(&error.to_string())),
            })
            .transpose()
        })))
    }

    fn check_size(&self, roots: &HashSet<usize>) -> Result<(), DataProblem> {
        // The engine reads files whose pages are too much together for this process.
        pages::check(&self.path, &self.metadata, |root| roots.contains(&root)).map(drop)
    }

    fn damage(&self, leaf: &SchemaLeaf) -> Result<Option<Damage>, DataProblem> {
        for column in leaf.columns.clone() {
            if let Some(found) = damage::find(&self.path, &self.metadata, column)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn engine_reader(&self) -> EngineReader {
        schema::engine(&self.metadata)
    }

    fn signature(&self) -> String {
        format!("{:?}", self.metadata.parquet_schema().root_schema())
    }
}

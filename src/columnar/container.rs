//! What a table needs of a file whose columns have types, whatever its format is.

use std::collections::HashSet;
use std::fmt;

use arrow_array::RecordBatch;
use arrow_schema::Field;

use super::leaf::{SchemaLeaf, Wanted};
use crate::readers::position::DataProblem;

/// Batches of a file, one after another; memory does not grow with their number.
pub(crate) type Batches = Box<dyn Iterator<Item = Result<RecordBatch, DataProblem>>>;

/// A file whose schema is known.
pub(crate) trait Container: fmt::Debug {
    /// Returns the number of rows, as the file itself says.
    fn rows(&self) -> u64;

    /// Returns the leaves in the order of the file; `wanted` is asked for every place by its names.
    fn leaves(&self, wanted: &dyn Fn(&[String]) -> Wanted) -> Vec<SchemaLeaf>;

    /// Returns a column at the root of the schema.
    fn root(&self, position: usize) -> &Field;

    /// Decodes the columns at these positions of the root, in the order of the file.
    fn batches(&self, roots: &[usize]) -> Result<Batches, DataProblem>;

    /// Refuses columns, by their positions at the root, that cannot be decoded in bounded memory.
    fn check_size(&self, roots: &HashSet<usize>) -> Result<(), DataProblem>;

    /// Returns the first value of a leaf that its own type does not allow.
    fn damage(&self, leaf: &SchemaLeaf) -> Result<Option<Damage>, DataProblem>;

    /// Whether the engine can read the file by itself.
    fn engine_reader(&self) -> EngineReader;

    /// Returns a text that is equal for files whose schemas are.
    fn signature(&self) -> String;
}

/// What the engine's own readers do with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EngineReader {
    Reads,
    /// It reads others of the format, but not what this one has.
    Refuses,
    /// It reads no file of the format.
    Missing,
}

/// A value that is none, and in which row of the file it is, counted from 1.
pub(crate) struct Damage {
    pub(crate) row: u64,
    pub(crate) problem: DataProblem,
}

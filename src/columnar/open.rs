//! Which file reads which format: the one match on the formats whose columns have types.

use super::arrow;
use super::container::Container;
use super::parquet;
use crate::readers::position::DataProblem;
use crate::source::{Format, StagedFile};

/// Reads the schema of a file.
pub(crate) fn open(file: &StagedFile) -> Result<Box<dyn Container>, DataProblem> {
    Ok(match file.format {
        Format::Parquet => Box::new(parquet::ParquetFile::open(&file.path)?),
        Format::Arrow => Box::new(arrow::ArrowFile::open(&file.path)?),
        Format::Json
        | Format::NdJson
        | Format::Csv
        | Format::Tsv
        | Format::Xml
        | Format::OData
        | Format::Atom => return Err(DataProblem::new("the columns of this format have no types")),
    })
}

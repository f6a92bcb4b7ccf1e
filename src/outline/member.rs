//! A member of a document that may matter: where its value is in the file.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Take};
use std::ops::Range;

use crate::data::path::Step;
use crate::readers::json::scan::Scanner;
use crate::readers::position::DataProblem;
use crate::readers::text::unreadable;
use crate::source::StagedFile;

/// Where a value is in the file.
#[derive(Clone, Debug)]
pub(crate) struct OutlineMember {
    pub(crate) path: Vec<Step>,
    /// First byte of the value.
    pub(crate) first: u8,
    pub(crate) place: Range<u64>,
}

impl OutlineMember {
    pub(crate) fn key(&self) -> &str {
        match self.path.last() {
            Some(Step::Key(key)) => key,
            _ => "",
        }
    }

    /// Opens the value alone.
    pub(crate) fn open(&self, file: &StagedFile) -> Result<Scanner<Take<File>>, DataProblem> {
        Ok(Scanner::new(self.read(file)?, self.place.start))
    }

    /// Returns the first bytes of the value.
    pub(crate) fn head(&self, file: &StagedFile, length: u64) -> Result<Vec<u8>, DataProblem> {
        let mut head = Vec::new();
        let mut input = self.read(file)?.take(length);
        let read = input.read_to_end(&mut head);
        read.map_err(|error| unreadable(&error))?;
        Ok(head)
    }

    fn read(&self, file: &StagedFile) -> Result<Take<File>, DataProblem> {
        let length = self.place.end - self.place.start;
        let mut input = File::open(&file.path).map_err(|error| unreadable(&error))?;
        input
            .seek(SeekFrom::Start(self.place.start))
            .map_err(|error| unreadable(&error))?;
        Ok(input.take(length))
    }
}

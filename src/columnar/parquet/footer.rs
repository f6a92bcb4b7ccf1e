//! Looks over a footer before it is taken apart: the library believes what it says about itself, and one that lies
//! ends the process, for want of stack or of memory.
//!
//! Footers are Thrift structs in the compact protocol; only their lengths and the shape of the schema count here.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use super::broken::broken;
use crate::readers::position::DataProblem;

/// Groups inside each other.
const MOST_LEVELS: usize = 100;
/// Columns and groups of a file; many times what a table may have, because columns can be left out.
const MOST_ELEMENTS: usize = 50_000;
/// Bytes of a footer: a hundred thousand row groups of ten columns.
const MOST_BYTES: u64 = 128 << 20;
/// Structs, lists and maps of Thrift inside each other; no footer has a third of it.
const MOST_NESTED: u8 = 32;

/// Refuses a footer that claims more than is there, or a schema without measure.
pub(crate) fn check(file: &mut File) -> Result<(), DataProblem> {
    let read = read(file).map_err(|error| broken(&error.to_string()))?;
    match read {
        Footer::Bytes(bytes) => {
            let checked = Thrift { rest: &bytes }.check_footer();
            checked.unwrap_or_else(|| Err(broken("its footer is damaged")))
        }
        Footer::TooLong(bytes) => {
            let problem = format!("the footer has {} MiB", bytes >> 20);
            Err(DataProblem::new(problem).hint("write larger row groups, so that there are fewer"))
        }
        // The library says what is missing.
        Footer::None => Ok(()),
    }
}

/// What is at the end of a file.
enum Footer {
    Bytes(Vec<u8>),
    TooLong(u64),
    None,
}

fn read(file: &mut File) -> std::io::Result<Footer> {
    let mut tail = [0; 8];
    let length = file.metadata()?.len();
    if length < 8 {
        return Ok(Footer::None);
    }
    file.seek(SeekFrom::Start(length - 8))?;
    file.read_exact(&mut tail)?;
    let [a, b, c, d, magic @ ..] = tail;
    let n_bytes = u64::from(u32::from_le_bytes([a, b, c, d]));
    let Some(start) = (length - 8).checked_sub(n_bytes) else {
        return Ok(Footer::None);
    };
    if magic != *b"PAR1" {
        return Ok(Footer::None);
    }
    if n_bytes > MOST_BYTES {
        return Ok(Footer::TooLong(n_bytes));
    }
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(n_bytes).read_to_end(&mut bytes)?;
    Ok(Footer::Bytes(bytes))
}

/// Types of the compact protocol, as far as they need to be told apart.
pub(crate) mod kind {
    pub(crate) const STOP: u8 = 0;
    pub(crate) const TRUE: u8 = 1;
    pub(crate) const FALSE: u8 = 2;
    pub(crate) const BYTE: u8 = 3;
    pub(crate) const I16: u8 = 4;
    pub(crate) const I32: u8 = 5;
    pub(crate) const I64: u8 = 6;
    pub(crate) const DOUBLE: u8 = 7;
    pub(crate) const BINARY: u8 = 8;
    pub(crate) const LIST: u8 = 9;
    pub(crate) const SET: u8 = 10;
    pub(crate) const MAP: u8 = 11;
    pub(crate) const STRUCT: u8 = 12;
    pub(crate) const UUID: u8 = 13;
}

/// What has not been read; methods return nothing where the bytes are no Thrift.
pub(crate) struct Thrift<'b> {
    pub(crate) rest: &'b [u8],
}

impl Thrift<'_> {
    /// Reads a `FileMetaData`, whose second field is the schema.
    fn check_footer(&mut self) -> Option<Result<(), DataProblem>> {
        let mut found = Ok(());
        self.fields(|thrift, id, kind| {
            if (id, kind) == (2, kind::LIST) && found.is_ok() {
                found = thrift.check_schema()?;
                // What follows a refused schema cannot be told apart, and does not make it better.
                if found.is_err() {
                    thrift.rest = &[kind::STOP];
                }
                return Some(());
            }
            thrift.skip(kind, 0)
        })?;
        Some(found)
    }

    /// Reads the schema: elements in depth-first order, each with the number of its children.
    fn check_schema(&mut self) -> Option<Result<(), DataProblem>> {
        let (n_elements, kind) = self.list()?;
        if n_elements > MOST_ELEMENTS {
            let problem = format!("the file has {n_elements} columns and groups");
            let hint = format!("write files of at most {MOST_ELEMENTS} of them");
            return Some(Err(DataProblem::new(problem).hint(hint)));
        }
        if kind != kind::STRUCT {
            return None;
        }
        // Children that are still to come, of every group around.
        let mut open: Vec<u64> = Vec::new();
        for _ in 0..n_elements {
            let n_children = self.element()?;
            if let Some(children) = open.last_mut() {
                *children = children.saturating_sub(1);
            }
            if n_children > 0 {
                open.push(n_children);
            }
            while open.last() == Some(&0) {
                open.pop();
            }
            if open.len() > MOST_LEVELS {
                let problem = format!("its groups are nested more than {MOST_LEVELS} deep");
                return Some(Err(broken(&problem)));
            }
        }
        Some(Ok(()))
    }

    /// Reads an element of the schema; returns the number of its children, its fifth field.
    fn element(&mut self) -> Option<u64> {
        let mut n_children = 0;
        self.fields(|thrift, id, kind| {
            if (id, kind) == (5, kind::I32) {
                // Negative numbers are odd in this notation; the library refuses them.
                n_children = thrift.varint()? / 2;
                return Some(());
            }
            thrift.skip(kind, 0)
        })?;
        Some(n_children)
    }

    /// Reads a struct; `each` gets the number and the type of a field and reads its value.
    pub(crate) fn fields(
        &mut self,
        mut each: impl FnMut(&mut Self, u64, u8) -> Option<()>,
    ) -> Option<()> {
        let mut id = 0_u64;
        loop {
            let byte = self.byte()?;
            let kind = byte & 15;
            if kind == kind::STOP {
                return Some(());
            }
            id = match byte >> 4 {
                0 => self.varint()? / 2,
                step => id.checked_add(step.into())?,
            };
            each(self, id, kind)?;
        }
    }

    /// Reads what stands before a list: the number of elements, which have a byte at least, and their type.
    fn list(&mut self) -> Option<(usize, u8)> {
        let byte = self.byte()?;
        let n_elements = match byte >> 4 {
            15 => usize::try_from(self.varint()?).ok()?,
            few => usize::from(few),
        };
        (n_elements <= self.rest.len()).then_some((n_elements, byte & 15))
    }

    pub(crate) fn skip(&mut self, kind: u8, nested: u8) -> Option<()> {
        if nested > MOST_NESTED {
            return None;
        }
        match kind {
            kind::TRUE | kind::FALSE => Some(()),
            kind::BYTE => self.take(1),
            kind::I16 | kind::I32 | kind::I64 => self.varint().map(drop),
            kind::DOUBLE => self.take(8),
            kind::UUID => self.take(16),
            kind::BINARY => {
                let length = self.varint()?;
                self.take(usize::try_from(length).ok()?)
            }
            kind::LIST | kind::SET => {
                let (n_elements, kind) = self.list()?;
                (0..n_elements).try_for_each(|_| self.skip_element(kind, nested + 1))
            }
            kind::MAP => {
                let n_entries = self.varint()?;
                if n_entries == 0 {
                    return Some(());
                }
                let kinds = self.byte()?;
                (0..n_entries).try_for_each(|_| {
                    self.skip_element(kinds >> 4, nested + 1)?;
                    self.skip_element(kinds & 15, nested + 1)
                })
            }
            kind::STRUCT => self.fields(|thrift, _, kind| thrift.skip(kind, nested + 1)),
            _ => None,
        }
    }

    /// A truth value is a byte here, where a field has it in its type.
    fn skip_element(&mut self, kind: u8, nested: u8) -> Option<()> {
        match kind {
            kind::TRUE | kind::FALSE => self.take(1),
            kind => self.skip(kind, nested),
        }
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn take(&mut self, n_bytes: usize) -> Option<()> {
        self.rest = self.rest.get(n_bytes..)?;
        Some(())
    }

    pub(crate) fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A footer with this list of elements, and of how many the list says it is.
    fn footer(elements: &[u8], said: &[u8]) -> Vec<u8> {
        [
            &[0x15, 0x02, 0x19, 0xFC],
            said,
            elements,
            &[0x16, 0x00, 0x19, 0x0C, 0x00],
        ]
        .concat()
    }

    fn found(bytes: &[u8]) -> Result<(), String> {
        let found = Thrift { rest: bytes }.check_footer();
        let found = found.unwrap_or_else(|| Err(broken("its footer is damaged")));
        found.map_err(|problem| problem.what)
    }

    const GROUP_OF_ONE: [u8; 6] = [0x48, 0x01, b'g', 0x15, 0x02, 0x00];
    const COLUMN: [u8; 6] = [0x15, 0x02, 0x38, 0x01, b'a', 0x00];

    #[test]
    fn a_schema_has_a_measure() {
        let nested = |levels: usize| {
            let elements = [GROUP_OF_ONE.repeat(levels), COLUMN.to_vec()].concat();
            let n_elements = u8::try_from(levels + 1).unwrap();
            found(&footer(
                &elements,
                &[n_elements & 0x7F | 0x80, n_elements >> 7],
            ))
        };
        assert_eq!(nested(MOST_LEVELS), Ok(()));
        assert!(nested(MOST_LEVELS + 1).unwrap_err().contains("100 deep"));
        let many = COLUMN.repeat(MOST_ELEMENTS + 1);
        let said = [0xD1, 0x86, 0x03];
        assert!(found(&footer(&many, &said)).unwrap_err().contains("50001"));
    }

    #[test]
    fn a_footer_says_no_more_than_it_has() {
        let damaged = |bytes: &[u8]| found(bytes).unwrap_err().contains("footer is damaged");
        assert_eq!(found(&footer(&COLUMN, &[1])), Ok(()));
        assert!(damaged(&footer(&COLUMN, &[0xFF, 0xFF, 0xFF, 0xFF, 0x07])));
        assert!(damaged(&footer(&COLUMN, &[0xFF; 11])));
        assert!(damaged(&footer(&COLUMN, &[3])));
        assert!(damaged(&[0x15, 0x02, 0x3C, 0x1C].repeat(200)));
        let whole = footer(&COLUMN, &[1]);
        for length in 0..whole.len() {
            assert!(damaged(&whole[..length]), "{length}");
        }
    }
}

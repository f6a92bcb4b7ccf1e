//! Looks over the pages of a file before they are unpacked: the library reserves what their headers ask for, up to
//! 2 GiB for a few bytes, and with some codecs unpacks more than they say.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;

use parquet::arrow::arrow_reader::ArrowReaderMetadata;
use parquet::basic::Compression;
use parquet::file::metadata::ColumnChunkMetaData;

use super::broken::{broken, guarded};
use super::footer::{Thrift, kind};
use crate::readers::position::DataProblem;
use crate::source::{Coding, CodingError};

/// Bytes of a page; usual are 1 MiB, some writers make one page of a million rows.
const MOST_OF_PAGE: u64 = 1 << 30;
/// Bytes of the pages that are in memory at the same time: one of each column, and its dictionary.
const MOST_AT_ONCE: u64 = 4 << 30;
/// Bytes of a page's header, which may hold the least and the largest value.
const MOST_OF_HEADER: usize = 16 << 20;
/// A byte of Deflate becomes no more bytes than this.
const DEFLATE_RATIO: u64 = 1_032;
/// A byte of LZ4 becomes no more bytes than this.
const LZ4_RATIO: u64 = 255;
/// Read from disk at once.
const BLOCK: usize = 64 << 10;
/// How an LZ4 frame begins; its size is not that of the header.
const LZ4_FRAME: [u8; 4] = [0x04, 0x22, 0x4D, 0x18];

/// What the header of a page says.
#[derive(Debug, Default, PartialEq, Eq)]
struct PageHeader {
    /// Bytes of the header itself.
    length: u64,
    packed: u64,
    unpacked: u64,
    /// Bytes before the packed ones.
    levels: u64,
    is_plain: bool,
    /// Values of a dictionary.
    n_values: Option<u64>,
}

/// Refuses pages without measure in the columns with these roots; returns the bytes of the pages that are in memory
/// at the same time when this process reads the file.
pub(crate) fn check(
    path: &Path,
    known: &ArrowReaderMetadata,
    is_read: impl Fn(usize) -> bool,
) -> Result<u64, DataProblem> {
    let opened = File::open(path).map_err(|error| broken(&error.to_string()))?;
    let schema = known.parquet_schema();
    let mut at_once: u64 = 0;
    guarded(|| {
        for column in 0..schema.num_columns() {
            if !is_read(schema.get_column_root_idx(column)) {
                continue;
            }
            let (mut page, mut dictionary) = (0, 0);
            for group in known.metadata().row_groups() {
                let chunk = group.column(column);
                let largest = check_chunk(&opened, chunk)
                    .map_err(|problem| problem.column(chunk.column_path().parts().join(".")))?;
                page = largest.0.max(page);
                dictionary = largest.1.max(dictionary);
            }
            at_once = at_once.saturating_add(page).saturating_add(dictionary);
        }
        Ok(at_once)
    })
}

/// Refuses files whose pages are too much for this process together, though none is alone.
pub(crate) fn check_together(at_once: u64) -> Result<(), DataProblem> {
    if at_once <= MOST_AT_ONCE {
        return Ok(());
    }
    let problem = format!(
        "the pages of its columns have {} MiB together, more than {}",
        at_once >> 20,
        MOST_AT_ONCE >> 20
    );
    Err(DataProblem::new(problem).hint(HINT))
}

const HINT: &str = "write the file with smaller pages (most writers make pages of 1 MiB)";

/// Returns the bytes of the largest page and of the largest dictionary.
fn check_chunk(file: &File, chunk: &ColumnChunkMetaData) -> Result<(u64, u64), DataProblem> {
    let (mut offset, length) = chunk.byte_range();
    let end = offset.saturating_add(length);
    let (mut page, mut dictionary) = (0, 0);
    while offset < end {
        let header = read_header(file, offset)?;
        if header.unpacked > MOST_OF_PAGE {
            return Err(too_large("says it has", header.unpacked));
        }
        let largest = if header.n_values.is_some() {
            &mut dictionary
        } else {
            &mut page
        };
        *largest = header.unpacked.max(*largest);
        if header
            .n_values
            .is_some_and(|n_values| n_values > header.unpacked.max(1))
        {
            return Err(broken("a dictionary says it has more values than bytes"));
        }
        offset = offset.saturating_add(header.length);
        if !header.is_plain {
            check_unpacked(file, chunk.compression(), offset, &header)
                .map_err(|error| broken(&error.to_string()))??;
        }
        offset = offset.saturating_add(header.packed);
    }
    Ok((page, dictionary))
}

fn too_large(verb: &str, bytes: u64) -> DataProblem {
    let most = MOST_OF_PAGE >> 20;
    let problem = format!("a page {verb} {} MiB, more than {most}", bytes >> 20);
    DataProblem::new(problem).hint(HINT)
}

/// Refuses pages that become more than their headers say, where the library would not notice in time.
fn check_unpacked(
    file: &File,
    compression: Compression,
    offset: u64,
    header: &PageHeader,
) -> io::Result<Result<(), DataProblem>> {
    let packed = header.packed.saturating_sub(header.levels);
    let start = offset.saturating_add(header.levels);
    let source = Section {
        file,
        offset: start,
    }
    .take(packed);
    let coding = match compression {
        Compression::GZIP(_) if packed.saturating_mul(DEFLATE_RATIO) > MOST_OF_PAGE => Coding::Gzip,
        Compression::BROTLI(_) => Coding::Brotli,
        Compression::LZ4 if packed.saturating_mul(LZ4_RATIO) > MOST_OF_PAGE => {
            let mut magic = Vec::new();
            source.take(4).read_to_end(&mut magic)?;
            let is_frame = magic == LZ4_FRAME;
            let most = packed.saturating_mul(LZ4_RATIO);
            return Ok(if is_frame {
                Err(too_large("may have", most))
            } else {
                Ok(())
            });
        }
        _ => return Ok(Ok(())),
    };
    let said = header.unpacked.saturating_sub(header.levels);
    let packed = io::BufReader::with_capacity(BLOCK, source);
    Ok(match coding.unpack(packed, &mut io::sink(), said) {
        Err(CodingError::TooLong) => Err(broken("a page unpacks to more than it says")),
        // Of bytes that are damaged the library says more.
        Ok(_) | Err(CodingError::Broken(_) | CodingError::Disk(_)) => Ok(()),
    })
}

/// Bytes of a file from a place on.
struct Section<'f> {
    file: &'f File,
    offset: u64,
}

impl Read for Section<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n_bytes = self.file.read_at(buffer, self.offset)?;
        self.offset += n_bytes as u64;
        Ok(n_bytes)
    }
}

fn read_header(file: &File, offset: u64) -> Result<PageHeader, DataProblem> {
    let mut size = 256;
    loop {
        let mut bytes = Vec::new();
        let read = Section { file, offset }
            .take(size as u64)
            .read_to_end(&mut bytes);
        let n_bytes = read.map_err(|error| broken(&error.to_string()))?;
        if let Some(header) = header(&bytes) {
            return Ok(header);
        }
        if n_bytes < size || size >= MOST_OF_HEADER {
            return Err(broken("the header of a page is damaged"));
        }
        size *= 16;
    }
}

/// Reads a `PageHeader`; `None` if the bytes are none, or not all of it.
fn header(bytes: &[u8]) -> Option<PageHeader> {
    let mut thrift = Thrift { rest: bytes };
    let mut found = PageHeader::default();
    thrift.fields(|thrift, id, kind| {
        match (id, kind) {
            (2, kind::I32) => found.unpacked = count(thrift)?,
            (3, kind::I32) => found.packed = count(thrift)?,
            (7, kind::STRUCT) => thrift.fields(|thrift, id, kind| {
                if (id, kind) == (1, kind::I32) {
                    found.n_values = Some(count(thrift)?);
                    return Some(());
                }
                thrift.skip(kind, 1)
            })?,
            (8, kind::STRUCT) => thrift.fields(|thrift, id, kind| {
                match (id, kind) {
                    (5 | 6, kind::I32) => found.levels += count(thrift)?,
                    (7, kind::FALSE) => found.is_plain = true,
                    _ => thrift.skip(kind, 1)?,
                }
                Some(())
            })?,
            _ => thrift.skip(kind, 0)?,
        }
        Some(())
    })?;
    found.length = (bytes.len() - thrift.rest.len()) as u64;
    Some(found)
}

/// Reads a number that must not be negative; negative ones are odd in this notation.
fn count(thrift: &mut Thrift<'_>) -> Option<u64> {
    let number = thrift.varint()?;
    (number % 2 == 0 && u32::try_from(number).is_ok()).then_some(number / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_to_its_end() {
        // A dictionary of 3 values: 100 bytes packed, 200 unpacked.
        let bytes = [
            0x15, 4, 0x15, 0x90, 3, 0x15, 0xC8, 1, 0x4C, 0x15, 6, 0x15, 0, 0, 0, 0xFF,
        ];
        let found = header(&bytes).unwrap();
        let expected = PageHeader {
            length: 15,
            packed: 100,
            unpacked: 200,
            n_values: Some(3),
            ..PageHeader::default()
        };
        assert_eq!(found, expected);
        for length in 0..15 {
            assert_eq!(header(&bytes[..length]), None, "{length}");
        }
        let negative = [0x15, 4, 0x15, 1, 0x15, 0, 0];
        assert_eq!(header(&negative), None);
    }
}

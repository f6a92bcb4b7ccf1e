//! Where the messages of an Arrow file or stream are: walked by their headers, which say what is in them and how much,
//! without decoding anything.
//!
//! Not by the readers of `arrow-ipc`: they reserve what a header or a footer claims, and a stream that only stops is
//! for them one that ends.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::sync::Arc;

use arrow_ipc::convert::fb_to_schema;
use arrow_ipc::{
    Block, Endianness, FieldNode, MetadataVersion, RecordBatch, root_as_footer, root_as_message,
};
use arrow_schema::SchemaRef;

use super::broken::{broken, guarded};
use crate::readers::position::DataProblem;

/// Bytes of a header or footer: schemas of a hundred thousand columns.
const MOST_METADATA: u64 = 128 << 20;
/// Bytes of one batch, packed or not: it is in memory at once.
pub(crate) const MOST_BATCH: u64 = 4 << 30;
/// Rows of one batch, as the format advises.
const MOST_ROWS: i64 = (1 << 31) - 1;

/// Messages of a stream, whose places are kept; a footer is short enough by itself.
const MOST_MESSAGES: usize = 5_000_000;
/// Bytes without meaning at the end of a file.
const MOST_PADDING: u64 = 4096;

const MAGIC: &[u8; 6] = b"ARROW1";
/// Stands before the length of every header, since version 0.15.
const CONTINUATION: u32 = u32::MAX;
/// The end of a stream; before version 0.15 its second half alone.
const MARKER: &[u8] = b"\xFF\xFF\xFF\xFF\0\0\0\0";

/// What a file or stream consists of.
#[derive(Debug)]
pub(crate) struct Messages {
    pub(crate) schema: SchemaRef,
    /// In the order in which they are to be read.
    pub(crate) all: Arc<[Message]>,
    pub(crate) rows: u64,
}

/// Where a message is, and what is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) offset: u64,
    /// Bytes before the body, those that say how many included.
    pub(crate) head: i32,
    pub(crate) body: u64,
    pub(crate) kind: MessageKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MessageKind {
    Schema,
    Dictionary,
    Rows(u64),
}

impl Message {
    /// Returns where it ends; checked to be within the file.
    fn end(&self) -> u64 {
        self.offset + u64::from(self.head.unsigned_abs()) + self.body
    }

    /// Returns its place as the library notes it.
    pub(crate) fn block(&self) -> Block {
        Block::new(0, self.head, i64::try_from(self.body).unwrap_or(i64::MAX))
    }

    /// Reads its bytes, which are there.
    pub(crate) fn read(&self, file: &mut File) -> Result<Vec<u8>, DataProblem> {
        bytes(file, self.offset, self.end() - self.offset)
    }
}

/// Looks over a file or stream.
pub(crate) fn read(file: &mut File) -> Result<Messages, DataProblem> {
    let length = file
        .metadata()
        .map_err(|error| broken(&error.to_string()))?;
    let length = length.len();
    let first = bytes(file, 0, length.min(8))?;
    if first.starts_with(MAGIC) {
        of_file(file, length)
    } else {
        of_stream(file, length)
    }
}

fn of_file(file: &mut File, length: u64) -> Result<Messages, DataProblem> {
    let cut = || broken("it does not end as Arrow files do, so it may be cut short");
    // What is before the footer at least, and the two numbers behind it.
    let end = length
        .checked_sub(10)
        .filter(|end| *end >= 8)
        .ok_or_else(cut)?;
    let tail = bytes(file, end, 10)?;
    let (size, magic) = tail.split_first_chunk::<4>().ok_or_else(cut)?;
    if magic != MAGIC {
        return Err(cut());
    }
    let damaged = || broken("its footer is damaged");
    let size = u64::try_from(i32::from_le_bytes(*size)).map_err(|_| damaged())?;
    let start = end.checked_sub(size).filter(|start| *start >= 8);
    let start = start.ok_or_else(damaged)?;
    let footer = metadata(file, start, size)?;
    let footer = root_as_footer(&footer).map_err(|_| damaged())?;
    let schema = schema(footer.schema().ok_or_else(damaged)?)?;
    let mut all = Vec::new();
    for block in footer.dictionaries().into_iter().flatten() {
        all.push(at_block(file, block, start, false)?);
    }
    for block in footer.recordBatches().ok_or_else(damaged)? {
        all.push(at_block(file, block, start, true)?);
    }
    // Each message once: a footer that names one twice would have its rows twice.
    let mut places: Vec<(u64, u64)> = all
        .iter()
        .map(|found| (found.offset, found.end()))
        .collect();
    places.sort_unstable();
    if places.windows(2).any(|pair| pair[0].1 > pair[1].0) {
        return Err(broken("its footer names a part of it twice"));
    }
    let last = match places.last() {
        Some((_, last)) => *last,
        None => after_schema(file, start)?,
    };
    check_rest(file, last, start)?;
    messages(schema, all)
}

/// Returns where the schema before all messages ends.
fn after_schema(file: &mut File, end: u64) -> Result<u64, DataProblem> {
    let lies = || broken("its footer names parts that are not there");
    let mut offset = 8;
    // Some writers begin at a multiple of 64.
    while offset + 8 <= end && bytes(file, offset, 8)? == [0; 8] {
        offset += 8;
    }
    let first = message(file, offset, end, lies)?;
    let first = first.filter(|(first, _)| first.kind == MessageKind::Schema);
    first.map(|(first, _)| first.end()).ok_or_else(lies)
}

/// Makes sure that between the last message and the footer is nothing but a marker: two files, one after the other,
/// would have the rows of one.
fn check_rest(file: &mut File, last: u64, footer: u64) -> Result<(), DataProblem> {
    let rest = bytes(file, last, (footer - last).min(MOST_PADDING + 1))?;
    let is_empty = |byte: &u8| MARKER.contains(byte);
    if rest.len() as u64 > MOST_PADDING || !rest.iter().all(is_empty) {
        return Err(broken("its footer leaves out a part of it"));
    }
    Ok(())
}

/// Looks at a message where a footer says one is.
fn at_block(
    file: &mut File,
    block: &Block,
    end: u64,
    is_rows: bool,
) -> Result<Message, DataProblem> {
    let lies = || broken("its footer names parts that are not there");
    let offset = u64::try_from(block.offset()).ok();
    let offset = offset.filter(|offset| *offset >= 8 && *offset < end);
    let (found, _) = message(file, offset.ok_or_else(lies)?, end, lies)?.ok_or_else(lies)?;
    let is_alike =
        found.head == block.metaDataLength() && i64::try_from(found.body) == Ok(block.bodyLength());
    match found.kind {
        MessageKind::Rows(_) if is_alike && is_rows => Ok(found),
        MessageKind::Dictionary if is_alike && !is_rows => Ok(found),
        _ => Err(lies()),
    }
}

fn of_stream(file: &mut File, length: u64) -> Result<Messages, DataProblem> {
    let cut = || broken("it ends without an end-of-stream marker, so it may be cut short");
    let none = || broken("it does not begin with a schema");
    let (first, header) = message(file, 0, length, cut)?.ok_or_else(none)?;
    let header = root_as_message(&header).map_err(|_| none())?;
    let found = header.header_as_schema().ok_or_else(none)?;
    let schema = schema(found)?;
    let mut all = Vec::new();
    let mut offset = first.end();
    while let Some((found, _)) = message(file, offset, length, cut)? {
        if found.kind == MessageKind::Schema {
            return Err(broken("it has a second schema"));
        }
        offset = found.end();
        all.push(found);
        if all.len() > MOST_MESSAGES {
            let problem = format!("the stream has more than {MOST_MESSAGES} record batches");
            return Err(DataProblem::new(problem).hint("write larger record batches"));
        }
    }
    let marker = bytes(file, offset, (length - offset).min(9))?;
    if marker != MARKER && marker != MARKER[4..] {
        let problem = "something follows its end-of-stream marker";
        return Err(broken(problem));
    }
    messages(schema, all)
}

fn messages(schema: SchemaRef, all: Vec<Message>) -> Result<Messages, DataProblem> {
    let rows = all.iter().try_fold(0_u64, |rows, found| match found.kind {
        MessageKind::Rows(more) => rows.checked_add(more),
        MessageKind::Schema | MessageKind::Dictionary => Some(rows),
    });
    Ok(Messages {
        schema,
        all: all.into(),
        rows: rows.ok_or_else(|| broken("it claims more rows than there can be"))?,
    })
}

/// Reads the header of the message at an offset; nothing if an end-of-stream marker is there. `cut` says that there are
/// fewer bytes up to `end` than a message needs.
fn message(
    file: &mut File,
    offset: u64,
    end: u64,
    cut: impl Fn() -> DataProblem,
) -> Result<Option<(Message, Vec<u8>)>, DataProblem> {
    let rest = end.saturating_sub(offset);
    let prefix = bytes(file, offset, rest.min(8))?;
    let word = |at: usize| {
        let word = prefix.get(at..)?.first_chunk::<4>();
        word.map(|word| u32::from_le_bytes(*word))
    };
    let first = word(0).ok_or_else(&cut)?;
    let (before, size) = if first == CONTINUATION {
        (8, word(4).ok_or_else(&cut)?)
    } else {
        (4, first)
    };
    if size == 0 {
        return Ok(None);
    }
    if u64::from(size) > rest - before {
        return Err(cut());
    }
    let header = metadata(file, offset + before, size.into())?;
    let (kind, body) = contents(&header)?;
    let head = before + u64::from(size);
    if body > rest - head {
        return Err(cut());
    }
    let head = i32::try_from(head).map_err(|_| cut())?;
    let found = Message {
        offset,
        head,
        body,
        kind,
    };
    Ok(Some((found, header)))
}

/// Returns what a header says is in the body, and how long that is.
fn contents(header: &[u8]) -> Result<(MessageKind, u64), DataProblem> {
    let damaged = || broken("a header in it is damaged");
    let header = root_as_message(header).map_err(|_| damaged())?;
    if header.version() < MetadataVersion::V4 {
        return Err(broken("it was written by an Arrow before version 0.8"));
    }
    let body = u64::try_from(header.bodyLength()).map_err(|_| damaged())?;
    if body > MOST_BATCH {
        return Err(too_large("a batch", body));
    }
    let kind = if header.header_as_schema().is_some() {
        MessageKind::Schema
    } else if header.header_as_dictionary_batch().is_some() {
        MessageKind::Dictionary
    } else {
        let batch = header.header_as_record_batch();
        let batch = batch.ok_or_else(|| broken("it holds something that is no table"))?;
        check_first(batch)?;
        MessageKind::Rows(rows(batch).ok_or_else(|| {
            broken("a batch of it claims a number of rows that no batch may have")
        })?)
    };
    Ok((kind, body))
}

/// Makes sure that the rows are as many as the first column has: if no column is read, nobody else does.
fn check_first(batch: RecordBatch<'_>) -> Result<(), DataProblem> {
    let first = batch.nodes().and_then(|nodes| nodes.iter().next());
    match first.map(FieldNode::length) {
        Some(found) if found != batch.length() => Err(broken(&format!(
            "a batch of it says it has {} rows and has {found}",
            batch.length()
        ))),
        _ => Ok(()),
    }
}

fn rows(batch: RecordBatch<'_>) -> Option<u64> {
    let rows = batch.length();
    u64::try_from(rows).ok().filter(|_| rows <= MOST_ROWS)
}

/// Says that something cannot be in memory.
pub(crate) fn too_large(what: &str, n_bytes: u64) -> DataProblem {
    let problem = format!("{what} of {} MiB, unpacked", n_bytes >> 20);
    let hint = format!(
        "write smaller record batches, of at most {} MiB",
        MOST_BATCH >> 20
    );
    DataProblem::new(problem).hint(hint)
}

fn schema(found: arrow_ipc::Schema<'_>) -> Result<SchemaRef, DataProblem> {
    if found.endianness() != Endianness::Little {
        let problem = "this Arrow file was written for big-endian machines";
        return Err(DataProblem::new(problem).hint("write it on another machine, or as Parquet"));
    }
    guarded(|| Ok(Arc::new(fb_to_schema(found))))
}

fn metadata(file: &mut File, offset: u64, size: u64) -> Result<Vec<u8>, DataProblem> {
    if size > MOST_METADATA {
        let problem = format!("a header of the file has {} MiB", size >> 20);
        return Err(DataProblem::new(problem).hint("write fewer columns or batches into one file"));
    }
    bytes(file, offset, size)
}

/// Reads bytes that are there.
fn bytes(file: &mut File, offset: u64, size: u64) -> Result<Vec<u8>, DataProblem> {
    let mut bytes = Vec::new();
    usize::try_from(size)
        .map_err(std::io::Error::other)
        .and_then(|size| {
            bytes.resize(size, 0);
            file.seek(SeekFrom::Start(offset))?;
            file.read_exact(&mut bytes)
        })
        .map_err(|error| broken(&error.to_string()))?;
    Ok(bytes)
}

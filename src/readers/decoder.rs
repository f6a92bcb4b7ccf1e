//! Bytes of files in other encodings, decoded on the way: streaming, and strict where bytes make no sense.
//!
//! Own code beside `encoding_rs_io`, which replaces malformed bytes silently: here they are an error with a place.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8};

/// Bytes decoded at once.
const BLOCK: usize = 1 << 16;

/// A file whose first bytes have been looked at.
pub(crate) type Peeked = io::Chain<io::Cursor<Vec<u8>>, File>;

/// The bytes of a text file behind its byte order mark.
pub(crate) struct Decoded {
    pub(crate) bytes: Bytes,
    /// Added to a position in `bytes`, it gives the offset that places are counted by.
    pub(crate) skipped: u64,
    pub(crate) encoding: &'static Encoding,
}

/// Bytes that no text of the encoding has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Malformed;

/// What one reading gave.
pub(crate) struct Chunk {
    /// Bytes put into the buffer.
    pub(crate) length: usize,
    /// How far behind these there are bytes that no text of the encoding has, if that is known by now.
    pub(crate) malformed: Option<u64>,
}

/// UTF-8 bytes: those of a UTF-8 file as they are, checked or not, of others decoded.
pub(crate) enum Bytes {
    Plain(Peeked),
    Foreign(Box<Foreign>),
}

/// A file on its way from another encoding.
pub(crate) struct Foreign {
    file: Peeked,
    decoder: Decoder,
    raw: Vec<u8>,
    /// What of `raw` is not decoded yet.
    pending: std::ops::Range<usize>,
    text: Vec<u8>,
    /// What of `text` is not handed out yet.
    ready: std::ops::Range<usize>,
    at_end: bool,
    done: bool,
}

/// Opens a file. A byte order mark decides, then `given`; otherwise it is UTF-8.
pub(crate) fn open(path: &Path, given: Option<&'static Encoding>) -> io::Result<Decoded> {
    let mut file = File::open(path)?;
    let mut head = Vec::with_capacity(3);
    file.by_ref().take(3).read_to_end(&mut head)?;
    let (encoding, mark) = match Encoding::for_bom(&head) {
        Some((encoding, length)) => (encoding, length),
        None => (given.unwrap_or(UTF_8), 0),
    };
    head.drain(..mark);
    let file = io::Cursor::new(head).chain(file);
    let (bytes, skipped) = if encoding == UTF_8 {
        (Bytes::Plain(file), mark as u64)
    } else {
        (Bytes::Foreign(Box::new(Foreign::new(file, encoding))), 0)
    };
    Ok(Decoded {
        bytes,
        skipped,
        encoding,
    })
}

/// Reads a file as places in it are counted: UTF-8 as it is, everything else decoded.
pub(crate) fn for_positions(
    path: &Path,
    encoding: &'static Encoding,
) -> io::Result<Box<dyn BufRead>> {
    if encoding == UTF_8 {
        return Ok(Box::new(BufReader::with_capacity(BLOCK, File::open(path)?)));
    }
    let decoded = open(path, Some(encoding))?;
    Ok(Box::new(BufReader::with_capacity(BLOCK, decoded.bytes)))
}

impl Bytes {
    /// Puts the next bytes into a buffer.
    pub(crate) fn next(&mut self, buffer: &mut [u8]) -> io::Result<Chunk> {
        let foreign = match self {
            Bytes::Plain(file) => {
                return Ok(Chunk {
                    length: file.read(buffer)?,
                    malformed: None,
                });
            }
            Bytes::Foreign(foreign) => foreign,
        };
        let filled = foreign.fill()?;
        let length = foreign.ready.len().min(buffer.len());
        let from = foreign.ready.start;
        buffer[..length].copy_from_slice(&foreign.text[from..from + length]);
        foreign.ready.start += length;
        Ok(Chunk {
            length,
            malformed: filled.err().map(|Malformed| foreign.ready.len() as u64),
        })
    }
}

/// Ends where bytes are no text: a place behind these is not asked for.
impl Read for Bytes {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(self.next(buffer)?.length)
    }
}

impl Foreign {
    fn new(file: io::Chain<io::Cursor<Vec<u8>>, File>, encoding: &'static Encoding) -> Foreign {
        Foreign {
            file,
            decoder: encoding.new_decoder_without_bom_handling(),
            raw: vec![0; BLOCK],
            pending: 0..0,
            text: vec![0; 3 * BLOCK],
            ready: 0..0,
            at_end: false,
            done: false,
        }
    }

    /// Decodes more; fails at the end of what is ready if the bytes behind it are no text.
    fn fill(&mut self) -> io::Result<Result<(), Malformed>> {
        while self.ready.is_empty() && !self.done {
            if self.pending.is_empty() && !self.at_end {
                let n_read = self.file.read(&mut self.raw)?;
                self.pending = 0..n_read;
                self.at_end = n_read == 0;
            }
            let (result, n_decoded, n_written) = self.decoder.decode_to_utf8_without_replacement(
                &self.raw[self.pending.clone()],
                &mut self.text,
                self.at_end,
            );
            self.pending.start += n_decoded;
            self.ready = 0..n_written;
            match result {
                DecoderResult::InputEmpty => self.done = self.at_end,
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(..) => {
                    self.done = true;
                    return Ok(Err(Malformed));
                }
            }
        }
        Ok(Ok(()))
    }
}

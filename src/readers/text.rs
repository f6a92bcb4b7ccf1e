//! Text files as UTF-8, whatever encoding they have: streaming, and strict where bytes make no sense.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8};

use super::json::scan;
use super::position::{Problem, Syntax};

/// Bytes decoded at once.
const BLOCK: usize = 1 << 16;

/// Bytes a suggested encoding is based on.
const LOOKED_AT: u64 = 4 << 20;

/// A text file opened behind its byte order mark.
pub(crate) struct Opened {
    pub(crate) input: Input,
    /// Added to a position in `input`, it gives the offset that places are counted by.
    pub(crate) skipped: u64,
    pub(crate) encoding: &'static Encoding,
}

/// UTF-8 bytes of a file. Those of a UTF-8 file are passed on as they are, checked or not.
pub(crate) struct Input {
    bytes: Bytes,
    /// Handed out once and given back.
    again: io::Cursor<Vec<u8>>,
    /// Bytes handed out so far.
    pub(crate) n_read: u64,
    /// Bytes that no text of the encoding has, or more than may come at once; reading ended there.
    pub(crate) failed: Option<Problem>,
    /// Bytes that may be handed out before [`Input::go_on`] is called again.
    limit: u64,
    /// What helps against values beyond it.
    advice: &'static str,
}

enum Bytes {
    Plain(io::Chain<io::Cursor<Vec<u8>>, File>),
    Foreign(Box<Foreign>),
}

/// A file on its way from another encoding.
struct Foreign {
    file: io::Chain<io::Cursor<Vec<u8>>, File>,
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
pub(crate) fn open(path: &Path, given: Option<&'static Encoding>) -> Result<Opened, Problem> {
    let mut file = File::open(path).map_err(|error| scan::unreadable(&error))?;
    let mut head = Vec::with_capacity(3);
    file.by_ref()
        .take(3)
        .read_to_end(&mut head)
        .map_err(|error| scan::unreadable(&error))?;
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
    Ok(Opened {
        input: Input {
            bytes,
            again: io::Cursor::default(),
            n_read: 0,
            failed: None,
            limit: u64::MAX,
            advice: "",
        },
        skipped,
        encoding,
    })
}

/// Reads a file as places in it are counted: UTF-8 as it is, everything else decoded.
pub(crate) fn for_places(
    path: &Path,
    encoding: &'static Encoding,
) -> io::Result<Box<dyn io::BufRead>> {
    if encoding == UTF_8 {
        return Ok(Box::new(io::BufReader::with_capacity(
            BLOCK,
            File::open(path)?,
        )));
    }
    let opened = open(path, Some(encoding)).map_err(|problem| io::Error::other(problem.what))?;
    Ok(Box::new(io::BufReader::with_capacity(BLOCK, opened.input)))
}

/// Returns the first bytes of a file as text, as much of them as makes sense.
pub(crate) fn head(
    path: &Path,
    given: Option<&'static Encoding>,
    length: u64,
) -> Result<Vec<u8>, Problem> {
    let opened = open(path, given)?;
    let mut head = Vec::new();
    let read = opened.input.take(length).read_to_end(&mut head);
    // What is wrong with the bytes is told when they are read in earnest.
    match read {
        Err(error) if error.kind() != io::ErrorKind::InvalidData => Err(scan::unreadable(&error)),
        _ => Ok(head),
    }
}

/// Says how to set an encoding that the bytes of a file probably have.
pub(crate) fn advice(path: &Path, option: &str) -> String {
    let guess = guess(path).map_or("windows-1252", Encoding::name);
    format!(
        "the bytes look like `{}`: set `{option}{}`, or save the source as UTF-8",
        guess.to_ascii_lowercase(),
        guess.to_ascii_lowercase()
    )
}

/// Names the encoding of a text without a byte order mark whose bytes all look like ASCII but are not.
pub(crate) fn hidden(head: &[u8]) -> Option<&'static str> {
    let has = |part: &[u8]| memchr::memmem::find(head, part).is_some();
    if has(b"\x1b$B") || has(b"\x1b$@") || has(b"\x1b(J") || has(b"\x1b(I") {
        return Some("iso-2022-jp");
    }
    let half = |from: usize| {
        let bytes = head.iter().skip(from).step_by(2);
        let n_zeros = bytes.clone().filter(|byte| **byte == 0).count();
        n_zeros * 4 > bytes.count() * 3
    };
    match head.len() {
        0..4 => None,
        _ if half(1) && !half(0) => Some("utf-16le"),
        _ if half(0) && !half(1) => Some("utf-16be"),
        _ => None,
    }
}

fn guess(path: &Path) -> Option<&'static Encoding> {
    let mut bytes = Vec::new();
    let file = File::open(path).ok()?;
    file.take(LOOKED_AT).read_to_end(&mut bytes).ok()?;
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    detector.feed(&bytes, true);
    Some(detector.guess(None, Utf8Detection::Deny))
}

/// Returns the encoding of a name as browsers know them.
pub(crate) fn by_label(label: &str) -> Option<&'static Encoding> {
    Encoding::for_label_no_replacement(label.as_bytes())
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

    /// Decodes more; an error is a problem at the end of what is ready.
    fn fill(&mut self) -> io::Result<Result<(), Problem>> {
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
                    let name = self.decoder.encoding().name().to_ascii_lowercase();
                    return Ok(Err(Problem::new(format!(
                        "the bytes here are not `{name}`"
                    ))));
                }
            }
        }
        Ok(Ok(()))
    }
}

impl Input {
    /// Passes over one line, however it ends; returns false at the end of the file.
    pub(crate) fn skip_line(&mut self) -> io::Result<bool> {
        let mut line = Vec::new();
        let mut block = [0; 4096];
        loop {
            let n_read = self.read(&mut block)?;
            line.extend_from_slice(&block[..n_read]);
            let end = line_length(&line);
            // Behind a CR at the end of the block there may be the LF that belongs to it.
            let is_known = n_read == 0 || end < line.len() || line.ends_with(b"\n");
            if is_known {
                let mut rest = line.split_off(end);
                let position = usize::try_from(self.again.position()).unwrap_or(usize::MAX);
                rest.extend_from_slice(self.again.get_ref().get(position..).unwrap_or_default());
                self.n_read -= (rest.len() as u64).min(self.n_read);
                self.again = io::Cursor::new(rest);
                return Ok(!line.is_empty());
            }
        }
    }
}

/// Returns the length of the first line with its end.
pub(crate) fn line_length(text: &[u8]) -> usize {
    match text.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
        None => text.len(),
        Some(at) if text[at..].starts_with(b"\r\n") => at + 2,
        Some(at) => at + 1,
    }
}

impl Input {
    /// Says that what was handed out has been dealt with: whoever reads keeps no more than one value.
    pub(crate) fn go_on(&mut self, advice: &'static str) {
        self.advice = advice;
        self.limit = self.n_read + scan::LARGEST_VALUE;
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n_again = self.again.read(buffer)?;
        if n_again > 0 || buffer.is_empty() {
            self.n_read += n_again as u64;
            return Ok(n_again);
        }
        if self.failed.is_none() && self.n_read > self.limit {
            self.failed = Some(Problem {
                syntax: Syntax::Bytes,
                ..scan::too_large(self.advice)
            });
        }
        if self.failed.is_some() {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let n_read = match &mut self.bytes {
            Bytes::Plain(file) => file.read(buffer)?,
            Bytes::Foreign(foreign) => {
                let filled = foreign.fill()?;
                let length = foreign.ready.len().min(buffer.len());
                let from = foreign.ready.start;
                buffer[..length].copy_from_slice(&foreign.text[from..from + length]);
                foreign.ready.start += length;
                if let Err(problem) = filled {
                    self.failed = Some(Problem {
                        offset: Some(self.n_read + length as u64 + foreign.ready.len() as u64),
                        syntax: Syntax::Bytes,
                        ..problem
                    });
                    if length == 0 {
                        return Err(io::ErrorKind::InvalidData.into());
                    }
                }
                length
            }
        };
        self.n_read += n_read as u64;
        Ok(n_read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], label: &str) -> Result<String, Problem> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        let mut opened = open(file.path(), by_label(label))?;
        let mut text = String::new();
        match opened.input.read_to_string(&mut text) {
            Ok(_) => Ok(text),
            Err(_) => Err(opened.input.failed.unwrap()),
        }
    }

    #[test]
    fn names_are_those_of_browsers() {
        assert_eq!(read(b"\x80 \xE4", "latin1").unwrap(), "€ ä");
        assert_eq!(read(b"\xA4", "iso-8859-15").unwrap(), "€");
        assert_eq!(read("ä".as_bytes(), "utf8").unwrap(), "ä");
        assert_eq!(read(b"\x83\x65", "Shift_JIS").unwrap(), "テ");
        assert!(by_label("latin-99").is_none() && by_label("replacement").is_none());
    }

    #[test]
    fn a_byte_order_mark_decides() {
        assert_eq!(read(b"\xFF\xFEa\0\xE4\0", "latin1").unwrap(), "aä");
        assert_eq!(read(b"\xFE\xFF\0a", "").unwrap(), "a");
        assert_eq!(read(b"\xEF\xBB\xBFa", "latin1").unwrap(), "a");
        assert_eq!(read(b"\xEF", "latin1").unwrap(), "ï");
    }

    #[test]
    fn blocks_do_not_cut_characters() {
        let text = "aß漢😀".repeat(50_000);
        let utf16: Vec<u8> = [0xFEFF]
            .into_iter()
            .chain(text.encode_utf16())
            .flat_map(u16::to_le_bytes)
            .collect();
        assert!(read(&utf16, "").unwrap() == text);
    }

    #[test]
    fn what_is_no_character_has_a_place() {
        let problem = read(b"ab\x81", "Shift_JIS").unwrap_err();
        assert_eq!(problem.offset, Some(2));
        assert!(problem.what.contains("`shift_jis`"), "{}", problem.what);
        // Half a character at the end.
        assert_eq!(read(b"\xFF\xFEa\0\xE4", "").unwrap_err().offset, Some(1));
        assert_eq!(
            read(b"\xFF\xFEa\0\0\xD8b\0", "").unwrap_err().offset,
            Some(1)
        );
    }

    #[test]
    fn what_only_looks_like_ascii_is_named() {
        for (bytes, name) in [
            (&b"a,b\n1,\x1b$B%F\x1b(B\n"[..], Some("iso-2022-jp")),
            (b"a\0,\0b\0\n\0", Some("utf-16le")),
            (b"\0a\0,\0b\0\n", Some("utf-16be")),
            (b"a,b\n1,\x1b[0m\n", None),
            (b"a,b\n\0\0,\0\n", None),
            (b"", None),
        ] {
            assert_eq!(hidden(bytes), name);
        }
    }

    #[test]
    fn a_guess_is_only_advice() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"Stra\xDFe;Gr\xF6\xDFe\nM\xFCnchen;5\n").unwrap();
        let advice = advice(file.path(), "csv: encoding=");
        assert!(advice.contains("`csv: encoding=windows-1252`"), "{advice}");
    }
}

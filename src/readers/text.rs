//! Text files as UTF-8, whatever encoding they have, and what is said of those that are none.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::Encoding;

use super::decoder::{self, Bytes, Peeked};
use super::position::{DataProblem, Syntax};

/// No single record is this large; a document without its `records` path may be.
pub(crate) const LARGEST_VALUE: u64 = 64 << 20;

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
    encoding: &'static Encoding,
    /// Handed out once and given back.
    again: io::Cursor<Vec<u8>>,
    /// Bytes handed out so far.
    pub(crate) n_read: u64,
    /// Bytes that no text of the encoding has, or more than may come at once; reading ended there.
    pub(crate) failed: Option<DataProblem>,
    /// Bytes that may be handed out before [`Input::go_on`] is called again.
    limit: u64,
    /// What helps against values beyond it.
    advice: &'static str,
}

/// Opens a file. A byte order mark decides, then `given`; otherwise it is UTF-8.
pub(crate) fn open(path: &Path, given: Option<&'static Encoding>) -> Result<Opened, DataProblem> {
    let decoded = decoder::open(path, given).map_err(|error| unreadable(&error))?;
    Ok(Opened {
        input: Input {
            bytes: decoded.bytes,
            again: io::Cursor::default(),
            encoding: decoded.encoding,
            n_read: 0,
            failed: None,
            limit: u64::MAX,
            advice: "",
        },
        skipped: decoded.skipped,
        encoding: decoded.encoding,
    })
}

/// Opens a UTF-8 file behind its byte order mark; returns how many bytes that was.
pub(crate) fn open_utf8(path: &Path) -> Result<(Peeked, u64), DataProblem> {
    let mut file = File::open(path).map_err(|error| unreadable(&error))?;
    let mut head = Vec::with_capacity(3);
    file.by_ref()
        .take(3)
        .read_to_end(&mut head)
        .map_err(|error| unreadable(&error))?;
    let skipped = match head.as_slice() {
        [0xEF, 0xBB, 0xBF] => {
            head.clear();
            3
        }
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => {
            return Err(
                DataProblem::new("the file is UTF-16, not UTF-8").hint("save the source as UTF-8")
            );
        }
        _ => 0,
    };
    Ok((io::Cursor::new(head).chain(file), skipped))
}

pub(crate) fn unreadable(error: &io::Error) -> DataProblem {
    DataProblem::new(format!("the file cannot be read: {error}"))
}

/// The offset counts from the start of the text.
pub(crate) fn not_utf8(error: &std::str::Utf8Error) -> DataProblem {
    DataProblem {
        offset: u64::try_from(error.valid_up_to()).ok(),
        syntax: Syntax::Broken,
        ..not_utf8_in("the text")
    }
}

pub(crate) fn not_utf8_in(what: &str) -> DataProblem {
    DataProblem::new(format!("{what} is not UTF-8"))
        .hint("save the source as UTF-8; a common other encoding is `windows-1252`")
}

pub(crate) fn too_large(hint: &str) -> DataProblem {
    DataProblem::new(format!(
        "one record is larger than {} MB",
        LARGEST_VALUE >> 20
    ))
    .hint(hint)
}

/// Returns the first bytes of a file as text, as much of them as makes sense.
pub(crate) fn head(
    path: &Path,
    given: Option<&'static Encoding>,
    length: u64,
) -> Result<Vec<u8>, DataProblem> {
    let opened = open(path, given)?;
    let mut head = Vec::new();
    let read = opened.input.take(length).read_to_end(&mut head);
    // What is wrong with the bytes is told when they are read in earnest.
    match read {
        Err(error) if error.kind() != io::ErrorKind::InvalidData => Err(unreadable(&error)),
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
        self.limit = self.n_read + LARGEST_VALUE;
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
            self.failed = Some(DataProblem {
                syntax: Syntax::Bytes,
                ..too_large(self.advice)
            });
        }
        if self.failed.is_some() {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let chunk = self.bytes.next(buffer)?;
        let n_read = chunk.length;
        if let Some(behind) = chunk.malformed {
            let name = self.encoding.name().to_ascii_lowercase();
            self.failed = Some(DataProblem {
                offset: Some(self.n_read + n_read as u64 + behind),
                syntax: Syntax::Bytes,
                ..DataProblem::new(format!("the bytes here are not `{name}`"))
            });
            if n_read == 0 {
                return Err(io::ErrorKind::InvalidData.into());
            }
        }
        self.n_read += n_read as u64;
        Ok(n_read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], label: &str) -> Result<String, DataProblem> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        let mut opened = open(file.path(), crate::rules::csv::by_label(label))?;
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
        assert!(
            crate::rules::csv::by_label("latin-99").is_none()
                && crate::rules::csv::by_label("replacement").is_none()
        );
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

//! Problems with data, and where in a file each is.

use std::fmt;
use std::io::{BufRead, Read};
use std::num::NonZeroU64;

use encoding_rs::{Encoding, UTF_8};

use super::decoder;
use crate::data::DataError;
use crate::say::{harmless, quoted_part};
use crate::source::{Family, StagedFile};

/// Something wrong with the data, before its place is known.
#[derive(Debug, Default)]
pub(crate) struct DataProblem {
    pub(crate) what: String,
    pub(crate) hint: Option<String>,
    pub(crate) column: Option<String>,
    /// Byte of the file, if the problem has a precise place.
    pub(crate) offset: Option<u64>,
    /// Whether line, column and surroundings of the place help.
    pub(crate) syntax: Syntax,
}

/// Whether a problem is one of notation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Syntax {
    /// The notation is broken at exactly this place.
    Broken,
    /// The notation is broken, but that was found while reading ahead: nobody knows in which record.
    Bytes,
    /// Bytes of a record are no text of the encoding: not the notation is wrong, but what is said of the encoding.
    Encoding,
    /// The notation is fine, its meaning is not.
    #[default]
    Fine,
}

impl DataProblem {
    pub(crate) fn new(problem: impl Into<String>) -> DataProblem {
        DataProblem {
            what: problem.into(),
            ..DataProblem::default()
        }
    }

    /// Says that the notation is broken at a byte of the file.
    pub(crate) fn broken(what: impl Into<String>, offset: u64) -> DataProblem {
        DataProblem {
            offset: Some(offset),
            syntax: Syntax::Broken,
            ..DataProblem::new(what)
        }
    }

    /// Says that this is no JSON, at a byte of the file.
    pub(crate) fn broken_json(what: impl fmt::Display, offset: u64) -> DataProblem {
        DataProblem::broken(format!("broken JSON: {what}"), offset)
            .hint("let the source write valid JSON, or set `format` if it is another format")
    }

    /// Says that this is no XML, at a byte of the file.
    pub(crate) fn broken_xml(what: impl fmt::Display, offset: u64) -> DataProblem {
        DataProblem::broken(format!("broken XML: {what}"), offset)
            .hint("let the source write valid XML, or set `format` if it is another format")
    }

    pub(crate) fn hint(self, hint: impl Into<String>) -> DataProblem {
        DataProblem {
            hint: Some(hint.into()),
            ..self
        }
    }

    pub(crate) fn column(self, column: impl Into<String>) -> DataProblem {
        DataProblem {
            column: Some(column.into()),
            ..self
        }
    }

    /// Turns the parser's error on `text` into a problem at an offset from the start of `text`.
    pub(crate) fn json(text: &str, error: &serde_json::Error) -> DataProblem {
        // The library tells its errors apart by their words only.
        let message = error.to_string();
        let message = match message.split(" at line ").next() {
            Some("unexpected end of hex escape" | "lone leading surrogate in hex escape") => {
                "a lone surrogate in a key"
            }
            message => message.unwrap_or_default(),
        };
        let before: usize = text
            .split_inclusive('\n')
            .take(error.line().saturating_sub(1))
            .map(str::len)
            .sum();
        let offset = (before + error.column().saturating_sub(1)).min(text.len());
        let problem = DataProblem::broken_json(message, u64::try_from(offset).unwrap_or(u64::MAX));
        if error.is_eof() {
            problem.hint("was the file or download cut short?")
        } else {
            problem
        }
    }

    /// Moves an offset within a piece of text to its place in the file.
    pub(crate) fn within(self, start: u64) -> DataProblem {
        DataProblem {
            offset: self.offset.map(|offset| start + offset),
            ..self
        }
    }

    /// Drops an offset that counts from somewhere inside a record: the record's place is good enough.
    pub(crate) fn unplaced(self) -> DataProblem {
        DataProblem {
            offset: None,
            syntax: Syntax::Fine,
            ..self
        }
    }

    /// Gives the problem its place. Lines are counted only now: nobody should pay for them when all is well.
    pub(crate) fn at(
        self,
        file: &StagedFile,
        record: Option<u64>,
        offset: Option<u64>,
    ) -> DataError {
        self.at_in(file, UTF_8, record, offset)
    }

    /// Gives the problem its place in a file in another encoding, whose offsets count decoded bytes.
    pub(crate) fn at_in(
        self,
        file: &StagedFile,
        encoding: &'static Encoding,
        record: Option<u64>,
        offset: Option<u64>,
    ) -> DataError {
        let place = self
            .offset
            .or(offset)
            .and_then(|offset| Position::find(file, encoding, offset).ok());
        let record = record.filter(|_| self.syntax != Syntax::Bytes);
        let problem = match (&place, self.syntax) {
            (Some(place), Syntax::Broken | Syntax::Bytes) => {
                format!(
                    "{}, at character {} near {}",
                    self.what,
                    place.column,
                    quoted_part(&place.near)
                )
            }
            _ => self.what,
        };
        DataError {
            origin: file.origin.clone(),
            record: record.and_then(NonZeroU64::new),
            line: place.and_then(|place| NonZeroU64::new(place.line)),
            column: self.column.map(harmless),
            problem: harmless(problem),
            hint: self.hint.map(harmless),
        }
    }
}

/// Turns a problem that is in no file into an error.
pub(crate) fn without_file(problem: DataProblem) -> DataError {
    DataError {
        origin: String::from("source"),
        record: None,
        line: None,
        column: problem.column.map(harmless),
        problem: harmless(problem.what),
        hint: problem.hint.map(harmless),
    }
}

/// A place in a file, as editors count.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Position {
    line: u64,
    column: u64,
    near: String,
}

impl Position {
    fn find(
        file: &StagedFile,
        encoding: &'static Encoding,
        offset: u64,
    ) -> std::io::Result<Position> {
        let mut before = decoder::for_positions(&file.path, encoding)?.take(offset);
        let (mut line, mut column) = (1, 1);
        let mut tail: Vec<u8> = Vec::new();
        let mut last = 0;
        loop {
            let bytes = before.fill_buf()?;
            if bytes.is_empty() {
                break;
            }
            for &byte in bytes {
                match byte {
                    b'\n' if last == b'\r' => {}
                    b'\n' | b'\r' => (line, column) = (line + 1, 1),
                    // Continuation bytes belong to the character before.
                    0x80..0xC0 => {}
                    _ => column += 1,
                }
                last = byte;
            }
            tail.extend_from_slice(&bytes[bytes.len().saturating_sub(20)..]);
            tail.drain(..tail.len().saturating_sub(20));
            let length = bytes.len();
            before.consume(length);
        }
        let before_length = tail.len();
        // What cannot be decoded any more need not be shown.
        drop(before.into_inner().take(20).read_to_end(&mut tail));
        if matches!(file.format.family(), Family::Separated(_)) {
            // The parser leaves line ends for the next record to skip.
            for &byte in tail[before_length..]
                .iter()
                .take_while(|byte| matches!(byte, b'\r' | b'\n'))
            {
                line += u64::from(byte == b'\r' || last != b'\r');
                last = byte;
            }
        }
        let near = String::from_utf8_lossy(&tail);
        let near = near
            .trim_matches(|c: char| c == char::REPLACEMENT_CHARACTER || c.is_whitespace())
            .to_owned();
        Ok(Position { line, column, near })
    }
}

//! Watches quotes on their way to the CSV parser, which forgives what would change a value.
//!
//! `"abc"def` and `"a \"b\" c"` are read by the parser without complaint, and not as anybody meant them: the csv crate
//! has no strict quotes.

use std::collections::VecDeque;
use std::io::{self, Read};

use memchr::{memchr, memchr2, memchr3};

use super::dialect::Dialect;
use super::trim::Trimmer;
use crate::readers::position::{DataProblem, Syntax};
use crate::readers::text::Input;
use crate::rules::csv::{Blanks, Quote};

/// Bytes of a file whose quotes are in order as far as they have been read.
pub(crate) struct QuoteChecker {
    pub(crate) input: Input,
    /// Why reading ended early.
    pub(crate) failed: Option<DataProblem>,
    watch: Watch,
    trimmer: Option<Trimmer>,
    /// Bytes passed on.
    pub(crate) n_read: u64,
}

struct Watch {
    quote: Option<u8>,
    delimiter: u8,
    blanks: Blanks,
    state: QuoteState,
    /// The byte before the current one; a line break at the beginning.
    last: u8,
    /// Where the last quote opened.
    opened: u64,
    /// Ends of lines that hold nothing, which the parser passes over.
    blank_lines: VecDeque<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum QuoteState {
    Outside,
    Inside,
    /// Behind a quote that closes, unless another follows.
    Closing,
    /// Behind a quote that may be the closing one, and blanks have followed.
    Blank,
}

impl QuoteChecker {
    pub(crate) fn new(input: Input, dialect: Dialect, blanks: Blanks) -> QuoteChecker {
        let watch = Watch {
            quote: match dialect.quote {
                Quote::Character(quote) => Some(quote),
                Quote::None => None,
            },
            delimiter: dialect.delimiter,
            blanks,
            state: QuoteState::Outside,
            last: b'\n',
            opened: 0,
            blank_lines: VecDeque::new(),
        };
        QuoteChecker {
            input,
            failed: None,
            watch,
            trimmer: (blanks == Blanks::Trimmed).then(|| Trimmer::new(dialect)),
            n_read: 0,
        }
    }

    /// Returns where a byte that was passed on is in the input.
    pub(crate) fn original(&self, at: u64) -> u64 {
        let trimmer = self.trimmer.as_ref();
        trimmer.map_or(at, |trimmer| trimmer.original(at))
    }

    /// Takes the ends of blank lines before a place, and forgets what is known only about places before it.
    pub(crate) fn blank_lines(&mut self, before: u64) -> Vec<u64> {
        let mut lines = Vec::new();
        while let Some(line) = self.watch.blank_lines.pop_front_if(|line| *line < before) {
            lines.push(self.original(line));
        }
        if let Some(trimmer) = &mut self.trimmer {
            trimmer.forget(before);
        }
        lines
    }

    /// Reads until something is left of it.
    fn fill(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let n_read = self.input.read(buffer)?;
            let Some(trimmer) = self.trimmer.as_mut().filter(|_| n_read > 0) else {
                return Ok(n_read);
            };
            let n_left = trimmer.strip(&mut buffer[..n_read]);
            if n_left > 0 {
                return Ok(n_left);
            }
        }
    }
}

impl Read for QuoteChecker {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.failed.is_some() {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let n_read = match self.fill(buffer) {
            Ok(n_read) => n_read,
            Err(error) => {
                // Lines that were skipped are not ours to count.
                let before = self.input.n_read - self.original(self.n_read);
                self.failed = self.input.failed.take().map(|problem| DataProblem {
                    offset: problem.offset.map(|offset| offset - before),
                    ..problem
                });
                return Err(error);
            }
        };
        if let Err(problem) = self.watch.look(&buffer[..n_read], self.n_read) {
            let offset = problem.offset.map(|offset| self.original(offset));
            self.failed = Some(DataProblem { offset, ..problem });
            return Err(io::ErrorKind::InvalidData.into());
        }
        self.n_read += n_read as u64;
        Ok(n_read)
    }
}

impl Watch {
    /// Follows the parser's own states through the next bytes, which start at `base`.
    fn look(&mut self, bytes: &[u8], base: u64) -> Result<(), DataProblem> {
        let mut at = 0;
        while at < bytes.len() {
            match self.state {
                QuoteState::Outside => {
                    let rest = &bytes[at..];
                    let found = match self.quote {
                        Some(quote) => memchr3(quote, b'\n', b'\r', rest),
                        None => memchr2(b'\n', b'\r', rest),
                    };
                    let Some(found) = found else {
                        break;
                    };
                    let before = if at + found == 0 {
                        self.last
                    } else {
                        bytes[at + found - 1]
                    };
                    let byte = bytes[at + found];
                    at += found + 1;
                    let is_at_start = matches!(before, b'\n' | b'\r');
                    if Some(byte) == self.quote {
                        // A quote in the middle of a field is a character like any other.
                        if before == self.delimiter || is_at_start {
                            self.state = QuoteState::Inside;
                            self.opened = base + at as u64 - 1;
                        }
                    } else if is_at_start && (before, byte) != (b'\r', b'\n') {
                        self.blank_lines.push_back(base + at as u64 - 1);
                    }
                }
                QuoteState::Inside => {
                    let quote = self.quote.unwrap_or_default();
                    if let Some(found) = memchr(quote, &bytes[at..]) {
                        at += found + 1;
                        self.state = QuoteState::Closing;
                    } else {
                        at = bytes.len();
                    }
                    if base + at as u64 - self.opened > crate::readers::text::LARGEST_VALUE {
                        return Err(self.endless());
                    }
                }
                QuoteState::Closing | QuoteState::Blank => {
                    let byte = bytes[at];
                    if Some(byte) == self.quote && self.state == QuoteState::Closing {
                        self.state = QuoteState::Inside;
                    } else if byte == self.delimiter || matches!(byte, b'\n' | b'\r') {
                        self.state = QuoteState::Outside;
                    } else if matches!(byte, b' ' | b'\t') && self.blanks == Blanks::Trimmed {
                        self.state = QuoteState::Blank;
                    } else {
                        return Err(self.unquoted(base + at as u64));
                    }
                    at += 1;
                }
            }
        }
        if let Some(&last) = bytes.last() {
            self.last = last;
        }
        Ok(())
    }

    fn endless(&self) -> DataProblem {
        DataProblem {
            offset: Some(self.opened),
            syntax: Syntax::Bytes,
            ..DataProblem::new(format!(
                "a quote is opened and not closed within {} MB",
                crate::readers::text::LARGEST_VALUE >> 20
            ))
            .hint("if quotes have no meaning in this file, set `csv: quote=none`")
        }
    }

    fn unquoted(&self, offset: u64) -> DataProblem {
        let quote = char::from(self.quote.unwrap_or(b'"'));
        DataProblem {
            offset: Some(offset),
            syntax: Syntax::Bytes,
            ..DataProblem::new(format!("a field goes on behind its closing `{quote}`")).hint(format!(
                "a `{quote}` inside a quoted field is written `{quote}{quote}`; if quotes have no meaning in this file, set `csv: quote=none`"
            ))
        }
    }
}

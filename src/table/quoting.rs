//! Watches quotes on their way to the CSV parser, which forgives what would change a value.
//!
//! `"abc"def` and `"a \"b\" c"` are read by the parser without complaint, and not as anybody meant them.

use std::io::{self, Read};

use memchr::memchr;

use super::decode::Input;
use super::dialect::{Blanks, Quote};
use super::place::{Problem, Syntax};
use super::stream;

/// Bytes of a file whose quotes are in order as far as they have been read.
pub(super) struct Watched {
    pub(super) input: Input,
    /// Why reading ended early.
    pub(super) failed: Option<Problem>,
    watch: Option<Watch>,
    /// Bytes passed on.
    pub(super) n_read: u64,
}

struct Watch {
    quote: u8,
    delimiter: u8,
    blanks: Blanks,
    state: State,
    /// The byte before the current one; a line break at the beginning.
    last: u8,
    /// Where the last quote opened.
    opened: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Outside,
    Inside,
    /// Behind a quote that closes, unless another follows.
    Closing,
    /// The same, and blanks have followed.
    Blank,
}

impl Watched {
    pub(super) fn new(input: Input, delimiter: u8, quote: Quote, blanks: Blanks) -> Watched {
        let watch = match quote {
            Quote::None => None,
            Quote::Character(quote) => Some(Watch {
                quote,
                delimiter,
                blanks,
                state: State::Outside,
                last: b'\n',
                opened: 0,
            }),
        };
        Watched {
            input,
            failed: None,
            watch,
            n_read: 0,
        }
    }
}

impl Read for Watched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.failed.is_some() {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let n_read = match self.input.read(buffer) {
            Ok(n_read) => n_read,
            Err(error) => {
                // Lines that were skipped are not ours to count.
                let before = self.input.n_read - self.n_read;
                self.failed = self.input.failed.take().map(|problem| Problem {
                    offset: problem.offset.map(|offset| offset - before),
                    ..problem
                });
                return Err(error);
            }
        };
        if let Some(watch) = &mut self.watch
            && let Err(problem) = watch.look(&buffer[..n_read], self.n_read)
        {
            self.failed = Some(problem);
            return Err(io::ErrorKind::InvalidData.into());
        }
        self.n_read += n_read as u64;
        Ok(n_read)
    }
}

impl Watch {
    /// Follows the parser's own states through the next bytes, which start at `base`.
    fn look(&mut self, bytes: &[u8], base: u64) -> Result<(), Problem> {
        let mut at = 0;
        while at < bytes.len() {
            match self.state {
                State::Outside => {
                    let Some(found) = memchr(self.quote, &bytes[at..]) else {
                        break;
                    };
                    let before = if at + found == 0 {
                        self.last
                    } else {
                        bytes[at + found - 1]
                    };
                    at += found + 1;
                    // A quote in the middle of a field is a character like any other.
                    if before == self.delimiter || matches!(before, b'\n' | b'\r') {
                        self.state = State::Inside;
                        self.opened = base + at as u64 - 1;
                    }
                }
                State::Inside => {
                    if let Some(found) = memchr(self.quote, &bytes[at..]) {
                        at += found + 1;
                        self.state = State::Closing;
                    } else {
                        at = bytes.len();
                    }
                    if base + at as u64 - self.opened > stream::LARGEST_VALUE {
                        return Err(self.endless());
                    }
                }
                State::Closing | State::Blank => {
                    let byte = bytes[at];
                    if byte == self.quote && self.state == State::Closing {
                        self.state = State::Inside;
                    } else if byte == self.delimiter || matches!(byte, b'\n' | b'\r') {
                        self.state = State::Outside;
                    } else if byte == b' ' && self.blanks == Blanks::Trimmed {
                        self.state = State::Blank;
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

    fn endless(&self) -> Problem {
        Problem {
            offset: Some(self.opened),
            syntax: Syntax::Bytes,
            ..Problem::new(format!(
                "a quote is opened and not closed within {} MB",
                stream::LARGEST_VALUE >> 20
            ))
            .hint("if quotes have no meaning in this file, set `csv: quote=none`")
        }
    }

    fn unquoted(&self, offset: u64) -> Problem {
        let quote = char::from(self.quote);
        Problem {
            offset: Some(offset),
            syntax: Syntax::Bytes,
            ..Problem::new(format!("a field goes on behind its closing `{quote}`")).hint(format!(
                "a `{quote}` inside a quoted field is written `{quote}{quote}`; if quotes have no meaning in this file, set `csv: quote=none`"
            ))
        }
    }
}

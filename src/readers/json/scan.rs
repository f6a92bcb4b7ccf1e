//! Bytes of a JSON file, cut into values without reading more than one value at a time.
//!
//! Knows where a value ends, not whether it is right: that is the parser's business.
//! `object` is the other grammar of JSON here: it sees one object that is whole in memory, this file the bytes around it.
//!
//! Own code beside streaming parsers because documents are larger than memory and every problem has an exact place;
//! struson has both, and took 5.7 s in a first measurement.

use std::io::{self, Read};
use std::ops::Range;

use memchr::memchr;

use super::object::{Members, ObjectScan};
use crate::readers::position::DataProblem;
use crate::readers::text::{LARGEST_VALUE, not_utf8, too_large, unreadable};

/// Bytes asked for at once.
const BLOCK: usize = 1 << 18;

/// Deepest nesting that is followed while looking for rows or checking what lies beside them.
const DEEPEST: u8 = 100;

/// Reads a JSON text value by value.
#[derive(Debug)]
pub(crate) struct Scanner<R> {
    input: R,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Place of `buffer[0]` in the file.
    base: u64,
}

impl<R: Read> Scanner<R> {
    pub(crate) fn new(input: R, base: u64) -> Scanner<R> {
        Scanner::with_block(input, base, BLOCK)
    }

    /// Reads a text whose length is known.
    pub(crate) fn with_block(input: R, base: u64, block: usize) -> Scanner<R> {
        Scanner {
            input,
            buffer: vec![0; block.max(1)],
            start: 0,
            end: 0,
            base,
        }
    }

    /// Returns the place of the next byte in the file.
    pub(crate) fn offset(&self) -> u64 {
        self.place(self.start)
    }

    /// Returns the place of the next value in the file.
    pub(crate) fn offset_of_next(&mut self) -> Result<u64, DataProblem> {
        self.peek()?;
        Ok(self.offset())
    }

    fn place(&self, index: usize) -> u64 {
        self.base + u64::try_from(index).unwrap_or(u64::MAX)
    }

    /// Reads more; returns false at the end. Positions relative to `start` stay valid.
    fn fill(&mut self) -> Result<bool, DataProblem> {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.base = self.place(self.start);
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.buffer.len() {
            if u64::try_from(self.buffer.len()).is_ok_and(|length| length >= LARGEST_VALUE) {
                return Err(DataProblem {
                    offset: Some(self.base),
                    ..too_large("set `records` to the path of the rows inside the document")
                });
            }
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        loop {
            match self.input.read(&mut self.buffer[self.end..]) {
                Ok(n_read) => {
                    self.end += n_read;
                    return Ok(n_read > 0);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(unreadable(&error)),
            }
        }
    }

    /// Returns the next byte that is not white space, without taking it.
    pub(crate) fn peek(&mut self) -> Result<Option<u8>, DataProblem> {
        loop {
            while self.start < self.end {
                let byte = self.buffer[self.start];
                if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                    return Ok(Some(byte));
                }
                self.start += 1;
            }
            if !self.fill()? {
                return Ok(None);
            }
        }
    }

    /// Takes the byte that `peek` has shown.
    pub(crate) fn bump(&mut self) {
        self.start += 1;
    }

    /// Returns the first byte of the value that must come next.
    pub(crate) fn begin(&mut self) -> Result<u8, DataProblem> {
        match self.peek()? {
            Some(byte @ (b'{' | b'[' | b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n')) => Ok(byte),
            Some(_) => Err(DataProblem::broken_json("expected a value", self.offset())),
            None => Err(self.cut_short()),
        }
    }

    /// Takes the next value and returns where it is in the buffer.
    pub(crate) fn value(&mut self) -> Result<Range<usize>, DataProblem> {
        self.begin()?;
        let length = self.length()?;
        let range = self.start..self.start + length;
        self.start += length;
        Ok(range)
    }

    /// Takes the next value if it is an object that shows its `members` at a look.
    pub(crate) fn look(
        &mut self,
        members: &mut Members,
    ) -> Result<Option<Range<usize>>, DataProblem> {
        loop {
            match members.look(&self.buffer[self.start..self.end]) {
                ObjectScan::Whole(length) => {
                    let range = self.start..self.start + length;
                    self.start += length;
                    return Ok(Some(range));
                }
                ObjectScan::More if self.fill()? => {}
                ObjectScan::More | ObjectScan::Other => return Ok(None),
            }
        }
    }

    /// Passes over the next value if it is an object that shows its `members` at a look, without making room for it.
    pub(crate) fn skim(&mut self, members: &mut Members) -> Result<bool, DataProblem> {
        loop {
            match members.look(&self.buffer[self.start..self.end]) {
                ObjectScan::Whole(length) => {
                    self.start += length;
                    return Ok(true);
                }
                ObjectScan::More if self.start > 0 && self.fill()? => {}
                ObjectScan::More | ObjectScan::Other => return Ok(false),
            }
        }
    }

    /// Takes the next line, without its end; `None` behind the last one.
    pub(crate) fn line(&mut self) -> Result<Option<Range<usize>>, DataProblem> {
        let mut searched = 0;
        loop {
            let rest = &self.buffer[self.start + searched..self.end];
            if let Some(at) = memchr(b'\n', rest) {
                let range = self.start..self.start + searched + at;
                self.start = range.end + 1;
                return Ok(Some(range));
            }
            searched += rest.len();
            if !self.fill()? {
                let range = self.start..self.end;
                self.start = self.end;
                return Ok((!range.is_empty()).then_some(range));
            }
        }
    }

    /// Returns the bytes of a value taken last, with their place in the file.
    pub(crate) fn bytes(&self, range: &Range<usize>) -> (&[u8], u64) {
        (&self.buffer[range.clone()], self.place(range.start))
    }

    /// Returns a value taken last, with its place in the file.
    pub(crate) fn text(&self, range: &Range<usize>) -> Result<(&str, u64), DataProblem> {
        let (bytes, offset) = self.bytes(range);
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok((text, offset)),
            Err(error) => Err(not_utf8(&error).within(offset)),
        }
    }

    /// Passes over the next value, however large, without a look inside.
    pub(crate) fn pass(&mut self) -> Result<(), DataProblem> {
        self.begin()?;
        let mut splitter = Splitter::default();
        loop {
            match splitter.feed(&self.buffer[self.start..self.end]) {
                Fed::End(length) => {
                    self.start += length;
                    return Ok(());
                }
                Fed::More => self.start = self.end,
                Fed::Control(at) => return Err(control(self.place(self.start + at))),
            }
            if !self.fill()? {
                return if splitter.is_bare() {
                    Ok(())
                } else {
                    Err(self.cut_short())
                };
            }
        }
    }

    /// Takes the next value, however large, and finds out whether it is right.
    pub(crate) fn check(&mut self) -> Result<(), DataProblem> {
        self.check_at(0)
    }

    fn check_at(&mut self, depth: u8) -> Result<(), DataProblem> {
        match self.begin()? {
            b'[' if depth < DEEPEST => self.array(|scanner, _| scanner.check_at(depth + 1)),
            b'{' if depth < DEEPEST => self.object(|scanner, _| scanner.check_at(depth + 1)),
            _ => {
                let range = self.value()?;
                let (text, offset) = self.text(&range)?;
                serde_json::from_str::<serde::de::IgnoredAny>(text)
                    .map(drop)
                    .map_err(|error| DataProblem::json(text, &error).within(offset))
            }
        }
    }

    /// Takes an array; `element` takes each of its values and is told its index.
    pub(crate) fn array<E: From<DataProblem>>(
        &mut self,
        mut element: impl FnMut(&mut Self, u64) -> Result<(), E>,
    ) -> Result<(), E> {
        self.bump();
        if self.peek()? == Some(b']') {
            self.bump();
            return Ok(());
        }
        for index in 0.. {
            element(self, index)?;
            if self.separator(b']')? == Separator::End {
                break;
            }
        }
        Ok(())
    }

    /// Takes an object; `member` takes each of its values and is told its key.
    pub(crate) fn object<E: From<DataProblem>>(
        &mut self,
        mut member: impl FnMut(&mut Self, String) -> Result<(), E>,
    ) -> Result<(), E> {
        self.bump();
        if self.peek()? == Some(b'}') {
            self.bump();
            return Ok(());
        }
        loop {
            let key = self.key()?;
            member(self, key)?;
            if self.separator(b'}')? == Separator::End {
                return Ok(());
            }
        }
    }

    fn key(&mut self) -> Result<String, DataProblem> {
        match self.peek()? {
            Some(b'"') => {}
            Some(_) => {
                return Err(DataProblem::broken_json(
                    "expected a key in quotes",
                    self.offset(),
                ));
            }
            None => return Err(self.cut_short()),
        }
        let range = self.value()?;
        let (text, offset) = self.text(&range)?;
        let key = serde_json::from_str(text)
            .map_err(|error| DataProblem::json(text, &error).within(offset))?;
        match self.peek()? {
            Some(b':') => self.bump(),
            Some(_) => {
                return Err(DataProblem::broken_json("expected `:`", self.offset()));
            }
            None => return Err(self.cut_short()),
        }
        Ok(key)
    }

    fn separator(&mut self, close: u8) -> Result<Separator, DataProblem> {
        match self.peek()? {
            Some(b',') => {
                self.bump();
                Ok(Separator::Comma)
            }
            Some(byte) if byte == close => {
                self.bump();
                Ok(Separator::End)
            }
            Some(_) => {
                let expected = format!("expected `,` or `{}`", char::from(close));
                Err(DataProblem::broken_json(expected, self.offset()))
            }
            None => Err(self.cut_short()),
        }
    }

    /// Expects nothing more.
    pub(crate) fn end(&mut self) -> Result<(), DataProblem> {
        match self.peek()? {
            None => Ok(()),
            Some(byte) => {
                let problem = DataProblem::broken(
                    "there is more after the end of the JSON document",
                    self.offset(),
                );
                Err(if matches!(byte, b'{' | b'[') {
                    problem.hint("for several documents in one file set `format: ndjson`, with one document a line")
                } else {
                    problem
                })
            }
        }
    }

    fn cut_short(&self) -> DataProblem {
        DataProblem::broken_json("the document ends too early", self.offset())
            .hint("was the file or download cut short?")
    }

    fn length(&mut self) -> Result<usize, DataProblem> {
        let mut splitter = Splitter::default();
        let mut fed = 0;
        loop {
            match splitter.feed(&self.buffer[self.start + fed..self.end]) {
                Fed::End(length) => return Ok(fed + length),
                Fed::More => fed = self.end - self.start,
                Fed::Control(at) => return Err(control(self.place(self.start + fed + at))),
            }
            if !self.fill()? {
                return if splitter.is_bare() {
                    Ok(fed)
                } else {
                    Err(DataProblem {
                        offset: Some(self.place(self.end)),
                        ..self.cut_short()
                    })
                };
            }
        }
    }
}

#[derive(PartialEq, Eq)]
enum Separator {
    Comma,
    End,
}

fn control(offset: u64) -> DataProblem {
    DataProblem::broken_json("a line break or control character inside a string", offset)
}

/// Finds the end of a value that comes in pieces.
#[derive(Debug, Default)]
struct Splitter {
    depth: u32,
    state: ScanState,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum ScanState {
    #[default]
    Start,
    /// In a number or literal that is not inside anything.
    Bare,
    Inside,
    Text,
    Escape,
}

enum Fed {
    /// The value ends before this index.
    End(usize),
    More,
    /// A character that no string may contain.
    Control(usize),
}

impl Splitter {
    fn is_bare(&self) -> bool {
        self.state == ScanState::Bare
    }

    fn feed(&mut self, bytes: &[u8]) -> Fed {
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            match self.state {
                ScanState::Text => {
                    at += run(&bytes[at..], &PLAIN_TEXT);
                    match bytes.get(at) {
                        None => return Fed::More,
                        Some(b'"') if self.depth == 0 => return Fed::End(at + 1),
                        Some(b'"') => self.state = ScanState::Inside,
                        Some(b'\\') => self.state = ScanState::Escape,
                        Some(_) => return Fed::Control(at),
                    }
                }
                ScanState::Escape => self.state = ScanState::Text,
                ScanState::Inside => {
                    at += run(&bytes[at..], &PLAIN_INSIDE);
                    match bytes.get(at) {
                        None => return Fed::More,
                        Some(b'"') => self.state = ScanState::Text,
                        Some(b'{' | b'[') => self.depth = self.depth.saturating_add(1),
                        Some(_) => {
                            self.depth -= 1;
                            if self.depth == 0 {
                                return Fed::End(at + 1);
                            }
                        }
                    }
                }
                ScanState::Start => match byte {
                    b'"' => self.state = ScanState::Text,
                    b'{' | b'[' => {
                        self.depth = 1;
                        self.state = ScanState::Inside;
                    }
                    _ => self.state = ScanState::Bare,
                },
                ScanState::Bare => {
                    if matches!(
                        byte,
                        b',' | b']'
                            | b'}'
                            | b':'
                            | b'{'
                            | b'['
                            | b'"'
                            | b' '
                            | b'\n'
                            | b'\r'
                            | b'\t'
                    ) {
                        return Fed::End(at);
                    }
                }
            }
            at += 1;
        }
        Fed::More
    }
}

/// Bytes without a meaning inside a string. Most bytes of a file are looked up in one of these tables.
const PLAIN_TEXT: [bool; 256] = {
    let mut plain = [true; 256];
    let mut control = 0;
    while control < 0x20 {
        plain[control] = false;
        control += 1;
    }
    plain[b'"' as usize] = false;
    plain[b'\\' as usize] = false;
    plain
};

/// Bytes without a meaning between strings.
const PLAIN_INSIDE: [bool; 256] = {
    let mut plain = [true; 256];
    plain[b'"' as usize] = false;
    plain[b'{' as usize] = false;
    plain[b'[' as usize] = false;
    plain[b'}' as usize] = false;
    plain[b']' as usize] = false;
    plain
};

fn run(bytes: &[u8], plain: &[bool; 256]) -> usize {
    bytes
        .iter()
        .take_while(|byte| plain[usize::from(**byte)])
        .count()
}

//! One JSON object whose members are found in a single look, by the grammar of RFC 8259.
//!
//! Only what is plain is understood here; for anything else the library's parser reads the object and explains it.

use std::ops::Range;

use crate::data::token::Token;

/// Deepest nesting that is passed over.
const DEEPEST: u8 = 32;

/// The members of one object, in order. Its memory serves for the next one.
#[derive(Debug, Default)]
pub(crate) struct Members {
    list: Vec<Member>,
    /// Of many objects the next one is probably written like the last.
    habit: Option<KeyCache>,
    key_order: Option<KeyOrder>,
}

/// Objects of one key order have the same keys in the same order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyOrder(u64);

/// How objects looked at before are written around their values.
#[derive(Debug, Default)]
struct KeyCache {
    leads: Vec<KeyPrefix>,
    /// How often a lead has been learned.
    learned: u64,
}

/// What stands before one value: brace or comma, key and colon, with all blanks.
#[derive(Debug)]
struct KeyPrefix {
    text: Vec<u8>,
    /// Where the key is in it.
    key: Range<usize>,
    /// The first bytes as one number, to be compared at once.
    first: u128,
    /// Which bits of it count.
    mask: u128,
}

/// Where key and value are in the object's text. Small, as there are many: no record has gigabytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    key: (u32, u32),
    value: (u32, u32),
    pub(crate) kind: Kind,
}

impl Member {
    fn new(key: Range<usize>, value: Range<usize>, kind: Kind) -> Option<Member> {
        let short = |at: usize| u32::try_from(at).ok();
        Some(Member {
            key: (short(key.start)?, short(key.end)?),
            value: (short(value.start)?, short(value.end)?),
            kind,
        })
    }

    /// Returns the key without its quotes; it has no escapes.
    pub(crate) fn key<'t>(&self, object: &'t str) -> &'t str {
        &object[self.key.0 as usize..self.key.1 as usize]
    }

    /// Returns the value as it is written.
    pub(crate) fn value<'t>(&self, object: &'t str) -> &'t str {
        &object[self.value.0 as usize..self.value.1 as usize]
    }

    /// Returns the value as a token, if it needs no look inside.
    pub(crate) fn token<'t>(&self, object: &'t str) -> Option<Token<'t>> {
        match self.kind {
            Kind::Plain => {
                let quoted = self.value(object);
                Some(Token::Text(&quoted[1..quoted.len() - 1]))
            }
            Kind::Number => Some(Token::Number(self.value(object))),
            Kind::True => Some(Token::Boolean(true)),
            Kind::False => Some(Token::Boolean(false)),
            Kind::Null => Some(Token::Null),
            Kind::Escaped | Kind::Nested => None,
        }
    }
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A string without escapes.
    Plain,
    /// A string with escapes, each of them written as it should.
    Escaped,
    Number,
    True,
    False,
    Null,
    /// An object or array.
    Nested,
}

/// What a look at some bytes showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// The object ends before this index, and all of it is right but perhaps its UTF-8.
    Whole(usize),
    /// It may go on behind the last byte.
    More,
    /// It is broken, or written in a way that is not for this place.
    Other,
}

/// Why a look ends early.
#[derive(Clone, Copy)]
enum Fault {
    /// There are no more bytes.
    More,
    /// They are not what they should be.
    Other,
}

type Found<T> = Result<T, Fault>;

impl Members {
    /// Prepares for many objects that are written alike.
    pub(crate) fn of_many() -> Members {
        Members {
            habit: Some(KeyCache::default()),
            ..Members::default()
        }
    }

    /// Looks at the object that the bytes begin with.
    pub(crate) fn look(&mut self, bytes: &[u8]) -> Look {
        self.list.clear();
        self.key_order = None;
        match self.object(bytes) {
            Ok(end) => Look::Whole(end),
            Err(Fault::More) => Look::More,
            Err(Fault::Other) => Look::Other,
        }
    }

    /// Returns the key order of the object looked at last, if it is written like others before.
    pub(crate) fn key_order(&self) -> Option<KeyOrder> {
        self.key_order
    }

    /// Returns the members of the object looked at last.
    pub(crate) fn list(&self) -> &[Member] {
        &self.list
    }

    fn object(&mut self, bytes: &[u8]) -> Found<usize> {
        let mut is_usual = true;
        let mut at = 0;
        loop {
            let usual = self
                .habit
                .as_ref()
                .and_then(|habit| habit.leads.get(self.list.len()));
            let (key, start) = match usual {
                Some(usual) if usual.begins(&bytes[at..]) => {
                    let start = blanks(bytes, at + usual.text.len());
                    (at + usual.key.start..at + usual.key.end, start)
                }
                _ => match lead(bytes, at)? {
                    Next::To { key, value } => {
                        is_usual = false;
                        if let Some(habit) = &mut self.habit {
                            habit.learn(
                                self.list.len(),
                                &bytes[at..value],
                                key.start - at..key.end - at,
                            );
                        }
                        (key, value)
                    }
                    Next::Out(end) => {
                        let n_usual = self.habit.as_ref().map(|habit| habit.leads.len());
                        if is_usual && n_usual == Some(self.list.len()) {
                            self.key_order =
                                self.habit.as_ref().map(|habit| KeyOrder(habit.learned));
                        }
                        return Ok(end);
                    }
                },
            };
            let (end, kind) = value(bytes, start, 0)?;
            let member = Member::new(key, start..end, kind);
            self.list.push(member.ok_or(Fault::Other)?);
            at = end;
        }
    }
}

impl KeyCache {
    fn learn(&mut self, position: usize, text: &[u8], key: Range<usize>) {
        let lead = KeyPrefix::new(text, key);
        match self.leads.get_mut(position) {
            Some(other) => *other = lead,
            None => self.leads.push(lead),
        }
        self.learned += 1;
    }
}

impl KeyPrefix {
    fn new(text: &[u8], key: Range<usize>) -> KeyPrefix {
        let mut first = [0; 16];
        let mut mask = [0; 16];
        for (at, byte) in text.iter().enumerate().take(16) {
            first[at] = *byte;
            mask[at] = u8::MAX;
        }
        KeyPrefix {
            text: text.to_owned(),
            key,
            first: u128::from_le_bytes(first),
            mask: u128::from_le_bytes(mask),
        }
    }

    fn begins(&self, bytes: &[u8]) -> bool {
        match bytes.first_chunk::<16>() {
            Some(first) if self.text.len() <= 16 => {
                u128::from_le_bytes(*first) & self.mask == self.first
            }
            _ => bytes.starts_with(&self.text),
        }
    }
}

/// Where one member or the object ends and what comes next.
enum Next {
    /// To the next value.
    To { key: Range<usize>, value: usize },
    /// To the end of the object.
    Out(usize),
}

/// Reads what stands before a value: the brace is the first byte, a comma comes somewhere behind.
fn lead(bytes: &[u8], at: usize) -> Found<Next> {
    let is_first = at == 0;
    let mut at = if is_first {
        expect(bytes, 0, b'{')?
    } else {
        at
    };
    at = blanks(bytes, at);
    match byte(bytes, at)? {
        b'}' => return Ok(Next::Out(at + 1)),
        b',' if !is_first => at = blanks(bytes, at + 1),
        _ if is_first => {}
        _ => return Err(Fault::Other),
    }
    let (after, Kind::Plain) = string(bytes, at)? else {
        return Err(Fault::Other);
    };
    let colon = expect(bytes, blanks(bytes, after), b':')?;
    Ok(Next::To {
        key: at + 1..after - 1,
        value: blanks(bytes, colon),
    })
}

fn byte(bytes: &[u8], at: usize) -> Found<u8> {
    bytes.get(at).copied().ok_or(Fault::More)
}

fn expect(bytes: &[u8], at: usize, wanted: u8) -> Found<usize> {
    if byte(bytes, at)? == wanted {
        Ok(at + 1)
    } else {
        Err(Fault::Other)
    }
}

fn blanks(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = bytes.get(at) {
        at += 1;
    }
    at
}

/// Passes over a value; returns the index behind it.
fn value(bytes: &[u8], at: usize, depth: u8) -> Found<(usize, Kind)> {
    match byte(bytes, at)? {
        b'"' => string(bytes, at),
        b'-' | b'0'..=b'9' => Ok((number(bytes, at)?, Kind::Number)),
        b't' => Ok((word(bytes, at, b"true")?, Kind::True)),
        b'f' => Ok((word(bytes, at, b"false")?, Kind::False)),
        b'n' => Ok((word(bytes, at, b"null")?, Kind::Null)),
        open @ (b'{' | b'[') if depth < DEEPEST => {
            Ok((nested(bytes, at, open, depth + 1)?, Kind::Nested))
        }
        _ => Err(Fault::Other),
    }
}

fn nested(bytes: &[u8], at: usize, open: u8, depth: u8) -> Found<usize> {
    let close = if open == b'{' { b'}' } else { b']' };
    let mut at = blanks(bytes, at + 1);
    if byte(bytes, at)? == close {
        return Ok(at + 1);
    }
    loop {
        if open == b'{' {
            let (after, _) = string(bytes, at)?;
            at = expect(bytes, blanks(bytes, after), b':')?;
            at = blanks(bytes, at);
        }
        let (after, _) = value(bytes, at, depth)?;
        at = blanks(bytes, after);
        match byte(bytes, at)? {
            b',' => at = blanks(bytes, at + 1),
            found if found == close => return Ok(at + 1),
            _ => return Err(Fault::Other),
        }
    }
}

fn word(bytes: &[u8], at: usize, word: &[u8]) -> Found<usize> {
    let found = &bytes[at..bytes.len().min(at + word.len())];
    if found == word {
        Ok(at + word.len())
    } else if word.starts_with(found) {
        Err(Fault::More)
    } else {
        Err(Fault::Other)
    }
}

/// Passes over a string and tells whether it has escapes.
fn string(bytes: &[u8], at: usize) -> Found<(usize, Kind)> {
    let mut at = expect(bytes, at, b'"')?;
    let mut kind = Kind::Plain;
    loop {
        at += plain(&bytes[at..]);
        match byte(bytes, at)? {
            b'"' => return Ok((at + 1, kind)),
            b'\\' => {
                kind = Kind::Escaped;
                at = escape(bytes, at + 1)?;
            }
            _ => return Err(Fault::Other),
        }
    }
}

fn escape(bytes: &[u8], at: usize) -> Found<usize> {
    match byte(bytes, at)? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Ok(at + 1),
        b'u' => {
            for at in at + 1..at + 5 {
                if !byte(bytes, at)?.is_ascii_hexdigit() {
                    return Err(Fault::Other);
                }
            }
            Ok(at + 5)
        }
        _ => Err(Fault::Other),
    }
}

fn number(bytes: &[u8], at: usize) -> Found<usize> {
    let mut at = at + usize::from(byte(bytes, at)? == b'-');
    at = match byte(bytes, at)? {
        b'0' => at + 1,
        _ => digits(bytes, at)?,
    };
    if byte(bytes, at)? == b'.' {
        at = digits(bytes, at + 1)?;
    }
    if let b'e' | b'E' = byte(bytes, at)? {
        at += 1;
        at += usize::from(matches!(byte(bytes, at)?, b'+' | b'-'));
        at = digits(bytes, at)?;
    }
    Ok(at)
}

/// At least one. Inside an object something follows a number, so its end is never the last byte.
fn digits(bytes: &[u8], at: usize) -> Found<usize> {
    let mut end = at;
    while byte(bytes, end)?.is_ascii_digit() {
        end += 1;
    }
    if end == at {
        Err(Fault::Other)
    } else {
        Ok(end)
    }
}

/// Counts the bytes up to the first one that means something inside a string, eight at a time.
///
/// Each step marks the quotes, backslashes and control characters among eight bytes by their highest bit. A borrow
/// may mark bytes behind the first one in vain, never the first.
fn plain(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH: u64 = ONES << 7;
    let below = |word: u64, least: u8| word.wrapping_sub(ONES * u64::from(least)) & !word;
    let mut at = 0;
    while let Some((eight, _)) = bytes[at..].split_first_chunk::<8>() {
        let word = u64::from_le_bytes(*eight);
        let quotes = below(word ^ (ONES * u64::from(b'"')), 1);
        let backslashes = below(word ^ (ONES * u64::from(b'\\')), 1);
        let marks = (quotes | backslashes | below(word, 0x20)) & HIGH;
        if marks != 0 {
            return at + marks.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    let rest = bytes[at..].iter();
    at + rest
        .take_while(|byte| !matches!(byte, b'"' | b'\\' | 0..0x20))
        .count()
}

#[cfg(test)]
mod tests;

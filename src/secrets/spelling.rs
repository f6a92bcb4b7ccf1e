//! Texts as characters, whatever they are written with: percent, HTML entities, backslashes.

/// One character of a text and the bytes it is written with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unit {
    pub(super) c: char,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// Entities that stand for characters secrets have; the others are letters, which are written as numbers or plainly.
const ENTITIES: [(&str, char); 36] = [
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("nbsp", ' '),
    ("excl", '!'),
    ("num", '#'),
    ("dollar", '$'),
    ("percnt", '%'),
    ("lpar", '('),
    ("rpar", ')'),
    ("ast", '*'),
    ("plus", '+'),
    ("comma", ','),
    ("period", '.'),
    ("sol", '/'),
    ("colon", ':'),
    ("semi", ';'),
    ("equals", '='),
    ("quest", '?'),
    ("commat", '@'),
    ("lsqb", '['),
    ("bsol", '\\'),
    ("rsqb", ']'),
    ("Hat", '^'),
    ("lowbar", '_'),
    ("grave", '`'),
    ("lcub", '{'),
    ("vert", '|'),
    ("rcub", '}'),
    ("auml", 'ä'),
    ("ouml", 'ö'),
    ("uuml", 'ü'),
    ("szlig", 'ß'),
    ("sect", '§'),
];

/// The longest entity with a name or number, without its `&`.
const LONGEST: usize = 10;

/// Returns the characters as they are written.
pub(super) fn read(text: &str) -> Vec<Unit> {
    let unit = |(start, c): (usize, char)| Unit {
        c,
        start,
        end: start + c.len_utf8(),
    };
    text.char_indices().map(unit).collect()
}

/// Whether reading escapes could change anything.
pub(super) fn has_escapes(units: &[Unit]) -> bool {
    units.iter().any(|unit| is_lead(unit.c))
}

/// Whether an escape may begin with the character.
pub(super) fn is_lead(c: char) -> bool {
    matches!(c, '%' | '&' | '\\')
}

/// Returns the characters that are meant; what is no escape stays.
pub(super) fn unescape(units: &[Unit]) -> Vec<Unit> {
    let mut meant = Vec::with_capacity(units.len());
    let mut rest = units;
    while let Some(first) = rest.first() {
        let (c, length) = escape(rest).unwrap_or((first.c, 1));
        meant.push(Unit {
            c,
            start: first.start,
            end: rest[length - 1].end,
        });
        rest = &rest[length..];
    }
    meant
}

/// Reads the escape at the beginning, if there is one: its character and how many units it takes.
pub(super) fn escape(units: &[Unit]) -> Option<(char, usize)> {
    match units.first()?.c {
        '%' => percent(units),
        '&' => entity(units),
        '\\' => backslash(units),
        _ => None,
    }
}

/// UTF-8 if it is that, else one byte as Latin-1 has it.
fn percent(units: &[Unit]) -> Option<(char, usize)> {
    let byte = |at: usize| {
        let escape = units.get(at * 3..at * 3 + 3)?;
        (escape[0].c == '%').then(|| number(&escape[1..], 16))?
    };
    let first = u8::try_from(byte(0)?).ok()?;
    let length = match first {
        0xC2..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF4 => 4,
        _ => 1,
    };
    let bytes: Option<Vec<u8>> = (0..length)
        .map(|at| byte(at).and_then(|byte| u8::try_from(byte).ok()))
        .collect();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    match text.and_then(|text| text.chars().next()) {
        Some(c) => Some((c, length * 3)),
        None => Some((char::from(first), 3)),
    }
}

fn entity(units: &[Unit]) -> Option<(char, usize)> {
    let body = &units[1..];
    let length = body
        .iter()
        .take(LONGEST)
        .position(|unit| !unit.c.is_ascii_alphanumeric() && unit.c != '#')
        .unwrap_or(body.len().min(LONGEST));
    // The semicolon may be missing behind a number.
    let has_end = body.get(length).is_some_and(|unit| unit.c == ';');
    let name = &body[..length];
    if let Some((hash, digits)) = name.split_first()
        && hash.c == '#'
    {
        let code = match digits.split_first() {
            Some((x, digits)) if matches!(x.c, 'x' | 'X') => number(digits, 16),
            _ => number(digits, 10),
        };
        return Some((char::from_u32(code?)?, 1 + length + usize::from(has_end)));
    }
    let is_name = |known: &str| known.chars().eq(name.iter().map(|unit| unit.c));
    let (_, c) = ENTITIES
        .iter()
        .find(|(known, _)| has_end && is_name(known))?;
    Some((*c, length + 2))
}

/// As JSON, JavaScript, Python and Rust write characters, and Markdown punctuation.
fn backslash(units: &[Unit]) -> Option<(char, usize)> {
    let c = units.get(1)?.c;
    match c {
        'u' if units.get(2).is_some_and(|unit| unit.c == '{') => {
            let length = units[3..].iter().take(7).position(|unit| unit.c == '}')?;
            let code = number(&units[3..3 + length], 16)?;
            Some((char::from_u32(code)?, length + 4))
        }
        'u' => {
            let high = number(units.get(2..6)?, 16)?;
            if let Some(c) = char::from_u32(high) {
                return Some((c, 6));
            }
            let low = units.get(6..12)?;
            let is_pair = low[0].c == '\\' && low[1].c == 'u';
            let low = is_pair.then(|| number(&low[2..], 16))??;
            let pair = [u16::try_from(high).ok()?, u16::try_from(low).ok()?];
            let c = char::decode_utf16(pair).next()?.ok()?;
            Some((c, 12))
        }
        'x' => Some((char::from_u32(number(units.get(2..4)?, 16)?)?, 4)),
        'n' => Some(('\n', 2)),
        'r' => Some(('\r', 2)),
        't' => Some(('\t', 2)),
        'b' => Some(('\u{8}', 2)),
        'f' => Some(('\u{c}', 2)),
        c if c.is_ascii_punctuation() => Some((c, 2)),
        _ => None,
    }
}

fn number(digits: &[Unit], base: u32) -> Option<u32> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u32, |number, digit| {
        number
            .checked_mul(base)?
            .checked_add(digit.c.to_digit(base)?)
    })
}

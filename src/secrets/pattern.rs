//! Finds texts in other texts, whatever they are written with, and where only a part of them is left.

use std::borrow::Cow;
use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};

use super::spelling::{self, Unit};

/// A shorter part of a secret tells nothing and is met by chance.
const LEAST_PART: usize = 4;
/// A shorter piece of base64 is met by chance.
const LEAST_CORE: usize = 8;
/// Escapes in escapes that are read: text in JSON in HTML in an address.
const LAYERS: usize = 3;
/// Units of an escape that a cut may have left alone.
const DANGLING: usize = 5;

/// What is looked for.
#[derive(Debug)]
pub(super) struct Pattern {
    text: SecretString,
    matching: Matching,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Matching {
    /// Anywhere.
    Text,
    /// Not within a longer word or number.
    Word,
    /// In either alphabet of base64, together with what else was encoded with it.
    Base64,
}

/// Whether a text may begin or end in the middle of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edges {
    Whole,
    CutEnd,
    CutBoth,
}

impl Edges {
    pub(super) fn cut_at_end(self) -> Edges {
        match self {
            Edges::Whole | Edges::CutEnd => Edges::CutEnd,
            Edges::CutBoth => Edges::CutBoth,
        }
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Pattern) -> bool {
        self.matching == other.matching && self.is(other.text.expose_secret())
    }
}

impl Pattern {
    pub(super) fn text(text: &str) -> Pattern {
        Pattern::new(text, Matching::Text)
    }

    pub(super) fn word(text: &str) -> Pattern {
        Pattern::new(text, Matching::Word)
    }

    pub(super) fn base64(text: &str) -> Pattern {
        Pattern::new(text.trim_end_matches('='), Matching::Base64)
    }

    /// The pieces that are the same whatever stands before and behind the bytes.
    pub(super) fn base64_of(bytes: &[u8]) -> Vec<Pattern> {
        let mut cores = Vec::new();
        for before in 0..3 {
            let padded = [&vec![0; before], bytes].concat();
            let encoded = STANDARD.encode(&padded);
            let core = &encoded[(before * 8).div_ceil(6)..padded.len() * 8 / 6];
            if core.len() >= LEAST_CORE {
                cores.push(Pattern::new(core, Matching::Base64));
            }
        }
        cores
    }

    fn new(text: &str, matching: Matching) -> Pattern {
        Pattern {
            text: SecretString::from(text),
            matching,
        }
    }

    pub(super) fn is(&self, text: &str) -> bool {
        self.text.expose_secret() == text
    }

    /// In characters.
    pub(super) fn length(&self) -> usize {
        self.text.expose_secret().chars().count()
    }

    /// Whether a character may stand for one of ours: `+` is a blank in forms, `-_` are `+/` in addresses.
    fn is_same(&self, written: char, ours: char) -> bool {
        written == ours
            || match self.matching {
                Matching::Base64 => matches!((written, ours), ('-', '+') | ('_', '/')),
                Matching::Text | Matching::Word => written == '+' && ours == ' ',
            }
    }

    /// Compares from the first unit on: how many characters of ours were found, in how many units.
    fn compare(&self, units: &[Unit], ours: &[char]) -> (usize, usize) {
        let mut used = 0;
        for (found, &c) in ours.iter().enumerate() {
            let Some(unit) = units.get(used) else {
                return (found, used);
            };
            let escaped =
                || spelling::escape(&units[used..]).filter(|(meant, _)| self.is_same(*meant, c));
            used += match escaped() {
                Some((_, length)) => length,
                None if self.is_same(unit.c, c) => 1,
                None => return (found, used),
            };
        }
        (ours.len(), used)
    }
}

/// Puts the mask in place of everything that is found; lines are looked at one by one.
pub(super) fn replace<'t>(
    text: &'t str,
    patterns: &[&Pattern],
    edges: Edges,
    mask: &str,
) -> Cow<'t, str> {
    let patterns: Vec<(&Pattern, Vec<char>)> = patterns
        .iter()
        .map(|&pattern| (pattern, pattern.text.expose_secret().chars().collect()))
        .collect();
    if patterns.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut shown = String::new();
    let mut has_changed = false;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let body = line.trim_end_matches('\n');
        let of_line = LineEdges {
            is_cut_before: at == 0 && edges == Edges::CutBoth,
            is_cut_behind: at + line.len() == text.len() && edges != Edges::Whole,
        };
        at += line.len();
        let mut copied = 0;
        for found in of_line.find(body, &patterns) {
            has_changed = true;
            shown += &body[copied..found.start];
            shown += mask;
            copied = found.end;
        }
        shown += &line[copied..];
    }
    if has_changed {
        Cow::Owned(shown)
    } else {
        Cow::Borrowed(text)
    }
}

/// A line of a text, and whether it may begin or end in the middle of something.
struct LineEdges {
    is_cut_before: bool,
    is_cut_behind: bool,
}

impl LineEdges {
    /// Returns what is found, in order and without overlaps.
    fn find(&self, line: &str, patterns: &[(&Pattern, Vec<char>)]) -> Vec<Range<usize>> {
        let mut found: Vec<Range<usize>> = Vec::new();
        let mut units = spelling::read(line);
        for _ in 0..LAYERS {
            for (pattern, ours) in patterns {
                self.find_one(line, &units, (pattern, ours), &mut found);
            }
            if !spelling::has_escapes(&units) {
                break;
            }
            units = spelling::unescape(&units);
        }
        found.sort_by_key(|range| range.start);
        let mut merged: Vec<Range<usize>> = Vec::with_capacity(found.len());
        for range in found {
            match merged.last_mut() {
                Some(last) if range.start < last.end => last.end = last.end.max(range.end),
                _ => merged.push(range),
            }
        }
        merged
    }

    fn find_one(
        &self,
        line: &str,
        units: &[Unit],
        (pattern, ours): (&Pattern, &[char]),
        found: &mut Vec<Range<usize>>,
    ) {
        let bytes = |start: usize, end: usize| units[start].start..units[end - 1].end;
        let mut at = 0;
        while at < units.len() {
            let c = units[at].c;
            if !pattern.is_same(c, ours[0]) && !spelling::is_lead(c) {
                at += 1;
                continue;
            }
            let (n_found, used) = pattern.compare(&units[at..], ours);
            let is_whole = n_found == ours.len();
            let is_begun =
                self.is_cut_behind && n_found >= LEAST_PART && is_end(&units[at + used..]);
            if is_whole && pattern.matching == Matching::Word && !is_alone(units, at, at + used) {
                at += 1;
                continue;
            }
            if is_whole || is_begun {
                let end = if is_whole { at + used } else { units.len() };
                let range = bytes(at, end);
                found.push(match pattern.matching {
                    Matching::Base64 => grow(line, range),
                    Matching::Text | Matching::Word => range,
                });
                at = end;
            } else {
                at += 1;
            }
        }
        if self.is_cut_before {
            self.find_end(units, (pattern, ours), found);
        }
    }

    /// What a cut has left of the end, or of the middle, of something.
    fn find_end(
        &self,
        units: &[Unit],
        (pattern, ours): (&Pattern, &[char]),
        found: &mut Vec<Range<usize>>,
    ) {
        for start in 0..units.len().min(DANGLING) {
            for skipped in 1..ours.len() {
                let rest = &ours[skipped..];
                let (n_found, used) = pattern.compare(&units[start..], rest);
                let is_end_of_line = self.is_cut_behind && is_end(&units[start + used..]);
                if n_found >= LEAST_PART && (n_found == rest.len() || is_end_of_line) {
                    let end = if n_found == rest.len() {
                        start + used
                    } else {
                        units.len()
                    };
                    found.push(units[0].start..units[end - 1].end);
                }
            }
        }
    }
}

/// Whether nothing but a piece of an escape is left.
fn is_end(units: &[Unit]) -> bool {
    match units.first() {
        None => true,
        Some(first) => units.len() <= DANGLING && spelling::is_lead(first.c),
    }
}

fn is_alone(units: &[Unit], start: usize, end: usize) -> bool {
    let is_part = |unit: Option<&Unit>| unit.is_some_and(|unit| unit.c.is_alphanumeric());
    !is_part(start.checked_sub(1).and_then(|before| units.get(before))) && !is_part(units.get(end))
}

/// The rest of the same base64 holds what was encoded around it, such as the user's name.
fn grow(line: &str, range: Range<usize>) -> Range<usize> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "+/-_".contains(c);
    let before = line[..range.start].trim_end_matches(is_part).len();
    let is_part = |c: char| is_part(c) || c == '=';
    let mut end = range.end;
    loop {
        let behind = line[end..].trim_start_matches(is_part);
        end = line.len() - behind.len();
        // The sign of equality in an address.
        match behind.get(..3) {
            Some("%3D" | "%3d") => end += 3,
            _ => return before..end,
        }
    }
}

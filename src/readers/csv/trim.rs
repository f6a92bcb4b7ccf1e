//! Takes the blanks before fields out of a file: the CSV parser knows a quote only where a field begins.

use std::collections::VecDeque;

use super::dialect::Dialect;
use crate::rules::csv::Quote;

/// Follows the fields of a file, in pieces of any size.
#[derive(Debug)]
pub(crate) struct Trimmer {
    quote: Option<u8>,
    delimiter: u8,
    state: TrimState,
    /// Bytes that are left so far.
    n_left: u64,
    /// Bytes that were taken out so far.
    n_taken: u64,
    /// Where bytes were taken out: so many of the file are left before it, so many are not.
    cuts: VecDeque<(u64, u64)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TrimState {
    /// Before the first character of a field.
    Start,
    Plain,
    Quoted,
    /// Behind a quote that closes, unless another follows.
    Closing,
}

impl Trimmer {
    pub(crate) fn new(dialect: Dialect) -> Trimmer {
        Trimmer {
            quote: match dialect.quote {
                Quote::Character(quote) => Some(quote),
                Quote::None => None,
            },
            delimiter: dialect.delimiter,
            state: TrimState::Start,
            n_left: 0,
            n_taken: 0,
            cuts: VecDeque::new(),
        }
    }

    /// Moves what is left of the next bytes to their beginning and returns how many these are.
    ///
    /// Blanks behind a closing quote stay: without them two quotes could become neighbours.
    pub(crate) fn strip(&mut self, bytes: &mut [u8]) -> usize {
        let mut length = 0;
        for at in 0..bytes.len() {
            let byte = bytes[at];
            let ends_field = byte == self.delimiter || matches!(byte, b'\n' | b'\r');
            self.state = match self.state {
                TrimState::Start if !ends_field && matches!(byte, b' ' | b'\t') => {
                    self.take();
                    continue;
                }
                TrimState::Start | TrimState::Closing if Some(byte) == self.quote => {
                    TrimState::Quoted
                }
                TrimState::Quoted if Some(byte) == self.quote => TrimState::Closing,
                TrimState::Quoted => TrimState::Quoted,
                TrimState::Start | TrimState::Plain | TrimState::Closing if ends_field => {
                    TrimState::Start
                }
                TrimState::Start | TrimState::Plain | TrimState::Closing => TrimState::Plain,
            };
            bytes[length] = byte;
            length += 1;
            self.n_left += 1;
        }
        length
    }

    fn take(&mut self) {
        self.n_taken += 1;
        match self.cuts.back_mut() {
            Some((at, n_taken)) if *at == self.n_left => *n_taken = self.n_taken,
            _ => self.cuts.push_back((self.n_left, self.n_taken)),
        }
    }

    /// Returns where in the file a byte was that is left.
    pub(crate) fn original(&self, at: u64) -> u64 {
        let n_before = self.cuts.partition_point(|(cut, _)| *cut <= at);
        let cut = n_before.checked_sub(1).and_then(|last| self.cuts.get(last));
        at + cut.map_or(0, |(_, n_taken)| *n_taken)
    }

    /// Forgets places before this one.
    pub(crate) fn forget(&mut self, before: u64) {
        while self.cuts.get(1).is_some_and(|(cut, _)| *cut <= before) {
            self.cuts.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_before_fields_go_and_places_stay() {
        let dialect = Dialect {
            delimiter: b',',
            quote: Quote::Character(b'"'),
            n_before: 0,
        };
        let text = b" 1,  \"x, y\" , \"a \"\" b\"\n\t\"z\" \"\r\n c";
        for size in [1, 2, 3, 7, 100] {
            let mut trimmer = Trimmer::new(dialect);
            let mut left = Vec::new();
            for piece in text.chunks(size) {
                let mut piece = piece.to_vec();
                let length = trimmer.strip(&mut piece);
                left.extend_from_slice(&piece[..length]);
            }
            assert_eq!(
                String::from_utf8_lossy(&left),
                "1,\"x, y\" ,\"a \"\" b\"\n\"z\" \"\r\nc"
            );
            for (at, byte) in left.iter().enumerate() {
                let original = usize::try_from(trimmer.original(at as u64)).unwrap();
                assert_eq!(text[original], *byte, "{at}");
            }
            trimmer.forget(12);
            assert_eq!(
                trimmer.original(left.len() as u64 - 1),
                text.len() as u64 - 1
            );
        }
    }
}

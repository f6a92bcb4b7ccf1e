//! From the classes of all values to the one type of their column.
//!
//! What has been seen is a set that only grows, so neither order nor repetition of values matters.

use crate::data::ColumnType;
use crate::data::number::{Number, is_integer_kept_by_double};
use crate::data::token::Class;

/// Digits of inferred decimals: what fits 64 bits, and the most the file format stores.
const PRECISIONS: [u8; 2] = [18, 38];

/// Up to here doubles hold every integer.
const EXACT_IN_DOUBLE: u64 = 1 << 53;

/// Kinds of values that make a difference to a column's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ColumnKind {
    Boolean,
    Integer,
    Decimal,
    /// A number that is not what the shortest text of its double says.
    Exact,
    Date,
    Timestamp,
    Zoned,
    Text,
    /// An integer beyond 64 bits.
    Huge,
    /// A number no double comes near.
    Inexact,
}

/// What has been seen in a column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct KindsSeen {
    kinds: u16,
    /// Of numbers: most digits before the point.
    whole_digits: u8,
    /// Of numbers: most digits after the point, without zeros at the end.
    scale: u8,
}

/// What a column becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Resolved {
    pub(crate) column_type: ColumnType,
    pub(crate) reason: Reason,
}

/// Why a column has its type, where that is worth a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    Plain,
    /// Times had zones and are now UTC.
    Utc,
    /// Only nulls were seen.
    NullOnly,
    /// Values of different kinds.
    Mixed,
    /// Numbers that only text keeps as they are.
    Inexact,
    /// Doubles that do not keep all digits, as no decimal does either.
    Rounded,
}

impl ColumnKind {
    fn bit(self) -> u16 {
        1 << (self as u16)
    }
}

impl KindsSeen {
    /// Returns what one value of this class shows.
    pub(crate) fn of(class: &Class<'_>) -> KindsSeen {
        match class {
            Class::Boolean(_) => KindsSeen::kind(ColumnKind::Boolean),
            Class::Integer(value) => KindsSeen::integer(*value),
            Class::Decimal(number) => KindsSeen::decimal(number),
            Class::Date(_) => KindsSeen::kind(ColumnKind::Date),
            Class::Timestamp(_) => KindsSeen::kind(ColumnKind::Timestamp),
            Class::Zoned(_) => KindsSeen::kind(ColumnKind::Zoned),
            Class::Text => KindsSeen::kind(ColumnKind::Text),
            Class::Huge => KindsSeen::kind(ColumnKind::Huge),
            Class::Inexact => KindsSeen::kind(ColumnKind::Inexact),
        }
    }

    pub(crate) fn kind(kind: ColumnKind) -> KindsSeen {
        KindsSeen {
            kinds: kind.bit(),
            ..KindsSeen::default()
        }
    }

    fn integer(value: i64) -> KindsSeen {
        let mut seen = KindsSeen::kind(ColumnKind::Integer);
        if value.unsigned_abs() > EXACT_IN_DOUBLE && !is_integer_kept_by_double(value) {
            seen.kinds |= ColumnKind::Exact.bit();
        }
        seen.whole_digits = length(value);
        seen
    }

    fn decimal(number: &Number<'_>) -> KindsSeen {
        let mut seen = KindsSeen::kind(ColumnKind::Decimal);
        if !number.is_kept_by_double() {
            seen.kinds |= ColumnKind::Exact.bit();
        }
        (seen.whole_digits, seen.scale) = number.lengths();
        seen
    }

    /// Returns whether a value of this class shows nothing new.
    pub(crate) fn covers(self, class: &Class<'_>) -> bool {
        match class {
            Class::Boolean(_) => self.has(ColumnKind::Boolean),
            Class::Integer(value) => {
                self.covers_integer(length(*value))
                    && (value.unsigned_abs() <= EXACT_IN_DOUBLE
                        || self.has(ColumnKind::Exact)
                        || is_integer_kept_by_double(*value))
            }
            Class::Decimal(number) => {
                let (whole, scale) = number.lengths();
                self.covers_decimal(whole, scale)
                    && (self.has(ColumnKind::Exact) || number.is_kept_by_double())
            }
            Class::Date(_) => self.has(ColumnKind::Date),
            Class::Timestamp(_) => self.has(ColumnKind::Timestamp),
            Class::Zoned(_) => self.has(ColumnKind::Zoned),
            Class::Text => self.has(ColumnKind::Text),
            Class::Huge | Class::Inexact => false,
        }
    }

    /// Whether an integer with so many digits, which a double keeps, adds nothing to what was seen.
    pub(crate) fn covers_integer(self, whole: u8) -> bool {
        self.has(ColumnKind::Integer) && whole <= self.whole_digits
    }

    /// Whether a number with so many digits before and after its point, which a double keeps, adds nothing to what was
    /// seen.
    pub(crate) fn covers_decimal(self, whole: u8, scale: u8) -> bool {
        self.has(ColumnKind::Decimal) && whole <= self.whole_digits && scale <= self.scale
    }

    /// Adds what another set of values showed.
    pub(crate) fn merge(self, other: KindsSeen) -> KindsSeen {
        KindsSeen {
            kinds: self.kinds | other.kinds,
            whole_digits: self.whole_digits.max(other.whole_digits),
            scale: self.scale.max(other.scale),
        }
    }

    pub(crate) fn has(self, kind: ColumnKind) -> bool {
        self.kinds & kind.bit() != 0
    }

    /// Returns whether no further value can change the type or what is said about it.
    pub(crate) fn is_settled(self) -> bool {
        let is_mixed = self.has(ColumnKind::Text) && !self.is_only_text();
        is_mixed || self.kinds & (ColumnKind::Huge.bit() | ColumnKind::Inexact.bit()) != 0
    }

    /// Returns whether there was nothing but text.
    pub(crate) fn is_only_text(self) -> bool {
        self.kinds == ColumnKind::Text.bit()
    }

    /// Returns the type all the values fit without loss.
    pub(crate) fn resolve(self) -> Resolved {
        const BOOLEAN: u16 = 1 << ColumnKind::Boolean as u16;
        const INTEGER: u16 = 1 << ColumnKind::Integer as u16;
        const DECIMAL: u16 = 1 << ColumnKind::Decimal as u16;
        const EXACT: u16 = 1 << ColumnKind::Exact as u16;
        const DATE: u16 = 1 << ColumnKind::Date as u16;
        const TIMESTAMP: u16 = 1 << ColumnKind::Timestamp as u16;
        const ZONED: u16 = 1 << ColumnKind::Zoned as u16;
        const TEXT: u16 = 1 << ColumnKind::Text as u16;

        let (column_type, reason) = match self.kinds {
            0 => (ColumnType::Text, Reason::NullOnly),
            BOOLEAN => (ColumnType::Boolean, Reason::Plain),
            DATE => (ColumnType::Date, Reason::Plain),
            ZONED => (ColumnType::Timestamp, Reason::Utc),
            TEXT => (ColumnType::Text, Reason::Plain),
            kinds if kinds & !(INTEGER | EXACT) == 0 => (ColumnType::BigInt, Reason::Plain),
            kinds if kinds & !(INTEGER | DECIMAL) == 0 => (ColumnType::Double, Reason::Plain),
            kinds if kinds & !(INTEGER | DECIMAL | EXACT) == 0 => self.exact(),
            kinds if kinds & !(DATE | TIMESTAMP) == 0 => (ColumnType::Timestamp, Reason::Plain),
            _ if self.has(ColumnKind::Inexact) || self.has(ColumnKind::Huge) => {
                (ColumnType::Text, Reason::Inexact)
            }
            _ => (ColumnType::Text, Reason::Mixed),
        };
        Resolved {
            column_type,
            reason,
        }
    }

    /// Decimals of which a double would lose some.
    fn exact(self) -> (ColumnType, Reason) {
        let needed = self.whole_digits.saturating_add(self.scale);
        match PRECISIONS.into_iter().find(|most| needed <= *most) {
            Some(precision) => {
                let scale = self.scale;
                (ColumnType::Decimal { precision, scale }, Reason::Plain)
            }
            None => (ColumnType::Double, Reason::Rounded),
        }
    }
}

/// Counts the digits of an integer; a zero needs none.
fn length(value: i64) -> u8 {
    let digits = value.unsigned_abs().checked_ilog10().map(|last| last + 1);
    digits.map_or(0, |digits| u8::try_from(digits).unwrap_or(u8::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::token::Token;

    fn samples() -> Vec<KindsSeen> {
        let tokens = [
            Token::Boolean(true),
            Token::Number("1"),
            Token::Number("9007199254740993"),
            Token::Number("1.5"),
            Token::Number("1e5"),
            Token::Number("12345678901234567890.12"),
            Token::Number("1e400"),
            Token::Number("18446744073709551615"),
            Token::Field("2024-01-31"),
            Token::Field("2024-01-31T10:00"),
            Token::Field("2024-01-31T10:00Z"),
            Token::Field("x"),
        ];
        let mut samples = vec![KindsSeen::default()];
        samples.extend(
            tokens
                .iter()
                .filter_map(|token| token.class().map(|class| KindsSeen::of(&class))),
        );
        samples
    }

    #[test]
    fn merging_is_commutative_associative_and_idempotent() {
        let samples = samples();
        assert_eq!(samples.len(), 13);
        for &a in &samples {
            assert_eq!(a.merge(a), a);
            assert_eq!(a.merge(KindsSeen::default()), a);
            for &b in &samples {
                assert_eq!(a.merge(b), b.merge(a));
                for &c in &samples {
                    assert_eq!(a.merge(b).merge(c), a.merge(b.merge(c)));
                }
            }
        }
    }

    #[test]
    fn what_is_covered_shows_nothing_new() {
        let texts = [
            "1",
            "-7",
            "9007199254740993",
            "0.5",
            "12.25",
            "0.001",
            "123456789012345.5",
            "12345678901234567.5",
            "0000.5",
            "1e5",
            "1.5e-3",
            "100.0",
            "true",
            "2024-01-31",
            "2024-01-31T10:00",
            "2024-01-31T10:00Z",
            "x",
        ];
        let mut n_covered = 0;
        for by in texts {
            for other in texts {
                for token in [Token::Number(by), Token::Field(by)] {
                    let mut seen = samples();
                    seen.extend(token.class().map(|class| KindsSeen::of(&class)));
                    for class in [Token::Number(other), Token::Field(other)]
                        .map(Token::class)
                        .into_iter()
                        .flatten()
                    {
                        for seen in seen.iter().filter(|seen| seen.covers(&class)) {
                            n_covered += 1;
                            assert_eq!(seen.merge(KindsSeen::of(&class)), *seen, "{by} {other}");
                        }
                    }
                }
            }
        }
        assert!(n_covered > 100, "{n_covered}");
    }

    #[test]
    fn text_stays_text() {
        for settled in samples().into_iter().filter(|seen| seen.is_settled()) {
            for other in samples() {
                assert_eq!(settled.merge(other).resolve().column_type, ColumnType::Text);
            }
        }
    }
}

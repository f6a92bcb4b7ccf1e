//! Converts values as simple as nearly all are, at a glance and without taking note of them.

use super::infer::KindsSeen;
use crate::data::token::Token;
use crate::data::{ColumnType, Value};

/// Digits that 64 bits hold whatever they are.
const LONGEST: usize = 19;

/// Up to here doubles hold every integer.
const EXACT_IN_DOUBLE: u64 = 1 << 53;

/// Below this, wherever the point is, each number comes back from its double.
const KEPT_BY_DOUBLE: u64 = 1_000_000_000_000_000;

/// The powers of ten by which a short number may be divided; doubles hold each of them exactly.
const POWERS: [f64; LONGEST + 1] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19,
];

/// Converts a token that adds nothing to what was `seen`; returns nothing where that is not sure.
pub(crate) fn convert(token: Token<'_>, seen: KindsSeen, assumed: ColumnType) -> Option<Value<'_>> {
    let is_number = matches!(assumed, ColumnType::BigInt | ColumnType::Double);
    match token {
        Token::Text(_) | Token::Number(_) | Token::Field(_) | Token::Boolean(_)
            if seen.is_settled() =>
        {
            (assumed == ColumnType::Text).then(|| token.text().map(Value::Text))?
        }
        Token::Number(text) | Token::Field(text)
            if is_number && let Some(short) = Short::read(text) =>
        {
            short.convert(seen, assumed)
        }
        Token::Text(_) | Token::Number(_) | Token::Field(_) | Token::Boolean(_) => {
            let class = token.class()?;
            seen.covers(&class)
                .then(|| token.value_of(&class, assumed))?
        }
        _ => None,
    }
}

/// A number written as most are: `-?(0|[1-9]d*)(.d+)?`, whose digits a double holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Short {
    is_negative: bool,
    /// All of them, without the point.
    digits: u64,
    /// Digits needed before the point.
    whole: u8,
    /// Digits after it; without a point none.
    scale: u8,
}

impl Short {
    fn read(text: &str) -> Option<Short> {
        let bytes = text.as_bytes();
        let (is_negative, bytes) = match bytes {
            [b'-', rest @ ..] => (true, rest),
            _ => (false, bytes),
        };
        if bytes.len() > LONGEST {
            return None;
        }
        let (mut digits, mut n_digits, mut point) = (0, 0, None);
        for byte in bytes {
            match byte {
                b'0'..=b'9' => {
                    digits = digits * 10 + u64::from(byte - b'0');
                    n_digits += 1;
                }
                b'.' if point.is_none() => point = Some(n_digits),
                _ => return None,
            }
        }
        let whole = point.unwrap_or(n_digits);
        let is_padded = whole > 1 && bytes[0] == b'0';
        let is_open = point == Some(n_digits);
        let is_kept = match point {
            None => digits <= EXACT_IN_DOUBLE,
            Some(_) => digits < KEPT_BY_DOUBLE,
        };
        if whole == 0 || is_padded || is_open || !is_kept {
            return None;
        }
        Some(Short {
            is_negative,
            digits,
            whole: whole - u8::from(bytes[0] == b'0'),
            scale: n_digits - whole,
        })
    }

    /// Returns the digits after the point without zeros at the end.
    fn needed_scale(self) -> u8 {
        let (mut digits, mut scale) = (self.digits, self.scale);
        while scale > 0 && digits.is_multiple_of(10) {
            (digits, scale) = (digits / 10, scale - 1);
        }
        scale
    }

    fn convert<'r>(self, seen: KindsSeen, assumed: ColumnType) -> Option<Value<'r>> {
        let is_covered = match self.scale {
            0 => seen.covers_integer(self.whole),
            scale => {
                seen.covers_decimal(self.whole, scale)
                    || seen.covers_decimal(self.whole, self.needed_scale())
            }
        };
        match assumed {
            ColumnType::BigInt if is_covered && self.scale == 0 => {
                let value = i64::try_from(self.digits).ok()?;
                Some(Value::BigInt(if self.is_negative { -value } else { value }))
            }
            ColumnType::Double if is_covered => Some(Value::Double(self.double())),
            _ => None,
        }
    }

    /// Both numbers are exact, so their quotient is the double nearest to what is written.
    fn double(self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "it is at most 2⁵³")]
        let value = self.digits as f64 / POWERS[usize::from(self.scale)];
        if self.is_negative { -value } else { value }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TYPES: [ColumnType; 7] = [
        ColumnType::Text,
        ColumnType::Boolean,
        ColumnType::BigInt,
        ColumnType::Double,
        ColumnType::Decimal {
            precision: 18,
            scale: 3,
        },
        ColumnType::Date,
        ColumnType::Timestamp,
    ];

    /// What the careful way makes of the same token, if that shows nothing new.
    fn with_care(token: Token<'_>, seen: KindsSeen, assumed: ColumnType) -> Option<Value<'_>> {
        let class = token.class()?;
        let is_new = !seen.is_settled() && seen.merge(KindsSeen::of(&class)) != seen;
        (!is_new).then(|| token.value(assumed))?
    }

    /// Doubles by their bits: a zero may be negative.
    fn bits(value: Option<Value<'_>>) -> Option<String> {
        value.map(|value| match value {
            Value::Double(value) => format!("{:x}", value.to_bits()),
            value => format!("{value:?}"),
        })
    }

    fn agrees(text: &str, others: &[&str]) -> usize {
        let mut seen = KindsSeen::default();
        for token in others.iter().map(|other| Token::Field(other)) {
            seen = seen.merge(token.class().map_or(seen, |class| KindsSeen::of(&class)));
        }
        let mut n_converted = 0;
        for token in [Token::Field(text), Token::Number(text)] {
            for assumed in TYPES {
                let glance = convert(token, seen, assumed);
                if glance.is_some() {
                    n_converted += 1;
                    let care = with_care(token, seen, assumed);
                    assert_eq!(bits(glance), bits(care), "{token:?} {seen:?} {assumed:?}");
                }
            }
        }
        n_converted
    }

    #[test]
    fn numbers_come_to_the_same_as_with_care() {
        let texts = [
            "0",
            "-0",
            "7",
            "-7",
            "007",
            "-07",
            "0.0",
            "-0.0",
            "00.5",
            "0.5",
            "-.5",
            ".5",
            "5.",
            "-",
            "",
            ".",
            "1.2.3",
            "1e5",
            "999999999999999",
            "9007199254740992",
            "9007199254740993",
            "9999999999999999",
            "79.19099999999999",
            "90.07199254740993",
            "9999999999999999999",
            "99999999999999999999",
            "18446744073709551617",
            "0.000000000000000001",
            "123456789012.345",
            "0.000000000000001",
            "0.0000000000000001",
            "-99999.9999999999",
            "1.10",
            "1_0",
            "٣",
            "+1",
        ];
        let n_converted: usize = texts
            .iter()
            .map(|text| agrees(text, &["1", "0.00000000000000001", "999999999999999999.5"]))
            .sum();
        assert!(n_converted >= 20, "{n_converted}");
        for text in texts {
            assert_eq!(agrees(text, &["2024-01-31"]), 0);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 5_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_text_comes_to_the_same_as_with_care(
            text in r"-?[0-9]{0,16}(\.[0-9]{0,16})?|[0-9eE.+-]{0,8}|20[0-9]{2}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2})?|true|x",
            other in r"-?[0-9]{1,17}(\.[0-9]{1,17})?|2024-01-31|true|y",
            another in r"[1-9]|0\.5|2024-01-31T10:00",
        ) {
            agrees(&text, &[&other, &another]);
        }

        #[test]
        fn what_is_short_is_what_the_library_reads(text in r"-?(0|[1-9][0-9]{0,16})(\.[0-9]{1,17})?") {
            match Short::read(&text) {
                Some(short) => prop_assert_eq!(short.double().to_bits(), text.parse::<f64>().unwrap().to_bits()),
                None => prop_assert!(text.bytes().filter(u8::is_ascii_digit).count() >= 15),
            }
        }
    }
}

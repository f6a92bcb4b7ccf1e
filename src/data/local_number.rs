//! Numbers with a decimal comma or marks between thousands, as far as the `csv` input declares them.

use super::number::Number;

/// How numbers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Numbers {
    pub(crate) decimal: char,
    /// Between groups of three digits; a blank stands for the unbreakable ones as well.
    pub(crate) thousands: Option<char>,
}

impl Default for Numbers {
    fn default() -> Numbers {
        Numbers {
            decimal: '.',
            thousands: None,
        }
    }
}

impl Numbers {
    /// Returns whether numbers are written as everywhere else.
    pub(crate) fn are_plain(self) -> bool {
        self == Numbers::default()
    }

    /// Writes a number plainly into `plain`; leaves it empty if the text is no number as this file writes them.
    ///
    /// Returns whether the text is a number in this notation or in the plain one: then it must not be taken for the
    /// other by whoever looks at it next.
    pub(crate) fn read(self, text: &str, plain: &mut String) -> bool {
        plain.clear();
        let is_candidate =
            |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b',');
        let text = text.trim();
        if !text.as_bytes().first().is_some_and(is_candidate) {
            return false;
        }
        if self.rewrite(text, plain).is_none() {
            plain.clear();
            // With another decimal sign `1.5` is no number.
            let unsigned = text.strip_prefix('+').unwrap_or(text);
            return Number::split(unsigned).is_some();
        }
        true
    }

    fn rewrite(self, text: &str, plain: &mut String) -> Option<()> {
        let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
        plain.push_str(&text[..text.len() - unsigned.len()]);
        let end = unsigned.find(['e', 'E']).unwrap_or(unsigned.len());
        let (mantissa, exponent) = unsigned.split_at(end);
        let (whole, fraction) = match mantissa.split_once(self.decimal) {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (mantissa, None),
        };
        let is_mark = |c: char| self.is_mark(c);
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.contains(is_mark) {
            let mut groups = whole.split(is_mark);
            let first = groups.next().unwrap_or_default();
            if !(1..=3).contains(&first.len()) || !digits(first) {
                return None;
            }
            plain.push_str(first);
            for group in groups {
                if group.len() != 3 || !digits(group) {
                    return None;
                }
                plain.push_str(group);
            }
        } else if digits(whole) {
            plain.push_str(whole);
        } else {
            return None;
        }
        if let Some(fraction) = fraction {
            if !digits(fraction) {
                return None;
            }
            plain.push('.');
            plain.push_str(fraction);
        }
        plain.push_str(exponent);
        Number::split(plain.strip_prefix('+').unwrap_or(plain)).map(drop)
    }

    fn is_mark(self, c: char) -> bool {
        self.thousands.is_some_and(|mark| {
            c == mark
                || mark == ' ' && matches!(c, '\u{a0}' | '\u{202f}')
                || mark == '\'' && c == '’'
        })
    }
}

/// Whether all values of a column look like `1.234,56`, which nobody has declared to be numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum CommaLooks {
    /// Nothing against it so far, and nothing for it.
    #[default]
    Open,
    Likely,
    Ruled,
}

impl CommaLooks {
    /// Takes note of one value.
    pub(crate) fn look(&mut self, text: &str) {
        // A whole number says nothing; columns of them are long.
        if *self == CommaLooks::Ruled || text.bytes().all(|byte| byte.is_ascii_digit()) {
            return;
        }
        let text = text.trim();
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = match unsigned.split_once(',') {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (unsigned, None),
        };
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let is_whole = match whole.split_once('.') {
            None => !whole.is_empty() && digits(whole),
            Some((first, rest)) => {
                (1..=3).contains(&first.len())
                    && digits(first)
                    && rest
                        .split('.')
                        .all(|group| group.len() == 3 && digits(group))
            }
        };
        let is_fraction = fraction.is_none_or(|fraction| !fraction.is_empty() && digits(fraction));
        if !is_whole || !is_fraction {
            *self = CommaLooks::Ruled;
        } else if fraction.is_some() {
            *self = CommaLooks::Likely;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(decimal: char, thousands: Option<char>, text: &str) -> Option<String> {
        let numbers = Numbers { decimal, thousands };
        let mut plain = String::from("left over");
        numbers.read(text, &mut plain).then_some(plain)
    }

    #[test]
    fn commas_and_groups_are_rewritten() {
        let german = |text| plain(',', Some('.'), text);
        for (text, expected) in [
            ("1.234,56", "1234.56"),
            ("-1.234.567", "-1234567"),
            ("1234,5", "1234.5"),
            (",5", ".5"),
            ("0", "0"),
            (" 12 ", "12"),
            ("+3,5", "+3.5"),
            ("1,5E+05", "1.5E+05"),
        ] {
            assert_eq!(german(text).as_deref(), Some(expected), "{text}");
        }
        // Numbers elsewhere, but not here.
        for text in ["1.5", "1234.56", "0.5"] {
            assert_eq!(german(text).as_deref(), Some(""), "{text}");
        }
        for text in [
            "x",
            "",
            "31.01.2024",
            "2024-01-31",
            "1,2,3",
            "1.2345,6",
            "1..2",
            "-",
        ] {
            assert_eq!(german(text), None, "{text}");
        }
        let swiss = |text| plain('.', Some('\''), text);
        assert_eq!(swiss("1'234.50").as_deref(), Some("1234.50"));
        assert_eq!(swiss("1’234").as_deref(), Some("1234"));
        let blank = |text| plain(',', Some(' '), text);
        assert_eq!(blank("1\u{202f}234,5").as_deref(), Some("1234.5"));
        assert_eq!(blank("1 2345"), None);
        assert_eq!(plain(',', None, "1.234").as_deref(), Some(""));
    }

    #[test]
    fn decimal_commas_are_noticed_and_not_guessed() {
        let looks = |values: &[&str]| {
            let mut looks = CommaLooks::default();
            for value in values {
                looks.look(value);
            }
            looks
        };
        assert_eq!(looks(&["1.234,56", "5", "-0,5"]), CommaLooks::Likely);
        assert_eq!(looks(&["5", "6"]), CommaLooks::Open);
        for other in ["a,b", "1,2,3", "12.34,5", "1.234", "x", "", ","] {
            assert_ne!(looks(&[other]), CommaLooks::Likely, "{other}");
        }
        assert_eq!(looks(&["1,5", "Oslo, 5"]), CommaLooks::Ruled);
    }
}

//! Numbers as they are written: taken apart without loss, and converted only where nothing is lost.

/// Of so many digits or fewer no two numbers have the same double, so each comes back from its own.
const ALWAYS_KEPT: usize = 15;

/// The shortest text of a double has no more digits.
const LONGEST_SHORTEST: usize = 17;

/// A number's token, taken apart. Small, as every number becomes one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Number<'a> {
    text: &'a str,
    /// Digits before the point; may be empty.
    whole: Digits,
    /// Digits after the point; may be empty.
    fraction: Digits,
    exponent: Option<Exponent>,
    negative: bool,
    point: bool,
}

/// Where digits are in a number's text.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Digits {
    start: u32,
    end: u32,
}

/// A number's exponent.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Exponent {
    signed: bool,
    /// Far beyond every type's range when the digits were.
    power: i32,
}

/// The digits of a number from the first to the last that is no zero, as if there were no point.
#[derive(Clone, Copy, Debug)]
struct SignificantDigits {
    start: usize,
    end: usize,
    /// Of ten, by which the first one counts.
    power: i64,
}

impl<'a> Number<'a> {
    /// Takes `-?d*[.d*][e[±]d+]` apart, with at least one digit before the exponent.
    pub(crate) fn split(text: &'a str) -> Option<Number<'a>> {
        let bytes = text.as_bytes();
        let negative = bytes.first() == Some(&b'-');
        let whole = digits(bytes, usize::from(negative))?;
        let point = bytes.get(whole.end as usize) == Some(&b'.');
        let fraction = digits(bytes, whole.end as usize + usize::from(point))?;
        let rest = &text[fraction.end as usize..];
        let exponent = match rest.as_bytes().first() {
            None => None,
            Some(b'e' | b'E') => Some(Exponent::read(&rest[1..])?),
            Some(_) => return None,
        };
        if whole.start == whole.end && fraction.start == fraction.end {
            return None;
        }
        Some(Number {
            text,
            whole,
            fraction,
            exponent,
            negative,
            point,
        })
    }

    /// Returns the number as it is written.
    pub(crate) fn text(&self) -> &'a str {
        self.text
    }

    /// Whether no double comes near it.
    pub(crate) fn is_beyond_double(&self) -> bool {
        // Below 300 digits a plain number cannot leave a double's range.
        (self.exponent.is_some() || self.text.len() > 300) && self.double().is_none()
    }

    fn whole(&self) -> &'a str {
        &self.text[self.whole.start as usize..self.whole.end as usize]
    }

    fn fraction(&self) -> &'a str {
        &self.text[self.fraction.start as usize..self.fraction.end as usize]
    }

    pub(crate) fn is_integer(&self) -> bool {
        !self.point && self.exponent.is_none()
    }

    /// Tells numbers from codes: no leading zeros, digits after a point, no `1E5`.
    pub(crate) fn is_plainly_written(&self) -> bool {
        let zero_padded = self.whole().len() > 1 && self.whole().starts_with('0');
        let open_point = self.point && self.fraction().is_empty();
        let code = !self.point && self.exponent.is_some_and(|exponent| !exponent.signed);
        !zero_padded && !open_point && !code
    }

    pub(crate) fn is_zero(&self) -> bool {
        self.whole()
            .bytes()
            .chain(self.fraction().bytes())
            .all(|byte| byte == b'0')
    }

    fn power(&self) -> i64 {
        self.exponent
            .map_or(0, |exponent| i64::from(exponent.power))
    }

    /// Returns the nearest double, if it has all its digits: below the normal range ever fewer are left.
    pub(crate) fn double(&self) -> Option<f64> {
        let value: f64 = self.text.parse().ok()?;
        (value.is_normal() || self.is_zero()).then_some(value)
    }

    /// Finds the digits that count; a zero has none.
    fn extent(&self) -> Option<SignificantDigits> {
        let (whole, fraction) = (self.whole().as_bytes(), self.fraction().as_bytes());
        let first = |digits: &[u8]| digits.iter().position(|digit| *digit != b'0');
        let last = |digits: &[u8]| digits.iter().rposition(|digit| *digit != b'0');
        let start = first(whole).or_else(|| first(fraction).map(|at| whole.len() + at))?;
        let end = match last(fraction) {
            Some(at) => whole.len() + at + 1,
            None => last(whole)? + 1,
        };
        let before_point = i64::try_from(self.whole().len()).unwrap_or(i64::MAX);
        let at = i64::try_from(start).unwrap_or(i64::MAX);
        Some(SignificantDigits {
            start,
            end,
            power: (before_point - 1 - at).saturating_add(self.power()),
        })
    }

    fn significant(&self, extent: SignificantDigits) -> impl Iterator<Item = u8> + '_ {
        let digits = self.whole().bytes().chain(self.fraction().bytes());
        digits.skip(extent.start).take(extent.length())
    }

    /// Returns whether the shortest text of the nearest double is this number, however it is written.
    pub(crate) fn is_kept_by_double(&self) -> bool {
        if self.whole().len() + self.fraction().len() <= ALWAYS_KEPT {
            return true;
        }
        let mut buffer = zmij::Buffer::new();
        let double = self.double();
        let shortest = double.map(|double| buffer.format_finite(double));
        // As most programs write doubles: nothing has to be taken apart.
        if shortest == Some(self.text) {
            return true;
        }
        let Some(extent) = self.extent() else {
            return true;
        };
        if extent.length() <= ALWAYS_KEPT {
            return true;
        }
        let shortest = shortest.filter(|_| extent.length() <= LONGEST_SHORTEST);
        let Some(shortest) = shortest.and_then(Number::split) else {
            return false;
        };
        let is_same = |other: SignificantDigits| {
            let lengths = (extent.length(), extent.power) == (other.length(), other.power);
            lengths && self.significant(extent).eq(shortest.significant(other))
        };
        shortest.extent().is_some_and(is_same)
    }

    /// Counts the digits needed before and behind the point once the exponent is carried out; 255 each at most.
    pub(crate) fn lengths(&self) -> (u8, u8) {
        let Some(extent) = self.extent() else {
            return (0, 0);
        };
        let length = i64::try_from(extent.length()).unwrap_or(i64::MAX);
        let last = extent.power.saturating_sub(length - 1);
        (
            saturated(extent.power.saturating_add(1)),
            saturated(last.saturating_neg()),
        )
    }

    /// Returns the number times ten to the `scale`, if that is an integer of at most `precision` digits.
    pub(crate) fn decimal(&self, precision: u8, scale: u8) -> Option<i128> {
        if self.is_zero() {
            return Some(0);
        }
        let fraction = self.fraction().trim_end_matches('0');
        let whole = if fraction.is_empty() {
            self.whole().trim_end_matches('0')
        } else {
            self.whole()
        };
        let dropped = if fraction.is_empty() {
            self.whole().len() - whole.len()
        } else {
            0
        };
        let shift = self
            .power()
            .saturating_add(i64::from(scale))
            .saturating_add(i64::try_from(dropped).ok()?)
            .saturating_sub(i64::try_from(fraction.len()).ok()?);
        let shift = u32::try_from(shift).ok()?;
        let mut value: i128 = 0;
        for byte in whole.bytes().chain(fraction.bytes()) {
            value = value
                .checked_mul(10)?
                .checked_add(i128::from(byte - b'0'))?;
        }
        let value = value.checked_mul(10_i128.checked_pow(shift)?)?;
        let limit = 10_i128.checked_pow(u32::from(precision))?;
        (value < limit).then_some(if self.negative { -value } else { value })
    }

    /// Returns the number if it is an integer of 64 bits, however it is written.
    pub(crate) fn integer(&self) -> Option<i64> {
        i64::try_from(self.decimal(38, 0)?).ok()
    }

    /// Returns the number times ten to the `places`, cutting what is finer.
    pub(crate) fn cut(&self, places: u8) -> Option<i64> {
        if let Some(value) = self.decimal(38, places) {
            return i64::try_from(value).ok();
        }
        // Only digits behind the last place can be in the way.
        let extent = self.extent()?;
        let n_kept = extent.power.saturating_add(1 + i64::from(places));
        let length = i64::try_from(extent.length()).unwrap_or(i64::MAX);
        let mut value: i64 = 0;
        for digit in self
            .significant(extent)
            .take(usize::try_from(n_kept.clamp(0, length)).ok()?)
        {
            value = value
                .checked_mul(10)?
                .checked_add(i64::from(digit - b'0'))?;
        }
        let n_zeros = u32::try_from((n_kept - length).max(0)).ok()?;
        value = value.checked_mul(10_i64.checked_pow(n_zeros)?)?;
        Some(if self.negative { -value } else { value })
    }
}

/// Returns whether the shortest text of the nearest double is this integer.
pub(crate) fn is_integer_kept_by_double(value: i64) -> bool {
    #[expect(
        clippy::cast_precision_loss,
        reason = "whether there is a loss is the question"
    )]
    let double = value as f64;
    let mut buffer = zmij::Buffer::new();
    let shortest = Number::split(buffer.format_finite(double));
    shortest.and_then(|shortest| shortest.integer()) == Some(value)
}

impl SignificantDigits {
    fn length(self) -> usize {
        self.end - self.start
    }
}

impl Exponent {
    fn read(text: &str) -> Option<Exponent> {
        let (negative, rest) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let power = rest;
        if power.is_empty() || !power.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let power = power.parse().unwrap_or(i32::MAX);
        Some(Exponent {
            signed: rest.len() < text.len(),
            power: if negative { -power } else { power },
        })
    }
}

/// The digits that begin at an index; nothing is that far into a text that it has no `u32`.
fn digits(bytes: &[u8], start: usize) -> Option<Digits> {
    let mut end = start;
    while let Some(b'0'..=b'9') = bytes.get(end) {
        end += 1;
    }
    Some(Digits {
        start: u32::try_from(start).ok()?,
        end: u32::try_from(end).ok()?,
    })
}

fn saturated(count: i64) -> u8 {
    u8::try_from(count.max(0)).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str, precision: u8, scale: u8) -> Option<i128> {
        Number::split(text)?.decimal(precision, scale)
    }

    #[test]
    fn decimals_are_exact_or_nothing() {
        assert_eq!(decimal("1.50", 3, 1), Some(15));
        assert_eq!(decimal("-1.5", 3, 2), Some(-150));
        assert_eq!(decimal("1.25", 3, 1), None);
        assert_eq!(decimal("100", 3, 0), Some(100));
        assert_eq!(decimal("1000", 3, 0), None);
        assert_eq!(decimal("1.5e2", 3, 0), Some(150));
        assert_eq!(decimal("15e-1", 3, 1), Some(15));
        assert_eq!(decimal("1e-400", 38, 38), None);
        assert_eq!(decimal("1e99999999999", 38, 0), None);
        assert_eq!(decimal("0e99999999999", 38, 0), Some(0));
        assert_eq!(
            decimal("99999999999999999999999999999999999999", 38, 0),
            Some(10_i128.pow(38) - 1)
        );
        assert_eq!(
            decimal("0.00000000000000000000000000000000000001", 38, 38),
            Some(1)
        );
        assert_eq!(
            decimal("000000000000000000000000000000000000000000001", 38, 0),
            Some(1)
        );
    }

    #[test]
    fn integers_may_be_written_as_decimals() {
        let integer = |text| Number::split(text).and_then(|number| number.integer());
        assert_eq!(integer("1.0"), Some(1));
        assert_eq!(integer("1.5"), None);
        assert_eq!(integer("2e3"), Some(2000));
        assert_eq!(integer("-9223372036854775808"), Some(i64::MIN));
        assert_eq!(integer("9223372036854775808"), None);
    }

    #[test]
    fn what_is_finer_than_a_place_is_cut() {
        let cut = |text, places| Number::split(text).and_then(|number| number.cut(places));
        for (text, places, expected) in [
            ("1.6945324255802982E9", 6, Some(1_694_532_425_580_298)),
            ("-1.6945324255802982E9", 6, Some(-1_694_532_425_580_298)),
            ("1.6945324255802982e12", 3, Some(1_694_532_425_580_298)),
            ("16945324255802982e-7", 6, Some(1_694_532_425_580_298)),
            ("1e9", 6, Some(1_000_000_000_000_000)),
            ("0.1234567", 6, Some(123_456)),
            ("1.9e-7", 6, Some(0)),
            ("1e-400", 6, Some(0)),
            ("1e400", 6, None),
            ("1.23456789e300", 6, None),
            ("0e5", 6, Some(0)),
        ] {
            assert_eq!(cut(text, places), expected, "{text}");
        }
    }
}

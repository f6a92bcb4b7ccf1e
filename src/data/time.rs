//! ISO 8601 days and times, from text to numbers since 1970. Validity is jiff's, the year 1 to 9999.
//!
//! Own code before jiff's parser because every text of every column passes here: only what is written like a day or
//! time to the last sign may become one, and nearly all of it must be told to be none by its first bytes.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;

/// Microseconds of a day.
pub(crate) const MICROS_PER_DAY: i64 = 86_400_000_000;
const EPOCH: Date = Date::constant(1970, 1, 1);

/// What an ISO text names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Days since 1970-01-01.
    Date(i32),
    /// Microseconds since 1970-01-01 00:00:00, no zone given.
    Naive(i64),
    /// Microseconds since 1970-01-01 00:00:00 UTC.
    Zoned(i64),
}

/// Reads `YYYY-MM-DD`, optionally `T` or a blank and `hh:mm[:ss[.f+]]`, optionally `Z` or an offset.
///
/// Digits below a microsecond are cut, not rounded, so that a day never becomes the next one.
/// There is no 24:00 and no second 60.
pub(crate) fn moment(text: &str) -> Option<Moment> {
    written(text).filter(|moment| !is_beyond(moment))
}

/// Returns whether a time with a zone is in the years 1 to 9999 as it is written, and is not in UTC.
pub(crate) fn leaves_range(text: &str) -> bool {
    written(text).is_some_and(|moment| is_beyond(&moment))
}

fn is_beyond(moment: &Moment) -> bool {
    matches!(moment, Moment::Zoned(utc) if !in_range(*utc))
}

/// Reads a time whose instant may be beyond the years 1 to 9999.
fn written(text: &str) -> Option<Moment> {
    let bytes = text.as_bytes();
    // The shortest form is a day.
    if bytes.len() < 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let year = i16::from(two(bytes, 0)?) * 100 + i16::from(two(bytes, 2)?);
    let date = Date::new(year, two(bytes, 5)?, two(bytes, 8)?).ok()?;
    if date.year() < 1 {
        return None;
    }
    let days = days(date);
    if bytes.len() == 10 {
        return Some(Moment::Date(days));
    }
    if !matches!(bytes[10], b'T' | b' ') || bytes.len() < 16 || bytes[13] != b':' {
        return None;
    }
    let (hour, minute) = (two(bytes, 11)?, two(bytes, 14)?);
    let (second, nanos, rest) = match bytes.get(16) {
        Some(b':') => {
            let second = two(bytes, 17)?;
            let (nanos, rest) = fraction(&bytes[19..])?;
            (second, nanos, rest)
        }
        _ => (0, 0, &bytes[16..]),
    };
    let time = Time::new(hour, minute, second, nanos).ok()?;
    let micros = i64::from(days) * MICROS_PER_DAY + micros_of_day(time);
    if rest.is_empty() {
        return Some(Moment::Naive(micros));
    }
    let utc = micros - i64::from(offset(rest)?.seconds()) * 1_000_000;
    Some(Moment::Zoned(utc))
}

/// Returns whether the microseconds lie in the years 1 to 9999.
pub(crate) fn in_range(micros: i64) -> bool {
    (-62_135_596_800_000_000..253_402_300_800_000_000).contains(&micros)
}

/// Counts the days from 1970-01-01.
pub(crate) fn days(date: Date) -> i32 {
    let hours = date.duration_since(EPOCH).as_hours();
    i32::try_from(hours / 24).expect("jiff's years span 20,000, far less than i32 days")
}

/// Counts the microseconds from 1970-01-01 00:00:00, cutting what is finer.
pub(crate) fn micros(datetime: DateTime) -> i64 {
    i64::from(days(datetime.date())) * MICROS_PER_DAY + micros_of_day(datetime.time())
}

/// Returns midnight of a day in microseconds.
pub(crate) fn midnight(days: i32) -> i64 {
    i64::from(days) * MICROS_PER_DAY
}

/// Returns the day that starts at these microseconds, if one does.
pub(crate) fn day_of_midnight(micros: i64) -> Option<i32> {
    (micros % MICROS_PER_DAY == 0)
        .then(|| i32::try_from(micros / MICROS_PER_DAY).ok())
        .flatten()
}

fn micros_of_day(time: Time) -> i64 {
    let seconds =
        i64::from(time.hour()) * 3600 + i64::from(time.minute()) * 60 + i64::from(time.second());
    seconds * 1_000_000 + i64::from(time.subsec_nanosecond() / 1000)
}

fn two(bytes: &[u8], at: usize) -> Option<i8> {
    let &[tens, ones] = bytes.get(at..)?.first_chunk()?;
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens < 10 && ones < 10)
        .then(|| i8::try_from(tens * 10 + ones).ok())
        .flatten()
}

/// Reads `.f+` as nanoseconds, if there is a point; what is finer is cut as all below a microsecond is.
fn fraction(bytes: &[u8]) -> Option<(i32, &[u8])> {
    let Some((b'.', digits)) = bytes.split_first() else {
        return Some((0, bytes));
    };
    let (mut nanos, mut place, mut n_digits) = (0, 100_000_000, 0);
    while let Some(byte @ b'0'..=b'9') = digits.get(n_digits) {
        n_digits += 1;
        nanos += i32::from(byte - b'0') * place;
        place /= 10;
    }
    (n_digits > 0).then(|| (nanos, &digits[n_digits..]))
}

/// Reads `Z`, `±hh`, `±hhmm` or `±hh:mm`.
fn offset(bytes: &[u8]) -> Option<Offset> {
    let sign = match bytes.first()? {
        b'Z' if bytes.len() == 1 => return Some(Offset::UTC),
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let minutes = match bytes.len() {
        3 => 0,
        5 => two(bytes, 3)?,
        6 if bytes[3] == b':' => two(bytes, 4)?,
        _ => return None,
    };
    let hours = two(bytes, 1)?;
    if hours > 23 || minutes > 59 {
        return None;
    }
    Offset::from_seconds(sign * (i32::from(hours) * 3600 + i32::from(minutes) * 60)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_days_like_a_calendar() {
        assert_eq!(moment("1970-01-01"), Some(Moment::Date(0)));
        assert_eq!(moment("1969-12-31"), Some(Moment::Date(-1)));
        assert_eq!(moment("0001-01-01"), Some(Moment::Date(-719_162)));
        assert_eq!(moment("9999-12-31"), Some(Moment::Date(2_932_896)));
        assert_eq!(moment("2000-02-29"), Some(Moment::Date(11_016)));
        for bad in [
            "1900-02-29",
            "0000-01-01",
            "2024-13-01",
            "2024-00-10",
            "2024-1-01",
            "20240101",
            "2024-01-31x",
        ] {
            assert_eq!(moment(bad), None, "{bad}");
        }
    }

    #[test]
    fn reads_times_and_cuts_below_a_microsecond() {
        assert_eq!(moment("1970-01-01T00:00"), Some(Moment::Naive(0)));
        assert_eq!(
            moment("1970-01-01 00:00:01.5"),
            Some(Moment::Naive(1_500_000))
        );
        assert_eq!(
            moment("9999-12-31T23:59:59.999999999"),
            Some(Moment::Naive(253_402_300_799_999_999))
        );
        assert_eq!(
            moment("1969-12-31T23:59:59.9999999"),
            Some(Moment::Naive(-1))
        );
        assert_eq!(
            moment("1970-01-01T00:00:01.123456999999+00:00"),
            Some(Moment::Zoned(1_123_456))
        );
        assert_eq!(
            moment("1970-01-01 00:00:00.0000010000000000000000000000"),
            Some(Moment::Naive(1))
        );
        for bad in [
            "2024-01-31T24:00",
            "2024-01-31T10:00:60",
            "2024-01-31T10",
            "2024-01-31T10:00:00.",
            "2024-01-31T1:00:00",
            "2024-01-31T10:0é",
            "2024-01-31T10:00.5",
            "2024-01-31t10:00",
            "2024-01-31T10:00z",
        ] {
            assert_eq!(moment(bad), None, "{bad}");
        }
    }

    #[test]
    fn turns_zones_into_utc() {
        for (text, hours) in [
            ("Z", 10),
            ("+02", 8),
            ("+0200", 8),
            ("+02:00", 8),
            ("-05:00", 15),
        ] {
            assert_eq!(
                moment(&format!("1970-01-01T10:00{text}")),
                Some(Moment::Zoned(hours * 3_600_000_000)),
                "{text}"
            );
        }
        for bad in ["+2", "+24:00", "+02:60", "+02:0", "ZZ", " Z", "+02-00"] {
            assert_eq!(moment(&format!("1970-01-01T10:00{bad}")), None, "{bad}");
        }
        // The year 0 in UTC.
        assert_eq!(moment("0001-01-01T00:00+02:00"), None);
    }
}

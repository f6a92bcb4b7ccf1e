//! Converts to declared types: lenient about how a value is written, never about what it is.
//!
//! Except in text, blanks around a value do not matter and a blank value is null.

use std::borrow::Cow;

use jiff::civil::{DateTime, Time};
use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::{AmbiguousOffset, TimeZone};

use crate::data::number::Number;
use crate::data::time::{self, Moment};
use crate::data::token::{Token, boolean};
use crate::data::{ColumnType, Value};
use crate::rules::columns::{ColumnRule, RuleKind, TimeFormat};

/// Why a value does not fit, as the end of a sentence about it.
pub(crate) type Misfit = &'static str;

/// Converts one value to what its rule declares.
pub(crate) fn convert<'a>(rule: &ColumnRule, token: Token<'a>) -> Result<Value<'a>, Misfit> {
    let column_type = match rule.kind {
        RuleKind::Skip => return Ok(Value::Null),
        RuleKind::Json => return json(token),
        RuleKind::Typed(ColumnType::Text) => {
            return Ok(token.text().map_or(Value::Null, Value::Text));
        }
        RuleKind::Typed(column_type) => column_type,
    };
    let text = match token {
        Token::Null => return Ok(Value::Null),
        Token::Document(text) if text.starts_with('{') => return Err("is an object"),
        Token::Document(_) => return Err("is an array"),
        Token::EmptyObject => return Err("is an object"),
        Token::Boolean(_) if column_type != ColumnType::Boolean => return Err("is a boolean"),
        Token::Number(_) if column_type == ColumnType::Boolean => {
            return Err("is not `true` or `false`");
        }
        Token::LocalNumber(local) if is_number(column_type) => {
            if local.plain.is_empty() {
                return Err("is not a number as `csv: decimal=` and `thousands=` have it");
            }
            Cow::Borrowed(local.plain.as_str())
        }
        other => other.text().unwrap_or(Cow::Borrowed("")),
    };
    let text = text.trim();
    if text.is_empty() {
        return Ok(Value::Null);
    }
    match column_type {
        ColumnType::Text => Err("is not text"),
        ColumnType::Boolean => boolean(text)
            .map(Value::Boolean)
            .ok_or("is not `true` or `false`"),
        ColumnType::BigInt => number(text)?
            .integer()
            .map(Value::BigInt)
            .ok_or("is not a whole number of 64 bits"),
        ColumnType::Double => match (&rule.format, text) {
            (Some(TimeFormat::OData), "INF") => Ok(Value::Double(f64::INFINITY)),
            (Some(TimeFormat::OData), "-INF") => Ok(Value::Double(f64::NEG_INFINITY)),
            (Some(TimeFormat::OData), "NaN") => Ok(Value::Double(f64::NAN)),
            _ => number(text)?
                .double()
                .map(Value::Double)
                .ok_or("is out of a double's range"),
        },
        ColumnType::Decimal { precision, scale } => number(text)?
            .decimal(precision, scale)
            .map(Value::Decimal)
            .ok_or("has too many digits"),
        ColumnType::Date => date(rule, text).map(Value::Date),
        ColumnType::Timestamp => timestamp(rule, text).map(Value::Timestamp),
    }
}

fn is_number(column_type: ColumnType) -> bool {
    matches!(
        column_type,
        ColumnType::BigInt | ColumnType::Double | ColumnType::Decimal { .. }
    )
}

fn json(token: Token<'_>) -> Result<Value<'_>, Misfit> {
    if matches!(token, Token::Field(_) | Token::LocalNumber(_))
        && let Some(text) = token.text()
        && serde_json::from_str::<serde::de::IgnoredAny>(&text).is_err()
    {
        return Err("is not JSON");
    }
    Ok(token.json().map_or(Value::Null, Value::Text))
}

fn number(text: &str) -> Result<Number<'_>, Misfit> {
    let unsigned = text.strip_prefix('+').filter(|rest| !rest.starts_with('-'));
    Number::split(unsigned.unwrap_or(text)).ok_or("is not a number")
}

fn date(rule: &ColumnRule, text: &str) -> Result<i32, Misfit> {
    match &rule.format {
        None | Some(TimeFormat::OData) => match time::moment(text) {
            Some(Moment::Date(days)) => Ok(days),
            Some(Moment::Naive(_) | Moment::Zoned(_)) => {
                Err("has a time of day, which a `date` would lose")
            }
            None if time::leaves_range(text) => Err(BEYOND_IN_UTC),
            None => Err("is not a date like 2024-01-31"),
        },
        Some(TimeFormat::Pattern(pattern)) => {
            let parsed = by_format(pattern, text)?;
            let date = parsed
                .to_date()
                .map_err(|_| "is not a day of the calendar")?;
            if date.year() < 1 {
                Err("is before the year 1")
            } else {
                Ok(time::days(date))
            }
        }
        Some(TimeFormat::Epoch) => day(epoch(text, 6)?),
        Some(TimeFormat::EpochMillis) => day(epoch(text, 3)?),
    }
}

fn day(micros: i64) -> Result<i32, Misfit> {
    time::day_of_midnight(micros).ok_or("has a time of day, which a `date` would lose")
}

/// Reads a count of seconds (6 places to microseconds) or milliseconds (3 places).
fn epoch(text: &str, places: u8) -> Result<i64, Misfit> {
    let micros = number(text)?
        .cut(places)
        .filter(|micros| time::in_range(*micros));
    micros.ok_or("is beyond the years 1 to 9999")
}

/// A time of the first or last day there is, whose zone takes it out of the calendar.
const BEYOND_IN_UTC: Misfit = "is beyond the years 1 to 9999 in UTC";

fn no_time(text: &str) -> Misfit {
    if time::leaves_range(text) {
        BEYOND_IN_UTC
    } else {
        "is not a time like 2024-01-31T10:20:30"
    }
}

fn timestamp(rule: &ColumnRule, text: &str) -> Result<i64, Misfit> {
    let moment = match &rule.format {
        None => time::moment(text).ok_or_else(|| no_time(text))?,
        Some(TimeFormat::Pattern(pattern)) => by_pattern(pattern, text)?,
        Some(TimeFormat::Epoch) => Moment::Zoned(epoch(text, 6)?),
        Some(TimeFormat::EpochMillis) => Moment::Zoned(epoch(text, 3)?),
        Some(TimeFormat::OData) => match text.strip_prefix("/Date(") {
            Some(ticks) => Moment::Zoned(ticks_of(ticks)?),
            None => time::moment(text).ok_or_else(|| no_time(text))?,
        },
    };
    let naive = match moment {
        Moment::Zoned(micros) => return Ok(micros),
        Moment::Date(days) => time::midnight(days),
        Moment::Naive(micros) => micros,
    };
    match &rule.tz {
        Some(tz) => in_zone(tz, naive),
        None => Ok(naive),
    }
}

/// Reads the inside of `/Date(1320825600000+0060)/`: the ticks are UTC, the offset is for display.
fn ticks_of(text: &str) -> Result<i64, Misfit> {
    let misfit = "is not a time like `/Date(1320825600000)/`";
    let inside = text.strip_suffix(")/").ok_or(misfit)?;
    let sign = usize::from(inside.starts_with('-'));
    let end = inside[sign..].find(['+', '-']).map(|at| at + sign);
    let ticks = &inside[..end.unwrap_or(inside.len())];
    let is_offset = |text: &str| text.len() > 1 && text[1..].bytes().all(|b| b.is_ascii_digit());
    if end.is_some_and(|end| !is_offset(&inside[end..])) || ticks.parse::<i64>().is_err() {
        return Err(misfit);
    }
    epoch(ticks, 3)
}

fn by_format(pattern: &str, text: &str) -> Result<BrokenDownTime, Misfit> {
    let parse = |text: &str| BrokenDownTime::parse(pattern, text);
    let parsed = parse(text).map_err(|_| "does not match the `format`")?;
    // The library takes a second 60 and makes it 59. Where it stands is found by putting 58 there.
    if parsed.second() == Some(59) {
        for (at, _) in text.match_indices("60") {
            let other = format!("{}58{}", &text[..at], &text[at + 2..]);
            if parse(&other).is_ok_and(|other| other.second() == Some(58)) {
                return Err("has a second 60, which no type of time keeps");
            }
        }
    }
    Ok(parsed)
}

fn by_pattern(pattern: &str, text: &str) -> Result<Moment, Misfit> {
    let parsed = by_format(pattern, text)?;
    let moment = if parsed.timestamp().is_some() || parsed.offset().is_some() {
        parsed
            .to_timestamp()
            .map(|instant| Moment::Zoned(instant.as_microsecond()))
    } else if parsed.iana_time_zone().is_some() {
        parsed
            .to_zoned()
            .map(|zoned| Moment::Zoned(zoned.timestamp().as_microsecond()))
    } else {
        let time = if parsed.hour().is_some() {
            parsed.to_time()
        } else {
            Ok(Time::midnight())
        };
        parsed.to_date().and_then(|date| {
            Ok(Moment::Naive(time::micros(DateTime::from_parts(
                date, time?,
            ))))
        })
    };
    match moment.map_err(|_| "is not a time of the calendar")? {
        Moment::Naive(micros) | Moment::Zoned(micros) if !time::in_range(micros) => {
            Err("is beyond the years 1 to 9999")
        }
        moment => Ok(moment),
    }
}

/// Takes wall time in a zone to UTC. Of an hour that comes twice the first is meant; one that is left out is wrong.
fn in_zone(tz: &TimeZone, naive: i64) -> Result<i64, Misfit> {
    let utc = jiff::Timestamp::from_microsecond(naive).map_err(|_| "is beyond the calendar")?;
    let wall = jiff::tz::Offset::UTC.to_datetime(utc);
    let ambiguous = tz.to_ambiguous_timestamp(wall);
    if matches!(ambiguous.offset(), AmbiguousOffset::Gap { .. }) {
        return Err("does not exist in its time zone, clocks were put forward");
    }
    let micros = ambiguous
        .compatible()
        .map_err(|_| "is beyond the calendar")?
        .as_microsecond();
    if time::in_range(micros) {
        Ok(micros)
    } else {
        Err(BEYOND_IN_UTC)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(line: &str, token: Token<'static>) -> Result<Value<'static>, Misfit> {
        convert(&ColumnRule::parse(line).unwrap(), token)
    }

    fn field(line: &str, text: &'static str) -> Result<Value<'static>, Misfit> {
        fits(line, Token::Field(text))
    }

    #[test]
    fn a_zone_that_leaves_the_calendar_is_told() {
        for text in ["9999-12-31T23:00:00-02:00", "0001-01-01T00:00:00+02:00"] {
            for line in ["a: timestamp", "a: date"] {
                let error = fits(line, Token::Field(text)).unwrap_err();
                assert!(
                    error.contains("years 1 to 9999 in UTC"),
                    "{line} {text}: {error}"
                );
            }
        }
        let error = fits("a: timestamp", Token::Field("9999-12-32T23:00:00-02:00")).unwrap_err();
        assert!(error.contains("is not a time like"), "{error}");
    }

    #[test]
    fn numbers_keep_their_value() {
        assert_eq!(
            fits("a: bigint", Token::Escaped("\"30\"")),
            Ok(Value::BigInt(30))
        );
        assert_eq!(
            fits("a: bigint", Token::Number("1.0")),
            Ok(Value::BigInt(1))
        );
        assert_eq!(field("a: bigint", " 00123 "), Ok(Value::BigInt(123)));
        assert_eq!(field("a: bigint", "+5"), Ok(Value::BigInt(5)));
        assert_eq!(field("a: bigint", "  "), Ok(Value::Null));
        for bad in ["1.5", "x", "9223372036854775808", "+-1", "1,000"] {
            assert!(field("a: bigint", bad).is_err(), "{bad}");
        }
        assert_eq!(field("a: double", "1"), Ok(Value::Double(1.0)));
        assert!(field("a: double", "1e400").is_err() && field("a: double", "NaN").is_err());
        assert_eq!(field("a: decimal(5,2)", "1.5000"), Ok(Value::Decimal(150)));
        assert_eq!(field("a: decimal(5,2)", "15e-1"), Ok(Value::Decimal(150)));
        assert!(
            field("a: decimal(5,2)", "1.005").is_err() && field("a: decimal(5,2)", "1000").is_err()
        );
    }

    #[test]
    fn booleans_are_not_numbers() {
        assert_eq!(field("a: boolean", "TRUE"), Ok(Value::Boolean(true)));
        assert_eq!(
            fits("a: boolean", Token::Escaped("\"false\"")),
            Ok(Value::Boolean(false))
        );
        assert!(
            field("a: boolean", "1").is_err() && fits("a: boolean", Token::Number("0")).is_err()
        );
        assert!(fits("a: bigint", Token::Boolean(true)).is_err());
    }

    #[test]
    fn text_and_json_keep_every_character() {
        assert_eq!(
            fits("a: text", Token::Number("1.10")),
            Ok(Value::Text("1.10".into()))
        );
        assert_eq!(
            fits("a: text", Token::Boolean(true)),
            Ok(Value::Text("true".into()))
        );
        assert_eq!(field("a: text", " x "), Ok(Value::Text(" x ".into())));
        assert_eq!(
            fits("a: json", Token::Escaped("\"x\"")),
            Ok(Value::Text("\"x\"".into()))
        );
        assert_eq!(field("a: json", "[1, 2]"), Ok(Value::Text("[1, 2]".into())));
        assert!(field("a: json", "[1, 2").is_err());
    }

    #[test]
    fn days_and_times() {
        assert_eq!(field("a: date", "1970-01-02"), Ok(Value::Date(1)));
        assert!(
            field("a: date", "1970-01-02T00:00").is_err()
                && field("a: date", "02.01.1970").is_err()
        );
        assert_eq!(
            field("a: date format %d.%m.%Y", "02.01.1970"),
            Ok(Value::Date(1))
        );
        assert!(field("a: date format %d.%m.%Y", "31.02.1970").is_err());
        assert_eq!(field("a: date format epoch", "86400"), Ok(Value::Date(1)));
        assert!(field("a: date format epoch", "86401").is_err());
        assert_eq!(
            field("a: timestamp", "1970-01-02"),
            Ok(Value::Timestamp(86_400_000_000))
        );
        assert_eq!(
            field("a: timestamp format epoch", "1.5"),
            Ok(Value::Timestamp(1_500_000))
        );
        assert_eq!(
            field("a: timestamp format epoch", "0.1234567"),
            Ok(Value::Timestamp(123_456))
        );
        assert_eq!(
            field("a: timestamp format epoch", "-0.1234567"),
            Ok(Value::Timestamp(-123_456))
        );
        assert_eq!(
            fits("a: timestamp format epoch-ms", Token::Number("1500")),
            Ok(Value::Timestamp(1_500_000))
        );
        assert!(field("a: timestamp format epoch-ms", "99999999999999999").is_err());
        assert_eq!(
            field("a: timestamp format %d.%m.%Y", "02.01.1970"),
            Ok(Value::Timestamp(86_400_000_000))
        );
        assert_eq!(
            field(
                "a: timestamp format %Y-%m-%d %H:%M %z",
                "1970-01-01 02:00 +0200"
            ),
            Ok(Value::Timestamp(0))
        );
        assert_eq!(
            field(
                "a: timestamp format %m/%d/%Y %I:%M %p",
                "01/01/1970 12:30 PM"
            ),
            Ok(Value::Timestamp(45_000_000_000))
        );
    }

    #[test]
    fn no_second_is_made_another() {
        let at = |text| field("a: timestamp format %Y-%m-%d %H:%M:%S", text);
        assert!(at("2016-12-31 23:59:60").unwrap_err().contains("second 60"));
        assert_eq!(
            at("1960-01-01 00:00:59"),
            field("a: timestamp", "1960-01-01T00:00:59")
        );
        assert!(field("a: date format %Y%m%d%H%M%S", "20161231235960").is_err());
        assert_eq!(
            field(
                "a: timestamp format %S.%f %Y-%m-%d %H:%M",
                "59.60 1970-01-01 00:00"
            ),
            Ok(Value::Timestamp(59_600_000))
        );
    }

    #[test]
    fn older_odata_has_ticks() {
        let mut rule = ColumnRule::parse("a: timestamp").unwrap();
        rule.format = Some(TimeFormat::OData);
        let read = |text| convert(&rule, Token::Field(text));
        assert_eq!(read("/Date(1500)/"), Ok(Value::Timestamp(1_500_000)));
        assert_eq!(read("/Date(-1500+0060)/"), Ok(Value::Timestamp(-1_500_000)));
        assert_eq!(read("1970-01-01T00:00:01"), Ok(Value::Timestamp(1_000_000)));
        let mut double = ColumnRule::parse("a: double").unwrap();
        assert!(convert(&double, Token::Field("INF")).is_err());
        double.format = Some(TimeFormat::OData);
        let read_double = |text| convert(&double, Token::Escaped(text));
        assert_eq!(read_double("\"INF\""), Ok(Value::Double(f64::INFINITY)));
        assert_eq!(
            read_double("\"-INF\""),
            Ok(Value::Double(f64::NEG_INFINITY))
        );
        assert!(matches!(read_double("\"NaN\""), Ok(Value::Double(nan)) if nan.is_nan()));
        for bad in [
            "/Date()/",
            "/Date(1.5)/",
            "/Date(1)",
            "/Date(1+)/",
            "/Date(1+x)/",
            "/Date(1500000000000000)/",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn wall_time_becomes_utc() {
        let berlin = |text| field("a: timestamp tz Europe/Berlin", text);
        let utc = |text| field("a: timestamp", text);
        assert_eq!(berlin("2024-01-31T10:00"), utc("2024-01-31T09:00"));
        assert_eq!(berlin("2024-07-31T10:00"), utc("2024-07-31T08:00"));
        assert_eq!(berlin("2024-07-31T10:00Z"), utc("2024-07-31T10:00"));
        assert_eq!(berlin("2024-10-27T02:30"), utc("2024-10-27T00:30"));
        assert!(
            berlin("2024-03-31T02:30")
                .unwrap_err()
                .contains("does not exist")
        );
    }
}

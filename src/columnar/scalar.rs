//! One value of a file whose columns have types, and what a column makes of it.

use std::borrow::Cow;

use jiff::civil::{Date, Time};

use crate::data::time::{self, MICROS_PER_DAY};
use crate::data::token::Token;
use crate::data::{ColumnType, Value};
use crate::rules::columns::{ColumnRule, RuleKind};
use crate::say::quoted;
use crate::typing::cast::{self, Misfit};

/// What is said of days and times that no extract keeps alike everywhere.
pub(crate) const BEYOND_YEARS: Misfit = "is beyond the years 1 to 9999";

/// One value, before its column's type is considered.
#[derive(Clone, Debug)]
pub(crate) enum Scalar<'a> {
    Null,
    Boolean(bool),
    Integer(i64),
    Unsigned(u64),
    Double(f64),
    /// Digits and how many of them follow the point.
    Decimal(i128, u8),
    HugeDecimal(String),
    Text(&'a str),
    Bytes(&'a [u8]),
    Date(i32),
    /// Microseconds of the day, below 24:00.
    Time(i64),
    /// Microseconds since 1970-01-01 00:00:00; units of files reach farther than 64 bits of them.
    Timestamp(i128),
    /// Microseconds since 1970-01-01 00:00:00 UTC.
    Zoned(i128),
    Uuid(&'a [u8]),
    Json(String),
}

/// Writes a text as JSON.
pub(crate) fn escaped(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

impl<'a> Scalar<'a> {
    /// Converts to the type that holds every value of the column.
    pub(crate) fn typed(self, column_type: ColumnType) -> Result<Value<'a>, Misfit> {
        Ok(match (column_type, self) {
            (_, Scalar::Null) => Value::Null,
            (ColumnType::Boolean, Scalar::Boolean(value)) => Value::Boolean(value),
            (ColumnType::BigInt, Scalar::Integer(value)) => Value::BigInt(value),
            (ColumnType::BigInt, Scalar::Unsigned(value)) => {
                Value::BigInt(i64::try_from(value).map_err(|_| "is beyond 64 bits")?)
            }
            (ColumnType::Double, Scalar::Double(value)) => Value::Double(value),
            // Only integers that a double holds come here.
            (ColumnType::Double, integer @ (Scalar::Integer(_) | Scalar::Unsigned(_))) => {
                let text = integer.text().unwrap_or_default();
                Value::Double(text.parse().map_err(|_| "is not a number")?)
            }
            (ColumnType::Decimal { precision, scale }, Scalar::Unsigned(value)) => {
                decimal(value.into(), 0, precision, scale)?
            }
            (ColumnType::Decimal { precision, scale }, Scalar::Integer(value)) => {
                decimal(value.into(), 0, precision, scale)?
            }
            (ColumnType::Decimal { precision, scale }, Scalar::Decimal(digits, fraction)) => {
                decimal(digits, fraction, precision, scale)?
            }
            (ColumnType::Date, Scalar::Date(days)) => Value::Date(checked_days(days)?),
            (ColumnType::Timestamp, Scalar::Date(days)) => {
                Value::Timestamp(time::midnight(checked_days(days)?))
            }
            (ColumnType::Timestamp, Scalar::Timestamp(micros) | Scalar::Zoned(micros)) => {
                Value::Timestamp(checked_micros(micros)?)
            }
            (ColumnType::Text, Scalar::Text(text)) => Value::Text(Cow::Borrowed(text)),
            (ColumnType::Text, other) => Value::Text(other.text().ok_or("is not UTF-8")?),
            _ => return Err("does not fit the column's type"),
        })
    }

    /// Converts to what a rule declares, exactly as a value of any other format.
    pub(crate) fn declared(self, rule: &ColumnRule) -> Result<Value<'a>, Misfit> {
        if matches!(self, Scalar::Null) {
            return Ok(Value::Null);
        }
        if rule.kind == RuleKind::Typed(ColumnType::Text) {
            return self.typed(ColumnType::Text);
        }
        if rule.format.is_some()
            && matches!(
                self,
                Scalar::Date(_) | Scalar::Timestamp(_) | Scalar::Zoned(_)
            )
        {
            return Err("is a date or time already: leave out `format`");
        }
        match (&self, rule.kind) {
            (Scalar::Double(value), RuleKind::Typed(ColumnType::Double)) => {
                return Ok(Value::Double(*value));
            }
            (Scalar::Date(days), RuleKind::Typed(ColumnType::Date | ColumnType::Timestamp)) => {
                checked_days(*days)?;
            }
            (
                Scalar::Timestamp(micros) | Scalar::Zoned(micros),
                RuleKind::Typed(ColumnType::Date | ColumnType::Timestamp),
            ) => {
                checked_micros(*micros)?;
            }
            _ => {}
        }
        let text = self.text().ok_or("is not UTF-8")?;
        let token = match &self {
            Scalar::Boolean(value) => Token::Boolean(*value),
            Scalar::Integer(_)
            | Scalar::Unsigned(_)
            | Scalar::Double(_)
            | Scalar::Decimal(_, _)
            | Scalar::HugeDecimal(_) => Token::Number(&text),
            Scalar::Json(_) => Token::Document(&text),
            Scalar::Date(_)
            | Scalar::Time(_)
            | Scalar::Timestamp(_)
            | Scalar::Zoned(_)
            | Scalar::Uuid(_)
                if rule.kind == RuleKind::Json =>
            {
                Token::Text(&text)
            }
            _ if text.is_empty() => Token::Null,
            _ => Token::Field(&text),
        };
        cast::convert(rule, token).map(owned)
    }

    /// The value as text; `None` if its bytes are none.
    pub(crate) fn text(&self) -> Option<Cow<'a, str>> {
        Some(Cow::Owned(match self {
            Scalar::Null => return None,
            Scalar::Text(text) => return Some(Cow::Borrowed(text)),
            Scalar::Bytes(bytes) => return std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
            Scalar::Boolean(value) => value.to_string(),
            Scalar::Integer(value) => value.to_string(),
            Scalar::Unsigned(value) => value.to_string(),
            Scalar::Double(value) if value.is_finite() => {
                serde_json::Number::from_f64(*value)?.to_string()
            }
            Scalar::Double(value) => value.to_string(),
            Scalar::Decimal(digits, scale) => decimal_text(*digits, *scale),
            Scalar::HugeDecimal(text) | Scalar::Json(text) => text.clone(),
            Scalar::Date(days) => day_text((*days).into()),
            Scalar::Time(micros) => time_text(*micros),
            Scalar::Timestamp(micros) => instant(*micros),
            Scalar::Zoned(micros) => instant(*micros) + "Z",
            Scalar::Uuid(bytes) => uuid_text(bytes),
        }))
    }

    /// Whether it is a day or a point in time.
    pub(crate) fn is_moment(&self) -> bool {
        matches!(
            self,
            Scalar::Date(_) | Scalar::Timestamp(_) | Scalar::Zoned(_)
        )
    }

    /// The value as messages show it.
    pub(crate) fn shown(&self) -> String {
        match (self, self.text()) {
            (_, Some(text)) => quoted(&text),
            (Scalar::Bytes(_), None) => "a binary value".into(),
            (_, None) => "a value".into(),
        }
    }
}

fn owned(value: Value<'_>) -> Value<'static> {
    match value {
        Value::Null => Value::Null,
        Value::Boolean(value) => Value::Boolean(value),
        Value::BigInt(value) => Value::BigInt(value),
        Value::Double(value) => Value::Double(value),
        Value::Decimal(value) => Value::Decimal(value),
        Value::Date(value) => Value::Date(value),
        Value::Timestamp(value) => Value::Timestamp(value),
        Value::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
    }
}

fn decimal(digits: i128, fraction: u8, precision: u8, scale: u8) -> Result<Value<'static>, Misfit> {
    let places = scale
        .checked_sub(fraction)
        .ok_or("has too many digits behind the point")?;
    let shifted = digits.checked_mul(10i128.pow(u32::from(places)));
    let limit = 10i128.checked_pow(u32::from(precision));
    match shifted {
        Some(shifted)
            if limit.is_none_or(|limit| shifted.unsigned_abs() < limit.unsigned_abs()) =>
        {
            Ok(Value::Decimal(shifted))
        }
        _ => Err("has too many digits"),
    }
}

fn decimal_text(digits: i128, scale: u8) -> String {
    if scale == 0 {
        return digits.to_string();
    }
    let scale = usize::from(scale);
    let sign = if digits < 0 { "-" } else { "" };
    let padded = format!("{:0>width$}", digits.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = padded.split_at(padded.len() - scale);
    format!("{sign}{whole}.{fraction}")
}

fn checked_days(days: i32) -> Result<i32, Misfit> {
    checked_micros(i128::from(days) * i128::from(MICROS_PER_DAY)).map(|_| days)
}

fn checked_micros(micros: i128) -> Result<i64, Misfit> {
    let micros = i64::try_from(micros).map_err(|_| BEYOND_YEARS)?;
    if time::in_range(micros) {
        Ok(micros)
    } else {
        Err(BEYOND_YEARS)
    }
}

/// Returns microseconds since 1970-01-01 00:00:00 as ISO 8601, of any year.
pub(crate) fn instant(micros: i128) -> String {
    let day = i128::from(MICROS_PER_DAY);
    let (days, micros) = (micros.div_euclid(day), micros.rem_euclid(day));
    // 64 bits of seconds are not as many days.
    let days = i64::try_from(days).unwrap_or(i64::MAX);
    let micros = i64::try_from(micros).unwrap_or_default();
    format!("{}T{}", day_text(days), time_text(micros))
}

/// Writes a day as ISO 8601 does: years beyond 0 to 9999 with a sign and at least six digits.
fn day_text(days: i64) -> String {
    // The calendar repeats itself, weekdays and all, every 400 years.
    const DAYS: i64 = 146_097;
    let within = jiff::Span::new().days(days.rem_euclid(DAYS));
    let date = Date::constant(1970, 1, 1).saturating_add(within);
    let year = i64::from(date.year()) + 400 * days.div_euclid(DAYS);
    let year = match year {
        0..=9999 => format!("{year:04}"),
        _ => format!("{year:+07}"),
    };
    format!("{year}-{:02}-{:02}", date.month(), date.day())
}

fn time_text(micros: i64) -> String {
    let time = Time::midnight().saturating_add(jiff::Span::new().microseconds(micros));
    time.to_string()
}

/// Writes 16 bytes as five groups of hexadecimal digits.
fn uuid_text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(36);
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        for digit in [byte >> 4, byte & 15] {
            text.extend(char::from_digit(digit.into(), 16));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_of_any_year_have_a_text() {
        for (days, text) in [
            (0, "1970-01-01"),
            (-1, "1969-12-31"),
            (11_016, "2000-02-29"),
            (-719_162, "0001-01-01"),
            (-719_163, "0000-12-31"),
            (-719_469, "0000-02-29"),
            (-719_529, "-000001-12-31"),
            (2_932_896, "9999-12-31"),
            (2_932_897, "+010000-01-01"),
            (i32::MAX.into(), "+5881580-07-11"),
            (i32::MIN.into(), "-5877641-06-23"),
        ] {
            assert_eq!(day_text(days), text, "{days}");
        }
    }

    #[test]
    fn instants_of_any_unit_have_a_text() {
        assert_eq!(instant(-1), "1969-12-31T23:59:59.999999");
        assert_eq!(instant(1_500_000), "1970-01-01T00:00:01.5");
        let most = i128::from(i64::MAX) * 1_000_000;
        assert_eq!(instant(most), "+292277026596-12-04T15:30:07");
        assert_eq!(checked_micros(most), Err(BEYOND_YEARS));
    }
}

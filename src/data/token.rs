//! The value grammar: what one token of a source may mean without losing anything.

use std::borrow::Cow;

use super::number::Number;
use super::time::{self, Moment};
use super::{ColumnType, Value};

/// One value as its source wrote it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Token<'a> {
    /// JSON `null`, or an empty field.
    Null,
    /// A field without a type of its own; never empty.
    Field(&'a str),
    /// A field that looks like a number where numbers are not written plainly. By reference: tokens stay small.
    LocalNumber(&'a LocalNumber),
    /// A text whose source says that it is one; it may be empty.
    Text(&'a str),
    /// A JSON string, quotes and escapes included; its escapes have been found decodable.
    Escaped(&'a str),
    /// A JSON number.
    Number(&'a str),
    /// JSON `true` or `false`.
    Boolean(bool),
    /// A JSON array or object that is kept as text.
    Document(&'a str),
    /// `{}`, which has nothing to flatten.
    EmptyObject,
}

/// A field that may be a number in the file's own notation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LocalNumber {
    pub(crate) written: String,
    /// The number in plain notation; empty if it is none in this file.
    pub(crate) plain: String,
}

/// What a token may mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Class<'a> {
    Boolean(bool),
    Integer(i64),
    Decimal(Number<'a>),
    Date(i32),
    /// Microseconds, no zone given.
    Timestamp(i64),
    /// Microseconds in UTC.
    Zoned(i64),
    Text,
    /// An integer beyond 64 bits.
    Huge,
    /// A number no double comes near.
    Inexact,
}

impl<'a> Token<'a> {
    /// Returns the characters a text column holds for this token; `None` for null.
    pub(crate) fn text(self) -> Option<Cow<'a, str>> {
        Some(match self {
            Token::Null => return None,
            Token::Field(text)
            | Token::Text(text)
            | Token::Number(text)
            | Token::Document(text) => Cow::Borrowed(text),
            Token::LocalNumber(local) => Cow::Borrowed(&local.written),
            Token::Escaped(quoted) => unquoted(quoted).unwrap_or(Cow::Borrowed(quoted)),
            Token::Boolean(value) => Cow::Borrowed(if value { "true" } else { "false" }),
            Token::EmptyObject => Cow::Borrowed("{}"),
        })
    }

    /// Returns the JSON text of this token; a field is taken for JSON as it is.
    pub(crate) fn json(self) -> Option<Cow<'a, str>> {
        match self {
            Token::Text(text) => serde_json::to_string(text).ok().map(Cow::Owned),
            Token::Escaped(quoted) => Some(Cow::Borrowed(quoted)),
            other => other.text(),
        }
    }

    /// Decides what the token may mean; `None` for null.
    pub(crate) fn class(self) -> Option<Class<'a>> {
        Some(match self {
            Token::Null => return None,
            Token::Field(text) => field_class(text),
            Token::LocalNumber(local) if local.plain.is_empty() => moment_class(&local.written),
            Token::LocalNumber(local) if local.written.trim().len() < local.written.len() => {
                Class::Text
            }
            Token::LocalNumber(local) => field_class(&local.plain),
            Token::Text(text) => moment_class(text),
            // No escape belongs into a date.
            Token::Escaped(quoted) => unescaped(quoted).map_or(Class::Text, moment_class),
            Token::Number(text) => Number::split(text).map_or(Class::Text, number_class),
            Token::Boolean(value) => Class::Boolean(value),
            Token::Document(_) | Token::EmptyObject => Class::Text,
        })
    }

    /// Converts to the type all values of a column have been found to fit; `None` if it does not fit.
    pub(crate) fn value(self, column_type: ColumnType) -> Option<Value<'a>> {
        if column_type == ColumnType::Text {
            return Some(self.text().map_or(Value::Null, Value::Text));
        }
        match self.class() {
            Some(class) => self.value_of(&class, column_type),
            None => Some(Value::Null),
        }
    }

    /// Converts the token, whose class is known.
    pub(crate) fn value_of(self, class: &Class<'a>, column_type: ColumnType) -> Option<Value<'a>> {
        match (column_type, class) {
            (ColumnType::Text, _) => self.text().map(Value::Text),
            (ColumnType::Boolean, Class::Boolean(value)) => Some(Value::Boolean(*value)),
            (ColumnType::BigInt, Class::Integer(value)) => Some(Value::BigInt(*value)),
            (ColumnType::Double, Class::Decimal(number)) => number.double().map(Value::Double),
            (ColumnType::Double, Class::Integer(_)) => self.number()?.double().map(Value::Double),
            (ColumnType::Decimal { precision, scale }, Class::Decimal(number)) => {
                number.decimal(precision, scale).map(Value::Decimal)
            }
            (ColumnType::Decimal { precision, scale }, Class::Integer(_)) => {
                self.number()?.decimal(precision, scale).map(Value::Decimal)
            }
            (ColumnType::Date, Class::Date(days)) => Some(Value::Date(*days)),
            (ColumnType::Timestamp, Class::Date(days)) => {
                Some(Value::Timestamp(time::midnight(*days)))
            }
            (ColumnType::Timestamp, Class::Timestamp(micros) | Class::Zoned(micros)) => {
                Some(Value::Timestamp(*micros))
            }
            _ => None,
        }
    }

    /// Returns the token's number; the class has told that it is one.
    fn number(self) -> Option<Number<'a>> {
        match self {
            Token::Field(text) | Token::Number(text) => Number::split(text),
            Token::LocalNumber(local) => Number::split(&local.plain),
            _ => None,
        }
    }
}

/// Decodes a JSON string; fails on lone surrogates.
pub(crate) fn unquoted(quoted: &str) -> Result<Cow<'_, str>, serde_json::Error> {
    match unescaped(quoted) {
        Some(text) => Ok(Cow::Borrowed(text)),
        None => serde_json::from_str(quoted).map(Cow::Owned),
    }
}

/// Returns the inside of a JSON string that needs no decoding.
fn unescaped(quoted: &str) -> Option<&str> {
    let inside = quoted.get(1..quoted.len().checked_sub(1)?)?;
    (!inside.as_bytes().contains(&b'\\')).then_some(inside)
}

/// Whether a text is a number and nothing else.
pub(crate) fn is_numeral(text: &str) -> bool {
    Number::split(text).is_some()
}

fn moment_class<'a>(text: &str) -> Class<'a> {
    match time::moment(text) {
        Some(Moment::Date(days)) => Class::Date(days),
        Some(Moment::Naive(micros)) => Class::Timestamp(micros),
        Some(Moment::Zoned(micros)) => Class::Zoned(micros),
        None => Class::Text,
    }
}

fn field_class(text: &str) -> Class<'_> {
    match text.as_bytes() {
        [b't' | b'T' | b'f' | b'F', ..] => boolean(text).map_or(Class::Text, Class::Boolean),
        [b'0'..=b'9', b'0'..=b'9', b'0'..=b'9', b'0'..=b'9', b'-', ..] => moment_class(text),
        [b'0'..=b'9' | b'-' | b'.', ..] => Number::split(text)
            .filter(Number::is_plainly_written)
            .map_or(Class::Text, number_class),
        _ => Class::Text,
    }
}

/// Reads `true` or `false` in any case.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

fn number_class(number: Number<'_>) -> Class<'_> {
    if number.is_integer() {
        return number.text().parse().map_or(Class::Huge, Class::Integer);
    }
    if number.is_beyond_double() {
        return Class::Inexact;
    }
    Class::Decimal(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_look_like_numbers_or_not() {
        for text in [
            "", "-", ".", "-.", "e5", "1e", "1e+", "1.e5x", "--1", "+1", "1_000", "1,5", "٣",
            "0x10", "1e5.0",
        ] {
            assert_eq!(Number::split(text), None, "{text}");
        }
        assert_eq!(
            Token::Field("9007199254740993").class(),
            Some(Class::Integer(9_007_199_254_740_993))
        );
        assert_eq!(Token::Field("1.0E+400").class(), Some(Class::Inexact));
        assert_eq!(Token::Field("1.0E-400").class(), Some(Class::Inexact));
        assert_eq!(Token::Number("1e400").class(), Some(Class::Inexact));
        for tiny in ["5e-324", "1.23456789e-320", "2.2250738585072011e-308"] {
            assert_eq!(Token::Number(tiny).class(), Some(Class::Inexact), "{tiny}");
        }
        let least = Token::Number("2.2250738585072014e-308");
        assert_eq!(
            least.value(ColumnType::Double),
            Some(Value::Double(f64::MIN_POSITIVE))
        );
        assert_eq!(
            Token::Number("0e-400").value(ColumnType::Double),
            Some(Value::Double(0.0))
        );
    }
}

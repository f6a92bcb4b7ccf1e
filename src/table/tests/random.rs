//! Random tokens and files, the same in every run: nothing panics, nothing changes its meaning.

use super::{csv, files, render, rules};
use crate::data::token::Token;
use crate::data::{ColumnType, Value};
use crate::rules::columns::ColumnRule;
use crate::source::Format;

/// The same numbers on every machine and in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % u64::try_from(sides).unwrap()).unwrap()
    }

    fn text(&mut self, alphabet: &[&str], longest: usize) -> String {
        let length = self.roll(longest) + 1;
        (0..length)
            .map(|_| alphabet[self.roll(alphabet.len())])
            .collect()
    }
}

/// Same number: equal digits once point, exponent and sign are taken into account.
fn same_number(text: &str, value: &Value<'_>) -> bool {
    match value {
        Value::BigInt(value) => text.parse::<i64>().is_ok_and(|expected| expected == *value),
        Value::Double(value) => {
            text.parse::<f64>()
                .is_ok_and(|expected| expected.to_bits() == value.to_bits())
                && value.is_finite()
                && format!("{value:?}")
                    .parse::<f64>()
                    .is_ok_and(|again| again.to_bits() == value.to_bits())
        }
        _ => false,
    }
}

#[test]
fn no_token_panics_and_every_typed_value_keeps_its_meaning() {
    let alphabets: [&[&str]; 4] = [
        &["0", "1", "9", "-", ".", "e", "E", "+", "5", "00"],
        &[
            "2024", "-", "01", "31", "T", " ", ":", "Z", "+", "00", "12", ".", "5", "9999",
        ],
        &["tr", "ue", "TRUE", "false", "F", "", "n", "null", " "],
        &[
            "a",
            "é",
            "\u{1F600}",
            "\0",
            "\\",
            "\"",
            "{",
            "}",
            "[",
            "]",
            ",",
            "\n",
            "1",
            "\u{ad}",
        ],
    ];
    let mut dice = Dice(42);
    let mut typed = 0;
    for round in 0..200_000 {
        let token = dice.text(alphabets[round % 4], 8);
        let quoted = serde_json::to_string(&token).unwrap();
        let value = Token::Field(&token);
        for token in [
            Token::Number(&token),
            Token::Escaped(&quoted),
            Token::Text(&token),
            Token::Document(&token),
        ] {
            assert!(token.class().is_some());
        }
        for line in [
            "a: bigint",
            "a: decimal(38,10)",
            "a: timestamp tz Europe/Berlin",
            "a: date format epoch-ms",
            "a: json",
        ]
        .iter()
        .skip(round % 5)
        .take(1)
        {
            drop(crate::typing::cast::convert(
                &ColumnRule::parse(line).unwrap(),
                value,
            ));
        }
        let Some(class) = value.class() else { continue };
        let column_type = crate::typing::infer::KindsSeen::of(&class)
            .resolve()
            .column_type;
        let converted = value.value(column_type).unwrap();
        match (&converted, column_type) {
            (Value::Text(text), ColumnType::Text) => assert_eq!(*text, token),
            (Value::Boolean(value), ColumnType::Boolean) => {
                assert_eq!(value.to_string(), token.to_lowercase());
            }
            (Value::Date(_) | Value::Timestamp(_), _) => {
                typed += 1;
                assert_eq!(time_again(&converted), time_by_jiff(&token), "{token}");
            }
            (Value::Decimal(digits), ColumnType::Decimal { scale, .. }) => {
                let number = crate::data::number::Number::split(&token).unwrap();
                assert_eq!(number.decimal(38, scale), Some(*digits), "{token}");
            }
            _ => {
                typed += 1;
                assert!(same_number(&token, &converted), "{token} {converted:?}");
            }
        }
    }
    assert!(typed > 10_000, "{typed}");
}

fn time_again(value: &Value<'_>) -> jiff::Timestamp {
    match value {
        Value::Date(days) => jiff::Timestamp::from_second(i64::from(*days) * 86_400).unwrap(),
        Value::Timestamp(micros) => jiff::Timestamp::from_microsecond(*micros).unwrap(),
        other => panic!("{other:?} is no time"),
    }
}

/// The library's own parser as a second opinion.
fn time_by_jiff(text: &str) -> jiff::Timestamp {
    let instant = text.parse::<jiff::Timestamp>();
    instant.unwrap_or_else(|_| {
        let civil: jiff::civil::DateTime = text.parse().unwrap();
        civil.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp()
    })
}

#[test]
fn no_file_panics() {
    let pieces = [
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"a\"",
        "\"b\"",
        "1",
        "null",
        "true",
        " ",
        "\n",
        "\"data\"",
        "{\"a\":1}",
        "\\",
        "\"",
    ];
    let csv_pieces = ["a", ",", "\n", "\"", "\r\n", "1", "x", " ", "\u{feff}"];
    let mut dice = Dice(7);
    for _ in 0..1500 {
        let text = dice.text(&pieces, 14);
        for format in [Format::Json, Format::NdJson] {
            let files = files(&[(format, text.as_bytes())]);
            render(
                &files.staged,
                &rules(["", "/data", "/*", "/a/0"][dice.roll(4)], ""),
            );
        }
        csv(&dice.text(&csv_pieces, 14), "a: bigint\nb: text from /x");
    }
}

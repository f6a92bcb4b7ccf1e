//! What to write so that a value fits its declared type, made from the value itself.

use jiff::fmt::strtime::BrokenDownTime;

use crate::data::ColumnType;
use crate::data::number::Number;
use crate::rules::columns::{ColumnRule, RuleKind};
use crate::rules::csv::CsvOptions;

/// Dates as they are written in practice; both orders of day and month are tried.
const DATES: [&str; 8] = [
    "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%Y/%m/%d", "%Y%m%d", "%d %b %Y", "%d-%b-%Y",
];

/// Times of day behind a date.
const TIMES: [&str; 5] = [
    " %H:%M:%S",
    " %H:%M",
    " %I:%M:%S %p",
    " %I:%M %p",
    "T%H:%M:%S",
];

/// Returns the hint for a value that does not fit, if anything is better than text.
pub(crate) fn of(rule: &ColumnRule, value: &str) -> Option<String> {
    let RuleKind::Typed(column_type) = rule.kind else {
        return None;
    };
    let value = value.trim();
    match column_type {
        ColumnType::BigInt | ColumnType::Double | ColumnType::Decimal { .. } => number(value),
        ColumnType::Date | ColumnType::Timestamp if rule.format.is_none() => {
            moment(&rule.name, column_type, value)
        }
        ColumnType::Boolean => {
            let words = ["0", "1", "y", "n", "yes", "no", "j", "ja", "nein"];
            words.contains(&value.to_lowercase().as_str()).then(|| {
                let name = &rule.name;
                format!("leave `{name}` undeclared or `text` in `columns`, and compare it in `sql`, as in `\"{name}\" = '{value}'`")
            })
        }
        _ => None,
    }
}

/// Marks between thousands and a decimal comma are said in `csv`.
fn number(value: &str) -> Option<String> {
    // What is a number already has another fault.
    if Number::split(value).is_some() {
        return None;
    }
    let ways = [
        (None, Some(","), "csv: thousands=,"),
        (Some(","), None, "csv: decimal=,"),
        (Some(","), Some("."), "csv: decimal=, thousands=."),
        (None, Some("'"), "csv: thousands='"),
        (None, Some("space"), "csv: thousands=space"),
        (Some(","), Some("space"), "csv: decimal=, thousands=space"),
    ];
    let (.., option) = ways.into_iter().find(|(decimal, thousands, _)| {
        let options = CsvOptions::read(|key| match key {
            "decimal" => *decimal,
            "thousands" => *thousands,
            _ => None,
        });
        let mut plain = String::new();
        let is_read = options.is_ok_and(|options| options.numbers.read(value, &mut plain));
        is_read && Number::split(plain.strip_prefix('+').unwrap_or(&plain)).is_some()
    })?;
    Some(format!(
        "if the source is CSV and writes numbers like this, set `{option}`; else fix the source"
    ))
}

/// A pattern that reads the value; two if it may be read in two ways.
fn moment(name: &str, column_type: ColumnType, value: &str) -> Option<String> {
    let reads = |pattern: &str| {
        BrokenDownTime::parse(pattern, value).is_ok_and(|parsed| parsed.to_date().is_ok())
    };
    let mut found: Vec<String> = Vec::new();
    for date in DATES {
        for time in [""].iter().chain(&TIMES) {
            let pattern = format!("{date}{time}");
            if (time.is_empty() || column_type == ColumnType::Timestamp) && reads(&pattern) {
                found.push(format!("`{name}: {column_type} format {pattern}`"));
            }
        }
    }
    if found.is_empty()
        && let Some(number) = Number::split(value).filter(|number| number.integer().is_some())
    {
        let format = match number.lengths() {
            (10, _) => "epoch",
            (13, _) => "epoch-ms",
            _ => return None,
        };
        found.push(format!("`{name}: {column_type} format {format}`"));
    }
    (!found.is_empty())
        .then(|| format!("say in `columns` how it is written: {}", found.join(" or ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_are_made_from_the_value() {
        for (line, value, expected) in [
            ("a: double", "1,234.50", "`csv: thousands=,`"),
            ("a: double", "1234,5", "`csv: decimal=,`"),
            (
                "a: decimal(9,2)",
                "1.234,50",
                "`csv: decimal=, thousands=.`",
            ),
            ("a: bigint", "1 234 567", "`csv: thousands=space`"),
            ("a: date", "31.01.2024", "`a: date format %d.%m.%Y`"),
            (
                "a: date",
                "01/02/2024",
                "`a: date format %d/%m/%Y` or `a: date format %m/%d/%Y`",
            ),
            ("a: date", "31/01/2024", "`a: date format %d/%m/%Y`"),
            (
                "a: timestamp",
                "31.01.2024 10:20",
                "`a: timestamp format %d.%m.%Y %H:%M`",
            ),
            (
                "a: timestamp",
                "1/31/2024 10:20:30 PM",
                "format %m/%d/%Y %I:%M:%S %p",
            ),
            ("a: timestamp", "1694532425", "format epoch`"),
            ("a: timestamp", "1694532425580", "format epoch-ms`"),
            ("a: boolean", "Y", "= 'Y'"),
        ] {
            let hint = of(&ColumnRule::parse(line).unwrap(), value).unwrap_or_default();
            assert!(hint.contains(expected), "{line} {value}: {hint}");
        }
        for (line, value) in [
            ("a: double", "abc"),
            ("a: date", "soon"),
            ("a: text", "1,5"),
            ("a: bigint", "2.5.1"),
            ("a: decimal(9,2)", "1.234"),
        ] {
            assert_eq!(
                of(&ColumnRule::parse(line).unwrap(), value),
                None,
                "{value}"
            );
        }
    }
}

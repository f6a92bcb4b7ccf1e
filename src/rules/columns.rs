//! What the user declares about columns, and how the `columns` lines spell it.

use std::fmt;

use jiff::fmt::strtime::{self, BrokenDownTime};
use jiff::tz::TimeZone;

use crate::data::ColumnType;
use crate::data::path;
use crate::say::nearest;

/// One declared column: a line of the `columns` input.
#[derive(Clone, Debug)]
pub struct ColumnRule {
    /// The column's name, exactly.
    pub name: String,
    /// What becomes of it.
    pub kind: RuleKind,
    /// Keys to its place in a record, or a header; its own name if absent.
    pub from: Option<Vec<String>>,
    /// Zone of times that name none; only for timestamps.
    pub tz: Option<TimeZone>,
    /// How dates and times are written, if not in ISO 8601.
    pub format: Option<TimeFormat>,
}

/// What becomes of a declared column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleKind {
    /// Every value has this type.
    Typed(ColumnType),
    /// The value's JSON, kept as text.
    Json,
    /// The column is left out, with everything inside it.
    Skip,
}

/// How a declared date or time is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TimeFormat {
    /// A strptime pattern.
    Pattern(String),
    /// Seconds since 1970-01-01 00:00:00 UTC.
    Epoch,
    /// Milliseconds since 1970-01-01 00:00:00 UTC.
    EpochMillis,
    /// ISO 8601, or `/Date(milliseconds)/` of the older `OData` in JSON; for doubles also `INF`, `-INF` and `NaN`.
    OData,
}

impl RuleKind {
    /// Returns the type of the column, if there is to be one.
    pub fn column_type(self) -> Option<ColumnType> {
        match self {
            RuleKind::Typed(column_type) => Some(column_type),
            RuleKind::Json => Some(ColumnType::Text),
            RuleKind::Skip => None,
        }
    }
}

impl fmt::Display for RuleKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RuleKind::Typed(column_type) => write!(f, "{column_type}"),
            RuleKind::Json => f.write_str("json"),
            RuleKind::Skip => f.write_str("skip"),
        }
    }
}

const TYPES: [&str; 9] = [
    "text",
    "boolean",
    "bigint",
    "double",
    "decimal",
    "date",
    "timestamp",
    "json",
    "skip",
];

/// Other people's names for our types.
const FOREIGN: [(&str, &str); 19] = [
    ("string", "text"),
    ("str", "text"),
    ("varchar", "text"),
    ("char", "text"),
    ("uuid", "text"),
    ("bool", "boolean"),
    ("int", "bigint"),
    ("integer", "bigint"),
    ("long", "bigint"),
    ("int64", "bigint"),
    ("float", "double"),
    ("real", "double"),
    ("float64", "double"),
    ("number", "double"),
    ("numeric", "decimal(p,s)"),
    ("datetime", "timestamp"),
    ("timestamptz", "timestamp"),
    ("object", "json"),
    ("ignore", "skip"),
];

impl ColumnRule {
    /// Reads `name: type [from /path] [tz Zone] [format PATTERN]`.
    ///
    /// The name ends at the first `:` after which the rest of the line is valid, so it may contain blanks, dots
    /// and colons; quotes around the whole name are taken off, `""` inside them is a quote. The pattern goes to the
    /// end of the line. A path with ` tz ` or ` format ` in it is written in quotes.
    pub fn parse(line: &str) -> Result<ColumnRule, String> {
        let mut first_error = None;
        for (colon, _) in line.match_indices(':') {
            match rule(&line[..colon], &line[colon + 1..]) {
                Ok(rule) => return Ok(rule),
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        Err(first_error.unwrap_or_else(|| format!("expected `name: type`: `{}`", line.trim())))
    }

    /// Returns whether values are read as the declared type without any further instruction.
    pub(crate) fn is_naive_timestamp(&self) -> bool {
        self.kind == RuleKind::Typed(ColumnType::Timestamp)
            && self.tz.is_none()
            && self.format.is_none()
    }
}

fn rule(name: &str, rest: &str) -> Result<ColumnRule, String> {
    let name = unquoted(name.trim());
    if name.is_empty() {
        return Err(String::from("a column needs a name: expected `name: type`"));
    }
    if name.contains('\0') {
        return Err(String::from(
            "a column name cannot contain the NUL character",
        ));
    }
    let about = |problem: String| format!("column `{name}`: {problem}");
    let (kind, rest) = kind(rest.trim_start()).map_err(about)?;
    let mut rule = ColumnRule {
        name: name.clone(),
        kind,
        from: None,
        tz: None,
        format: None,
    };
    options(&mut rule, rest.trim()).map_err(about)?;
    check(&rule).map_err(about)?;
    Ok(rule)
}

fn unquoted(name: &str) -> String {
    match name
        .strip_prefix('"')
        .and_then(|name| name.strip_suffix('"'))
    {
        Some(inside) => inside.replace("\"\"", "\""),
        None => name.to_owned(),
    }
}

fn kind(text: &str) -> Result<(RuleKind, &str), String> {
    let end = text
        .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    let lower = word.to_ascii_lowercase();
    let kind = match lower.as_str() {
        "text" => RuleKind::Typed(ColumnType::Text),
        "boolean" => RuleKind::Typed(ColumnType::Boolean),
        "bigint" => RuleKind::Typed(ColumnType::BigInt),
        "double" => RuleKind::Typed(ColumnType::Double),
        "date" => RuleKind::Typed(ColumnType::Date),
        "timestamp" => RuleKind::Typed(ColumnType::Timestamp),
        "json" => RuleKind::Json,
        "skip" => RuleKind::Skip,
        "decimal" => {
            let (column_type, rest) = decimal(rest.trim_start())?;
            return Ok((RuleKind::Typed(column_type), rest));
        }
        _ => {
            return Err(unknown_type(
                text.split_whitespace().next().unwrap_or_default(),
                &lower,
            ));
        }
    };
    if rest.starts_with(|c: char| !c.is_whitespace()) {
        return Err(format!(
            "expected `from`, `tz` or `format` after `{lower}`: `{rest}`"
        ));
    }
    Ok((kind, rest))
}

fn decimal(text: &str) -> Result<(ColumnType, &str), String> {
    let Some((inside, rest)) = text.strip_prefix('(').and_then(|text| text.split_once(')')) else {
        return Err(String::from(
            "`decimal` needs its digits, as in `decimal(18,2)`: without them every fraction would be cut",
        ));
    };
    let (precision, scale) = inside.split_once(',').unwrap_or((inside, ""));
    match (precision.trim().parse(), scale.trim().parse()) {
        (Ok(precision @ 1..=38), Ok(scale)) if scale <= precision => {
            Ok((ColumnType::Decimal { precision, scale }, rest))
        }
        (Ok(_), Err(_)) if scale.trim().is_empty() => Err(format!(
            "`decimal` needs a scale as well, as in `decimal(18,2)`: `decimal({inside})`"
        )),
        _ => Err(format!(
            "`decimal(p,s)` has 1 to 38 digits in all, s of them after the point: `decimal({inside})`"
        )),
    }
}

fn unknown_type(word: &str, lower: &str) -> String {
    let foreign = FOREIGN
        .iter()
        .find(|(name, _)| *name == lower)
        .map(|(_, ours)| *ours);
    match foreign.or_else(|| nearest(lower, TYPES)) {
        Some(near) => format!("unknown type `{word}`, did you mean `{near}`?"),
        None => format!(
            "unknown type `{word}`, expected one of `{}`",
            TYPES.join(" ")
        ),
    }
}

fn options(rule: &mut ColumnRule, mut text: &str) -> Result<(), String> {
    while !text.is_empty() {
        let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let rest = rest.trim();
        if rest.is_empty() && matches!(word, "from" | "tz" | "format") {
            return Err(format!("`{word}` needs a value"));
        }
        text = match word {
            "from" if rule.from.is_none() => {
                let (path, after) = path_and_rest(rest);
                rule.from = Some(path::keys(path)?);
                after
            }
            "tz" if rule.tz.is_none() => {
                let (zone, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
                rule.tz = Some(time_zone(zone)?);
                after.trim()
            }
            "format" => {
                rule.format = Some(match rest {
                    "epoch" => TimeFormat::Epoch,
                    "epoch-ms" => TimeFormat::EpochMillis,
                    pattern => TimeFormat::Pattern(pattern.to_owned()),
                });
                ""
            }
            "from" | "tz" => return Err(format!("`{word}` is given twice")),
            _ => return Err(format!("expected `from`, `tz` or `format`: `{word}`")),
        };
    }
    Ok(())
}

fn path_and_rest(text: &str) -> (&str, &str) {
    if let Some((path, rest)) = text.strip_prefix('"').and_then(|text| text.split_once('"')) {
        return (path, rest.trim());
    }
    let end = [" tz ", " format "]
        .iter()
        .filter_map(|word| text.find(word))
        .min();
    let (path, rest) = text.split_at(end.unwrap_or(text.len()));
    (path.trim(), rest.trim())
}

fn time_zone(name: &str) -> Result<TimeZone, String> {
    let found = TimeZone::get(name);
    found.map_err(|_| {
        let names: Vec<String> = jiff::tz::db()
            .available()
            .map(|name| name.as_str().to_owned())
            .collect();
        match nearest(name, names.iter().map(String::as_str)) {
            Some(near) => format!("unknown time zone `{name}`, did you mean `{near}`?"),
            None => format!("unknown time zone `{name}`, expected a name like `Europe/Berlin`"),
        }
    })
}

fn check(rule: &ColumnRule) -> Result<(), String> {
    let is_timestamp = rule.kind == RuleKind::Typed(ColumnType::Timestamp);
    if rule.tz.is_some() && !is_timestamp {
        return Err(format!(
            "`tz` is only for `timestamp`, not for `{}`",
            rule.kind
        ));
    }
    let Some(format) = &rule.format else {
        return Ok(());
    };
    if !is_timestamp && rule.kind != RuleKind::Typed(ColumnType::Date) {
        return Err(format!(
            "`format` is only for `date` and `timestamp`, not for `{}`",
            rule.kind
        ));
    }
    match format {
        TimeFormat::Pattern(pattern) => check_pattern(pattern),
        TimeFormat::Epoch | TimeFormat::EpochMillis if rule.tz.is_some() => Err(String::from(
            "an epoch counts in UTC, so `tz` has no meaning here",
        )),
        TimeFormat::Epoch | TimeFormat::EpochMillis | TimeFormat::OData => Ok(()),
    }
}

/// Translates a pattern as Java and Excel write it, such as `dd.MM.yyyy HH:mm`.
fn translated(pattern: &str) -> Option<String> {
    if pattern.contains('%') {
        return None;
    }
    let chars: Vec<char> = pattern.chars().collect();
    let mut text = String::new();
    for run in chars.chunk_by(|a, b| a == b) {
        let directive = match (run[0], run.len()) {
            ('y' | 'Y' | 'u', 4) => "%Y",
            ('y' | 'Y', 2) => "%y",
            ('M', 3) => "%b",
            ('M', 4) => "%B",
            ('M', _) => "%m",
            ('d' | 'D', 1 | 2) => "%d",
            ('H', _) => "%H",
            ('h', _) => "%I",
            ('m', _) => "%M",
            ('s', _) => "%S",
            ('S', _) => "%f",
            ('a', 1) => "%p",
            ('X' | 'x' | 'Z', _) => "%z",
            ('\'', _) => "",
            (letter, _) if letter.is_ascii_alphabetic() && letter != 'T' => return None,
            _ => {
                text.extend(run);
                continue;
            }
        };
        text.push_str(directive);
    }
    text.contains("%d").then_some(text)
}

/// A pattern is good if what it writes can be read back as a day.
fn check_pattern(pattern: &str) -> Result<(), String> {
    let sample = jiff::civil::date(2024, 1, 31)
        .at(10, 20, 30, 0)
        .to_zoned(TimeZone::UTC);
    let sample = sample.map_err(|error| error.to_string())?;
    for word in [" tz ", " from "] {
        if let Some((before, after)) = pattern.split_once(word) {
            let (before, word) = (before.trim(), word.trim());
            return Err(format!(
                "the pattern goes to the end of the line, so it is `{pattern}`; write `{word} {}` before it: `{word} {} format {before}`",
                after.trim(),
                after.trim()
            ));
        }
    }
    if let Some(translated) = translated(pattern) {
        return Err(format!(
            "`format {pattern}` is no strptime pattern, did you mean `format {translated}`?"
        ));
    }
    let written = strtime::format(pattern, &sample)
        .map_err(|error| format!("`format {pattern}`: {error}"))?;
    let read = BrokenDownTime::parse(pattern, &written)
        .map_err(|error| format!("`format {pattern}`: {error}"))?;
    if read.timestamp().is_none() && read.to_date().is_err() {
        return Err(format!(
            "`format {pattern}` does not name a full date, as `%Y-%m-%d` does"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(line: &str) -> String {
        ColumnRule::parse(line).unwrap_err()
    }

    #[test]
    fn reads_lines() {
        let rule = ColumnRule::parse(
            "at: timestamp from /meta/Created At tz Europe/Berlin format %d.%m.%Y %H:%M",
        )
        .unwrap();
        assert_eq!(rule.name, "at");
        assert_eq!(rule.kind, RuleKind::Typed(ColumnType::Timestamp));
        assert_eq!(rule.from.unwrap(), ["meta", "Created At"]);
        assert_eq!(rule.tz.unwrap().iana_name(), Some("Europe/Berlin"));
        assert_eq!(
            rule.format.unwrap(),
            TimeFormat::Pattern(String::from("%d.%m.%Y %H:%M"))
        );

        let rule = ColumnRule::parse("  Unit price: DECIMAL( 10 , 2 )").unwrap();
        assert_eq!(rule.name, "Unit price");
        assert_eq!(
            rule.kind,
            RuleKind::Typed(ColumnType::Decimal {
                precision: 10,
                scale: 2
            })
        );

        assert_eq!(ColumnRule::parse("xs:date: date").unwrap().name, "xs:date");
        assert_eq!(
            ColumnRule::parse("\"user.\"\"name\"\"\": text")
                .unwrap()
                .name,
            "user.\"name\""
        );
        assert_eq!(
            ColumnRule::parse("n: text from \"/a tz b\"")
                .unwrap()
                .from
                .unwrap(),
            ["a tz b"]
        );
        assert_eq!(
            ColumnRule::parse("t: date format epoch-ms").unwrap().format,
            Some(TimeFormat::EpochMillis)
        );
    }

    #[test]
    fn explains_what_is_wrong() {
        let cases = [
            ("amount", "expected `name: type`"),
            (": text", "needs a name"),
            ("a: integer", "did you mean `bigint`"),
            ("a: timestmp", "did you mean `timestamp`"),
            ("a: polygon", "expected one of"),
            ("a: decimal", "every fraction would be cut"),
            ("a: decimal(18)", "needs a scale"),
            ("a: decimal(39,2)", "1 to 38"),
            ("a: decimal(5,6)", "1 to 38"),
            ("a: decimal(0,0)", "1 to 38"),
            (
                "a: timestamp tz Europe/Berln",
                "did you mean `Europe/Berlin`",
            ),
            ("a: timestamp tz", "`tz` needs a value"),
            ("a: date tz UTC", "only for `timestamp`"),
            ("a: text format %Y", "only for `date` and `timestamp`"),
            ("a: date format %d.%m.", "full date"),
            ("a: date format %Q1", "format %Q1"),
            ("a: timestamp tz UTC format epoch", "counts in UTC"),
            (
                "a: date format dd.MM.yyyy",
                "did you mean `format %d.%m.%Y`?",
            ),
            (
                "a: timestamp format yyyy-MM-dd'T'HH:mm:ss",
                "did you mean `format %Y-%m-%dT%H:%M:%S`?",
            ),
            (
                "a: timestamp format %d.%m.%Y tz Europe/Berlin",
                "`tz Europe/Berlin format %d.%m.%Y`",
            ),
            ("a: text from data.a", "did you mean `/data/a`"),
            ("a: text form /a", "expected `from`"),
        ];
        for (line, part) in cases {
            assert!(error(line).contains(part), "{line} -> {}", error(line));
        }
    }
}

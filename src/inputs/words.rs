//! The small languages inputs are written in: lines, pairs, options, and values such as lengths of time and sizes.

use std::num::NonZeroU32;
use std::time::Duration;

use super::problems::InputProblems;
use crate::http::{Rate, Url};
use crate::rules::csv::CsvOptions;
use crate::say;
use crate::tableau::PublishMode;

/// One request a second would take a day for what some sources hold; this is for the careful.
const MOST_A_SECOND: f64 = 1_000.0;
const MOST_RETRIES: u32 = 50;

/// One line of an input, without blanks around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    /// Counted from 1 in the input as it is written, blank lines and comments included.
    pub(super) number: usize,
    /// Never empty.
    pub(super) text: &'a str,
}

impl Entry<'_> {
    /// Says where something is wrong.
    pub(super) fn says(&self, problem: impl std::fmt::Display) -> String {
        format!("line {}: {problem}", self.number)
    }
}

/// Returns the lines of a text that are neither blank nor a comment.
pub(super) fn split(text: &str) -> impl Iterator<Item = Entry<'_>> {
    let lines = text.lines().enumerate().map(|(index, line)| Entry {
        number: index + 1,
        text: line.trim(),
    });
    lines.filter(|entry| !entry.text.is_empty() && !entry.text.starts_with('#'))
}

/// `name: value` entries; a value may hold further colons.
pub(super) fn pairs<'a>(
    entries: &[Entry<'a>],
    input: &'static str,
    problems: &mut InputProblems,
) -> Vec<(Entry<'a>, &'a str, &'a str)> {
    let mut pairs: Vec<(Entry, &str, &str)> = Vec::new();
    for entry in entries {
        let pair = entry.text.split_once(':');
        match pair.map(|(name, value)| (name.trim(), value.trim())) {
            Some((name, value)) if !name.is_empty() => {
                if pairs.iter().any(|(_, given, _)| *given == name) {
                    problems.add(input, entry.says(format!("`{name}` is given twice")));
                } else {
                    pairs.push((*entry, name, value));
                }
            }
            // The line itself is not shown: it may be a secret.
            _ => problems.add(input, entry.says("it has no colon: write `name: value`")),
        }
    }
    pairs
}

/// An input split into its words and pairs. A value is taken as it stands, or between `"`.
#[derive(Debug)]
pub(super) struct Options<'a> {
    /// Bare words in their order; what begins with `/` is one, whatever it holds.
    pub(super) words: Vec<String>,
    pairs: Vec<(&'a str, String)>,
}

impl<'a> Options<'a> {
    /// Splits a text; a key that is not among `known` is an error, and so is one given twice.
    pub(super) fn parse(text: &str, known: &[&'a str]) -> Result<Options<'a>, String> {
        let mut options = Options {
            words: Vec::new(),
            pairs: Vec::new(),
        };
        let mut rest = text.trim();
        while !rest.is_empty() {
            if rest.starts_with('#') {
                rest = rest.split_once('\n').map_or("", |(_, after)| after.trim());
                continue;
            }
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            let word = &rest[..end];
            let pair = word.split_once('=').filter(|_| !word.starts_with('/'));
            let Some((key, _)) = pair else {
                options.words.push(word.to_owned());
                rest = rest[end..].trim_start();
                continue;
            };
            let known_key = known.iter().find(|known| **known == key);
            let Some(key) = known_key else {
                return Err(unknown(key, known));
            };
            let (value, after) = value(key, &rest[key.len() + 1..])?;
            if options.get(key).is_some() {
                return Err(format!("`{key}` is given twice"));
            }
            options.pairs.push((key, value));
            rest = after.trim_start();
        }
        Ok(options)
    }

    /// Whether there are pairs and no other words.
    pub(super) fn has_only_pairs(&self) -> bool {
        self.words.is_empty() && !self.pairs.is_empty()
    }

    /// Returns the value given for a key.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        let pair = self.pairs.iter().find(|(given, _)| *given == key);
        pair.map(|(_, value)| value.as_str())
    }
}

/// The value at the beginning of a text, and what follows it.
fn value<'t>(key: &str, text: &'t str) -> Result<(String, &'t str), String> {
    let Some(inner) = text.strip_prefix('"').filter(|inner| !is_alone(inner)) else {
        let end = text.find(char::is_whitespace).unwrap_or(text.len());
        return Ok((text[..end].to_owned(), &text[end..]));
    };
    let mut value = String::new();
    let mut rest = inner;
    while let Some((before, after)) = rest.split_once('"') {
        value += before;
        // Doubled, it stands for itself, as in CSV.
        if let Some(after) = after.strip_prefix('"') {
            value.push('"');
            rest = after;
        } else if after.is_empty() || after.starts_with(char::is_whitespace) {
            return Ok((value, after));
        } else {
            return Err(format!(
                "after the closing `\"` of `{key}` there must be a blank"
            ));
        }
    }
    Err(format!("the value of `{key}` has no closing `\"`"))
}

/// Whether the `\"` before this text is a value of its own (`quote=" decimal=,`) and opens nothing.
fn is_alone(after: &str) -> bool {
    if !after.is_empty() && !after.starts_with(char::is_whitespace) {
        return false;
    }
    let closing = after.trim_start().strip_prefix('"');
    !closing.is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace))
}

fn unknown(key: &str, known: &[&str]) -> String {
    let likely = match did_you_mean(key, known) {
        none if none.is_empty() => format!("; valid are {}", known.join(", ")),
        likely => likely,
    };
    format!("there is no option `{key}`{likely}")
}

/// A whole number from 0.
pub(super) fn count(text: &str) -> Result<u64, String> {
    text.parse()
        .map_err(|_| format!("`{text}` is not a whole number: write digits only, such as `1000`"))
}

/// What YAML 1.2 and the runner's own toolkit take for a boolean.
pub(super) fn boolean(text: &str) -> Result<bool, String> {
    match text {
        "true" | "True" | "TRUE" => Ok(true),
        "false" | "False" | "FALSE" => Ok(false),
        _ => {
            let plain = text.trim_matches(['"', '\'']).to_ascii_lowercase();
            let meant = match plain.as_str() {
                "false" | "no" | "off" | "n" | "0" => ": write `false`",
                "true" | "yes" | "on" | "y" | "1" => ": write `true`",
                _ => "",
            };
            Err(format!("`{text}` is neither `true` nor `false`{meant}"))
        }
    }
}

/// `60m`, `90s`, `1h 30m`; `0` is no time at all.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let parsed: Option<jiff::SignedDuration> = text.parse().ok();
    parsed
        .and_then(|duration| Duration::try_from(duration).ok())
        .ok_or_else(|| {
            format!(
                "`{text}` is no length of time: write it with a unit, such as `60m`, `90s` or `0`"
            )
        })
}

/// A number of seconds, or a length of time with its unit.
pub(super) fn seconds(text: &str, least: Duration, most: Duration) -> Result<Duration, String> {
    let length = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            duration(text).map_err(|_| format!("`{text}` is no number of seconds, such as `60`"))?
        }
    };
    if (least..=most).contains(&length) {
        Ok(length)
    } else {
        let (least, most) = (least.as_secs(), most.as_secs());
        Err(format!(
            "`{text}` is not between {least} and {most} seconds"
        ))
    }
}

/// How often a request is made at most, from a number of retries up to 50.
pub(super) fn attempts(text: &str) -> Result<NonZeroU32, String> {
    let retries: Option<u32> = text.parse().ok();
    retries
        .filter(|retries| *retries <= MOST_RETRIES)
        .and_then(|retries| NonZeroU32::new(retries + 1))
        .ok_or_else(|| format!("`{text}` is not a number between 0 and {MOST_RETRIES}"))
}

/// `2/s`, `100/m`, `0.5/s`, `5000/h`.
pub(super) fn rate(text: &str) -> Result<Rate, String> {
    let wrong = || {
        format!(
            "`{text}` is no rate: write requests a second, minute or hour, such as `2/s`, `100/m` or `5000/h`"
        )
    };
    let (number, unit) = text.split_once('/').ok_or_else(wrong)?;
    let unit = match unit {
        "s" | "sec" | "second" => 1.0,
        "m" | "min" | "minute" => 60.0,
        "h" | "hour" => 3_600.0,
        _ => return Err(wrong()),
    };
    let number: f64 = number.parse().map_err(|_| wrong())?;
    let spacing = Duration::try_from_secs_f64(unit / number).map_err(|_| wrong())?;
    if number / unit > MOST_A_SECOND {
        return Err(format!(
            "`{text}` is more than {MOST_A_SECOND} a second; leave `rate` out to ask as fast as the source answers"
        ));
    }
    if spacing > Duration::from_hours(1) {
        return Err(format!("`{text}` is less than one an hour"));
    }
    Ok(Rate(spacing))
}

/// `500MB`, `1GiB`, or a plain number of bytes.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let wrong =
        || format!("`{text}` is no size: write a number and its unit, such as `500MB` or `1GiB`");
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "kib" | "k" => 1 << 10,
        "mib" | "m" => 1 << 20,
        "gib" | "g" => 1 << 30,
        _ => return Err(wrong()),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let whole = number
        .checked_mul(unit)
        .filter(|bytes| (1 << 10..=1 << 40).contains(bytes));
    whole.ok_or_else(|| format!("`{text}` is not between 1KiB and 1024GiB"))
}

/// What a run does with the data that is published already.
pub(super) fn mode(text: &str) -> Result<PublishMode, String> {
    const MODES: [(&str, PublishMode); 3] = [
        ("overwrite", PublishMode::Overwrite),
        ("append", PublishMode::Append),
        ("create-new", PublishMode::CreateNew),
    ];
    let found = MODES
        .iter()
        .find(|(name, _)| *name == text)
        .map(|(_, mode)| *mode);
    found.ok_or_else(|| {
        let names = MODES.map(|(name, _)| name);
        not_one_of(text, &names)
    })
}

/// Reads the `csv` input: pairs only.
pub(super) fn csv_options(text: &str) -> Result<CsvOptions, String> {
    let options = Options::parse(text, &CsvOptions::KEYS)?;
    match options.words.first() {
        Some(word) => Err(format!(
            "`{word}` is no option: write `key=value`, as in `delimiter=; decimal=,`"
        )),
        None => CsvOptions::read(|key| options.get(key)),
    }
}

/// Returns `; did you mean …?`, or nothing if none of the names is near.
pub(super) fn did_you_mean(text: &str, names: &[&str]) -> String {
    match say::nearest(text, names.iter().copied()) {
        Some(name) => format!("; did you mean `{name}`?"),
        None => String::new(),
    }
}

/// Says that a word is none of those an input takes.
pub(super) fn not_one_of(text: &str, names: &[&str]) -> String {
    format!(
        "`{text}` is not one of {}{}",
        names.join(", "),
        did_you_mean(text, names)
    )
}

/// Whether an address is on this machine: nobody listens on the way.
pub(super) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost"
        || host
            .parse()
            .is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_as_they_are_written() {
        let entries: Vec<(usize, &str)> = split("\n# a\n  x: 1 \n\n#\ny")
            .map(|entry| (entry.number, entry.text))
            .collect();
        assert_eq!(entries, [(3, "x: 1"), (6, "y")]);
    }

    const KNOWN: [&str; 4] = ["delimiter", "quote", "null", "timeout"];

    fn parse(text: &str) -> Result<Options<'static>, String> {
        Options::parse(text, &KNOWN)
    }

    #[test]
    fn words_and_pairs_are_told_apart() {
        let options = parse("next /a=b\n# timeout=1\n timeout=60  last:/id null=a=b").unwrap();
        assert_eq!(options.words, ["next", "/a=b", "last:/id"]);
        assert_eq!(options.get("timeout"), Some("60"));
        assert_eq!(options.get("null"), Some("a=b"));
        assert_eq!(options.get("quote"), None);
        assert!(parse("").unwrap().words.is_empty());
    }

    #[test]
    fn a_value_in_quotes_may_hold_blanks_and_quotes() {
        let get = |text: &str, key: &str| parse(text).unwrap().get(key).unwrap().to_owned();
        assert_eq!(get(r#"null="n / a" timeout=1"#, "null"), "n / a");
        assert_eq!(get(r#"null="say ""x""" timeout=1"#, "null"), r#"say "x""#);
        assert_eq!(get(r#"null="" timeout=1"#, "null"), "");
        assert_eq!(get("null= timeout=1", "null"), "");
        assert_eq!(get(r#"delimiter=" " quote=""#, "delimiter"), " ");
        // The documented default of `csv` is written this way.
        assert_eq!(get(r#"quote=" null="x""#, "quote"), "\"");
        assert_eq!(get(r#"quote="""""#, "quote"), "\"");
        assert_eq!(get(r#"delimiter=; quote=""#, "quote"), "\"");
    }

    #[test]
    fn mistakes_are_named() {
        assert_eq!(
            parse("timout=3").unwrap_err(),
            "there is no option `timout`; did you mean `timeout`?"
        );
        assert_eq!(
            parse("xyz=3").unwrap_err(),
            "there is no option `xyz`; valid are delimiter, quote, null, timeout"
        );
        assert_eq!(parse("null=a null=b").unwrap_err(), "`null` is given twice");
        assert!(parse(r#"null="a"#).unwrap_err().contains("no closing"));
        assert!(parse(r#"null="a"b"#).unwrap_err().contains("a blank"));
    }

    #[test]
    fn times_have_units() {
        assert_eq!(duration("60m"), Ok(Duration::from_hours(1)));
        assert_eq!(duration("1h 30m"), Ok(Duration::from_mins(90)));
        assert_eq!(duration("0"), Ok(Duration::ZERO));
        assert!(duration("60").unwrap_err().contains("unit"));
        assert!(duration("-5m").is_err());
    }

    #[test]
    fn sizes_rates_and_times_have_ranges() {
        assert_eq!(size("1GiB"), Ok(1 << 30));
        assert_eq!(size("500MB"), Ok(500_000_000));
        assert_eq!(size("2048"), Ok(2048));
        for wrong in [
            "",
            "1",
            "many",
            "1 PB",
            "2048GiB",
            "-1GB",
            "99999999999999999999GB",
        ] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
        let spacing = |text: &str| rate(text).map(|Rate(spacing)| spacing.as_millis());
        assert_eq!(spacing("2/s"), Ok(500));
        assert_eq!(spacing("0.5/s"), Ok(2_000));
        assert_eq!(spacing("120/m"), Ok(500));
        for wrong in [
            "2", "0/s", "-1/s", "nan/s", "inf/s", "2/d", "5000/s", "0.5/h", "1e999/s",
        ] {
            assert!(rate(wrong).is_err(), "{wrong}");
        }
        let (least, most) = (Duration::from_secs(1), Duration::from_hours(6));
        let time = |text: &str| seconds(text, least, most).map(|time| time.as_secs());
        assert_eq!([time("60"), time("2m")], [Ok(60), Ok(120)]);
        for wrong in ["0", "7h", "21601", "soon", "-1", "1.5"] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
        assert!(attempts("0").is_ok_and(|n| n.get() == 1));
        assert!(attempts("51").is_err() && attempts("-1").is_err());
    }
}

//! How numbers, names and values are said to people: one way for all rooms.

use std::time::Duration;

use crate::secrets;

/// Longest piece of data in a message, in characters.
const SHOWN: usize = 60;

/// How alike a name must be to be taken for a misspelling of another.
const NEAR: f64 = 0.75;

/// Most names in a list.
const LISTED: usize = 20;

/// Returns `1 row`, `1,234 rows`.
pub fn count(n: impl TryInto<u64>, noun: &str) -> String {
    match n.try_into().unwrap_or(u64::MAX) {
        1 => format!("1 {noun}"),
        n => format!("{} {noun}s", grouped(n)),
    }
}

/// Returns `1,234,567`.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Returns a length of time as a person says it, rounded up: `601 s`, `5 hours`, `31 days`, `more than 10 years`.
pub fn span(length: Duration) -> String {
    match length.as_secs() {
        seconds @ 0..7_200 => format!("{seconds} s"),
        seconds @ 7_200..172_800 => count(seconds.div_ceil(3_600), "hour"),
        seconds @ 172_800..=315_360_000 => count(seconds.div_ceil(86_400), "day"),
        _ => "more than 10 years".to_owned(),
    }
}

/// Returns a number of bytes as a person says it.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KB", "MB", "GB", "TB"];
    if bytes < 1_000 {
        return count(bytes, "byte");
    }
    let mut tenths = bytes / 100;
    let mut unit = 0;
    while tenths >= 10_000 && unit + 1 < UNITS.len() {
        tenths /= 1_000;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

/// Shows a value: in backticks, short, without control characters and secrets.
pub fn quoted(value: &str) -> String {
    in_backticks(secrets::quote(value, SHOWN))
}

/// Shows a value within what is in backticks already: short, without control characters and secrets.
pub fn shown(value: &str) -> String {
    harmless(secrets::quote(value, SHOWN))
}

fn in_backticks(value: String) -> String {
    format!("`{}`", harmless(value))
}

/// Shows the end or the beginning of something longer that was cut where a secret may be: in backticks, short.
pub fn quoted_part(text: &str) -> String {
    in_backticks(secrets::quote_part(text, SHOWN))
}

/// Escapes control characters: names and values come from the data and must not become lines of a log.
pub fn harmless(text: String) -> String {
    if !text.contains(char::is_control) {
        return text;
    }
    text.chars()
        .flat_map(|character| {
            let escaped = character.is_control().then(|| character.escape_debug());
            let plain = (!character.is_control()).then_some(character);
            plain.into_iter().chain(escaped.into_iter().flatten())
        })
        .collect()
}

/// Lists names: in backticks, the first few of them.
pub fn listed<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    let mut names: Vec<String> = names.into_iter().map(quoted).collect();
    let more = names.len().saturating_sub(LISTED);
    names.truncate(LISTED);
    let list = names.join(", ");
    if more > 0 {
        format!("{list} and {more} more")
    } else {
        list
    }
}

/// How alike two names are without regard to case, from 0 to 1 (Jaro-Winkler: a common beginning counts most).
pub fn likeness(one: &str, other: &str) -> f64 {
    strsim::jaro_winkler(&one.to_lowercase(), &other.to_lowercase())
}

/// Returns the candidate that a mistyped name most likely means, if one is near.
pub fn nearest<'c>(name: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let length = name.chars().count();
    // A common beginning counts so much that of a long word its first letter alone would be near.
    let is_comparable = |candidate: &&str| {
        let other = candidate.chars().count();
        2 * length.min(other) >= length.max(other)
    };
    let rated = candidates
        .into_iter()
        .filter(is_comparable)
        .map(|candidate| (likeness(name, candidate), candidate));
    let (likeness, candidate) = rated.max_by(|(a, _), (b, _)| a.total_cmp(b))?;
    (likeness >= NEAR).then_some(candidate)
}

/// Whether a word is another one with a letter or two wrong; of a short word nearly every other is two letters away.
pub fn is_misspelling(word: &str, meant: &str) -> bool {
    let most = (word.chars().count() / 3).min(2);
    strsim::osa_distance(word, meant) <= most
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_said_as_a_person_would() {
        assert_eq!(
            [
                count(1u64, "row"),
                count(0u64, "row"),
                count(1_000u64, "row")
            ],
            ["1 row", "0 rows", "1,000 rows"]
        );
        let said = [0, 999, 65_536, 1_234_567].map(grouped);
        assert_eq!(said, ["0", "999", "65,536", "1,234,567"]);
        let said = [999, 1_000, 65_536, 999_949, 1_000_000, 2_147_483_648].map(size);
        assert_eq!(
            said,
            [
                "999 bytes",
                "1.0 KB",
                "65.5 KB",
                "999.9 KB",
                "1.0 MB",
                "2.1 GB"
            ]
        );
    }

    #[test]
    fn values_are_shown_short_and_harmless() {
        assert_eq!(quoted("a\nb\u{1b}[0m"), "`a\\nb\\u{1b}[0m`");
        assert_eq!(harmless(String::from("a\nb")), "a\\nb");
        assert_eq!(quoted(&"x".repeat(100)).chars().count(), 63);
    }

    #[test]
    fn the_nearest_name_is_found_whatever_its_case() {
        let names = ["Amount", "created_at", "id"];
        assert_eq!(nearest("amout", names), Some("Amount"));
        assert_eq!(nearest("createdat", names), Some("created_at"));
        assert_eq!(nearest("weather", names), None);
        assert_eq!(nearest("bogus", ["b"]), None);
        assert!(is_misspelling("sorce", "source"));
        assert!(!is_misspelling("id", "ip"));
    }
}

//! Records that are written alike are taken by routine: to the same rows as if each were looked at with care.

use proptest::prelude::*;

use super::*;

/// Keys with values that records may have there, the usual ones first.
const KEYS: [(&str, &[&str]); 9] = [
    (
        "id",
        &[
            "1",
            "2",
            "3",
            "-4",
            "9007199254740993",
            "null",
            "0.5",
            "\"x\"",
        ],
    ),
    (
        "name",
        &["\"a\"", "\"é\"", "\"\"", "\"x\\ny\"", "null", "7"],
    ),
    ("on", &["true", "false", "true", "null"]),
    (
        "x",
        &[
            "0.5",
            "12.25",
            "3",
            "79.19099999999999",
            "1e5",
            "null",
            "1e400",
        ],
    ),
    (
        "at",
        &[
            "\"2024-01-31T10:00:00Z\"",
            "\"2024-01-31T10:00:00.25Z\"",
            "null",
            "\"soon\"",
        ],
    ),
    (
        "in",
        &[
            "{\"x\":1}",
            "{\"x\":2,\"y\":[1]}",
            "{}",
            "null",
            "{\"y\":\"\\u00e9\"}",
        ],
    ),
    ("list", &["[1,2]", "[]", "[{\"z\":1}]", "null"]),
    ("code", &["\"007\"", "7", "null", "true"]),
    ("gone", &["1", "{\"x\":{}}", "\"\"", "[]"]),
];

const COLUMNS: [&str; 4] = [
    "",
    "code: text\ngone: skip",
    "in: json\nfirst: bigint from /list/0",
    "deep: bigint from /in/x\nx: decimal(38,20)",
];

/// Writes records one a line; `blank` tells how many blanks stand before a key.
fn write(rows: &[Vec<usize>], n_keys: usize, blank: impl Fn(usize) -> usize) -> String {
    let mut text = String::new();
    for (index, row) in rows.iter().enumerate() {
        for (position, (key, values)) in KEYS.iter().take(n_keys).enumerate() {
            text.push(if position == 0 { '{' } else { ',' });
            text.push_str(&" ".repeat(blank(index)));
            let value = values[row[position] % values.len()];
            write!(text, "\"{key}\":{value}").unwrap();
        }
        text.push_str("}\n");
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn records_written_alike_are_taken_as_others(
        rows in prop::collection::vec(prop::collection::vec(prop_oneof![9 => 0..3usize, 1 => 0..8usize], KEYS.len()), 1..40),
        n_keys in 1..=KEYS.len(),
        columns in prop::sample::select(COLUMNS.to_vec()),
    ) {
        let rules = rules("", columns);
        let read = |text: &str| render(&files(&[(Format::NdJson, text.as_bytes())]).staged, &rules);
        let alike = read(&write(&rows, n_keys, |_| 0));
        let others = read(&write(&rows, n_keys, |index| index % 3));
        prop_assert_eq!(alike, others);
    }
}

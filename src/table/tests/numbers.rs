//! Numbers that a double does not give back, and columns that are text for one value: every notation, any order.

use super::super::*;
use super::{contains, csv, files, json, notices, render, rules};
use crate::source::Format;

fn xml(values: &[&str]) -> String {
    let rows: Vec<String> = values
        .iter()
        .map(|v| format!("<i><x>{v}</x></i>"))
        .collect();
    format!("<a>{}</a>", rows.join(""))
}

fn objects(values: &[&str]) -> String {
    let rows: Vec<String> = values.iter().map(|v| format!("{{\"x\":{v}}}")).collect();
    format!("[{}]", rows.join(","))
}

/// The column and the rows that values come to in JSON, CSV and XML, which agree; in any order of the values.
#[track_caller]
fn read(values: &[&str]) -> String {
    let mut turned: Vec<&str> = values.to_vec();
    turned.reverse();
    let lines = |text: String| -> Vec<String> {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines[1..].sort();
        lines
    };
    let expected = json(&objects(values), "", "");
    for values in [values, &turned] {
        let of_json = json(&objects(values), "", "");
        assert_eq!(lines(of_json.clone()), lines(expected.clone()));
        assert_eq!(csv(&format!("x\n{}\n", values.join("\n")), ""), of_json);
        let content = xml(values);
        let files = files(&[(Format::Xml, content.as_bytes())]);
        assert_eq!(render(&files.staged, &rules("/a/i", "")), of_json);
    }
    expected
}

#[test]
fn a_number_that_its_double_does_not_give_back_is_kept_as_a_decimal() {
    for (values, expected) in [
        (
            &["922337203685477.5807", "1.5"][..],
            "x decimal(38,4)\n#9223372036854775807\n#15000",
        ),
        (
            &["-922337203685477.5807", "-1.50"],
            "x decimal(38,4)\n#-9223372036854775807\n#-15000",
        ),
        (
            &["12345678901234.567", "7"],
            "x decimal(18,3)\n#12345678901234567\n#7000",
        ),
        (
            &["1234567890.12345678e1", "1.5"],
            "x decimal(18,7)\n#123456789012345678\n#15000000",
        ),
        (
            &["1.2345678901234567890e-3", "2.5"],
            "x decimal(38,21)\n#1234567890123456789\n#2500000000000000000000",
        ),
        (
            &["9007199254740993.0", "1.0"],
            "x decimal(18,0)\n#9007199254740993\n#1",
        ),
        (
            &["9007199254740993.000000000000000000000000000000", "2.5"],
            "x decimal(18,1)\n#90071992547409930\n#25",
        ),
        // The digits of every number count, not only of those that a double loses.
        (
            &["1234567.123456789012", "999999999999999"],
            "x decimal(38,12)\n#1234567123456789012\n#999999999999999000000000000",
        ),
        (
            &["0.12345678901234567890123456789012345678", "0"],
            "x decimal(38,38)\n#12345678901234567890123456789012345678\n#0",
        ),
        // What is noise comes back as it was, and what is short does.
        (
            &["0.30000000000000004", "79.19099999999999"],
            "x double\n0.30000000000000004\n79.19099999999999",
        ),
        (&["5e-324", "1.5"], "x text\n5e-324\n1.5"),
        (&["1.0e+20", "0.000"], "x double\n1e20\n0.0"),
        (
            &["9007199254740992", "0.5"],
            "x double\n9007199254740992.0\n0.5",
        ),
        (&["1600000000000000000", "0.5"], "x double\n1.6e18\n0.5"),
        (
            &["1694532425580298240", "0.5"],
            "x decimal(38,1)\n#16945324255802982400\n#5",
        ),
        (
            &["1694532425580298240", "5"],
            "x bigint\n1694532425580298240\n5",
        ),
    ] {
        if values.contains(&"5e-324") {
            assert_eq!(json(&objects(values), "", ""), expected);
        } else {
            assert_eq!(read(values), expected);
        }
    }
}

#[test]
fn digits_that_no_type_keeps_are_told() {
    let values = ["1e30", "0.123456789012345678"];
    assert_eq!(
        json(&objects(&values), "", ""),
        "x double\n1e30\n0.12345678901234568"
    );
    for (values, record) in [(values, 2), ([values[1], values[0]], 1)] {
        let told = notices(Format::Json, &objects(&values), "");
        let record = format!("(record {record})");
        contains(
            &told,
            &[
                "column `x` is double",
                "0.123456789012345678",
                &record,
                "decimal(p,s)",
                "`x: text`",
            ],
        );
    }
    assert_eq!(
        notices(Format::Json, &objects(&["0.1234567890123456", "2"]), ""),
        ""
    );
}

#[test]
fn other_notations_of_numbers_keep_their_digits() {
    let rules = Rules {
        csv: CsvOptions::read(|key| match key {
            "decimal" => Some(","),
            "thousands" => Some("."),
            "delimiter" => Some(";"),
            _ => None,
        })
        .unwrap(),
        ..Rules::default()
    };
    let files = files(&[(Format::Csv, "x\n922.337.203.685.477,5807\n1,5\n".as_bytes())]);
    assert_eq!(
        render(&files.staged, &rules),
        "x decimal(38,4)\n#9223372036854775807\n#15000"
    );
}

#[test]
fn a_declared_column_that_is_not_there_is_told_with_the_nearest_name() {
    let told = notices(
        Format::Csv,
        "amount,zip\n1,2\n",
        "amuont: double\nnothing: text",
    );
    contains(
        &told,
        &["not in the data, so null: `amuont`, `nothing`; did you mean `amount` for `amuont`?"],
    );
}

#[test]
fn a_declared_name_in_other_letters_is_told_as_the_data_has_it() {
    contains(
        &csv("Amount,zip\n1,2\n", "amount: double"),
        &[
            "differ only in case",
            "the data has `Amount`",
            "not `amount`",
        ],
    );
    contains(&csv("Amount,amount\n1,2\n", ""), &["`amount: skip`"]);
}

#[test]
fn a_text_among_numbers_is_told_wherever_it_is() {
    for (values, told) in [
        (
            ["NA", "1", "2"],
            "record 1 holds `NA`, before bigint values",
        ),
        (["1", "NA", "2"], "record 2 holds `NA`, after bigint values"),
        (["1", "2", "NA"], "record 3 holds `NA`, after bigint values"),
        (
            ["NA", "2024-01-31", "x"],
            "record 1 holds `NA`, before date values",
        ),
        (
            ["NA", "2.5", "1"],
            "record 1 holds `NA`, before double values",
        ),
        (
            ["NA", "true", "true"],
            "record 1 holds `NA`, before boolean values",
        ),
        (
            ["NA", "x", "12345678901234567890"],
            "record 3 holds `12345678901234567890`, which no number type keeps exactly",
        ),
    ] {
        let expected = format!("column `x` is text: {told}");
        assert_eq!(
            notices(Format::Csv, &format!("x\n{}\n", values.join("\n")), ""),
            expected
        );
        assert_eq!(
            notices(Format::Xml, &xml(&values), "").lines().last(),
            Some(expected.as_str())
        );
        let is_word =
            |value: &str| !value.starts_with(|c: char| c.is_ascii_digit()) && value != "true";
        let written: Vec<String> = values
            .iter()
            .map(|value| {
                if is_word(value) || value.contains("-01-") {
                    format!("\"{value}\"")
                } else {
                    value.to_string()
                }
            })
            .collect();
        let written: Vec<&str> = written.iter().map(String::as_str).collect();
        assert_eq!(notices(Format::Json, &objects(&written), ""), expected);
        // Whichever rows come first.
        csv(&format!("x\n{}\n", values.join("\n")), "");
    }
    assert_eq!(notices(Format::Csv, "x\nNA\nb\n", ""), "");
}

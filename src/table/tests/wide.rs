//! Very many columns: one limit for every format, and time that grows with their number only.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use super::super::*;
use super::{contains, files, rules};
use crate::source::Format;
use crate::typing::layout::MOST_COLUMNS;

/// A document of one row in every notation.
fn row(format: Format, n: usize) -> String {
    let mut text = String::new();
    let each =
        |text: &mut String, write: &dyn Fn(&mut String, usize)| (0..n).for_each(|k| write(text, k));
    match format {
        Format::Json => {
            each(&mut text, &|text, k| {
                let comma = if k == 0 { "[{" } else { "," };
                write!(text, "{comma}\"k{k}\":{k}").unwrap();
            });
            text + "}]"
        }
        Format::Xml => {
            each(&mut text, &|text, k| {
                write!(text, "<k{k}>{k}</k{k}>").unwrap();
            });
            format!("<a><i>{text}</i><i/></a>")
        }
        _ => {
            let names: Vec<String> = (0..n).map(|k| format!("k{k}")).collect();
            let values: Vec<String> = (0..n).map(|k| k.to_string()).collect();
            format!("{}\n{}\n", names.join(","), values.join(","))
        }
    }
}

fn width(contents: &[(Format, &[u8])], columns: &str) -> Result<usize, String> {
    let files = files(contents);
    let table = Table::read(&files.staged, &rules("", columns));
    match table {
        Ok(table) => Ok(table.columns().len()),
        Err(error) => Err(format!(
            "{error} -- {}",
            error.hint.as_deref().unwrap_or_default()
        )),
    }
}

#[test]
fn the_limit_is_the_same_for_every_format() {
    for format in [Format::Json, Format::Csv, Format::Xml] {
        let most = row(format, MOST_COLUMNS);
        assert_eq!(
            width(&[(format, most.as_bytes())], ""),
            Ok(MOST_COLUMNS),
            "{format:?}"
        );
        let more = row(format, MOST_COLUMNS + 1);
        let error = width(&[(format, more.as_bytes())], "").unwrap_err();
        contains(&error, &["there are more than 5000 columns", "skip`"]);
        assert_eq!(
            width(&[(format, more.as_bytes())], "k7: skip"),
            Ok(MOST_COLUMNS),
            "{format:?}"
        );
    }
    let other = b"x,y\n1,2\n";
    let most = row(Format::Csv, MOST_COLUMNS - 1);
    let error = width(&[(Format::Csv, most.as_bytes()), (Format::Csv, other)], "").unwrap_err();
    contains(&error, &["file-1", "there are more than 5000 columns"]);
}

#[test]
fn very_many_names_take_no_time() {
    let start = Instant::now();
    let equal = format!("{}a\n", "a,".repeat(40_000));
    let near: Vec<String> = (0..40_000).map(|k| format!("a_{}", k / 2)).collect();
    let near = format!("{}\n", near.join(","));
    for text in [equal, near] {
        contains(
            &width(&[(Format::Csv, text.as_bytes())], "").unwrap_err(),
            &["more than 5000"],
        );
    }
    for format in [Format::Json, Format::Xml] {
        let text = row(format, 20_000);
        contains(
            &width(&[(format, text.as_bytes())], "").unwrap_err(),
            &["more than 5000"],
        );
    }
    let all: Vec<String> = (0..MOST_COLUMNS)
        .map(|k| format!("r{k}: text from /k{k}"))
        .collect();
    for format in [Format::Json, Format::Csv, Format::Xml] {
        let text = row(format, MOST_COLUMNS);
        assert_eq!(
            width(&[(format, text.as_bytes())], &all.join("\n")),
            Ok(MOST_COLUMNS)
        );
    }
    // Some seconds without optimization, and minutes if it grew with the square.
    assert!(
        start.elapsed() < Duration::from_mins(1),
        "{:?}",
        start.elapsed()
    );
}

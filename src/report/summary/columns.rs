//! The table of columns: type, empty values, and where the values lie.

use std::fmt::Write;

use super::text::{clip, grouped, percent};
use crate::events::count;
use crate::hyper::{Extract, ResultColumn};

/// A longer table is folded.
const FOLDED: usize = 25;
/// Bytes of the table at most. GitHub drops a summary above 1 MiB, and this is its largest part.
const BYTES: usize = 700_000;
/// Characters of a name.
const NAME: usize = 100;
/// Characters of a value.
const VALUE: usize = 48;

/// Adds the table of an extract's columns.
pub(super) fn columns(text: &mut String, extract: &Extract) {
    let title = count(extract.columns.len(), "column");
    let is_folded = extract.columns.len() > FOLDED;
    if is_folded {
        let _ = writeln!(text, "<details><summary>{title}</summary>\n");
    } else {
        let _ = writeln!(text, "### {title}\n");
    }
    text.push_str("| Column | Type | Empty | Least | Greatest |\n|---|---|--:|---|---|\n");
    let end = text.len() + BYTES;
    for (index, column) in extract.columns.iter().enumerate() {
        let line = line(column, extract.rows);
        if text.len() + line.len() > end {
            let more = extract.columns.len() - index;
            let _ = writeln!(
                text,
                "| … and {more} more, see the output `schema` | | | | |"
            );
            break;
        }
        text.push_str(&line);
    }
    text.push_str(if is_folded { "\n</details>\n\n" } else { "\n" });
}

fn line(column: &ResultColumn, rows: u64) -> String {
    let value = |value: &Option<String>| {
        value
            .as_deref()
            .map(|value| clip(value, VALUE))
            .unwrap_or_default()
    };
    format!(
        "| {} | {} | {} | {} | {} |\n",
        clip(&column.name, NAME),
        column.result_type,
        empty(column.nulls, rows),
        value(&column.least),
        value(&column.greatest)
    )
}

/// Most columns have no gaps; a column of zeros would hide those that do.
fn empty(nulls: u64, rows: u64) -> String {
    match nulls {
        0 => "–".to_owned(),
        nulls => format!("{} ({})", grouped(nulls), percent(nulls, rows)),
    }
}

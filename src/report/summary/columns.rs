//! The table of columns: type, empty values, and where the values lie.

use std::fmt::Write;

use super::text::{clip, clip_value, percent};
use crate::hyper::{Extract, ResultColumn};
use crate::say::{count, grouped};

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
            .map(|value| clip_value(value, VALUE))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::ColumnType;
    use crate::hyper::ResultType;

    #[test]
    fn the_longest_names_and_values_stay_within_the_limit() {
        let column = |_| ResultColumn {
            name: "&".repeat(300),
            result_type: ResultType::Plain(ColumnType::Text),
            nulls: 1,
            least: Some("|".repeat(60)),
            greatest: None,
        };
        let mut extract = Extract {
            path: "x.hyper".into(),
            bytes: 0,
            rows: 2,
            columns: (0..1_000).map(column).collect(),
        };
        let mut text = String::new();
        columns(&mut text, &extract);
        assert!(text.len() < BYTES + 500, "{}", text.len());
        let shown = text.matches("| text | 1 (50 %) |").count();
        assert!((500..1_000).contains(&shown), "{shown}");
        assert!(text.contains(&format!("… and {} more", 1_000 - shown)));
        assert!(text.ends_with("\n</details>\n\n"));

        extract.columns.truncate(3);
        let mut text = String::new();
        columns(&mut text, &extract);
        assert!(text.starts_with("### 3 columns\n"), "{text}");
        assert!(!text.contains("more"), "{text}");
    }
}

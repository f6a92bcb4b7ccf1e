//! The table of inference vectors, run as files through both passes.

use super::super::*;
use super::{contains, files, shown};
use crate::data::{ColumnType, Value};
use crate::source::Format;

/// Quotes a value the way RFC 4180 asks.
fn field(value: &str) -> String {
    format!("\"{}\"", value.replace('"', "\"\""))
}

#[test]
fn every_inference_vector_holds() {
    let text = include_str!("../../../tests/fixtures/inference-vectors.txt");
    let (mut origin, mut counts) = ("", [0, 0]);
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        if let Some(section) = line.strip_prefix("-- ") {
            origin = section;
            continue;
        }
        let (name, rest) = line.split_once('[').unwrap();
        let (tokens, expected) = rest.rsplit_once("] -> ").unwrap();
        let tokens: Vec<String> = serde_json::from_str(&format!("[{tokens}]")).unwrap();
        assert!(!tokens.is_empty(), "{line}");
        let files = match origin {
            "text origin" => {
                counts[0] += 1;
                let rows: Vec<String> = tokens.iter().map(|token| field(token)).collect();
                files(&[(Format::Csv, format!("x\n{}\n", rows.join("\n")).as_bytes())])
            }
            "JSON origin" => {
                counts[1] += 1;
                let rows: Vec<String> = tokens
                    .iter()
                    .map(|token| format!("{{\"x\":{token}}}"))
                    .collect();
                files(&[(Format::Json, format!("[{}]", rows.join(",")).as_bytes())])
            }
            other => panic!("unknown section {other}"),
        };
        let table = Table::read(&files.staged, &Rules::default()).unwrap();
        let [Column { column_type, .. }] = table.columns() else {
            panic!("{name}: {:?}", table.columns())
        };
        let notices = table.notices().unwrap().join("\n");
        let (expected_type, marker) = expected.split_once(" (").unwrap_or((expected, ""));
        assert_eq!(
            column_type.to_string(),
            expected_type.replace("numeric", "decimal"),
            "{name}"
        );
        assert_eq!(
            notices.contains("in UTC"),
            marker == "UTC)",
            "{name}: {notices}"
        );
        assert_eq!(
            notices.contains("only nulls"),
            marker == "null-only)",
            "{name}: {notices}"
        );
        match marker {
            "" | "UTC)" | "null-only)" => {}
            "inexact number)" => contains(&notices, &["no number type keeps exactly"]),
            other => panic!("unknown marker {other}"),
        }
        let mut rows = 0;
        table
            .for_each_row::<anyhow::Error>(|row| {
                let token = tokens[rows].trim_matches('"');
                rows += 1;
                let is_null = token.is_empty() || token == "null";
                assert_eq!(row[0] == Value::Null, is_null, "{name}");
                if *column_type == ColumnType::Text && !is_null {
                    assert_eq!(row[0], Value::Text(token.into()), "{name}");
                }
                if marker == "UTC)" && token.ends_with("+02:00") {
                    assert_eq!(shown(&row[0]), "2024-01-31T08:00:00Z");
                }
                Ok(())
            })
            .unwrap();
        assert_eq!(rows, tokens.len(), "{name}");
    }
    assert_eq!(counts, [36, 18]);
}

//! Finds out what a file holds: content type, then name, then first bytes.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result};

use super::SourceError;
use crate::http;

/// How the bytes of a staged file are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON document.
    Json,
    /// One JSON document a line.
    NdJson,
    /// Comma-separated values with a header line.
    Csv,
    /// Apache Parquet.
    Parquet,
}

impl Format {
    /// All of them, in the order they are documented.
    pub const ALL: [Format; 4] = [Format::Json, Format::NdJson, Format::Csv, Format::Parquet];

    /// Returns the name in the `format` input.
    pub fn name(self) -> &'static str {
        match self {
            Format::Json => "json",
            Format::NdJson => "ndjson",
            Format::Csv => "csv",
            Format::Parquet => "parquet",
        }
    }
}

/// What is known about a file besides its bytes.
pub(super) struct Clues<'a> {
    /// The user's word, which is final.
    pub given: Option<Format>,
    /// The server's word.
    pub content_type: Option<&'a str>,
    /// Path of the URL or file; its extension counts.
    pub name: &'a str,
    /// For messages.
    pub origin: &'a str,
}

/// Enough to see a login page or where the first JSON document ends.
const LOOKED_AT: u64 = 64 << 10;

/// Decides how to read a file; a web page instead of data is an error whatever was announced.
pub(super) fn detect(path: &Path, clues: &Clues) -> Result<Format> {
    let mut head = Vec::new();
    File::open(path)
        .and_then(|file| file.take(LOOKED_AT).read_to_end(&mut head))
        .with_context(|| format!("cannot read `{}`", clues.origin))?;
    let text = head
        .strip_prefix(b"\xEF\xBB\xBF")
        .unwrap_or(&head)
        .trim_ascii_start();
    if is_html(text) {
        return Err(SourceError {
            problem: format!("`{}` is a web page where data was expected: {}", clues.origin, http::excerpt(text)),
            hint: Some("is this a login page? Check `source`, and whether the source wants `auth` or `headers`".into()),
        }
        .into());
    }
    let announced = clues.content_type.and_then(by_content_type);
    let found = clues
        .given
        .or(announced)
        .or_else(|| by_extension(clues.name))
        .or_else(|| by_bytes(text));
    let Some(format) = found else {
        let problem = if text.is_empty() {
            format!("`{}` is empty", clues.origin)
        } else {
            format!(
                "cannot tell what `{}` holds; it begins with: {}",
                clues.origin,
                http::excerpt(text)
            )
        };
        let names = Format::ALL.map(Format::name).join(", ");
        let hint = (!text.is_empty()).then(|| format!("set `format` to one of {names}"));
        return Err(SourceError { problem, hint }.into());
    };
    // No lines are no rows; an empty document is none at all.
    if text.is_empty() && format != Format::NdJson {
        let problem = format!(
            "`{}` is empty where {} was expected",
            clues.origin,
            format.name()
        );
        return Err(SourceError {
            problem,
            hint: Some("check what the address or file in `source` delivers".into()),
        }
        .into());
    }
    Ok(format)
}

fn is_html(text: &[u8]) -> bool {
    let head = String::from_utf8_lossy(&text[..text.len().min(100)]).to_ascii_lowercase();
    head.starts_with("<!doctype html") || head.starts_with("<html")
}

fn by_content_type(value: &str) -> Option<Format> {
    let kind = value
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    match kind.as_str() {
        "application/x-ndjson"
        | "application/ndjson"
        | "application/jsonl"
        | "application/x-jsonlines"
        | "application/jsonlines" => Some(Format::NdJson),
        "text/csv" | "application/csv" => Some(Format::Csv),
        "application/json" | "text/json" => Some(Format::Json),
        "application/vnd.apache.parquet" | "application/x-parquet" | "application/parquet" => {
            Some(Format::Parquet)
        }
        kind if kind.ends_with("+json") => Some(Format::Json),
        _ => None,
    }
}

fn by_extension(name: &str) -> Option<Format> {
    let extension = Path::new(name).extension()?.to_str()?.to_ascii_lowercase();
    match extension.as_str() {
        "json" | "geojson" => Some(Format::Json),
        "ndjson" | "jsonl" => Some(Format::NdJson),
        "csv" => Some(Format::Csv),
        "parquet" | "parq" => Some(Format::Parquet),
        _ => None,
    }
}

fn by_bytes(text: &[u8]) -> Option<Format> {
    if text.starts_with(b"PAR1") {
        return Some(Format::Parquet);
    }
    if matches!(text.first(), Some(b'{' | b'[')) {
        let mut documents =
            serde_json::Deserializer::from_slice(text).into_iter::<serde::de::IgnoredAny>();
        let first = documents.next();
        let rest = &text[documents.byte_offset()..];
        let is_followed = rest.starts_with(b"\n") || rest.starts_with(b"\r\n");
        return Some(match first {
            Some(Ok(_)) if is_followed && !rest.trim_ascii().is_empty() => Format::NdJson,
            _ => Format::Json,
        });
    }
    let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let is_text = std::str::from_utf8(line)
        .is_ok_and(|line| !line.chars().any(|c| c.is_control() && c != '\r'));
    (is_text && line.contains(&b',') && !line.starts_with(b"<")).then_some(Format::Csv)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, content_type: Option<&str>, name: &str, expected: Result<Format, &str>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, text).unwrap();
        let clues = Clues {
            given: None,
            content_type,
            name,
            origin: name,
        };
        match (detect(&path, &clues), expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected),
            (Err(error), Err(expected)) => assert_eq!(error.to_string(), expected),
            (found, expected) => panic!("{found:?} is not {expected:?}"),
        }
    }

    #[test]
    fn content_type_wins_over_name_and_bytes() {
        check(
            "a,b\n1,2\n",
            Some("text/csv; charset=utf-8"),
            "/export.json",
            Ok(Format::Csv),
        );
        check(
            "[1]",
            Some("application/vnd.api+json"),
            "/x.csv",
            Ok(Format::Json),
        );
    }

    #[test]
    fn a_generic_content_type_leaves_it_to_the_name() {
        check("a;b\n", Some("text/plain"), "/export.CSV", Ok(Format::Csv));
        check(
            "{}\n{}\n",
            Some("application/octet-stream"),
            "/x.jsonl",
            Ok(Format::NdJson),
        );
    }

    #[test]
    fn bytes_decide_at_last() {
        check(
            "\u{feff} {\"a\": 1}\n{\"a\": 2}\n",
            None,
            "/x",
            Ok(Format::NdJson),
        );
        check("{\"a\":\n1}\n", None, "/x", Ok(Format::Json));
        check("[1,\n2]", None, "/x", Ok(Format::Json));
        check("a,b\r\n1,2\r\n", None, "/x", Ok(Format::Csv));
        check(
            "\u{1}\u{2},",
            None,
            "/x",
            Err("cannot tell what `/x` holds; it begins with: ,"),
        );
    }

    #[test]
    fn a_web_page_is_never_data() {
        check(
            "\n<!DOCTYPE html><html><title>Sign in</title>",
            Some("application/json"),
            "/x.json",
            Err(
                "`/x.json` is a web page where data was expected: <!DOCTYPE html><html><title>Sign in</title>",
            ),
        );
    }

    #[test]
    fn nothing_is_no_document_but_no_lines_are_no_rows() {
        check(
            "",
            None,
            "/x.json",
            Err("`/x.json` is empty where json was expected"),
        );
        check(" \n", None, "/x", Err("`/x` is empty"));
        check("", None, "/x.ndjson", Ok(Format::NdJson));
    }
}

//! Finds out what a file holds: content type, then name, then first bytes.

pub(super) mod odata;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result};
use encoding_rs::{Encoding, UTF_8};

use super::format::Format;
use crate::http;
use crate::problem::Problem;

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
    if let Some((what, hint)) = binary(&head) {
        let problem = format!("`{}` is {what}, which cannot be read", clues.origin);
        return Err(Problem::new(problem).hint(hint).into());
    }
    let head = decoded(head);
    let text = head.trim_ascii_start();
    if is_html(text) {
        return Err(Problem::new(format!("`{}` is a web page where data was expected: {}", clues.origin, http::excerpt(text))).hint("is this a login page? Check `source`, and whether the source wants `auth` or `headers`")
        .into());
    }
    let announced = clues.content_type.and_then(by_content_type);
    let found = clues
        .given
        .or(announced)
        .or_else(|| by_extension(clues.name))
        .or_else(|| by_bytes(text));
    let found = found.map(|format| refined(format, clues.given, text));
    let Some(format) = found else {
        if text.is_empty() {
            return Err(Problem::new(format!("`{}` is empty", clues.origin)).into());
        }
        let names = Format::names().join(", ");
        return Err(Problem::new(format!(
            "cannot tell what `{}` holds; it begins with: {}",
            clues.origin,
            http::excerpt(text)
        ))
        .hint(format!("set `format` to one of {names}"))
        .into());
    };
    // No lines are no rows; an empty document is none at all.
    if text.is_empty() && format != Format::NdJson {
        let problem = format!(
            "`{}` is empty where {} was expected",
            clues.origin,
            format.name()
        );
        return Err(Problem::new(problem)
            .hint("check what the address or file in `source` delivers")
            .into());
    }
    Ok(format)
}

/// Tells by their first bytes files that are no text and of no format here, and says what to do about them.
fn binary(head: &[u8]) -> Option<(&'static str, &'static str)> {
    const SHEET: &str = "save the sheet as CSV and name that file in `source`";
    const UNPACK: &str = "unpack it before this step and name the files in `source`; single files may be packed with gzip or zstd";
    const OTHER: &str =
        "check what `source` delivers: it takes JSON, CSV, XML, OData, Parquet and Arrow";
    let has = |part: &[u8]| memchr::memmem::find(head, part).is_some();
    let kinds: [(&[u8], &str, &str); 15] = [
        (
            b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1",
            "an old Office document such as `.xls`",
            SHEET,
        ),
        (b"\x1F\x8B", "packed with gzip twice", UNPACK),
        (b"\x28\xB5\x2F\xFD", "packed with zstd twice", UNPACK),
        (b"BZh", "packed with bzip2", UNPACK),
        (b"\xFD7zXZ\0", "packed with xz", UNPACK),
        (b"7z\xBC\xAF\x27\x1C", "a 7z archive", UNPACK),
        (b"Rar!\x1A\x07", "a RAR archive", UNPACK),
        (b"%PDF-", "a PDF document", OTHER),
        (
            b"SQLite format 3\0",
            "an SQLite database",
            "export its tables as CSV before this step and name them in `source`",
        ),
        (b"\x89PNG\r\n\x1A\n", "a PNG picture", OTHER),
        (b"\xFF\xD8\xFF", "a JPEG picture", OTHER),
        (b"GIF8", "a GIF picture", OTHER),
        (
            b"FEA1",
            "a Feather file of version 1",
            "write it as Feather 2 or Parquet",
        ),
        (b"HyPe", "a Hyper extract", OTHER),
        (b"ORC", "an ORC file", OTHER),
    ];
    if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
        return Some(if has(b"xl/") || has(b"[Content_Types].xml") {
            ("an Excel workbook", SHEET)
        } else if has(b"opendocument.spreadsheet") {
            ("an OpenDocument sheet", SHEET)
        } else {
            ("a zip archive", UNPACK)
        });
    }
    let is_word = |magic: &[u8]| magic.is_ascii() && !magic.iter().any(u8::is_ascii_control);
    kinds
        .into_iter()
        .filter(|(magic, ..)| head.starts_with(magic))
        // A header line may begin with the same letters.
        .find(|(magic, ..)| {
            !is_word(magic) || *magic == b"%PDF-" || head.iter().take(512).any(|byte| *byte < 9)
        })
        .map(|(_, what, hint)| (what, hint))
}

/// Brings UTF-16 to UTF-8; a byte order mark is taken off.
fn decoded(head: Vec<u8>) -> Vec<u8> {
    match Encoding::for_bom(&head) {
        None => head,
        Some((encoding, length)) if encoding == UTF_8 => head[length..].to_vec(),
        Some((encoding, length)) => {
            let (text, _) = encoding.decode_without_bom_handling(&head[length..]);
            text.into_owned().into_bytes()
        }
    }
}

/// Tells `OData` from the JSON or XML it is written in.
fn refined(format: Format, given: Option<Format>, text: &[u8]) -> Format {
    let is_xml = text.starts_with(b"<");
    match (format, given) {
        (Format::OData, _) if is_xml => Format::Atom,
        (Format::Json, None) if odata::is_json(text) => Format::OData,
        (Format::Xml, None) if odata::is_atom(text) => Format::Atom,
        (format, _) => format,
    }
}

fn is_html(text: &[u8]) -> bool {
    let head = String::from_utf8_lossy(&text[..text.len().min(1000)]).to_ascii_lowercase();
    let mut rest = head.as_str();
    // XHTML comes with a declaration, pages with a comment.
    for (open, close) in [("<?xml", "?>"), ("<!--", "-->")] {
        if rest.starts_with(open) {
            rest = rest
                .split_once(close)
                .map_or("", |(_, after)| after)
                .trim_start();
        }
    }
    rest.starts_with("<!doctype html") || rest.starts_with("<html")
}

fn by_content_type(value: &str) -> Option<Format> {
    let kind = value
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let announced = Format::ALL
        .into_iter()
        .find(|format| format.describe().media_types.contains(&kind.as_str()));
    announced.or(match kind.as_str() {
        kind if kind.ends_with("+json") => Some(Format::Json),
        kind if kind.ends_with("+xml") => Some(Format::Xml),
        _ => None,
    })
}

fn by_extension(name: &str) -> Option<Format> {
    let extension = Path::new(name).extension()?.to_str()?.to_ascii_lowercase();
    Format::ALL
        .into_iter()
        .find(|format| format.describe().extensions.contains(&extension.as_str()))
}

fn by_bytes(text: &[u8]) -> Option<Format> {
    let begins = |format: &Format| {
        let beginnings = format.describe().beginnings;
        beginnings
            .iter()
            .any(|beginning| text.starts_with(beginning))
    };
    if let Some(known) = Format::ALL.iter().find(|format| begins(format)) {
        return Some(*known);
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
    if is_xml(text) {
        return Some(Format::Xml);
    }
    let line = text
        .split(|byte| matches!(byte, b'\n' | b'\r'))
        .next()
        .unwrap_or_default();
    // In which encoding is not the question here.
    let is_text = !line
        .iter()
        .any(|byte| byte.is_ascii_control() && *byte != b'\t');
    let has_fields = line.iter().any(|byte| matches!(byte, b',' | b';' | b'\t'));
    (is_text && has_fields && !line.starts_with(b"<")).then_some(Format::Csv)
}

/// A declaration, or an element with a name.
fn is_xml(text: &[u8]) -> bool {
    text.starts_with(b"<?xml")
        || matches!(text, [b'<', first, ..] if first.is_ascii_alphabetic() || *first == b'_')
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
    fn odata_is_told_from_what_it_is_written_in() {
        let v4 = r#"{"@odata.context":"https://x/$metadata#Orders","value":[]}"#;
        let atom = "<feed xmlns=\"http://www.w3.org/2005/Atom\" xmlns:m=\"http://schemas.microsoft.com/ado/2007/08/dataservices/metadata\"/>";
        check(
            v4,
            Some("application/json;odata.metadata=minimal"),
            "/Orders",
            Ok(Format::OData),
        );
        check(v4, None, "/Orders", Ok(Format::OData));
        check(
            atom,
            Some("application/atom+xml;type=feed"),
            "/Orders",
            Ok(Format::Atom),
        );
        check(
            "<feed xmlns=\"http://www.w3.org/2005/Atom\"/>",
            Some("application/atom+xml"),
            "/news",
            Ok(Format::Xml),
        );
        check(
            r#"{"value":[{"@odata.context":1}]}"#,
            None,
            "/x.json",
            Ok(Format::Json),
        );
    }

    #[test]
    fn what_is_no_text_is_told_by_name() {
        for (head, what, told) in [
            (
                &b"PK\x03\x04\x14\0\x06\0[Content_Types].xml"[..],
                "an Excel workbook",
                "save the sheet as CSV",
            ),
            (b"PK\x03\x04\x14\0\0\0a.csv", "a zip archive", "unpack it"),
            (
                b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1",
                "an old Office document",
                "as CSV",
            ),
            (b"\x1F\x8B\x08\0", "packed with gzip twice", "unpack it"),
            (b"%PDF-1.7\n", "a PDF document", "`source`"),
            (b"SQLite format 3\0\x10", "an SQLite database", "as CSV"),
            (b"\x89PNG\r\n\x1A\n\0", "a PNG picture", "`source`"),
            (b"BZh91AY\0", "packed with bzip2", "unpack it"),
        ] {
            for (given, name) in [(None, "/x"), (None, "/x.csv"), (Some(Format::Json), "/x")] {
                let file = tempfile::NamedTempFile::new().unwrap();
                std::fs::write(file.path(), head).unwrap();
                let content_type = Some("text/csv");
                let clues = Clues {
                    given,
                    content_type,
                    name,
                    origin: name,
                };
                let error = detect(file.path(), &clues).unwrap_err();
                let error = error.downcast::<Problem>().unwrap();
                let hint = error.hint.unwrap();
                assert!(error.what.contains(what), "{}", error.what);
                assert!(hint.contains(told) && !hint.contains("encoding"), "{hint}");
            }
        }
        check("ORC,BZh\n1,2\n", None, "/x.csv", Ok(Format::Csv));
        check("PK,name\n1,2\n", None, "/x.csv", Ok(Format::Csv));
        check("GIF8;a\n1;2\n", None, "/x", Ok(Format::Csv));
    }

    #[test]
    fn tabs_and_markup_have_types_and_names() {
        check(
            "a\tb\n",
            Some("text/tab-separated-values"),
            "/x",
            Ok(Format::Tsv),
        );
        check("a\tb\n", None, "/x.TSV", Ok(Format::Tsv));
        check(
            "<rss/>",
            Some("application/rss+xml; charset=utf-8"),
            "/x",
            Ok(Format::Xml),
        );
        check("<a/>", Some("text/plain"), "/x.xml", Ok(Format::Xml));
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
        check("a;b\r1;2\r", None, "/x", Ok(Format::Csv));
        check("<?xml version=\"1.0\"?>\n<a/>", None, "/x", Ok(Format::Xml));
        check("<rates><rate/></rates>", None, "/x", Ok(Format::Xml));
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
            "<?xml version=\"1.0\"?>\n<!-- x --><html xmlns=\"http://www.w3.org/1999/xhtml\"/>",
            Some("application/xhtml+xml"),
            "/x",
            Err(
                "`/x` is a web page where data was expected: <?xml version=\"1.0\"?> <!-- x --><html xmlns=\"http://www.w3.org/1999/xhtml\"/>",
            ),
        );
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

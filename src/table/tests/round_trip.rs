//! Random documents, written here and read back: every value arrives as it was meant, and noise never panics.

use proptest::prelude::*;
use proptest::test_runner::Config;

use super::super::*;
use super::{Files, files, rules};
use crate::data::Value;
use crate::source::Format;

/// Rows of texts; null where there is none.
type Rows = Vec<Vec<Option<String>>>;

fn config(cases: u32) -> Config {
    Config {
        cases,
        // A failing case is in the message; nothing is left behind in the source tree.
        failure_persistence: None,
        ..Config::default()
    }
}

/// Reads all columns as text, through both passes.
fn texts(files: &Files, rules: &Rules) -> Result<Rows, String> {
    let table = Table::read(&files.staged, rules).map_err(|error| error.to_string())?;
    let mut rows = Vec::new();
    let result = table.for_each_row::<anyhow::Error>(|row| {
        let values = row.iter().map(|value| match value {
            Value::Null => None,
            Value::Text(text) => Some(text.to_string()),
            other => panic!("{other:?} is no text"),
        });
        rows.push(values.collect());
        Ok(())
    });
    result.map_err(|error| error.to_string())?;
    Ok(rows)
}

fn all_text(count: usize) -> String {
    let lines: Vec<String> = (0..count).map(|n| format!("k{n}: text")).collect();
    lines.join("\n")
}

/// Characters that mean something to one of the notations, and some that do not.
fn text() -> impl Strategy<Value = String> {
    let characters = prop_oneof![
        Just('"'),
        Just('\''),
        Just(','),
        Just(';'),
        Just('\t'),
        Just('\n'),
        Just('\r'),
        Just(' '),
        Just('<'),
        Just('>'),
        Just('&'),
        Just(']'),
        Just('\\'),
        Just('{'),
        Just('1'),
        Just('.'),
        Just('-'),
        Just('x'),
        Just('ä'),
        Just('€'),
        Just('漢'),
        Just('😀'),
        Just('\u{feff}'),
        proptest::char::range('!', '~'),
    ];
    proptest::collection::vec(characters, 0..8)
        .prop_map(|characters| characters.into_iter().collect())
}

fn rows() -> impl Strategy<Value = Vec<Vec<String>>> {
    (1_usize..5).prop_flat_map(|width| {
        proptest::collection::vec(proptest::collection::vec(text(), width), 1..6)
    })
}

fn write_csv(rows: &[Vec<String>], delimiter: char, quote: char, line_end: &str) -> String {
    let width = rows[0].len();
    let header: Vec<String> = (0..width).map(|n| format!("k{n}")).collect();
    let mut csv = header.join(&delimiter.to_string()) + line_end;
    for row in rows {
        let fields: Vec<String> = row
            .iter()
            .map(|field| {
                let doubled = field.replace(quote, &format!("{quote}{quote}"));
                format!("{quote}{doubled}{quote}")
            })
            .collect();
        csv += &fields.join(&delimiter.to_string());
        csv += line_end;
    }
    csv
}

fn meant(rows: &[Vec<String>]) -> Rows {
    let value = |text: &String| (!text.is_empty()).then(|| text.clone());
    rows.iter()
        .map(|row| row.iter().map(value).collect())
        .collect()
}

fn escaped(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '<' => String::from("&lt;"),
            '&' => String::from("&amp;"),
            '>' => String::from("&gt;"),
            '"' => String::from("&quot;"),
            '\r' | '\n' | '\t' => format!("&#{};", u32::from(c)),
            other => other.to_string(),
        })
        .collect()
}

/// What XML makes of a leaf: blanks alone are layout, unless they are written as references.
fn xml_value(text: &str) -> Option<String> {
    let is_layout = text.chars().all(|c| c == ' ');
    (!is_layout).then(|| text.to_owned())
}

fn noise() -> impl Strategy<Value = Vec<u8>> {
    let pieces: Vec<&'static [u8]> = vec![
        b"<",
        b">",
        b"/",
        b"a",
        b"<a>",
        b"</a>",
        b"<a b='1'/>",
        b"<feed>",
        b"<entry>",
        b"</entry>",
        b"<![CDATA[",
        b"]]>",
        b"&amp;",
        b"&",
        b";",
        b"<!DOCTYPE",
        b"[",
        b"<?xml version='1.0'",
        b"?>",
        b" encoding='utf-16'",
        b" ",
        b"\n",
        b"\r",
        b"\"",
        b"'",
        b",",
        b"{",
        b"}",
        b"]",
        b":",
        b"1",
        b"\"d\"",
        b"\"value\"",
        b"\"results\"",
        b"{\"__metadata\":{}}",
        b"@odata.context",
        b"\xFF\xFE",
        b"\xEF\xBB\xBF",
        b"\0",
        b"\x80",
        b"\xE4\xB8",
        b"x;y",
        b"<m:properties>",
        b"xmlns:x='y'",
        b"--",
    ];
    let piece = prop_oneof![
        8 => proptest::sample::select(pieces).prop_map(<[u8]>::to_vec),
        1 => proptest::collection::vec(any::<u8>(), 1..4),
    ];
    proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(config(150))]

    #[test]
    fn separated_values_come_back(
        rows in rows(),
        delimiter in proptest::sample::select(vec![(',', ","), (';', ";"), ('\t', "tab"), ('|', "|")]),
        quote in proptest::sample::select(vec![('"', "\""), ('\'', "'")]),
        line_end in proptest::sample::select(vec!["\n", "\r\n", "\r"]),
        encoding in proptest::sample::select(vec!["utf-8", "utf-16le", "gb18030"]),
    ) {
        let text = write_csv(&rows, delimiter.0, quote.0, line_end);
        let bytes = match encoding {
            "utf-16le" => "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect(),
            label => {
                let encoding = encoding_rs::Encoding::for_label(label.as_bytes()).unwrap();
                encoding.encode(&text).0.into_owned()
            }
        };
        let given = [("delimiter", delimiter.1), ("quote", quote.1), ("encoding", encoding)];
        let options = CsvOptions::read(|key| {
            given.iter().find(|(name, _)| *name == key).map(|(_, value)| *value)
        });
        let rules = Rules { csv: options.unwrap(), ..rules("", &all_text(rows[0].len())) };
        let files = files(&[(Format::Csv, &bytes)]);
        prop_assert_eq!(texts(&files, &rules), Ok(meant(&rows)));
    }

    #[test]
    fn documents_come_back(rows in rows(), in_attributes in any::<bool>()) {
        let mut xml = String::from("<?xml version=\"1.0\"?>\n<r>\n");
        for row in &rows {
            let fields: Vec<String> = row.iter().enumerate().map(|(n, text)| {
                if in_attributes {
                    format!(" k{n}=\"{}\"", escaped(text))
                } else {
                    format!("  <k{n}>{}</k{n}>\n", escaped(text))
                }
            }).collect();
            let fields = fields.concat();
            xml += &if in_attributes { format!(" <o{fields}/>\n") } else { format!(" <o>\n{fields} </o>\n") };
        }
        xml += "</r>\n";
        let expected: Rows = if in_attributes {
            meant(&rows)
        } else {
            rows.iter().map(|row| row.iter().map(|text| xml_value(text)).collect()).collect()
        };
        let files = files(&[(Format::Xml, xml.as_bytes())]);
        prop_assert_eq!(texts(&files, &rules("/r/o", &all_text(rows[0].len()))), Ok(expected));
    }

    #[test]
    fn lists_in_documents_come_back(rows in proptest::collection::vec(proptest::collection::vec(text(), 0..4), 1..5)) {
        let mut xml = String::from("<r>");
        for row in &rows {
            let items: Vec<String> = row.iter().map(|text| format!("<i>{}</i>", escaped(text))).collect();
            xml += &format!("<o><a><n>1</n>{}</a></o>", items.concat());
        }
        xml += "</r>";
        let files = files(&[(Format::Xml, xml.as_bytes())]);
        let are_lists = rows.iter().any(|row| row.len() > 1);
        let expected: Rows = rows.iter().map(|row| {
            let values: Vec<Option<String>> = row.iter().map(|text| xml_value(text)).collect();
            let list = match values.as_slice() {
                [] => None,
                [one] if !are_lists => one.clone(),
                several => Some(serde_json::to_string(several).unwrap()),
            };
            vec![Some(String::from("1")), list]
        }).collect();
        let read = texts(&files, &rules("/r/o", "a.n: text\na.i: text"));
        prop_assert_eq!(read, Ok(expected));
    }

    #[test]
    fn records_come_back(rows in rows(), as_lines in any::<bool>()) {
        let records: Vec<String> = rows.iter().map(|row| {
            let members = row.iter().enumerate().map(|(n, text)| (format!("k{n}"), serde_json::Value::from(text.as_str())));
            serde_json::Value::Object(members.collect()).to_string()
        }).collect();
        let (format, content) = if as_lines {
            (Format::NdJson, records.join("\n"))
        } else {
            (Format::Json, format!("[{}]", records.join(",")))
        };
        let expected: Rows = rows.iter().map(|row| row.iter().cloned().map(Some).collect()).collect();
        let files = files(&[(format, content.as_bytes())]);
        prop_assert_eq!(texts(&files, &rules("", &all_text(rows[0].len()))), Ok(expected));
    }
}

proptest! {
    #![proptest_config(config(400))]

    /// Whatever is not understood is an error with a place, and what is understood stays so in pass 2.
    #[test]
    fn noise_never_panics(bytes in noise(), format in 0_usize..7, records in 0_usize..4) {
        let format = [Format::Csv, Format::Tsv, Format::Xml, Format::Atom, Format::OData, Format::Json, Format::NdJson][format];
        let files = files(&[(format, &bytes)]);
        let records = match format {
            Format::Csv | Format::Tsv => "",
            _ => ["", "/a", "/feed/entry", "/*"][records],
        };
        if let Ok(table) = Table::read(&files.staged, &rules(records, "")) {
            let mut rows = 0;
            let result = table.for_each_row::<anyhow::Error>(|_| {
                rows += 1;
                Ok(())
            });
            prop_assert!(result.is_ok(), "{:?}", result);
            prop_assert_eq!(Some(rows), table.rows());
        }
    }

    /// Documents that were once right, with a byte lost or changed.
    #[test]
    fn damage_never_panics(at in 0_usize..400, byte in any::<u8>(), which in 0_usize..4, cut in any::<bool>()) {
        let (format, content): (Format, &str) = [
            (Format::Xml, "<?xml version=\"1.0\" encoding=\"windows-1252\"?><!DOCTYPE r [<!ENTITY x \"y\">]><r xmlns:p=\"q\"><p:o a=\"1\" p:a=\"2\">t<b c='d'>e</b><b/></p:o><o><![CDATA[x]]>&#65;&lt;</o></r>"),
            (Format::Atom, "<feed xmlns:m=\"n\"><entry><link title=\"L\"><m:inline><feed><entry><content><m:properties><A m:type=\"Edm.Int32\">1</A></m:properties></content></entry></feed></m:inline></link><content><m:properties><B m:null=\"true\"/><C m:type=\"Collection(Edm.String)\"><element>x</element></C></m:properties></content></entry></feed>"),
            (Format::OData, "{\"d\":{\"results\":[{\"__metadata\":{\"type\":\"N.T\"},\"A\":\"/Date(1)/\",\"B\":{\"results\":[{\"x\":1}]},\"C\":{\"__deferred\":{}}}],\"__next\":\"x\"}}"),
            (Format::Csv, "a;b;c\r\n\"x;\"\"y\";1,5;2024-01-31\r\n;\"\n\";-1.234,56\r\n"),
        ][which];
        let mut bytes = content.as_bytes().to_vec();
        let at = at % bytes.len();
        if cut {
            bytes.truncate(at);
        } else {
            bytes[at] = byte;
        }
        let files = files(&[(format, &bytes)]);
        if let Ok(table) = Table::read(&files.staged, &Rules::default()) {
            let result = table.for_each_row::<anyhow::Error>(|_| Ok(()));
            prop_assert!(result.is_ok(), "{:?}", result);
        }
    }
}

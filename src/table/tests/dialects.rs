//! Separated values the way they really come: delimiters, encodings, numbers, line ends, and what is refused.

use super::super::*;
use super::{contains, files, render, rules};
use crate::source::Format;

fn options(pairs: &[(&str, &'static str)]) -> CsvOptions {
    CsvOptions::read(|key| {
        let pair = pairs.iter().find(|(given, _)| *given == key);
        pair.map(|(_, value)| *value)
    })
    .unwrap()
}

fn read(content: &[u8], pairs: &[(&str, &'static str)], columns: &str) -> String {
    let rules = Rules {
        csv: options(pairs),
        ..rules("", columns)
    };
    render(&files(&[(Format::Csv, content)]).staged, &rules)
}

fn told(content: &[u8]) -> String {
    let files = files(&[(Format::Csv, content)]);
    let table = Table::read(&files.staged, &Rules::default()).unwrap();
    table.notices().unwrap().join("\n")
}

#[test]
fn a_german_export_is_read_as_declared() {
    let content = b"PLZ;Datum;Umsatz;Ort\r\n01067;31.01.2024;1.234,56;M\xFCnchen\r\n80331;01.02.2024;-5;K\xF6ln, Rhein\r\n";
    let pairs = [
        ("encoding", "latin1"),
        ("delimiter", ";"),
        ("decimal", ","),
        ("thousands", "."),
    ];
    assert_eq!(
        read(content, &pairs, "Datum: date format %d.%m.%Y\nPLZ: text"),
        "PLZ text | Datum date | Umsatz double | Ort text\n\
         01067 | day 19753 | 1234.56 | München\n80331 | day 19754 | -5.0 | Köln, Rhein"
    );
    assert_eq!(
        read(
            content,
            &pairs,
            "Umsatz: decimal(10,2)\nDatum: skip\nOrt: skip"
        ),
        "PLZ text | Umsatz decimal(10,2)\n01067 | #123456\n80331 | #-500"
    );
    // `80331` alone would be a number; both together are not, for the zero.
    assert_eq!(
        read(b"n\n1.5\n2\n", &[("decimal", ",")], ""),
        "n text\n1.5\n2"
    );
    contains(
        &read(b"n\n1.5\n", &[("decimal", ",")], "n: double"),
        &["`1.5`", "is not a number as `csv: decimal=`"],
    );
    assert_eq!(
        read(
            b"n;t\n 1,5 ;2024-01-31T10:00:00.5\n",
            &[("decimal", ",")],
            "n: double"
        ),
        "n double | t timestamp\n1.5 | 2024-01-31T10:00:00.5Z"
    );
}

#[test]
fn a_decimal_comma_is_never_guessed() {
    assert_eq!(
        read(b"a;b\n1,5;x\n2;y\n", &[], ""),
        "a text | b text\n1,5 | x\n2 | y"
    );
    contains(
        &told(b"a;b;c\n1.234,56;Oslo, N;1,5\n2;y;n/a\n"),
        &[
            "looks like numbers with a decimal comma",
            "`csv: decimal=,`",
            ": `a`",
        ],
    );
    assert_eq!(told(b"a;b\nx,y;1\n"), "");
}

#[test]
fn every_option_has_its_effect() {
    let pairs = [
        ("header", "no"),
        ("skip", "2"),
        ("null", "NA,-"),
        ("trim", "yes"),
    ];
    assert_eq!(
        read(b"Report\r\n\r\n 1 ;NA\r\n- ; x \r\n", &pairs, ""),
        "c1 bigint | c2 text\n1 | \u{2205}\n\u{2205} | x"
    );
    assert_eq!(
        read(b"a,b\n\"x\" , \"y\n", &[("quote", "none")], ""),
        "a text | b text\n\"x\"  |  \"y"
    );
    assert_eq!(
        read(b"a;b\n'x;y';it''s\n", &[("quote", "'")], ""),
        "a text | b text\nx;y | it''s"
    );
    assert_eq!(read(b"", &[("header", "no")], ""), "");
    contains(
        &read(b"a\n1\n", &[("skip", "9")], ""),
        &["9 lines to skip", "csv: skip="],
    );
    assert_eq!(
        read(b"x\ry\ra,b\r1,2\r", &[("skip", "2")], ""),
        "a bigint | b bigint\n1 | 2"
    );
}

#[test]
fn what_separates_the_fields_is_found() {
    assert_eq!(read(b"a;b\n1;2\n", &[], ""), "a bigint | b bigint\n1 | 2");
    assert_eq!(
        read(b"a\tb\nx, y\t2\n", &[], ""),
        "a text | b bigint\nx, y | 2"
    );
    assert_eq!(read(b"a|b\n1|2\n", &[], ""), "a bigint | b bigint\n1 | 2");
    assert_eq!(read(b"only\n1\n", &[], ""), "only bigint\n1");
    contains(
        &read(b"a;b,c\n1;2,5\n", &[], ""),
        &[
            "may be separated by `,` (2 columns) or `;` (2 columns)",
            "csv: delimiter=,",
        ],
    );
    assert_eq!(
        read(b"a;b,c\n1;2,5\n", &[("delimiter", ";")], ""),
        "a bigint | b,c text\n1 | 2,5"
    );
    let tsv = files(&[(Format::Tsv, b"a\tb,c;d\n1\t\"x\ty\"\n")]);
    assert_eq!(
        render(&tsv.staged, &Rules::default()),
        "a bigint | b,c;d text\n1 | x\ty"
    );
}

#[test]
fn encodings_are_told_never_guessed() {
    let latin = b"a,b\n1,2\n3,Gr\xF6\xDFe und Stra\xDFe\n";
    contains(
        &read(latin, &[], ""),
        &[
            "field 2 is not UTF-8",
            "record 2 (line 3)",
            "`csv: encoding=windows-1252`",
        ],
    );
    contains(
        &read(latin, &[("encoding", "cp1252")], ""),
        &["Größe und Straße"],
    );
    let utf16: Vec<u8> = "\u{feff}a;b\r\n1;ä\r\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    assert_eq!(read(&utf16, &[], ""), "a bigint | b text\n1 | ä");
    let utf16: Vec<u8> = "\u{feff}a\n\"x"
        .encode_utf16()
        .flat_map(u16::to_be_bytes)
        .collect();
    contains(&read(&utf16, &[], ""), &["(line 2)", "never closed"]);
    assert_eq!(
        read(b"\xEF\xBB\xBFa\n\xC3\xA4\n", &[("encoding", "latin1")], ""),
        "a text\nä"
    );
    contains(
        &read(
            b"x\na,b\n1,2\n3,\x81\n",
            &[("encoding", "shift_jis"), ("skip", "1")],
            "",
        ),
        &[
            "(line 4)",
            "the bytes here are not `shift_jis`",
            "csv: encoding=",
        ],
    );
}

#[test]
fn rows_of_another_length_are_told_with_their_line() {
    let text = read(b"a;b\n1;2\n\n3\n", &[], "");
    contains(
        &text,
        &[
            "record 2 (line 4)",
            "the row has 1 field, the header has 2",
            "contains a `;`",
        ],
    );
    contains(&read(b"a,b\r1,2\r3\r", &[], ""), &["record 2 (line 3)"]);
    contains(
        &read(b"a,b\n1,2,3\n", &[], ""),
        &["the row has 3 fields, the header has 2"],
    );
}

#[test]
fn quotes_that_would_change_a_value_are_refused() {
    contains(
        &read(b"a,b\n1,\"say \\\"x\\\"\"\n", &[], ""),
        &["(line 2)", "goes on behind its closing `\"`", "`\"\"`"],
    );
    contains(&read(b"a,b\n1,\"x\" \n", &[], ""), &["goes on behind"]);
    assert_eq!(
        read(b"a,b\n1, \"x\"\n2,5\" disk\n", &[], ""),
        "a bigint | b text\n1 |  \"x\"\n2 | 5\" disk"
    );
    assert_eq!(
        read(b"a,b\r\n1,\"\"\"x\"\"\"\r\n", &[], ""),
        "a bigint | b text\n1 | \"x\""
    );
    assert_eq!(
        read(b"a,b\n\"1\" ,\" x \" \n", &[("trim", "yes")], ""),
        "a bigint | b text\n1 | x"
    );
}

#[test]
fn line_ends_and_sizes_do_not_matter() {
    assert_eq!(
        read(b"a,b\r1,2\r\r3,4", &[], ""),
        "a bigint | b bigint\n1 | 2\n3 | 4"
    );
    assert_eq!(read(b"a,b\r\n", &[], ""), "a text | b text");
    let huge = "x\"\",\n".repeat(400_000);
    let text = read(format!("a,b\n1,\"{huge}\"\n2,y\n").as_bytes(), &[], "");
    let expected = format!(
        "a bigint | b text\n1 | {}\n2 | y",
        huge.replace("\"\"", "\"")
    );
    assert!(text == expected, "{} bytes", text.len());
}

#[test]
fn no_value_is_read_without_an_end() {
    let long = "x".repeat(65 << 20);
    let refused = |format, text: &str, rules: &Rules| {
        let error = Table::read(&files(&[(format, text.as_bytes())]).staged, rules).unwrap_err();
        format!("{error} -- {}", error.hint.as_deref().unwrap_or_default())
    };
    contains(
        &refused(Format::Csv, &format!("a\n1\n{long}"), &Rules::default()),
        &["one record is larger than 64 MB", "set `format`"],
    );
    contains(
        &refused(Format::Xml, &format!("<r><o><a>{long}"), &rules("/r/o", "")),
        &["one record is larger than 64 MB", "`records`"],
    );
}

#[test]
fn a_first_line_that_says_the_delimiter_is_no_header() {
    for content in [
        &b"sep=;\na;b,c\n1;2\n"[..],
        b"\xEF\xBB\xBFsep=;\r\na;b,c\r\n1;2\r\n",
        b"\"sep=;\"\ra;b,c\r1;2\r",
        b"SEP=;;\na;b,c\n1;2\n",
        b"\xFF\xFEs\0e\0p\0=\0;\0\n\0a\0;\0b\0,\0c\0\n\x001\0;\x002\0\n\0",
    ] {
        assert_eq!(read(content, &[], ""), "a bigint | b,c bigint\n1 | 2");
    }
    assert_eq!(
        read(b"sep=\\t\na\tb\n1\t2\n", &[], ""),
        "a bigint | b bigint\n1 | 2"
    );
    assert_eq!(
        read(b"sep=^\na^b\n1^2\n", &[], ""),
        "a bigint | b bigint\n1 | 2"
    );
    // The user's word counts more, and who counts it as a line to skip is right as well.
    let comma = [("delimiter", ",")];
    assert_eq!(
        read(b"sep=;\na,b\n1,2;\n", &comma, ""),
        "a bigint | b text\n1 | 2;"
    );
    assert_eq!(
        read(b"sep=;\na;b\n1;2\n", &[("skip", "1")], ""),
        "a bigint | b bigint\n1 | 2"
    );
    assert_eq!(
        read(b"sep=;\n1;2\n", &[("header", "no")], ""),
        "c1 bigint | c2 bigint\n1 | 2"
    );
    let both = files(&[
        (Format::Csv, b"sep=;\na;b\n1;2\n"),
        (Format::Tsv, b"sep=|\na|b\n3|4\n"),
        (Format::Csv, b"a,b\n5,6\n"),
    ]);
    assert_eq!(
        render(&both.staged, &rules("", "")),
        "a bigint | b bigint\n1 | 2\n3 | 4\n5 | 6"
    );
    contains(
        &read(b"sep=;\na;b\n1;2;3\n", &[], ""),
        &["line 3", "3 fields"],
    );
}

#[test]
fn bytes_that_only_look_like_ascii_are_not_taken_for_it() {
    let japanese = b"a,b\n1,\x1b$B%F\x1b(B\n";
    contains(
        &read(japanese, &[], ""),
        &["not UTF-8 but `iso-2022-jp`", "csv: encoding=iso-2022-jp"],
    );
    assert_eq!(
        read(japanese, &[("encoding", "iso-2022-jp")], ""),
        "a bigint | b text\n1 | \u{30c6}"
    );
    let wide = b"a\0,\0b\0\n\x001\0,\x002\0\n\0";
    contains(&read(wide, &[], ""), &["csv: encoding=utf-16le"]);
    assert_eq!(
        read(wide, &[("encoding", "utf-16le")], ""),
        "a bigint | b bigint\n1 | 2"
    );
}

#[test]
fn blanks_around_quotes_do_not_count_when_they_are_trimmed() {
    let trim = ("trim", "yes");
    for (content, pairs) in [
        (&b"a,b\n 1, \"x\"\n"[..], &[trim][..]),
        (b"a, \"b\" \n1 ,  \"x\"  \n", &[trim]),
        (b"a,b\n1,\t\"x\"\t\n", &[trim]),
        (b"a\tb\n1 \t \"x\" \n", &[trim]),
        (
            b"a;b\n1; 'x'\n",
            &[trim, ("quote", "'"), ("delimiter", ";")],
        ),
        (b"'a' , 'b'\n1, 'x'\n", &[trim]),
    ] {
        assert_eq!(read(content, pairs, ""), "a bigint | b text\n1 | x");
    }
    assert_eq!(
        read(
            b"a, \"b\"\n1, \"x \"\"y\"\", z\nw\" \n2, \"\"\n",
            &[trim],
            ""
        ),
        "a bigint | b text\n1 | x \"y\", z\nw\n2 | \u{2205}"
    );
    contains(
        &read(b"a,b\n1, \"x\" y\n", &[trim], ""),
        &["line 2", "goes on behind its closing"],
    );
    contains(
        &read(b"a,b\n  1,  2\n  3\n", &[trim], ""),
        &["line 3", "1 field"],
    );
    // Nobody asked for it here.
    assert_eq!(
        read(b"a,b\n1, \"x\"\n", &[], ""),
        "a bigint | b text\n1 |  \"x\""
    );
}

#[test]
fn a_blank_line_is_a_null_or_is_told() {
    for ends in ["\n", "\r\n", "\r"] {
        let one = "v\n1\n\n3\n".replace('\n', ends);
        assert_eq!(read(one.as_bytes(), &[], ""), "v bigint\n1\n\u{2205}\n3");
        assert_eq!(told(one.as_bytes()), "");
        let last = "v\n\n\n1\n\n".replace('\n', ends);
        assert_eq!(
            read(last.as_bytes(), &[], ""),
            "v bigint\n\u{2205}\n\u{2205}\n1"
        );
        assert_eq!(
            told(last.as_bytes()),
            "1 line without any field was passed over"
        );
        let wide = "a,b\n1,\"x\n\ny\"\n\n\n3,4\n".replace('\n', ends);
        let text = format!("x{ends}{ends}y");
        assert_eq!(
            read(wide.as_bytes(), &[], ""),
            format!("a bigint | b text\n1 | {text}\n3 | 4")
        );
        assert_eq!(
            told(wide.replace(",4", ",z").as_bytes()),
            "2 lines without any field were passed over"
        );
        let end = "\na,b\n1,2\n\n".replace('\n', ends);
        assert_eq!(told(end.as_bytes()), "");
    }
    assert_eq!(read(b"v\r\n1\n2\r\n3", &[], ""), "v bigint\n1\n2\n3");
    assert_eq!(
        read(b"\n1\n\n2\n", &[("header", "no")], ""),
        "c1 bigint\n\u{2205}\n1\n\u{2205}\n2"
    );
    assert_eq!(read(b"v\n\"\"\n1\n", &[], ""), "v bigint\n\u{2205}\n1");
    assert_eq!(
        read(b"v\n \n1\n", &[("trim", "yes")], ""),
        "v bigint\n\u{2205}\n1"
    );
    contains(
        &read(b"v\n1\n\nx,y\n", &[("delimiter", ",")], ""),
        &["line 4", "2 fields"],
    );
    contains(
        &read(b"v\n1\n\n2\nx\n", &[], "v: bigint"),
        &["record 4 (line 5)"],
    );
}

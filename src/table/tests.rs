//! The whole module on small files: what comes out, and what is said when nothing can.

mod alike;
mod declared;
mod dialects;
mod documents;
mod numbers;
mod random;
mod round_trip;
mod searched;
mod services;
mod vectors;
mod wide;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::data::SystemColumn;
use crate::data::Value;
use crate::data::path::RecordsPath;
use crate::rules::columns::ColumnRule;
use crate::source::{Format, StagedFile};

impl Table {
    /// Hands over every row as values, before they become batches.
    fn for_each_row<E: From<DataError> + From<Contradicted>>(
        &self,
        sink: impl FnMut(&[Value<'_>]) -> Result<(), E>,
    ) -> Result<(), E> {
        match self {
            Table::Records(records) => records.for_each_row(sink),
            Table::Columnar(_) => unreachable!("these files hold records"),
        }
    }
}

/// Staged files that vanish with the test.
struct Files {
    staged: Staged,
    folder: PathBuf,
}

impl Drop for Files {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

fn files(contents: &[(Format, &[u8])]) -> Files {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("table-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let mut files = Vec::new();
    for (index, (format, content)) in contents.iter().enumerate() {
        let path = folder.join(index.to_string());
        std::fs::write(&path, content).unwrap();
        let bytes = u64::try_from(content.len()).unwrap();
        files.push(StagedFile {
            path,
            format: *format,
            origin: format!("file-{index}"),
            bytes,
            rows_at: None,
        });
    }
    Files {
        staged: Staged {
            name: "input".into(),
            files,
            fetched_at: 1_000_000,
            requests: 0,
            metadata: Vec::new(),
        },
        folder,
    }
}

fn rules(records: &str, columns: &str) -> Rules {
    Rules {
        records: (!records.is_empty()).then(|| RecordsPath::parse(records).unwrap()),
        columns: columns
            .lines()
            .map(|line| ColumnRule::parse(line).unwrap())
            .collect(),
        ..Rules::default()
    }
}

fn shown(value: &Value<'_>) -> String {
    match value {
        Value::Null => String::from("∅"),
        Value::Boolean(value) => value.to_string(),
        Value::BigInt(value) => value.to_string(),
        Value::Double(value) => format!("{value:?}"),
        Value::Decimal(digits) => format!("#{digits}"),
        Value::Date(days) => format!("day {days}"),
        Value::Timestamp(micros) => jiff::Timestamp::from_microsecond(*micros)
            .unwrap()
            .to_string(),
        Value::Text(text) => text.to_string(),
    }
}

/// Columns on the first line, then a line a row; or the error and its hint.
///
/// The same comes out, notices included, whichever rows have decided the columns at first.
fn render(staged: &Staged, rules: &Rules) -> String {
    let expected = render_all(Table::read(staged, rules));
    for n_rows in [0, 1, 2, 3, 7] {
        let found = render_all(read_from(staged, rules, n_rows));
        assert_eq!(found, expected, "by the first {n_rows}");
    }
    expected.0
}

/// Assumes the columns by some of the first rows, finds out whether that was right, and returns what is.
fn read_from(staged: &Staged, rules: &Rules, n_rows: u64) -> Result<Table, DataError> {
    let table = Table::read_first(staged, rules, n_rows)?;
    let assumed = table.columns().to_vec();
    let mut rows = Vec::new();
    let walked = table.for_each_row::<anyhow::Error>(|row| {
        rows.push(row.iter().map(shown).collect::<Vec<String>>());
        Ok(())
    });
    let Err(error) = walked else {
        let settled = table.confirm()?;
        assert_eq!(settled.columns(), assumed);
        let mut again = Vec::new();
        settled
            .for_each_row::<anyhow::Error>(|row| {
                again.push(row.iter().map(shown).collect::<Vec<String>>());
                Ok(())
            })
            .unwrap();
        assert_eq!(rows, again);
        return Ok(settled);
    };
    assert!(error.is::<Contradicted>(), "{error}");
    table.confirm()
}

fn render_all(table: Result<Table, DataError>) -> (String, Vec<String>) {
    let table = match table {
        Ok(table) => table,
        Err(error) => {
            let hint = error.hint.as_deref().unwrap_or_default();
            return (format!("{error} -- {hint}"), Vec::new());
        }
    };
    let columns: Vec<String> = table
        .columns()
        .iter()
        .map(|column| format!("{} {}", column.name, column.column_type))
        .collect();
    let mut text = columns.join(" | ");
    let mut rows = 0;
    let result = table.for_each_row::<anyhow::Error>(|row| {
        rows += 1;
        let values: Vec<String> = row.iter().map(shown).collect();
        assert_eq!(values.len(), columns.len());
        write!(text, "\n{}", values.join(" | ")).unwrap();
        Ok(())
    });
    assert!(result.is_ok(), "{result:?}");
    assert_eq!(Some(rows), table.rows());
    (text, table.notices().unwrap().to_vec())
}

fn json(content: &str, records: &str, columns: &str) -> String {
    render(
        &files(&[(Format::Json, content.as_bytes())]).staged,
        &rules(records, columns),
    )
}

fn ndjson(content: &str) -> String {
    render(
        &files(&[(Format::NdJson, content.as_bytes())]).staged,
        &Rules::default(),
    )
}

fn csv(content: &str, columns: &str) -> String {
    render(
        &files(&[(Format::Csv, content.as_bytes())]).staged,
        &rules("", columns),
    )
}

fn notices(format: Format, content: &str, columns: &str) -> String {
    let files = files(&[(format, content.as_bytes())]);
    Table::read(&files.staged, &rules("", columns))
        .unwrap()
        .notices()
        .unwrap()
        .join("\n")
}

#[track_caller]
fn contains(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
}

#[test]
fn rows_are_where_the_path_says() {
    let document = r#"{"data":{"items":[{"a":1},{"a":2}],"none":[],"nil":null,"one":{"a":7},"n":[1,"x",null,[1,2]]}}"#;
    assert_eq!(json(document, "/data/items", ""), "a bigint\n1\n2");
    assert_eq!(json(document, "/data/one", ""), "a bigint\n7");
    assert_eq!(json(document, "/data/items/1", ""), "a bigint\n2");
    assert_eq!(json(document, "/data/none", ""), "");
    assert_eq!(json(document, "/data/nil", ""), "");
    assert_eq!(
        json(document, "/data/n", ""),
        "value text | c1 bigint | c2 bigint\n1 | ∅ | ∅\nx | ∅ | ∅\n∅ | ∅ | ∅\n∅ | 1 | 2"
    );
    assert_eq!(
        json("[[1,2],[3]]", "", ""),
        "c1 bigint | c2 bigint\n1 | 2\n3 | ∅"
    );
    assert_eq!(
        json("[[{\"a\":1}],[{\"a\":2}]]", "/*", ""),
        "a bigint\n1\n2"
    );
    assert_eq!(
        json(document, "/", "data.items: skip\ndata.n: skip"),
        "data.none text | data.nil text | data.one.a bigint\n[] | ∅ | 7"
    );
}

#[test]
fn a_missing_path_is_an_error_that_helps() {
    let document = r#"{"data":{"itms":[{"a":1}],"total":1}}"#;
    contains(
        &json(document, "/data/items", ""),
        &[
            "`/data` has no `items`",
            "`itms`, `total`",
            "did you mean `records: /data/itms`?",
        ],
    );
    contains(
        &json(document, "/data/total/x", ""),
        &["`/data/total` is a number"],
    );
    contains(
        &json(r#"{"data":[{"a":1}]}"#, "/data/items", ""),
        &["array of 1 elements", "records: /data/*/items"],
    );
    contains(
        &json(r#"{"data":null}"#, "/data/items", ""),
        &["`/data` is null"],
    );
    contains(&json("{}", "/data", ""), &["it is empty"]);
    contains(&csv("a\n1\n", "").replace('\n', ""), &["a bigint"]);
}

#[test]
fn star_fans_out_and_leaves_its_key() {
    let mut rules = rules("/rates/*", "");
    rules.system = SystemColumn::ALL.into_iter().collect();
    let files_ = files(&[(Format::Json, br#"{"rates":{"EUR":1.5,"USD":null}}"#)]);
    assert_eq!(
        render(&files_.staged, &rules),
        "value double | _fetched_at timestamp | _source text | _row bigint | _key text\n\
         1.5 | 1970-01-01T00:00:01Z | file-0 | 1 | EUR\n∅ | 1970-01-01T00:00:01Z | file-0 | 2 | USD"
    );
    let nested = r#"{"a":{"rows":[{"x":1}]},"b":{}}"#;
    assert_eq!(json(nested, "/*/rows", ""), "x bigint\n1");
    contains(&json(nested, "/*/row", ""), &["has no `row`"]);
}

#[test]
fn rows_are_found_without_being_told() {
    assert_eq!(
        json(r#"{"meta":1,"data":[{"a":1}]}"#, "", ""),
        "a bigint\n1"
    );
    assert_eq!(json(r#"{"data":[]}"#, "", ""), "");
    assert_eq!(json("[]", "", ""), "");
    assert_eq!(
        json(r#"{"d":{"results":[{"a":1}]}}"#, "", ""),
        "a bigint\n1"
    );
    assert_eq!(
        json(
            r#"{"@odata.context":"x","items":[{"b":1}],"value":[{"a":1}]}"#,
            "",
            ""
        ),
        "a bigint\n1"
    );
    assert_eq!(
        json(r#"{"data":[1,2],"x":1}"#, "", ""),
        "data text | x bigint\n[1,2] | 1"
    );
    contains(
        &json(r#"{"data":[{"a":1}],"items":[{},{}]}"#, "", ""),
        &["`/data` (1) or `/items` (2)", "records: /data"],
    );
    contains(
        &notices(Format::Json, r#"{"data":[{"a":1}]}"#, ""),
        &["rows found at `/data`"],
    );
    contains(
        &notices(Format::Json, r#"{"dogs":[{"a":1}]}"#, ""),
        &["rows found at `/dogs`"],
    );
}

#[test]
fn pages_of_one_address_agree_on_the_path() {
    let mut pages = files(&[
        (Format::Json, br#"{"data":[{"a":1}]}"#),
        (Format::Json, br#"{"data":null}"#),
    ]);
    for file in &mut pages.staged.files {
        file.origin = String::from("https://api.example/v1");
    }
    assert_eq!(render(&pages.staged, &Rules::default()), "a bigint\n1");
}

#[test]
fn objects_flatten_and_nothing_is_lost() {
    assert_eq!(
        json(r#"[{"a":{"b":{"c":1}},"t":[1, {"x" : 2}]}]"#, "", ""),
        "a.b.c bigint | t text\n1 | [1, {\"x\" : 2}]"
    );
    assert_eq!(
        json(r#"[{"a":null,"z":1},{"a":{"b":1}}]"#, "", ""),
        "z bigint | a.b bigint\n1 | ∅\n∅ | 1"
    );
    assert_eq!(
        json(r#"[{"a":"x"},{"a":{"b":1}}]"#, "", ""),
        "a text | a.b bigint\nx | ∅\n∅ | 1"
    );
    assert_eq!(
        json(r#"[{"a":{}},{"a":{"b":1}}]"#, "", ""),
        "a.b bigint\n∅\n1"
    );
    assert_eq!(json(r#"[{"a":{ }},{"a":null}]"#, "", ""), "a text\n{}\n∅");
    assert_eq!(json("[{},null]", "", ""), "value text\n∅\n∅");
    contains(
        &json(r#"[{"a.b":1,"a":{"b":2}}]"#, "", ""),
        &["column `a.b`", "two different keys", "from /a.b"],
    );
    contains(
        &json(r#"[{"a":1},{"a":1,"a":2}]"#, "", ""),
        &["record 2", "the key `a` comes twice"],
    );
    contains(
        &json(r#"[{"a":1,"A":2}]"#, "", ""),
        &["`a` and `A` differ only in case"],
    );
    contains(&json("[{\"a\\u0000\":1}]", "", ""), &["NUL"]);
    contains(&json(r#"[{"":1}]"#, "", ""), &["a key is empty", "from /"]);
    contains(
        &json(r#"[{"\ud800":1}]"#, "", ""),
        &["record 1", "surrogate"],
    );
    assert_eq!(json("[{\"a\":\"x\\u0000y\"}]", "", ""), "a text\nx\0y");
    contains(
        &json("[{\"a\":1},{\"a\":\"\\ud800\"}]", "", ""),
        &["record 2", "column `a`", "lone surrogate", "`a: skip`"],
    );
    let half = "[{\"a\":1,\"b\":{\"c\":\"\\ud800\"}},{\"a\":2,\"b\":{}}]";
    assert_eq!(json(half, "", "b.c: skip"), "a bigint\n1\n2");
    assert_eq!(json(half, "", "b: skip"), "a bigint\n1\n2");
    let wide: Vec<String> = (0..5001).map(|n| format!("\"k{n}\":1")).collect();
    contains(
        &json(&format!("[{{\"m\":{{{}}}}}]", wide.join(",")), "", ""),
        &["more than 5000 columns", "`m: json`"],
    );
    contains(
        &json(&format!("{{{}}}", wide.join(",")), "", ""),
        &["end `records` with `/*`"],
    );
    let deep = format!("{}1{}", "{\"a\":".repeat(5000), "}".repeat(5000));
    contains(&json(&deep, "", ""), &["nested deeper", "`a: json`"]);
}

#[test]
fn broken_json_has_a_place() {
    contains(
        &json("[\n{\"a\":1},\n{\"a\":2,}]", "", ""),
        &[
            "record 2 (line 3)",
            "character 8",
            "trailing comma",
            "near `",
        ],
    );
    contains(
        &json("[{\"a\":1}", "", ""),
        &["ends too early", "cut short"],
    );
    contains(&json("[{\"a\":1},{\"a\":\"xy", "", ""), &["ends too early"]);
    contains(
        &json("[{\"a\":1},]", "", ""),
        &["expected a value", "character 10"],
    );
    contains(
        &json("[{\"a\":1}] x", "", ""),
        &["more after the end", "character 11"],
    );
    contains(
        &json("{\"a\":1}\n{\"a\":2}", "", ""),
        &["line 2", "format: ndjson"],
    );
    contains(&json("{\"a\":\"x\ny\"}", "", ""), &["line break"]);
    contains(
        &json("{\"m\":[1,2}, \"data\":[]}", "", ""),
        &["broken JSON"],
    );
    contains(
        &json("{\"m\":[1 2], \"data\":[]}", "", ""),
        &["expected `,` or `]`"],
    );
    contains(&json("", "", ""), &["the file is empty"]);
    contains(&json("nul", "", ""), &["broken JSON"]);
    contains(&ndjson("{\"a\":1}\n\n{\"a\":\n"), &["line 3"]);
    contains(
        &ndjson("{\"a\":1} {\"a\":2}\n"),
        &["line 1", "trailing characters"],
    );
    let latin = files(&[(Format::Json, b"[{\"a\":1},\n{\"a\":\"\xE4\"}]")]);
    contains(
        &render(&latin.staged, &Rules::default()),
        &["not UTF-8", "line 2", "windows-1252"],
    );
    let utf16 = files(&[(Format::Json, b"\xFF\xFE[\0]\0")]);
    contains(&render(&utf16.staged, &Rules::default()), &["UTF-16"]);
}

#[test]
fn lines_are_records() {
    assert_eq!(
        ndjson("\u{feff}{\"a\":1}\r\n\r\n{\"a\":2}\n"),
        "a bigint\n1\n2"
    );
    assert_eq!(
        ndjson("1\n[2,3]\n"),
        "value bigint | c1 bigint | c2 bigint\n1 | ∅ | ∅\n∅ | 2 | 3"
    );
    assert_eq!(ndjson(""), "");
    let with_path = files(&[(Format::NdJson, b"{\"d\":[{\"a\":1},{\"a\":2}]}\n{\"d\":[]}")]);
    assert_eq!(
        render(&with_path.staged, &rules("/d", "")),
        "a bigint\n1\n2"
    );
}

#[test]
fn fields_follow_rfc_4180() {
    assert_eq!(
        csv(
            "\u{feff}a, b ,,a\r\n1,\"x,\"\"y\"\"\n z\",\"\",4\r\n,,,\r\n",
            ""
        ),
        "a bigint | b text | column_3 text | a_2 bigint\n1 | x,\"y\"\n z | ∅ | 4\n∅ | ∅ | ∅ | ∅"
    );
    assert_eq!(csv("a,b\n", ""), "a text | b text");
    assert_eq!(csv("a,b", ""), "a text | b text");
    assert_eq!(csv("a\n1\n\"\"\n2", ""), "a bigint\n1\n∅\n2");
    contains(
        &csv("a,b\r\n1,2\r\n\r\n3\r\n", ""),
        &["record 2 (line 4)", "1 field, the header has 2", "quotes"],
    );
    contains(
        &csv("a,b\n1,2\n3,\"4\n", ""),
        &["record 2 (line 3)", "never closed"],
    );
    contains(&csv("a,b\n1,\"x\n", ""), &["(line 2)", "never closed"]);
    contains(&csv("\"a", ""), &["never closed"]);
    contains(&csv("", ""), &["no header line"]);
    contains(&csv("a,A\n1,2\n", ""), &["differ only in case"]);
    let latin = files(&[(Format::Csv, b"a,b\n1,2\n3,\xE4\n")]);
    contains(
        &render(&latin.staged, &Rules::default()),
        &["field 2 is not UTF-8", "record 2 (line 3)"],
    );
    // The last record may look like what follows the file.
    assert_eq!(csv("a\nx", ""), "a text\nx");
    assert_eq!(csv("a\nx\n\n\n", ""), "a text\nx");
    assert_eq!(csv("a\r\nx\r\n", ""), "a text\nx");
    contains(&csv("a\n\"\nx", ""), &["never closed"]);
}

#[test]
fn files_unite_by_name() {
    let mixed = files(&[
        (Format::Json, br#"[{"a":{"b":1},"c":"2024-01-31"}]"#),
        (Format::Csv, b"c,a.b,d\n2024-02-01,2.5,x\n"),
        (Format::NdJson, br#"{"d":"y"}"#),
    ]);
    assert_eq!(
        render(&mixed.staged, &Rules::default()),
        "a.b double | c date | d text\n1.0 | day 19753 | ∅\n2.5 | day 19754 | x\n∅ | ∅ | y"
    );
}

#[test]
fn a_column_that_falls_back_to_text_says_why() {
    contains(
        &notices(Format::Csv, "a\n1\n2\nabc\n", ""),
        &["column `a` is text: record 3 holds `abc`, after bigint values"],
    );
    contains(
        &notices(Format::Json, r#"[{"a":18446744073709551615}]"#, ""),
        &["no number type keeps exactly"],
    );
    assert_eq!(notices(Format::Csv, "a\nabc\nb\n", ""), "");
    contains(
        &notices(Format::Json, r#"[{"a":{}}]"#, ""),
        &["only empty objects"],
    );
}

#[test]
fn columns_of_the_data_win_over_system_columns() {
    let mut rules = Rules::default();
    rules.system.insert(SystemColumn::Row);
    let files = files(&[(Format::Csv, b"_ROW\nx\n")]);
    assert_eq!(render(&files.staged, &rules), "_ROW text\nx");
    contains(
        Table::read(&files.staged, &rules)
            .unwrap()
            .notices()
            .unwrap()[0]
            .as_str(),
        &["`_row` is a column of the data"],
    );
}

#[test]
fn a_file_that_changes_between_the_passes_is_an_error() {
    let files = files(&[(Format::Csv, b"a\n1\n")]);
    let table = Table::read(&files.staged, &Rules::default()).unwrap();
    for content in ["a\nx\n", "a\n1\n2\n", "a,b\n1,2\n"] {
        std::fs::write(&files.staged.files[0].path, content).unwrap();
        let error = table.for_each_row::<anyhow::Error>(|_| Ok(())).unwrap_err();
        contains(&error.to_string(), &["has changed"]);
    }
}

#[test]
fn the_sinks_error_comes_back_as_it_is() {
    #[derive(Debug)]
    enum Failure {
        Data,
        Full,
    }
    impl From<DataError> for Failure {
        fn from(_: DataError) -> Failure {
            Failure::Data
        }
    }
    impl From<Contradicted> for Failure {
        fn from(_: Contradicted) -> Failure {
            unreachable!("all rows have decided")
        }
    }
    let files = files(&[(Format::Json, b"[1,2]"), (Format::Csv, b"a\n1\n")]);
    let table = Table::read(&files.staged, &Rules::default()).unwrap();
    let mut rows = 0;
    let result = table.for_each_row(|_| {
        rows += 1;
        if rows == 2 {
            Err(Failure::Full)
        } else {
            Ok(())
        }
    });
    assert!(matches!(result, Err(Failure::Full)));
    std::fs::write(&files.staged.files[0].path, "[").unwrap();
    assert!(matches!(table.for_each_row(|_| Ok(())), Err(Failure::Data)));
}

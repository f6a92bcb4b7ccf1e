//! Arrow files and streams: every type read back from the extract, and what is broken told from what is whole.

use std::sync::Arc;

use arrow_array::builder::{
    FixedSizeBinaryBuilder, Int32Builder, Int64Builder, ListBuilder, MapBuilder, StringBuilder,
    StringDictionaryBuilder,
};
use arrow_array::types::{Float16Type, Int8Type, Int32Type, UInt8Type};
use arrow_array::{
    Array, ArrayRef, BinaryArray, BinaryViewArray, Date32Array, Date64Array, Decimal32Array,
    Decimal64Array, Decimal128Array, Decimal256Array, DictionaryArray, DurationSecondArray,
    Int16Array, Int32Array, IntervalYearMonthArray, LargeBinaryArray, LargeListArray,
    LargeStringArray, ListViewArray, NullArray, PrimitiveArray, RecordBatch, RecordBatchOptions,
    RunArray, StringArray, StringViewArray, StructArray, Time32MillisecondArray, Time32SecondArray,
    Time64MicrosecondArray, Time64NanosecondArray, TimestampMicrosecondArray,
    TimestampMillisecondArray, TimestampNanosecondArray, TimestampSecondArray, UInt64Array,
    UnionArray,
};
use arrow_ipc::CompressionType;
use arrow_ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};
use arrow_schema::{DataType, Field, Schema, UnionFields};
use expect_test::expect;
use tableau_simulator::{Page, Setup, Simulator};

use crate::harness::Action;
use crate::parquet::{self, array, arrow_value, common, half, integers, texts};

type Columns = Vec<(&'static str, ArrayRef)>;

fn batch(columns: Columns) -> RecordBatch {
    let columns = columns.into_iter().map(|(name, array)| (name, array, true));
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

fn packed_file(batches: &[RecordBatch], packed: Option<CompressionType>) -> Vec<u8> {
    let options = IpcWriteOptions::default()
        .try_with_compression(packed)
        .unwrap();
    let mut bytes = Vec::new();
    let schema = batches[0].schema();
    let mut writer = FileWriter::try_new_with_options(&mut bytes, &schema, options).unwrap();
    for batch in batches {
        writer.write(batch).unwrap();
    }
    writer.finish().unwrap();
    drop(writer);
    bytes
}

fn packed_stream(batches: &[RecordBatch], packed: Option<CompressionType>) -> Vec<u8> {
    let options = IpcWriteOptions::default()
        .try_with_compression(packed)
        .unwrap();
    let mut bytes = Vec::new();
    let schema = batches[0].schema();
    let mut writer = StreamWriter::try_new_with_options(&mut bytes, &schema, options).unwrap();
    for batch in batches {
        writer.write(batch).unwrap();
    }
    writer.finish().unwrap();
    drop(writer);
    bytes
}

fn file(columns: Columns) -> Vec<u8> {
    packed_file(&[batch(columns)], None)
}

fn stream(columns: Columns) -> Vec<u8> {
    packed_stream(&[batch(columns)], None)
}

fn build(bytes: Vec<u8>) -> Action {
    Action::building()
        .file("x.arrow", bytes)
        .input("source", "x.arrow")
}

#[test]
fn types_are_those_of_parquet() {
    let like = Action::building()
        .file("x.parquet", parquet::file(common()))
        .input("source", "x.parquet")
        .run()
        .succeeded();
    let batch = batch(common());
    let batches = [batch.clone(), batch.slice(1, 1), batch.slice(0, 0)];
    for packed in [
        None,
        Some(CompressionType::LZ4_FRAME),
        Some(CompressionType::ZSTD),
    ] {
        for bytes in [packed_file, packed_stream].map(|write| write(&batches, packed)) {
            let run = build(bytes).run().succeeded();
            // Of the last lines one is there twice.
            let rows = run.rows();
            let (rows, last) = rows.trim_end().rsplit_once('\n').unwrap();
            assert_eq!(rows, like.rows().trim_end());
            assert!(rows.ends_with(last), "{last}");
            assert!(!run.log.contains("row by row"), "{}", run.log);
        }
    }
}

/// Columns of three rows whose values stand in dictionaries.
fn keyed() -> Columns {
    let mut words = StringDictionaryBuilder::<Int8Type>::new();
    words.append_value("a");
    words.append_null();
    words.append_value("a");
    // A key may also lead to nothing.
    let keys = PrimitiveArray::<UInt8Type>::from(vec![Some(1), Some(0), None]);
    let nothing = StringArray::from(vec![None, Some("b")]);
    let nothing = DictionaryArray::new(keys, array(nothing));
    let keys = PrimitiveArray::<Int32Type>::from(vec![Some(0), Some(1), None]);
    let big = DictionaryArray::new(keys.clone(), array(UInt64Array::from(vec![u64::MAX, 1])));
    let days = DictionaryArray::new(keys.clone(), array(Date32Array::from(vec![0, 1])));
    let points = StructArray::from(vec![(
        Arc::new(Field::new("x", DataType::Int64, true)),
        integers(&[1, 2]),
    )]);
    let points = DictionaryArray::new(keys, array(points));
    vec![
        ("words", array(words.finish())),
        ("nothing", array(nothing)),
        ("big", array(big)),
        ("days", array(days)),
        ("points", array(points)),
    ]
}

/// Columns of three rows of numbers and texts that Parquet does not have.
fn others() -> Columns {
    let half = PrimitiveArray::<Float16Type>::from(vec![Some(half(1.5)), None, Some(half(-2.0))]);
    let wide = Decimal256Array::from(vec![
        Some(arrow_value("12345678901234567890123456789012345678901.5")),
        None,
        Some(arrow_value("0.5")),
    ]);
    let wide = wide.with_precision_and_scale(60, 1).unwrap();
    let narrow = Decimal256Array::from(vec![Some(arrow_value("1.25")), None, None]);
    let narrow = narrow.with_precision_and_scale(38, 2).unwrap();
    let tens = Decimal32Array::from(vec![Some(12), None, Some(-3)]);
    let tens = tens.with_precision_and_scale(9, -1).unwrap();
    let d32 = Decimal32Array::from(vec![Some(999_999_999), None, Some(-1)]);
    let d32 = d32.with_precision_and_scale(9, 2).unwrap();
    let d64 = Decimal64Array::from(vec![Some(10_i64.pow(18) - 1), None, Some(-1)]);
    let d64 = d64.with_precision_and_scale(18, 0).unwrap();
    vec![
        (
            "large",
            array(LargeStringArray::from(vec![Some("x"), None, Some("")])),
        ),
        (
            "view",
            array(StringViewArray::from(vec![
                Some("short"),
                None,
                Some("longer than twelve bytes"),
            ])),
        ),
        (
            "u64",
            array(UInt64Array::from(vec![
                Some(7),
                None,
                Some(i64::MAX.unsigned_abs()),
            ])),
        ),
        ("half", array(half)),
        ("d32", array(d32)),
        ("d64", array(d64)),
        ("narrow", array(narrow)),
        ("wide", array(wide)),
        ("tens", array(tens)),
    ]
}

/// Columns of three rows of days and times in every unit.
fn times() -> Columns {
    vec![
        (
            "date64",
            array(Date64Array::from(vec![Some(-86_400_000), None, Some(0)])),
        ),
        (
            "t_s",
            array(Time32SecondArray::from(vec![Some(86_399), None, Some(0)])),
        ),
        (
            "t_ms",
            array(Time32MillisecondArray::from(vec![Some(1), None, Some(0)])),
        ),
        (
            "t_us",
            array(Time64MicrosecondArray::from(vec![Some(1), None, Some(0)])),
        ),
        (
            "t_ns",
            array(Time64NanosecondArray::from(vec![
                Some(1_999),
                None,
                Some(0),
            ])),
        ),
        (
            "s",
            array(TimestampSecondArray::from(vec![Some(-1), None, Some(0)])),
        ),
        (
            "ms",
            array(
                TimestampMillisecondArray::from(vec![Some(-1), None, Some(0)])
                    .with_timezone("Europe/Berlin"),
            ),
        ),
        (
            "us",
            array(
                TimestampMicrosecondArray::from(vec![Some(-1), None, Some(0)]).with_timezone("UTC"),
            ),
        ),
        (
            "ns",
            array(TimestampNanosecondArray::from(vec![
                Some(-1),
                None,
                Some(0),
            ])),
        ),
        ("none", array(NullArray::new(3))),
    ]
}

#[test]
fn every_type_becomes_what_an_extract_has() {
    let columns = [keyed(), others(), times()].concat();
    for bytes in [file(columns.clone()), stream(columns)] {
        let run = build(bytes).run().succeeded();
        expect![[r#"
            Extract.Extract
              words TEXT, nothing TEXT, big TEXT, days DATE, points TEXT, large TEXT, view TEXT, u64 BIGINT, half DOUBLE PRECISION, d32 NUMERIC(9, 2), d64 NUMERIC(18, 0), narrow NUMERIC(38, 2), wide TEXT, tens TEXT, date64 DATE, t_s TEXT, t_ms TEXT, t_us TEXT, t_ns TEXT, s TIMESTAMP, ms TIMESTAMP, us TIMESTAMP, ns TIMESTAMP, none TEXT
              NULL | NULL | 1 | 1970-01-02 | {"x":2} | NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL
              a | NULL | NULL | NULL | NULL |  | longer than twelve bytes | 9223372036854775807 | -2 | -0.01 | -1 | NULL | 0.5 | -30 | 1970-01-01 | 00:00:00 | 00:00:00 | 00:00:00 | 00:00:00 | 1970-01-01 00:00:00 | 1970-01-01 00:00:00 | 1970-01-01 00:00:00 | 1970-01-01 00:00:00 | NULL
              a | b | 18446744073709551615 | 1970-01-01 | {"x":1} | x | short | 7 | 1.5 | 9999999.99 | 999999999999999999 | 1.25 | 12345678901234567890123456789012345678901.5 | 120 | 1969-12-31 | 23:59:59 | 00:00:00.001 | 00:00:00.000001 | 00:00:00.000001 | 1969-12-31 23:59:59 | 1969-12-31 23:59:59.999 | 1969-12-31 23:59:59.999999 | 1969-12-31 23:59:59.999999 | NULL
        "#]].assert_eq(&run.rows());
    }
}

#[test]
fn a_uuid_is_its_text() {
    let mut uuid = FixedSizeBinaryBuilder::new(16);
    uuid.append_value([0xAB; 16]).unwrap();
    uuid.append_null();
    let uuid = array(uuid.finish());
    let field = |name: &str| {
        let field = Field::new(name, DataType::FixedSizeBinary(16), true);
        let extension = [("ARROW:extension:name".to_owned(), "arrow.uuid".to_owned())];
        Arc::new(field.with_metadata(extension.into()))
    };
    let group = StructArray::from(vec![(field("v"), uuid.clone())]);
    let group_field = Arc::new(Field::new("g", group.data_type().clone(), true));
    let schema = Arc::new(Schema::new(vec![field("u"), group_field]));
    let batch = RecordBatch::try_new(schema, vec![uuid, array(group)]).unwrap();
    let run = build(packed_file(&[batch], None)).run().succeeded();
    expect![[r"
        Extract.Extract
          u TEXT, g.v TEXT
          NULL | NULL
          abababab-abab-abab-abab-abababababab | abababab-abab-abab-abab-abababababab
    "]]
    .assert_eq(&run.rows());
}

#[test]
fn what_is_nested_is_flattened_or_json() {
    let mut list = ListBuilder::new(StringBuilder::new());
    list.append_value([Some("a\"b"), None]);
    list.append_null();
    let large = LargeListArray::from_iter_primitive::<Int32Type, _, _>(vec![
        Some(vec![Some(1), None]),
        Some(vec![]),
    ]);
    let mut map = MapBuilder::new(None, StringBuilder::new(), Int64Builder::new());
    map.keys().append_value("k");
    map.values().append_value(1);
    map.append(true).unwrap();
    map.append(false).unwrap();
    let item = Arc::new(Field::new("item", DataType::Int64, true));
    let views = ListViewArray::new(
        item,
        vec![1, 0].into(),
        vec![2, 1].into(),
        integers(&[7, 8, 9]),
        None,
    );
    let keys = Int16Array::from(vec![Some(0), None]);
    let words = DictionaryArray::new(keys, texts(&["w"]));
    let inner = StructArray::from(vec![(
        Arc::new(Field::new("deep", words.data_type().clone(), true)),
        array(words),
    )]);
    let address = StructArray::from(vec![
        (
            Arc::new(Field::new("city", DataType::Utf8, true)),
            texts(&["Ulm", "Bonn"]),
        ),
        (
            Arc::new(Field::new("in", inner.data_type().clone(), true)),
            array(inner),
        ),
    ]);
    let columns: Columns = vec![
        ("list", array(list.finish())),
        ("large", array(large)),
        ("map", array(map.finish())),
        ("views", array(views)),
        ("address", array(address)),
    ];
    let run = build(file(columns.clone())).run().succeeded();
    expect![[r#"
        Extract.Extract
          list TEXT, large TEXT, map TEXT, views TEXT, address.city TEXT, address.in.deep TEXT
          NULL | [] | NULL | [7] | Bonn | NULL
          ["a\"b",null] | [1,null] | {"k":1} | [8,9] | Ulm | w
    "#]]
    .assert_eq(&run.rows());
    let run = build(stream(columns)).input(
        "columns",
        "address: json\nviews: skip\nm: text from /map\nlist: skip",
    );
    expect![[r#"
        Extract.Extract
          large TEXT, m TEXT, address TEXT
          [1,null] | {"k":1} | {"city":"Ulm","in":{"deep":"w"}}
          [] | NULL | {"city":"Bonn","in":{"deep":null}}
    "#]]
    .assert_eq(&run.run().succeeded().rows());
}

#[test]
fn what_has_no_place_in_an_extract_is_left_out() {
    let ends = PrimitiveArray::<Int32Type>::from(vec![1]);
    let runs = RunArray::try_new(&ends, &Int32Array::from(vec![1])).unwrap();
    let union = UnionArray::try_new(
        UnionFields::from_fields(vec![Field::new("a", DataType::Int64, true)]),
        vec![0].into(),
        None,
        vec![integers(&[1])],
    );
    let none: Vec<ArrayRef> = vec![
        array(DurationSecondArray::from(vec![1])),
        array(IntervalYearMonthArray::from(vec![1])),
        array(union.unwrap()),
        array(runs),
    ];
    for column in none {
        let data = || file(vec![("n", integers(&[1])), ("x", column.clone())]);
        build(data()).run().failed(
            "type",
            &["column `x`: has a type an extract cannot keep", "`x: skip`"],
        );
        let run = build(data()).input("columns", "x: skip").run().succeeded();
        assert!(run.rows().ends_with("n BIGINT\n  1\n"), "{}", run.rows());
    }
    let binary: Vec<ArrayRef> = vec![
        array(BinaryArray::from_vec(vec![b"\xC3\xA4"])),
        array(LargeBinaryArray::from_vec(vec![b"\xC3\xA4"])),
        array(BinaryViewArray::from_iter_values([b"\xC3\xA4"])),
    ];
    for column in binary {
        let data = || file(vec![("x", column.clone())]);
        build(data())
            .run()
            .failed("type", &["column `x`: holds binary values", "`x: text`"]);
        let run = build(data()).input("columns", "x: text").run().succeeded();
        assert!(run.rows().ends_with("x TEXT\n  ä\n"), "{}", run.rows());
    }
}

#[test]
fn values_no_extract_keeps_are_told_with_their_row() {
    let cases: Vec<(ArrayRef, &[&str])> = vec![
        (
            array(Date64Array::from(vec![0, 1])),
            &["the date of 1 ms is no day", "`x: skip`"],
        ),
        (
            array(Date32Array::from(vec![0, 2_932_897])),
            &["`+010000-01-01`", "beyond the years 1 to 9999", "`x: text`"],
        ),
        (
            array(TimestampSecondArray::from(vec![0, i64::MAX])),
            &["beyond the years 1 to 9999", "`x: text`"],
        ),
        (
            array(Time32SecondArray::from(vec![0, 86_400])),
            &["86400 s is beyond the day", "`x: skip`"],
        ),
        (
            array(
                Decimal128Array::from(vec![0, 100_000])
                    .with_precision_and_scale(5, 2)
                    .unwrap(),
            ),
            &["has too many digits"],
        ),
    ];
    for (column, words) in cases {
        let told = [&["record 2, column `x`"], words].concat();
        build(file(vec![("n", integers(&[1, 2])), ("x", column.clone())]))
            .run()
            .failed("shape", &told);
        build(stream(vec![("x", column)]))
            .run()
            .failed("shape", &told);
    }
}

#[test]
fn files_are_united_with_others_and_with_parquet() {
    let run = Action::building()
        .file(
            "data/a.arrow",
            file(vec![
                ("n", array(Int32Array::from(vec![1]))),
                ("t", texts(&["x"])),
            ]),
        )
        .file(
            "data/b.parquet",
            parquet::file(vec![("t", texts(&["y"])), ("n", integers(&[1 << 40]))]),
        )
        .file(
            "data/c.feather",
            packed_file(
                &[batch(vec![("t", array(LargeStringArray::from(vec!["z"])))])],
                Some(CompressionType::LZ4_FRAME),
            ),
        )
        .file(
            "data/d.arrows",
            stream(vec![("n", array(NullArray::new(1)))]),
        )
        .input("source", "data/*")
        .input("sql", "SELECT *, _source, _row FROM input")
        .run()
        .succeeded();
    expect![[r"
        Extract.Extract
          n BIGINT, t TEXT, _source TEXT, _row BIGINT
          1 | x | data/a.arrow | 1
          1099511627776 | y | data/b.parquet | 2
          NULL | NULL | data/d.arrows | 4
          NULL | z | data/c.feather | 3
    "]]
    .assert_eq(&run.rows());
    assert!(!run.log.contains("another type"), "{}", run.log);
    Action::building()
        .file("a.arrow", file(vec![("n", integers(&[1]))]))
        .file("b.csv", "n\n1\n")
        .input("source", "a.arrow\nb.csv")
        .run()
        .failed(
            "type",
            &["either all Parquet and Arrow or of other formats"],
        );
}

#[test]
fn columns_rename_retype_and_skip() {
    let data = file(vec![
        ("id", texts(&["1", "2"])),
        ("at", array(TimestampMicrosecondArray::from(vec![0, 1]))),
        ("raw", array(BinaryArray::from_vec(vec![b"a", b"b"]))),
        ("when", integers(&[0, 86_400])),
        ("wide", array(Int32Array::from(vec![1, 2]))),
    ]);
    let rules = "id: bigint\nat: timestamp tz Europe/Berlin\nraw: skip\nday: date from /when format epoch\nwide: decimal(20,2)\nnone: text";
    let run = build(data).input("columns", rules).run().succeeded();
    expect![[r"
        Extract.Extract
          id BIGINT, at TIMESTAMP, day DATE, wide NUMERIC(20, 2), none TEXT
          1 | 1969-12-31 23:00:00 | 1970-01-01 | 1.00 | NULL
          2 | 1969-12-31 23:00:00.000001 | 1970-01-02 | 2.00 | NULL
    "]]
    .assert_eq(&run.rows());
    build(file(vec![("n", integers(&[1]))]))
        .input("records", "/x")
        .run()
        .failed("type", &["`records` is a path into documents", "leave out"]);
}

#[test]
fn no_rows_and_no_columns_are_what_they_are() {
    let none = batch(vec![("n", integers(&[])), ("t", texts(&[]))]);
    let mut only_schema = Vec::new();
    let mut writer = StreamWriter::try_new(&mut only_schema, &none.schema()).unwrap();
    writer.finish().unwrap();
    drop(writer);
    let whole = [
        packed_file(std::slice::from_ref(&none), None),
        packed_stream(&[none], None),
        only_schema,
    ];
    for bytes in whole {
        let run = build(bytes).input("min-rows", "0").run().succeeded();
        assert!(run.rows().ends_with("n BIGINT, t TEXT\n"), "{}", run.rows());
    }
    let options = RecordBatchOptions::new().with_row_count(Some(3));
    let empty = RecordBatch::try_new_with_options(Arc::new(Schema::empty()), vec![], &options);
    let run = build(packed_file(&[empty.unwrap()], None)).run();
    assert_eq!(run.code, Some(1), "{}", run.raw);
}

#[test]
fn downloads_are_known_by_type_name_or_bytes() {
    let site = Simulator::launch(Setup::default());
    let columns = || vec![("n", integers(&[1, 2, 3]))];
    for (path, content_type, data) in [
        ("a", "application/vnd.apache.arrow.file", file(columns())),
        (
            "b",
            "application/vnd.apache.arrow.stream",
            stream(columns()),
        ),
        ("c.feather", "application/octet-stream", file(columns())),
        ("d", "application/octet-stream", file(columns())),
        ("e", "application/octet-stream", stream(columns())),
    ] {
        site.serve(path, Page::new(content_type, data));
        let run = Action::building()
            .input("source", site.origin_url(path))
            .run()
            .succeeded();
        assert_eq!(run.output("rows"), "3");
    }
    site.serve("f", Page::new("text/plain", stream(columns())));
    let run = Action::building()
        .input("source", site.origin_url("f"))
        .input("format", "arrow")
        .run()
        .succeeded();
    assert_eq!(run.output("rows"), "3");
}

#[test]
fn other_files_are_told_from_arrow() {
    build([b"FEA1", &[0; 60][..], b"FEA1"].concat())
        .run()
        .failed(
            "fetch",
            &["Feather file of version 1", "write it as Feather 2"],
        );
    let run = Action::building()
        .file("x.parquet", file(vec![("n", integers(&[1]))]))
        .input("source", "x.parquet")
        .run();
    run.failed("type", &["no readable Parquet file", "`format`"]);
    build(parquet::file(vec![("n", integers(&[1]))]))
        .run()
        .failed("type", &["no readable Arrow file", "`format`"]);
    build(b"n\n1\n".to_vec())
        .run()
        .failed("type", &["no readable Arrow file"]);
}

#[test]
fn what_is_cut_off_or_goes_on_is_an_error() {
    let columns = || vec![("x", integers(&[1, 2, 3])), ("y", texts(&["a", "b", "c"]))];
    let batches = [batch(columns()), batch(columns())];
    let whole = packed_stream(&batches, None);
    build(whole[..whole.len() - 8].to_vec()).run().failed(
        "type",
        &[
            "no readable Arrow file",
            "end-of-stream marker",
            "cut short",
        ],
    );
    build(whole[..whole.len() / 2].to_vec())
        .run()
        .failed("type", &["cut short"]);
    build([&whole[..], &whole].concat())
        .run()
        .failed("type", &["something follows"]);
    let whole = packed_file(&batches, None);
    build(whole[..whole.len() - 1].to_vec())
        .run()
        .failed("type", &["no readable Arrow file", "cut short"]);
}

#[test]
fn long_batches_go_through_in_pieces() {
    let n_rows = 300_000;
    let numbers: Vec<i64> = (0..n_rows).collect();
    let mut words = StringDictionaryBuilder::<Int32Type>::new();
    let mut lists = ListBuilder::new(Int32Builder::new());
    let long = "w".repeat(1000);
    for index in 0..n_rows {
        words.append_value(if index % 2 == 0 { "even" } else { &long });
        lists.append_value([Some(1)]);
    }
    let columns: Columns = vec![
        ("n", integers(&numbers)),
        ("w", array(words.finish())),
        ("l", array(lists.finish())),
    ];
    let run = build(packed_file(&[batch(columns)], Some(CompressionType::ZSTD)))
        .input(
            "sql",
            "SELECT count(*) AS n, sum(n) AS s, sum(length(w)) AS w, max(l) AS l FROM input",
        )
        .run()
        .succeeded();
    assert!(
        run.rows()
            .contains("  300000 | 44999850000 | 150600000 | [1]\n"),
        "{}",
        run.rows()
    );
    // Each row alone is long.
    let keys = Int32Array::from_iter_values((0..200).map(|_| 0));
    let words = DictionaryArray::new(keys, texts(&[&"x".repeat(8 << 20)]));
    let run = build(file(vec![("w", array(words))]))
        .input(
            "sql",
            "SELECT count(*) AS n, max(length(w)) AS w FROM input",
        )
        .run()
        .succeeded();
    assert!(run.rows().contains("  200 | 8388608\n"), "{}", run.rows());
}

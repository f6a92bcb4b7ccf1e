//! What values of Parquet files become: the same whether the engine reads the file or this program does.

use std::sync::Arc;

use arrow_array::builder::{ListBuilder, NullBuilder};
use arrow_array::{
    Array, ArrayRef, Date32Array, Int64Array, NullArray, StructArray, Time32MillisecondArray,
    Time64MicrosecondArray, Time64NanosecondArray, TimestampMicrosecondArray,
    TimestampMillisecondArray, TimestampNanosecondArray,
};
use arrow_schema::{DataType, Field};
use expect_test::expect;
use parquet::basic::{BrotliLevel, Compression, LogicalType, Repetition};
use parquet::file::properties::WriterProperties;
use parquet::schema::types::{Type, TypePtr};

use super::raw::{self, Column, Values, column};
use super::{array, build, by_engine, file, integers, packed, texts};
use crate::harness::{Action, Ended};

/// Runs over the columns as a file the engine reads and as one it does not, and wants the same rows of both.
#[track_caller]
fn both(columns: &[(&str, ArrayRef)]) -> String {
    let brotli = Compression::BROTLI(BrotliLevel::default());
    let ours = build(packed(columns.to_vec(), brotli)).run().succeeded();
    assert!(!by_engine(&ours), "{}", ours.log);
    let own = build(file(columns.to_vec())).run().succeeded();
    assert_eq!(own.rows(), ours.rows(), "the two ways differ");
    ours.rows()
}

/// Runs over both files and wants both to fail with these words.
#[track_caller]
fn both_fail(column: &ArrayRef, words: &[&str]) {
    let brotli = Compression::BROTLI(BrotliLevel::default());
    let columns = vec![("id", integers(&[1, 2])), ("x", column.clone())];
    build(packed(columns.clone(), brotli))
        .run()
        .failed("shape", words);
    build(file(columns)).run().failed("shape", words);
}

#[test]
fn a_column_of_nothing_is_null_whatever_its_type_becomes() {
    let data = || {
        let inside = Arc::new(Field::new("n", DataType::Null, true));
        let group = StructArray::from(vec![(inside, array(NullArray::new(2)))]);
        let mut list = ListBuilder::new(NullBuilder::new());
        list.values().append_null();
        list.append(true);
        list.append(true);
        file(vec![
            ("a", array(NullArray::new(2))),
            ("b", integers(&[1, 2])),
            ("g", array(group)),
            ("l", array(list.finish())),
        ])
    };
    let run = build(data())
        .input("sql", "SELECT *, a IS NULL AS none FROM input")
        .run()
        .succeeded();
    expect![[r"
        Extract.Extract
          a TEXT, b BIGINT, g.n TEXT, l TEXT, none BOOLEAN
          NULL | 1 | NULL | [null] | true
          NULL | 2 | NULL | [] | true
    "]]
    .assert_eq(&run.rows());
    for declared in [
        "text",
        "boolean",
        "bigint",
        "double",
        "decimal(9,2)",
        "date",
        "timestamp tz Europe/Berlin",
        "json",
    ] {
        let run = build(data()).input("columns", format!("a: {declared}\nl: skip"));
        let run = run.run().succeeded();
        assert!(run.rows().contains("  NULL | 1 | NULL\n"), "{}", run.rows());
    }
}

#[test]
fn a_column_of_nothing_is_united_with_any_other() {
    let others: Vec<(ArrayRef, &str)> = vec![
        (integers(&[5]), "BIGINT\n  5\n  NULL"),
        (texts(&["x"]), "TEXT\n  NULL\n  x"),
        (
            array(Date32Array::from(vec![1])),
            "DATE\n  1970-01-02\n  NULL",
        ),
        (
            array(TimestampNanosecondArray::from(vec![1_000])),
            "TIMESTAMP\n  1970-01-01 00:00:00.000001\n  NULL",
        ),
    ];
    for (other, expected) in others {
        for order in [["a", "b"], ["b", "a"]] {
            let run = Action::building()
                .file(
                    &format!("{}.parquet", order[0]),
                    file(vec![("x", array(NullArray::new(1)))]),
                )
                .file(
                    &format!("{}.parquet", order[1]),
                    file(vec![("x", other.clone())]),
                )
                .input("source", "*.parquet")
                .run()
                .succeeded();
            assert!(run.rows().contains(expected), "{}", run.rows());
            assert!(!run.log.contains("another type"), "{}", run.log);
        }
    }
}

const ID: &[u8] = &[
    0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF,
];

#[test]
fn a_uuid_is_its_text_wherever_it_stands() {
    let message = "message m {
        optional fixed_len_byte_array(16) u (UUID);
        optional group g { required fixed_len_byte_array(16) u (UUID); }
        required group l (LIST) { repeated group list { required fixed_len_byte_array(16) element (UUID); } }
        required group k (MAP) { repeated group key_value {
            required fixed_len_byte_array(16) key (UUID);
            optional fixed_len_byte_array(16) value (UUID);
        } }
    }";
    let id = || Values::Fixed(&[ID]);
    let some = |levels| Column {
        values: id(),
        levels: Some(levels),
        repeats: Some(&[0, 0]),
    };
    let columns = [
        Column {
            repeats: None,
            ..some(&[1, 0])
        },
        Column {
            repeats: None,
            ..some(&[1, 0])
        },
        some(&[1, 0]),
        some(&[1, 0]),
        some(&[2, 0]),
    ];
    let run = build(raw::plain(message, &columns)).run().succeeded();
    expect![[r#"
        Extract.Extract
          u TEXT, g.u TEXT, l TEXT, k TEXT
          00112233-4455-6677-8899-aabbccddeeff | 00112233-4455-6677-8899-aabbccddeeff | ["00112233-4455-6677-8899-aabbccddeeff"] | {"00112233-4455-6677-8899-aabbccddeeff":"00112233-4455-6677-8899-aabbccddeeff"}
          NULL | NULL | [] | {}
    "#]]
    .assert_eq(&run.rows());
    let run = build(raw::plain(message, &columns))
        .input(
            "columns",
            "u: text\nj: json from /u\ng: json\nl: skip\nk: skip",
        )
        .run()
        .succeeded();
    expect![[r#"
        Extract.Extract
          u TEXT, j TEXT, g TEXT
          00112233-4455-6677-8899-aabbccddeeff | "00112233-4455-6677-8899-aabbccddeeff" | {"u":"00112233-4455-6677-8899-aabbccddeeff"}
          NULL | NULL | NULL
    "#]]
    .assert_eq(&run.rows());
}

#[test]
fn binary_values_are_refused_wherever_they_stand() {
    let list = "message m { required group l (LIST) { repeated group list { required binary element; } } }";
    let map = "message m { required group l (MAP) { repeated group key_value { required binary key; optional int32 value; } } }";
    let item = |values| Column {
        values,
        levels: Some(&[1]),
        repeats: Some(&[0]),
    };
    let number = || Column {
        levels: Some(&[2]),
        ..item(Values::Int32(&[1]))
    };
    let text = || item(Values::Bytes(&[b"\xC3\xA9"]));
    let files = [
        (raw::plain(list, &[text()]), "[\"é\"]"),
        (raw::plain(map, &[text(), number()]), "{\"é\":1}"),
    ];
    for (bytes, json) in files {
        build(bytes.clone()).run().failed(
            "type",
            &["column `l`: holds binary values", "`l: skip`", "`l: text`"],
        );
        for kind in ["text", "json"] {
            let run = build(bytes.clone()).input("columns", format!("l: {kind}"));
            let run = run.run().succeeded();
            assert!(run.rows().contains(json), "{}", run.rows());
        }
    }
    let bytes = raw::plain(list, &[item(Values::Bytes(&[b"\xFF"]))]);
    build(bytes).input("columns", "l: text").run().failed(
        "shape",
        &[
            "record 1, column `l`",
            "a binary value is not UTF-8",
            "`l: skip`",
        ],
    );
}

/// A column `n` and a variant `x`, for which the notation has no word.
fn variant() -> TypePtr {
    let message =
        "message m { required int32 n; required binary metadata; required binary value; }";
    let parts = raw::schema(message).get_fields().to_vec();
    let group = Type::group_type_builder("x")
        .with_repetition(Repetition::REQUIRED)
        .with_logical_type(Some(LogicalType::Variant {
            specification_version: Some(1),
        }))
        .with_fields(parts[1..].to_vec());
    let group = Arc::new(group.build().unwrap());
    let whole = Type::group_type_builder("m").with_fields(vec![parts[0].clone(), group]);
    Arc::new(whole.build().unwrap())
}

#[test]
fn what_no_column_can_hold_is_refused_with_a_hint_that_works() {
    let files = [
        raw::plain(
            "message m { required int32 n; required fixed_len_byte_array(12) x (INTERVAL); }",
            &[
                column(Values::Int32(&[1])),
                column(Values::Fixed(&[&[1; 12]])),
            ],
        ),
        raw::plain(
            "message m { required int32 n; required group x (LIST) { repeated group list { required fixed_len_byte_array(12) element (INTERVAL); } } }",
            &[
                column(Values::Int32(&[1])),
                Column {
                    values: Values::Fixed(&[&[1; 12]]),
                    levels: Some(&[1]),
                    repeats: Some(&[0]),
                },
            ],
        ),
        raw::write(
            &variant(),
            &[
                column(Values::Int32(&[1])),
                column(Values::Bytes(&[b"\x01\0\0"])),
                column(Values::Bytes(&[b"\x0C\x01"])),
            ],
            WriterProperties::builder(),
        ),
    ];
    for bytes in files {
        for columns in ["", "x: text"] {
            let run = build(bytes.clone()).input("columns", columns).run();
            let run = run.failed(
                "type",
                &["column `x`: has a type an extract cannot keep", "`x: skip`"],
            );
            assert!(!run.raw.contains("x: text"), "{}", run.raw);
        }
        let run = build(bytes).input("columns", "x: skip").run().succeeded();
        assert!(run.rows().contains("n BIGINT\n  1\n"), "{}", run.rows());
    }
}

#[test]
fn what_is_finer_than_a_microsecond_is_cut_towards_the_past() {
    let nanos = vec![Some(-1), Some(-1_000), Some(-1_001), Some(1_999), None];
    let zoned = TimestampNanosecondArray::from(nanos.clone()).with_timezone("UTC");
    let rows = both(&[
        ("id", integers(&[1, 2, 3, 4, 5])),
        ("x", array(TimestampNanosecondArray::from(nanos))),
        ("z", array(zoned)),
    ]);
    expect![[r"
        Extract.Extract
          id BIGINT, x TIMESTAMP, z TIMESTAMP
          1 | 1969-12-31 23:59:59.999999 | 1969-12-31 23:59:59.999999
          2 | 1969-12-31 23:59:59.999999 | 1969-12-31 23:59:59.999999
          3 | 1969-12-31 23:59:59.999998 | 1969-12-31 23:59:59.999998
          4 | 1970-01-01 00:00:00.000001 | 1970-01-01 00:00:00.000001
          5 | NULL | NULL
    "]]
    .assert_eq(&rows);
    // Days before 1970 are nothing unusual, and the engine reads them as they are.
    let births = array(TimestampNanosecondArray::from(vec![-86_400_000_000_000, 0]));
    let run = build(file(vec![("x", births)])).run().succeeded();
    assert!(by_engine(&run), "{}", run.log);
    assert!(
        run.rows().contains("  1969-12-31 00:00:00\n"),
        "{}",
        run.rows()
    );
}

#[test]
fn times_of_96_bits_have_every_year() {
    let message = "message m { required int96 x; }";
    // Julian days of 0001-01-01, 1969-12-31 and 9999-12-31.
    let last = 86_399_999_999_999;
    let days = [(1_721_426, 0), (2_440_587, last), (5_373_484, last)];
    let expected = expect![[r"
        Extract.Extract
          x TIMESTAMP
          0001-01-01 00:00:00
          1969-12-31 23:59:59.999999
          9999-12-31 23:59:59.999999
    "]];
    for bytes in [
        raw::plain(message, &[column(Values::Int96(&days))]),
        raw::brotli(message, &[column(Values::Int96(&days))]),
    ] {
        expected.assert_eq(&build(bytes).run().succeeded().rows());
    }
    let beyond = [(2_440_588, 0), (5_373_485, 0)];
    for bytes in [
        raw::plain(message, &[column(Values::Int96(&beyond))]),
        raw::brotli(message, &[column(Values::Int96(&beyond))]),
    ] {
        build(bytes.clone()).run().failed(
            "shape",
            &[
                "record 2, column `x`",
                "+010000-01-01T00:00:00Z",
                "`x: text`",
            ],
        );
        let run = build(bytes).input("columns", "x: text").run().succeeded();
        assert!(
            run.rows().contains("  +010000-01-01T00:00:00Z\n"),
            "{}",
            run.rows()
        );
    }
}

#[test]
fn years_that_no_calendar_of_ours_has_are_refused_on_both_ways() {
    let day = 86_400;
    let (before, after): (i32, i32) = (-719_163, 2_932_897);
    let micros = |days: i32| i64::from(days) * day * 1_000_000;
    let millis = |days: i32| i64::from(days) * day * 1_000;
    let cases: Vec<(ArrayRef, &str)> = vec![
        (array(Date32Array::from(vec![0, after])), "`+010000-01-01`"),
        (array(Date32Array::from(vec![0, before])), "`0000-12-31`"),
        (
            array(Date32Array::from(vec![0, i32::MAX])),
            "`+5881580-07-11`",
        ),
        (
            array(Date32Array::from(vec![0, i32::MIN])),
            "`-5877641-06-23`",
        ),
        (
            array(TimestampMicrosecondArray::from(vec![0, micros(after)])),
            "`+010000-01-01T00:00:00`",
        ),
        (
            array(TimestampMicrosecondArray::from(vec![0, micros(before) + 1])),
            "`0000-12-31T00:00:00.000001`",
        ),
        (
            array(TimestampMicrosecondArray::from(vec![0, i64::MAX])),
            "`+294247-01-10T04:00:54.775807`",
        ),
        (
            array(TimestampMillisecondArray::from(vec![0, millis(after)])),
            "`+010000-01-01T00:00:00`",
        ),
        (
            array(TimestampMillisecondArray::from(vec![0, i64::MIN])),
            "`-292275055-05-16T16:47:04.192`",
        ),
        (
            array(TimestampMillisecondArray::from(vec![0, millis(before)]).with_timezone("UTC")),
            "`0000-12-31T00:00:00Z`",
        ),
    ];
    for (column, shown) in cases {
        both_fail(
            &column,
            &[
                "record 2, column `x`",
                shown,
                "beyond the years 1 to 9999",
                "`x: text`",
            ],
        );
        let run = build(file(vec![("x", column)])).input("columns", "x: text");
        let rows = run.run().succeeded().rows();
        assert!(
            rows.contains(&format!("  {}\n", shown.trim_matches('`'))),
            "{rows}"
        );
    }
    let last = both(&[
        ("d", array(Date32Array::from(vec![before + 1, after - 1]))),
        (
            "t",
            array(TimestampMicrosecondArray::from(vec![
                micros(before + 1),
                micros(after) - 1,
            ])),
        ),
    ]);
    assert!(
        last.contains("  0001-01-01 | 0001-01-01 00:00:00\n"),
        "{last}"
    );
    assert!(
        last.contains("  9999-12-31 | 9999-12-31 23:59:59.999999\n"),
        "{last}"
    );
}

#[test]
fn a_time_of_day_ends_with_the_day() {
    let cases: Vec<(ArrayRef, &str)> = vec![
        (
            array(Time64MicrosecondArray::from(vec![0, 1 << 62])),
            "4611686018427387904 µs",
        ),
        (array(Time64MicrosecondArray::from(vec![0, -5])), "-5 µs"),
        (
            array(Time64MicrosecondArray::from(vec![0, 86_400_000_000])),
            "86400000000 µs",
        ),
        (
            array(Time32MillisecondArray::from(vec![0, 86_400_000])),
            "86400000 ms",
        ),
        (
            array(Time32MillisecondArray::from(vec![0, i32::MIN])),
            "-2147483648 ms",
        ),
        (array(Time64NanosecondArray::from(vec![0, -1])), "-1 ns"),
        (
            array(Time64NanosecondArray::from(vec![0, 86_400_000_000_000])),
            "86400000000000 ns",
        ),
        (
            array(Time64NanosecondArray::from(vec![0, i64::MAX])),
            "9223372036854775807 ns",
        ),
    ];
    for (column, shown) in cases {
        both_fail(
            &column,
            &[
                "record 2, column `x`",
                shown,
                "is beyond the day",
                "`x: skip`",
            ],
        );
        let group = Arc::new(Field::new("t", column.data_type().clone(), true));
        let group = StructArray::from(vec![(group, column.clone())]);
        build(file(vec![("g", array(group))]))
            .input("columns", "g: json")
            .run()
            .failed(
                "shape",
                &["record 2, column `g`", shown, "is beyond the day"],
            );
    }
    let rows = both(&[
        (
            "us",
            array(Time64MicrosecondArray::from(vec![86_399_999_999])),
        ),
        ("ms", array(Time32MillisecondArray::from(vec![86_399_999]))),
        (
            "ns",
            array(Time64NanosecondArray::from(vec![86_399_999_999_999])),
        ),
    ]);
    assert!(
        rows.contains("  23:59:59.999999 | 23:59:59.999 | 23:59:59.999999\n"),
        "{rows}"
    );
}

#[test]
fn names_that_are_missing_or_doubled_are_numbered() {
    let message = "message m {
        required int32 a; required int32 a; required int32 a_2; required int32 A_3;
    }";
    let data = |message| {
        let values: [[i32; 1]; 4] = [[1], [2], [3], [4]];
        let columns: Vec<Column<'_>> = values
            .iter()
            .map(|value| column(Values::Int32(value)))
            .collect();
        raw::plain(message, &columns)
    };
    build(data(message))
        .run()
        .failed("type", &["`a_3` and `A_3` would be one column", "from /"]);
    let run = build(data(message))
        .input("columns", "A_3: skip")
        .run()
        .succeeded();
    assert!(
        run.rows()
            .contains("a BIGINT, a_3 BIGINT, a_2 BIGINT\n  1 | 2 | 3\n"),
        "{}",
        run.rows()
    );
    let columns = vec![
        ("", integers(&[1])),
        (" ", integers(&[2])),
        ("x\u{1}\n", integers(&[3])),
    ];
    let run: Ended = build(file(columns)).run().succeeded();
    assert!(
        run.rows()
            .contains("column_1 BIGINT, column_2 BIGINT, x\u{1}\n BIGINT\n  1 | 2 | 3\n"),
        "{}",
        run.rows()
    );
    build(file(vec![("x\0y", integers(&[1]))])).run().failed(
        "type",
        &["column `x\\0y`: a column name cannot contain the NUL character"],
    );
    let group = StructArray::from(vec![(
        Arc::new(Field::new("b", DataType::Int64, true)),
        array(Int64Array::from(vec![2])),
    )]);
    let doubled = || file(vec![("a.b", integers(&[1])), ("a", array(group.clone()))]);
    build(doubled()).run().failed(
        "type",
        &[
            "`a.b` and `a.b` would be one column",
            "`other: text from /a/b`",
        ],
    );
    let run = build(doubled()).input("columns", "other: text from /a/b");
    let rows = run.run().succeeded().rows();
    assert!(rows.contains("a.b BIGINT, other TEXT\n  1 | 2\n"), "{rows}");
}

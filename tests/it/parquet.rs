//! Parquet: what the engine reads itself, what is converted here, and that both agree.

mod alike;
mod broken;
mod raw;
mod values;

use std::sync::Arc;

use arrow_array::builder::{Int64Builder, ListBuilder, MapBuilder, StringBuilder};
use arrow_array::types::{Float16Type, UInt64Type};
use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Decimal256Array,
    Float32Array, Float64Array, Int8Array, Int16Array, Int32Array, Int64Array, PrimitiveArray,
    RecordBatch, StringArray, StructArray, Time64MicrosecondArray, Time64NanosecondArray,
    TimestampMicrosecondArray, TimestampMillisecondArray, TimestampNanosecondArray, UInt8Array,
    UInt16Array, UInt32Array, UInt64Array,
};
use arrow_schema::{DataType, Field};
use expect_test::expect;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use tableau_simulator::{Page, Setup, Simulator};

use crate::harness::{Action, Ended};

/// Writes a file with these columns, all nullable.
pub(crate) fn file(columns: Vec<(&str, ArrayRef)>) -> Vec<u8> {
    packed(columns, Compression::SNAPPY)
}

fn packed(columns: Vec<(&str, ArrayRef)>, compression: Compression) -> Vec<u8> {
    let columns = columns.into_iter().map(|(name, array)| (name, array, true));
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let properties = WriterProperties::builder()
        .set_compression(compression)
        .build();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

pub(crate) fn array(array: impl Array + 'static) -> ArrayRef {
    Arc::new(array)
}

pub(crate) fn texts(values: &[&str]) -> ArrayRef {
    array(StringArray::from(values.to_vec()))
}

pub(crate) fn integers(values: &[i64]) -> ArrayRef {
    array(Int64Array::from(values.to_vec()))
}

fn build(bytes: Vec<u8>) -> Action {
    Action::building()
        .file("x.parquet", bytes)
        .input("source", "x.parquet")
}

/// Whether a file was read by the engine itself.
fn by_engine(run: &Ended) -> bool {
    !run.log.contains("row by row")
}

pub(crate) fn common() -> Vec<(&'static str, ArrayRef)> {
    let micros = 1_700_000_000_123_456;
    vec![
        ("i8", array(Int8Array::from(vec![Some(-1), None]))),
        ("i16", array(Int16Array::from(vec![Some(-300), None]))),
        ("i32", array(Int32Array::from(vec![Some(i32::MIN), None]))),
        ("i64", array(Int64Array::from(vec![Some(i64::MAX), None]))),
        ("u8", array(UInt8Array::from(vec![Some(255), None]))),
        ("u16", array(UInt16Array::from(vec![Some(65_535), None]))),
        ("u32", array(UInt32Array::from(vec![Some(u32::MAX), None]))),
        ("f32", array(Float32Array::from(vec![Some(0.1), None]))),
        ("f64", array(Float64Array::from(vec![Some(1e300), None]))),
        (
            "d12",
            array(
                Decimal128Array::from(vec![Some(-110), None])
                    .with_precision_and_scale(12, 2)
                    .unwrap(),
            ),
        ),
        (
            "d38",
            array(
                Decimal128Array::from(vec![Some(10i128.pow(37)), None])
                    .with_precision_and_scale(38, 3)
                    .unwrap(),
            ),
        ),
        ("text", array(StringArray::from(vec![Some("a'\"🐶"), None]))),
        ("empty", array(StringArray::from(vec![Some(""), None]))),
        ("flag", array(BooleanArray::from(vec![Some(true), None]))),
        ("day", array(Date32Array::from(vec![Some(-1), None]))),
        (
            "time",
            array(Time64MicrosecondArray::from(vec![
                Some(3_600_500_000),
                None,
            ])),
        ),
        (
            "us",
            array(TimestampMicrosecondArray::from(vec![Some(micros), None])),
        ),
        (
            "ms",
            array(TimestampMillisecondArray::from(vec![Some(-1), None])),
        ),
        (
            "ns",
            array(TimestampNanosecondArray::from(vec![
                Some(micros * 1000 + 999),
                None,
            ])),
        ),
        (
            "zoned",
            array(
                TimestampMicrosecondArray::from(vec![Some(micros), None]).with_timezone("+02:00"),
            ),
        ),
    ]
}

#[test]
fn types_are_kept_by_both_readers_alike() {
    let own = build(file(common())).run().succeeded();
    assert!(by_engine(&own), "{}", own.log);
    let expected = expect![[r#"
        Extract.Extract
          i8 BIGINT, i16 BIGINT, i32 BIGINT, i64 BIGINT, u8 BIGINT, u16 BIGINT, u32 BIGINT, f32 DOUBLE PRECISION, f64 DOUBLE PRECISION, d12 NUMERIC(12, 2), d38 NUMERIC(38, 3), text TEXT, empty TEXT, flag BOOLEAN, day DATE, time TEXT, us TIMESTAMP, ms TIMESTAMP, ns TIMESTAMP, zoned TIMESTAMP
          -1 | -300 | -2147483648 | 9223372036854775807 | 255 | 65535 | 4294967295 | 0.100000001490116 | 1e+300 | -1.10 | 10000000000000000000000000000000000.000 | a'"🐶 |  | true | 1969-12-31 | 01:00:00.5 | 2023-11-14 22:13:20.123456 | 1969-12-31 23:59:59.999 | 2023-11-14 22:13:20.123456 | 2023-11-14 22:13:20.123456
          NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL
    "#]];
    expected.assert_eq(&own.rows());
    // The engine does not know Brotli: every value now goes through this process.
    let brotli = Compression::BROTLI(parquet::basic::BrotliLevel::default());
    let ours = build(packed(common(), brotli)).run().succeeded();
    assert!(!by_engine(&ours), "{}", ours.log);
    assert_eq!(ours.rows(), own.rows());
}

#[test]
fn every_compression_is_read() {
    let zstd = Compression::ZSTD(parquet::basic::ZstdLevel::default());
    let gzip = Compression::GZIP(parquet::basic::GzipLevel::default());
    for compression in [Compression::UNCOMPRESSED, Compression::LZ4_RAW, zstd, gzip] {
        let run = build(packed(vec![("n", integers(&[1, 2]))], compression));
        let run = run.run().succeeded();
        assert!(by_engine(&run), "{}", run.log);
        // The same compression in a file of which the engine refuses another column.
        let other = array(UInt64Array::from(vec![1, 2]));
        let bytes = packed(vec![("n", integers(&[1, 2])), ("u", other)], compression);
        let run = build(bytes).run().succeeded();
        assert!(!by_engine(&run));
        assert!(
            run.rows()
                .contains("n BIGINT, u BIGINT\n  1 | 1\n  2 | 2\n"),
            "{}",
            run.rows()
        );
    }
}

#[test]
fn what_the_engine_refuses_is_converted_here() {
    let mut list = ListBuilder::new(StringBuilder::new());
    list.append_value([Some("a\"b"), None]);
    list.append_null();
    let mut map = MapBuilder::new(None, StringBuilder::new(), Int64Builder::new());
    map.keys().append_value("k");
    map.values().append_value(1);
    map.append(true).unwrap();
    map.append(false).unwrap();
    let address = StructArray::from(vec![
        (
            Arc::new(Field::new("city", DataType::Utf8, true)),
            texts(&["Ulm", "Bonn"]),
        ),
        (
            Arc::new(Field::new("zip", DataType::Int64, true)),
            integers(&[1, 2]),
        ),
    ]);
    let half = array(PrimitiveArray::<Float16Type>::from_iter_values([
        half(1.5),
        half(-2.0),
    ]));
    let wide = Decimal256Array::from_iter_values([
        arrow_value("12345678901234567890123456789012345678901.5"),
        arrow_value("0.5"),
    ])
    .with_precision_and_scale(60, 1)
    .unwrap();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("big", array(UInt64Array::from(vec![u64::MAX, 1]))),
        (
            "small",
            array(PrimitiveArray::<UInt64Type>::from(vec![7, 8])),
        ),
        ("list", array(list.finish())),
        ("map", array(map.finish())),
        ("address", array(address)),
        ("half", half),
        ("wide", array(wide)),
        ("nanos", array(Time64NanosecondArray::from(vec![1_000, 0]))),
    ];
    let run = build(file(columns)).run().succeeded();
    assert!(!by_engine(&run), "{}", run.log);
    expect![[r#"
        Extract.Extract
          big TEXT, small BIGINT, list TEXT, map TEXT, address.city TEXT, address.zip BIGINT, half DOUBLE PRECISION, wide TEXT, nanos TEXT
          1 | 8 | NULL | NULL | Bonn | 2 | -2 | 0.5 | 00:00:00
          18446744073709551615 | 7 | ["a\"b",null] | {"k":1} | Ulm | 1 | 1.5 | 12345678901234567890123456789012345678901.5 | 00:00:00.000001
    "#]].assert_eq(&run.rows());
}

pub(crate) fn half(value: f32) -> <Float16Type as arrow_array::ArrowPrimitiveType>::Native {
    <Float16Type as arrow_array::ArrowPrimitiveType>::Native::from_f32(value)
}

pub(crate) fn arrow_value(
    text: &str,
) -> <arrow_array::types::Decimal256Type as arrow_array::ArrowPrimitiveType>::Native {
    <arrow_array::types::Decimal256Type as arrow_array::ArrowPrimitiveType>::Native::from_string(
        &text.replace('.', ""),
    )
    .unwrap()
}

#[test]
fn files_are_united_by_column_name() {
    let run = Action::building()
        .file(
            "data/a.parquet",
            file(vec![
                ("n", array(Int32Array::from(vec![1]))),
                ("t", texts(&["x"])),
            ]),
        )
        .file(
            "data/b.parquet",
            file(vec![
                ("t", texts(&["y"])),
                ("n", integers(&[1 << 40])),
                ("d", array(Date32Array::from(vec![1]))),
            ]),
        )
        .file(
            "data/c.parquet",
            file(vec![
                ("d", array(TimestampMicrosecondArray::from(vec![5_000_000]))),
                ("n", array(Float64Array::from(vec![0.5]))),
            ]),
        )
        .file(
            "data/d.parquet",
            file(vec![
                ("n", array(UInt64Array::from(vec![9]))),
                ("t", integers(&[7])),
            ]),
        )
        .input("source", "data/*.parquet")
        .input("sql", "SELECT *, _source FROM input")
        .run()
        .succeeded();
    expect![[r"
        Extract.Extract
          n DOUBLE PRECISION, t TEXT, d TIMESTAMP, _source TEXT
          0.5 | NULL | 1970-01-01 00:00:05 | data/c.parquet
          1 | x | NULL | data/a.parquet
          1099511627776 | y | 1970-01-02 00:00:00 | data/b.parquet
          9 | 7 | NULL | data/d.parquet
    "]]
    .assert_eq(&run.rows());
    assert!(
        run.log.contains("`t` has another type in `data/d.parquet`"),
        "{}",
        run.log
    );
}

#[test]
fn columns_rename_retype_and_skip() {
    let data = || {
        file(vec![
            ("id", texts(&["1", "2"])),
            ("Amount EUR", array(Float64Array::from(vec![1.5, 2.25]))),
            ("at", array(TimestampMicrosecondArray::from(vec![0, 1]))),
            ("raw", array(BinaryArray::from_vec(vec![b"a", b"b"]))),
            ("when", integers(&[0, 86_400])),
            ("wide", array(Int32Array::from(vec![1, 2]))),
        ])
    };
    let rules = "id: bigint\namount: decimal(6,2) from /Amount EUR\nat: timestamp tz Europe/Berlin\nraw: skip\nwhen: date format epoch\nwide: decimal(20,2)\nnone: text";
    let run = build(data()).input("columns", rules).run().succeeded();
    expect![[r"
        Extract.Extract
          id BIGINT, amount NUMERIC(6, 2), at TIMESTAMP, when DATE, wide NUMERIC(20, 2), none TEXT
          1 | 1.50 | 1969-12-31 23:00:00 | 1970-01-01 | 1.00 | NULL
          2 | 2.25 | 1969-12-31 23:00:00.000001 | 1970-01-02 | 2.00 | NULL
    "]]
    .assert_eq(&run.rows());
    assert!(
        run.log
            .contains("`none` is declared in `columns` but not in the data")
    );
    // Lossless changes stay with the engine.
    let light = build(file(vec![
        ("a", array(Int32Array::from(vec![1]))),
        ("b", texts(&["x"])),
    ]))
    .input("columns", "a: decimal(20,2)\nc: text from /b")
    .run()
    .succeeded();
    assert!(by_engine(&light), "{}", light.log);
    assert!(
        light
            .rows()
            .contains("a NUMERIC(20, 2), c TEXT\n  1.00 | x\n"),
        "{}",
        light.rows()
    );
}

#[test]
fn a_value_that_does_not_fit_is_shown_with_its_row() {
    let data = file(vec![("n", texts(&["1", "2.5"]))]);
    build(data).input("columns", "n: bigint").run().failed(
        "shape",
        &["x.parquet, record 2, column `n`: `2.5` is not a whole number of 64 bits"],
    );
    // The engine refuses the day, and the row-by-row reader says which.
    let far = array(Date32Array::from(vec![0, 200_000_000]));
    build(file(vec![("d", far)])).run().failed(
        "shape",
        &["record 2, column `d`", "beyond the years 1 to 9999"],
    );
}

#[test]
fn what_cannot_be_done_says_so() {
    let data = || file(vec![("n", integers(&[1]))]);
    build(file(vec![(
        "b",
        array(BinaryArray::from_vec(vec![b"\xFF"])),
    )]))
    .run()
    .failed(
        "type",
        &["column `b`: holds binary values", "`b: skip`", "`b: text`"],
    );
    build(file(vec![(
        "b",
        array(BinaryArray::from_vec(vec![b"\xFF"])),
    )]))
    .input("columns", "b: text")
    .run()
    .failed("shape", &["a binary value is not UTF-8"]);
    build(data()).input("records", "/x").run().failed(
        "type",
        &["`records` is a path into documents", "leave out `records`"],
    );
    Action::building()
        .file("a.parquet", data())
        .file("b.csv", "n\n1\n")
        .input("source", "a.parquet\nb.csv")
        .run()
        .failed(
            "type",
            &[
                "either all Parquet and Arrow or of other formats",
                "in `source`",
            ],
        );
    build(file(vec![("a", integers(&[1])), ("A", integers(&[2]))]))
        .run()
        .failed("type", &["`a` and `A` would be one column"]);
    build(b"n\n1\n".to_vec())
        .run()
        .failed("type", &["this is no readable Parquet file"]);
}

#[test]
fn named_sources_mix_formats_and_sql_shapes_them() {
    let run = Action::building()
        .file(
            "a.parquet",
            file(vec![("id", integers(&[1, 2])), ("v", texts(&["x", "y"]))]),
        )
        .file("b.csv", "id,w\n2,z\n")
        .input("source", "a: a.parquet\nb: b.csv")
        .input(
            "sql",
            "SELECT a.id, v, w, a._row AS r FROM a JOIN b ON a.id = b.id",
        )
        .run()
        .succeeded();
    assert!(run.rows().contains("  2 | y | z | 2\n"), "{}", run.rows());
}

#[test]
fn downloads_are_known_by_type_name_or_bytes() {
    let site = Simulator::launch(Setup::default());
    let data = file(vec![("n", integers(&[1, 2, 3]))]);
    for (path, content_type) in [
        ("a", "application/vnd.apache.parquet"),
        ("b.parquet", "application/octet-stream"),
        ("c", "application/octet-stream"),
    ] {
        site.serve(path, Page::new(content_type, data.clone()));
        let run = Action::building()
            .input("source", site.origin_url(path))
            .run()
            .succeeded();
        assert_eq!(run.output("rows"), "3");
    }
    site.serve("d", Page::new("text/plain", data));
    let run = Action::building()
        .input("source", site.origin_url("d"))
        .input("format", "parquet")
        .run()
        .succeeded();
    assert_eq!(run.output("rows"), "3");
}

#[test]
fn a_file_without_rows_keeps_its_columns() {
    let run = build(file(vec![("n", integers(&[])), ("t", texts(&[]))]));
    let run = run.input("min-rows", "0").run().succeeded();
    expect![[r"
        Extract.Extract
          n BIGINT, t TEXT
    "]]
    .assert_eq(&run.rows());
}

#[test]
fn names_of_columns_may_be_anything() {
    let name = "we\"ird, 'näme' 🐶.x";
    let run = build(file(vec![(name, integers(&[1])), ("b\\c", texts(&["v"]))]))
        .input("table", "o'ne \"two\" 🐶")
        .input("key", "\"we\"\"ird, 'näme' 🐶.x\"")
        .run()
        .succeeded();
    assert!(by_engine(&run), "{}", run.log);
    assert!(
        run.rows()
            .contains(&format!("{name} BIGINT, b\\c TEXT\n  1 | v\n")),
        "{}",
        run.rows()
    );
}

#[test]
fn broken_files_end_with_a_message_and_reach_nothing() {
    let whole = file(common());
    let mut seed = 7u64;
    let mut random = move || {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap()
    };
    let mut broken = vec![
        whole[..whole.len() / 2].to_vec(),
        whole[..whole.len() - 1].to_vec(),
        b"PAR1".to_vec(),
        [b"PAR1", &[0xFF; 64][..], b"PAR1"].concat(),
        [b"PAR1", &u32::MAX.to_le_bytes()[..], b"PAR1"].concat(),
        [b"PAR1", &[0x15; 200][..], &200u32.to_le_bytes(), b"PAR1"].concat(),
    ];
    for _ in 0..24 {
        let mut bytes = whole.clone();
        for _ in 0..8 {
            let at = 4 + random() % (bytes.len() - 8);
            bytes[at] = u8::try_from(random() % 256).unwrap();
        }
        broken.push(bytes);
    }
    for bytes in broken {
        let run = build(bytes).run();
        // A damaged value may still be a value; what must not happen is a crash or a false word.
        match run.code {
            Some(0) => assert_eq!(run.output("rows"), "2"),
            Some(1) => assert!(
                !run.annotations.is_empty() && !run.raw.contains("panicked"),
                "{}",
                run.raw
            ),
            other => panic!("{other:?}: {}", run.raw),
        }
    }
}

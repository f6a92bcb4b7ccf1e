//! Values at the edges of every type, read by the engine and by this program, against what the format says they are.

use super::raw::{self, Column, Values};
use super::{build, by_engine};

/// A type in the notation of schemas, values at its edges, the column's type, and what they are.
struct Case<'a> {
    physical: &'a str,
    values: Values<'a>,
    column_type: &'a str,
    texts: &'a [&'a str],
}

fn case<'a>(
    physical: &'a str,
    values: Values<'a>,
    column_type: &'a str,
    texts: &'a [&'a str],
) -> Case<'a> {
    Case {
        physical,
        values,
        column_type,
        texts,
    }
}

/// What both know.
fn whole_numbers() -> Vec<Case<'static>> {
    use Values::{Boolean, Int32, Int64};
    let int8: &[&str] = &["-128", "-1", "0", "127"];
    vec![
        case(
            "boolean x",
            Boolean(&[true, false, true, false]),
            "BOOLEAN",
            &["true", "false", "true", "false"],
        ),
        case(
            "int32 x",
            Int32(&[i32::MIN, -1, 0, i32::MAX]),
            "BIGINT",
            &["-2147483648", "-1", "0", "2147483647"],
        ),
        case(
            "int32 x (INTEGER(8,true))",
            Int32(&[-128, -1, 0, 127]),
            "BIGINT",
            int8,
        ),
        case(
            "int32 x (INT_8)",
            Int32(&[-128, -1, 0, 127]),
            "BIGINT",
            int8,
        ),
        case(
            "int32 x (INTEGER(16,true))",
            Int32(&[-32_768, -1, 0, 32_767]),
            "BIGINT",
            &["-32768", "-1", "0", "32767"],
        ),
        case(
            "int32 x (INTEGER(8,false))",
            Int32(&[0, 1, 128, 255]),
            "BIGINT",
            &["0", "1", "128", "255"],
        ),
        case(
            "int32 x (INTEGER(16,false))",
            Int32(&[0, 1, 32_768, 65_535]),
            "BIGINT",
            &["0", "1", "32768", "65535"],
        ),
        case(
            "int32 x (INTEGER(32,false))",
            Int32(&[0, 1, i32::MIN, -1]),
            "BIGINT",
            &["0", "1", "2147483648", "4294967295"],
        ),
        case(
            "int32 x (UINT_32)",
            Int32(&[0, 1, i32::MIN, -1]),
            "BIGINT",
            &["0", "1", "2147483648", "4294967295"],
        ),
        case(
            "int64 x",
            Int64(&[i64::MIN, -1, 0, i64::MAX]),
            "BIGINT",
            &["-9223372036854775808", "-1", "0", "9223372036854775807"],
        ),
    ]
}

fn floats_and_decimals() -> Vec<Case<'static>> {
    use Values::{Double, Fixed, Float, Int32, Int64};
    vec![
        case(
            "float x",
            Float(&[f32::NAN, f32::NEG_INFINITY, -0.0, 1e-45]),
            "DOUBLE PRECISION",
            &["NaN", "-Infinity", "-0", "1.40129846432482e-45"],
        ),
        case(
            "float x",
            Float(&[f32::MIN, f32::MAX, 0.1, f32::INFINITY]),
            "DOUBLE PRECISION",
            &[
                "-3.40282346638529e+38",
                "3.40282346638529e+38",
                "0.100000001490116",
                "Infinity",
            ],
        ),
        case(
            "double x",
            Double(&[f64::NAN, f64::NEG_INFINITY, -0.0, 5e-324]),
            "DOUBLE PRECISION",
            &["NaN", "-Infinity", "-0", "4.94065645841247e-324"],
        ),
        case(
            "double x",
            Double(&[f64::MIN, f64::MAX, 0.1, f64::INFINITY]),
            "DOUBLE PRECISION",
            &[
                "-1.79769313486232e+308",
                "1.79769313486232e+308",
                "0.1",
                "Infinity",
            ],
        ),
        case(
            "int32 x (DECIMAL(9,2))",
            Int32(&[-999_999_999, -1, 0, 999_999_999]),
            "NUMERIC(9, 2)",
            &["-9999999.99", "-0.01", "0.00", "9999999.99"],
        ),
        case(
            "int64 x (DECIMAL(18,18))",
            Int64(&[-999_999_999_999_999_999, -1, 0, 999_999_999_999_999_999]),
            "NUMERIC(18, 18)",
            &[
                "-0.999999999999999999",
                "-0.000000000000000001",
                "0.000000000000000000",
                "0.999999999999999999",
            ],
        ),
        case(
            "fixed_len_byte_array(16) x (DECIMAL(38,0))",
            Fixed(&[&MINUS_NINES, &[0xFF; 16], &[0; 16], &NINES]),
            "NUMERIC(38, 0)",
            NINES_AS_TEXT,
        ),
        case(
            "fixed_len_byte_array(2) x (DECIMAL(4,1))",
            Fixed(&[&[0xFF, 0xFF], &[0, 1], &[0, 0], &[0x27, 0x0F]]),
            "NUMERIC(4, 1)",
            &["-0.1", "0.1", "0.0", "999.9"],
        ),
    ]
}

const NINES_AS_TEXT: &[&str] = &[
    "-99999999999999999999999999999999999999",
    "-1",
    "0",
    "99999999999999999999999999999999999999",
];
const NINES: [u8; 16] = (10_i128.pow(38) - 1).to_be_bytes();
const MINUS_NINES: [u8; 16] = (1 - 10_i128.pow(38)).to_be_bytes();

fn texts() -> Vec<Case<'static>> {
    use Values::Bytes;
    vec![
        case(
            "binary x (UTF8)",
            Bytes(&[b"", b" a ", b"\xC3\xA9\xF0\x9F\x90\xB6\t", b"null"]),
            "TEXT",
            &["", " a ", "é🐶\t", "null"],
        ),
        case(
            "binary x (STRING)",
            Bytes(&[b"", b" a ", b"'", b"\\N"]),
            "TEXT",
            &["", " a ", "'", "\\N"],
        ),
        case(
            "binary x (JSON)",
            Bytes(&[b"{\"a\":  1,\"a\":2}", b"1.0", b"null", b"[]"]),
            "TEXT",
            &["{\"a\":  1,\"a\":2}", "1.0", "null", "[]"],
        ),
    ]
}

fn times() -> Vec<Case<'static>> {
    use Values::{Int32, Int64};
    let times: &[&str] = &[
        "00:00:00",
        "00:00:00.000001",
        "01:00:00.5",
        "23:59:59.999999",
    ];
    let moments: &[&str] = &[
        "0001-01-01 00:00:00",
        "1969-12-31 23:59:59.999999",
        "1970-01-01 00:00:00",
        "9999-12-31 23:59:59.999999",
    ];
    let micros: &[i64] = &[-62_135_596_800_000_000, -1, 0, 253_402_300_799_999_999];
    let milli_moments: &[&str] = &[
        "0001-01-01 00:00:00",
        "1969-12-31 23:59:59.999",
        "1970-01-01 00:00:00",
        "9999-12-31 23:59:59.999",
    ];
    let millis: &[i64] = &[-62_135_596_800_000, -1, 0, 253_402_300_799_999];
    vec![
        case(
            "int32 x (DATE)",
            Int32(&[-719_162, -1, 0, 2_932_896]),
            "DATE",
            &["0001-01-01", "1969-12-31", "1970-01-01", "9999-12-31"],
        ),
        case(
            "int64 x (TIME(MICROS,true))",
            Int64(&[0, 1, 3_600_500_000, 86_399_999_999]),
            "TEXT",
            times,
        ),
        case(
            "int64 x (TIME(MICROS,false))",
            Int64(&[0, 1, 3_600_500_000, 86_399_999_999]),
            "TEXT",
            times,
        ),
        case(
            "int64 x (TIME_MICROS)",
            Int64(&[0, 1, 3_600_500_000, 86_399_999_999]),
            "TEXT",
            times,
        ),
        case(
            "int64 x (TIMESTAMP(MICROS,true))",
            Int64(micros),
            "TIMESTAMP",
            moments,
        ),
        case(
            "int64 x (TIMESTAMP(MICROS,false))",
            Int64(micros),
            "TIMESTAMP",
            moments,
        ),
        case(
            "int64 x (TIMESTAMP_MICROS)",
            Int64(micros),
            "TIMESTAMP",
            moments,
        ),
        case(
            "int64 x (TIMESTAMP(MILLIS,true))",
            Int64(millis),
            "TIMESTAMP",
            milli_moments,
        ),
        case(
            "int64 x (TIMESTAMP(MILLIS,false))",
            Int64(millis),
            "TIMESTAMP",
            milli_moments,
        ),
        case(
            "int64 x (TIMESTAMP_MILLIS)",
            Int64(millis),
            "TIMESTAMP",
            milli_moments,
        ),
        case(
            "int64 x (TIMESTAMP(NANOS,true))",
            Int64(&[-2_000, 0, 1_999, i64::MAX]),
            "TIMESTAMP",
            &[
                "1969-12-31 23:59:59.999998",
                "1970-01-01 00:00:00",
                "1970-01-01 00:00:00.000001",
                "2262-04-11 23:47:16.854775",
            ],
        ),
    ]
}

/// What only this program reads.
fn others() -> Vec<Case<'static>> {
    use Values::{Bytes, Fixed, Int32, Int64};
    vec![
        case(
            "binary x (DECIMAL(38,0))",
            Bytes(&[&MINUS_NINES, b"\xFF", b"\0", &NINES]),
            "NUMERIC(38, 0)",
            NINES_AS_TEXT,
        ),
        case(
            "binary x (ENUM)",
            Bytes(&[b"A", b"", b"\xC3\xA9", b"A"]),
            "TEXT",
            &["A", "", "é", "A"],
        ),
        case(
            "int64 x (INTEGER(64,false))",
            Int64(&[0, 1, i64::MIN, -1]),
            "TEXT",
            &["0", "1", "9223372036854775808", "18446744073709551615"],
        ),
        case(
            "int32 x (TIME(MILLIS,true))",
            Int32(&[0, 1, 3_600_500, 86_399_999]),
            "TEXT",
            &["00:00:00", "00:00:00.001", "01:00:00.5", "23:59:59.999"],
        ),
        case(
            "int64 x (TIME(NANOS,false))",
            Int64(&[0, 999, 1_000, 86_399_999_999_999]),
            "TEXT",
            &["00:00:00", "00:00:00", "00:00:00.000001", "23:59:59.999999"],
        ),
        case(
            "int64 x (TIMESTAMP(NANOS,false))",
            Int64(&[i64::MIN, -1, 1, i64::MAX]),
            "TIMESTAMP",
            &[
                "1677-09-21 00:12:43.145224",
                "1969-12-31 23:59:59.999999",
                "1970-01-01 00:00:00",
                "2262-04-11 23:47:16.854775",
            ],
        ),
        case(
            "fixed_len_byte_array(2) x (FLOAT16)",
            Fixed(&[&[0, 0x80], &[0, 0x7C], &[1, 0], &[0xFF, 0x7B]]),
            "DOUBLE PRECISION",
            &["-0", "Infinity", "5.96046447753906e-08", "65504"],
        ),
        case(
            "fixed_len_byte_array(17) x (DECIMAL(39,1))",
            Fixed(&[&[0xFF; 17], &[0; 17], &ONE, &HUGE]),
            "TEXT",
            &[
                "-0.1",
                "0.0",
                "0.1",
                "34028236692093846346337460743176821145.6",
            ],
        ),
    ]
}

const ONE: [u8; 17] = {
    let mut bytes = [0; 17];
    bytes[16] = 1;
    bytes
};
const HUGE: [u8; 17] = {
    let mut bytes = [0; 17];
    bytes[0] = 1;
    bytes
};

/// The schema of all cases, with an identifier before them; all columns are optional, the last row has none.
fn message(cases: &[Case<'_>]) -> String {
    let mut message = String::from("message m { required int32 id; ");
    for (index, case) in cases.iter().enumerate() {
        message += &format!(
            "optional {}; ",
            case.physical.replace(" x", &format!(" x{index}"))
        );
    }
    message + "}"
}

fn columns<'a>(cases: &'a [Case<'a>]) -> Vec<Column<'a>> {
    let id = raw::column(Values::Int32(&[0, 1, 2, 3, 4]));
    let others = cases.iter().map(|case| Column {
        values: case.values,
        levels: Some(&[1, 1, 1, 1, 0]),
        repeats: None,
    });
    std::iter::once(id).chain(others).collect()
}

/// What the extract must hold.
fn expected(cases: &[Case<'_>]) -> String {
    let mut text = String::from("Extract.Extract\n  id BIGINT");
    for (index, case) in cases.iter().enumerate() {
        text += &format!(", x{index} {}", case.column_type);
    }
    for row in 0..5 {
        text += &format!("\n  {row}");
        for case in cases {
            text += " | ";
            text += case.texts.get(row).unwrap_or(&"NULL");
        }
    }
    text + "\n"
}

#[test]
fn both_readers_take_every_value_for_what_it_is() {
    let cases = [whole_numbers(), floats_and_decimals(), texts(), times()];
    let cases: Vec<Case<'_>> = cases.into_iter().flatten().collect();
    let (message, columns) = (message(&cases), columns(&cases));
    let own = build(raw::plain(&message, &columns)).run().succeeded();
    assert!(by_engine(&own), "{}", own.log);
    pretty(&own.rows(), &expected(&cases));
    let ours = build(raw::brotli(&message, &columns)).run().succeeded();
    assert!(!by_engine(&ours), "{}", ours.log);
    pretty(&ours.rows(), &expected(&cases));
}

#[test]
fn what_only_this_program_reads_is_what_it_is() {
    let cases = others();
    let bytes = raw::plain(&message(&cases), &columns(&cases));
    let run = build(bytes).run().succeeded();
    assert!(!by_engine(&run), "{}", run.log);
    pretty(&run.rows(), &expected(&cases));
}

#[test]
fn a_decimal_of_more_digits_than_its_type_has_is_refused_by_both() {
    let cases = [
        (
            "int32 x (DECIMAL(4,1))",
            Values::Int32(&[1, 10_000]),
            "1000.0",
        ),
        (
            "int64 x (DECIMAL(10,10))",
            Values::Int64(&[1, -10_000_000_000]),
            "-1.0000000000",
        ),
        (
            "fixed_len_byte_array(16) x (DECIMAL(38,0))",
            Values::Fixed(&[&[0; 16], &TOO_MUCH]),
            "100000000000000000000000000000000000000",
        ),
    ];
    for (physical, values, shown) in cases {
        let message = format!("message m {{ required {physical}; }}");
        let columns = [raw::column(values)];
        for bytes in [
            raw::plain(&message, &columns),
            raw::brotli(&message, &columns),
        ] {
            let words = ["record 2, column `x`", shown, "has too many digits"];
            build(bytes).run().failed("shape", &words);
        }
    }
}

#[test]
fn a_value_beyond_its_own_type_is_refused_by_both() {
    use Values::{Int32, Int96};
    let cases = [
        (
            "int32 x (INT_8)",
            Int32(&[1, 300]),
            "300 is beyond its type, which has -128 to 127",
        ),
        (
            "int32 x (INTEGER(8,true))",
            Int32(&[1, -129]),
            "-129 is beyond",
        ),
        (
            "int32 x (UINT_8)",
            Int32(&[1, -1]),
            "-1 is beyond its type, which has 0 to 255",
        ),
        (
            "int32 x (INTEGER(8,false))",
            Int32(&[1, 256]),
            "256 is beyond",
        ),
        (
            "int32 x (INT_16)",
            Int32(&[1, 32_768]),
            "32768 is beyond its type",
        ),
        (
            "int32 x (INTEGER(16,true))",
            Int32(&[1, i32::MIN]),
            "-2147483648 is beyond",
        ),
        (
            "int32 x (UINT_16)",
            Int32(&[1, 65_536]),
            "65536 is beyond its type",
        ),
        (
            "int32 x (INTEGER(16,false))",
            Int32(&[1, -1]),
            "-1 is beyond",
        ),
        (
            "int96 x",
            Int96(&[(2_440_588, 0), (2_440_588, 86_400_000_000_000)]),
            "86400000000000 ns is beyond the day",
        ),
        (
            "int96 x",
            Int96(&[(2_440_588, 0), (2_440_588, u64::MAX)]),
            "18446744073709551615 ns is beyond the day",
        ),
        (
            "int96 x",
            Int96(&[(2_440_588, 0), (2_147_483_647, 0)]),
            "the Julian day 2147483647 is beyond",
        ),
    ];
    for (physical, values, shown) in cases {
        let message = format!("message m {{ required int32 id; optional {physical}; }}");
        let columns = [
            raw::column(Int32(&[1, 2, 3])),
            Column {
                values,
                levels: Some(&[1, 0, 1]),
                repeats: None,
            },
        ];
        for bytes in [
            raw::plain(&message, &columns),
            raw::brotli(&message, &columns),
        ] {
            for columns in ["", "x: text"] {
                let run = build(bytes.clone()).input("columns", columns).run();
                run.failed("type", &["record 3, column `x`", shown, "`x: skip`"]);
            }
            let run = build(bytes).input("columns", "x: skip").run().succeeded();
            assert!(run.rows().ends_with("  1\n  2\n  3\n"), "{}", run.rows());
        }
    }
}

#[test]
fn a_value_beyond_its_own_type_is_refused_within_lists_too() {
    let message = "message m { required group l (LIST) { repeated group list { required int32 element (INT_8); } } }";
    let list = Column {
        values: Values::Int32(&[1, 2, 300]),
        levels: Some(&[1, 1, 0, 1]),
        repeats: Some(&[0, 1, 0, 0]),
    };
    let words = [
        "record 3, column `l`",
        "300 is beyond its type",
        "`l: skip`",
    ];
    build(raw::plain(message, &[list]))
        .run()
        .failed("type", &words);
}

const TOO_MUCH: [u8; 16] = 10_i128.pow(38).to_be_bytes();

/// Compares cell by cell: a line of sixty says nothing.
#[track_caller]
fn pretty(found: &str, expected: &str) {
    for (found, expected) in found.lines().zip(expected.lines()) {
        let cells = found.split([',', '|']).zip(expected.split([',', '|']));
        let other: Vec<(&str, &str)> = cells
            .filter(|(found, expected)| found != expected)
            .collect();
        assert!(other.is_empty(), "found, expected: {other:#?}");
    }
    assert_eq!(found, expected);
}

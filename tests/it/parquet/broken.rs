//! Parquet files that lie about themselves, or are more than anybody can use.

use arrow_array::builder::{Int32Builder, ListBuilder};

use parquet::basic::{BrotliLevel, Compression, GzipLevel};
use parquet::file::metadata::ParquetMetaDataReader;
use parquet::file::properties::WriterProperties;

use super::raw::{self, Values, column};
use super::{array, build, by_engine, file, integers, packed};

/// A file of nothing but a footer.
fn footer(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap();
    [b"PAR1", bytes, &length.to_le_bytes(), b"PAR1"].concat()
}

fn varint(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value > 127 {
        bytes.push(u8::try_from(value & 127).unwrap() | 128);
        value >>= 7;
    }
    bytes.push(u8::try_from(value).unwrap());
    bytes
}

/// The metadata of a file without rows: a list of schema elements, and how many it says there are.
fn schema(elements: &[u8], said: usize) -> Vec<u8> {
    let head: &[u8] = &[0x15, 2, 0x19, 0xFC];
    footer(&[head, &varint(said), elements, &[0x16, 0, 0x19, 0x0C, 0]].concat())
}

#[test]
fn a_footer_that_lies_ends_with_a_message() {
    let root = [0x48, 1, b'm', 0x15, 2, 0];
    let group = [0x35, 0, 0x18, 1, b'g', 0x15, 2, 0];
    let column = [0x15, 2, 0x25, 0, 0x18, 1, b'a', 0];
    let deep = |levels: usize| {
        let elements = [&root[..], &group.repeat(levels), &column].concat();
        schema(&elements, levels + 2)
    };
    let whole = schema(&[&root[..], &column].concat(), 2);
    build(whole).input("min-rows", "0").run().succeeded();
    build(deep(60)).input("min-rows", "0").run().succeeded();
    build(deep(30_000)).run().failed(
        "type",
        &["no readable Parquet file", "nested more than 100 deep"],
    );
    let few = [&root[..], &column].concat();
    for said in [3, 1 << 31, usize::MAX] {
        build(schema(&few, said)).run().failed(
            "type",
            &["no readable Parquet file", "its footer is damaged"],
        );
    }
    let groups: &[u8] = &[0x15, 2, 0x19, 0x2C];
    let many_groups = [groups, &few, &[0x16, 0, 0x19, 0xFC], &varint(1 << 31), &[0]].concat();
    build(footer(&many_groups))
        .run()
        .failed("type", &["its footer is damaged"]);
    let wide = [&root[..], &column.repeat(60_000)].concat();
    build(schema(&wide, 60_001))
        .run()
        .failed("type", &["60001 columns and groups"]);
}

#[test]
fn a_table_of_too_many_columns_is_refused() {
    let names: Vec<String> = (0..5_001).map(|index| format!("c{index}")).collect();
    let data = |n_columns: usize| {
        let columns = names[..n_columns]
            .iter()
            .map(|name| (name.as_str(), integers(&[1])));
        file(columns.collect())
    };
    build(data(5_001)).run().failed(
        "type",
        &["x.parquet: more than 5000 columns", "`name: skip`"],
    );
    let run = build(data(5_001))
        .input("columns", "c7: skip")
        .run()
        .succeeded();
    assert!(by_engine(&run), "{}", run.log);
}

#[test]
fn a_long_list_takes_no_longer_than_its_elements() {
    let mut list = ListBuilder::new(Int32Builder::new());
    list.append_value((0..200_000).map(Some));
    let run = build(file(vec![("l", array(list.finish()))]));
    let began = std::time::Instant::now();
    let run = run
        .input("sql", "SELECT length(l) AS n FROM input")
        .run()
        .succeeded();
    // It was the square of the length.
    assert!(began.elapsed().as_secs() < 60, "{:?}", began.elapsed());
    assert!(run.rows().contains("  1288891\n"), "{}", run.rows());
}

/// A file of one page of numbers that no compression makes shorter, saying it has this many bytes.
fn page_of(compression: Compression, n_values: u32, said: usize) -> Vec<u8> {
    let properties = WriterProperties::builder()
        .set_compression(compression)
        .set_dictionary_enabled(false)
        .set_data_page_size_limit(1 << 30)
        .set_data_page_row_count_limit(1 << 30);
    let values = (0..n_values).map(|value| value.wrapping_mul(2_654_435_761).cast_signed());
    let values: Vec<i32> = values.collect();
    let schema = raw::schema("message m { required int32 x; }");
    let bytes = raw::write(&schema, &[column(Values::Int32(&values))], properties);
    // The size is the second field of the header that stands after the magic number, 0x15 each.
    assert_eq!(bytes[4..7], [0x15, 0, 0x15]);
    let length = 1 + bytes[7..].iter().position(|byte| *byte < 128).unwrap();
    let mut number = varint(said * 2);
    let room = length.max(number.len());
    // What follows must not move: a number may be written longer than it is, but not shorter.
    if number.len() < room {
        *number.last_mut().unwrap() |= 128;
        number.resize(room - 1, 128);
        number.push(0);
    }
    let mut bytes = bytes;
    bytes.splice(7..7 + length, number);
    // The footer says where the column ends, which the longer header has moved.
    moved(&bytes, room - length)
}

/// The same file, its only column said to be longer.
fn moved(bytes: &[u8], by: usize) -> Vec<u8> {
    if by == 0 {
        return bytes.to_vec();
    }
    let data = bytes::Bytes::copy_from_slice(bytes);
    let known = ParquetMetaDataReader::new()
        .parse_and_finish(&data)
        .unwrap();
    let group = known.row_group(0);
    let chunk = group.column(0).clone().into_builder();
    let length = group.column(0).compressed_size() + i64::try_from(by).unwrap();
    let chunk = chunk
        .set_total_compressed_size(length)
        .set_column_index_offset(None)
        .set_column_index_length(None)
        .set_offset_index_offset(None)
        .set_offset_index_length(None)
        .build()
        .unwrap();
    let group = group
        .clone()
        .into_builder()
        .set_column_metadata(vec![chunk]);
    let groups = vec![group.build().unwrap()];
    let known = known.into_builder().set_row_groups(groups).build();
    let end = 4 + usize::try_from(length).unwrap();
    let mut moved = bytes[..end].to_vec();
    parquet::file::metadata::ParquetMetaDataWriter::new(&mut moved, &known)
        .finish()
        .unwrap();
    // The writer of footers knows nothing of a file before it.
    moved
}

#[test]
fn a_page_that_claims_gigabytes_is_refused() {
    let brotli = Compression::BROTLI(BrotliLevel::default());
    let gzip = Compression::GZIP(GzipLevel::default());
    for compression in [Compression::SNAPPY, gzip, brotli, Compression::UNCOMPRESSED] {
        build(page_of(compression, 1_000, 4_000)).run().succeeded();
        for said in [(1 << 30) + 1, (1 << 31) - 1] {
            let words = ["column `x`", "a page says it has", "smaller pages"];
            build(page_of(compression, 1_000, said))
                .run()
                .failed("type", &words);
        }
    }
    let words = ["a page unpacks to more than it says"];
    for (compression, n_values) in [(brotli, 1_000), (gzip, 400_000)] {
        build(page_of(compression, n_values, 100))
            .run()
            .failed("type", &words);
    }
    build(page_of(gzip, 400_000, 1_600_000)).run().succeeded();
}

#[test]
fn many_equal_values_are_no_large_page() {
    let values = vec![7; 20_000_000];
    for compression in [
        Compression::SNAPPY,
        Compression::BROTLI(BrotliLevel::default()),
    ] {
        let bytes = packed(vec![("x", integers(&values))], compression);
        assert!(bytes.len() < 1_000_000, "{}", bytes.len());
        let run = build(bytes).input("sql", "SELECT count(*) AS n, sum(x) AS s FROM input");
        let rows = run.run().succeeded().rows();
        assert!(rows.contains("  20000000 | 140000000\n"), "{rows}");
    }
}

#[test]
fn a_file_that_is_cut_off_ends_with_a_message() {
    let whole = file(vec![
        ("x", integers(&[1, 2, 3])),
        ("y", integers(&[4, 5, 6])),
    ]);
    let footer = whole.len() - 8;
    let footer = footer
        - usize::try_from(u32::from_le_bytes(
            whole[footer..footer + 4].try_into().unwrap(),
        ))
        .unwrap();
    build(whole.clone()).run().succeeded();
    for length in [
        1,
        4,
        7,
        8,
        11,
        12,
        30,
        footer - 1,
        footer + 1,
        whole.len() - 9,
        whole.len() - 8,
        whole.len() - 4,
        whole.len() - 1,
    ] {
        let run = build(whole[..length].to_vec()).run();
        assert_eq!(run.code, Some(1), "{length}: {}", run.raw);
        let told = run.annotations.join("\n");
        assert!(
            told.contains("no readable Parquet file"),
            "{length}: {told}"
        );
    }
    // What is missing within a page, the footer whole.
    let without = [&whole[..20], &whole[footer..]].concat();
    build(without)
        .run()
        .failed("shape", &["x.parquet", "no readable Parquet file"]);
    let magic_only = b"PAR1PAR1".to_vec();
    build(magic_only)
        .run()
        .failed("type", &["no readable Parquet file"]);
    let run = build(Vec::new()).run();
    assert_eq!(run.code, Some(1), "{}", run.raw);
    assert!(!run.annotations.is_empty(), "{}", run.raw);
}

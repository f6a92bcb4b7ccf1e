//! Parquet files that lie about themselves, or are more than anybody can use.

use arrow_array::builder::{Int32Builder, ListBuilder};

use super::{array, build, by_engine, file, integers};

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

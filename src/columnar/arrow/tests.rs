//! Arrow files and streams that are cut off, damaged or lie: an error or their rows, never fewer of them, never a panic.

use std::io::Write;
use std::sync::Arc;

use arrow_array::types::{Int8Type, Int32Type};
use arrow_array::{
    Array, ArrayRef, DictionaryArray, FixedSizeListArray, Int64Array, ListArray, NullArray,
    RecordBatch, RecordBatchOptions, StringArray, StringViewArray, UInt64Array,
};
use arrow_ipc::convert::IpcSchemaEncoder;
use arrow_ipc::writer::{DictionaryHandling, FileWriter, IpcWriteOptions, StreamWriter};
use arrow_ipc::{
    CompressionType, Endianness, MessageBuilder, MessageHeader, MetadataVersion, SchemaBuilder,
};
use arrow_schema::{DataType, Field, Schema};

use super::{ArrowFile, kind};
use crate::columnar::container::Container;
use crate::columnar::leaf::ValueKind;

fn words(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(
        values
            .iter()
            .copied()
            .collect::<DictionaryArray<Int8Type>>(),
    )
}

/// Two batches, 5 rows.
fn batches() -> Vec<RecordBatch> {
    let batch = |numbers: &[i64], texts: &[&str], lists: Vec<Option<Vec<Option<i32>>>>| {
        let keyed: Vec<Option<&str>> = texts.iter().map(|text| Some(*text)).collect();
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("n", Arc::new(Int64Array::from(numbers.to_vec()))),
            ("t", Arc::new(StringArray::from(texts.to_vec()))),
            ("v", Arc::new(StringViewArray::from(texts.to_vec()))),
            ("w", words(&keyed)),
            (
                "l",
                Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(lists)),
            ),
        ];
        RecordBatch::try_from_iter(columns).unwrap()
    };
    vec![
        batch(
            &[1, 2],
            &["a", "longer than twelve"],
            vec![Some(vec![Some(1)]), None],
        ),
        batch(
            &[3, 4, 5],
            &["c", "longer than twelve", ""],
            vec![None, Some(vec![]), Some(vec![None, Some(2)])],
        ),
    ]
}

fn options(packed: Option<CompressionType>) -> IpcWriteOptions {
    let options = IpcWriteOptions::try_new(8, false, MetadataVersion::V5).unwrap();
    options.try_with_compression(packed).unwrap()
}

fn file(batches: &[RecordBatch], options: IpcWriteOptions) -> Vec<u8> {
    let schema = batches[0].schema();
    let mut writer = FileWriter::try_new_with_options(Vec::new(), &schema, options).unwrap();
    for batch in batches {
        writer.write(batch).unwrap();
    }
    writer.into_inner().unwrap()
}

fn stream(batches: &[RecordBatch], options: IpcWriteOptions) -> Vec<u8> {
    let schema = batches[0].schema();
    let mut writer = StreamWriter::try_new_with_options(Vec::new(), &schema, options).unwrap();
    for batch in batches {
        writer.write(batch).unwrap();
    }
    writer.into_inner().unwrap()
}

/// Reads all of a file; the rows it says it has, and those that come out.
fn read(bytes: &[u8], roots: &[usize]) -> Result<(u64, usize), String> {
    let mut opened = tempfile::NamedTempFile::new().unwrap();
    opened.write_all(bytes).unwrap();
    let found = ArrowFile::open(opened.path()).map_err(|problem| problem.what)?;
    let mut n_rows = 0;
    for batch in found.batches(roots).map_err(|problem| problem.what)? {
        let batch = batch.map_err(|problem| problem.what)?;
        assert_eq!(batch.num_columns(), roots.len());
        n_rows += batch.num_rows();
    }
    Ok((found.rows(), n_rows))
}

const ALL: [usize; 5] = [0, 1, 2, 3, 4];

fn every_kind() -> Vec<Vec<u8>> {
    let lz4 = Some(CompressionType::LZ4_FRAME);
    let zstd = Some(CompressionType::ZSTD);
    let first = &batches()[..1];
    let mut all = vec![
        // A file's dictionary stands once.
        file(first, options(None)),
        file(first, options(lz4)),
        file(first, options(zstd)),
    ];
    for packed in [None, lz4, zstd] {
        all.push(stream(&batches(), options(packed)));
    }
    let deltas = options(None).with_dictionary_handling(DictionaryHandling::Delta);
    all.push(stream(&batches(), deltas));
    all
}

#[test]
fn whole_files_have_all_their_rows() {
    for bytes in every_kind() {
        let expected = if bytes.starts_with(b"ARROW1") { 2 } else { 5 };
        for roots in [&ALL[..], &[1, 3], &[]] {
            assert_eq!(
                read(&bytes, roots),
                Ok((expected, usize::try_from(expected).unwrap()))
            );
        }
    }
}

#[test]
fn what_is_cut_off_anywhere_is_an_error() {
    for bytes in every_kind() {
        for length in 0..bytes.len() {
            let found = read(&bytes[..length], &ALL);
            assert!(found.is_err(), "{length}: {found:?}");
        }
        for more in [&[0][..], &[0; 8], &bytes] {
            let longer = [&bytes, more].concat();
            let found = read(&longer, &ALL);
            assert!(found.is_err(), "{found:?}");
        }
    }
}

#[test]
fn damaged_bytes_do_not_break_the_reader() {
    let mut seed = 7_u64;
    let mut random = move || {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap()
    };
    for whole in every_kind() {
        // Each byte of the headers is important.
        for at in 0..whole.len() {
            for value in [0xFF, whole[at] ^ 1] {
                let mut bytes = whole.clone();
                bytes[at] = value;
                checked(&bytes);
            }
        }
        for _ in 0..500 {
            let mut bytes = whole.clone();
            for _ in 0..4 {
                let at = random() % bytes.len();
                bytes[at] = u8::try_from(random() % 256).unwrap();
            }
            checked(&bytes);
        }
    }
}

/// What is read of a damaged file is as much as it says.
#[track_caller]
fn checked(bytes: &[u8]) {
    if let Ok((said, found)) = read(bytes, &ALL) {
        assert_eq!(said, found as u64);
    }
}

#[test]
fn streams_of_older_writers_are_read() {
    let batches = &batches()[..1];
    let older = IpcWriteOptions::try_new(8, true, MetadataVersion::V4).unwrap();
    let bytes = stream(batches, older.clone());
    assert_ne!(bytes[..4], [0xFF; 4]);
    assert_eq!(read(&bytes, &ALL), Ok((2, 2)));
    assert_eq!(read(&file(batches, older), &ALL), Ok((2, 2)));
    // The library's own is the widest.
    let wide = IpcWriteOptions::default();
    assert_eq!(read(&file(batches, wide), &ALL), Ok((2, 2)));
}

#[test]
fn rows_without_measure_are_refused() {
    let of = |n_rows: usize, column: Option<ArrayRef>| {
        let options = RecordBatchOptions::new().with_row_count(Some(n_rows));
        let schema = column.as_ref().map_or_else(Schema::empty, |column| {
            let field = Field::new("x", column.data_type().clone(), true);
            Schema::new(vec![field])
        });
        let columns = column.into_iter().collect();
        let batch = RecordBatch::try_new_with_options(Arc::new(schema), columns, &options);
        stream(&[batch.unwrap()], self::options(None))
    };
    assert_eq!(read(&of(10_000, None), &[]), Ok((10_000, 10_000)));
    let null = |n_rows| of(n_rows, Some(Arc::new(NullArray::new(n_rows)) as ArrayRef));
    assert_eq!(read(&null(10_000), &[0]), Ok((10_000, 10_000)));
    let found = read(&null(1 << 31), &[0]).unwrap_err();
    assert!(
        found.contains("number of rows that no batch may have"),
        "{found}"
    );
    // A list of more nulls than there are bytes for.
    let n_nulls = i32::MAX;
    let item = Arc::new(Field::new("item", DataType::Null, true));
    let nulls = Arc::new(NullArray::new(usize::try_from(n_nulls).unwrap()));
    let list = FixedSizeListArray::new(item, n_nulls, nulls, None);
    let found = read(&of(1, Some(Arc::new(list))), &[0]).unwrap_err();
    assert!(
        found.contains("more elements than it has bytes for"),
        "{found}"
    );
}

#[test]
fn a_number_of_rows_is_no_lie() {
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![0; 12_345]));
    let batch = RecordBatch::try_from_iter([("a", numbers.clone()), ("b", numbers)]).unwrap();
    for whole in [
        file(std::slice::from_ref(&batch), options(None)),
        stream(&[batch], options(None)),
    ] {
        let number = 12_345_u64.to_le_bytes();
        let places = memchr::memmem::find_iter(&whole, &number);
        let places: Vec<usize> = places.collect();
        // Of the batch and of its columns.
        assert_eq!(places.len(), 3);
        for place in places {
            for said in [-1, 0, 12_344, 12_346, 1 << 31, i64::MAX] {
                let mut bytes = whole.clone();
                bytes[place..place + 8].copy_from_slice(&said.to_le_bytes());
                let found = read(&bytes, &[0, 1]);
                assert!(found.is_err(), "{said}: {found:?}");
                // Who reads no column sees at least the first one.
                let found = read(&bytes, &[]);
                assert!(!found.is_ok_and(|(said, _)| said != 12_345));
            }
        }
    }
}

#[test]
fn a_footer_names_each_part_once_and_all_of_them() {
    let numbers = |from: i64| {
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![from, from + 1]));
        RecordBatch::try_from_iter([("a", numbers)]).unwrap()
    };
    let whole = file(&[numbers(1), numbers(3)], options(None));
    let mut opened = tempfile::NamedTempFile::new().unwrap();
    opened.write_all(&whole).unwrap();
    let found = ArrowFile::open(opened.path()).unwrap().messages;
    let [first, second] = [0, 1].map(|index| found.all[index].offset.to_le_bytes());
    let place = |offset: &[u8]| memchr::memmem::rfind(&whole, offset).unwrap();
    for (of, by, words) in [
        (&first, &second, "names a part of it twice"),
        (&second, &first, "names a part of it twice"),
        (
            &first,
            &[8, 0, 0, 0, 0, 0, 0, 0],
            "names parts that are not there",
        ),
        (&first, &[0xFF; 8], "names parts that are not there"),
    ] {
        let mut bytes = whole.clone();
        let place = place(of);
        bytes[place..place + 8].copy_from_slice(by);
        let found = read(&bytes, &[0]).unwrap_err();
        assert!(found.contains(words), "{found}");
    }
    let empty = file(&[numbers(1).slice(0, 0)], options(None));
    let none = {
        let schema = numbers(1).schema();
        let mut writer = FileWriter::try_new(Vec::new(), &schema).unwrap();
        writer.finish().unwrap();
        writer.into_inner().unwrap()
    };
    for last in [&empty, &none] {
        assert_eq!(read(last, &[0]), Ok((0, 0)));
        let found = read(&[&whole[..], last].concat(), &[0]);
        assert!(found.is_err(), "{found:?}");
    }
}

#[test]
fn what_a_packed_batch_claims_is_bounded() {
    let noise = |seed: u64| {
        let noise = (0..5_000_u64).map(move |index| {
            (index + seed)
                .wrapping_mul(0x9E37_79B9_7F4A_7C15)
                .rotate_left(31)
                .wrapping_mul(seed | 1)
        });
        Arc::new(UInt64Array::from_iter_values(noise)) as ArrayRef
    };
    let columns = (1..=5).map(|index| (index.to_string(), noise(index * 77)));
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let whole = stream(&[batch], options(Some(CompressionType::ZSTD)));
    // What does not get smaller stands as it is, which is said by a size of -1.
    let sizes: Vec<usize> = memchr::memmem::find_iter(&whole, &[0xFF; 8]).collect();
    assert_eq!(sizes.len(), 5);
    let with = |said: i64| {
        let mut bytes = whole.clone();
        for place in &sizes {
            bytes[*place..*place + 8].copy_from_slice(&said.to_le_bytes());
        }
        read(&bytes, &[0, 1, 2, 3, 4])
    };
    assert_eq!(with(-1), Ok((5_000, 5_000)));
    for said in [-2, i64::MIN, i64::MAX, 40_000 << 16] {
        let found = with(said).unwrap_err();
        assert!(found.contains("says of its size cannot be"), "{found}");
    }
    let found = with(1 << 30).unwrap_err();
    assert!(found.contains("a batch of 5120 MiB, unpacked"), "{found}");
    assert!(with(1).is_err() && with(0).is_err());
}

#[test]
fn extensions_say_what_values_are() {
    let field = |name: &str, data_type: DataType| {
        let extension = [("ARROW:extension:name".to_owned(), name.to_owned())];
        kind(&Field::new("x", data_type, true).with_metadata(extension.into()))
    };
    assert_eq!(
        field("arrow.uuid", DataType::FixedSizeBinary(16)),
        ValueKind::Uuid
    );
    assert_eq!(
        field("arrow.uuid", DataType::FixedSizeBinary(8)),
        ValueKind::Binary
    );
    assert_eq!(field("arrow.json", DataType::Utf8View), ValueKind::Text);
    assert_eq!(field("arrow.opaque", DataType::LargeUtf8), ValueKind::Text);
    assert_eq!(field("arrow.opaque", DataType::Binary), ValueKind::Other);
}

#[test]
fn a_big_endian_stream_is_refused() {
    let mut builder = IpcSchemaEncoder::new().schema_to_fb(&Schema::empty());
    builder.reset();
    let mut schema = SchemaBuilder::new(&mut builder);
    schema.add_endianness(Endianness::Big);
    let schema = schema.finish().as_union_value();
    let mut message = MessageBuilder::new(&mut builder);
    message.add_version(MetadataVersion::V5);
    message.add_header_type(MessageHeader::Schema);
    message.add_header(schema);
    let message = message.finish();
    builder.finish(message, None);
    let header = builder.finished_data();
    let length = u32::try_from(header.len()).unwrap().to_le_bytes();
    let bytes = [&[0xFF; 4], &length[..], header, &[0xFF; 4], &[0; 4]].concat();
    let found = read(&bytes, &[]).unwrap_err();
    assert!(found.contains("big-endian"), "{found}");
}

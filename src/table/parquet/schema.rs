//! The leaves of a Parquet schema: nested groups become columns `parent.child`.

use arrow_schema::{DataType, Field, TimeUnit};
use parquet::arrow::arrow_reader::ArrowReaderMetadata;
use parquet::basic::{Compression, Type};
use parquet::file::metadata::RowGroupMetaData;

use super::super::ColumnType;

/// A column of a file, possibly inside groups.
#[derive(Clone, Debug)]
pub(super) struct Leaf {
    /// Positions from the root down.
    pub(super) path: Vec<usize>,
    /// Names from the root down.
    pub(super) names: Vec<String>,
    pub(super) kind: Kind,
}

/// What the values of a leaf are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The column holds nothing by its type.
    Null,
    Boolean,
    /// Integers of up to 32 bits, signed or not: every double holds them.
    Short,
    /// Integers of 64 bits, signed.
    Long,
    /// Integers of 64 bits, not signed.
    Unsigned,
    Double,
    Decimal {
        precision: u8,
        scale: u8,
    },
    /// Decimals no extract can keep: more than 38 digits, or whole tens.
    HugeDecimal,
    Text,
    Binary,
    Date,
    Time,
    /// No zone given.
    Timestamp,
    /// An instant.
    Zoned,
    /// A list or map, kept as JSON; also a group that a rule takes whole.
    Json,
    /// Nothing an extract has a type for.
    Other,
}

/// Whether the engine's own reader takes a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Engine {
    Reads,
    Refuses,
}

impl Kind {
    /// Returns the type a column of this kind alone has.
    pub(super) fn column_type(self) -> Option<ColumnType> {
        Some(match self {
            Kind::Boolean => ColumnType::Boolean,
            Kind::Short | Kind::Long => ColumnType::BigInt,
            Kind::Double => ColumnType::Double,
            Kind::Decimal { precision, scale } => ColumnType::Decimal { precision, scale },
            Kind::Date => ColumnType::Date,
            Kind::Timestamp | Kind::Zoned => ColumnType::Timestamp,
            Kind::Null
            | Kind::Unsigned
            | Kind::HugeDecimal
            | Kind::Text
            | Kind::Time
            | Kind::Json => ColumnType::Text,
            Kind::Binary | Kind::Other => return None,
        })
    }

    /// Returns the kind that holds the values of both unchanged, if there is one.
    pub(super) fn join(self, other: Kind) -> Option<Kind> {
        if self == other || other == Kind::Null {
            return Some(self);
        }
        match (self, other) {
            (Kind::Null, other) => Some(other),
            (Kind::Short, Kind::Long) | (Kind::Long, Kind::Short) => Some(Kind::Long),
            (Kind::Short, Kind::Double) | (Kind::Double, Kind::Short) => Some(Kind::Double),
            (Kind::Date, Kind::Timestamp) | (Kind::Timestamp, Kind::Date) => Some(Kind::Timestamp),
            (Kind::Text, Kind::Time) | (Kind::Time, Kind::Text) => Some(Kind::Text),
            (a, b) => {
                let ((whole_a, scale_a), (whole_b, scale_b)) = (a.digits()?, b.digits()?);
                let scale = scale_a.max(scale_b);
                let precision = whole_a.max(whole_b) + scale;
                (precision <= 38).then_some(Kind::Decimal { precision, scale })
            }
        }
    }

    /// Whether the engine's cast keeps every value as it is.
    pub(super) fn casts_to(self, column_type: ColumnType) -> bool {
        match (self, column_type) {
            (Kind::Boolean, ColumnType::Boolean)
            | (Kind::Short | Kind::Long, ColumnType::BigInt | ColumnType::Text)
            | (Kind::Short | Kind::Double, ColumnType::Double)
            | (Kind::Date, ColumnType::Date | ColumnType::Timestamp)
            | (Kind::Timestamp | Kind::Zoned, ColumnType::Timestamp)
            | (Kind::Text | Kind::Time, ColumnType::Text) => true,
            (_, ColumnType::Decimal { precision, scale }) => self
                .digits()
                .is_some_and(|(whole, fraction)| scale >= fraction && precision - scale >= whole),
            _ => false,
        }
    }

    /// Digits before and after the point that its values may have.
    fn digits(self) -> Option<(u8, u8)> {
        match self {
            Kind::Short => Some((10, 0)),
            Kind::Long => Some((19, 0)),
            Kind::Decimal { precision, scale } => Some((precision - scale, scale)),
            _ => None,
        }
    }

    fn of(data_type: &DataType, physical: Option<Type>) -> Kind {
        match data_type {
            DataType::Null => Kind::Null,
            DataType::Boolean => Kind::Boolean,
            DataType::Int8
            | DataType::Int16
            | DataType::Int32
            | DataType::UInt8
            | DataType::UInt16
            | DataType::UInt32 => Kind::Short,
            DataType::Int64 => Kind::Long,
            DataType::UInt64 => Kind::Unsigned,
            DataType::Float16 | DataType::Float32 | DataType::Float64 => Kind::Double,
            DataType::Decimal32(precision, scale)
            | DataType::Decimal64(precision, scale)
            | DataType::Decimal128(precision, scale)
            | DataType::Decimal256(precision, scale) => match u8::try_from(*scale) {
                Ok(scale) if (1..=38).contains(precision) && scale <= *precision => Kind::Decimal {
                    precision: *precision,
                    scale,
                },
                _ => Kind::HugeDecimal,
            },
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Kind::Text,
            DataType::Binary
            | DataType::LargeBinary
            | DataType::BinaryView
            | DataType::FixedSizeBinary(_) => Kind::Binary,
            DataType::Date32 | DataType::Date64 => Kind::Date,
            DataType::Time32(_) | DataType::Time64(_) => Kind::Time,
            // By convention the 96-bit times of older writers are UTC.
            DataType::Timestamp(_, None) if physical != Some(Type::INT96) => Kind::Timestamp,
            DataType::Timestamp(_, _) => Kind::Zoned,
            DataType::List(_)
            | DataType::LargeList(_)
            | DataType::FixedSizeList(_, _)
            | DataType::Map(_, _)
            | DataType::Struct(_) => Kind::Json,
            _ => Kind::Other,
        }
    }
}

/// What a rule says of a place in the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Its leaves, or itself if it has none.
    Leaves,
    /// Itself, whatever is inside.
    Whole,
}

/// Returns the leaves in the order of the file; `wanted` is asked for every place by its names.
pub(super) fn leaves(
    metadata: &ArrowReaderMetadata,
    wanted: &impl Fn(&[String]) -> Wanted,
) -> Vec<Leaf> {
    let mut walk = Walk {
        metadata,
        wanted,
        n_physical: 0,
        leaves: Vec::new(),
    };
    for (position, field) in metadata.schema().fields().iter().enumerate() {
        walk.visit(field, vec![position], vec![field.name().clone()]);
    }
    walk.leaves
}

struct Walk<'a, F> {
    metadata: &'a ArrowReaderMetadata,
    wanted: &'a F,
    /// Columns passed, as Parquet counts them.
    n_physical: usize,
    leaves: Vec<Leaf>,
}

impl<F: Fn(&[String]) -> Wanted> Walk<'_, F> {
    fn visit(&mut self, field: &Field, path: Vec<usize>, names: Vec<String>) {
        if let DataType::Struct(fields) = field.data_type()
            && (self.wanted)(&names) == Wanted::Leaves
            && !fields.is_empty()
        {
            for (position, field) in fields.iter().enumerate() {
                let path = path.iter().copied().chain([position]).collect();
                let names = names.iter().chain([field.name()]).cloned().collect();
                self.visit(field, path, names);
            }
            return;
        }
        let columns = self.metadata.parquet_schema().columns();
        let physical = columns
            .get(self.n_physical)
            .map(|column| column.physical_type());
        let kind = Kind::of(field.data_type(), physical);
        self.n_physical += width(field.data_type());
        self.leaves.push(Leaf { path, names, kind });
    }
}

/// Columns a field has in the file.
fn width(data_type: &DataType) -> usize {
    match data_type {
        DataType::Struct(fields) => fields.iter().map(|field| width(field.data_type())).sum(),
        DataType::List(field)
        | DataType::LargeList(field)
        | DataType::FixedSizeList(field, _)
        | DataType::Map(field, _) => width(field.data_type()),
        _ => 1,
    }
}

/// Whether the engine reads the file at all: one column it does not know is enough to be refused.
pub(super) fn engine(metadata: &ArrowReaderMetadata) -> Engine {
    let fields = metadata.schema().fields();
    let groups = metadata.metadata().row_groups();
    let mut chunks = groups.iter().flat_map(RowGroupMetaData::columns);
    let is_packed = chunks.any(|chunk| {
        matches!(
            chunk.compression(),
            Compression::BROTLI(_) | Compression::LZO
        )
    });
    if is_packed || !fields.iter().all(|field| is_known(field.data_type())) {
        Engine::Refuses
    } else {
        Engine::Reads
    }
}

fn is_known(data_type: &DataType) -> bool {
    match data_type {
        DataType::Null
        | DataType::UInt64
        | DataType::Float16
        | DataType::Decimal256(_, _)
        | DataType::Time32(_)
        | DataType::Time64(TimeUnit::Nanosecond)
        | DataType::Interval(_)
        | DataType::Duration(_) => false,
        DataType::Struct(fields) => fields.iter().all(|field| is_known(field.data_type())),
        DataType::List(field)
        | DataType::LargeList(field)
        | DataType::FixedSizeList(field, _)
        | DataType::Map(field, _) => is_known(field.data_type()),
        _ => true,
    }
}

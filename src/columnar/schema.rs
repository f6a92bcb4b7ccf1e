//! The leaves of a Parquet schema: nested groups become columns `parent.child`.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use arrow_schema::{DataType, Field, FieldRef, Fields, Schema, SchemaRef, TimeUnit};
use parquet::arrow::arrow_reader::ArrowReaderMetadata;
use parquet::basic::{Compression, ConvertedType, LogicalType, Type as Physical};
use parquet::file::metadata::RowGroupMetaData;
use parquet::schema::types::{ColumnDescPtr, ColumnDescriptor, Type, TypePtr};

use crate::data::ColumnType;

/// A column of a file, possibly inside groups.
#[derive(Clone, Debug)]
pub(crate) struct Leaf {
    /// Positions from the root down.
    pub(crate) path: Vec<usize>,
    /// Names from the root down.
    pub(crate) names: Vec<String>,
    /// The columns it is made of, as Parquet counts them.
    pub(crate) columns: Range<usize>,
    pub(crate) kind: Kind,
    pub(crate) form: Form,
}

/// What is inside a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Nothing else.
    Value(Kind),
    List(Box<Form>),
    /// Of the keys and of the values.
    Map(Box<Form>, Box<Form>),
    /// Names and what is below them.
    Group(Vec<(String, Form)>),
}

impl Form {
    /// Whether a value of this kind is anywhere inside.
    pub(crate) fn has(&self, wanted: Kind) -> bool {
        match self {
            Form::Value(kind) => *kind == wanted,
            Form::List(inside) => inside.has(wanted),
            Form::Map(key, value) => key.has(wanted) || value.has(wanted),
            Form::Group(fields) => fields.iter().any(|(_, field)| field.has(wanted)),
        }
    }
}

/// What the values of a leaf are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
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
    Uuid,
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

/// Returns the schema with times of 96 bits in microseconds; `None` if there are no such times.
pub(crate) fn with_wide_int96(metadata: &ArrowReaderMetadata) -> Option<SchemaRef> {
    let columns = metadata.parquet_schema().columns();
    let is_int96 = |column: &ColumnDescPtr| column.physical_type() == Physical::INT96;
    columns.iter().any(is_int96).then(|| {
        let mut columns = columns.iter();
        let schema = metadata.schema();
        Arc::new(Schema::new_with_metadata(
            widened(schema.fields(), &mut columns),
            schema.metadata().clone(),
        ))
    })
}

fn widened(fields: &Fields, columns: &mut std::slice::Iter<'_, ColumnDescPtr>) -> Fields {
    let mut widen = |field: &FieldRef| -> FieldRef {
        let data_type = match field.data_type() {
            DataType::Struct(fields) => DataType::Struct(widened(fields, columns)),
            DataType::List(inside) => DataType::List(widened_one(inside, columns)),
            DataType::Map(inside, sorted) => DataType::Map(widened_one(inside, columns), *sorted),
            other => match columns.next() {
                Some(column) if column.physical_type() == Physical::INT96 => {
                    DataType::Timestamp(TimeUnit::Microsecond, None)
                }
                _ => other.clone(),
            },
        };
        Arc::new(field.as_ref().clone().with_data_type(data_type))
    };
    fields.iter().map(&mut widen).collect()
}

fn widened_one(field: &FieldRef, columns: &mut std::slice::Iter<'_, ColumnDescPtr>) -> FieldRef {
    let one = widened(&Fields::from(vec![field.clone()]), columns);
    one.first().unwrap_or(field).clone()
}

/// Whether the engine's own reader takes a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    Reads,
    Refuses,
}

impl Kind {
    /// Returns the type a column of this kind alone has.
    pub(crate) fn column_type(self) -> Option<ColumnType> {
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
            | Kind::Uuid
            | Kind::Time
            | Kind::Json => ColumnType::Text,
            Kind::Binary | Kind::Other => return None,
        })
    }

    /// Returns the kind that holds the values of both unchanged, if there is one.
    pub(crate) fn join(self, other: Kind) -> Option<Kind> {
        if self == other || other == Kind::Null {
            return Some(self);
        }
        match (self, other) {
            (Kind::Null, other) => Some(other),
            (Kind::Short, Kind::Long) | (Kind::Long, Kind::Short) => Some(Kind::Long),
            (Kind::Short, Kind::Double) | (Kind::Double, Kind::Short) => Some(Kind::Double),
            (Kind::Date, Kind::Timestamp) | (Kind::Timestamp, Kind::Date) => Some(Kind::Timestamp),
            (Kind::Text | Kind::Time | Kind::Uuid, Kind::Text | Kind::Time | Kind::Uuid) => {
                Some(Kind::Text)
            }
            (a, b) => {
                let ((whole_a, scale_a), (whole_b, scale_b)) = (a.digits()?, b.digits()?);
                let scale = scale_a.max(scale_b);
                let precision = whole_a.max(whole_b) + scale;
                (precision <= 38).then_some(Kind::Decimal { precision, scale })
            }
        }
    }

    /// Whether the engine's cast keeps every value as it is.
    pub(crate) fn casts_to(self, column_type: ColumnType) -> bool {
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

    fn of(data_type: &DataType, column: &ColumnDescriptor) -> Kind {
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
            | DataType::FixedSizeBinary(_) => match column.logical_type_ref() {
                Some(LogicalType::Uuid) => Kind::Uuid,
                // By definition the names are UTF-8.
                Some(LogicalType::Enum) => Kind::Text,
                _ if column.converted_type() == ConvertedType::ENUM => Kind::Text,
                _ => Kind::Binary,
            },
            DataType::Date32 | DataType::Date64 => Kind::Date,
            DataType::Time32(_) | DataType::Time64(_) => Kind::Time,
            // By convention the 96-bit times of older writers are UTC.
            DataType::Timestamp(_, None) if column.physical_type() != Physical::INT96 => {
                Kind::Timestamp
            }
            DataType::Timestamp(_, _) => Kind::Zoned,
            _ => Kind::Other,
        }
    }
}

/// What a rule says of a place in the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Its leaves, or itself if it has none.
    Leaves,
    /// Itself, whatever is inside.
    Whole,
}

/// Returns the leaves in the order of the file; `wanted` is asked for every place by its names.
pub(crate) fn leaves(
    metadata: &ArrowReaderMetadata,
    wanted: &impl Fn(&[String]) -> Wanted,
) -> Vec<Leaf> {
    let parquet = metadata.parquet_schema();
    let mut walk = Walk {
        columns: parquet.columns().iter(),
        n_columns: parquet.num_columns(),
        wanted,
        leaves: Vec::new(),
    };
    let place = (Vec::new(), Vec::new());
    walk.descend(
        metadata.schema().fields(),
        parquet.root_schema().get_fields(),
        &place,
    );
    walk.leaves
}

struct Walk<'a, F> {
    /// Columns as Parquet counts them that have not been passed.
    columns: std::slice::Iter<'a, ColumnDescPtr>,
    n_columns: usize,
    wanted: &'a F,
    leaves: Vec<Leaf>,
}

impl<F: Fn(&[String]) -> Wanted> Walk<'_, F> {
    /// Visits the fields of a group; `types` are those of the file, as many if its groups are the same.
    fn descend(
        &mut self,
        fields: &Fields,
        types: &[TypePtr],
        (path, names): &(Vec<usize>, Vec<String>),
    ) {
        for (position, (field, name)) in fields.iter().zip(numbered(fields)).enumerate() {
            let path = path.iter().copied().chain([position]).collect();
            let names = names.iter().cloned().chain([name]).collect();
            let file_type = types.get(position).map(Arc::as_ref);
            self.visit(field, file_type, (path, names));
        }
    }

    fn visit(&mut self, field: &Field, file_type: Option<&Type>, place: (Vec<usize>, Vec<String>)) {
        let logical = file_type.and_then(|file_type| file_type.get_basic_info().logical_type_ref());
        let is_variant = matches!(logical, Some(LogicalType::Variant { .. }));
        if let DataType::Struct(fields) = field.data_type()
            && (self.wanted)(&place.1) == Wanted::Leaves
            && !fields.is_empty()
            && !is_variant
        {
            let types = file_type.filter(|file_type| file_type.is_group());
            let types = types.map(Type::get_fields).unwrap_or_default();
            return self.descend(fields, types, &place);
        }
        let first = self.n_columns - self.columns.len();
        let mut form = self.form(field.data_type());
        if is_variant {
            form = Form::Value(Kind::Other);
        }
        let kind = match form {
            Form::Value(kind) => kind,
            _ => Kind::Json,
        };
        let (path, names) = place;
        self.leaves.push(Leaf {
            path,
            names,
            columns: first..self.n_columns - self.columns.len(),
            kind,
            form,
        });
    }

    fn form(&mut self, data_type: &DataType) -> Form {
        match data_type {
            DataType::Struct(fields) => {
                let inside = fields
                    .iter()
                    .map(|field| (field.name().clone(), self.form(field.data_type())));
                Form::Group(inside.collect())
            }
            DataType::List(field)
            | DataType::LargeList(field)
            | DataType::FixedSizeList(field, _) => {
                Form::List(Box::new(self.form(field.data_type())))
            }
            DataType::Map(entries, _) => match self.form(entries.data_type()) {
                Form::Group(fields) => {
                    let mut fields = fields.into_iter().map(|(_, form)| Box::new(form));
                    match (fields.next(), fields.next()) {
                        (Some(key), Some(value)) => Form::Map(key, value),
                        _ => Form::Value(Kind::Other),
                    }
                }
                _ => Form::Value(Kind::Other),
            },
            value => {
                let column = self.columns.next();
                Form::Value(column.map_or(Kind::Other, |column| Kind::of(value, column)))
            }
        }
    }
}

/// Names for fields that stand side by side: numbered where blank or given twice, as in the header of a CSV file.
fn numbered(fields: &Fields) -> Vec<String> {
    let given: HashSet<&str> = fields.iter().map(|field| field.name().as_str()).collect();
    let mut used: HashSet<String> = HashSet::with_capacity(fields.len());
    let mut last: HashMap<String, u64> = HashMap::new();
    let mut names = Vec::with_capacity(fields.len());
    for (position, field) in fields.iter().enumerate() {
        let mut name = field.name().clone();
        if name.trim().is_empty() {
            name = format!("column_{}", position + 1);
        }
        if used.contains(&name) {
            let number = last.entry(name.clone()).or_insert(1);
            name = loop {
                *number += 1;
                let next = format!("{name}_{number}");
                if !used.contains(&next) && !given.contains(next.as_str()) {
                    break next;
                }
            };
        }
        used.insert(name.clone());
        names.push(name);
    }
    names
}

/// Whether the engine reads the file at all: one column it does not know is enough to be refused.
pub(crate) fn engine(metadata: &ArrowReaderMetadata) -> Engine {
    let fields = metadata.schema().fields();
    let groups = metadata.metadata().row_groups();
    let mut chunks = groups.iter().flat_map(RowGroupMetaData::columns);
    let is_packed = chunks.any(|chunk| {
        matches!(
            chunk.compression(),
            Compression::BROTLI(_) | Compression::LZO
        )
    });
    let mut names = HashSet::new();
    let is_doubled = !fields.iter().all(|field| names.insert(field.name()));
    if is_packed
        || is_doubled
        || !metadata
            .parquet_schema()
            .columns()
            .iter()
            .all(is_annotation_known)
        || !fields.iter().all(|field| is_known(field.data_type()))
    {
        Engine::Refuses
    } else {
        Engine::Reads
    }
}

/// The types that Arrow does not tell apart from others.
fn is_annotation_known(column: &ColumnDescPtr) -> bool {
    let is_bytes = column.physical_type() == Physical::BYTE_ARRAY;
    match (column.logical_type_ref(), column.converted_type()) {
        (Some(LogicalType::Uuid | LogicalType::Enum), _) | (_, ConvertedType::ENUM) => false,
        (Some(LogicalType::Decimal { .. }), _) | (_, ConvertedType::DECIMAL) => !is_bytes,
        _ => true,
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
        | DataType::Duration(_)
        | DataType::Map(_, _) => false,
        DataType::Struct(fields) => fields.iter().all(|field| is_known(field.data_type())),
        DataType::List(field) | DataType::LargeList(field) | DataType::FixedSizeList(field, _) => {
            is_known(field.data_type())
        }
        _ => true,
    }
}

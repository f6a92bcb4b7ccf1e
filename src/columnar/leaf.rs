//! The leaves of a schema: nested groups become columns `parent.child`, each with the kind of its values.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use arrow_schema::{DataType, Field, Fields};

use crate::data::ColumnType;

/// A column of a file, possibly inside groups.
#[derive(Clone, Debug)]
pub(crate) struct SchemaLeaf {
    /// Positions from the root down.
    pub(crate) path: Vec<usize>,
    /// Names from the root down.
    pub(crate) names: Vec<String>,
    /// The columns it is made of, as Parquet counts them.
    pub(crate) columns: Range<usize>,
    pub(crate) kind: ValueKind,
    pub(crate) form: Form,
}

/// What is inside a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Nothing else.
    Value(ValueKind),
    List(Box<Form>),
    /// Of the keys and of the values.
    Map(Box<Form>, Box<Form>),
    /// Names and what is below them.
    Group(Vec<(String, Form)>),
}

impl Form {
    /// Whether a value of this kind is anywhere inside.
    pub(crate) fn has(&self, wanted: ValueKind) -> bool {
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
pub(crate) enum ValueKind {
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

/// What a rule says of a place in the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Its leaves, or itself if it has none.
    Leaves,
    /// Itself, whatever is inside.
    Whole,
}

impl ValueKind {
    /// Returns the type a column of this kind alone has.
    pub(crate) fn column_type(self) -> Option<ColumnType> {
        Some(match self {
            ValueKind::Boolean => ColumnType::Boolean,
            ValueKind::Short | ValueKind::Long => ColumnType::BigInt,
            ValueKind::Double => ColumnType::Double,
            ValueKind::Decimal { precision, scale } => ColumnType::Decimal { precision, scale },
            ValueKind::Date => ColumnType::Date,
            ValueKind::Timestamp | ValueKind::Zoned => ColumnType::Timestamp,
            ValueKind::Null
            | ValueKind::Unsigned
            | ValueKind::HugeDecimal
            | ValueKind::Text
            | ValueKind::Uuid
            | ValueKind::Time
            | ValueKind::Json => ColumnType::Text,
            ValueKind::Binary | ValueKind::Other => return None,
        })
    }

    /// Returns the kind that holds the values of both unchanged, if there is one.
    pub(crate) fn join(self, other: ValueKind) -> Option<ValueKind> {
        if self == other || other == ValueKind::Null {
            return Some(self);
        }
        match (self, other) {
            (ValueKind::Null, other) => Some(other),
            (ValueKind::Short, ValueKind::Long) | (ValueKind::Long, ValueKind::Short) => {
                Some(ValueKind::Long)
            }
            (ValueKind::Short, ValueKind::Double) | (ValueKind::Double, ValueKind::Short) => {
                Some(ValueKind::Double)
            }
            (ValueKind::Date, ValueKind::Timestamp) | (ValueKind::Timestamp, ValueKind::Date) => {
                Some(ValueKind::Timestamp)
            }
            (
                ValueKind::Text | ValueKind::Time | ValueKind::Uuid,
                ValueKind::Text | ValueKind::Time | ValueKind::Uuid,
            ) => Some(ValueKind::Text),
            (a, b) => {
                let ((whole_a, scale_a), (whole_b, scale_b)) = (a.digits()?, b.digits()?);
                let scale = scale_a.max(scale_b);
                let precision = whole_a.max(whole_b) + scale;
                (precision <= 38).then_some(ValueKind::Decimal { precision, scale })
            }
        }
    }

    /// Whether the engine's cast keeps every value as it is.
    pub(crate) fn casts_to(self, column_type: ColumnType) -> bool {
        match (self, column_type) {
            (ValueKind::Boolean, ColumnType::Boolean)
            | (ValueKind::Short | ValueKind::Long, ColumnType::BigInt | ColumnType::Text)
            | (ValueKind::Short | ValueKind::Double, ColumnType::Double)
            | (ValueKind::Date, ColumnType::Date | ColumnType::Timestamp)
            | (ValueKind::Timestamp | ValueKind::Zoned, ColumnType::Timestamp)
            | (ValueKind::Text | ValueKind::Time, ColumnType::Text) => true,
            (_, ColumnType::Decimal { precision, scale }) => self
                .digits()
                .is_some_and(|(whole, fraction)| scale >= fraction && precision - scale >= whole),
            _ => false,
        }
    }

    /// Digits before and after the point that its values may have.
    fn digits(self) -> Option<(u8, u8)> {
        match self {
            ValueKind::Short => Some((10, 0)),
            ValueKind::Long => Some((19, 0)),
            ValueKind::Decimal { precision, scale } => Some((precision - scale, scale)),
            _ => None,
        }
    }

    /// Returns the kind of values of an Arrow type.
    pub(crate) fn of(data_type: &DataType) -> ValueKind {
        match data_type {
            DataType::Null => ValueKind::Null,
            DataType::Boolean => ValueKind::Boolean,
            DataType::Int8
            | DataType::Int16
            | DataType::Int32
            | DataType::UInt8
            | DataType::UInt16
            | DataType::UInt32 => ValueKind::Short,
            DataType::Int64 => ValueKind::Long,
            DataType::UInt64 => ValueKind::Unsigned,
            DataType::Float16 | DataType::Float32 | DataType::Float64 => ValueKind::Double,
            DataType::Decimal32(precision, scale)
            | DataType::Decimal64(precision, scale)
            | DataType::Decimal128(precision, scale)
            | DataType::Decimal256(precision, scale) => match u8::try_from(*scale) {
                Ok(scale) if (1..=38).contains(precision) && scale <= *precision => {
                    ValueKind::Decimal {
                        precision: *precision,
                        scale,
                    }
                }
                _ => ValueKind::HugeDecimal,
            },
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => ValueKind::Text,
            DataType::Binary
            | DataType::LargeBinary
            | DataType::BinaryView
            | DataType::FixedSizeBinary(_) => ValueKind::Binary,
            DataType::Date32 | DataType::Date64 => ValueKind::Date,
            DataType::Time32(_) | DataType::Time64(_) => ValueKind::Time,
            DataType::Timestamp(_, None) => ValueKind::Timestamp,
            DataType::Timestamp(_, _) => ValueKind::Zoned,
            DataType::Dictionary(_, values) => ValueKind::of(values),
            _ => ValueKind::Other,
        }
    }
}

/// What is to be known of a format to find the leaves of its schemas.
pub(crate) struct Leaves<'a> {
    /// Asked for every place by its names.
    pub(crate) wanted: &'a dyn Fn(&[String]) -> Wanted,
    /// Asked for every value in the order of the schema.
    pub(crate) kind: &'a mut dyn FnMut(&Field) -> ValueKind,
    /// Whether a group, by positions from the root down, is a value of a type of its own.
    pub(crate) is_opaque: &'a dyn Fn(&[usize]) -> bool,
}

impl Leaves<'_> {
    /// Returns the leaves in the order of the schema.
    pub(crate) fn of(mut self, fields: &Fields) -> Vec<SchemaLeaf> {
        let mut leaves = Vec::new();
        let mut n_columns = 0;
        self.descend(
            fields,
            &(Vec::new(), Vec::new()),
            &mut n_columns,
            &mut leaves,
        );
        leaves
    }

    fn descend(
        &mut self,
        fields: &Fields,
        (path, names): &(Vec<usize>, Vec<String>),
        n_columns: &mut usize,
        leaves: &mut Vec<SchemaLeaf>,
    ) {
        for (position, (field, name)) in fields.iter().zip(numbered(fields)).enumerate() {
            let path = path.iter().copied().chain([position]).collect();
            let names = names.iter().cloned().chain([name]).collect();
            self.visit(field, (path, names), n_columns, leaves);
        }
    }

    fn visit(
        &mut self,
        field: &Field,
        place: (Vec<usize>, Vec<String>),
        n_columns: &mut usize,
        leaves: &mut Vec<SchemaLeaf>,
    ) {
        let is_opaque = (self.is_opaque)(&place.0);
        if let DataType::Struct(fields) = field.data_type()
            && (self.wanted)(&place.1) == Wanted::Leaves
            && !fields.is_empty()
            && !is_opaque
        {
            return self.descend(fields, &place, n_columns, leaves);
        }
        let first = *n_columns;
        let mut form = self.form(field, n_columns);
        if is_opaque {
            form = Form::Value(ValueKind::Other);
        }
        let kind = match form {
            Form::Value(kind) => kind,
            _ => ValueKind::Json,
        };
        let (path, names) = place;
        leaves.push(SchemaLeaf {
            path,
            names,
            columns: first..*n_columns,
            kind,
            form,
        });
    }

    fn form(&mut self, field: &Field, n_columns: &mut usize) -> Form {
        match field.data_type() {
            DataType::Struct(fields) => {
                let inside = fields
                    .iter()
                    .map(|field| (field.name().clone(), self.form(field, n_columns)));
                Form::Group(inside.collect())
            }
            DataType::List(field)
            | DataType::LargeList(field)
            | DataType::ListView(field)
            | DataType::LargeListView(field)
            | DataType::FixedSizeList(field, _) => {
                Form::List(Box::new(self.form(field, n_columns)))
            }
            DataType::Map(entries, _) => match self.form(entries, n_columns) {
                Form::Group(fields) => {
                    let mut fields = fields.into_iter().map(|(_, form)| Box::new(form));
                    match (fields.next(), fields.next()) {
                        (Some(key), Some(value)) => Form::Map(key, value),
                        _ => Form::Value(ValueKind::Other),
                    }
                }
                _ => Form::Value(ValueKind::Other),
            },
            DataType::Dictionary(_, values) if values.is_nested() => {
                let values = field.clone().with_data_type(values.as_ref().clone());
                self.form(&values, n_columns)
            }
            _ => {
                *n_columns += 1;
                Form::Value((self.kind)(field))
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

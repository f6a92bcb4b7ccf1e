//! Types of `OData`'s entity data model: what a service says about its properties, and the column that makes.
//!
//! Own code because no kept crate reads `$metadata`.

use std::collections::HashMap;

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use crate::data::ColumnType;
use crate::readers::xml::shape::{Edm, RecordShape, ShapeId};
use crate::rules::columns::{ColumnRule, RuleKind, TimeFormat};

/// Most digits of a decimal column.
const PRECISION: u8 = 38;

/// Longest chain of base types or type definitions that is followed.
const LONGEST_CHAIN: usize = 20;

/// Index of a structured type.
pub(crate) type StructureId = usize;

/// What is known about the values of a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Property {
    /// Nothing: the values decide.
    Unknown,
    /// No data: binary values and streams.
    Dropped,
    /// A number whose digits the values decide; it may come as text.
    Number,
    /// An object of a known type.
    Structure(StructureId),
    Typed(ColumnType),
}

/// All types of a service.
#[derive(Debug, Default)]
pub(crate) struct Types {
    structures: Vec<Structure>,
    /// By namespace and name.
    by_name: HashMap<String, StructureId>,
    /// Enumerations, and what other names stand for.
    others: HashMap<String, String>,
    /// Aliases of namespaces.
    aliases: HashMap<String, String>,
    /// Types of entity sets and singletons.
    sets: HashMap<String, String>,
    /// Types of the ends of associations, by association and role.
    ends: HashMap<(String, String), String>,
}

#[derive(Debug, Default)]
struct Structure {
    base: Option<String>,
    properties: HashMap<String, Declared>,
}

/// A property as it is declared.
#[derive(Debug)]
enum Declared {
    Type {
        name: String,
        precision: Option<u8>,
        scale: Scale,
    },
    /// In the older versions: to the role of an association.
    Role(String, String),
}

#[derive(Clone, Copy, Debug)]
enum Scale {
    Digits(u8),
    /// Not limited, or not said.
    Variable,
}

impl Property {
    /// Returns the declaration this amounts to.
    pub(crate) fn rule(self, name: &str) -> Option<ColumnRule> {
        let Property::Typed(column_type) = self else {
            return None;
        };
        let has_own_words = matches!(column_type, ColumnType::Timestamp | ColumnType::Double);
        Some(ColumnRule {
            name: name.to_owned(),
            kind: RuleKind::Typed(column_type),
            from: None,
            tz: None,
            format: has_own_words.then_some(TimeFormat::OData),
        })
    }

    fn primitive(name: &str, precision: Option<u8>, scale: Scale) -> Property {
        let column_type = match name.strip_prefix("Edm.").unwrap_or(name) {
            "String" | "Guid" | "Duration" | "TimeOfDay" | "Time" => ColumnType::Text,
            "Boolean" => ColumnType::Boolean,
            "Byte" | "SByte" | "Int16" | "Int32" | "Int64" => ColumnType::BigInt,
            "Single" | "Double" => ColumnType::Double,
            "Date" => ColumnType::Date,
            "DateTime" | "DateTimeOffset" => ColumnType::Timestamp,
            "Binary" | "Stream" => return Property::Dropped,
            "Decimal" => match (precision, scale) {
                (Some(precision @ 1..=PRECISION), Scale::Digits(scale)) if scale <= precision => {
                    ColumnType::Decimal { precision, scale }
                }
                (None, Scale::Digits(scale)) if scale <= PRECISION => ColumnType::Decimal {
                    precision: PRECISION,
                    scale,
                },
                _ => return Property::Number,
            },
            _ => return Property::Unknown,
        };
        Property::Typed(column_type)
    }
}

impl Types {
    /// Returns what is known of a property of a structured type.
    pub(crate) fn property(&self, structure: StructureId, name: &str) -> Property {
        let mut next = Some(structure);
        for _ in 0..LONGEST_CHAIN {
            let Some(structure) = next.and_then(|id| self.structures.get(id)) else {
                break;
            };
            match structure.properties.get(name) {
                Some(Declared::Type {
                    name,
                    precision,
                    scale,
                }) => return self.resolve(name, *precision, *scale),
                Some(Declared::Role(association, role)) => {
                    let end = self
                        .ends
                        .get(&(self.full(association), role.clone()))
                        .and_then(|name| self.structure(name));
                    return end.map_or(Property::Unknown, Property::Structure);
                }
                None => {
                    next = structure
                        .base
                        .as_ref()
                        .and_then(|base| self.structure(base));
                }
            }
        }
        Property::Unknown
    }

    fn resolve(&self, name: &str, precision: Option<u8>, scale: Scale) -> Property {
        let mut name = name.to_owned();
        for _ in 0..LONGEST_CHAIN {
            if name.starts_with("Collection(") {
                return Property::Unknown;
            }
            if name.starts_with("Edm.") {
                return Property::primitive(&name, precision, scale);
            }
            if let Some(structure) = self.structure(&name) {
                return Property::Structure(structure);
            }
            match self.others.get(&self.full(&name)) {
                Some(other) => name.clone_from(other),
                None => break,
            }
        }
        Property::Unknown
    }

    fn structure(&self, name: &str) -> Option<StructureId> {
        self.by_name.get(&self.full(name)).copied()
    }

    /// Writes out an alias of a namespace.
    fn full(&self, name: &str) -> String {
        match name.rsplit_once('.') {
            Some((namespace, local)) => match self.aliases.get(namespace) {
                Some(namespace) => format!("{namespace}.{local}"),
                None => name.to_owned(),
            },
            None => name.to_owned(),
        }
    }

    /// Returns the type an entity names as its own.
    pub(crate) fn named(&self, name: &str) -> Option<StructureId> {
        self.structure(name.trim_start_matches('#'))
    }

    /// Returns the type of what a context URL describes behind its `#`.
    pub(crate) fn described(&self, fragment: &str) -> Option<StructureId> {
        let inside = fragment
            .strip_prefix("Collection(")
            .and_then(|rest| rest.strip_suffix(')'));
        let mut current: Option<StructureId> = None;
        for segment in segments(inside.unwrap_or(fragment)) {
            if segment.starts_with('$') {
                continue;
            }
            let next = match current {
                None => self
                    .sets
                    .get(segment)
                    .and_then(|name| self.structure(name))
                    .or_else(|| self.structure(segment)),
                Some(structure) => match self.property(structure, segment) {
                    Property::Structure(inner) => Some(inner),
                    _ => self
                        .collection(structure, segment)
                        .or_else(|| self.structure(segment)),
                },
            };
            current = Some(next?);
        }
        current
    }

    /// Returns the type of the elements of a property that is a collection.
    fn collection(&self, structure: StructureId, name: &str) -> Option<StructureId> {
        match self.structures.get(structure)?.properties.get(name)? {
            Declared::Type { name, .. } => {
                let inside = name.strip_prefix("Collection(")?.strip_suffix(')')?;
                self.structure(inside)
            }
            Declared::Role(..) => None,
        }
    }

    /// Makes types of what the elements of Atom entries say about themselves: without a word they are text.
    pub(crate) fn of_shape(shape: &RecordShape) -> (Types, StructureId) {
        let mut types = Types::default();
        let record = types.add_shape(shape, RecordShape::RECORD);
        (types, record)
    }

    fn add_shape(&mut self, shape: &RecordShape, id: ShapeId) -> StructureId {
        let at = self.structures.len();
        self.structures.push(Structure::default());
        for (name, child) in shape.children(id) {
            let type_name = if shape.is_list(child) {
                String::from("Collection()")
            } else if shape.has_elements(child) {
                let inner = self.add_shape(shape, child);
                let full = format!("#{inner}");
                self.by_name.insert(full.clone(), inner);
                full
            } else {
                match shape.edm(child) {
                    Edm::Named(name) if name.starts_with("Edm.") => name.clone(),
                    // An enumeration, or several types.
                    Edm::Named(_) | Edm::Mixed => String::from("Edm.String"),
                    Edm::Unknown => String::new(),
                }
            };
            self.structures[at].properties.insert(
                name.to_owned(),
                Declared::Type {
                    name: type_name,
                    precision: None,
                    scale: Scale::Variable,
                },
            );
        }
        at
    }

    /// Reads the description of a service, in any version of `OData`.
    pub(crate) fn parse(document: &str) -> Result<Types, String> {
        let mut reader = Reader::from_str(document.trim_start_matches('\u{feff}'));
        reader.config_mut().expand_empty_elements = true;
        let mut parser = Parser::default();
        loop {
            match reader.read_event().map_err(|error| error.to_string())? {
                Event::Start(start) => parser.start(&start)?,
                Event::End(end) => parser.end(end.local_name().as_ref()),
                Event::Eof if parser.has_schema => return Ok(parser.types),
                Event::Eof => return Err(String::from("it has no schema")),
                _ => {}
            }
        }
    }
}

/// Splits at `/`, but not inside parentheses, which are left out.
fn segments(path: &str) -> Vec<&str> {
    let (mut depth, mut start) = (0_usize, 0);
    let mut segments = Vec::new();
    for (at, c) in path.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            '/' if depth == 0 => {
                segments.push(&path[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    segments.push(&path[start..]);
    segments
        .into_iter()
        .map(|segment| segment.split('(').next().unwrap_or_default())
        .filter(|segment| !segment.is_empty())
        .collect()
}

#[derive(Default)]
struct Parser {
    types: Types,
    namespace: String,
    /// The structured type that is open.
    structure: Option<StructureId>,
    /// The association that is open.
    association: Option<String>,
    has_schema: bool,
}

impl Parser {
    fn start(&mut self, start: &BytesStart<'_>) -> Result<(), String> {
        let mut attributes: HashMap<String, String> = HashMap::new();
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|error| error.to_string())?;
            let value = attribute
                .normalized_value(XmlVersion::Implicit1_0)
                .map_err(|error| error.to_string())?;
            attributes.insert(attribute.key.as_ref().to_owned(), value.into_owned());
        }
        let get = |name: &str| attributes.get(name).cloned();
        let name = get("Name").unwrap_or_default();
        let full = format!("{}.{name}", self.namespace);
        match start.local_name().as_ref() {
            "Schema" => {
                self.has_schema = true;
                self.namespace = get("Namespace").unwrap_or_default();
                if let Some(alias) = get("Alias") {
                    self.types.aliases.insert(alias, self.namespace.clone());
                }
            }
            "EntityType" | "ComplexType" => {
                let id = self.types.structures.len();
                self.types.structures.push(Structure {
                    base: get("BaseType"),
                    properties: HashMap::new(),
                });
                self.types.by_name.insert(full, id);
                self.structure = Some(id);
            }
            "EnumType" => {
                self.types.others.insert(full, String::from("Edm.String"));
            }
            "TypeDefinition" => {
                let underlying = get("UnderlyingType").unwrap_or_default();
                self.types.others.insert(full, underlying);
            }
            "Property" | "NavigationProperty" => {
                let declared = declared(&attributes);
                if let Some(structure) = self.structure
                    && let Some(declared) = declared
                {
                    let properties = &mut self.types.structures[structure].properties;
                    properties.insert(name, declared);
                }
            }
            "Association" => self.association = Some(full),
            "End" => {
                if let (Some(association), Some(role), Some(type_name)) =
                    (self.association.clone(), get("Role"), get("Type"))
                {
                    self.types.ends.insert((association, role), type_name);
                }
            }
            "EntitySet" | "Singleton" => {
                if let Some(type_name) = get("EntityType").or_else(|| get("Type")) {
                    self.types.sets.insert(name, type_name);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self, name: &str) {
        match name {
            "EntityType" | "ComplexType" => self.structure = None,
            "Association" => self.association = None,
            _ => {}
        }
    }
}

fn declared(attributes: &HashMap<String, String>) -> Option<Declared> {
    let get = |name: &str| attributes.get(name);
    if let (Some(association), Some(role)) = (get("Relationship"), get("ToRole")) {
        return Some(Declared::Role(association.clone(), role.clone()));
    }
    let precision = get("Precision").and_then(|precision| precision.parse().ok());
    let scale = match get("Scale").map(String::as_str) {
        // Without a word there are no digits behind the point.
        None if precision.is_some() => Scale::Digits(0),
        None => Scale::Variable,
        Some(scale) => scale.parse().map_or(Scale::Variable, Scale::Digits),
    };
    Some(Declared::Type {
        name: get("Type")?.clone(),
        precision,
        scale,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVICE: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>
<Schema Namespace="Shop.Model" Alias="Self" xmlns="http://docs.oasis-open.org/odata/ns/edm">
 <EnumType Name="State"><Member Name="Open" Value="0"/></EnumType>
 <TypeDefinition Name="Code" UnderlyingType="Edm.Int32"/>
 <ComplexType Name="Address"><Property Name="City" Type="Edm.String"/></ComplexType>
 <EntityType Name="Thing"><Property Name="Id" Type="Edm.Int64"/></EntityType>
 <EntityType Name="Order" BaseType="Self.Thing">
  <Property Name="Freight" Type="Edm.Decimal" Precision="10" Scale="4"/>
  <Property Name="Free" Type="Edm.Decimal" Scale="Variable"/>
  <Property Name="Whole" Type="Edm.Decimal" Precision="5"/>
  <Property Name="Wide" Type="Edm.Decimal" Precision="28" Scale="2"/>
  <Property Name="Cents" Type="Edm.Decimal" Scale="2"/>
  <Property Name="Endless" Type="Edm.Decimal" Precision="60" Scale="2"/>
  <Property Name="At" Type="Edm.DateTimeOffset"/>
  <Property Name="State" Type="Shop.Model.State"/>
  <Property Name="Code" Type="Self.Code"/>
  <Property Name="Photo" Type="Edm.Binary"/>
  <Property Name="Ship" Type="Self.Address"/>
  <Property Name="Tags" Type="Collection(Edm.String)"/>
  <NavigationProperty Name="Lines" Type="Collection(Self.Thing)"/>
 </EntityType>
 <EntityContainer Name="C"><EntitySet Name="Orders" EntityType="Self.Order"/><Singleton Name="Me" Type="Self.Order"/></EntityContainer>
</Schema></edmx:DataServices></edmx:Edmx>"#;

    #[test]
    fn version_4_describes_sets_and_their_properties() {
        let types = Types::parse(SERVICE).unwrap();
        let order = types.described("Orders").unwrap();
        let decimal = |precision, scale| Property::Typed(ColumnType::Decimal { precision, scale });
        for (name, expected) in [
            ("Id", Property::Typed(ColumnType::BigInt)),
            ("Freight", decimal(10, 4)),
            ("Free", Property::Number),
            ("Whole", decimal(5, 0)),
            ("Wide", decimal(28, 2)),
            ("Cents", decimal(38, 2)),
            ("Endless", Property::Number),
            ("At", Property::Typed(ColumnType::Timestamp)),
            ("State", Property::Typed(ColumnType::Text)),
            ("Code", Property::Typed(ColumnType::BigInt)),
            ("Photo", Property::Dropped),
            ("Tags", Property::Unknown),
            ("Lines", Property::Unknown),
            ("Nothing", Property::Unknown),
        ] {
            assert_eq!(types.property(order, name), expected, "{name}");
        }
        let Property::Structure(address) = types.property(order, "Ship") else {
            panic!("no structure")
        };
        assert_eq!(
            types.property(address, "City"),
            Property::Typed(ColumnType::Text)
        );
        for fragment in [
            "Orders(Id,Ship)",
            "Orders/$entity",
            "Me",
            "Shop.Model.Order",
            "Collection(Self.Order)",
            "Orders(Lines(Id))/$entity",
        ] {
            assert_eq!(types.described(fragment), Some(order), "{fragment}");
        }
        assert_eq!(
            types.described("Orders(1)/Lines"),
            types.named("#Shop.Model.Thing")
        );
        assert_eq!(types.described("Orders(1)/Ship"), Some(address));
        for fragment in ["Nowhere", "Orders/Nowhere", ""] {
            assert_eq!(types.described(fragment), None, "{fragment}");
        }
    }

    #[test]
    fn version_2_has_associations() {
        let types = Types::parse(
            r#"<edmx:Edmx xmlns:edmx="x"><edmx:DataServices><Schema Namespace="N">
            <EntityType Name="Order"><Property Name="Time" Type="Edm.Time"/><NavigationProperty Name="Customer" Relationship="N.CO" FromRole="O" ToRole="C"/></EntityType>
            <EntityType Name="Customer"><Property Name="Age" Type="Edm.Byte"/></EntityType>
            <Association Name="CO"><End Type="N.Customer" Role="C" Multiplicity="1"/><End Type="N.Order" Role="O" Multiplicity="*"/></Association>
            </Schema></edmx:DataServices></edmx:Edmx>"#,
        )
        .unwrap();
        let order = types.named("N.Order").unwrap();
        let customer = types.named("N.Customer").unwrap();
        assert_eq!(
            types.property(order, "Customer"),
            Property::Structure(customer)
        );
        assert_eq!(
            types.property(order, "Time"),
            Property::Typed(ColumnType::Text)
        );
    }

    #[test]
    fn other_documents_are_refused() {
        for document in ["", "<html>", "<a/>", "{}", "<Schema><"] {
            assert!(Types::parse(document).is_err(), "{document}");
        }
    }
}

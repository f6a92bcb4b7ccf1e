//! Reads a `.tds` leniently: every element with its place in the text, whatever its namespace.

use std::ops::Range;

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

use crate::site::connections::HYPER;

/// An element and its place in the text.
#[derive(Debug)]
pub(in crate::site) struct Node {
    pub(in crate::site) name: String,
    pub(super) attributes: Vec<(String, String)>,
    pub(super) children: Vec<Node>,
    text: String,
    /// The start tag.
    pub(super) head: Range<usize>,
    /// The beginning of the end tag, if there is one.
    pub(super) tail: Option<usize>,
}

impl Node {
    fn new(start: &BytesStart, head: Range<usize>) -> Option<Self> {
        let mut attributes = Vec::new();
        for attribute in start.attributes() {
            let attribute = attribute.ok()?;
            let value = attribute.normalized_value(XmlVersion::Implicit1_0).ok()?;
            attributes.push((attribute.key.into_inner().to_owned(), value.into_owned()));
        }
        Some(Self {
            name: start.name().into_inner().to_owned(),
            attributes,
            children: Vec::new(),
            text: String::new(),
            head,
            tail: None,
        })
    }

    /// Returns the value of an attribute; empty if there is none.
    pub(in crate::site) fn attribute(&self, name: &str) -> &str {
        let found = self.attributes.iter().find(|(key, _)| key == name);
        found.map_or("", |(_, value)| value)
    }

    pub(super) fn children_named(&self, name: &str) -> impl Iterator<Item = &Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        self.children_named(name).next()
    }

    /// Returns where the first child of those names begins, or the end of this element.
    pub(super) fn start_of(&self, names: &[&str]) -> Option<usize> {
        let first = self
            .children
            .iter()
            .find(|child| names.contains(&child.name.as_str()));
        first.map(|child| child.head.start).or(self.tail)
    }

    pub(super) fn extract(&self) -> Option<&Self> {
        self.children_named("extract")
            .find(|extract| extract.attribute("enabled") == "true")
    }

    /// Returns the connections to what the data source reads from.
    pub(in crate::site) fn origins(&self) -> Vec<&Self> {
        let Some(connection) = self.child("connection") else {
            return Vec::new();
        };
        match connection.child("named-connections") {
            Some(named) => named
                .children_named("named-connection")
                .filter_map(|named| named.child("connection"))
                .collect(),
            None => vec![connection],
        }
    }

    /// Returns the tables and the columns that must be in the file of rows.
    pub(in crate::site) fn names(&self) -> (Vec<String>, Vec<String>) {
        fn visit(node: &Node, names: &mut (Vec<String>, Vec<String>)) {
            // Newer and older forms of one relation have longer names.
            if node.name.ends_with("relation") && node.attribute("type") == "table" {
                names.0.push(node.attribute("table").to_owned());
            }
            if node.name == "metadata-record" && node.attribute("class") == "column" {
                names
                    .1
                    .extend(node.child("remote-name").map(|name| name.text.clone()));
            }
            for child in &node.children {
                visit(child, names);
            }
        }
        let mut names = (Vec::new(), Vec::new());
        let around = self.extract().unwrap_or(self);
        if let Some(connection) = around.child("connection") {
            visit(connection, &mut names);
        }
        names
    }

    /// Whether rows are in a file beside the description.
    pub(in crate::site) fn reads_files(&self) -> bool {
        let origins = self.origins();
        self.extract().is_some()
            || origins
                .iter()
                .any(|origin| matches!(origin.attribute("class"), HYPER | "dataengine"))
    }

    /// Returns the connection to the file in the package: the one of the extract, else the only one there is.
    pub(in crate::site) fn carrier(&self) -> Option<&Self> {
        let is_file = |node: &&Self| matches!(node.attribute("class"), HYPER | "dataengine");
        match (self.extract(), self.origins().as_slice()) {
            (Some(extract), _) => extract.child("connection").filter(is_file),
            (None, [only]) => Some(*only).filter(is_file),
            (None, _) => None,
        }
    }
}

/// Reads a description; nothing if it is none.
pub(in crate::site) fn read(tds: &str) -> Option<Node> {
    let text = tds.trim_start_matches('\u{feff}');
    let skipped = tds.len() - text.len();
    let mut reader = Reader::from_str(text);
    let mut open: Vec<Node> = Vec::new();
    loop {
        let start = usize::try_from(reader.buffer_position()).ok()? + skipped;
        let event = reader.read_event().ok()?;
        let end = usize::try_from(reader.buffer_position()).ok()? + skipped;
        let finished = match event {
            Event::Start(tag) => {
                open.push(Node::new(&tag, start..end)?);
                continue;
            }
            Event::Empty(tag) => Node::new(&tag, start..end)?,
            Event::End(_) => {
                let mut node = open.pop()?;
                node.tail = Some(start);
                node
            }
            Event::Text(text) => {
                if let Some(node) = open.last_mut() {
                    node.text += &text.xml10_content();
                }
                continue;
            }
            Event::GeneralRef(reference) => {
                let character = match reference.resolve_char_ref().ok()? {
                    Some(character) => character,
                    None => match reference.as_ref() {
                        "amp" => '&',
                        "lt" => '<',
                        "gt" => '>',
                        "quot" => '"',
                        "apos" => '\'',
                        _ => return None,
                    },
                };
                open.last_mut()?.text.push(character);
                continue;
            }
            Event::DocType(_) | Event::Eof => return None,
            _ => continue,
        };
        match open.last_mut() {
            Some(parent) => parent.children.push(finished),
            None => return Some(finished).filter(|root| root.name == "datasource"),
        }
    }
}

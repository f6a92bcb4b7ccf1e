//! Reads XML documents node by node.
//!
//! Nothing is expanded that XML itself does not define: no entity of a DTD, no other file.

use crate::readers::text::unreadable;
use crate::rules::csv::by_label;
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use encoding_rs::{Encoding, UTF_16BE, UTF_16LE};
use quick_xml::encoding::EncodingError;
use quick_xml::errors::Error;
use quick_xml::escape::{EscapeError, resolve_xml_entity};
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::tree::{Exactness, ItemKind, Tree};
use crate::readers::position::{DataProblem, Syntax};
use crate::readers::text::{self, Input};
use crate::say::quoted;
use crate::source::StagedFile;

/// Namespace of attributes that describe their element.
const SCHEMA_INSTANCE: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// An XML document that is being read.
pub(crate) struct Document {
    reader: Reader<BufReader<Input>>,
    buffer: Vec<u8>,
    skipped: u64,
    version: XmlVersion,
    depth: usize,
    has_root: bool,
    /// Prefixes declared by open elements, with the depth of each, and whether it is [`SCHEMA_INSTANCE`] they stand for.
    prefixes: Vec<(usize, String, bool)>,
    /// Of text that is not CDATA.
    pub(crate) exactness: Exactness,
}

/// How names become names of columns.
#[derive(Debug)]
pub(crate) struct Names<'n> {
    /// Local names that keep their prefix.
    pub(crate) split: &'n HashSet<String>,
    /// Local names found to need that; nobody looks if absent.
    pub(crate) clashes: Option<HashSet<String>>,
}

/// Returns the encoding a document declares; `None` leaves it to the byte order mark or UTF-8.
pub(crate) fn encoding(path: &Path) -> Result<Option<&'static Encoding>, DataProblem> {
    let mut head = Vec::new();
    File::open(path)
        .and_then(|file| file.take(1024).read_to_end(&mut head))
        .map_err(|error| unreadable(&error))?;
    match head.as_slice() {
        [b'<', 0, ..] => return Ok(Some(UTF_16LE)),
        [0, b'<', ..] => return Ok(Some(UTF_16BE)),
        _ => {}
    }
    let text = String::from_utf8_lossy(&head);
    let declaration = text
        .trim_start_matches('\u{feff}')
        .strip_prefix("<?xml")
        .and_then(|rest| rest.split_once("?>"));
    let Some((declaration, _)) = declaration else {
        return Ok(None);
    };
    let Some((_, value)) = declaration.split_once("encoding") else {
        return Ok(None);
    };
    let value = value.trim_start().trim_start_matches('=').trim_start();
    let label = value.split(['"', '\'']).nth(1).unwrap_or_default();
    match by_label(label) {
        // These letters were not read as two bytes each.
        Some(encoding) if encoding == UTF_16LE || encoding == UTF_16BE => Ok(None),
        Some(encoding) => Ok(Some(encoding)),
        None => Err(DataProblem::new(format!(
            "the document declares the encoding {}, which is unknown",
            quoted(label)
        ))),
    }
}

impl Document {
    pub(crate) fn open(
        file: &StagedFile,
        encoding: Option<&'static Encoding>,
    ) -> Result<Document, DataProblem> {
        let opened = text::open(&file.path, encoding)?;
        let input = BufReader::with_capacity(1 << 18, opened.input);
        let mut reader = Reader::from_reader(input);
        reader.config_mut().expand_empty_elements = true;
        Ok(Document {
            reader,
            buffer: Vec::new(),
            skipped: opened.skipped,
            version: XmlVersion::Implicit1_0,
            depth: 0,
            has_root: false,
            // The usual one is understood even where nobody declares it.
            prefixes: vec![(0, String::from("xsi"), true)],
            exactness: Exactness::Loose,
        })
    }

    /// Reads until the next element begins or ends; text goes to `tree`, if there is one.
    pub(crate) fn next(&mut self, tree: &mut Option<&mut Tree>) -> Result<XmlNode, DataProblem> {
        loop {
            self.buffer.clear();
            self.reader
                .get_mut()
                .get_mut()
                .go_on("set `records` to the path of the rows inside the document");
            let offset = self.skipped + self.reader.buffer_position();
            let mut buffer = std::mem::take(&mut self.buffer);
            let event = match self.reader.read_event_into(&mut buffer) {
                Ok(event) => event,
                Err(error) => return Err(self.failed(&error, offset)),
            };
            let at = |problem: DataProblem| DataProblem {
                offset: problem.offset.or(Some(offset)),
                ..problem
            };
            let is_outside = self.depth == 0;
            match event {
                Event::Start(start) => {
                    if self.depth == 0 && std::mem::replace(&mut self.has_root, true) {
                        return Err(DataProblem::broken_xml(
                            "there is a second root element",
                            offset,
                        ));
                    }
                    self.depth += 1;
                    let start = start.into_owned();
                    self.declare(&start, offset)?;
                    self.buffer = buffer;
                    return Ok(XmlNode::Start(start, offset));
                }
                Event::End(_) => {
                    self.depth = self.depth.saturating_sub(1);
                    let depth = self.depth;
                    while self.prefixes.pop_if(|(at, ..)| *at > depth).is_some() {}
                    self.buffer = buffer;
                    return Ok(XmlNode::End);
                }
                Event::Text(text) => {
                    let text = text.xml_content(self.version);
                    if is_outside && !text.trim().is_empty() {
                        return Err(DataProblem::broken_xml(
                            "there is text outside the root element",
                            offset,
                        ));
                    }
                    if let Some(tree) = tree {
                        tree.text(&text, self.exactness).map_err(at)?;
                    }
                }
                Event::CData(text) => {
                    if let Some(tree) = tree {
                        let text = text.xml_content(self.version);
                        tree.text(&text, Exactness::Exact).map_err(at)?;
                    }
                }
                Event::GeneralRef(reference) => {
                    let text = resolved(&reference, offset)?;
                    if let Some(tree) = tree {
                        tree.text(&text, Exactness::Exact).map_err(at)?;
                    }
                }
                Event::Decl(declaration) => {
                    self.version = declaration
                        .xml_version()
                        .map_err(|error| self.failed(&error, offset))?;
                }
                Event::Eof => {
                    if self.depth > 0 || !self.has_root {
                        return Err(
                            DataProblem::broken_xml("the document ends too early", offset)
                                .hint("was the file or download cut short?"),
                        );
                    }
                    return Ok(XmlNode::Eof);
                }
                Event::Empty(_) | Event::Comment(_) | Event::PI(_) | Event::DocType(_) => {}
            }
            self.buffer = buffer;
        }
    }

    /// Takes note of the prefixes that an element declares, before its own attributes are looked at.
    fn declare(&mut self, start: &BytesStart<'_>, offset: u64) -> Result<(), DataProblem> {
        if !start.attributes_raw().contains("xmlns:") {
            return Ok(());
        }
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|error| DataProblem::broken_xml(error, offset))?;
            if let Some(prefix) = attribute.key.as_ref().strip_prefix("xmlns:") {
                let is_schema = attribute
                    .normalized_value(self.version)
                    .is_ok_and(|value| value == SCHEMA_INSTANCE);
                self.prefixes
                    .push((self.depth, prefix.to_owned(), is_schema));
            }
        }
        Ok(())
    }

    /// Tells an error of the piece that begins at `start`.
    fn failed(&mut self, error: &Error, start: u64) -> DataProblem {
        let input = self.reader.get_mut().get_mut();
        if let Some(problem) = input.failed.take() {
            return match problem.hint {
                Some(_) => problem,
                None => problem.hint("save the source in the encoding it declares, or as UTF-8"),
            };
        }
        let offset = self.skipped + self.reader.error_position();
        match error {
            Error::Io(error) => unreadable(error),
            Error::Encoding(error) => DataProblem::broken("the text is not UTF-8", start + valid(error)).hint(
                "the document declares no other encoding: let the source declare the one it has, as in `<?xml version=\"1.0\" encoding=\"windows-1252\"?>`",
            ),
            other => DataProblem::broken_xml(other, offset),
        }
    }

    /// Reads the rest of an element that has begun into a tree.
    pub(crate) fn record(
        &mut self,
        start: &BytesStart<'_>,
        offset: u64,
        tree: &mut Tree,
        names: &mut Names<'_>,
    ) -> Result<(), DataProblem> {
        tree.clear();
        self.begin(start, offset, tree, names)?;
        // Names of the elements inside each open one, to find clashes.
        let mut siblings: Vec<HashMap<String, String>> = vec![HashMap::new()];
        loop {
            match self.next(&mut Some(tree))? {
                XmlNode::Start(start, offset) => {
                    if let Some(siblings) = siblings.last_mut() {
                        names.note(siblings, start.name().as_ref());
                    }
                    self.begin(&start, offset, tree, names)?;
                    siblings.push(HashMap::new());
                }
                XmlNode::End => {
                    siblings.pop();
                    if tree.end().map_err(|problem| placed(problem, offset))? {
                        return Ok(());
                    }
                }
                XmlNode::Eof => return Ok(()),
            }
        }
    }

    fn begin(
        &mut self,
        start: &BytesStart<'_>,
        offset: u64,
        tree: &mut Tree,
        names: &mut Names<'_>,
    ) -> Result<(), DataProblem> {
        tree.start(names.of(start.name().as_ref()))
            .map_err(|problem| placed(problem, offset))?;
        let mut siblings = HashMap::new();
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|error| DataProblem::broken_xml(error, offset))?;
            let name = attribute.key.as_ref();
            let value = attribute
                .normalized_value(self.version)
                .map_err(|error| match error {
                    Error::Escape(EscapeError::UnrecognizedEntity(_, entity)) => {
                        unknown_entity(&entity, offset)
                    }
                    other => DataProblem::broken_xml(other, offset),
                })?;
            if name == "xmlns" || name.starts_with("xmlns:") {
                continue;
            }
            let about = name.split_once(':').filter(|(prefix, _)| {
                let mut declared = self.prefixes.iter().rev();
                declared
                    .find(|(_, other, _)| other == prefix)
                    .is_some_and(|(.., is_schema)| *is_schema)
            });
            let kind = if let Some((_, local)) = about {
                if local == "nil" && matches!(value.trim(), "true" | "1") {
                    tree.mark(ItemKind::Null, None)?;
                }
                ItemKind::Schema
            } else {
                names.note(&mut siblings, name);
                ItemKind::Attribute
            };
            tree.attribute(kind, names.of(name), &value)
                .map_err(|problem| placed(problem, offset))?;
        }
        Ok(())
    }
}

/// Counts the bytes that are right.
fn valid(error: &EncodingError) -> u64 {
    match error {
        EncodingError::Utf8(error) => u64::try_from(error.valid_up_to()).unwrap_or(0),
        _ => 0,
    }
}

pub(crate) enum XmlNode {
    Start(BytesStart<'static>, u64),
    End,
    Eof,
}

impl Names<'_> {
    /// Returns the local name, or the whole one where that is needed.
    fn of<'q>(&self, name: &'q str) -> &'q str {
        let local = local(name);
        if local.len() < name.len() && self.split.contains(local) {
            name
        } else {
            local
        }
    }

    fn note(&mut self, siblings: &mut HashMap<String, String>, name: &str) {
        let Some(clashes) = &mut self.clashes else {
            return;
        };
        let local = local(name);
        match siblings.get(local) {
            Some(other) if other != name => {
                clashes.insert(local.to_owned());
            }
            Some(_) => {}
            None => {
                siblings.insert(local.to_owned(), name.to_owned());
            }
        }
    }
}

pub(crate) fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}

fn placed(problem: DataProblem, offset: u64) -> DataProblem {
    DataProblem {
        offset: problem.offset.or(Some(offset)),
        ..problem
    }
}

fn resolved(reference: &BytesRef<'_>, offset: u64) -> Result<String, DataProblem> {
    let character = reference
        .resolve_char_ref()
        .map_err(|error| DataProblem::broken_xml(error, offset))?;
    match character {
        Some(c) if c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{7f}'..='\u{9f}') => {
            Err(DataProblem::broken_xml(
                format!("`&{};` stands for no character of XML", &**reference),
                offset,
            ))
        }
        Some(c) => Ok(c.to_string()),
        None => match resolve_xml_entity(reference) {
            Some(text) => Ok(text.to_owned()),
            None => Err(unknown_entity(reference, offset)),
        },
    }
}

fn unknown_entity(name: &str, offset: u64) -> DataProblem {
    DataProblem {
        syntax: Syntax::Broken,
        offset: Some(offset),
        ..DataProblem::new(format!(
            "the entity {} is unknown",
            quoted(&format!("&{name};"))
        ))
        .hint(
            "entities of a DTD are never expanded: the source must write the characters themselves",
        )
    }
}

/// Returns the name of the root element.
pub(crate) fn root(
    file: &StagedFile,
    encoding: Option<&'static Encoding>,
) -> Result<String, DataProblem> {
    match Document::open(file, encoding)?.next(&mut None)? {
        XmlNode::Start(start, _) => Ok(local(start.name().as_ref()).to_owned()),
        XmlNode::End | XmlNode::Eof => Ok(String::new()),
    }
}

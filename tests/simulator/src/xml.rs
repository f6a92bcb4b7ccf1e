//! XML documents: a small tree, a strict reader for requests, a writer with the oddities of real servers.

pub(crate) mod schema;

use std::fmt::Write as _;
use std::str::FromStr;

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

/// The namespace of the REST API.
const NAMESPACE: &str = "http://tableau.com/api";

/// How real servers word the rejection of a document they cannot read.
const MALFORMED: &str = "Payload is either malformed XML or incomplete";

/// How answers are written; clients must read every form alike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum XmlStyle {
    /// Declaration, default namespace, double quotes.
    #[default]
    Plain,
    /// Every element carries the prefix `ns0`.
    Prefixed,
    /// No declaration, single quotes, line breaks inside tags.
    Bare,
    /// `True` and `False`, unknown attributes and elements, text between elements, a `warnings` block.
    Adorned,
}

impl FromStr for XmlStyle {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "plain" => Ok(Self::Plain),
            "prefixed" => Ok(Self::Prefixed),
            "bare" => Ok(Self::Bare),
            "adorned" => Ok(Self::Adorned),
            other => Err(format!(
                "unknown XML style `{other}`, valid are: plain, prefixed, bare, adorned"
            )),
        }
    }
}

/// One element with its attributes, child elements and text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Element {
    pub(crate) name: String,
    pub(crate) attributes: Vec<(String, String)>,
    pub(crate) children: Vec<Element>,
    pub(crate) text: String,
}

impl Element {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ..Self::default()
        }
    }

    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.attributes.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn maybe(self, name: &str, value: Option<impl Into<String>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    pub(crate) fn child(mut self, child: Self) -> Self {
        self.children.push(child);
        self
    }

    pub(crate) fn children(mut self, children: impl IntoIterator<Item = Self>) -> Self {
        self.children.extend(children);
        self
    }

    pub(crate) fn text(mut self, text: impl Into<String>) -> Self {
        self.text = text.into();
        self
    }

    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn find(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// Replaces the values of secret attributes here and below.
    pub(crate) fn mask(&mut self) {
        for (name, value) in &mut self.attributes {
            if matches!(
                name.as_str(),
                "personalAccessTokenSecret" | "password" | "jwt" | "token"
            ) {
                "***".clone_into(value);
            }
        }
        self.children.iter_mut().for_each(Self::mask);
    }

    /// Writes this element alone, without declaration and namespace.
    pub(crate) fn fragment(&self) -> String {
        let mut out = String::new();
        write_element(&mut out, self, XmlStyle::Plain, "");
        out
    }
}

/// Writes a `tsResponse` document around the given children.
pub(crate) fn response(children: &[Element], style: XmlStyle, version: &str) -> String {
    let schema = format!(
        "{NAMESPACE} https://help.tableau.com/samples/en-us/rest_api/ts-api_{}.xsd",
        version.replace('.', "_")
    );
    let root = Element::new("tsResponse").children(children.iter().cloned());
    let mut out = String::new();
    if style != XmlStyle::Bare {
        out.push_str("<?xml version='1.0' encoding='UTF-8'?>");
    }
    let namespaces = match style {
        XmlStyle::Prefixed => format!(" xmlns:ns0=\"{NAMESPACE}\""),
        XmlStyle::Bare => format!("\n  xmlns='{NAMESPACE}'"),
        XmlStyle::Plain | XmlStyle::Adorned => {
            format!(
                " xmlns=\"{NAMESPACE}\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:schemaLocation=\"{schema}\""
            )
        }
    };
    write_element(&mut out, &root, style, &namespaces);
    out
}

fn write_element(out: &mut String, element: &Element, style: XmlStyle, namespaces: &str) {
    let prefix = if style == XmlStyle::Prefixed {
        "ns0:"
    } else {
        ""
    };
    let name = &element.name;
    let _ = write!(out, "<{prefix}{name}{namespaces}");
    let (quote, gap) = if style == XmlStyle::Bare {
        ('\'', "\n    ")
    } else {
        ('"', " ")
    };
    for (key, value) in &element.attributes {
        let value = match (style, value.as_str()) {
            (XmlStyle::Adorned, "true") => "True",
            (XmlStyle::Adorned, "false") => "False",
            (_, other) => other,
        };
        let _ = write!(out, "{gap}{key}={quote}{}{quote}", escape(value));
    }
    let adorned = style == XmlStyle::Adorned && element.name != "error";
    if adorned && element.name != "tsResponse" {
        out.push_str(" addedLater=\"true\"");
    }
    let extended = adorned && !element.children.is_empty();
    if element.children.is_empty() && element.text.is_empty() {
        out.push_str(if style == XmlStyle::Bare { " />" } else { "/>" });
        return;
    }
    out.push('>');
    out.push_str(&escape(&element.text));
    for child in &element.children {
        if extended {
            out.push_str("\n  ");
        }
        write_element(out, child, style, "");
    }
    if extended {
        let extra = if element.name == "tsResponse" {
            "<warnings><warning errorCode=\"0\" id=\"1\" message=\"this is only an example\"/></warnings>"
        } else {
            " text between elements <elementAddedLater kind=\"new\"><inner/></elementAddedLater>"
        };
        out.push_str(extra);
    }
    let _ = write!(out, "</{prefix}{name}>");
}

/// Escapes for attribute values and text alike; line breaks survive attribute normalization.
pub(crate) fn escape(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    for character in raw.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\n' => out.push_str("&#10;"),
            '\r' => out.push_str("&#13;"),
            '\t' => out.push_str("&#9;"),
            // XML forbids most of them even so, and a hostile server does not care.
            other if other.is_control() => {
                let _ = write!(out, "&#{};", u32::from(other));
            }
            other => out.push(other),
        }
    }
    out
}

/// Reads a document and returns its root; the error is the text for the client.
pub(crate) fn parse(bytes: &[u8]) -> Result<Element, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| MALFORMED.to_owned())?;
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    let mut names = Names::default();
    let mut open: Vec<Element> = Vec::new();
    let mut root = None;
    loop {
        let event = reader.read_event().map_err(|_| MALFORMED.to_owned())?;
        let finished = match event {
            Event::Start(start) => {
                open.push(names.element(&start)?);
                None
            }
            Event::Empty(start) => Some(names.element(&start)?),
            Event::End(_) => open.pop(),
            Event::Text(content) => {
                add_text(&mut open, &content.xml10_content())?;
                None
            }
            Event::CData(content) => {
                add_text(&mut open, &content.xml10_content())?;
                None
            }
            Event::GeneralRef(reference) => {
                let content = match reference
                    .resolve_char_ref()
                    .map_err(|_| MALFORMED.to_owned())?
                {
                    Some(character) => character.to_string(),
                    None => match reference.as_ref() {
                        "amp" => "&".to_owned(),
                        "lt" => "<".to_owned(),
                        "gt" => ">".to_owned(),
                        "quot" => "\"".to_owned(),
                        "apos" => "'".to_owned(),
                        _ => return Err(MALFORMED.to_owned()),
                    },
                };
                add_text(&mut open, &content)?;
                None
            }
            Event::DocType(_) => return Err(MALFORMED.to_owned()),
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) => None,
            Event::Eof => break,
        };
        if let Some(element) = finished {
            match open.last_mut() {
                Some(parent) => parent.children.push(element),
                None if root.is_none() => root = Some(element),
                None => return Err(MALFORMED.to_owned()),
            }
        }
    }
    match root {
        Some(root) if open.is_empty() => Ok(root),
        _ => Err(MALFORMED.to_owned()),
    }
}

fn add_text(open: &mut [Element], content: &str) -> Result<(), String> {
    check_characters(content)?;
    match open.last_mut() {
        Some(element) => element.text.push_str(content),
        None if content.trim().is_empty() => {}
        None => return Err(MALFORMED.to_owned()),
    }
    Ok(())
}

/// XML 1.0 forbids most control characters, even as character references.
fn check_characters(text: &str) -> Result<(), String> {
    let legal = |c: char| {
        matches!(c, '\t' | '\n' | '\r') || (c >= ' ' && c != '\u{fffe}' && c != '\u{ffff}')
    };
    if text.chars().all(legal) {
        Ok(())
    } else {
        Err(MALFORMED.to_owned())
    }
}

/// The namespace prefixes seen so far.
#[derive(Default)]
struct Names {
    prefixes: Vec<String>,
}

impl Names {
    fn element(&mut self, start: &BytesStart) -> Result<Element, String> {
        let mut element = Element::new(start.name().local_name().into_inner());
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|_| MALFORMED.to_owned())?;
            let value = attribute
                .normalized_value(XmlVersion::Implicit1_0)
                .map_err(|_| MALFORMED.to_owned())?;
            check_characters(&value)?;
            let key = attribute.key.into_inner();
            match key.split_once(':') {
                None if key == "xmlns" => self.declare("", &value, &element.name)?,
                Some(("xmlns", prefix)) => self.declare(prefix, &value, &element.name)?,
                Some(("xsi", _)) => {}
                _ => element
                    .attributes
                    .push((key.to_owned(), value.into_owned())),
            }
        }
        if let Some(prefix) = start.name().prefix()
            && !self
                .prefixes
                .iter()
                .any(|known| known == prefix.into_inner())
        {
            return Err(unexpected_element(&element.name, "", &[]));
        }
        Ok(element)
    }

    fn declare(&mut self, prefix: &str, uri: &str, element: &str) -> Result<(), String> {
        if prefix == "xsi" {
            return Ok(());
        }
        if uri != NAMESPACE {
            return Err(unexpected_element(element, uri, &[]));
        }
        self.prefixes.push(prefix.to_owned());
        Ok(())
    }
}

fn unexpected_element(name: &str, uri: &str, expected: &[&str]) -> String {
    let expected: Vec<String> = expected
        .iter()
        .map(|name| format!("<{{{NAMESPACE}}}{name}>"))
        .collect();
    let expected = if expected.is_empty() {
        "(none)".to_owned()
    } else {
        expected.join(",")
    };
    format!(
        "Deserialization problem: unexpected element (uri:\"{uri}\", local:\"{name}\"). Expected elements are {expected}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Element {
        Element::new("datasource")
            .with("name", "a & \"b\" <c> 'd'\nä")
            .with("isCertified", "false")
            .child(Element::new("tags"))
    }

    #[test]
    fn every_style_carries_the_same_names_and_values() {
        for style in [
            XmlStyle::Plain,
            XmlStyle::Prefixed,
            XmlStyle::Bare,
            XmlStyle::Adorned,
        ] {
            let written = response(&[sample()], style, "3.29");
            let root = parse(written.as_bytes()).unwrap();
            assert_eq!(root.name, "tsResponse", "{written}");
            let datasource = root.find("datasource").unwrap();
            assert_eq!(datasource.attribute("name"), Some("a & \"b\" <c> 'd'\nä"));
            assert!(
                datasource
                    .attribute("isCertified")
                    .unwrap()
                    .eq_ignore_ascii_case("false")
            );
            assert!(datasource.find("tags").is_some());
        }
    }

    #[test]
    fn the_styles_look_as_recorded() {
        assert!(response(&[], XmlStyle::Plain, "3.29").contains("ts-api_3_29.xsd"));
        assert!(response(&[sample()], XmlStyle::Prefixed, "3.29").contains("<ns0:datasource"));
        assert!(response(&[sample()], XmlStyle::Bare, "3.29").starts_with("<tsResponse\n"));
        assert!(response(&[sample()], XmlStyle::Adorned, "3.29").contains("isCertified=\"False\""));
    }

    #[test]
    fn malformed_documents_are_refused() {
        for text in [
            "",
            "<a>",
            "<a></b>",
            "text",
            "<a/><b/>",
            "<a b='&#1;'/>",
            "<a b='1' b='2'/>",
            "<!DOCTYPE a><a/>",
            "<a b=\"&x;\"/>",
        ] {
            assert_eq!(parse(text.as_bytes()), Err(MALFORMED.to_owned()), "{text}");
        }
        assert!(parse(b"\xff").is_err());
        assert!(
            parse(b"<a xmlns='http://elsewhere'/>")
                .unwrap_err()
                .contains("elsewhere")
        );
    }
}

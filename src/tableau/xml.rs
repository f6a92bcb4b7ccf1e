//! Short XML documents as trees of elements.
//!
//! They are read leniently: servers differ in prefixes, quotes, order and additions.

use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

/// Tableau's documents are at most a handful deep; a bound keeps a hostile one off the stack.
const DEPTH_LIMIT: usize = 64;
/// Elements and attributes of a document: a page of a thousand data sources has some ten thousand.
const NODE_LIMIT: usize = 500_000;
/// Attributes of an element; each is compared with the others.
const ATTRIBUTE_LIMIT: usize = 200;

/// An element with local names only; attributes with a prefix are not Tableau's and left out.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Element {
    name: String,
    attributes: Vec<(String, String)>,
    children: Vec<Element>,
    pub(super) text: String,
}

impl Element {
    /// Reads a document and returns its root.
    pub(super) fn parse(document: &[u8]) -> Result<Element, String> {
        let text = std::str::from_utf8(document).map_err(|error| error.to_string())?;
        let mut reader = Reader::from_str(text.strip_prefix('\u{FEFF}').unwrap_or(text));
        // Open elements; the first is a stand-in for the document.
        let mut open = vec![Element::default()];
        let mut n_nodes = 0;
        let mut begin = |start: &BytesStart<'_>| {
            let element = Element::begin(start)?;
            n_nodes += 1 + element.attributes.len();
            if n_nodes > NODE_LIMIT {
                return Err(format!(
                    "there are more than {NODE_LIMIT} elements and attributes"
                ));
            }
            Ok(element)
        };
        loop {
            let event = reader.read_event().map_err(|error| error.to_string())?;
            let top = open.last_mut().ok_or("an element ends that never began")?;
            match event {
                Event::Start(start) => {
                    if open.len() > DEPTH_LIMIT {
                        return Err(format!("elements lie more than {DEPTH_LIMIT} deep"));
                    }
                    open.push(begin(&start)?);
                }
                Event::Empty(start) => top.children.push(begin(&start)?),
                Event::End(_) => {
                    let ended = open.pop().unwrap_or_default();
                    let parent = open.last_mut().ok_or("an element ends that never began")?;
                    parent.children.push(ended);
                }
                Event::Text(text) => top.text.push_str(&text.xml10_content()),
                Event::CData(text) => top.text.push_str(&text.xml10_content()),
                Event::GeneralRef(reference) => top.text.push_str(&resolve(&reference)?),
                Event::Eof if open.len() > 1 => return Err("the document is cut off".into()),
                Event::Eof => break,
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
            }
        }
        let mut roots = open.pop().unwrap_or_default().children;
        match (roots.pop(), roots.is_empty()) {
            (Some(root), true) => Ok(root),
            _ => Err("there is not exactly one root element".into()),
        }
    }

    fn begin(start: &BytesStart<'_>) -> Result<Element, String> {
        let mut element = Element {
            name: start.local_name().as_ref().to_owned(),
            ..Element::default()
        };
        for (index, attribute) in start.attributes().enumerate() {
            if index >= ATTRIBUTE_LIMIT {
                return Err(format!(
                    "an element has more than {ATTRIBUTE_LIMIT} attributes"
                ));
            }
            let attribute = attribute.map_err(|error| error.to_string())?;
            if attribute.key.prefix().is_none() {
                let value = attribute
                    .normalized_value(XmlVersion::Implicit1_0)
                    .map_err(|error| error.to_string())?;
                let name = attribute.key.local_name().as_ref().to_owned();
                element.attributes.push((name, value.into_owned()));
            }
        }
        Ok(element)
    }

    /// Whether this is the root of an answer of Tableau.
    pub(super) fn is_answer(&self) -> bool {
        self.name == "tsResponse"
    }

    /// Returns the first child of that name.
    pub(super) fn child(&self, name: &str) -> Option<&Element> {
        self.all(name).next()
    }

    /// Returns the children of that name.
    pub(super) fn all<'e>(&'e self, name: &str) -> impl Iterator<Item = &'e Element> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// Returns an attribute, absent when empty: servers write `completedAt=""` for "not yet".
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(key, _)| key == name);
        found
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.trim().is_empty())
    }

    /// Returns the text of the first child of that name, without blanks around it.
    pub(super) fn text_of(&self, name: &str) -> Option<&str> {
        self.child(name)
            .map(|child| child.text.trim())
            .filter(|text| !text.is_empty())
    }

    pub(super) fn visit<'e>(&'e self, name: &str, found: &mut Vec<&'e Element>) {
        for child in &self.children {
            if child.name == name {
                found.push(child);
            }
            child.visit(name, found);
        }
    }
}

/// Knows character references and XML's own five entities; others could hide anything.
fn resolve(reference: &BytesRef<'_>) -> Result<String, String> {
    match reference.resolve_char_ref() {
        Err(error) => Err(error.to_string()),
        Ok(Some(character)) => Ok(character.to_string()),
        Ok(None) => match resolve_xml_entity(reference) {
            Some(text) => Ok(text.to_owned()),
            None => Err(format!("the entity `{}` is unknown", &**reference)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(document: &str) -> Element {
        Element::parse(document.as_bytes()).unwrap()
    }

    #[test]
    fn broken_or_hostile_documents_are_refused() {
        for wrong in [
            "",
            "text",
            "<a>",
            "<a></b>",
            "<a/><b/>",
            "<a b='1' b='2'/>",
            "<a>&nbsp;</a>",
            "<a b='&x;'/>",
            "</a>",
        ] {
            assert!(Element::parse(wrong.as_bytes()).is_err(), "{wrong}");
        }
        let laughs = r#"<!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;">]><a>&y;</a>"#;
        assert!(Element::parse(laughs.as_bytes()).is_err());
        assert!(
            Element::parse("<a>".repeat(100_000).as_bytes())
                .unwrap_err()
                .contains("deep")
        );
        assert!(Element::parse(&[b'<', b'a', 0xFF, b'/', b'>']).is_err());
        let many = format!("<a>{}</a>", "<b/>".repeat(NODE_LIMIT));
        assert!(
            Element::parse(many.as_bytes())
                .unwrap_err()
                .contains("more than 500000")
        );
        let names = (0..100_000).map(|n| format!(" a{n}=''"));
        let names = names.collect::<Vec<_>>().concat();
        let began = std::time::Instant::now();
        assert!(Element::parse(format!("<a{names}/>").as_bytes()).is_err());
        assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
    }

    #[test]
    fn text_is_put_together_from_its_pieces() {
        let root = parse("<a><b> one &lt;&#x41;<![CDATA[ & two]]> </b><c/></a>");
        assert_eq!(root.text_of("b"), Some("one <A & two"));
        assert_eq!(root.text_of("c"), None);
    }
}

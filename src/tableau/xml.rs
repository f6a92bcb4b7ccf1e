//! The documents of the REST API: requests as bytes, answers as values.
//!
//! Answers are read leniently: servers differ in prefixes, quotes, order and additions.

use std::io;

use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::{Reader, Writer, XmlVersion};
use secrecy::ExposeSecret;

use super::names::{Description, Luid, PersonalAccessToken, SiteContentUrl, Tag};

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
    text: String,
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

    fn visit<'e>(&'e self, name: &str, found: &mut Vec<&'e Element>) {
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

/// A release of the REST API; compared by number, so 3.9 is before 3.10.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ApiVersion(pub(super) u32, pub(super) u32);

impl ApiVersion {
    /// Reads `3.29`.
    pub(super) fn parse(text: &str) -> Option<ApiVersion> {
        let (major, minor) = text.trim().split_once('.')?;
        Some(ApiVersion(major.parse().ok()?, minor.parse().ok()?))
    }
}

impl std::fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// What a server says of itself.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ServerInfo {
    pub(super) product: String,
    /// The highest version it speaks.
    pub(super) rest_api: ApiVersion,
}

impl ServerInfo {
    pub(super) fn read(answer: &Element) -> Option<ServerInfo> {
        let info = answer.child("serverInfo")?;
        Some(ServerInfo {
            product: info
                .text_of("productVersion")
                .unwrap_or("of unknown version")
                .to_owned(),
            rest_api: ApiVersion::parse(info.text_of("restApiVersion")?)?,
        })
    }
}

/// One entry of a list of projects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Project {
    pub(super) id: Luid,
    pub(super) name: String,
    pub(super) parent: Option<Luid>,
}

impl Project {
    pub(super) fn read(element: &Element) -> Option<Project> {
        Some(Project {
            id: Luid::from_server(element.attribute("id")?)?,
            name: element.attribute("name")?.to_owned(),
            parent: element
                .attribute("parentProjectId")
                .and_then(Luid::from_server),
        })
    }
}

/// A published data source as far as a publisher cares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Datasource {
    pub(super) id: Luid,
    pub(super) name: String,
    pub(super) project: Option<Luid>,
    pub(super) description: Option<Description>,
    /// Server time, to be compared with itself and with the server's clock only.
    pub(super) created_at: Option<String>,
    pub(super) updated_at: Option<String>,
    pub(super) webpage_url: Option<String>,
}

impl Datasource {
    pub(super) fn read(element: &Element) -> Option<Datasource> {
        let text = |name| element.attribute(name).map(str::to_owned);
        let project = element
            .child("project")
            .and_then(|project| project.attribute("id"));
        Some(Datasource {
            id: Luid::from_server(element.attribute("id")?)?,
            name: text("name").unwrap_or_default(),
            project: project.and_then(Luid::from_server),
            description: element
                .attribute("description")
                .and_then(Description::from_server),
            created_at: text("createdAt"),
            updated_at: text("updatedAt"),
            webpage_url: text("webpageUrl")
                .filter(|url| url.starts_with("https://") || url.starts_with("http://")),
        })
    }
}

/// Work Tableau does in the background.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Job {
    pub(super) id: Option<Luid>,
    pub(super) progress: Option<u8>,
    pub(super) completed_at: Option<String>,
    pub(super) finish_code: Option<String>,
    /// Everything the server says about it, in order.
    pub(super) notes: Vec<String>,
    /// Whether a status note reports an error.
    pub(super) has_error_note: bool,
}

impl Job {
    pub(super) fn read(element: &Element) -> Job {
        let mut status_notes = Vec::new();
        element.visit("statusNote", &mut status_notes);
        let mut notes = Vec::new();
        element.visit("notes", &mut notes);
        let mut said: Vec<String> = status_notes
            .iter()
            .filter_map(|note| status_note(note))
            .collect();
        said.extend(notes.iter().map(|note| note.text.trim().to_owned()));
        said.retain(|note| !note.is_empty());
        Job {
            id: element.attribute("id").and_then(Luid::from_server),
            progress: element
                .attribute("progress")
                .and_then(|percent| percent.trim().parse().ok())
                .map(|percent: u8| percent.min(100)),
            completed_at: element.attribute("completedAt").map(str::to_owned),
            finish_code: element
                .attribute("finishCode")
                .map(|code| code.trim().to_owned()),
            notes: said,
            has_error_note: status_notes.iter().any(|note| {
                note.attribute("type")
                    .is_some_and(|kind| kind.eq_ignore_ascii_case("errorCode"))
            }),
        }
    }
}

fn status_note(note: &Element) -> Option<String> {
    let text = note.attribute("text");
    match (text, note.attribute("value")) {
        (Some(text), Some(value)) if !text.contains(value) => Some(format!("{text} ({value})")),
        (text, value) => text.or(value).map(str::to_owned),
    }
}

/// One page of a list.
#[derive(Debug)]
pub(super) struct Page<'a> {
    /// How many entries the server puts on a page.
    pub(super) size: Option<u64>,
    /// How many entries there are; may change from page to page.
    pub(super) total: Option<u64>,
    pub(super) entries: Vec<&'a Element>,
}

impl<'a> Page<'a> {
    /// Reads `<pagination/>` and the entries `item` of the list `list`.
    pub(super) fn read(answer: &'a Element, list: &str, item: &str) -> Option<Page<'a>> {
        let entries = answer.child(list)?.all(item).collect();
        let number = |name| {
            answer
                .child("pagination")?
                .attribute(name)?
                .trim()
                .parse()
                .ok()
        };
        Some(Page {
            size: number("pageSize"),
            total: number("totalAvailable"),
            entries,
        })
    }
}

/// Writes the request of "Sign In".
pub(super) fn sign_in(token: &PersonalAccessToken, site: &SiteContentUrl) -> Vec<u8> {
    request(|writer| {
        let credentials = writer
            .create_element("credentials")
            .with_attribute(("personalAccessTokenName", token.name.as_str()))
            .with_attribute(("personalAccessTokenSecret", token.secret.expose_secret()));
        credentials.write_inner_content(|writer| {
            let site = writer
                .create_element("site")
                .with_attribute(("contentUrl", site.as_str()));
            site.write_empty().map(drop)
        })?;
        Ok(())
    })
}

/// Writes the request of "Publish Data Source".
pub(super) fn publish(name: &str, description: Option<&Description>, project: &Luid) -> Vec<u8> {
    request(|writer| {
        let mut datasource = writer
            .create_element("datasource")
            .with_attribute(("name", name));
        if let Some(description) = description {
            datasource = datasource.with_attribute(("description", description.as_str()));
        }
        datasource.write_inner_content(|writer| {
            let project = writer
                .create_element("project")
                .with_attribute(("id", project.as_str()));
            project.write_empty().map(drop)
        })?;
        Ok(())
    })
}

/// Writes the request of "Update Data Source" that changes nothing but the description.
pub(super) fn describe(description: &Description) -> Vec<u8> {
    request(|writer| {
        let datasource = writer.create_element("datasource");
        datasource
            .with_attribute(("description", description.as_str()))
            .write_empty()?;
        Ok(())
    })
}

/// Writes the request of "Add Tags to Data Source".
pub(super) fn tags(tags: &[Tag]) -> Vec<u8> {
    request(|writer| {
        writer
            .create_element("tags")
            .write_inner_content(|writer| {
                for tag in tags {
                    let label = tag_label(tag);
                    writer
                        .create_element("tag")
                        .with_attribute(("label", label.as_str()))
                        .write_empty()?;
                }
                Ok(())
            })?;
        Ok(())
    })
}

/// Tableau splits a label at blanks and commas unless it is quoted.
fn tag_label(tag: &Tag) -> String {
    let label = tag.as_str();
    if label.contains(|c: char| c.is_whitespace() || c == ',') {
        format!("\"{label}\"")
    } else {
        label.to_owned()
    }
}

fn request(content: impl FnOnce(&mut Writer<Vec<u8>>) -> io::Result<()>) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new());
    writer
        .create_element("tsRequest")
        .write_inner_content(content)
        .expect("writing to memory does not fail");
    writer.into_inner()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tableau::names::{TokenName, TokenSecret};

    const JOB: &str = "7e8f9a0b-1c2d-4e3f-a4b5-c6d7e8f9a0b1";

    fn parse(document: &str) -> Element {
        Element::parse(document.as_bytes()).unwrap()
    }

    #[test]
    fn quirks_of_answers_make_no_difference() {
        let plain = r#"<?xml version="1.0" encoding="UTF-8"?>
            <tsResponse xmlns="http://tableau.com/api"><pagination pageNumber="1" pageSize="100" totalAvailable="1"/>
            <projects><project id="A" name="Q1 &amp; more"/></projects></tsResponse>"#;
        let strange = "\u{FEFF}<ns0:tsResponse xmlns:ns0='http://tableau.com/api' xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'
            xsi:schemaLocation='a b'>stray text<!-- x --><ns0:pagination totalAvailable='1' pageSize = '100' pageNumber='1' new='?'></ns0:pagination>
            <ns0:unknown><deep/></ns0:unknown><ns0:projects><ns0:project xsi:id='wrong' name='Q1 &#38; more' writeable='True' id='A'><ns0:owner id='B'/></ns0:project></ns0:projects>
            <ns0:warnings/></ns0:tsResponse>";
        for document in [plain, strange] {
            let answer = parse(document);
            assert!(answer.is_answer());
            let page = Page::read(&answer, "projects", "project").unwrap();
            assert_eq!((page.size, page.total), (Some(100), Some(1)));
            let project = Project::read(page.entries[0]).unwrap();
            assert_eq!(
                (project.id.as_str(), project.name.as_str()),
                ("a", "Q1 & more")
            );
            assert_eq!(project.parent, None);
        }
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

    #[test]
    fn versions_compare_by_number() {
        assert!(ApiVersion::parse("3.9") < ApiVersion::parse("3.10"));
        assert_eq!(ApiVersion::parse(" 3.29\n"), Some(ApiVersion(3, 29)));
        assert_eq!(ApiVersion::parse("exp"), None);
        let info = parse(
            "<tsResponse><serverInfo><productVersion build='20262.26.0615.1200'>2026.2.0</productVersion>
             <restApiVersion>3.29</restApiVersion></serverInfo></tsResponse>",
        );
        let expected = ServerInfo {
            product: "2026.2.0".into(),
            rest_api: ApiVersion(3, 29),
        };
        assert_eq!(ServerInfo::read(&info), Some(expected));
    }

    #[test]
    fn a_job_gives_all_its_notes() {
        let job = Job::read(&parse(&format!(
            "<job id='{JOB}' progress='100' completedAt='' finishCode='1'>
               <statusNotes><statusNote type='errorCode' value='0x5CE10192' text='one fact table'/><statusNote/>
               <statusNote type='x' value='42' text='error 42'/></statusNotes>
               <updateUploadedFileJob><notes>no such table</notes></updateUploadedFileJob></job>"
        )));
        assert_eq!(job.completed_at, None);
        assert_eq!(
            job.notes,
            ["one fact table (0x5CE10192)", "error 42", "no such table"]
        );
        assert!(job.has_error_note);
        assert_eq!(job.progress, Some(100));
        let progress =
            |text: &str| Job::read(&parse(&format!("<job progress='{text}'/>"))).progress;
        assert_eq!(progress("255"), Some(100));
        for absurd in ["256", "-1", "1e2", "18446744073709551616"] {
            assert_eq!(progress(absurd), None, "{absurd}");
        }
    }

    #[test]
    fn a_data_source_may_lack_nearly_everything() {
        let bare = Datasource::read(&parse(
            "<datasource id='X' description='' webpageUrl='javascript:x'/>",
        ))
        .unwrap();
        assert_eq!(
            (bare.description, bare.webpage_url, bare.project),
            (None, None, None)
        );
        assert_eq!(Datasource::read(&parse("<datasource name='x'/>")), None);
    }

    #[test]
    fn requests_are_escaped_and_keep_line_breaks() {
        let description = Description::parse("a\r\n\t\"b\" <c>").unwrap();
        let document = publish(
            "Sales & 'Ops'",
            Some(&description),
            &Luid::parse(JOB).unwrap(),
        );
        assert_eq!(
            String::from_utf8(document.clone()).unwrap(),
            format!(
                "<tsRequest><datasource name=\"Sales &amp; &apos;Ops&apos;\" \
                 description=\"a&#13;&#10;&#9;&quot;b&quot; &lt;c&gt;\"><project id=\"{JOB}\"/></datasource></tsRequest>"
            )
        );
        let back = Element::parse(&document).unwrap();
        let sent = back.child("datasource").unwrap();
        assert_eq!(sent.attribute("description"), Some(description.as_str()));
        assert_eq!(
            describe(&Description::parse("x").unwrap()),
            b"<tsRequest><datasource description=\"x\"/></tsRequest>"
        );
    }

    #[test]
    fn sign_in_names_even_the_default_site() {
        let token = PersonalAccessToken {
            name: TokenName::parse("ci").unwrap(),
            secret: TokenSecret::parse("a==:b<").unwrap(),
        };
        let document = sign_in(&token, &SiteContentUrl::parse("").unwrap());
        assert_eq!(
            String::from_utf8(document).unwrap(),
            "<tsRequest><credentials personalAccessTokenName=\"ci\" personalAccessTokenSecret=\"a==:b&lt;\">\
             <site contentUrl=\"\"/></credentials></tsRequest>"
        );
    }

    #[test]
    fn labels_with_blanks_or_commas_are_quoted() {
        let document = tags(&["finance", "daily load", "a,b"].map(|tag| Tag::parse(tag).unwrap()));
        assert_eq!(
            String::from_utf8(document).unwrap(),
            "<tsRequest><tags><tag label=\"finance\"/><tag label=\"&quot;daily load&quot;\"/>\
             <tag label=\"&quot;a,b&quot;\"/></tags></tsRequest>"
        );
    }
}

//! What the answers of the REST API say, as values.

use std::fmt;

use super::names::{Description, Luid};
use super::xml::Element;

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

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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

#[cfg(test)]
mod tests {
    use super::*;

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
}

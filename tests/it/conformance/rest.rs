//! A client of Tableau's REST API that shares nothing with the program: it makes room, looks, and clears away.

use std::time::Duration;

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion, escape::escape};
use reqwest::{Client, Method};
use secrecy::ExposeSecret;
use tokio::runtime::{Builder, Runtime};

use super::variables::Access;

/// A download is the longest call.
const LIMIT: Duration = Duration::from_mins(5);

/// A signed-in session; the program's next sign-in with the same token ends it.
pub(crate) struct Rest {
    http: Client,
    runtime: Runtime,
    /// Address of the server, `/api/` and the version.
    base: String,
    site: String,
    token: String,
}

/// A project as lists tell it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Project {
    pub(crate) luid: String,
    pub(crate) name: String,
    pub(crate) parent: Option<String>,
}

/// A data source as lists tell it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Datasource {
    pub(crate) luid: String,
    pub(crate) name: String,
    pub(crate) project: String,
    pub(crate) description: String,
    pub(crate) tags: Vec<String>,
}

/// What Tableau answered instead of what was asked for.
#[derive(Debug)]
pub(crate) struct Refused {
    /// Such as `404004`; the bare status if there is no code.
    pub(crate) code: String,
    text: String,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code, self.text)
    }
}

pub(crate) type Answered<T> = Result<T, Refused>;

impl Rest {
    pub(crate) fn sign_in(access: &Access) -> Answered<Rest> {
        // The client takes whichever provider the process has; the program's own may have set it already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = Client::builder()
            .timeout(LIMIT)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let mut rest = Rest {
            http,
            runtime,
            base: format!("{}/api/2.4", access.server),
            site: String::new(),
            token: String::new(),
        };
        let info = rest.call(Method::GET, "serverInfo", "")?;
        let version = &info.one("restApiVersion").text;
        rest.base = format!("{}/api/{version}", access.server);
        let document = format!(
            "<credentials personalAccessTokenName=\"{}\" personalAccessTokenSecret=\"{}\"><site contentUrl=\"{}\" /></credentials>",
            escape(&access.token_name),
            escape(access.token_secret.expose_secret()),
            escape(&access.content_url),
        );
        let answer = rest.call(Method::POST, "auth/signin", &document)?;
        rest.token = answer.one("credentials").attribute("token");
        rest.site = answer.one("site").attribute("id");
        Ok(rest)
    }

    /// A session that has ended already is as good.
    pub(crate) fn sign_out(self) {
        let _ = self.call(Method::POST, "auth/signout", "");
    }

    pub(crate) fn projects(&self) -> Answered<Vec<Project>> {
        let listed = self.pages("projects", "project")?;
        Ok(listed.iter().map(Project::of).collect())
    }

    /// Returns the new project's LUID.
    pub(crate) fn create_project(&self, name: &str, parent: Option<&str>) -> Answered<String> {
        let parent = parent.map(|luid| format!(" parentProjectId=\"{}\"", escape(luid)));
        let document = format!(
            "<project name=\"{}\" description=\"made by the conformance suite of publish-to-tableau, which deletes it at its end\"{} />",
            escape(name),
            parent.unwrap_or_default()
        );
        let answer = self.site_call(Method::POST, "projects", &document)?;
        Ok(answer.one("project").attribute("id"))
    }

    pub(crate) fn delete_project(&self, luid: &str) -> Answered<()> {
        self.site_call(Method::DELETE, &format!("projects/{luid}"), "")
            .map(drop)
    }

    /// Lists those of the whole site: their projects cannot be filtered for.
    pub(crate) fn datasources(&self) -> Answered<Vec<Datasource>> {
        let listed = self.pages("datasources", "datasource")?;
        Ok(listed.iter().map(Datasource::of).collect())
    }

    /// Returns nothing if there is none.
    pub(crate) fn datasource(&self, luid: &str) -> Answered<Option<Datasource>> {
        match self.site_call(Method::GET, &format!("datasources/{luid}"), "") {
            Ok(answer) => Ok(Some(Datasource::of(answer.one("datasource")))),
            Err(refused) if refused.code == "404004" => Ok(None),
            Err(refused) => Err(refused),
        }
    }

    /// Returns a `.tdsx`, or a `.tds` if there is no data in it.
    pub(crate) fn download(&self, luid: &str) -> Answered<Vec<u8>> {
        let path = format!("sites/{}/datasources/{luid}/content", self.site);
        self.send(Method::GET, &path, "")
    }

    pub(crate) fn delete_datasource(&self, luid: &str) -> Answered<()> {
        self.site_call(Method::DELETE, &format!("datasources/{luid}"), "")
            .map(drop)
    }

    fn pages(&self, list: &str, name: &str) -> Answered<Vec<Element>> {
        let mut found = Vec::new();
        for page in 1.. {
            let path = format!("{list}?pageSize=1000&pageNumber={page}");
            let answer = self.site_call(Method::GET, &path, "")?;
            let total: usize = answer
                .one("pagination")
                .attribute("totalAvailable")
                .parse()
                .unwrap_or(0);
            let entries = std::mem::take(&mut answer.into_child(list).children);
            let is_last = entries.is_empty() || page * 1000 >= total;
            found.extend(entries.into_iter().filter(|entry| entry.name == name));
            if is_last {
                break;
            }
        }
        Ok(found)
    }

    fn site_call(&self, method: Method, path: &str, document: &str) -> Answered<Element> {
        self.call(method, &format!("sites/{}/{path}", self.site), document)
    }

    fn call(&self, method: Method, path: &str, document: &str) -> Answered<Element> {
        let body = self.send(method, path, document)?;
        if body.is_empty() {
            return Ok(Element::default());
        }
        read(&body).ok_or_else(|| Refused {
            code: "200".to_owned(),
            text: format!("`{path}` did not answer with a document of Tableau's"),
        })
    }

    /// Sends and returns the body; whatever is said of a failure comes from the answer, never from the request.
    fn send(&self, method: Method, path: &str, document: &str) -> Answered<Vec<u8>> {
        let mut request = self.http.request(method, format!("{}/{path}", self.base));
        if !self.token.is_empty() {
            request = request.header("X-Tableau-Auth", &self.token);
        }
        if !document.is_empty() {
            request = request
                .header("Content-Type", "text/xml")
                .body(format!("<tsRequest>{document}</tsRequest>"));
        }
        let answer = self.runtime.block_on(async {
            let answer = request.send().await?;
            let status = answer.status();
            answer.bytes().await.map(|body| (status, body))
        });
        let (status, body) = answer.map_err(|error| Refused {
            code: "no answer".to_owned(),
            text: format!("`{path}`: {}", error.without_url()),
        })?;
        let error = read(&body).and_then(|document| document.find("error").cloned());
        match error {
            None if status.is_success() => Ok(body.to_vec()),
            None => Err(Refused {
                code: status.as_u16().to_string(),
                text: format!("`{path}`"),
            }),
            Some(error) => Err(Refused {
                code: error.attribute("code"),
                text: format!("`{path}`: {}", error.one("detail").text),
            }),
        }
    }
}

impl Project {
    fn of(element: &Element) -> Project {
        Project {
            luid: element.attribute("id"),
            name: element.attribute("name"),
            parent: Some(element.attribute("parentProjectId")).filter(|luid| !luid.is_empty()),
        }
    }
}

impl Datasource {
    fn of(element: &Element) -> Datasource {
        let tags = element.find("tags").map(|tags| tags.children.iter());
        Datasource {
            luid: element.attribute("id"),
            name: element.attribute("name"),
            project: element.one("project").attribute("id"),
            description: element.attribute("description"),
            tags: tags
                .into_iter()
                .flatten()
                .map(|tag| tag.attribute("label"))
                .collect(),
        }
    }
}

/// An element of a document; namespaces are left out.
#[derive(Clone, Debug, Default)]
struct Element {
    name: String,
    attributes: Vec<(String, String)>,
    text: String,
    children: Vec<Element>,
}

impl Element {
    /// Returns an attribute; an absent one is empty.
    fn attribute(&self, name: &str) -> String {
        let found = self.attributes.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    }

    /// Returns the first element of that name, at any depth.
    fn find(&self, name: &str) -> Option<&Element> {
        self.children.iter().find_map(|child| {
            if child.name == name {
                Some(child)
            } else {
                child.find(name)
            }
        })
    }

    #[track_caller]
    fn one(&self, name: &str) -> &Element {
        // Only names: in an answer there may be a token.
        let has: Vec<&str> = self.children.iter().map(|child| &*child.name).collect();
        self.find(name)
            .unwrap_or_else(|| panic!("Tableau's answer has no `{name}`, but {has:?}"))
    }

    fn into_child(self, name: &str) -> Element {
        let mut children = self.children.into_iter();
        children
            .find(|child| child.name == name)
            .unwrap_or_default()
    }
}

/// Reads a `tsResponse`; anything else is nothing.
fn read(bytes: &[u8]) -> Option<Element> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut reader = Reader::from_str(text);
    let mut open = vec![Element::default()];
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) => open.push(element(&start)?),
            Event::Empty(start) => open.last_mut()?.children.push(element(&start)?),
            Event::End(_) => {
                let finished = open.pop()?;
                open.last_mut()?.children.push(finished);
            }
            Event::Text(text) => open.last_mut()?.text += text.xml10_content().trim(),
            Event::Eof => break,
            _ => {}
        }
    }
    let root = open.pop()?.into_child("tsResponse");
    (root.name == "tsResponse").then_some(root)
}

fn element(start: &BytesStart) -> Option<Element> {
    let mut element = Element {
        name: start.local_name().into_inner().to_owned(),
        ..Element::default()
    };
    for attribute in start.attributes() {
        let attribute = attribute.ok()?;
        let value = attribute.normalized_value(XmlVersion::Implicit1_0).ok()?;
        element
            .attributes
            .push((attribute.key.into_inner().to_owned(), value.into_owned()));
    }
    Some(element)
}

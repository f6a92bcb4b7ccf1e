//! A request as the site sees it, and its answer; sockets live in `wire`.

use super::error::{ApiError, Refusal};
use super::store::Spool;
use crate::faults::Operation;
use crate::xml::{self, Element, XmlStyle};

/// A request that has arrived completely.
pub(crate) struct Call {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Body,
}

/// The body of a request.
pub(crate) enum Body {
    Plain(Vec<u8>),
    Multipart(Vec<Part>),
    Malformed,
}

/// A part of a multipart body.
pub(crate) struct Part {
    pub(crate) name: String,
    pub(crate) filename: Option<String>,
    pub(crate) content: Content,
}

/// The content of a part: documents in memory, files on disk.
pub(crate) enum Content {
    Document(Vec<u8>),
    File(Spool),
}

impl Call {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// Returns the XML document, wherever it is.
    pub(crate) fn document(&self) -> &[u8] {
        match &self.body {
            Body::Plain(bytes) => bytes,
            Body::Malformed => &[],
            Body::Multipart(parts) => parts
                .iter()
                .find_map(|part| match &part.content {
                    Content::Document(bytes) => Some(bytes.as_slice()),
                    Content::File(_) => None,
                })
                .unwrap_or_default(),
        }
    }

    /// Takes the parts of a body that must be `multipart/mixed` with a known length.
    pub(crate) fn take_parts(&mut self) -> Result<Vec<Part>, Refusal> {
        if self.header("content-length").is_none() {
            return Err(ApiError::new(400_000, "The request has no Content-Length header.").into());
        }
        match std::mem::replace(&mut self.body, Body::Plain(Vec::new())) {
            Body::Multipart(parts) => Ok(parts),
            // The parser of real servers gives up without a Tableau document.
            Body::Malformed => Err(Refusal::Html(500)),
            Body::Plain(_) => Err(ApiError::new(
                400_019,
                "The Content-Type of this request must be multipart/mixed.",
            )
            .into()),
        }
    }
}

/// Decoded parameters of a query string.
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    /// Splits after decoding, as the server does: an encoded `&` separates like any other.
    pub(crate) fn parse(raw: &str) -> Self {
        let decoded = decode(&raw.replace('+', "%20"));
        let pairs = decoded.split('&').filter(|pair| !pair.is_empty());
        Self(
            pairs
                .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
                .map(|(k, v)| (k.to_owned(), v.to_owned()))
                .collect(),
        )
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .rev()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// Returns a flag that is false when absent.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, ApiError> {
        match self.get(name) {
            None => Ok(false),
            Some(value) => boolean(value).ok_or_else(|| {
                ApiError::new(
                    400_008,
                    format!("The value '{value}' of the parameter '{name}' is not a boolean."),
                )
            }),
        }
    }
}

/// Undoes percent encoding.
pub(crate) fn decode(text: &str) -> String {
    percent_encoding::percent_decode_str(text)
        .decode_utf8_lossy()
        .into_owned()
}

/// Reads a boolean in any case, since official clients send `True`.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

/// Splits a path below `/api/` into version and decoded segments.
pub(crate) fn split(path: &str) -> Option<(&str, Vec<String>)> {
    let rest = path.strip_prefix("/api/")?;
    let (version, rest) = rest.split_once('/').unwrap_or((rest, ""));
    Some((
        version,
        rest.trim_end_matches('/').split('/').map(decode).collect(),
    ))
}

/// Where a path leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) operation: Operation,
    /// The site LUID, if the path is bound to a site.
    pub(crate) site: Option<String>,
    /// The LUID or upload session id.
    pub(crate) id: String,
    /// The tag, for the one call that names it in its path.
    pub(crate) tag: String,
}

/// Why a path leads nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoRoute {
    UnknownResource,
    WrongMethod,
}

/// Finds the operation of a method and the segments after the version.
pub(crate) fn route(method: &str, segments: &[String]) -> Result<Route, NoRoute> {
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let method_of = |method: &str| find(method, &segments);
    let others = ["GET", "POST", "PUT", "DELETE"];
    match method_of(method) {
        Some(route) => Ok(route),
        None if others.iter().any(|other| method_of(other).is_some()) => Err(NoRoute::WrongMethod),
        None => Err(NoRoute::UnknownResource),
    }
}

fn find(method: &str, segments: &[&str]) -> Option<Route> {
    let (operation, site, id, tag) = match (method, segments) {
        ("GET", ["serverInfo" | "serverinfo"]) => (Operation::ServerInfo, None, "", ""),
        ("POST", ["auth", "signin"]) => (Operation::SignIn, None, "", ""),
        ("POST", ["auth", "signout"]) => (Operation::SignOut, None, "", ""),
        ("GET", ["sessions", "current"]) => (Operation::GetCurrentServerSession, None, "", ""),
        (_, ["sites", site, rest @ ..]) => {
            let (operation, id, tag) = match (method, rest) {
                ("GET", ["projects"]) => (Operation::QueryProjects, "", ""),
                ("POST", ["projects"]) => (Operation::CreateProject, "", ""),
                ("DELETE", ["projects", id]) => (Operation::DeleteProject, *id, ""),
                ("POST", ["fileUploads"]) => (Operation::InitiateFileUpload, "", ""),
                ("PUT", ["fileUploads", id]) => (Operation::AppendToFileUpload, *id, ""),
                ("GET", ["datasources"]) => (Operation::QueryDataSources, "", ""),
                ("POST", ["datasources"]) => (Operation::PublishDataSource, "", ""),
                ("GET", ["datasources", id]) => (Operation::QueryDataSource, *id, ""),
                ("PUT", ["datasources", id]) => (Operation::UpdateDataSource, *id, ""),
                ("DELETE", ["datasources", id]) => (Operation::DeleteDataSource, *id, ""),
                ("GET", ["datasources", id, "connections"]) => {
                    (Operation::QueryDataSourceConnections, *id, "")
                }
                ("GET", ["datasources", id, "content"]) => (Operation::DownloadDataSource, *id, ""),
                ("PUT", ["datasources", id, "tags"]) => (Operation::AddTagsToDataSource, *id, ""),
                ("DELETE", ["datasources", id, "tags", tag]) => {
                    (Operation::DeleteTagFromDataSource, *id, *tag)
                }
                ("GET", ["jobs", id]) => (Operation::QueryJob, *id, ""),
                _ => return None,
            };
            (operation, Some((*site).to_owned()), id, tag)
        }
        _ => return None,
    };
    Some(Route {
        operation,
        site,
        id: id.to_owned(),
        tag: tag.to_owned(),
    })
}

/// The operation of a request that may not have arrived completely, for counting and faults.
pub(crate) fn operation(method: &str, path: &str) -> Operation {
    if path.starts_with("/origin/") {
        return Operation::Origin;
    }
    split(path)
        .and_then(|(_, segments)| route(method, &segments).ok())
        .map_or(Operation::Unknown, |route| route.operation)
}

/// The answer to a request.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    content: AnswerContent,
}

#[derive(Clone, Debug)]
enum AnswerContent {
    Nothing,
    Document(Vec<Element>),
    Raw(Vec<u8>),
}

impl Answer {
    pub(crate) fn document(status: u16, children: impl IntoIterator<Item = Element>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            content: AnswerContent::Document(children.into_iter().collect()),
        }
    }

    pub(crate) fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            content: AnswerContent::Nothing,
        }
    }

    pub(crate) fn error(error: &ApiError) -> Self {
        Self::document(error.status(), [error.document()])
    }

    /// A page as proxies and web servers write it.
    pub(crate) fn html(status: u16) -> Self {
        let reason = hyper::StatusCode::from_u16(status)
            .ok()
            .and_then(|code| code.canonical_reason())
            .unwrap_or("Error");
        let page = format!(
            "<html>\r\n<head><title>{status} {reason}</title></head>\r\n<body>\r\n<center><h1>{status} {reason}</h1></center>\r\n</body>\r\n</html>\r\n"
        );
        Self::raw(status, "text/html", page.into_bytes())
    }

    pub(crate) fn raw(status: u16, content_type: &str, body: Vec<u8>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            content: AnswerContent::Raw(body),
        }
        .header("Content-Type", content_type)
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds text to whatever a document says in its own words: versions, errors, notes of jobs.
    pub(crate) fn say_more(&mut self, text: &str) {
        fn visit(element: &mut Element, text: &str) {
            match element.name.as_str() {
                "productVersion" | "summary" | "detail" => element.text += text,
                "statusNote" => {
                    let said = element.attributes.iter_mut().find(|(key, _)| key == "text");
                    if let Some((_, said)) = said {
                        *said += text;
                    }
                }
                _ => {}
            }
            for child in &mut element.children {
                visit(child, text);
            }
        }
        if let AnswerContent::Document(children) = &mut self.content {
            for child in children {
                visit(child, text);
            }
        }
    }

    /// Adds a warning to a document.
    pub(crate) fn warn(&mut self, message: &str) {
        if let AnswerContent::Document(children) = &mut self.content {
            let warning = Element::new("warning")
                .with("errorCode", "0")
                .with("message", message);
            children.push(Element::new("warnings").child(warning));
        }
    }

    /// Whether Tableau says it, and nothing in front of it.
    pub(crate) fn is_document(&self) -> bool {
        matches!(self.content, AnswerContent::Document(_))
    }

    /// Writes the body and completes the headers.
    pub(crate) fn render(
        mut self,
        style: XmlStyle,
        version: &str,
    ) -> (u16, Vec<(String, String)>, Vec<u8>) {
        let body = match self.content {
            AnswerContent::Nothing => Vec::new(),
            AnswerContent::Raw(body) => body,
            AnswerContent::Document(children) => {
                self.headers.push((
                    "Content-Type".to_owned(),
                    "application/xml;charset=utf-8".to_owned(),
                ));
                xml::response(&children, style, version).into_bytes()
            }
        };
        (self.status, self.headers, body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_decoded_before_they_are_split() {
        let query = Query::parse("filter=name%3Aeq%3ASales+%26+Ops&pageSize=10&x");
        assert_eq!(query.get("filter"), Some("name:eq:Sales "));
        assert_eq!(query.get("pageSize"), Some("10"));
        assert_eq!(query.get("x"), Some(""));
        assert_eq!(Query::parse("a=1%2B1").get("a"), Some("1+1"));
        assert_eq!(Query::parse("a=True").flag("a"), Ok(true));
        assert_eq!(Query::parse("").flag("a"), Ok(false));
        assert_eq!(Query::parse("a=yes").flag("a").unwrap_err().code, 400_008);
    }

    #[test]
    fn paths_lead_to_operations() {
        for (method, path, expected) in [
            ("GET", "/api/2.4/serverInfo", Operation::ServerInfo),
            ("GET", "/api/2.4/serverinfo/", Operation::ServerInfo),
            (
                "PUT",
                "/api/3.29/sites/s/fileUploads/7720:17-1:0",
                Operation::AppendToFileUpload,
            ),
            (
                "PUT",
                "/api/3.29/sites/s/fileUploads/7720%3A17-1%3A0",
                Operation::AppendToFileUpload,
            ),
            (
                "DELETE",
                "/api/3.29/sites/s/datasources/d/tags/a%2Fb",
                Operation::DeleteTagFromDataSource,
            ),
            ("GET", "/origin/x", Operation::Origin),
            ("GET", "/api/3.29/auth/signin", Operation::Unknown),
            ("GET", "//api/3.29/serverInfo", Operation::Unknown),
        ] {
            assert_eq!(operation(method, path), expected, "{path}");
        }
        let (_, segments) = split("/api/3.29/sites/s/datasources/d/tags/a%2Fb").unwrap();
        assert_eq!(route("DELETE", &segments).unwrap().tag, "a/b");
        assert_eq!(route("PATCH", &segments), Err(NoRoute::WrongMethod));
        assert_eq!(
            route("GET", &["nothing".to_owned()]),
            Err(NoRoute::UnknownResource)
        );
    }
}

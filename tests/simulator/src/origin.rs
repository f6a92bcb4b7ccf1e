//! The other neighbour: serves pages below `/origin/` to whoever fetches data, and records every request.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};

/// An answer of the origin.
#[derive(Clone, Debug)]
pub struct Page {
    status: u16,
    headers: Vec<(String, String)>,
    body: PageBody,
}

#[derive(Clone, Debug)]
enum PageBody {
    Bytes(Vec<u8>),
    File(PathBuf),
}

impl Page {
    /// A page with status 200 and the given content type.
    pub fn new(content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("Content-Type".to_owned(), content_type.to_owned())];
        Self {
            status: 200,
            headers,
            body: PageBody::Bytes(body.into()),
        }
    }

    /// A JSON page.
    pub fn json(body: impl Into<Vec<u8>>) -> Self {
        Self::new("application/json", body)
    }

    /// A CSV page.
    pub fn csv(body: impl Into<Vec<u8>>) -> Self {
        Self::new("text/csv; charset=utf-8", body)
    }

    /// A page read from a file at each request; the content type follows from the extension.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let content_type = match path.extension().and_then(|extension| extension.to_str()) {
            Some("json") => "application/json",
            Some("jsonl" | "ndjson") => "application/x-ndjson",
            Some("csv") => "text/csv; charset=utf-8",
            Some("txt") => "text/plain; charset=utf-8",
            _ => "application/octet-stream",
        };
        Self {
            body: PageBody::File(path),
            ..Self::new(content_type, "")
        }
    }

    /// The same page with another status.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// The same page with a header; a header of that name is replaced.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers
            .retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// A request that reached the origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginRequest {
    /// The method, in upper case.
    pub method: String,
    /// The path without `/origin`, as sent.
    pub path: String,
    /// The query as sent, without `?`.
    pub query: String,
    /// The headers with names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl OriginRequest {
    /// Returns the first query parameter of that name, decoded.
    pub fn param(&self, name: &str) -> Option<String> {
        let pairs = self
            .query
            .split('&')
            .filter_map(|pair| pair.split_once('='));
        let mut values = pairs.filter(|(key, _)| decoded(key) == name);
        values.next().map(|(_, value)| decoded(value))
    }

    /// Returns the first header of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

fn decoded(text: &str) -> String {
    let bytes = text.replace('+', " ");
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) if first == b'%' => {
                decoded.push(byte);
                rest = &after[2..];
            }
            _ => {
                decoded.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// What the wire sends for a page.
pub(crate) struct Served {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Contents,
}

/// A body; a file of any size is read while it is sent.
pub(crate) enum Contents {
    Bytes(Vec<u8>),
    /// With its length.
    File(File, u64),
}

impl Contents {
    pub(crate) fn length(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            Self::File(_, length) => *length,
        }
    }
}

/// The pages and the requests for them.
#[derive(Default)]
pub(crate) struct Origin {
    pages: HashMap<String, Turns>,
    scripts: HashMap<String, Script>,
    pub(crate) requests: Vec<OriginRequest>,
}

/// Answers the requests for one path.
type Script = Box<dyn FnMut(&OriginRequest) -> Page + Send>;

struct Turns {
    pages: Vec<Page>,
    next: usize,
}

impl Origin {
    /// Registers pages that are served in turn; a path may carry a query, which then must match exactly.
    pub(crate) fn serve(&mut self, path: &str, pages: Vec<Page>) {
        let path = format!("/{}", path.trim_start_matches('/'));
        self.pages.insert(path, Turns { pages, next: 0 });
    }

    /// Lets a closure answer whatever is asked at a path.
    pub(crate) fn script(&mut self, path: &str, script: Script) {
        let path = format!("/{}", path.trim_start_matches('/'));
        self.scripts.insert(path, script);
    }

    pub(crate) fn answer(&mut self, request: OriginRequest) -> Served {
        let exact = format!("{}?{}", request.path, request.query);
        let key = if self.pages.contains_key(&exact) {
            exact
        } else {
            request.path.clone()
        };
        let script = self.scripts.get_mut(&request.path);
        let page = script.map(|script| script(&request)).or_else(|| {
            let turns = self.pages.get_mut(&key)?;
            let index = turns.next;
            turns.next = (index + 1) % turns.pages.len().max(1);
            turns.pages.get(index).cloned()
        });
        let not_found =
            |problem: String| Page::new("text/plain; charset=utf-8", problem).status(404);
        let page = page
            .unwrap_or_else(|| not_found(format!("no page `{}` at this origin\n", request.path)));
        self.requests.push(request);
        let Page {
            status,
            headers,
            body,
        } = page;
        let opened = match body {
            PageBody::Bytes(body) => Ok(Contents::Bytes(body)),
            PageBody::File(path) => {
                open(&path).map_err(|error| format!("{}: {error}\n", path.display()))
            }
        };
        match opened {
            Ok(body) => Served {
                status,
                headers,
                body,
            },
            Err(problem) => Served {
                status: 404,
                headers: Vec::new(),
                body: Contents::Bytes(problem.into_bytes()),
            },
        }
    }
}

fn open(path: &Path) -> std::io::Result<Contents> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    Ok(Contents::File(file, length))
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn get(origin: &mut Origin, path: &str, query: &str) -> (u16, String) {
        let served = origin.answer(OriginRequest {
            method: "GET".to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
        });
        let mut body = Vec::new();
        match served.body {
            Contents::Bytes(bytes) => body = bytes,
            Contents::File(mut file, length) => {
                file.read_to_end(&mut body).unwrap();
                assert_eq!(u64::try_from(body.len()).unwrap(), length);
            }
        }
        (served.status, String::from_utf8(body).unwrap())
    }

    #[test]
    fn parameters_are_decoded() {
        let request = OriginRequest {
            method: "GET".to_owned(),
            path: "/".to_owned(),
            query: "a=1&%24b=x%20y+z%&a=2".to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
        };
        assert_eq!(request.param("a").as_deref(), Some("1"));
        assert_eq!(request.param("$b").as_deref(), Some("x y z%"));
        assert_eq!(request.param("c"), None);
    }

    #[test]
    fn pages_are_found_by_path_and_by_query() {
        let mut origin = Origin::default();
        origin.serve("a", vec![Page::json("1")]);
        origin.serve("/a?page=2", vec![Page::json("2").status(206)]);
        origin.serve("/turns", vec![Page::csv("x"), Page::csv("y")]);
        assert_eq!(get(&mut origin, "/a", "page=1"), (200, "1".to_owned()));
        assert_eq!(get(&mut origin, "/a", "page=2"), (206, "2".to_owned()));
        let turns = [(); 3].map(|()| get(&mut origin, "/turns", "").1);
        assert_eq!(turns, ["x", "y", "x"]);
        assert_eq!(get(&mut origin, "/none", "").0, 404);
        let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        origin.serve("/file", vec![Page::file(manifest), Page::file("/none")]);
        let text = std::fs::read_to_string(manifest).unwrap();
        assert_eq!(get(&mut origin, "/file", ""), (200, text));
        assert_eq!(get(&mut origin, "/file", "").0, 404);
        assert_eq!(origin.requests.len(), 8);
    }
}

//! A client just good enough to ask questions with; it forgives nothing and hides nothing.

use std::fmt::Write as _;
use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use tableau_simulator::{Setup, Simulator, Site, TOKEN_NAME, TOKEN_SECRET};

/// The first bytes of every file that pretends to be an extract.
pub(crate) const MAGIC: &[u8] = b"HyPer";

#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Response {
    /// Returns the value of the first attribute of that name.
    pub(crate) fn attribute(&self, name: &str) -> String {
        self.attributes(name)
            .into_iter()
            .next()
            .unwrap_or_else(|| panic!("no {name} in {}", self.body))
    }

    pub(crate) fn attributes(&self, name: &str) -> Vec<String> {
        let pattern = format!(" {name}=\"");
        self.body
            .split(&pattern)
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap().to_owned())
            .collect()
    }

    /// Returns status and error code in one, such as `404005`; 0 if there is no error document.
    pub(crate) fn code(&self) -> u32 {
        if self.body.contains("<error ") {
            self.attribute("code").parse().unwrap()
        } else {
            0
        }
    }
}

/// Sends one request on its own connection.
pub(crate) fn send(
    url: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> io::Result<Response> {
    let mut stream = TcpStream::connect(url.trim_start_matches("http://"))?;
    // So that a test fails and does not hang.
    stream.set_read_timeout(Some(Duration::from_mins(2)))?;
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: simulator\r\nConnection: close\r\n");
    for (name, value) in headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    let chunked = headers.iter().any(|(name, _)| *name == "Transfer-Encoding");
    if !chunked {
        let _ = write!(head, "Content-Length: {}\r\n", body.len());
    }
    stream.write_all((head + "\r\n").as_bytes())?;
    if chunked {
        write!(stream, "{:x}\r\n", body.len())?;
        stream.write_all(body)?;
        stream.write_all(b"\r\n0\r\n\r\n")?;
    } else {
        stream.write_all(body)?;
    }
    receive(stream)
}

/// Reads an answer until the connection is closed.
pub(crate) fn receive(mut stream: TcpStream) -> io::Result<Response> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    let _ = stream.shutdown(Shutdown::Both);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text
        .split_once("\r\n\r\n")
        .ok_or(io::ErrorKind::UnexpectedEof)?;
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Ok(Response {
        status,
        head: head.to_lowercase(),
        body: body.to_owned(),
    })
}

/// A signed-in client.
pub(crate) struct Api {
    pub(crate) url: String,
    pub(crate) token: String,
    pub(crate) site: String,
}

pub(crate) fn credentials(name: &str, secret: &str, site: &str) -> String {
    format!(
        "<tsRequest><credentials personalAccessTokenName=\"{name}\" personalAccessTokenSecret=\"{secret}\"><site contentUrl=\"{site}\" /></credentials></tsRequest>"
    )
}

pub(crate) fn sign_in(simulator: &Simulator) -> Api {
    let document = credentials(TOKEN_NAME, TOKEN_SECRET, "acme");
    let answer = send(
        &simulator.url(),
        "POST",
        "/api/3.29/auth/signin",
        &[],
        document.as_bytes(),
    )
    .unwrap();
    assert_eq!(answer.status, 200, "{}", answer.body);
    Api {
        url: simulator.url(),
        token: answer.attribute("token"),
        site: answer.attribute("id"),
    }
}

/// Starts the sample site with changed settings.
pub(crate) fn launch(change: impl FnOnce(&mut Setup)) -> Simulator {
    let mut setup = Setup::default();
    change(&mut setup);
    Simulator::launch(setup)
}

/// Returns the LUID of a project.
pub(crate) fn project(simulator: &Simulator, path: &[&str]) -> String {
    simulator.site(|site: &mut Site| site.project(path).unwrap().luid.clone())
}

pub(crate) fn datasource(name: &str, project: &str) -> String {
    format!(
        "<tsRequest><datasource name=\"{name}\"><project id=\"{project}\" /></datasource></tsRequest>"
    )
}

/// Builds a multipart body exactly as Tableau's own client does.
pub(crate) fn multipart(parts: &[(&str, &str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, filename, content) in parts {
        let kind = if *name == "request_payload" {
            "text/xml"
        } else {
            "application/octet-stream"
        };
        let head = format!(
            "--b0undary\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{filename}\"\r\nContent-Type: {kind}\r\n\r\n"
        );
        body.extend(head.as_bytes());
        body.extend(*content);
        body.extend(b"\r\n");
    }
    body.extend(b"--b0undary--\r\n");
    body
}

pub(crate) const MULTIPART: (&str, &str) = ("Content-Type", "multipart/mixed; boundary=b0undary");

impl Api {
    /// Calls below the site.
    pub(crate) fn call(&self, method: &str, path: &str, body: &str) -> Response {
        let path = format!("/api/3.29/sites/{}/{path}", self.site);
        send(
            &self.url,
            method,
            &path,
            &[
                ("X-Tableau-Auth", &self.token),
                ("Content-Type", "text/xml"),
            ],
            body.as_bytes(),
        )
        .unwrap()
    }

    pub(crate) fn get(&self, path: &str) -> Response {
        self.call("GET", path, "")
    }

    pub(crate) fn try_send(
        &self,
        method: &str,
        path: &str,
        parts: &[(&str, &str, &[u8])],
    ) -> io::Result<Response> {
        let path = format!("/api/3.29/sites/{}/{path}", self.site);
        send(
            &self.url,
            method,
            &path,
            &[("X-Tableau-Auth", &self.token), MULTIPART],
            &multipart(parts),
        )
    }

    pub(crate) fn initiate(&self) -> String {
        let answer = self.call("POST", "fileUploads", "");
        assert_eq!(answer.status, 201);
        answer.attribute("uploadSessionId")
    }

    pub(crate) fn append(&self, id: &str, bytes: &[u8]) -> io::Result<Response> {
        self.try_send(
            "PUT",
            &format!("fileUploads/{id}"),
            &[
                ("request_payload", "", b""),
                ("tableau_file", "file", bytes),
            ],
        )
    }

    /// Uploads and returns the session id.
    pub(crate) fn upload(&self, bytes: &[u8]) -> String {
        let id = self.initiate();
        assert_eq!(self.append(&id, bytes).unwrap().code(), 0);
        id
    }

    /// Commits an upload session.
    pub(crate) fn commit(&self, id: &str, parameters: &str, document: &str) -> Response {
        let path = format!("datasources?datasourceType=hyper&uploadSessionId={id}&{parameters}");
        self.try_send(
            "POST",
            &path,
            &[("request_payload", "", document.as_bytes())],
        )
        .unwrap()
    }

    /// Publishes in a single request.
    pub(crate) fn publish(&self, parameters: &str, document: &str, bytes: &[u8]) -> Response {
        let parts: [(&str, &str, &[u8]); 2] = [
            ("request_payload", "", document.as_bytes()),
            ("tableau_datasource", "data.hyper", bytes),
        ];
        self.try_send(
            "POST",
            &format!("datasources?datasourceType=hyper&{parameters}"),
            &parts,
        )
        .unwrap()
    }
}

/// A small file that begins like an extract.
pub(crate) fn extract(rest: &str) -> Vec<u8> {
    [MAGIC, rest.as_bytes()].concat()
}

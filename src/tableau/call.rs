//! One call of the REST API: its address, what it carries, and whether it may be repeated.

use std::fmt::Write;
use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use crate::http::{Body, Method, Replay};
use crate::random::random;

/// A part of a file, in bytes.
pub(super) struct FileChunk {
    pub(super) file: Arc<File>,
    pub(super) offset: u64,
    pub(super) length: u64,
    /// Counts the bytes on their way.
    pub(super) sent: Arc<AtomicU64>,
}

/// One call, apart from the token it is made with.
pub(super) struct Call<'c> {
    pub(super) operation: &'static str,
    pub(super) method: Method,
    /// Below `/api/<version>`, and below the site unless `scope` says otherwise.
    pub(super) path: &'c [&'c str],
    pub(super) query: String,
    pub(super) content: Content,
    pub(super) replay: Replay,
    pub(super) scope: CallScope,
}

/// What a call is about.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum CallScope {
    /// The server as a whole.
    Server,
    /// The server, before there is a token; the answer brings one.
    SignIn,
    /// The site signed in to.
    Site,
}

/// What a call carries.
pub(super) enum Content {
    None,
    Xml(Vec<u8>),
    Multipart { boundary: String, body: Body },
}

impl<'c> Call<'c> {
    /// Reads something of the site and may be repeated; other calls start from this.
    pub(super) fn get(operation: &'static str, path: &'c [&'c str]) -> Call<'c> {
        Call {
            operation,
            method: Method::GET,
            path,
            query: String::new(),
            content: Content::None,
            replay: Replay::Safe,
            scope: CallScope::Site,
        }
    }
}

impl Content {
    /// The parts of "Append to File Upload": an empty document and a piece of a file.
    pub(super) fn chunk(chunk: FileChunk) -> Content {
        let boundary = boundary();
        let mut head = payload_part(&boundary, b"");
        let file_part = format!(
            "\r\n--{boundary}\r\nContent-Disposition: form-data; name=\"tableau_file\"; filename=\"file\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        );
        head.extend(file_part.bytes());
        let body = Body::FilePart {
            head: head.into(),
            file: chunk.file,
            offset: chunk.offset,
            length: chunk.length,
            tail: format!("\r\n--{boundary}--\r\n").into(),
            sent: chunk.sent,
        };
        Content::Multipart { boundary, body }
    }

    /// The only part of "Publish Data Source" when the file is in an upload session.
    pub(super) fn payload(document: &[u8]) -> Content {
        let boundary = boundary();
        let mut body = payload_part(&boundary, document);
        body.extend(format!("\r\n--{boundary}--\r\n").bytes());
        Content::Multipart {
            boundary,
            body: Body::Bytes(body.into()),
        }
    }
}

fn payload_part(boundary: &str, document: &[u8]) -> Vec<u8> {
    let head = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"request_payload\"; filename=\"\"\r\n\
         Content-Type: text/xml\r\n\r\n"
    );
    [head.as_bytes(), document].concat()
}

/// Percent-encodes everything but RFC 3986's unreserved characters.
pub(super) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// A random separator of 128 bits, so that it cannot be met in the file.
fn boundary() -> String {
    format!("{:016x}{:016x}", random(), random())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_in_addresses_is_encoded_as_utf_8() {
        assert_eq!(encode("a b+ü/&:~"), "a%20b%2B%C3%BC%2F%26%3A~");
    }

    #[test]
    fn a_chunk_is_framed_to_the_byte() {
        let chunk = FileChunk {
            file: Arc::new(tempfile::tempfile().unwrap()),
            offset: 7,
            length: 3,
            sent: Arc::default(),
        };
        let Content::Multipart { boundary, body } = Content::chunk(chunk) else {
            panic!("multipart")
        };
        let Body::FilePart {
            head,
            offset: 7,
            length: 3,
            tail,
            ..
        } = body
        else {
            panic!("a part of the file")
        };
        let expected = "--B\r\nContent-Disposition: form-data; name=\"request_payload\"; filename=\"\"\r\n\
             Content-Type: text/xml\r\n\r\n\r\n\
             --B\r\nContent-Disposition: form-data; name=\"tableau_file\"; filename=\"file\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n";
        assert_eq!(head, expected.replace('B', &boundary));
        assert_eq!(tail, format!("\r\n--{boundary}--\r\n"));
    }

    #[test]
    fn boundaries_differ() {
        let one = boundary();
        assert_eq!(one.len(), 32);
        assert_ne!(one, boundary());
    }
}

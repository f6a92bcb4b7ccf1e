//! `OData` as far as fetching goes: how its documents begin, and where the types of a service are described.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::{Metadata, StagedFile};
use crate::events::{Event, Observer};
use crate::http::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use crate::http::{self, Body, Client, Method, Request, Url};

/// Bytes of an answer that are looked at for the address of its description.
const LOOKED_AT: u64 = 64 << 10;

/// Descriptions of the largest services have some ten megabytes.
const LARGEST: u64 = 256 << 20;

/// Keys of the root object that only `OData` has.
const CONTEXTS: [&str; 3] = ["@odata.context", "odata.metadata", "@context"];

/// Namespace of what `OData` adds to Atom.
const ATOM_NAMESPACES: [&str; 2] = [
    "http://schemas.microsoft.com/ado/2007/08/dataservices",
    "http://docs.oasis-open.org/odata/ns/",
];

/// Fetches what a service says about its types, once its first answer is there.
///
/// `request` is the one that was answered: address, credentials and headers are used again, never for another origin.
/// Without a description the types are inferred, which is worth a warning and no failure.
pub(super) async fn describe(
    request: &Request,
    file: &StagedFile,
    into: &Path,
    (client, observer): (&Client, &dyn Observer),
) -> Metadata {
    let mut head = Vec::new();
    let read = File::open(&file.path).and_then(|file| file.take(LOOKED_AT).read_to_end(&mut head));
    let addresses = read.map_or_else(|_| Vec::new(), |_| addresses(&request.url, &head));
    let mut requests = 0;
    let mut reason = String::from("its address cannot be told from the source's");
    for url in addresses {
        let mut request = Request {
            operation: "fetch the `$metadata` of the source",
            method: Method::GET,
            url,
            body: Body::Empty,
            ..request.clone()
        };
        request.headers.remove(CONTENT_TYPE);
        request
            .headers
            .insert(ACCEPT, HeaderValue::from_static("application/xml"));
        let shown = http::show(&request.url);
        let answer = client.download(&request, into, LARGEST, observer).await;
        requests += answer.as_ref().map_or(1, |answer| answer.attempts);
        reason = match answer {
            Ok(refusal) if !refusal.is_whole() => {
                format!("`{shown}` answered {}", refusal.status)
            }
            Ok(_) if !is_description(into) => format!("`{shown}` is no description of a service"),
            Ok(_) => {
                observer.on(Event::Note(format!("types are described by {shown}")));
                return Metadata {
                    origin: file.origin.clone(),
                    path: Some(into.to_owned()),
                    requests,
                };
            }
            Err(error) => error.to_string(),
        };
    }
    observer.on(Event::Warning(format!(
        "the OData source does not describe its types, so they are inferred from the values: {reason}; declare those that matter in `columns`"
    )));
    Metadata {
        origin: file.origin.clone(),
        path: None,
        requests,
    }
}

/// Returns where the description of an answer may be, likeliest first; all of one origin.
fn addresses(source: &Url, head: &[u8]) -> Vec<Url> {
    let named = context(head).and_then(|context| source.join(&context).ok());
    let mut addresses: Vec<Url> = Vec::new();
    for mut url in named.into_iter().chain(beside(source)) {
        url.set_fragment(None);
        url.set_query(None);
        // Which client or tenant is asked for may be in the query; what is asked of the data is not for here.
        let kept: Vec<(String, String)> = source
            .query_pairs()
            .filter(|(name, _)| !name.starts_with('$'))
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        if !kept.is_empty() {
            url.query_pairs_mut().extend_pairs(kept);
        }
        if url.origin() == source.origin() && !addresses.contains(&url) {
            addresses.push(url);
        }
    }
    addresses
}

/// Beside the entity set: behind `….svc`, or in place of the first segment with a key, or of the last.
fn beside(source: &Url) -> Option<Url> {
    let segments: Vec<&str> = source
        .path_segments()?
        .filter(|segment| !segment.is_empty())
        .collect();
    let service = segments
        .iter()
        .position(|segment| segment.to_ascii_lowercase().ends_with(".svc"))
        .map(|at| at + 1);
    let with_key = || segments.iter().position(|segment| segment.contains('('));
    let length = service
        .or_else(with_key)
        .unwrap_or(segments.len().saturating_sub(1));
    let mut url = source.clone();
    url.set_path(&format!(
        "/{}",
        [&segments[..length], &["$metadata"]].concat().join("/")
    ));
    Some(url)
}

fn is_description(path: &Path) -> bool {
    let mut head = Vec::new();
    let read = File::open(path).and_then(|file| file.take(4096).read_to_end(&mut head));
    let head = String::from_utf8_lossy(&head);
    read.is_ok() && (head.contains("Edmx") || head.contains("<Schema"))
}

/// Returns whether a JSON text, which may be cut off, is an `OData` envelope.
pub(super) fn is_json(text: &[u8]) -> bool {
    context(text).is_some() || is_version_2(text)
}

/// Returns whether an XML text begins as a feed or entry of `OData`.
pub(super) fn is_atom(text: &[u8]) -> bool {
    let head = String::from_utf8_lossy(&text[..text.len().min(4096)]);
    let has_root = ["feed", "entry"]
        .iter()
        .any(|name| head.contains(&format!("<{name}")) || head.contains(&format!(":{name}")));
    has_root
        && ATOM_NAMESPACES
            .iter()
            .any(|namespace| head.contains(namespace))
}

/// Returns the address of the description of an answer, with what it describes behind `#`.
fn context(text: &[u8]) -> Option<String> {
    let mut found = None;
    for (key, value) in root_members(text) {
        if CONTEXTS.contains(&key.as_str()) {
            let value: String = serde_json::from_slice(value).ok()?;
            // JSON-LD calls its vocabulary `@context` as well.
            if value.contains("$metadata") {
                found = Some(value);
                break;
            }
        }
    }
    found
}

/// Version 2 wraps everything in `d`, and every entity says what it is.
fn is_version_2(text: &[u8]) -> bool {
    let Some((key, value)) = root_members(text).next() else {
        return false;
    };
    key == "d"
        && value
            .windows(b"\"__metadata\"".len())
            .any(|window| window == b"\"__metadata\"")
}

/// Goes through the members of a root object as far as the text reaches.
///
/// The text of a value that is cut off is what there is of it.
fn root_members(text: &[u8]) -> impl Iterator<Item = (String, &[u8])> {
    let mut rest = text.trim_ascii_start().strip_prefix(b"{").unwrap_or(b"");
    std::iter::from_fn(move || {
        rest = rest.trim_ascii_start();
        let (key, after) = token(rest);
        let key: String = serde_json::from_slice(key).ok()?;
        let after = after
            .trim_ascii_start()
            .strip_prefix(b":")?
            .trim_ascii_start();
        let (value, after) = token(after);
        let after = after.trim_ascii_start();
        rest = after.strip_prefix(b",").unwrap_or(b"");
        Some((key, value))
    })
}

/// Splits off the first JSON value; it may be cut off.
fn token(text: &[u8]) -> (&[u8], &[u8]) {
    let (mut depth, mut in_string, mut is_escaped) = (0_usize, false, false);
    for (at, &byte) in text.iter().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_string => is_escaped = true,
            b'"' => {
                in_string = !in_string;
                if !in_string && depth == 0 {
                    return text.split_at(at + 1);
                }
            }
            _ if in_string => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth <= 1 => return text.split_at((at + depth).min(text.len())),
            b'}' | b']' => depth -= 1,
            b',' if depth == 0 => return text.split_at(at),
            _ => {}
        }
    }
    (text, &[])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_are_beside_the_data_and_of_the_same_origin() {
        let told = |source: &str, context: &str| -> Vec<String> {
            let head = format!(r#"{{"@odata.context":"{context}","value":["#);
            let addresses = addresses(&Url::parse(source).unwrap(), head.as_bytes());
            addresses.iter().map(Url::to_string).collect()
        };
        assert_eq!(
            told(
                "https://x/V4/N.svc/Orders?$top=1",
                "https://x/V4/N.svc/$metadata#Orders"
            ),
            ["https://x/V4/N.svc/$metadata"]
        );
        assert_eq!(
            told(
                "https://x/odata/Orders?sap-client=100&$top=5",
                "$metadata#Orders"
            ),
            ["https://x/odata/$metadata?sap-client=100"]
        );
        assert_eq!(
            told(
                "https://x/V4/N.svc/Orders(1)/Items",
                "http://inside:8080/N.svc/$metadata#Items"
            ),
            ["https://x/V4/N.svc/$metadata"]
        );
        assert_eq!(
            told("https://x/api/Orders(1)/Items", "")[..],
            ["https://x/api/$metadata"]
        );
        assert_eq!(told("https://x/Orders", "")[..], ["https://x/$metadata"]);
    }

    #[test]
    fn envelopes_are_recognised() {
        for (text, expected) in [
            (
                r#"{"@odata.context":"https://x/$metadata#O","value":[{"#,
                true,
            ),
            (
                r#"{"value":[{"a":"}]"}],"@odata.context":"$metadata#O"}"#,
                true,
            ),
            (r#"{"odata.metadata":"https://x/$metadata#O"}"#, true),
            (r#"{"@context":"https://schema.org"}"#, false),
            (r#"{"d":{"results":[{"__metadata":{"uri":"x"}"#, true),
            (r#"{"d":[{"__metadata":{}}]}"#, true),
            (r#"{"d":[{"a":1}]}"#, false),
            (r#"{"value":[{"@odata.context":"$metadata"}]}"#, false),
            ("{", false),
            ("[1]", false),
            ("", false),
            ("}", false),
        ] {
            assert_eq!(is_json(text.as_bytes()), expected, "{text}");
        }
    }
}

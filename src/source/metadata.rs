//! Where an `OData` service describes its types: the `$metadata` document is found and fetched.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::detect::odata::context;
use super::staged::{Metadata, StagedFile};
use crate::events::{Event, Observer};
use crate::http::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use crate::http::{self, Body, Client, Method, Request, Url};

/// Bytes of an answer that are looked at for the address of its description.
const LOOKED_AT: u64 = 64 << 10;

/// Descriptions of the largest services have some ten megabytes.
const LARGEST: u64 = 256 << 20;

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
}

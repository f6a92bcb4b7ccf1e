//! Puts values where a request has parameters: query, headers, JSON body, GraphQL variables.

use bytes::Bytes;

use super::graphql::Query;
use super::json_body;
use super::paging::{Param, plain};
use crate::http::header::HeaderValue;
use crate::http::{Body, Request, Url};

/// Puts a JSON value where a parameter goes; the error never shows it.
pub(super) fn put(
    request: &mut Request,
    param: &Param,
    json: &str,
    query: Option<&Query>,
) -> Result<(), String> {
    let text = || plain(json).ok_or("it is an object or array");
    match (param, query) {
        (Param::Query(name), None) => put_query(&mut request.url, name, &text()?),
        (Param::Query(name), Some(query)) => {
            put_body(request, |body| query.put(body, name, json))?;
        }
        (Param::Header(name), _) => {
            let mut value = HeaderValue::from_str(&text()?)
                .map_err(|_| "it holds a character no header can carry")?;
            value.set_sensitive(true);
            request.headers.insert(name, value);
        }
        (Param::Body(pointer), _) => {
            put_body(request, |body| json_body::put(body, &pointer.keys, json))?;
        }
    }
    Ok(())
}

/// Replaces a query parameter; the spelling of the others stays, since some servers read `+` as a plus.
fn put_query(url: &mut Url, name: &str, value: &str) {
    let is_other = |pair: &&str| {
        let mut probe = url.clone();
        probe.set_query(Some(pair));
        !probe.query_pairs().any(|(other, _)| other == name)
    };
    let others: Vec<&str> = url
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty())
        .filter(is_other)
        .collect();
    let others = others.join("&");
    url.set_query(
        Some(&others)
            .filter(|text| !text.is_empty())
            .map(String::as_str),
    );
    url.query_pairs_mut().append_pair(name, value);
}

fn put_body(
    request: &mut Request,
    put: impl Fn(&str) -> Result<String, String>,
) -> Result<(), String> {
    let Body::Bytes(bytes) = &request.body else {
        return Err("the request has no body".into());
    };
    let text = std::str::from_utf8(bytes).map_err(|_| "the body is no text")?;
    request.body = Body::Bytes(Bytes::from(put(text)?));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_parameter_is_replaced_and_the_others_stay_as_written() {
        let put = |url: &str, name: &str, value: &str| {
            let mut url = Url::parse(url).unwrap();
            put_query(&mut url, name, value);
            url.query().unwrap().to_owned()
        };
        assert_eq!(put("http://a/x", "page", "1"), "page=1");
        assert_eq!(
            put("http://a/x?$filter=a%20eq%201&page=1&b", "page", "2"),
            "$filter=a%20eq%201&b&page=2"
        );
        assert_eq!(
            put("http://a/x?p%61ge=1", "page", "a&b=c"),
            "page=a%26b%3Dc"
        );
    }
}

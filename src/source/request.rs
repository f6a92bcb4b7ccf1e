//! How a source is asked, and what is made of its answer: data, or a refusal with what to do about it.

use std::path::Path;

use anyhow::Result;
use bytes::Bytes;

use super::charset::{self, Charset};
use super::detect;
use super::format::Format;
use super::graphql::Query;
use super::spec::Spec;
use super::staged::StagedFile;
use super::unpack;
use crate::http::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use crate::http::{self, Answer, Body, Hosts, Method, Redirects, Replay, Request, StatusCode, Url};
use crate::problem::Problem;

/// Takes a downloaded file for data, if the answer is a success; unpacks it if it is packed.
pub(super) fn accept(
    answer: &Answer,
    spec: &Spec,
    (into, origin): (&Path, String),
) -> Result<StagedFile> {
    if !answer.is_whole() {
        return Err(refused(answer, spec).into());
    }
    if answer.length == 0 && matches!(answer.status.as_u16(), 204 | 205) {
        let problem = format!(
            "the source `{}` answered {}, an empty answer where rows were expected",
            http::show(&answer.url),
            answer.status
        );
        return Err(Problem::new(problem)
            .hint("check `source` and `params`: what they ask for has no content")
            .into());
    }
    let unpacked = into.with_extension("unpacked");
    let is_packed = unpack::unpack(into, &unpacked, spec.http.max_body, &origin)?;
    let path = if is_packed {
        // Its place on the disk may be needed; if it stays, no harm is done.
        let _ = std::fs::remove_file(into);
        unpacked
    } else {
        into.to_owned()
    };
    let content_type = answer
        .headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let format = detect::detect(
        &path,
        &detect::Clues {
            given: spec.format,
            content_type,
            name: unpack::inner_name(answer.url.path()),
            origin: &origin,
        },
    )?;
    if spec.charset == Charset::Heeded
        && matches!(format, Format::Csv | Format::Tsv)
        && let Some(content_type) = content_type
    {
        charset::check(&path, content_type, &origin)?;
    }
    Ok(StagedFile {
        bytes: path.metadata().map_or(answer.length, |file| file.len()),
        path,
        format,
        origin,
        rows_at: None,
    })
}

/// Returns the first request for an address, without what `paginate` and `auth` add to it.
pub(super) fn ask(spec: &Spec, url: &Url) -> Request {
    let mut headers = spec.headers.clone();
    // A request that carries nothing of the user's may be sent wherever the server points.
    let body = spec
        .query
        .as_ref()
        .map(Query::body)
        .or_else(|| spec.body.clone());
    // What is named for another source may be no business of this one's server.
    let named = Hosts::of([url]).and(&spec.http.allow);
    let redirects = if headers.is_empty() && spec.auth.is_none() && body.is_none() {
        Redirects::Anywhere(named.clone())
    } else {
        Redirects::Allowed(spec.http.allow.clone())
    };
    headers.entry(ACCEPT).or_insert(HeaderValue::from_static(
        "application/json, text/csv;q=0.9, */*;q=0.5",
    ));
    let (method, body) = match body {
        None => (Method::GET, Body::Empty),
        Some(body) => {
            if serde_json::from_str::<serde::de::IgnoredAny>(&body).is_ok() {
                headers
                    .entry(CONTENT_TYPE)
                    .or_insert(HeaderValue::from_static("application/json"));
            }
            (Method::POST, Body::Bytes(Bytes::from(body)))
        }
    };
    Request {
        operation: "fetch the source",
        method,
        url: url.clone(),
        headers,
        body,
        // A POST is a read here: it carries a query.
        replay: Replay::Safe,
        redirects,
        named,
        timeout: spec.http.timeout,
    }
}

fn refused(answer: &Answer, spec: &Spec) -> Problem {
    let mut problem = format!(
        "the source `{}` answered {}",
        http::show(&answer.url),
        answer.status
    );
    if answer.attempts > 1 {
        problem += &format!(" after {} attempts", answer.attempts);
    }
    let words = http::excerpt(&answer.body);
    if !words.is_empty() {
        problem += &format!(": {words}");
    }
    let has_credentials = spec.auth.is_some() || !spec.headers.is_empty();
    let hint = match answer.status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN if has_credentials => {
            "check the credentials in `auth` or `headers`: are they complete, not expired, and allowed to read this?"
        }
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            "the source wants credentials: set `auth` or `headers`"
        }
        StatusCode::NOT_FOUND | StatusCode::GONE => {
            "check the address in `source` and the `params`"
        }
        StatusCode::METHOD_NOT_ALLOWED => {
            "the address takes another method: `body` makes the request a POST"
        }
        StatusCode::TOO_MANY_REQUESTS => {
            "the source limits how often it may be asked: run the workflow less often"
        }
        StatusCode::ACCEPTED => {
            "the source has not made the data yet: run the workflow later, or raise `http: retries=`"
        }
        StatusCode::PARTIAL_CONTENT | StatusCode::IM_USED => {
            "the source sent a part where all of the data was asked for: take `Range` and `A-IM` out of `headers`, or ask those who run it"
        }
        status if status.is_server_error() => {
            "the source itself failed: try again later, or ask those who run it"
        }
        _ => "check `source`, `params`, `headers` and `body` against the source's documentation",
    };
    let hint = match answer.retry_after {
        Some(wait) => http::come_back(wait),
        None => hint.to_owned(),
    };
    Problem::new(problem).hint(hint)
}

/// Names of the query parameters; the values may be secret.
pub(super) fn show_parameters(url: &Url) -> String {
    let names: Vec<String> = url
        .query_pairs()
        .map(|(name, _)| name.into_owned())
        .collect();
    match names.as_slice() {
        [] => String::new(),
        names => format!(" with {}", names.join(", ")),
    }
}

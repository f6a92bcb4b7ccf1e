//! What an answer comes to: Tableau's document, or a failure that says why there is none.

use std::fmt::Write;

use super::call::{Call, CallScope};
use super::error::ApiError;
use super::failure::CallFailure;
use super::xml::Element;
use crate::http::{self, StatusCode, Url};
use crate::secrets;

/// Characters of what Tableau says that are shown.
const QUOTED: usize = 2_000;

/// Turns an answer into its document; an `error` in it counts whatever the status says.
pub(super) fn judge(
    call: &Call<'_>,
    url: &Url,
    answer: &http::Answer,
) -> Result<Element, CallFailure> {
    let document = Element::parse(&answer.body).ok().filter(Element::is_answer);
    let error = document
        .as_ref()
        .and_then(|document| document.child("error"));
    let is_done = answer.status.is_success() && error.is_none();
    match document {
        Some(document) if is_done => return Ok(document),
        None if answer.status == StatusCode::NO_CONTENT => return Ok(Element::default()),
        _ => {}
    }
    let text = |name| {
        let said = error.and_then(|error| error.text_of(name));
        shorten(said.unwrap_or_default())
    };
    let (summary, detail) = match error {
        Some(_) => (text("summary"), text("detail")),
        // It may hold a token that nobody could find to mask it.
        None if call.scope == CallScope::SignIn && answer.status.is_success() => {
            (String::new(), "no document that can be read".to_owned())
        }
        None => (String::new(), http::excerpt(&answer.body)),
    };
    let error = ApiError {
        status: answer.status.as_u16(),
        code: error
            .and_then(|error| error.attribute("code"))
            .map(|code| code.trim().to_owned()),
        summary,
        detail,
        operation: call.operation,
        retry_after: answer.retry_after,
    };
    let mut call = format!("failed to {} at `{}`", call.operation, http::show(url));
    if answer.attempts > 1 {
        let seconds = answer.elapsed.as_secs_f32();
        let _ = write!(call, " after {} attempts in {seconds:.1}s", answer.attempts);
    }
    Err(CallFailure::refused(call, error))
}

/// A success that lacks what the call was for.
pub(super) fn unusable(call: &Call<'_>, url: &Url, detail: &str) -> CallFailure {
    let error = ApiError {
        status: 200,
        code: None,
        summary: String::new(),
        detail: detail.to_owned(),
        operation: call.operation,
        retry_after: None,
    };
    let call = format!("failed to {} at `{}`", call.operation, http::show(url));
    CallFailure::refused(call, error)
}

/// Tableau's words are shown as they are, without secrets; a flood of them is not.
///
/// Proxies are known to repeat requests in their error pages.
pub(super) fn shorten(text: &str) -> String {
    secrets::quote(text, QUOTED)
}

//! Finds out where the server is and what it speaks.

use super::answers::{ApiVersion, ServerInfo};
use super::call::{Call, CallScope};
use super::context::PublishContext;
use super::destination::Destination;
use super::failure::CallFailure;
use super::reply;
use super::session::Session;
use crate::http::Url;
use crate::problem::Problem;

/// The first release with personal access tokens (Tableau 2019.4).
const OLDEST: ApiVersion = ApiVersion(3, 6);
/// The newest release this client was written for; servers keep speaking older ones.
const NEWEST: ApiVersion = ApiVersion(3, 29);

/// Server Info: finds out where the server is and what it speaks.
pub(super) async fn open<'a>(
    to: &'a Destination,
    context: &PublishContext<'a>,
) -> anyhow::Result<(Session<'a>, ServerInfo)> {
    let mut session = Session::new(to, context);
    let call = Call {
        scope: CallScope::Server,
        ..Call::get("ask for the server's version", &["serverInfo"])
    };
    let request = session.request(&call);
    let answer = context.http.exchange(&request, context.observer).await;
    let answer = answer.map_err(CallFailure::Unanswered)?;
    // What it is redirected to decides no more than whether to speak https.
    let url = Url::parse(&answer.url.origin().ascii_serialization())?;
    let info = reply::judge(&call, &request.url, &answer).and_then(|answer| {
        ServerInfo::read(&answer)
            .ok_or_else(|| session.unusable(&call, "`restApiVersion` is missing"))
    });
    let info = info.map_err(|failure| no_server(&url, failure))?;
    session.version = info.rest_api.min(NEWEST);
    session.base = url;
    if session.version < OLDEST {
        return Err(Problem::new(format!(
            "the server is Tableau {} with REST API {}, and personal access tokens came with {OLDEST} (2019.4)",
            info.product, info.rest_api
        ))
        .hint("update the server, or give another `server-url`")
        .into());
    }
    Ok((session, info))
}

fn no_server(url: &Url, failure: CallFailure) -> anyhow::Error {
    let is_foreign = failure.code().is_none()
        && failure
            .status()
            .is_some_and(|status| status < 500 && status != 429);
    let host = url.origin().ascii_serialization();
    let message = if is_foreign {
        format!("`{host}` is not a Tableau server, or something stands in front of it")
    } else if matches!(failure.code(), Some("404001" | "404003")) {
        format!(
            "`{host}` does not tell its version; personal access tokens need Tableau 2019.4 or later"
        )
    } else {
        return failure.into();
    };
    Problem::new(message)
        .hint("check `server-url`: the address of a Tableau Server, or of the Tableau Cloud pod the site lives on")
        .because(failure)
        .into()
}

//! A conversation with Tableau: who is signed in, how a call gets there, and what becomes of a session that ends.
//!
//! A session answers every call refused with 401002 by signing in again, if need be in turn with another run.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use bytes::Bytes;
use jiff::Timestamp;
use secrecy::SecretString;

use super::answers::ApiVersion;
use super::backoff::spread;
use super::call::{Call, CallScope, Content};
use super::context::{Pace, PublishContext};
use super::destination::Destination;
use super::failure::CallFailure;
use super::names::Luid;
use super::reply::{self, shorten};
use super::requests;
use super::xml::Element;
use crate::events::{Event, Observer};
use crate::http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use crate::http::{self, Body, Hosts, Method, Redirects, Replay, Request, Url};
use crate::secrets;

/// The oldest version that tells about the server; every server still knows it.
const COMMON: ApiVersion = ApiVersion(2, 4);
/// The slowest upload that is waited for, in bytes a second.
const SLOWEST: u64 = 64 << 10;
/// Warnings of Tableau that are passed on.
const WARNINGS: usize = 20;
/// A token displaced sooner than this after being renewed did not run out: someone else uses it.
const DISPLACED: Duration = Duration::from_mins(30);
/// Sign-ins in the place of a displaced session before this run gives way for good.
const RENEWALS: u32 = 50;
/// The longest mean of a wait for another run with the same token.
const LONGEST_TURN: Duration = Duration::from_mins(5);

/// A conversation with one server as one user on one site.
pub(super) struct Session<'a> {
    pub(super) to: &'a Destination,
    pub(super) pace: &'a Pace,
    pub(super) observer: &'a dyn Observer,
    http: &'a http::Client,
    /// Scheme, host and port: those of `server-url`, or https on its host if http was redirected there.
    pub(super) base: Url,
    pub(super) version: ApiVersion,
    credentials: Option<Credentials>,
    /// The latest time at which Tableau has dated an answer.
    pub(super) clock: Option<Timestamp>,
    /// When `clock` was first seen as it is.
    pub(super) ticked: Instant,
    /// Bytes of Tableau's answers.
    pub(super) received: u64,
    /// When the token was last replaced during the session.
    renewed: Option<Instant>,
    /// Since when another run keeps taking the token, and the waits for it so far.
    displaced: Option<(Instant, u32)>,
    /// Warnings of Tableau that were passed on.
    warnings: HashSet<String>,
    /// How often the token was replaced during the session.
    pub(super) n_renewals: u32,
}

/// What a sign-in brings; valid until the same token signs in elsewhere.
struct Credentials {
    /// Marked sensitive.
    header: HeaderValue,
    site: Luid,
}

impl<'a> Session<'a> {
    /// Begins a conversation in which nobody is signed in yet.
    pub(super) fn new(to: &'a Destination, context: &PublishContext<'a>) -> Session<'a> {
        Session {
            to,
            pace: context.pace,
            observer: context.observer,
            http: context.http,
            base: to.server.clone(),
            version: COMMON,
            credentials: None,
            clock: None,
            ticked: Instant::now(),
            received: 0,
            renewed: None,
            displaced: None,
            warnings: HashSet::new(),
            n_renewals: 0,
        }
    }

    /// Sign In; ends any other session of the same token.
    pub(super) async fn sign_in(&mut self) -> Result<Luid, CallFailure> {
        let call = Call {
            method: Method::POST,
            content: Content::Xml(requests::sign_in(&self.to.token, &self.to.site)),
            scope: CallScope::SignIn,
            ..Call::get("sign in to Tableau", &["auth", "signin"])
        };
        let answer = self
            .call_once(&call)
            .await
            .map_err(|failure| match failure.code() {
                Some("401001") => failure.meaning(format!(
                    "the token is wrong, expired or revoked, or this server has no {}{}",
                    self.to.site_name(),
                    if self.to.token.secret.has_usual_form() {
                        ""
                    } else {
                        "; what stands in `pat-secret` does not have the form of a secret, which is `…==:…`"
                    }
                )),
                _ => failure,
            })?;
        let credentials = answer.child("credentials");
        let token = credentials.and_then(|found| found.attribute("token"));
        let site = credentials.and_then(|found| found.child("site")?.attribute("id"));
        let header = token.and_then(|token| HeaderValue::from_str(token).ok());
        let (Some(token), Some(mut header), Some(site)) =
            (token, header, site.and_then(Luid::from_server))
        else {
            return Err(self.unusable(&call, "the token or the site is missing"));
        };
        let token = SecretString::from(token);
        secrets::keep(&token);
        header.set_sensitive(true);
        self.credentials = Some(Credentials {
            header,
            site: site.clone(),
        });
        self.observer.on(Event::Secret(token));
        Ok(site)
    }

    /// Sign Out; what happens to it makes no difference any more.
    pub(super) async fn sign_out(mut self, limit: Duration) {
        let call = Call {
            method: Method::POST,
            replay: Replay::Never,
            scope: CallScope::Server,
            ..Call::get("sign out of Tableau", &["auth", "signout"])
        };
        if self.credentials.is_some() {
            self.observer = &|_: Event| {};
            let _ = tokio::time::timeout(limit, self.call_once(&call)).await;
        }
    }

    /// Makes a call, and again after a new sign-in, or once where somebody else has answered.
    ///
    /// A call refused with 401002 has done nothing, so it may be repeated whatever it is for.
    /// Tableau has answered before, so a page with status 200 in its place is an accident in between.
    pub(super) async fn call(&mut self, call: &Call<'_>) -> Result<Element, CallFailure> {
        let mut outcome = self.call_once(call).await;
        if let Err(failure) = &outcome
            && failure.is_foreign()
            && call.replay == Replay::Safe
        {
            let text = format!("asking again: {failure}");
            self.observer.on(Event::Note(text));
            tokio::time::sleep(self.pace.first_wait.saturating_mul(20)).await;
            outcome = self.call_once(call).await;
        }
        loop {
            match outcome {
                Err(failure) if failure.code() == Some("401002") => {
                    self.renew(failure).await?;
                    outcome = self.call_once(call).await;
                }
                outcome => return outcome,
            }
        }
    }

    /// Signs in again: at once if the session may just have run out, else when another run has had its turn.
    async fn renew(&mut self, refusal: CallFailure) -> Result<(), CallFailure> {
        let is_displaced = self
            .renewed
            .is_some_and(|renewed| renewed.elapsed() < DISPLACED);
        if is_displaced {
            self.give_way(refusal).await?;
        } else {
            self.displaced = None;
            self.observer.on(Event::Warning(
                "Tableau ended this run's session (401002); signing in again. Another run may be using the same token"
                    .into(),
            ));
        }
        self.sign_in().await?;
        self.renewed = Some(Instant::now());
        self.n_renewals += 1;
        Ok(())
    }

    /// Waits for another run with the same token to get on or to end, `wait` at most in all.
    ///
    /// Two runs that sign in whenever they are displaced would only displace each other. Waits that double, and
    /// differ by chance, give each of them longer and longer turns.
    async fn give_way(&mut self, refusal: CallFailure) -> Result<(), CallFailure> {
        let (since, n_waits) = self.displaced.unwrap_or((Instant::now(), 0));
        let left = self.to.wait.saturating_sub(since.elapsed());
        if left.is_zero() || n_waits + 1 >= RENEWALS {
            return Err(refusal.meaning(
                "another run signs in with the same personal access token and ends this one's session",
            ));
        }
        self.displaced = Some((since, n_waits + 1));
        let first = self.pace.first_wait.saturating_mul(20);
        let mean = first.saturating_mul(2u32.saturating_pow(n_waits));
        let wait = spread(mean.min(LONGEST_TURN), 50).min(left);
        self.observer.on(Event::Note(format!(
            "another run uses the same token; leaving it to that one for {:.1} s",
            wait.as_secs_f32()
        )));
        tokio::time::sleep(wait).await;
        Ok(())
    }

    /// Makes a call and judges the answer, whatever it says.
    async fn call_once(&mut self, call: &Call<'_>) -> Result<Element, CallFailure> {
        let request = self.request(call);
        let answer = self.http.exchange(&request, self.observer).await;
        let answer = answer.map_err(CallFailure::Unanswered)?;
        self.received += answer.length;
        let date = answer.date();
        let answer = reply::judge(call, &request.url, &answer)?;
        if answer.is_answer() {
            let date = date.and_then(|date| Timestamp::try_from(date).ok());
            // Caches repeat old dates.
            if date > self.clock {
                self.clock = date;
                self.ticked = Instant::now();
            }
        }
        self.pass_on_warnings(&answer);
        Ok(answer)
    }

    /// Passes on what Tableau warns of: each warning once, and not too many of them.
    fn pass_on_warnings(&mut self, answer: &Element) {
        for warning in answer
            .child("warnings")
            .iter()
            .flat_map(|warnings| warnings.all("warning"))
        {
            let message = warning.attribute("message").unwrap_or_default();
            let message = shorten(message);
            if message.is_empty()
                || self.warnings.len() > WARNINGS
                || !self.warnings.insert(message.clone())
            {
                continue;
            }
            let text = if self.warnings.len() > WARNINGS {
                "further warnings of Tableau are not shown".to_owned()
            } else {
                format!("Tableau warns: {message}")
            };
            self.observer.on(Event::Warning(text));
        }
    }

    /// Addresses a call and signs it with the token, if there is one.
    pub(super) fn request(&self, call: &Call<'_>) -> Request {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/xml"));
        if let (CallScope::Server | CallScope::Site, Some(credentials)) =
            (call.scope, &self.credentials)
        {
            headers.insert("x-tableau-auth", credentials.header.clone());
        }
        let mut timeout = self.pace.answer_limit;
        let body = match &call.content {
            Content::None => Body::Empty,
            Content::Xml(document) => {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/xml"));
                Body::Bytes(Bytes::copy_from_slice(document))
            }
            Content::Multipart { boundary, body } => {
                let content_type =
                    HeaderValue::from_str(&format!("multipart/mixed; boundary={boundary}"))
                        .expect("a boundary is hexadecimal");
                headers.insert(CONTENT_TYPE, content_type);
                if let Body::FilePart { length, .. } = body {
                    timeout = timeout.saturating_add(Duration::from_secs(length / SLOWEST));
                }
                body.clone()
            }
        };
        Request {
            operation: call.operation,
            method: call.method.clone(),
            url: self.url(call),
            headers,
            body,
            replay: call.replay,
            redirects: Redirects::SameOrigin,
            named: Hosts::of([&self.base]),
            timeout,
        }
    }

    fn url(&self, call: &Call<'_>) -> Url {
        let mut url = self.base.clone();
        url.set_fragment(None);
        url.set_query((!call.query.is_empty()).then_some(call.query.as_str()));
        let mut path = url.path_segments_mut().expect("a web address has a path");
        path.clear().extend(["api", &self.version.to_string()]);
        if let (CallScope::Site, Some(credentials)) = (call.scope, &self.credentials) {
            path.extend(["sites", credentials.site.as_str()]);
        }
        path.extend(call.path);
        drop(path);
        url
    }

    /// A success that lacks what the call was for.
    pub(super) fn unusable(&self, call: &Call<'_>, detail: &str) -> CallFailure {
        reply::unusable(call, &self.url(call), detail)
    }
}

//! Who we are to the source: fixed credentials, or tokens that are fetched and run out.

use std::fmt;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use base64::Engine;
use bytes::Bytes;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::value::RawValue;
use url::form_urlencoded;

use crate::events::{Event, Observer};
use crate::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use crate::http::{
    self, Answer, Body, Client, ErrorKind, Hosts, HttpOptions, Method, Redirects, Replay, Request,
    StatusCode, Url,
};
use crate::problem::Problem;
use crate::secrets;

/// A token is renewed this long before it runs out: a page may take as long to come.
const MARGIN: Duration = Duration::from_mins(1);

/// Credentials for the source.
#[derive(Clone, Debug)]
pub enum Auth {
    /// RFC 6750.
    Bearer(SecretString),
    /// RFC 7617; the secret is `USER:PASSWORD`.
    Basic(SecretString),
    /// RFC 6749, 4.4.
    OAuth2(ClientCredentials),
}

/// What a token endpoint wants to know.
#[derive(Clone, Debug)]
pub struct ClientCredentials {
    /// The token endpoint.
    pub token_url: Url,
    /// Who we are.
    pub client_id: String,
    /// What proves it.
    pub client_secret: SecretString,
    /// What we want to do; empty leaves it to the endpoint.
    pub scope: String,
    /// Further fields of the token request, such as `audience`.
    pub form: Vec<(String, SecretString)>,
}

/// The credentials in use: all requests of a run share one, and with it the token.
pub struct Authorizer<'a> {
    auth: Option<&'a Auth>,
    options: &'a HttpOptions,
    state: Mutex<TokenState>,
}

#[derive(Default)]
struct TokenState {
    token: Option<AccessToken>,
    style: ClientAuthentication,
}

struct AccessToken {
    secret: SecretString,
    renew_at: Option<Instant>,
}

/// Where the client's secret goes in the token request.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum ClientAuthentication {
    /// `client_secret_basic`, which every endpoint must know (RFC 6749, 2.3.1).
    #[default]
    Header,
    /// `client_secret_post`, which is all that some know.
    Form,
}

/// What a token endpoint may say, success or not.
#[derive(Default, Deserialize)]
struct Grant {
    access_token: Option<String>,
    // A number, and a string at some. As it is written: a number beyond a double's range would spoil the rest.
    expires_in: Option<Box<RawValue>>,
    error: Option<serde_json::Value>,
    error_description: Option<String>,
}

impl fmt::Debug for Authorizer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorizer").finish_non_exhaustive()
    }
}

impl ClientCredentials {
    /// What stands behind `Basic`: id and secret are encoded as in a form (RFC 6749, 2.3.1).
    fn pair(&self) -> String {
        let encode =
            |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let secret = encode(self.client_secret.expose_secret());
        encode_base64(&format!("{}:{secret}", encode(&self.client_id)))
    }

    fn request(&self, style: ClientAuthentication, timeout: Duration) -> Result<Request> {
        let mut form = form_urlencoded::Serializer::new(String::new());
        if !self.form.iter().any(|(name, _)| name == "grant_type") {
            form.append_pair("grant_type", "client_credentials");
        }
        if !self.scope.is_empty() {
            form.append_pair("scope", &self.scope);
        }
        for (name, value) in &self.form {
            form.append_pair(name, value.expose_secret());
        }
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded"),
        );
        match style {
            ClientAuthentication::Header => {
                headers.insert(AUTHORIZATION, sensitive("Basic", &self.pair())?);
            }
            ClientAuthentication::Form => {
                form.append_pair("client_id", &self.client_id);
                form.append_pair("client_secret", self.client_secret.expose_secret());
            }
        }
        Ok(Request {
            operation: "get a token",
            method: Method::POST,
            url: self.token_url.clone(),
            headers,
            body: Body::Bytes(Bytes::from(form.finish())),
            replay: Replay::Safe,
            redirects: Redirects::SameOrigin,
            named: Hosts::of([&self.token_url]),
            timeout,
        })
    }
}

impl<'a> Authorizer<'a> {
    /// Begins without a token.
    pub fn new(auth: Option<&'a Auth>, options: &'a HttpOptions) -> Authorizer<'a> {
        Authorizer {
            auth,
            options,
            state: Mutex::default(),
        }
    }

    /// Sets the `Authorization` header, with a token that will last for one more request.
    pub async fn authorize(
        &self,
        headers: &mut HeaderMap,
        client: &Client,
        observer: &dyn Observer,
    ) -> Result<()> {
        let value = match self.auth {
            None => return Ok(()),
            Some(Auth::Bearer(token)) => sensitive("Bearer", token.expose_secret())?,
            Some(Auth::Basic(pair)) => sensitive("Basic", &encode_base64(pair.expose_secret()))?,
            Some(Auth::OAuth2(credentials)) => {
                let token = match self.token() {
                    Some(token) => token,
                    None => self.fetch_token(credentials, client, observer).await?,
                };
                sensitive("Bearer", token.expose_secret())?
            }
        };
        headers.insert(AUTHORIZATION, value);
        Ok(())
    }

    /// Takes note of a 401: the token is not used again.
    ///
    /// Returns whether the next [`Authorizer::authorize`] will bring another one.
    pub fn forget(&self) -> bool {
        self.state().token.take().is_some()
    }

    /// Sends an authorized request and writes the body to a file; a refused token is renewed once.
    pub async fn download(
        &self,
        request: &mut Request,
        into: &Path,
        client: &Client,
        observer: &dyn Observer,
    ) -> Result<Answer> {
        let limit = self.options.max_body;
        let mut attempts = 0;
        loop {
            self.authorize(&mut request.headers, client, observer)
                .await?;
            let answer = client.download(request, into, limit, observer).await;
            let mut answer = answer.map_err(explain)?;
            let is_first = attempts == 0;
            attempts += answer.attempts;
            if is_first && answer.status == StatusCode::UNAUTHORIZED && self.forget() {
                observer.on(Event::Note(
                    "the source refuses the token (401): getting another one".into(),
                ));
                continue;
            }
            answer.attempts = attempts;
            return Ok(answer);
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, TokenState> {
        self.state.lock().expect("nothing panics while it is held")
    }

    fn token(&self) -> Option<SecretString> {
        let state = self.state();
        let token = state.token.as_ref()?;
        let is_good = token.renew_at.is_none_or(|moment| Instant::now() < moment);
        is_good.then(|| token.secret.clone())
    }

    async fn fetch_token(
        &self,
        credentials: &ClientCredentials,
        client: &Client,
        observer: &dyn Observer,
    ) -> Result<SecretString> {
        let endpoint = http::show(&credentials.token_url);
        observer.on(Event::Note(format!("POST {endpoint} for a token")));
        let mut style = self.state().style;
        loop {
            let began = Instant::now();
            let request = credentials.request(style, self.options.timeout)?;
            let answer = client.exchange(&request, observer).await.map_err(explain)?;
            let grant: Grant = serde_json::from_slice(&answer.body).unwrap_or_default();
            let token = grant
                .access_token
                .as_deref()
                .filter(|token| !token.is_empty());
            if let (true, Some(token)) = (answer.status.is_success(), token) {
                return Ok(self.keep(token, style, grant.lifetime(), began, observer));
            }
            if style == ClientAuthentication::Header && grant.is_about_the_client(answer.status) {
                style = ClientAuthentication::Form;
                continue;
            }
            return Err(Authorizer::refused(&answer, &grant).into());
        }
    }

    fn keep(
        &self,
        token: &str,
        style: ClientAuthentication,
        lifetime: Option<Duration>,
        began: Instant,
        observer: &dyn Observer,
    ) -> SecretString {
        let secret = SecretString::from(token);
        secrets::keep(&secret);
        observer.on(Event::Secret(secret.clone()));
        let mut state = self.state();
        state.style = style;
        state.token = Some(AccessToken {
            secret: secret.clone(),
            // A token that lives shorter than the margin would be renewed for every request.
            renew_at: lifetime.map(|lifetime| match lifetime.checked_sub(MARGIN) {
                Some(good) if !good.is_zero() => began + good,
                _ => began + lifetime / 2,
            }),
        });
        secret
    }

    fn refused(answer: &Answer, grant: &Grant) -> Problem {
        let endpoint = http::show(&answer.url);
        let said = match (grant.error_code(), &grant.error_description) {
            (Some(code), Some(description)) => format!(": {code}: {description}"),
            (Some(code), None) => format!(": {code}"),
            (None, _) if answer.status.is_success() => " without an `access_token`".to_owned(),
            (None, _) if answer.body.is_empty() => String::new(),
            (None, _) => format!(": {}", String::from_utf8_lossy(&answer.body)),
        };
        let said = http::excerpt(said.as_bytes());
        let gap = if said.is_empty() || said.starts_with(':') {
            ""
        } else {
            " "
        };
        let hint = match answer.retry_after {
            Some(wait) => http::come_back(wait),
            None => "check `token-url`, `client-id`, `client-secret` and `scope` in `auth`: is the secret complete and not expired, and may this client use the scope?".to_owned(),
        };
        Problem::new(format!(
            "the token endpoint `{endpoint}` of `auth` answered {}{gap}{said}",
            answer.status
        ))
        .hint(hint)
    }
}

impl Grant {
    fn lifetime(&self) -> Option<Duration> {
        let text = self.expires_in.as_ref()?.get();
        http::told_seconds(text.trim_matches('"').trim().parse().ok()?)
    }

    fn error_code(&self) -> Option<String> {
        self.error.as_ref().map(|error| match error {
            serde_json::Value::String(code) => code.clone(),
            other => other.to_string(),
        })
    }

    /// Whether the endpoint did not understand who we are, as those do that read the form only.
    ///
    /// `invalid_client` is the standard's word; some say that `client_id` is missing, or just 401.
    fn is_about_the_client(&self, status: StatusCode) -> bool {
        match status.as_u16() {
            400 => matches!(
                self.error_code().as_deref(),
                Some("invalid_client" | "invalid_request")
            ),
            401 => true,
            _ => false,
        }
    }
}

/// Names the option of `http` that has a say in it.
fn explain(error: http::Error) -> anyhow::Error {
    let hint = match &error.kind {
        ErrorKind::TooLarge(_) => "if the data is meant to be that large, raise `http: max-body=`",
        ErrorKind::Timeout => "if the source needs that long to answer, raise `http: timeout=`",
        ErrorKind::Slow(_) => {
            "if the source is meant to be that slow, raise `http: timeout=`: 1 KB must come in ten times as long"
        }
        ErrorKind::Coding(_) => {
            "ask for the data as it is, with `Accept-Encoding: identity` in `headers`"
        }
        _ => return error.into(),
    };
    Problem::new(error.to_string()).hint(hint).into()
}

fn sensitive(scheme: &str, credentials: &str) -> Result<HeaderValue> {
    let mut value = HeaderValue::from_str(&format!("{scheme} {credentials}"))
        .context("`auth` holds a character no HTTP header can carry")?;
    value.set_sensitive(true);
    Ok(value)
}

fn encode_base64(text: &str) -> String {
    base64::engine::general_purpose::STANDARD.encode(text)
}

//! Which parts of the inputs are secret: told to [`crate::secrets`] before anything is checked.
//!
//! It reads what was written and not what was understood, so that a misspelt `auth` is hidden, too.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretString;
use url::form_urlencoded;

use super::http;
use super::raw::Raw;
use super::words::split;
use crate::http::Url;
use crate::secrets;

/// Headers that say in which form an answer is wanted; messages speak of the same words.
const NEGOTIATION: [&str; 15] = [
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "cache-control",
    "consistencylevel",
    "content-language",
    "content-type",
    "dataserviceversion",
    "maxdataserviceversion",
    "odata-maxversion",
    "odata-version",
    "prefer",
    "user-agent",
    "x-requested-with",
];
/// Fields of `oauth2` that are shown in messages.
const PUBLIC_FIELDS: [&str; 3] = ["token-url", "client-id", "scope"];
/// A shorter text is no secret of a token, which are some 60 characters long.
const SHORTEST_TOKEN: usize = 24;
/// A shorter part of a header is no secret of its own.
const SHORTEST_PART: usize = 6;

/// Keeps every secret of the inputs from being shown, and every value of a request from being quoted.
pub(super) fn keep(raw: &Raw, vars: &HashMap<String, String>) {
    if let Some(secret) = raw.get("pat-secret") {
        credential(secret);
    }
    // Name and secret may be interchanged.
    if let Some(name) = raw.get("pat-name")
        && name.contains(':')
        && name.len() > SHORTEST_TOKEN
    {
        credential(name);
    }
    auth(raw.get("auth").unwrap_or_default());
    for (name, value) in pairs(raw.get("headers")) {
        header(name, value);
    }
    for (name, value) in pairs(raw.get("params")) {
        parameter(name, value);
    }
    body(raw.get("body").unwrap_or_default());
    for line in lines(raw.get("source")) {
        address(line);
    }
    for proxy in http::proxies(vars) {
        user_of(&proxy);
    }
}

/// The entries of an input.
fn lines(text: Option<&str>) -> impl Iterator<Item = &str> {
    split(text.unwrap_or_default()).map(|entry| entry.text)
}

fn credential(text: &str) {
    secrets::keep(&SecretString::from(text));
}

fn pairs(text: Option<&str>) -> impl Iterator<Item = (&str, &str)> {
    lines(text).filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        Some((name.trim(), value.trim()))
    })
}

fn auth(text: &str) {
    let mut client = "";
    for line in lines(Some(text)) {
        let (scheme, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        match (scheme.to_ascii_lowercase().as_str(), rest.trim()) {
            ("oauth2" | "none" | "---", "") => {}
            ("bearer", token) => credential(token),
            ("basic", pair) => basic(pair),
            _ => match line.split_once(':') {
                Some((name, value)) if !name.contains(char::is_whitespace) => {
                    let value = value.trim();
                    if name == "client-id" {
                        client = value;
                    }
                    field(name, value, client);
                }
                // Whatever it is, it stands where a token was to be.
                _ => credential(line),
            },
        }
    }
}

/// A line `name: value` of `auth`.
fn field(name: &str, value: &str, client: &str) {
    let scheme = value
        .split_whitespace()
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    if matches!(scheme.as_str(), "bearer" | "basic") {
        auth(value);
    } else if name == "client-secret" {
        let encode =
            |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        secrets::keep_password(client, &SecretString::from(value));
        // As a form has them (RFC 6749, 2.3.1).
        secrets::keep_password(&encode(client), &SecretString::from(encode(value)));
    } else if PUBLIC_FIELDS.contains(&name) {
        // They stand in messages.
    } else if secrets::is_secret_name(name) {
        credential(value);
    } else {
        secrets::keep_value(value);
    }
}

fn basic(pair: &str) {
    match pair.split_once(':') {
        Some((user, password)) => secrets::keep_password(user, &SecretString::from(password)),
        None => credential(pair),
    }
}

fn header(name: &str, value: &str) {
    if NEGOTIATION
        .iter()
        .any(|known| name.eq_ignore_ascii_case(known))
    {
        return;
    }
    if !secrets::is_secret_name(name) {
        secrets::keep_parameter(value);
        return;
    }
    credential(value);
    // `Token abc`: a server may quote the second word alone.
    let Some((scheme, rest)) = value.split_once(char::is_whitespace) else {
        parts(value);
        return;
    };
    if scheme
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || c == '-')
    {
        credential(rest);
    }
    let decoded = STANDARD.decode(rest.trim()).ok();
    if scheme.eq_ignore_ascii_case("basic")
        && let Some(pair) = decoded.and_then(|pair| String::from_utf8(pair).ok())
    {
        basic(&pair);
    }
    parts(value);
}

/// The values in `a=1; b="2"`, as cookies and digests have them.
fn parts(value: &str) {
    for part in value.split([';', ',', ' ']) {
        if let Some((_, part)) = part.split_once('=') {
            let part = part.trim().trim_matches('"');
            if part.len() >= SHORTEST_PART {
                credential(part);
            }
        }
    }
}

/// A value of the request, which its name may make a secret.
fn parameter(name: &str, value: &str) {
    if secrets::is_secret_name(name) {
        secrets::keep_parameter(value);
    } else {
        secrets::keep_value(value);
    }
}

fn body(text: &str) {
    if let Ok(document) = serde_json::from_str::<serde_json::Value>(text) {
        members("", &document);
    } else if text.trim_start().starts_with('<') {
        // `<name …>value</name>`
        for piece in text.split('<') {
            if let Some((name, value)) = piece.split_once('>') {
                parameter(name.split_whitespace().next().unwrap_or_default(), value);
            }
        }
    } else if text.contains('=') {
        for (name, value) in form_urlencoded::parse(text.as_bytes()) {
            parameter(&name, &value);
        }
    }
}

fn members(name: &str, value: &serde_json::Value) {
    match value {
        serde_json::Value::String(text) => parameter(name, text),
        serde_json::Value::Array(values) => values.iter().for_each(|value| members(name, value)),
        serde_json::Value::Object(inner) => {
            for (name, value) in inner {
                members(name, value);
            }
        }
        _ => {}
    }
}

/// The query of a line of `source`.
fn address(line: &str) {
    let text = line.split_whitespace().last().unwrap_or_default();
    if let Ok(url) = Url::parse(text) {
        user_of(&url);
        for (name, value) in url.query_pairs() {
            parameter(&name, &value);
        }
    }
}

/// The password of an address, as it is written and as it is meant.
fn user_of(url: &Url) {
    let Some(password) = url.password() else {
        return;
    };
    let form = format!("x={}", password.replace('+', "%2B"));
    let meant = form_urlencoded::parse(form.as_bytes()).next();
    let meant = meant
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default();
    credential(password);
    secrets::keep_password(url.username(), &SecretString::from(meant));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(inputs: &[(&str, &str)]) {
        let vars: HashMap<String, String> = inputs
            .iter()
            .map(|(name, value)| {
                (
                    format!("INPUT_{}", name.to_uppercase()),
                    (*value).to_owned(),
                )
            })
            .chain([(
                "HTTPS_PROXY".to_owned(),
                "http://bot:p%40ssw0rd@proxy.corp:3128".to_owned(),
            )])
            .collect();
        keep(
            &Raw::read(&vars, &mut super::super::problems::InputProblems::default()),
            &vars,
        );
    }

    #[test]
    fn secrets_are_known_however_inputs_are_written() {
        given(&[
            ("pat-secret", "pat==:secret-1"),
            (
                "pat-name",
                "qlE1g9MMh9vbrjjgZZhvAg==:rZTHhPpP2tUW1kfn4tjg8ax1",
            ),
            (
                "auth",
                "shop:\n  bearer bear-er-1\n---\nerp: basic bot:basic-pass-1\n---\nids:\noauth2\nclient-id: me\nclient-secret: s p&1-2\npassword: field-9\n---\nraw-token-77",
            ),
            (
                "headers",
                "X-Api-Key: header-key-1\nAuthorization: Token word-after-1\nCookie: a=cookie-part-1; b=2\nAccept: text/csv",
            ),
            ("body", "{\"login\": {\"password\": \"body-pass-1\"}}"),
            ("params", "api_key: param-key-1\nstatus: open"),
            ("source", "orders: https://example.com/x?sig=sas%2Bsig1"),
        ]);
        for secret in [
            "pat==:secret-1",
            "qlE1g9MMh9vbrjjgZZhvAg==:rZTHhPpP2tUW1kfn4tjg8ax1",
            "bear-er-1",
            "basic-pass-1",
            "s p&1-2",
            "s+p%261-2",
            "field-9",
            "raw-token-77",
            "header-key-1",
            "word-after-1",
            "cookie-part-1",
            "body-pass-1",
            "param-key-1",
            "sas+sig1",
            "p@ssw0rd",
        ] {
            assert_eq!(secrets::replace(&format!("a {secret} b")), "a *** b");
        }
        let pair = STANDARD.encode("me:s+p%261-2");
        assert_eq!(secrets::replace(&pair), "***");
        for public in ["text/csv", "open", "client-id", "me"] {
            assert_eq!(secrets::replace(public), public);
        }
    }

    #[test]
    fn what_is_no_credential_hides_in_quotes_only() {
        given(&[
            ("params", "q: q-77-value"),
            ("body", "<a><tenant>x-77-y</tenant></a>"),
        ]);
        for value in ["q-77-value", "x-77-y"] {
            assert_eq!(secrets::replace(value), value);
            assert_eq!(secrets::quote(value, 60), "***");
        }
    }
}

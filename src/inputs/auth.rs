//! The `auth` input: `bearer TOKEN`, `basic USER:PASSWORD`, or `oauth2` with a line for each field.
//!
//! No message shows what was written where a secret may stand.

use secrecy::SecretString;

use super::problems::NO_SECRET;
use super::words::{Entry, did_you_mean, is_loopback, split};
use crate::http::Url;
use crate::source::Auth;
use crate::source::auth::ClientCredentials;

const FIELDS: [&str; 4] = ["token-url", "client-id", "client-secret", "scope"];

/// Reads credentials from a text; several problems come back in one.
pub(super) fn auth(text: &str) -> Result<Auth, String> {
    credentials(&split(text).collect::<Vec<_>>())
}

/// Reads credentials; several problems come back in one, with the number of a line where there are several.
pub(super) fn credentials(entries: &[Entry]) -> Result<Auth, String> {
    let first = entries.first().copied();
    let (scheme, rest) = first.map_or(("", ""), |entry| {
        entry
            .text
            .split_once(char::is_whitespace)
            .unwrap_or((entry.text, ""))
    });
    let rest = rest.trim();
    let others = entries.get(1..).unwrap_or_default();
    let scheme = scheme.to_ascii_lowercase();
    if scheme == "oauth2" {
        let beside = first.filter(|_| !rest.is_empty());
        let beside = beside.map(|entry| Entry {
            text: rest,
            ..entry
        });
        let fields: Vec<Entry> = beside.into_iter().chain(others.iter().copied()).collect();
        return client_credentials(&fields).map(Auth::OAuth2);
    }
    // `bearer` on one line and the token on the next are as good.
    let (rest, more) = match others {
        [next, more @ ..] if rest.is_empty() => (next.text, more),
        more => (rest, more),
    };
    if let Some(entry) = more.first() {
        return Err(entry.says("the credentials go on here: they hold a line break"));
    }
    if rest.chars().any(char::is_control) {
        return Err("the credentials hold a control character".into());
    }
    match scheme.as_str() {
        "bearer" if rest.is_empty() => Err(format!("`bearer` is without a token{NO_SECRET}")),
        "bearer" => Ok(Auth::Bearer(SecretString::from(rest))),
        "basic" => match rest.split_once(':') {
            Some((user, password)) if !user.is_empty() && !password.is_empty() => {
                Ok(Auth::Basic(SecretString::from(rest)))
            }
            _ => Err(format!("`basic` wants `USER:PASSWORD`{NO_SECRET}")),
        },
        // What stands here instead of a scheme may be the secret itself.
        _ => Err("it begins with none of `bearer`, `basic` and `oauth2`: write `bearer TOKEN` or `basic USER:PASSWORD`".into()),
    }
}

fn client_credentials(entries: &[Entry]) -> Result<ClientCredentials, String> {
    let mut problems: Vec<String> = Vec::new();
    let mut fields: Vec<(&str, &str)> = Vec::new();
    for entry in entries {
        let pair = entry.text.split_once(':');
        let Some((name, value)) = pair.map(|(name, value)| (name.trim(), value.trim())) else {
            problems.push(entry.says("it has no colon: below `oauth2` write `name: value`"));
            continue;
        };
        let likely = did_you_mean(&name.replace('_', "-"), &FIELDS);
        if !is_field_name(name) {
            problems.push(entry.says("the name before the colon is no word"));
        } else if fields.iter().any(|(given, _)| *given == name) {
            problems.push(entry.says(format!("`{name}` is given twice")));
        } else if !FIELDS.contains(&name) && is_misspelt(name) {
            problems.push(entry.says(format!("`oauth2` has no `{name}`{likely}")));
        } else {
            fields.push((name, value));
        }
    }
    let get = |name: &str| {
        let field = fields.iter().find(|(given, _)| *given == name);
        field
            .map(|(_, value)| *value)
            .filter(|value| !value.is_empty())
    };
    for name in ["token-url", "client-id", "client-secret"] {
        if get(name).is_none() && !problems.iter().any(|problem| problem.contains(name)) {
            let why = if name == "client-secret" {
                NO_SECRET
            } else {
                ""
            };
            problems.push(format!("`oauth2` needs a line `{name}: …`{why}"));
        }
    }
    let token_url = get("token-url").map(token_url).transpose();
    let token_url = token_url.unwrap_or_else(|problem| {
        problems.push(problem);
        None
    });
    match (token_url, get("client-id"), get("client-secret")) {
        (Some(token_url), Some(id), Some(secret)) if problems.is_empty() => {
            let others = fields.iter().filter(|(name, _)| !FIELDS.contains(name));
            Ok(ClientCredentials {
                token_url,
                client_id: id.to_owned(),
                client_secret: SecretString::from(secret),
                scope: get("scope").unwrap_or_default().to_owned(),
                form: others
                    .map(|(name, value)| ((*name).to_owned(), SecretString::from(*value)))
                    .collect(),
            })
        }
        _ => Err(problems.join("; ")),
    }
}

fn token_url(text: &str) -> Result<Url, String> {
    // The text itself is not shown: lines may have been mixed up.
    let url =
        Url::parse(text).map_err(|error| format!("`token-url` is no valid address: {error}"))?;
    if !matches!(url.scheme(), "https" | "http") || url.host_str().is_none() {
        return Err("`token-url` is no web address: write `https://…`".into());
    }
    if url.scheme() == "http" && !is_loopback(&url) {
        return Err("`token-url`: the secret would travel unencrypted: use `https://`".into());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(
            "`token-url` holds a user or password: give them as `client-id` and `client-secret`"
                .into(),
        );
    }
    Ok(url)
}

fn is_field_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
}

/// Whether a name is meant to be one of our fields, as `client_id` is; others go along with the request for a token.
fn is_misspelt(name: &str) -> bool {
    let plain = name.to_ascii_lowercase().replace('_', "-");
    // Two letters for short words as well: what is taken for another field goes to the server without a word.
    FIELDS
        .iter()
        .any(|field| strsim::osa_distance(field, &plain) <= 2 && plain != "code")
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    #[test]
    fn a_wrong_auth_never_shows_what_was_written() {
        for text in [
            "hunter2",
            "token hunter2",
            "bearer",
            "basic hunter2",
            "basic :hunter2",
            "oauth2 hunter2",
            "oauth2\ntoken-url: hunter2\nclient-id: a\nclient-secret: hunter2",
            "oauth2\nhunter2 x: hunter2",
            "oauth2\nclient-secrt: hunter2",
        ] {
            let problem = auth(text).map(|_| ()).unwrap_err();
            assert!(!problem.contains("hunter2"), "{problem}");
        }
    }

    #[test]
    fn the_lines_of_oauth2_are_told_apart() {
        let text = "oauth2\n  token-url: https://id.example/token?v=2\n# ours\nclient-id: a:b\nclient-secret: s:e c\nscope: x y\naudience: https://api.example/";
        let Ok(Auth::OAuth2(client)) = auth(text) else {
            panic!("it is `oauth2`");
        };
        assert_eq!(client.token_url.as_str(), "https://id.example/token?v=2");
        assert_eq!(
            (client.client_id.as_str(), client.scope.as_str()),
            ("a:b", "x y")
        );
        assert_eq!(client.client_secret.expose_secret(), "s:e c");
        assert_eq!(client.form.len(), 1);
        assert_eq!(client.form[0].1.expose_secret(), "https://api.example/");
    }

    #[test]
    fn all_that_is_wrong_with_oauth2_is_told() {
        let problem = |text: &str| auth(text).map(|_| ()).unwrap_err();
        let all = problem("oauth2\ntoken_url: https://id.example/\nclient-id:\nscope: a\nscope: b");
        for part in [
            "no `token_url`; did you mean `token-url`?",
            "a line `client-id: …`",
            "a line `client-secret: …`; is the secret defined?",
            "`scope` is given twice",
        ] {
            assert!(all.contains(part), "{part} is not in: {all}");
        }
        let http = problem("oauth2\ntoken-url: http://id.example/\nclient-id: a\nclient-secret: b");
        assert!(http.contains("unencrypted"), "{http}");
    }
}

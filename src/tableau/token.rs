//! The personal access token a run signs in with.
//!
//! What cannot be taken is an error in words for the user; none repeats a secret.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

use super::names::{check_filled, check_line, is_xml};
use crate::secrets;

/// Ends the first half of a token's secret: sixteen bytes in base64, then the separator.
const SECRET_MARK: &str = "==:";
/// The value is a secret, so it is not repeated.
const INTERCHANGED: &str = "it holds the secret of a token, which has the form `…==:…`, where its name is expected; interchange `pat-name` and `pat-secret`";

/// The name a personal access token was created with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenName(String);

/// The secret part of a personal access token.
#[derive(Clone, Debug)]
pub struct TokenSecret(SecretString);

/// What this run signs in with.
#[derive(Clone, Debug)]
pub struct PersonalAccessToken {
    /// Its name.
    pub name: TokenName,
    /// Its secret.
    pub secret: TokenSecret,
}

impl TokenName {
    /// Takes the name as shown in the account settings.
    pub fn parse(text: &str) -> Result<TokenName, String> {
        check_filled(text)?;
        check_line(text)?;
        if text.contains(SECRET_MARK) {
            return Err(INTERCHANGED.into());
        }
        Ok(TokenName(text.to_owned()))
    }
}

impl PersonalAccessToken {
    /// Takes name and secret, unless each stands in the other's place. No message repeats either.
    pub fn new(name: TokenName, secret: TokenSecret) -> Result<PersonalAccessToken, String> {
        // Tableau promises no form of a secret, so the colon alone is taken for a sign of it only if the
        // supposed secret has none.
        let is_secret = |text: &str| {
            text.split_once(':').is_some_and(|(id, key)| {
                let is_random = |part: &str| {
                    part.len() >= 12
                        && part
                            .chars()
                            .all(|c| c.is_ascii_alphanumeric() || "+/=".contains(c))
                };
                is_random(id) && is_random(key)
            })
        };
        if is_secret(name.as_str()) && !secret.expose_secret().contains(':') {
            return Err(INTERCHANGED.into());
        }
        Ok(PersonalAccessToken { name, secret })
    }
}

impl TokenSecret {
    /// Whether it looks as Tableau writes secrets today.
    pub(super) fn has_usual_form(&self) -> bool {
        self.expose_secret().contains(SECRET_MARK)
    }
}

impl TokenSecret {
    /// Takes the secret as shown once when the token was created. No message repeats it.
    pub fn parse(text: &str) -> Result<TokenSecret, String> {
        check_filled(text)?;
        if text.contains(|c: char| c.is_whitespace() || c.is_control() || !is_xml(c)) {
            return Err("the secret holds blanks or line breaks; paste it again".into());
        }
        let secret = SecretString::from(text);
        secrets::keep(&secret);
        Ok(TokenSecret(secret))
    }
}

impl ExposeSecret<str> for TokenSecret {
    fn expose_secret(&self) -> &str {
        self.0.expose_secret()
    }
}

impl TokenName {
    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TokenName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_message_repeats_a_secret() {
        let message = TokenSecret::parse("hush hush").unwrap_err();
        assert!(!message.contains("hush"));
        let secret = TokenSecret::parse("hush==:hush").unwrap();
        assert!(!format!("{secret:?}").contains("hush"));
    }

    #[test]
    fn a_secret_in_the_place_of_the_name_is_told_and_not_shown() {
        const SECRET: &str = "qlE1g9MMh9vbrjjgZZhvAg==:rZTHhPpP2tUW1kfn4tjg8ax1";
        let pair = |name: &str, secret: &str| {
            let name = TokenName::parse(name)?;
            PersonalAccessToken::new(name, TokenSecret::parse(secret)?)
        };
        for (name, secret) in [
            (SECRET, "ci-publisher"),
            (SECRET, SECRET),
            ("c2VjcmV0LXNlY3JldC0x:S3cr3tS3cr3t", "ci-publisher"),
        ] {
            let problem = pair(name, secret).unwrap_err();
            assert!(problem.contains("interchange `pat-name` and `pat-secret`"));
            assert!(!problem.contains(&name[..4]) && !problem.contains(&name[25..]));
        }
        for (name, secret) in [
            ("ci-publisher", SECRET),
            ("ci", "an-older-form-of-a-secret"),
            ("github:production", "an-older-form-of-a-secret"),
            ("GithubActions1:Production2026", SECRET),
        ] {
            assert!(pair(name, secret).is_ok(), "{name}");
        }
        assert!(TokenSecret::parse(SECRET).unwrap().has_usual_form());
    }
}

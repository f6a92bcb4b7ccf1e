//! What Tableau refuses and what a user can do about it.

use std::fmt;
use std::time::Duration;

use super::backoff::minutes;

/// An answer of Tableau, or of something in front of it, that is not the one asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// HTTP status; Tableau sometimes reports an error with 200.
    pub status: u16,
    /// Six digits, status and sub-code; absent when no Tableau document came.
    pub code: Option<String>,
    /// Tableau's short text, in the language of the server.
    pub summary: String,
    /// Tableau's long text, or the beginning of a foreign answer.
    pub detail: String,
    /// The call, after "failed to".
    pub operation: &'static str,
    /// The server asked to come back after this long, which is longer than our patience.
    pub retry_after: Option<Duration>,
}

/// What a publisher can meet, sorted: code, cause, hint.
///
/// From the error tables of Tableau's REST API Reference. Every hint names an input.
pub const CATALOGUE: &[(&str, &str, &str)] = &[
    (
        "400000",
        "Tableau could not read the request",
        "check that no proxy between the runner and `server-url` changes requests, and that `description` and `tags` hold plain text",
    ),
    (
        "400008",
        "this server does not know a value of the request",
        "check that `server-url` leads to a supported release of Tableau (2019.4 or later)",
    ),
    (
        "400010",
        "this server does not take the file as a data source",
        "check that `server-url` leads to a release of Tableau that takes `.hyper` files",
    ),
    (
        "400011",
        "Tableau could not publish the file",
        "with `mode: append`, make columns and types equal to the published ones; otherwise check that the server behind `server-url` is 2023.1 or later, as the file's format needs",
    ),
    (
        "400016",
        "an upload chunk is larger than this server allows",
        "ask the administrator of `server-url` to allow uploads of at least 1 MB",
    ),
    (
        "400019",
        "Tableau could not read the multipart request",
        "check that no proxy between the runner and `server-url` changes requests",
    ),
    (
        "400020",
        "the upload arrived without its file",
        "check that no proxy between the runner and `server-url` removes file parts",
    ),
    (
        "400031",
        "Tableau could not tell about the publish job",
        "open `datasource` in Tableau to see whether it changed; with `mode: overwrite` running again is harmless",
    ),
    (
        "400075",
        "Tableau could not add the tags",
        "shorten or remove entries of `tags`",
    ),
    (
        "401000",
        "the request arrived without its session",
        "check that no proxy between the runner and `server-url` removes the header `X-Tableau-Auth`",
    ),
    (
        "401001",
        "the personal access token or the site is not accepted",
        "check `pat-name` and `pat-secret` (a token expires after 15 days without use and is renewed in the account settings), that `site` is the part after /site/ in the browser's address, and that `server-url` names the pod the site lives on",
    ),
    (
        "401002",
        "the session ended before the work was done",
        "let only one run at a time use a token: set `strategy: max-parallel: 1` for the jobs of a matrix, which `concurrency` does not keep apart, and add a `concurrency:` group to the workflows that share it, or give each its own `pat-name` and `pat-secret`",
    ),
    (
        "403004",
        "the token's user may not read or tag this data source",
        "give the user of `pat-name` the permissions View and Overwrite on `datasource`",
    ),
    (
        "403007",
        "the token's user may not publish here, or the data source exists and may not be replaced",
        "give the user of `pat-name` a site role that may publish and the permission Publish in `project` (Overwrite on an existing `datasource`), or choose another `datasource`",
    ),
    (
        "403008",
        "the site's storage is full",
        "free or buy storage on `site`, or publish fewer rows with `sql`",
    ),
    (
        "403015",
        "the token's user may not publish on this site",
        "give the user of `pat-name` a site role that may publish: Creator, Explorer (can publish) or an administrator's",
    ),
    (
        "403016",
        "Tableau refused the upload",
        "give the user of `pat-name` the permission Publish in `project`",
    ),
    (
        "403032",
        "the token's user may not change this data source",
        "give the user of `pat-name` the permission Overwrite on `datasource`, or leave out `description`",
    ),
    (
        "404000",
        "Tableau does not find the site",
        "check that `site` still exists and that the user of `pat-name` belongs to it",
    ),
    (
        "404001",
        "this server does not offer the REST API version",
        "check that `server-url` leads to Tableau 2019.4 or later",
    ),
    (
        "404003",
        "this server does not know the address of the call",
        "check that `server-url` leads to Tableau 2019.4 or later, and that no proxy rewrites paths",
    ),
    (
        "404004",
        "the data source does not exist or may not be seen",
        "check `datasource` and `project`; with `mode: overwrite` it is created when missing",
    ),
    (
        "404005",
        "the project does not exist or may not be seen",
        "check `project`, and that the user of `pat-name` has the permissions View and Publish there",
    ),
    (
        "404008",
        "this server does not tag data sources",
        "leave out `tags`, or use a `server-url` with Tableau 2019.4 or later",
    ),
    (
        "404015",
        "Tableau forgot the upload before it was published",
        "run again; if it happens again, check that `server-url` leads to one server or a cluster with shared storage",
    ),
    (
        "404018",
        "Tableau no longer knows the publish job",
        "open `datasource` in Tableau to see whether it changed; with `mode: overwrite` running again is harmless",
    ),
    (
        "405000",
        "the call arrived with another method",
        "write `server-url` with https and the name of the pod, so that no redirect changes the call",
    ),
    (
        "429000",
        "Tableau's limit of calls is used up",
        "run less often or later; the limit is shared by everything that uses `site`",
    ),
];

impl ApiError {
    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        if let Some(code) = &self.code
            && let Ok(index) = CATALOGUE.binary_search_by(|(known, ..)| (*known).cmp(code))
        {
            return Some(CATALOGUE[index].2.to_owned());
        }
        let class = self.code.as_ref().and_then(|code| code.get(..3));
        let hint = match (class, self.status) {
            (Some("401"), _) => "check `pat-name` and `pat-secret`",
            (Some("403"), _) => {
                "check the site role of the user of `pat-name` and its permissions in `project`"
            }
            (Some("404"), _) => "check `site`, `project` and `datasource`",
            (_, 429) => {
                "run less often or later; the limit is shared by everything that uses `site`"
            }
            (_, 413) => "ask the administrator of `server-url` to allow uploads of at least 1 MB",
            (None, 200..=299) => {
                "check that `server-url` reaches Tableau itself: a sign-in page or portal may stand in front of it"
            }
            (None, 400..=499) => {
                "check `server-url`; a proxy or firewall in front of Tableau may have answered"
            }
            (_, 500..) => "run again later; if it stays, ask the administrator of `server-url`",
            (Some(_), _) => {
                "look the code up in Tableau's REST API reference (Handling Errors), and check that `server-url` leads to a supported release"
            }
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.code {
            Some(code) => write!(f, "Tableau answered {code}")?,
            None if self.status < 300 => {
                write!(
                    f,
                    "the server answered {}, but not as Tableau does",
                    self.status
                )?;
            }
            None => write!(f, "the server answered {}", self.status)?,
        }
        let text = if self.detail.is_empty() {
            &self.summary
        } else {
            &self.detail
        };
        if !text.is_empty() {
            write!(f, ": {text}")?;
        }
        if let Some(wait) = self.retry_after {
            write!(f, " (it asks to come back in {})", minutes(wait))?;
        }
        Ok(())
    }
}

impl std::error::Error for ApiError {}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An answer that refuses, as Tableau gives it.
    pub(in crate::tableau) fn answer(status: u16, code: Option<&str>) -> ApiError {
        ApiError {
            status,
            code: code.map(str::to_owned),
            summary: "Forbidden".into(),
            detail: "No.".into(),
            operation: "commit the upload",
            retry_after: None,
        }
    }

    #[test]
    fn the_catalogue_is_sorted_unique_and_names_inputs() {
        const INPUTS: &[&str] = &[
            "server-url",
            "site",
            "pat-name",
            "pat-secret",
            "project",
            "datasource",
            "description",
            "tags",
            "mode",
        ];
        assert!(CATALOGUE.windows(2).all(|pair| pair[0].0 < pair[1].0));
        for (code, cause, hint) in CATALOGUE {
            assert!(
                code.len() == 6 && code.bytes().all(|digit| digit.is_ascii_digit()),
                "{code}"
            );
            assert!(!cause.ends_with('.') && !hint.ends_with('.'), "{code}");
            let named = |input: &&str| {
                hint.contains(&format!("`{input}`")) || hint.contains(&format!("`{input}:"))
            };
            assert!(INPUTS.iter().any(named), "{code} names no input: {hint}");
        }
    }

    #[test]
    fn messages_quote_tableau_and_hints_come_by_code() {
        let error = answer(403, Some("403007"));
        assert_eq!(error.to_string(), "Tableau answered 403007: No.");
        assert!(error.hint().unwrap().contains("`project`"));
        assert_eq!(
            answer(502, None).to_string(),
            "the server answered 502: No."
        );
        assert_eq!(
            answer(200, None).to_string(),
            "the server answered 200, but not as Tableau does: No."
        );
        let hint = |status, code| answer(status, Some(code)).hint().unwrap();
        // Codes nobody has listed, whatever status they come with.
        assert!(hint(403, "403999").contains("permissions in `project`"));
        assert!(hint(200, "403135").contains("permissions in `project`"));
        assert!(hint(404, "404999").contains("`datasource`"));
        assert!(hint(409, "409999").contains("look the code up"));
        assert!(hint(500, "500000").contains("run again later"));
        let throttled = ApiError {
            retry_after: Some(Duration::from_secs(1810)),
            ..answer(429, Some("429000"))
        };
        assert_eq!(
            throttled.to_string(),
            "Tableau answered 429000: No. (it asks to come back in 31 minutes)"
        );
    }
}

//! GraphQL over HTTP: a document and its variables as a request, and errors inside an answer of status 200.
//!
//! The document is not parsed; only the types of its variables are read, since texts become values by them.

use super::json_body::{self, quoted};
use super::paging::{PageFacts, plain};
use crate::data::path::Pointer;
use crate::http;
use crate::problem::Problem;

/// A GraphQL document with the values of its variables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    document: String,
    /// Names and types the document declares: `after`, `String!`.
    declared: Vec<(String, String)>,
    /// Names and JSON texts.
    variables: Vec<(String, String)>,
}

impl Query {
    /// Takes a document; the error says why it is none.
    pub fn parse(document: &str) -> Result<Query, String> {
        if !document.contains('{') {
            return Err(
                "it is no GraphQL document: it has no `{`, as in `query { orders { id } }`".into(),
            );
        }
        Ok(Query {
            document: document.to_owned(),
            declared: declarations(document),
            variables: Vec::new(),
        })
    }

    /// Gives a variable a value, written as its declared type wants it.
    ///
    /// The error never shows the value: it may be secret.
    pub fn set(&mut self, name: &str, text: &str) -> Result<(), String> {
        let declared = self.check(name)?;
        let value = typed(declared, text).ok_or_else(|| {
            format!("the query declares `${name}: {declared}`, which the value of `{name}` is not")
        })?;
        self.variables.push((name.to_owned(), value));
        Ok(())
    }

    /// Returns the declared type of a variable.
    pub fn check(&self, name: &str) -> Result<&str, String> {
        let found = self.declared.iter().find(|(known, _)| known == name);
        found.map(|(_, declared)| declared.as_str()).ok_or_else(|| {
            let names: Vec<String> = self.declared.iter().map(|(name, _)| format!("`${name}`")).collect();
            match names.as_slice() {
                [] => format!("the query declares no variables, so there is no `${name}`: begin it as in `query(${name}: String) {{ … }}`"),
                names => format!("the query declares no variable `${name}`, only {}", names.join(", ")),
            }
        })
    }

    /// Returns the body of the request.
    pub(super) fn body(&self) -> String {
        let variables: Vec<String> = self
            .variables
            .iter()
            .map(|(name, value)| format!("{}:{value}", quoted(name)))
            .collect();
        format!(
            "{{\"query\":{},\"variables\":{{{}}}}}",
            quoted(&self.document),
            variables.join(",")
        )
    }

    /// Gives a variable of a request a JSON value from an answer.
    pub(super) fn put(&self, body: &str, name: &str, json: &str) -> Result<String, String> {
        let declared = self.check(name)?;
        // A cursor may be a number in the answer and an ID in the next question.
        let value = match plain(json) {
            Some(text) => typed(declared, &text).unwrap_or_else(|| json.to_owned()),
            None => json.to_owned(),
        };
        json_body::put(body, &["variables".to_owned(), name.to_owned()], &value)
    }
}

/// Places of an answer that tell whether it failed.
pub(super) fn error_places() -> [Pointer; 2] {
    let pointer = |keys: &[&str]| Pointer {
        keys: keys.iter().map(|key| (*key).to_owned()).collect(),
    };
    [
        pointer(&["errors", "0", "message"]),
        pointer(&["errors", "0"]),
    ]
}

/// An answer with `errors` has failed, whatever its status and whatever else is in it.
pub(super) fn check(seen: &PageFacts, origin: &str) -> Result<(), Problem> {
    let [message, first] = error_places();
    let words = seen.value(&message).and_then(plain);
    let Some(words) = words.or_else(|| seen.value(&first).map(str::to_owned)) else {
        return Ok(());
    };
    Err(Problem::new(format!(
        "`{origin}` answered with a GraphQL error: {}",
        http::excerpt(words.as_bytes())
    ))
    .hint("correct `query` and its variables in `params`, or check what `auth` may read"))
}

/// Names and types of the variables: `$name: Type` stands nowhere else in a document.
fn declarations(document: &str) -> Vec<(String, String)> {
    let text = without_texts(document);
    let mut found: Vec<(String, String)> = Vec::new();
    for (at, _) in text.match_indices('$') {
        let rest = &text[at + 1..];
        let end = rest
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .unwrap_or(rest.len());
        let Some(after) = rest[end..].trim_start().strip_prefix(':') else {
            continue;
        };
        let is_type = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '[' | ']' | '!');
        let after = after.trim_start();
        let length = after.find(|c| !is_type(c)).unwrap_or(after.len());
        let name = &rest[..end];
        if end > 0 && length > 0 && found.iter().all(|(known, _)| known != name) {
            found.push((name.to_owned(), after[..length].to_owned()));
        }
    }
    found
}

/// The document with strings and comments left out.
fn without_texts(document: &str) -> String {
    let mut text = String::with_capacity(document.len());
    let mut rest = document;
    while let Some(at) = rest.find(['"', '#']) {
        text += &rest[..at];
        let from = &rest[at..];
        rest = if from.starts_with('#') {
            from.find('\n').map_or("", |end| &from[end..])
        } else if let Some(inner) = from.strip_prefix("\"\"\"") {
            inner
                .replace("\\\"\"\"", "\\___")
                .find("\"\"\"")
                .map_or("", |end| &inner[end + 3..])
        } else {
            let mut escaped = false;
            let end = from[1..].find(|c| {
                let is_end = c == '"' && !escaped;
                escaped = c == '\\' && !escaped;
                is_end
            });
            end.map_or("", |end| &from[end + 2..])
        };
        text.push(' ');
    }
    text + rest
}

/// A text as JSON of a declared type; `None` if it is no value of that type.
fn typed(declared: &str, text: &str) -> Option<String> {
    let (name, is_required) = match declared.strip_suffix('!') {
        Some(name) => (name, true),
        None => (declared, false),
    };
    let is_json = || serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
    if let Some(inner) = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'))
    {
        return if text.starts_with('[') {
            is_json().then(|| text.to_owned())
        } else {
            // GraphQL takes one value for a list of one.
            typed(inner, text)
        };
    }
    match name {
        "String" | "ID" => Some(quoted(text)),
        _ if text == "null" && !is_required => Some("null".into()),
        "Int" => text.parse::<i64>().ok().map(|number| number.to_string()),
        "Float" => {
            let is_number = text.starts_with(|c: char| c.is_ascii_digit() || c == '-');
            (is_number && is_json()).then(|| text.to_owned())
        }
        "Boolean" => matches!(text, "true" | "false").then(|| text.to_owned()),
        // Enumerations and other scalars are texts, input types are objects.
        _ if is_json() => Some(text.to_owned()),
        _ => Some(quoted(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = r#"
        # $not: Int
        query Orders($after: String, $n : Int! = 5, $ids:[ID!]!, $state: State, $deep: Boolean) {
          orders(after: $after, first: $n, text: "$no: Int \" \\") { id ... on X @include(if: $deep) { id } }
        }"#;

    #[test]
    fn variables_get_values_of_their_types() {
        let mut query = Query::parse(DOCUMENT).unwrap();
        let names: Vec<&str> = query
            .declared
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(names, ["after", "n", "ids", "state", "deep"]);
        query.set("after", "12").unwrap();
        query.set("n", "12").unwrap();
        query.set("ids", "7").unwrap();
        query.set("state", "OPEN").unwrap();
        query.set("deep", "null").unwrap();
        let body: serde_json::Value = serde_json::from_str(&query.body()).unwrap();
        assert_eq!(body["query"], DOCUMENT);
        assert_eq!(
            body["variables"].to_string(),
            r#"{"after":"12","deep":null,"ids":"7","n":12,"state":"OPEN"}"#
        );
        let body = query.put(&query.body(), "after", "99").unwrap();
        assert!(body.contains(r#""after":"99""#), "{body}");
    }

    #[test]
    fn a_value_that_cannot_be_is_refused_unseen() {
        let mut query = Query::parse(DOCUMENT).unwrap();
        let problem = query.set("n", "hunter2").unwrap_err();
        assert_eq!(
            problem,
            "the query declares `$n: Int!`, which the value of `n` is not"
        );
        assert!(query.set("n", "null").is_err());
        assert!(query.set("ids", "[1, 2").is_err());
        assert_eq!(
            query.set("no", "1").unwrap_err(),
            "the query declares no variable `$no`, only `$after`, `$n`, `$ids`, `$state`, `$deep`"
        );
        assert!(
            Query::parse("{ a }")
                .unwrap()
                .set("x", "1")
                .unwrap_err()
                .contains("declares no variables")
        );
        assert!(Query::parse("SELECT 1").is_err());
    }
}

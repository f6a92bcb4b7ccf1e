//! Tells an answer that reports an error, whatever its status, from a document that is a row.

use crate::data::path::pointer;
use crate::say::harmless;
use std::io::Read;

use super::envelope_keys;
use super::json::scan::Scanner;
use super::position::DataProblem;
use crate::data::path::Step;
use crate::rules::Rules;
use crate::source::{StagedFile, excerpt};

/// Bytes of an error that are looked at.
pub(crate) const LOOKED_AT: u64 = 4096;

/// Texts that say that there is none.
const NONE: [&str; 7] = ["", "0", "none", "null", "false", "ok", "no error"];

/// Whether an answer tells under such a key what went wrong.
pub(crate) fn is_error(key: &str) -> bool {
    matches!(envelope_keys::word(key).as_str(), "error" | "errors")
}

/// Fails if a document tells of an error under a key of its root; one that `columns` names is data.
pub(crate) fn check_document(file: &StagedFile, rules: &Rules) -> Result<(), DataProblem> {
    let (input, skipped) = crate::readers::text::open_utf8(&file.path)?;
    check_in(&mut Scanner::new(input, skipped), &|key| {
        rules.names_key(key)
    })
}

/// Fails if a document, of which a part has been read, tells of an error: it lacks what was declared.
pub(crate) fn look<R: Read>(scanner: &mut Scanner<R>) -> Result<(), DataProblem> {
    check_in(scanner, &|_| false)
}

fn check_in<R: Read>(
    scanner: &mut Scanner<R>,
    is_data: &dyn Fn(&str) -> bool,
) -> Result<(), DataProblem> {
    if scanner.peek()? != Some(b'{') {
        return Ok(());
    }
    let mut found = None;
    scanner.object(|scanner, key| {
        if found.is_some() || !is_error(&key) || is_data(&key) {
            return scanner.pass();
        }
        let range = scanner.value()?;
        let (bytes, _) = scanner.bytes(&range);
        found = judge(&key, bytes);
        Ok::<(), DataProblem>(())
    })?;
    found.map_or(Ok(()), Err)
}

/// Decides by the beginning of a value whether it tells of an error.
pub(crate) fn judge(key: &str, head: &[u8]) -> Option<DataProblem> {
    let head = &head[..head
        .len()
        .min(usize::try_from(LOOKED_AT).unwrap_or(usize::MAX))];
    let is_error = match serde_json::from_slice::<serde_json::Value>(head) {
        Ok(serde_json::Value::Number(number)) => {
            // How many errors there were is data, and so is how large one is; a status is not.
            envelope_keys::word(key) == "error" && number.as_u64().is_some_and(|code| code >= 100)
        }
        Ok(value) => says_something(&value),
        // Cut off, so there is a lot of it.
        Err(_) => true,
    };
    is_error.then(|| {
        let place = pointer(&[Step::Key(key.to_owned())]);
        DataProblem::new(format!(
            "the source reports an error at `{}` where rows were expected: {}",
            harmless(place),
            excerpt(head)
        ))
        .hint("correct what is asked for in `source`, `params`, `auth` or `body`; if this is data, declare its column in `columns`")
    })
}

fn says_something(value: &serde_json::Value) -> bool {
    use serde_json::Value;
    match value {
        Value::Null => false,
        Value::Bool(is_so) => *is_so,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !NONE.contains(&text.trim().to_lowercase().as_str()),
        Value::Array(values) => values.iter().any(says_something),
        Value::Object(values) => values.values().any(says_something),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_empty_is_no_error() {
        for (value, expected) in [
            ("null", false),
            ("false", false),
            ("true", true),
            ("\"\"", false),
            ("\" \"", false),
            ("\"OK\"", false),
            ("\"denied\"", true),
            ("[]", false),
            ("[null]", false),
            (r#"["x"]"#, true),
            ("{}", false),
            (r#"{"code":0,"message":""}"#, false),
            (r#"{"code":7,"message":""}"#, true),
            ("0", false),
            ("0.05", false),
            ("404", true),
            (r#"{"message":"cut"#, true),
        ] {
            assert_eq!(
                judge("error", value.as_bytes()).is_some(),
                expected,
                "{value}"
            );
        }
        assert!(judge("errors", b"404").is_none());
    }

    #[test]
    fn an_error_is_shown_short() {
        let long = format!("\"{}\"", "x".repeat(10_000));
        let problem = judge("error", long.as_bytes()).unwrap();
        assert!(problem.what.chars().count() < 400, "{}", problem.what);
    }
}

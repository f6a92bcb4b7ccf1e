//! How documents of `OData` begin, in JSON and in Atom.
//!
//! What is looked at is the beginning of a document, cut off anywhere, which no JSON library reads; so the members of
//! the root object are split by hand, and keys and values are left to `serde_json`.

/// Keys of the root object that only `OData` has.
const CONTEXTS: [&str; 3] = ["@odata.context", "odata.metadata", "@context"];

/// Namespace of what `OData` adds to Atom.
const ATOM_NAMESPACES: [&str; 2] = [
    "http://schemas.microsoft.com/ado/2007/08/dataservices",
    "http://docs.oasis-open.org/odata/ns/",
];

/// Returns whether a JSON text, which may be cut off, is an `OData` envelope.
pub(in crate::source) fn is_json(text: &[u8]) -> bool {
    context(text).is_some() || is_version_2(text)
}

/// Returns whether an XML text begins as a feed or entry of `OData`.
pub(in crate::source) fn is_atom(text: &[u8]) -> bool {
    let head = String::from_utf8_lossy(&text[..text.len().min(4096)]);
    let has_root = ["feed", "entry"]
        .iter()
        .any(|name| head.contains(&format!("<{name}")) || head.contains(&format!(":{name}")));
    has_root
        && ATOM_NAMESPACES
            .iter()
            .any(|namespace| head.contains(namespace))
}

/// Returns the address of the description of an answer, with what it describes behind `#`.
pub(in crate::source) fn context(text: &[u8]) -> Option<String> {
    let mut found = None;
    for (key, value) in root_members(text) {
        if CONTEXTS.contains(&key.as_str()) {
            let value: String = serde_json::from_slice(value).ok()?;
            // JSON-LD calls its vocabulary `@context` as well.
            if value.contains("$metadata") {
                found = Some(value);
                break;
            }
        }
    }
    found
}

/// Version 2 wraps everything in `d`, and every entity says what it is.
fn is_version_2(text: &[u8]) -> bool {
    let Some((key, value)) = root_members(text).next() else {
        return false;
    };
    key == "d"
        && value
            .windows(b"\"__metadata\"".len())
            .any(|window| window == b"\"__metadata\"")
}

/// Goes through the members of a root object as far as the text reaches.
///
/// The text of a value that is cut off is what there is of it.
fn root_members(text: &[u8]) -> impl Iterator<Item = (String, &[u8])> {
    let mut rest = text.trim_ascii_start().strip_prefix(b"{").unwrap_or(b"");
    std::iter::from_fn(move || {
        rest = rest.trim_ascii_start();
        let (key, after) = token(rest);
        let key: String = serde_json::from_slice(key).ok()?;
        let after = after
            .trim_ascii_start()
            .strip_prefix(b":")?
            .trim_ascii_start();
        let (value, after) = token(after);
        let after = after.trim_ascii_start();
        rest = after.strip_prefix(b",").unwrap_or(b"");
        Some((key, value))
    })
}

/// Splits off the first JSON value; it may be cut off.
fn token(text: &[u8]) -> (&[u8], &[u8]) {
    let (mut depth, mut in_string, mut is_escaped) = (0_usize, false, false);
    for (at, &byte) in text.iter().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_string => is_escaped = true,
            b'"' => {
                in_string = !in_string;
                if !in_string && depth == 0 {
                    return text.split_at(at + 1);
                }
            }
            _ if in_string => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth <= 1 => return text.split_at((at + depth).min(text.len())),
            b'}' | b']' => depth -= 1,
            b',' if depth == 0 => return text.split_at(at),
            _ => {}
        }
    }
    (text, &[])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn envelopes_are_recognised() {
        for (text, expected) in [
            (
                r#"{"@odata.context":"https://x/$metadata#O","value":[{"#,
                true,
            ),
            (
                r#"{"value":[{"a":"}]"}],"@odata.context":"$metadata#O"}"#,
                true,
            ),
            (r#"{"odata.metadata":"https://x/$metadata#O"}"#, true),
            (r#"{"@context":"https://schema.org"}"#, false),
            (r#"{"d":{"results":[{"__metadata":{"uri":"x"}"#, true),
            (r#"{"d":[{"__metadata":{}}]}"#, true),
            (r#"{"d":[{"a":1}]}"#, false),
            (r#"{"value":[{"@odata.context":"$metadata"}]}"#, false),
            ("{", false),
            ("[1]", false),
            ("", false),
            ("}", false),
        ] {
            assert_eq!(is_json(text.as_bytes()), expected, "{text}");
        }
    }
}

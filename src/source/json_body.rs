//! Changes one value of a JSON request body and leaves every other byte of meaning as the user wrote it.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// Puts a JSON value where the keys lead; objects on the way are made, elements of arrays must be there.
///
/// The error says what stands in the way. The order of keys and the digits of numbers stay.
pub(super) fn put(text: &str, keys: &[String], value: &str) -> Result<String, String> {
    let Some((key, rest)) = keys.split_first() else {
        return Ok(value.to_owned());
    };
    let inner = |old: &str| put(old, rest, value);
    if text.trim_start().starts_with('[') {
        let elements: Vec<&RawValue> = read(text)?;
        let index: Option<usize> = key.parse().ok().filter(|index| *index < elements.len());
        let Some(index) = index else {
            return Err(format!("the array there has no element `{key}`"));
        };
        let mut texts: Vec<String> = elements.iter().map(|raw| raw.get().to_owned()).collect();
        texts[index] = inner(&texts[index])?;
        return Ok(format!("[{}]", texts.join(",")));
    }
    if !text.trim_start().starts_with('{') {
        return Err(format!(
            "`{key}` would lie inside a value that is no object"
        ));
    }
    let OrderedObject(members) = read(text)?;
    let mut is_there = false;
    let mut texts = Vec::with_capacity(members.len() + 1);
    for (name, raw) in &members {
        let new = if name == key {
            is_there = true;
            inner(raw.get())?
        } else {
            raw.get().to_owned()
        };
        texts.push(format!("{}:{new}", quoted(name)));
    }
    if !is_there {
        texts.push(format!("{}:{}", quoted(key), inner("{}")?));
    }
    Ok(format!("{{{}}}", texts.join(",")))
}

/// Writes a text as a JSON string.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn read<'t, T: Deserialize<'t>>(text: &'t str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| format!("it is no JSON: {error}"))
}

/// An object with its keys in their order.
struct OrderedObject<'t>(Vec<(String, &'t RawValue)>);

impl<'t> Deserialize<'t> for OrderedObject<'t> {
    fn deserialize<D: Deserializer<'t>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor;
        impl<'t> Visitor<'t> for ObjectVisitor {
            type Value = OrderedObject<'t>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'t>>(
                self,
                mut map: A,
            ) -> Result<OrderedObject<'t>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(OrderedObject(members))
            }
        }
        deserializer.deserialize_map(ObjectVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, path: &[&str], expected: Result<&str, &str>) {
        let keys: Vec<String> = path.iter().map(|key| (*key).to_owned()).collect();
        let result = put(text, &keys, "7");
        assert_eq!(result.as_deref().map_err(String::as_str), expected);
    }

    #[test]
    fn one_value_changes_and_the_rest_stays() {
        check(
            r#"{"z": 1.10, "a": {"from": 0, "x": 12345678901234567890123}}"#,
            &["a", "from"],
            Ok(r#"{"z":1.10,"a":{"from":7,"x":12345678901234567890123}}"#),
        );
        check("{}", &["a", "b"], Ok(r#"{"a":{"b":7}}"#));
        check(
            r#"{"q\"":[{"n":1},2]}"#,
            &["q\"", "0", "n"],
            Ok(r#"{"q\"":[{"n":7},2]}"#),
        );
        check("[1]", &["1"], Err("the array there has no element `1`"));
        check(
            r#"{"a":5}"#,
            &["a", "b"],
            Err("`b` would lie inside a value that is no object"),
        );
    }
}

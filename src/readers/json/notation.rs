//! What `OData` wraps around the data in JSON: control information, and lists that go on elsewhere.

use serde_json::value::RawValue;

use crate::readers::position::DataProblem;
use crate::say::quoted;

/// How records are to be taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Notation {
    #[default]
    Plain,
    /// Annotations, links and the like are no data.
    OData,
}

/// Returns whether a key is about the data and none itself.
pub(crate) fn is_control(key: &str) -> bool {
    key.contains('@')
        || key.starts_with("odata.")
        || matches!(key, "__metadata" | "__deferred" | "__count" | "__next")
}

/// Returns whether a key says that the list before the `@` goes on elsewhere.
pub(crate) fn continues(key: &str) -> bool {
    key.ends_with("@odata.nextLink") || key.ends_with("@nextLink")
}

/// Says that only the first part of an expanded list is there.
pub(crate) fn incomplete(list: &str) -> DataProblem {
    let name = list.rsplit('/').next().unwrap_or(list);
    DataProblem::new(format!(
        "the service gives only the first part of the expanded list {}, and a link to the rest",
        quoted(list)
    ))
    .column(list.replace('/', "."))
    .hint(format!(
        "fetch the list as a source of its own, ask for more at once in `source`, as in `$expand={name}($top=1000)`, or leave it out in `columns`: `{name}: skip`"
    ))
}

/// Returns the name of a list inside a JSON text that goes on elsewhere.
pub(crate) fn cut_inside(text: &str) -> Option<String> {
    if !text.contains("nextLink\"") && !text.contains("\"__next\"") {
        return None;
    }
    cut_in(&serde_json::from_str(text).ok()?)
}

fn cut_in(value: &serde_json::Value) -> Option<String> {
    use serde_json::Value;
    match value {
        Value::Array(values) => values.iter().find_map(cut_in),
        Value::Object(members) => members.iter().find_map(|(key, value)| {
            let is_set = value.as_str().is_some_and(|link| !link.is_empty());
            let is_link = continues(key) && !key.starts_with('@');
            if is_set && is_link {
                return key.split('@').next().map(str::to_owned);
            }
            let has_next = value["__next"]
                .as_str()
                .is_some_and(|link| !link.is_empty());
            if has_next && value["results"].is_array() {
                return Some(key.clone());
            }
            cut_in(value)
        }),
        _ => None,
    }
}

/// Returns the list that the older version wraps in an object.
pub(crate) fn results(object: &str) -> Option<Expansion<'_>> {
    #[derive(serde::Deserialize)]
    struct Expanded<'a> {
        #[serde(borrow)]
        results: &'a RawValue,
        #[serde(borrow, default, rename = "__next")]
        next: Option<&'a RawValue>,
    }
    let inside = object.strip_prefix('{')?.trim_ascii_start();
    if !inside.starts_with("\"results\"") {
        return None;
    }
    let expanded: Expanded<'_> = serde_json::from_str(object).ok()?;
    let list = expanded.results.get();
    let is_whole = expanded
        .next
        .is_none_or(|next| matches!(next.get(), "null" | "\"\""));
    list.starts_with('[')
        .then_some(Expansion { list, is_whole })
}

/// A list of the older version.
pub(crate) struct Expansion<'a> {
    /// Its JSON text.
    pub(crate) list: &'a str,
    /// Whether there is no link to more of it.
    pub(crate) is_whole: bool,
}

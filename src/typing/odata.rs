//! `OData`: what its JSON and its Atom entries wrap around the data.

use serde_json::value::RawValue;

use super::edm::{StructureId, Types};
use super::profile::Survey;
use crate::data::path::RecordsPath;
use crate::readers::json::records::{self, Record};
use crate::readers::json::scan::Scanner;
use crate::readers::position::Problem;
use crate::readers::record::Stop;
use crate::readers::xml::tree::{Exactness, ItemId, Kind, Tree};
use crate::say::quoted;
use crate::source::{Staged, StagedFile};

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
pub(crate) fn incomplete(list: &str) -> Problem {
    let name = list.rsplit('/').next().unwrap_or(list);
    Problem::new(format!(
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

/// Finds out what the service says about the types of a file's records.
pub(crate) fn expect(
    staged: &Staged,
    file: &StagedFile,
    path: &RecordsPath,
    survey: &mut Survey,
    notices: &mut Vec<String>,
) -> Result<(), Problem> {
    let mut say = |notice: String| {
        if !notices.contains(&notice) {
            notices.push(notice);
        }
    };
    let own = staged
        .metadata
        .iter()
        .find(|metadata| metadata.origin == file.origin);
    let Some(described) = own.and_then(|metadata| metadata.path.as_ref()) else {
        say(String::from(
            "the types are inferred from the values: the service's `$metadata` is not there",
        ));
        return Ok(());
    };
    let document = std::fs::read_to_string(described)
        .map_err(|error| crate::readers::text::unreadable(&error))?;
    let types = match Types::parse(&document) {
        Ok(types) => types,
        Err(error) => {
            say(format!(
                "the types are inferred from the values: the service's `$metadata` cannot be read: {error}"
            ));
            Types::default()
        }
    };
    let record = record_type(file, path, &types)?;
    if record.is_none() {
        say(String::from(
            "the types are inferred from the values: the service's `$metadata` does not describe these records",
        ));
    }
    survey.layout.expect(types, record);
    Ok(())
}

/// Returns the type of a document's records, as far as `types` know it.
fn record_type(
    file: &StagedFile,
    path: &RecordsPath,
    types: &Types,
) -> Result<Option<StructureId>, Problem> {
    let (input, skipped) = crate::readers::text::open_utf8(&file.path)?;
    let mut scanner = Scanner::new(input, skipped);
    let mut context = None;
    if scanner.peek()? == Some(b'{') {
        scanner.object(|scanner, key| {
            let is_context = matches!(
                key.as_str(),
                "@odata.context" | "@context" | "odata.metadata"
            );
            if !is_context || scanner.peek()? != Some(b'"') {
                return scanner.pass();
            }
            let range = scanner.value()?;
            let (text, _) = scanner.text(&range)?;
            context = serde_json::from_str::<String>(text).ok();
            Ok::<(), Problem>(())
        })?;
    }
    if let Some(context) = context {
        let fragment = context.split_once('#').map_or("", |(_, fragment)| fragment);
        return Ok(types.described(fragment));
    }
    let mut name = None;
    let first = records::read(file, Some(path), &mut |record: Record<'_>| {
        let value: Option<serde_json::Value> = serde_json::from_str(record.text).ok();
        name = value
            .as_ref()
            .and_then(|value| value["__metadata"]["type"].as_str())
            .map(str::to_owned);
        // One is enough.
        Err(())
    });
    match first {
        Err(Stop::Problem(problem)) => Err(problem),
        _ => Ok(name.and_then(|name| types.named(&name))),
    }
}

/// Brings the properties of an Atom entry into a tree of their own.
pub(crate) fn properties(entry: &Tree, into: &mut Tree) -> Result<(), Problem> {
    into.clear();
    into.start("entry")?;
    let child = |at: ItemId, name: &str| entry.elements(at).find(|item| entry.name(*item) == name);
    let holder = child(0, "properties")
        .or_else(|| child(0, "content").and_then(|content| child(content, "properties")));
    if let Some(holder) = holder {
        copy_all(entry, holder, into)?;
    }
    for link in entry.elements(0).filter(|item| entry.name(*item) == "link") {
        let Some(inline) = child(link, "inline") else {
            continue;
        };
        let attribute = |name: &str| {
            let mut attributes = entry.children(link);
            let found = attributes.find(|item| entry.name(*item) == name);
            found.and_then(|item| entry.value(item))
        };
        let name = attribute("@title").or_else(|| attribute("@rel")?.rsplit('/').next());
        let Some(name) = name else { continue };
        if let Some(feed) = child(inline, "feed") {
            check_feed(entry, feed, name)?;
            into.start(name)?;
            into.mark(Kind::List, None)?;
            for inner in entry.elements(feed) {
                if entry.name(inner) == "entry" {
                    related(entry, inner, "element", into)?;
                }
            }
            into.end()?;
        } else if let Some(inner) = child(inline, "entry") {
            related(entry, inner, name, into)?;
        }
    }
    into.end().map(drop)
}

/// A feed inside an entry may have a link to its next page.
fn check_feed(entry: &Tree, feed: ItemId, name: &str) -> Result<(), Problem> {
    let is_next = |link: ItemId| {
        let mut attributes = entry.children(link);
        attributes.any(|item| entry.name(item) == "@rel" && entry.value(item) == Some("next"))
    };
    let mut links = entry.elements(feed);
    if links.any(|item| entry.name(item) == "link" && is_next(item)) {
        return Err(incomplete(name));
    }
    Ok(())
}

/// Copies an entry inside another one.
fn related(entry: &Tree, at: ItemId, name: &str, into: &mut Tree) -> Result<(), Problem> {
    let child = |at: ItemId, name: &str| entry.elements(at).find(|item| entry.name(*item) == name);
    into.start(name)?;
    let holder = child(at, "properties")
        .or_else(|| child(at, "content").and_then(|content| child(content, "properties")));
    if let Some(holder) = holder {
        copy_all(entry, holder, into)?;
    }
    into.end().map(drop)
}

fn copy_all(entry: &Tree, from: ItemId, into: &mut Tree) -> Result<(), Problem> {
    for property in entry.elements(from) {
        copy(entry, property, into)?;
    }
    Ok(())
}

/// Copies a property; its attributes are about it.
fn copy(entry: &Tree, at: ItemId, into: &mut Tree) -> Result<(), Problem> {
    let attribute = |name: &str| {
        let found = entry
            .children(at)
            .find(|item| entry.kind(*item) == Kind::Attribute && local(entry.name(*item)) == name);
        found.and_then(|item| entry.value(item))
    };
    let is_null = attribute("null").is_some_and(|value| matches!(value.trim(), "true" | "1"));
    let type_name = attribute("type");
    let is_list =
        type_name.is_some_and(|name| name.starts_with("Collection(") || name.starts_with("Bag("));
    let kind = match (is_null, is_list) {
        (true, _) => Kind::Null,
        (false, true) => Kind::List,
        (false, false) => Kind::Element,
    };
    into.start(entry.name(at))?;
    // A null that says no type says nothing about it.
    let has_elements = entry.elements(at).next().is_some();
    let unsaid = if is_null || has_elements {
        ""
    } else {
        "Edm.String"
    };
    into.mark(kind, Some(type_name.unwrap_or(unsaid)))?;
    if let Some(text) = entry.value(at).filter(|_| !has_elements) {
        into.text(text, Exactness::Exact)?;
    }
    copy_all(entry, at, into)?;
    into.end().map(drop)
}

/// The name behind the `@` and a prefix.
fn local(attribute: &str) -> &str {
    attribute.rsplit([':', '@']).next().unwrap_or(attribute)
}

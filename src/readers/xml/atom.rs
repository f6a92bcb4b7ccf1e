//! Atom entries of `OData`: their properties as a tree of their own, without what the feed wraps around them.

use super::tree::{Exactness, ItemId, ItemKind, Tree};
use crate::readers::json::notation::incomplete;
use crate::readers::position::DataProblem;

/// Brings the properties of an Atom entry into a tree of their own.
pub(crate) fn properties(entry: &Tree, into: &mut Tree) -> Result<(), DataProblem> {
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
            into.mark(ItemKind::List, None)?;
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
fn check_feed(entry: &Tree, feed: ItemId, name: &str) -> Result<(), DataProblem> {
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
fn related(entry: &Tree, at: ItemId, name: &str, into: &mut Tree) -> Result<(), DataProblem> {
    let child = |at: ItemId, name: &str| entry.elements(at).find(|item| entry.name(*item) == name);
    into.start(name)?;
    let holder = child(at, "properties")
        .or_else(|| child(at, "content").and_then(|content| child(content, "properties")));
    if let Some(holder) = holder {
        copy_all(entry, holder, into)?;
    }
    into.end().map(drop)
}

fn copy_all(entry: &Tree, from: ItemId, into: &mut Tree) -> Result<(), DataProblem> {
    for property in entry.elements(from) {
        copy(entry, property, into)?;
    }
    Ok(())
}

/// Copies a property; its attributes are about it.
fn copy(entry: &Tree, at: ItemId, into: &mut Tree) -> Result<(), DataProblem> {
    let attribute = |name: &str| {
        let found = entry.children(at).find(|item| {
            entry.kind(*item) == ItemKind::Attribute && local(entry.name(*item)) == name
        });
        found.and_then(|item| entry.value(item))
    };
    let is_null = attribute("null").is_some_and(|value| matches!(value.trim(), "true" | "1"));
    let type_name = attribute("type");
    let is_list =
        type_name.is_some_and(|name| name.starts_with("Collection(") || name.starts_with("Bag("));
    let kind = match (is_null, is_list) {
        (true, _) => ItemKind::Null,
        (false, true) => ItemKind::List,
        (false, false) => ItemKind::Element,
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

//! Elements as JSON: what stays one value of a column although there is more inside.

use std::collections::HashSet;

use super::shape::{RecordShape, ShapeId};
use super::tree::{ItemId, ItemKind, Tree};

/// Returns the JSON array of the list that begins with `first` inside `parent`.
pub(crate) fn array<'t>(
    tree: &'t Tree,
    (parent, first): (ItemId, ItemId),
    shape: (&RecordShape, ShapeId),
) -> &'t str {
    tree.json(first, || {
        let mut json = String::new();
        write_array(tree, &tree.list(parent, first), shape, &mut json);
        json
    })
}

/// Returns the JSON object of an element.
pub(crate) fn object<'t>(tree: &'t Tree, at: ItemId, shape: (&RecordShape, ShapeId)) -> &'t str {
    tree.json(at, || {
        let mut json = String::new();
        write(tree, at, shape, &mut json);
        json
    })
}

fn write_array(tree: &Tree, items: &[ItemId], shape: (&RecordShape, ShapeId), json: &mut String) {
    json.push('[');
    for (position, item) in items.iter().enumerate() {
        if position > 0 {
            json.push(',');
        }
        write(tree, *item, shape, json);
    }
    json.push(']');
}

fn write(tree: &Tree, at: ItemId, (shape, id): (&RecordShape, ShapeId), json: &mut String) {
    if shape.is_simple(id) || tree.kind(at) == ItemKind::Null {
        write_text(tree.value(at), json);
        return;
    }
    let mut members = JsonObject { json, count: 0 };
    let mut lists: HashSet<ShapeId> = HashSet::new();
    for child in tree.children(at) {
        let name = tree.name(child);
        match tree.kind(child) {
            ItemKind::Attribute => {
                // Beside an element of that name it keeps its `@`.
                let plain = &name[1..];
                let is_taken =
                    shape.child(id, plain).is_some() || plain == "value" && shape.has_text(id);
                let json = members.begin(if is_taken { name } else { plain });
                write_text(tree.value(child), json);
            }
            ItemKind::Schema => {}
            ItemKind::Element | ItemKind::Null | ItemKind::List => {
                let Some(inner) = shape.child(id, name) else {
                    continue;
                };
                if !shape.is_list(inner) {
                    write(tree, child, (shape, inner), members.begin(name));
                } else if lists.insert(inner) {
                    let list = tree.list(at, child);
                    write_array(tree, &list, (shape, inner), members.begin(name));
                }
            }
        }
    }
    if let Some(text) = tree.value(at) {
        let is_taken = shape.child(id, "value").is_some();
        let json = members.begin(if is_taken { "#text" } else { "value" });
        write_text(Some(text), json);
    }
    members.end();
}

/// A JSON object that is being written.
struct JsonObject<'j> {
    json: &'j mut String,
    count: usize,
}

impl JsonObject<'_> {
    fn begin(&mut self, name: &str) -> &mut String {
        self.json.push(if self.count == 0 { '{' } else { ',' });
        self.count += 1;
        write_text(Some(name), self.json);
        self.json.push(':');
        self.json
    }

    fn end(self) {
        self.json.push_str(if self.count == 0 { "{}" } else { "}" });
    }
}

fn write_text(text: Option<&str>, json: &mut String) {
    match text {
        Some(text) => json.push_str(&serde_json::Value::from(text).to_string()),
        None => json.push_str("null"),
    }
}

//! What the records of XML documents look like when all are taken together.
//!
//! Found out before values are looked at: whether a child is a list must not depend on the record.

use std::collections::{HashMap, HashSet};

use super::tree::{ItemId, ItemKind, Tree};

/// Index of an element in the shape of its record.
pub(crate) type ShapeId = usize;

/// Elements of a record, as a tree; the first is the record itself.
#[derive(Debug)]
pub(crate) struct RecordShape {
    elements: Vec<ElementShape>,
    /// Elements looked at so far.
    n_parents: u64,
    /// Local names that need their prefix: two namespaces use them side by side.
    pub(crate) split: HashSet<String>,
}

#[derive(Debug, Default)]
struct ElementShape {
    children: HashMap<String, ShapeId>,
    attributes: HashSet<String>,
    has_text: bool,
    /// Whether it comes more than once in one parent.
    is_list: bool,
    /// The last parent in which it came.
    seen_in: u64,
    /// What the documents say about the type, if they agree.
    edm: Edm,
}

/// Types the documents themselves name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Edm {
    /// Only nulls so far.
    #[default]
    Unknown,
    Named(String),
    /// Several, so none.
    Mixed,
}

impl Default for RecordShape {
    fn default() -> RecordShape {
        RecordShape {
            elements: vec![ElementShape::default()],
            n_parents: 0,
            split: HashSet::new(),
        }
    }
}

impl RecordShape {
    pub(crate) const RECORD: ShapeId = 0;

    /// A shape in which these names keep their prefix.
    pub(crate) fn splitting(split: HashSet<String>) -> RecordShape {
        RecordShape {
            split,
            ..RecordShape::default()
        }
    }

    /// Takes note of one record.
    pub(crate) fn observe(&mut self, tree: &Tree) {
        self.observe_at(tree, 0, RecordShape::RECORD);
    }

    fn observe_at(&mut self, tree: &Tree, at: ItemId, id: ShapeId) {
        if tree.value(at).is_some() {
            self.elements[id].has_text = true;
        }
        self.n_parents += 1;
        let parent = self.n_parents;
        for child in tree.children(at) {
            let name = tree.name(child);
            match tree.kind(child) {
                ItemKind::Attribute => {
                    let attributes = &mut self.elements[id].attributes;
                    if !attributes.contains(&name[1..]) {
                        attributes.insert(name[1..].to_owned());
                    }
                    continue;
                }
                ItemKind::Schema => continue,
                ItemKind::Element | ItemKind::Null | ItemKind::List => {}
            }
            let inner = self.child(id, name).unwrap_or_else(|| {
                let inner = self.elements.len();
                self.elements.push(ElementShape::default());
                self.elements[id].children.insert(name.to_owned(), inner);
                inner
            });
            if std::mem::replace(&mut self.elements[inner].seen_in, parent) == parent {
                self.elements[inner].is_list = true;
            }
            if tree.kind(child) == ItemKind::List {
                self.elements[inner].is_list = true;
                for element in tree.elements(child) {
                    self.observe_at(tree, element, inner);
                }
            } else {
                if let Some(edm) = tree.edm(child).filter(|edm| !edm.is_empty()) {
                    self.elements[inner].edm.merge(edm);
                }
                self.observe_at(tree, child, inner);
            }
        }
    }

    pub(crate) fn child(&self, id: ShapeId, name: &str) -> Option<ShapeId> {
        self.elements[id].children.get(name).copied()
    }

    pub(crate) fn children(&self, id: ShapeId) -> impl Iterator<Item = (&str, ShapeId)> {
        let children = self.elements[id].children.iter();
        children.map(|(name, id)| (name.as_str(), *id))
    }

    /// Whether it never has anything but text.
    pub(crate) fn is_simple(&self, id: ShapeId) -> bool {
        let element = &self.elements[id];
        element.children.is_empty() && element.attributes.is_empty()
    }

    pub(crate) fn has_elements(&self, id: ShapeId) -> bool {
        !self.elements[id].children.is_empty()
    }

    pub(crate) fn has_text(&self, id: ShapeId) -> bool {
        self.elements[id].has_text
    }

    pub(crate) fn is_list(&self, id: ShapeId) -> bool {
        self.elements[id].is_list
    }

    pub(crate) fn edm(&self, id: ShapeId) -> &Edm {
        &self.elements[id].edm
    }
}

impl Edm {
    fn merge(&mut self, name: &str) {
        match self {
            Edm::Unknown => *self = Edm::Named(name.to_owned()),
            Edm::Named(known) if known == name => {}
            Edm::Named(_) | Edm::Mixed => *self = Edm::Mixed,
        }
    }
}

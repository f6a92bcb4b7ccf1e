//! One XML element with everything inside, in a flat piece of memory that is used again for the next.
//!
//! Own code beside roxmltree and xot, which hold a whole document: here it is one record, and whether an element is a
//! list is decided over all records.

use crate::readers::text::too_large;
use std::cell::OnceCell;
use std::ops::Range;

use crate::data::token::Token;
use crate::readers::position::DataProblem;

/// Deepest nesting of elements that is followed.
pub(crate) const DEEPEST: usize = 100;

/// Most elements and attributes of one record.
const MOST_ITEMS: usize = 4 << 20;

/// Index of an element or attribute in its tree.
pub(crate) type ItemId = usize;

/// A record: its elements and attributes in the order of the document.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    items: Vec<Item>,
    /// Names and values of the items.
    text: String,
    /// Elements that have begun and not ended.
    open: Vec<ItemId>,
    /// Own text of each of these; longer than `open` to keep the memory.
    own: Vec<Own>,
}

#[derive(Debug, Default)]
struct Own {
    text: String,
    /// Whether a part of it is meant exactly as written.
    is_exact: bool,
    has_elements: bool,
}

#[derive(Debug)]
struct Item {
    kind: ItemKind,
    /// Of attributes behind an `@`.
    name: Range<usize>,
    value: Option<Range<usize>>,
    /// Index behind the last item inside.
    end: ItemId,
    /// What the document says about the type.
    edm: Option<Range<usize>>,
    /// JSON of this element, or of all its like-named siblings, once it was asked for.
    json: OnceCell<String>,
}

/// What an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ItemKind {
    Element,
    /// An element that is explicitly null.
    Null,
    /// An element whose children are the elements of a list.
    List,
    Attribute,
    /// An attribute that describes its element and is no data.
    Schema,
}

impl Tree {
    pub(crate) fn clear(&mut self) {
        self.items.clear();
        self.text.clear();
        self.open.clear();
    }

    /// Begins an element inside the open one.
    pub(crate) fn start(&mut self, name: &str) -> Result<(), DataProblem> {
        let depth = self.open.len();
        if depth >= DEEPEST {
            return Err(DataProblem::new(format!(
                "elements are nested deeper than {DEEPEST} levels"
            )));
        }
        if let Some(parent) = depth.checked_sub(1) {
            self.own[parent].has_elements = true;
        }
        if self.own.len() == depth {
            self.own.push(Own::default());
        }
        let own = &mut self.own[depth];
        own.text.clear();
        own.is_exact = false;
        own.has_elements = false;
        let name = self.keep(&[name])?;
        self.open.push(self.items.len());
        self.push(ItemKind::Element, name, None);
        Ok(())
    }

    /// Adds an attribute to the element begun last.
    pub(crate) fn attribute(
        &mut self,
        kind: ItemKind,
        name: &str,
        value: &str,
    ) -> Result<(), DataProblem> {
        let name = self.keep(&["@", name])?;
        let value = match value {
            "" => None,
            value => Some(self.keep(&[value])?),
        };
        self.push(kind, name, value);
        Ok(())
    }

    /// Says what the element begun last is.
    pub(crate) fn mark(&mut self, kind: ItemKind, edm: Option<&str>) -> Result<(), DataProblem> {
        let edm = match edm {
            Some(edm) => Some(self.keep(&[edm])?),
            None => None,
        };
        if let Some(&at) = self.open.last() {
            self.items[at].kind = kind;
            self.items[at].edm = edm;
        }
        Ok(())
    }

    /// Adds text to the open element; `is_exact` keeps even blanks that stand alone.
    pub(crate) fn text(&mut self, text: &str, is_exact: Exactness) -> Result<(), DataProblem> {
        if let Some(depth) = self.open.len().checked_sub(1) {
            let own = &mut self.own[depth];
            own.text.push_str(text);
            own.is_exact |= is_exact == Exactness::Exact;
            if too_long(own.text.len() + self.text.len()) {
                return Err(too_large(
                    "set `records` to the path of the rows inside the document",
                ));
            }
        }
        Ok(())
    }

    /// Ends the open element; returns true if it was the outermost.
    pub(crate) fn end(&mut self) -> Result<bool, DataProblem> {
        let Some(at) = self.open.pop() else {
            return Ok(true);
        };
        let own = std::mem::take(&mut self.own[self.open.len()]);
        let is_empty = own.text.chars().all(is_blank);
        let text = if own.has_elements {
            own.text.trim_matches(is_blank)
        } else if is_empty && !own.is_exact {
            ""
        } else {
            own.text.as_str()
        };
        if !text.is_empty() && self.items[at].kind != ItemKind::Null {
            self.items[at].value = Some(self.keep(&[text])?);
        }
        self.own[self.open.len()] = own;
        self.items[at].end = self.items.len();
        if self.items.len() > MOST_ITEMS {
            return Err(too_large(
                "set `records` to the path of the rows inside the document",
            ));
        }
        Ok(self.open.is_empty())
    }

    fn push(&mut self, kind: ItemKind, name: Range<usize>, value: Option<Range<usize>>) {
        self.items.push(Item {
            kind,
            name,
            value,
            end: self.items.len() + 1,
            edm: None,
            json: OnceCell::new(),
        });
    }

    fn keep(&mut self, parts: &[&str]) -> Result<Range<usize>, DataProblem> {
        let start = self.text.len();
        for part in parts {
            self.text.push_str(part);
        }
        if too_long(self.text.len()) {
            return Err(too_large(
                "set `records` to the path of the rows inside the document",
            ));
        }
        Ok(start..self.text.len())
    }

    pub(crate) fn kind(&self, at: ItemId) -> ItemKind {
        self.items[at].kind
    }

    /// Returns the name; of attributes behind an `@`.
    pub(crate) fn name(&self, at: ItemId) -> &str {
        &self.text[self.items[at].name.clone()]
    }

    /// Returns an element's own text or an attribute's value, unless it is empty.
    pub(crate) fn value(&self, at: ItemId) -> Option<&str> {
        let value = self.items[at].value.clone()?;
        Some(&self.text[value])
    }

    pub(crate) fn edm(&self, at: ItemId) -> Option<&str> {
        let edm = self.items[at].edm.clone()?;
        Some(&self.text[edm])
    }

    pub(crate) fn token(&self, at: ItemId) -> Token<'_> {
        let item = &self.items[at];
        match self.value(at) {
            Some(text) => Token::Field(text),
            // What says that it is text and not null is empty text.
            None if item.kind == ItemKind::Element && self.edm(at) == Some("Edm.String") => {
                Token::Text("")
            }
            None => Token::Null,
        }
    }

    /// Goes through the attributes and elements directly inside an element.
    pub(crate) fn children(&self, at: ItemId) -> impl Iterator<Item = ItemId> + '_ {
        let end = self.items.get(at).map_or(0, |item| item.end);
        let mut next = at + 1;
        std::iter::from_fn(move || {
            let child = next;
            next = self.items.get(child).filter(|_| child < end)?.end;
            Some(child)
        })
    }

    /// Goes through the elements directly inside an element.
    pub(crate) fn elements(&self, at: ItemId) -> impl Iterator<Item = ItemId> + '_ {
        self.children(at).filter(|child| {
            !matches!(
                self.items[*child].kind,
                ItemKind::Attribute | ItemKind::Schema
            )
        })
    }

    /// Goes through the elements that are one list: those of this name, or the children of a list element.
    pub(crate) fn list(&self, parent: ItemId, first: ItemId) -> Vec<ItemId> {
        if self.kind(first) == ItemKind::List {
            return self.elements(first).collect();
        }
        let name = self.name(first);
        self.elements(parent)
            .filter(|item| self.name(*item) == name)
            .collect()
    }

    /// Returns the JSON of an element, or of the list it begins, which is written once it is asked for.
    pub(crate) fn json(&self, at: ItemId, write: impl FnOnce() -> String) -> &str {
        self.items[at].json.get_or_init(write)
    }
}

/// Whether text stands as it is, as in CDATA, or among the layout of the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exactness {
    Exact,
    Loose,
}

/// White space as XML has it.
fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

fn too_long(length: usize) -> bool {
    u64::try_from(length).is_ok_and(|length| length > crate::readers::text::LARGEST_VALUE)
}

//! One XML record, flattened: every value goes to the node of its name.

use std::collections::HashSet;

use crate::data::token::Token;
use crate::readers::position::DataProblem;
use crate::readers::record::changed;
use crate::readers::xml::json;
use crate::readers::xml::shape::{RecordShape, ShapeId};
use crate::readers::xml::tree::{ItemId, ItemKind, Tree};
use crate::rules::columns::RuleKind;
use crate::say::quoted;
use crate::typing::layout::{NodeId, Scope, Whole};
use crate::typing::row::Row;

/// A record and what its like look like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shaped<'r> {
    pub(crate) tree: &'r Tree,
    pub(crate) shape: &'r RecordShape,
}

/// Takes one record apart.
pub(crate) fn record<'r>(row: &mut Row<'_, 'r>, record: Shaped<'r>) -> Result<(), DataProblem> {
    if record.shape.is_simple(RecordShape::RECORD) {
        return match row.key(NodeId::ROOT, 0, "value", Scope::All)? {
            Some(node) => row.token(node, record.tree.token(0), Scope::All),
            None => Ok(()),
        };
    }
    record.inside(row, NodeId::ROOT, (0, RecordShape::RECORD), Scope::All)
}

impl<'r> Shaped<'r> {
    /// Takes everything inside an element.
    fn inside(
        self,
        row: &mut Row<'_, 'r>,
        node: NodeId,
        (at, id): (ItemId, ShapeId),
        scope: Scope,
    ) -> Result<(), DataProblem> {
        let mut expected = 0;
        let mut lists: HashSet<ShapeId> = HashSet::new();
        for child in self.tree.children(at) {
            let name = self.tree.name(child);
            match self.tree.kind(child) {
                ItemKind::Attribute | ItemKind::Schema => {
                    self.attribute(row, node, (child, id), &mut expected, scope)?;
                }
                ItemKind::Element | ItemKind::Null | ItemKind::List => {
                    let Some(inner) = self.shape.child(id, name) else {
                        return Err(changed());
                    };
                    let is_list = self.shape.is_list(inner);
                    if is_list && lists.contains(&inner) {
                        continue;
                    }
                    let Some(place) = row.key(node, expected, name, scope)? else {
                        continue;
                    };
                    expected = row.layout().position(place) + 1;
                    if is_list {
                        lists.insert(inner);
                        self.list(row, place, (at, child), inner, scope)?;
                    } else {
                        self.value(row, place, (child, inner), scope)?;
                    }
                }
            }
        }
        if let Some(text) = self.tree.value(at) {
            self.text(row, node, id, text, expected, scope)?;
        }
        Ok(())
    }

    /// An attribute is a column of its plain name, unless `from` asks for it behind an `@`.
    fn attribute(
        self,
        row: &mut Row<'_, 'r>,
        node: NodeId,
        (at, id): (ItemId, ShapeId),
        expected: &mut usize,
        scope: Scope,
    ) -> Result<(), DataProblem> {
        let name = self.tree.name(at);
        if let Some(place) = row.key(node, 0, name, Scope::Declared)? {
            return row.token(place, self.tree.token(at), Scope::Declared);
        }
        if self.tree.kind(at) == ItemKind::Schema {
            return Ok(());
        }
        let plain = &name[1..];
        let clash = if self.shape.child(id, plain).is_some() {
            Some("a child")
        } else if plain == "value" && self.shape.has_text(id) {
            Some("a text, whose column is")
        } else {
            None
        };
        if let (Some(clash), Scope::All) = (clash, scope) {
            let path = row.layout().path_of(node, name);
            return Err(DataProblem::new(format!(
                "an element has both an attribute and {clash} {}",
                quoted(plain)
            ))
            .column(plain)
            .hint(format!(
                "give the attribute a column of its own in `columns`: `{plain}_attribute: text from {path}`"
            )));
        }
        if let Some(place) = row.key(node, *expected, plain, scope)? {
            *expected = row.layout().position(place) + 1;
            row.token(place, self.tree.token(at), scope)?;
        }
        Ok(())
    }

    /// Text beside attributes or elements is the column `value`.
    fn text(
        self,
        row: &mut Row<'_, 'r>,
        node: NodeId,
        id: ShapeId,
        text: &'r str,
        expected: usize,
        scope: Scope,
    ) -> Result<(), DataProblem> {
        if self.shape.child(id, "value").is_some() && scope == Scope::All {
            return Err(DataProblem::new(
                "an element has both text of its own and a child `value`",
            )
            .hint("keep the element as JSON in `columns`: `name: json`"));
        }
        match row.key(node, expected, "value", scope)? {
            Some(place) => row.token(place, Token::Field(text), scope),
            None => Ok(()),
        }
    }

    fn list(
        self,
        row: &mut Row<'_, 'r>,
        node: NodeId,
        (parent, first): (ItemId, ItemId),
        id: ShapeId,
        scope: Scope,
    ) -> Result<(), DataProblem> {
        let text = json::array(self.tree, (parent, first), (self.shape, id));
        row.token(node, Token::Document(text), scope)?;
        if !row.layout().node(node).declared_below {
            return Ok(());
        }
        for (index, element) in self.tree.list(parent, first).into_iter().enumerate() {
            if let Some(place) = row.key(node, 0, &index.to_string(), Scope::Declared)? {
                self.value(row, place, (element, id), Scope::Declared)?;
            }
        }
        Ok(())
    }

    fn value(
        self,
        row: &mut Row<'_, 'r>,
        node: NodeId,
        (at, id): (ItemId, ShapeId),
        scope: Scope,
    ) -> Result<(), DataProblem> {
        if self.shape.is_simple(id) {
            return row.token(node, self.tree.token(at), scope);
        }
        if self.tree.kind(at) == ItemKind::Null {
            return row.token(node, Token::Null, scope);
        }
        let nested = row.layout().nested(node, scope);
        if nested.whole == Whole::Kept {
            let is_typed = matches!(row.layout().declared(node), Some(RuleKind::Typed(_)));
            // What such an element says is its text; the attributes remain columns beside it.
            if is_typed && !self.shape.has_elements(id) {
                let inner = row.layout().node(node).mode.inside(scope);
                row.token(node, self.tree.token(at), scope)?;
                return self.attributes(row, node, (at, id), inner);
            }
            let text = json::object(self.tree, at, (self.shape, id));
            row.token(node, Token::Document(text), scope)?;
        }
        match nested.inner {
            Some(inner) => self.inside(row, node, (at, id), inner),
            None => Ok(()),
        }
    }

    fn attributes(
        self,
        row: &mut Row<'_, 'r>,
        node: NodeId,
        (at, id): (ItemId, ShapeId),
        scope: Scope,
    ) -> Result<(), DataProblem> {
        let mut expected = 0;
        for child in self.tree.children(at) {
            self.attribute(row, node, (child, id), &mut expected, scope)?;
        }
        Ok(())
    }
}

//! One record's values on their way: noted in the profile of their column and, once its type is known, converted.

use super::layout::{Layout, LeafId, NodeId, Scope};
use super::profile::Profile;
use super::projection::{Projection, Target};
use crate::data::Value;
use crate::data::token::Token;
use crate::readers::json::notation::Notation;
use crate::readers::position::DataProblem;

/// Takes the values of one record.
pub(crate) struct Row<'p, 'r> {
    pub(crate) profile: &'p mut Profile,
    /// Nothing as long as nobody knows the types.
    pub(crate) builder: Option<RowBuilder<'p, 'r>>,
}

/// Where the values go once they are converted.
pub(crate) struct RowBuilder<'p, 'r> {
    pub(crate) projection: &'p Projection,
    pub(crate) values: &'p mut Vec<Value<'r>>,
    /// Leaves in which a `{}` was kept as text: right as long as no row has anything inside.
    pub(crate) kept_empty: &'p mut Vec<LeafId>,
    pub(crate) assumption: Assumption,
}

/// Whether what was assumed of the columns still holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Assumption {
    /// Every value so far fits.
    Holds,
    /// A value does not.
    Contradicted,
}

impl<'r> Row<'_, 'r> {
    pub(crate) fn layout(&self) -> &Layout {
        &self.profile.layout
    }

    pub(crate) fn notation(&self) -> Notation {
        self.profile.notation
    }

    /// Returns the node for a key, if it matters in this scope.
    pub(crate) fn key(
        &mut self,
        parent: NodeId,
        expected: usize,
        key: &str,
        scope: Scope,
    ) -> Result<Option<NodeId>, DataProblem> {
        self.profile.key(parent, expected, key, scope)
    }

    /// Takes a value that is not flattened (further).
    pub(crate) fn token(
        &mut self,
        node: NodeId,
        token: Token<'r>,
        scope: Scope,
    ) -> Result<(), DataProblem> {
        if scope == Scope::All {
            self.profile.grow(node)?;
        }
        let token = self.profile.layout.meant(node, token);
        for index in 0..self.profile.layout.node(node).leaves.len() {
            let leaf = self.profile.layout.node(node).leaves[index];
            if self.profile.layout.takes(leaf, token) {
                self.put(leaf, token);
            }
        }
        Ok(())
    }

    /// Converts a value of the usual kind for its column; returns whether that was possible.
    pub(crate) fn convert(&mut self, target: Target, token: Token<'r>) -> bool {
        let Some(builder) = &mut self.builder else {
            return false;
        };
        let value = self.profile.convert(target.leaf, token, target.column_type);
        match value {
            Some(value) => {
                builder.values[target.column] = value;
                true
            }
            None => false,
        }
    }

    /// Takes one value of a leaf.
    pub(crate) fn put(&mut self, leaf: LeafId, token: Token<'r>) {
        let Some(builder) = &mut self.builder else {
            self.profile.observe(leaf, token, None);
            return;
        };
        let projection = builder.projection;
        let target = projection.target(leaf);
        if let Some(target) = target
            && let Some(value) = self.profile.convert(leaf, token, target.column_type)
        {
            builder.values[target.column] = value;
            return;
        }
        let column_type = target.map(|target| target.column_type);
        let value = self.profile.observe(leaf, token, column_type);
        match (target, value) {
            (Some(target), Some(value)) => {
                let is_kept_empty = matches!(token, Token::EmptyObject)
                    && self.profile.layout.leaves[leaf].rule.is_none();
                builder.values[target.column] = if !is_kept_empty {
                    value
                } else if projection.has_objects(leaf) {
                    Value::Null
                } else {
                    if !builder.kept_empty.contains(&leaf) {
                        builder.kept_empty.push(leaf);
                    }
                    value
                };
            }
            // A leaf that is no column: null, or `{}` in place of an object.
            (None, _) if matches!(token, Token::Null | Token::EmptyObject) => {}
            _ => builder.assumption = Assumption::Contradicted,
        }
    }
}

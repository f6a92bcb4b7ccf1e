//! Which key of a record belongs to which column.
//!
//! Keys form a tree of nodes as the records have it; leaves are columns, of which a node usually has one.

use crate::data::path::pointer;
use std::collections::HashMap;

use super::edm::{Property, StructureId, Types};
use crate::data::ColumnType;
use crate::data::token::{Token, is_numeral};
use crate::readers::position::DataProblem;
use crate::rules::columns::{ColumnRule, RuleKind};
use crate::say::{listed, quoted};

/// Most columns of a table, whatever its format. The engine takes 16,384, but rows that wide are no rows.
pub(crate) const MOST_COLUMNS: usize = 5_000;

/// Children of a node from which on a map is faster than looking at each.
const MANY_CHILDREN: usize = 16;

/// Index of a node in its layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NodeId(usize);

impl NodeId {
    pub(crate) const ROOT: NodeId = NodeId(0);
}

/// Index of a leaf in its layout.
pub(crate) type LeafId = usize;

/// What becomes of a value with others inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Nested {
    /// Whether it is a value itself.
    pub(crate) whole: Whole,
    /// What of the values inside matters; `None` if nothing does.
    pub(crate) inner: Option<Scope>,
}

/// Whether a value with others inside is one itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whole {
    /// As JSON, for a column that is declared.
    Kept,
    /// Only what is inside matters.
    Flattened,
}

/// How far keys without a declaration matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Every key is a column.
    All,
    /// Only what `from` reaches: inside arrays, kept or skipped objects.
    Declared,
}

/// What becomes of objects at a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Flatten,
    Json,
    Skip,
}

impl Mode {
    /// Returns how far keys inside matter, where those outside matter so far.
    pub(crate) fn inside(self, scope: Scope) -> Scope {
        match self {
            Mode::Flatten => scope,
            Mode::Json | Mode::Skip => Scope::Declared,
        }
    }
}

/// One key of the records.
#[derive(Debug)]
pub(crate) struct Node {
    key: String,
    /// Flattened: keys from the root joined by `.`.
    name: String,
    parent: NodeId,
    /// Among the parent's children.
    position: usize,
    children: Vec<NodeId>,
    /// Children by key, once there are many.
    by_key: HashMap<String, NodeId>,
    pub(crate) leaves: Vec<LeafId>,
    pub(crate) mode: Mode,
    /// Whether a declared column lies somewhere below.
    pub(crate) declared_below: bool,
    /// Whether declarations decide what columns this node has.
    declared: bool,
    /// What the source itself says about the values.
    property: Property,
    /// The last record that had this key.
    record: u64,
}

/// A column, or what may become one.
#[derive(Debug)]
pub(crate) struct Leaf {
    pub(crate) name: String,
    /// Index of its rule.
    pub(crate) rule: Option<usize>,
    node: Option<NodeId>,
}

/// The tree of keys and the list of columns.
#[derive(Debug)]
pub(crate) struct Layout {
    nodes: Vec<Node>,
    pub(crate) leaves: Vec<Leaf>,
    leaf_by_name: HashMap<String, LeafId>,
    /// Rules without `from`.
    rule_by_name: HashMap<String, usize>,
    /// Rules whose `from` is a single key.
    rules_by_header: HashMap<String, Vec<usize>>,
    pub(crate) rules: Vec<ColumnRule>,
    types: Types,
}

impl Layout {
    pub(crate) fn new(rules: &[ColumnRule]) -> Result<Layout, DataProblem> {
        let root = Node {
            key: String::new(),
            name: String::new(),
            parent: NodeId::ROOT,
            position: 0,
            children: Vec::new(),
            by_key: HashMap::new(),
            leaves: Vec::new(),
            mode: Mode::Flatten,
            declared_below: false,
            declared: false,
            property: Property::Unknown,
            record: 0,
        };
        let mut layout = Layout {
            nodes: vec![root],
            leaves: Vec::new(),
            leaf_by_name: HashMap::new(),
            rule_by_name: HashMap::new(),
            rules_by_header: HashMap::new(),
            rules: rules.to_vec(),
            types: Types::default(),
        };
        for (index, rule) in rules.iter().enumerate() {
            if rule.kind != RuleKind::Skip {
                layout.leaves.push(Leaf {
                    name: rule.name.clone(),
                    rule: Some(index),
                    node: None,
                });
                let leaf = layout.leaves.len() - 1;
                if layout
                    .leaf_by_name
                    .insert(rule.name.clone(), leaf)
                    .is_some()
                {
                    return Err(DataProblem::new(format!(
                        "column {} is declared twice",
                        quoted(&rule.name)
                    )));
                }
            }
            if rule.from.is_none() {
                layout.rule_by_name.insert(rule.name.clone(), index);
            }
            if let Some([key]) = rule.from.as_deref() {
                let rules = layout.rules_by_header.entry(key.clone()).or_default();
                rules.push(index);
            }
        }
        for (index, rule) in rules.iter().enumerate() {
            if let Some(keys) = &rule.from {
                layout.declare(index, keys)?;
            }
        }
        Ok(layout)
    }

    /// Makes the nodes on the way to a declared place.
    fn declare(&mut self, rule: usize, keys: &[String]) -> Result<(), DataProblem> {
        let mut node = NodeId::ROOT;
        for key in keys {
            self.nodes[node.0].declared_below = true;
            node = match self.child(node, 0, key) {
                Some(child) => child,
                None => self.add(node, key)?,
            };
        }
        self.nodes[node.0].declared = true;
        match self.rules[rule].kind {
            RuleKind::Skip => self.nodes[node.0].mode = Mode::Skip,
            RuleKind::Json => self.nodes[node.0].mode = Mode::Json,
            RuleKind::Typed(_) => {}
        }
        if let Some(&leaf) = self.leaf_by_name.get(&self.rules[rule].name)
            && self.leaves[leaf].rule == Some(rule)
        {
            self.leaves[leaf].node = Some(node);
            self.nodes[node.0].leaves.push(leaf);
        }
        Ok(())
    }

    /// Says what the source knows about the types of its records.
    pub(crate) fn expect(&mut self, types: Types, record: Option<StructureId>) {
        self.types = types;
        self.nodes[0].property = record.map_or(Property::Unknown, Property::Structure);
    }

    /// Returns a token as the source means it: numbers too long for others may come as text.
    pub(crate) fn meant<'t>(&self, node: NodeId, token: Token<'t>) -> Token<'t> {
        match (self.nodes[node.0].property, token) {
            (Property::Number, Token::Text(text)) if is_numeral(text) => Token::Number(text),
            _ => token,
        }
    }

    /// Decides what becomes of a value with others inside, in whatever notation it comes.
    pub(crate) fn nested(&self, node: NodeId, scope: Scope) -> Nested {
        let mode = self.node(node).mode;
        let declared = self.declared(node);
        // A declared type has the whole of it: as text, or as a value that does not fit.
        let is_kept = declared.is_some() || mode == Mode::Json;
        let is_text = declared == Some(RuleKind::Typed(ColumnType::Text));
        let inner = if is_text {
            Scope::Declared
        } else {
            mode.inside(scope)
        };
        Nested {
            whole: if is_kept {
                Whole::Kept
            } else {
                Whole::Flattened
            },
            inner: (inner == Scope::All || self.node(node).declared_below).then_some(inner),
        }
    }

    pub(crate) fn node(&self, node: NodeId) -> &Node {
        &self.nodes[node.0]
    }

    /// Returns the flattened name of a node.
    pub(crate) fn name(&self, node: NodeId) -> &str {
        &self.nodes[node.0].name
    }

    pub(crate) fn has_children(&self, node: NodeId) -> bool {
        !self.nodes[node.0].children.is_empty()
    }

    /// Returns the node a leaf was made for.
    pub(crate) fn node_of(&self, leaf: LeafId) -> Option<NodeId> {
        self.leaves[leaf].node
    }

    /// Returns where among its siblings a node is.
    pub(crate) fn position(&self, node: NodeId) -> usize {
        self.nodes[node.0].position
    }

    /// Finds the child with this key; it is probably the one at the `expected` position.
    pub(crate) fn child(&self, parent: NodeId, expected: usize, key: &str) -> Option<NodeId> {
        let node = &self.nodes[parent.0];
        if let Some(&child) = node.children.get(expected)
            && self.nodes[child.0].key == key
        {
            return Some(child);
        }
        if node.children.len() > MANY_CHILDREN {
            return node.by_key.get(key).copied();
        }
        node.children
            .iter()
            .copied()
            .find(|child| self.nodes[child.0].key == key)
    }

    /// Returns the leaf of a node that has just one, if it takes plain values as they are written.
    pub(crate) fn only_leaf(&self, node: NodeId) -> Option<LeafId> {
        let node = &self.nodes[node.0];
        match node.leaves.as_slice() {
            [leaf] if node.property != Property::Number => Some(*leaf),
            _ => None,
        }
    }

    /// Returns whether a leaf has a use for the token: objects are only for declared columns.
    pub(crate) fn takes(&self, leaf: LeafId, token: Token<'_>) -> bool {
        let is_object = matches!(token, Token::Document(text) if text.starts_with('{'));
        !is_object || self.leaves[leaf].rule.is_some()
    }

    /// Returns what a declaration makes of objects at this node, if there is one.
    pub(crate) fn declared(&self, node: NodeId) -> Option<RuleKind> {
        let leaf = *self.nodes[node.0].leaves.first()?;
        self.leaves[leaf].rule.map(|rule| self.rules[rule].kind)
    }

    /// Finds or makes the child with this key and notes that the record has it.
    pub(crate) fn visit(
        &mut self,
        parent: NodeId,
        expected: usize,
        key: &str,
        record: u64,
    ) -> Result<NodeId, DataProblem> {
        let child = match self.child(parent, expected, key) {
            Some(child) => child,
            None => self.add(parent, key)?,
        };
        let node = &mut self.nodes[child.0];
        if std::mem::replace(&mut node.record, record) == record {
            return Err(DataProblem::new(format!(
                "the key {} comes twice in one object",
                quoted(key)
            ))
            .hint("fix the source: which of the two values counts is not defined"));
        }
        Ok(child)
    }

    fn add(&mut self, parent: NodeId, key: &str) -> Result<NodeId, DataProblem> {
        if key.contains('\0') {
            return Err(DataProblem::new(format!(
                "the key {} contains the NUL character",
                quoted(key)
            ))
            .hint("leave out its parent in `columns`: `name: skip`"));
        }
        let trimmed = key.trim();
        let name = match parent {
            NodeId::ROOT => trimmed.to_owned(),
            _ => format!("{}.{trimmed}", self.nodes[parent.0].name),
        };
        let rule = self.rule_by_name.get(&name).copied();
        let id = NodeId(self.nodes.len());
        let property = match self.nodes[parent.0].property {
            Property::Structure(structure) => self.types.property(structure, key),
            _ => Property::Unknown,
        };
        let mode = match rule.map(|rule| self.rules[rule].kind) {
            Some(RuleKind::Json) => Mode::Json,
            Some(RuleKind::Skip) => Mode::Skip,
            None if property == Property::Dropped => Mode::Skip,
            Some(RuleKind::Typed(_)) | None => Mode::Flatten,
        };
        let mut leaves = Vec::new();
        if mode != Mode::Skip
            && rule.is_some()
            && let Some(&leaf) = self.leaf_by_name.get(&name)
        {
            self.claim(leaf, id)?;
            leaves.push(leaf);
        }
        let siblings = &mut self.nodes[parent.0];
        let position = siblings.children.len();
        siblings.children.push(id);
        siblings.by_key.insert(key.to_owned(), id);
        self.nodes.push(Node {
            key: key.to_owned(),
            name,
            parent,
            position,
            children: Vec::new(),
            by_key: HashMap::new(),
            leaves,
            mode,
            declared_below: false,
            declared: rule.is_some(),
            property,
            record: 0,
        });
        Ok(id)
    }

    /// Makes the leaf of a node that has none, unless declarations say otherwise.
    pub(crate) fn grow(&mut self, id: NodeId) -> Result<(), DataProblem> {
        let node = &self.nodes[id.0];
        if !node.leaves.is_empty() || node.declared || node.mode == Mode::Skip {
            return Ok(());
        }
        let name = node.name.clone();
        if name.is_empty() {
            return Err(
                DataProblem::new("a key is empty, but a column needs a name")
                    .hint("name it in `columns`: `name: text from /`"),
            );
        }
        let leaf = if let Some(&leaf) = self.leaf_by_name.get(&name) {
            self.claim(leaf, id)?;
            leaf
        } else {
            let leaf = self.add_leaf(name, Some(id));
            if let Some(rule) = self.nodes[id.0].property.rule(&self.leaves[leaf].name) {
                self.leaves[leaf].rule = Some(self.rules.len());
                self.rules.push(rule);
            }
            leaf
        };
        self.nodes[id.0].leaves.push(leaf);
        Ok(())
    }

    fn add_leaf(&mut self, name: String, node: Option<NodeId>) -> LeafId {
        self.leaves.push(Leaf {
            name: name.clone(),
            rule: None,
            node,
        });
        self.leaf_by_name.insert(name, self.leaves.len() - 1);
        self.leaves.len() - 1
    }

    /// Gives a leaf to a node; no two places of a record share a column.
    fn claim(&mut self, leaf: LeafId, node: NodeId) -> Result<(), DataProblem> {
        let owner = &mut self.leaves[leaf].node;
        if let Some(other) = owner.replace(node)
            && other != node
        {
            let name = self.leaves[leaf].name.clone();
            let hint = format!(
                "give one of them another name in `columns`: `other: text from {}`",
                self.path(other)
            );
            return Err(
                DataProblem::new("two different keys give this column its name")
                    .column(name)
                    .hint(hint),
            );
        }
        Ok(())
    }

    /// Returns the path to a key of a node.
    pub(crate) fn path_of(&self, node: NodeId, key: &str) -> String {
        let parent = match node {
            NodeId::ROOT => String::new(),
            node => self.path(node),
        };
        format!(
            "{parent}{}",
            pointer(&[crate::data::path::Step::Key(key.to_owned())])
        )
    }

    /// Returns the JSON Pointer to a node.
    fn path(&self, node: NodeId) -> String {
        let mut keys = Vec::new();
        let mut node = node;
        while node != NodeId::ROOT {
            keys.push(crate::data::path::Step::Key(self.nodes[node.0].key.clone()));
            node = self.nodes[node.0].parent;
        }
        keys.reverse();
        pointer(&keys)
    }

    /// Returns the leaves a field with this header goes to.
    pub(crate) fn header(&mut self, name: &str) -> Vec<LeafId> {
        let found = self
            .rules_by_header
            .get(name)
            .map_or(&[][..], Vec::as_slice);
        let renamed = !found.is_empty();
        let leaf_of = |rule: &usize| {
            let leaf = self.leaf_by_name.get(&self.rules[*rule].name).copied();
            leaf.filter(|leaf| self.leaves[*leaf].rule == Some(*rule))
        };
        let mut leaves: Vec<LeafId> = found.iter().filter_map(leaf_of).collect();
        match self
            .rule_by_name
            .get(name)
            .map(|rule| self.rules[*rule].kind)
        {
            Some(RuleKind::Skip) => return leaves,
            None if renamed => return leaves,
            _ => {}
        }
        leaves.push(match self.leaf_by_name.get(name) {
            Some(&leaf) => leaf,
            None => self.add_leaf(name.to_owned(), None),
        });
        leaves
    }

    /// Refuses more columns than a table may have; `is_live` tells which leaves are going to be columns.
    pub(crate) fn check_width(&self, is_live: impl Fn(LeafId) -> bool) -> Result<(), DataProblem> {
        // Most tables are narrow, and this is asked at every new column.
        if self.leaves.len() <= MOST_COLUMNS {
            return Ok(());
        }
        let leaves: Vec<LeafId> = (0..self.leaves.len()).filter(|id| is_live(*id)).collect();
        if leaves.len() <= MOST_COLUMNS {
            return Ok(());
        }
        let mut tops: HashMap<usize, usize> = HashMap::new();
        for leaf in &leaves {
            let Some(mut node) = self.leaves[*leaf].node else {
                continue;
            };
            while self.nodes[node.0].parent != NodeId::ROOT {
                node = self.nodes[node.0].parent;
            }
            *tops.entry(node.0).or_default() += 1;
        }
        let is_flat = tops.is_empty();
        let widest = tops
            .into_iter()
            .max_by_key(|(node, count)| (*count, std::cmp::Reverse(*node)));
        Err(match widest {
            Some((node, count)) if count > 1 => {
                let name = &self.nodes[node].name;
                too_wide().hint(format!(
                    "keep {} as JSON text in `columns`: `{name}: json`, or leave it out: `{name}: skip`",
                    listed([name.as_str()])
                ))
            }
            _ if is_flat => too_wide(),
            _ => too_wide().hint("if the keys are data, make rows of them: end `records` with `/*`; else leave keys out in `columns`, as in `x: skip`"),
        })
    }
}

/// Says that there are too many columns.
pub(crate) fn too_wide() -> DataProblem {
    DataProblem::new(format!("there are more than {MOST_COLUMNS} columns")).hint(
        "leave columns out in `columns`, as in `x: skip`; if they are values, such as days, let the source deliver them as rows",
    )
}

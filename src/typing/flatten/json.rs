//! One JSON record, flattened: every value goes to the node of its key.

use std::fmt;

use serde::Deserializer as _;
use serde::de::{DeserializeSeed, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::data::token::{Token, unquoted};
use crate::readers::json::notation::{self, Notation};
use crate::readers::json::object::{Member, Members, ObjectScan};
use crate::readers::json::records::JsonRecord;
use crate::readers::position::DataProblem;
use crate::typing::layout::{Mode, NodeId, Scope, Whole};
use crate::typing::row::Row;

/// Deepest nesting that is flattened.
const DEEPEST: u8 = 100;

/// Takes one record apart; offsets of problems count from the start of its text.
pub(crate) fn record<'r>(
    row: &mut Row<'_, 'r>,
    record: &JsonRecord<'r>,
) -> Result<(), DataProblem> {
    let text = record.text;
    if let Some(members) = record.members {
        return all(row, NodeId::ROOT, (text, members), Scope::All, 0);
    }
    match text.as_bytes().first() {
        Some(b'{') => object(row, NodeId::ROOT, text, Scope::All, 0),
        Some(b'[') => {
            let elements = elements(text)?;
            for (index, element) in elements.into_iter().enumerate() {
                virtual_key(row, index, &format!("c{}", index + 1), element.get())?;
            }
            Ok(())
        }
        _ => {
            let raw: &RawValue =
                serde_json::from_str(text).map_err(|error| DataProblem::json(text, &error))?;
            if raw.get() == "null" {
                Ok(())
            } else {
                virtual_key(row, 0, "value", raw.get())
            }
        }
    }
}

/// Takes the members of an object that are already known.
fn all<'r>(
    row: &mut Row<'_, 'r>,
    parent: NodeId,
    (text, members): (&'r str, &[Member]),
    scope: Scope,
    depth: u8,
) -> Result<(), DataProblem> {
    let mut expected = 0;
    for member in members {
        let key = member.key(text);
        if let Some(node) = row.key(parent, expected, key, scope)? {
            expected = row.layout().position(node) + 1;
            self::member(row, node, (text, member), scope, depth)?;
        }
    }
    Ok(())
}

/// Takes the value of one member, whose node is known.
pub(crate) fn member<'r>(
    row: &mut Row<'_, 'r>,
    node: NodeId,
    (text, member): (&'r str, &Member),
    scope: Scope,
    depth: u8,
) -> Result<(), DataProblem> {
    match member.token(text) {
        Some(token) => row.token(node, token, scope),
        None => value(row, node, member.value(text), scope, depth),
    }
}

/// Values without a key of their own get one that `columns` can name.
fn virtual_key<'r>(
    row: &mut Row<'_, 'r>,
    expected: usize,
    key: &str,
    text: &'r str,
) -> Result<(), DataProblem> {
    match row.key(NodeId::ROOT, expected, key, Scope::All)? {
        Some(node) => value(row, node, text, Scope::All, 0),
        None => Ok(()),
    }
}

fn elements(text: &str) -> Result<Vec<&RawValue>, DataProblem> {
    serde_json::from_str(text).map_err(|error| DataProblem::json(text, &error))
}

fn object<'r>(
    row: &mut Row<'_, 'r>,
    node: NodeId,
    text: &'r str,
    scope: Scope,
    depth: u8,
) -> Result<(), DataProblem> {
    let mut members = Members::default();
    if members.look(text.as_bytes()) == ObjectScan::Whole(text.len()) {
        return all(row, node, (text, members.list()), scope, depth);
    }
    let mut failed = None;
    let mut parser = serde_json::Deserializer::from_str(text);
    let members = Parsed {
        row,
        node,
        scope,
        depth,
        failed: &mut failed,
    };
    let result = parser.deserialize_map(members).and_then(|()| parser.end());
    match (failed, result) {
        (Some(problem), _) => Err(problem),
        (None, Err(error)) => Err(DataProblem::json(text, &error)),
        (None, Ok(())) => Ok(()),
    }
}

fn value<'r>(
    row: &mut Row<'_, 'r>,
    node: NodeId,
    text: &'r str,
    scope: Scope,
    depth: u8,
) -> Result<(), DataProblem> {
    match text.as_bytes() {
        [b'"', inside @ .., b'"'] if !inside.contains(&b'\\') => {
            row.token(node, Token::Text(&text[1..text.len() - 1]), scope)
        }
        [b'"', ..] => {
            // Everything else about the string has been checked by the parser before.
            if unquoted(text).is_err() {
                if row.layout().node(node).mode == Mode::Skip {
                    return Ok(());
                }
                let problem =
                    "an escape like `\\ud800` stands for half a character, a lone surrogate";
                let name = row.layout().name(node);
                return Err(DataProblem::new(problem).column(name).hint(format!(
                    "fix the source, or leave the column out in `columns`: `{name}: skip`"
                )));
            }
            row.token(node, Token::Escaped(text), scope)
        }
        [b'{', inside @ .., b'}'] if inside.trim_ascii().is_empty() => {
            row.token(node, Token::EmptyObject, scope)
        }
        [b'{', ..] => match (row.notation() == Notation::OData)
            .then(|| notation::results(text))
            .flatten()
        {
            Some(expansion)
                if !expansion.is_whole && row.layout().node(node).mode != Mode::Skip =>
            {
                Err(notation::incomplete(row.layout().name(node)))
            }
            Some(expansion) => value(row, node, expansion.list, scope, depth),
            None => nested(row, node, text, scope, depth),
        },
        [b'[', ..] => {
            if row.notation() == Notation::OData
                && row.layout().node(node).mode != Mode::Skip
                && let Some(list) = notation::cut_inside(text)
            {
                let outer = row.layout().name(node);
                return Err(notation::incomplete(&format!("{outer}/{list}")));
            }
            row.token(node, Token::Document(text), scope)?;
            if row.layout().node(node).declared_below {
                within_array(row, node, text, depth)
            } else {
                Ok(())
            }
        }
        b"true" => row.token(node, Token::Boolean(true), scope),
        b"false" => row.token(node, Token::Boolean(false), scope),
        b"null" => row.token(node, Token::Null, scope),
        _ => row.token(node, Token::Number(text), scope),
    }
}

fn nested<'r>(
    row: &mut Row<'_, 'r>,
    node: NodeId,
    text: &'r str,
    scope: Scope,
    depth: u8,
) -> Result<(), DataProblem> {
    if depth >= DEEPEST {
        let name = row.layout().name(node);
        let top = name.split('.').next().unwrap_or(name);
        return Err(
            DataProblem::new(format!("objects are nested deeper than {DEEPEST} levels")).hint(
                format!("keep the outermost as JSON text in `columns`: `{top}: json`"),
            ),
        );
    }
    let nested = row.layout().nested(node, scope);
    if nested.whole == Whole::Kept {
        row.token(node, Token::Document(text), scope)?;
    }
    match nested.inner {
        Some(inner) => object(row, node, text, inner, depth + 1).map_err(DataProblem::unplaced),
        None => Ok(()),
    }
}

/// Inside an array only declared places matter: `from /tags/0`.
fn within_array<'r>(
    row: &mut Row<'_, 'r>,
    node: NodeId,
    text: &'r str,
    depth: u8,
) -> Result<(), DataProblem> {
    if depth >= DEEPEST {
        return Ok(());
    }
    for (index, element) in elements(text)?.into_iter().enumerate() {
        if let Some(child) = row.key(node, 0, &index.to_string(), Scope::Declared)? {
            value(row, child, element.get(), Scope::Declared, depth + 1)?;
        }
    }
    Ok(())
}

struct Parsed<'a, 'p, 'r> {
    row: &'a mut Row<'p, 'r>,
    node: NodeId,
    scope: Scope,
    depth: u8,
    /// The parser's own errors cannot carry ours.
    failed: &'a mut Option<DataProblem>,
}

impl<'r> Visitor<'r> for Parsed<'_, '_, 'r> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'r>>(self, mut map: A) -> Result<(), A::Error> {
        let mut expected = 0;
        loop {
            let key = KeySeed {
                row: &mut *self.row,
                parent: self.node,
                expected,
                scope: self.scope,
                failed: &mut *self.failed,
            };
            let Some(child) = map.next_key_seed(key)? else {
                return Ok(());
            };
            let raw: &'r RawValue = map.next_value()?;
            let Some(child) = child else {
                continue;
            };
            expected = self.row.layout().position(child) + 1;
            if let Err(problem) = value(self.row, child, raw.get(), self.scope, self.depth) {
                *self.failed = Some(problem);
                return Err(A::Error::custom(""));
            }
        }
    }
}

struct KeySeed<'a, 'p, 'r> {
    row: &'a mut Row<'p, 'r>,
    parent: NodeId,
    expected: usize,
    scope: Scope,
    failed: &'a mut Option<DataProblem>,
}

impl<'r> DeserializeSeed<'r> for KeySeed<'_, '_, 'r> {
    type Value = Option<NodeId>;

    fn deserialize<D: serde::Deserializer<'r>>(
        self,
        deserializer: D,
    ) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'r> Visitor<'r> for KeySeed<'_, '_, 'r> {
    type Value = Option<NodeId>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<Self::Value, E> {
        self.row
            .key(self.parent, self.expected, key, self.scope)
            .map_err(|problem| {
                *self.failed = Some(problem);
                E::custom("")
            })
    }
}

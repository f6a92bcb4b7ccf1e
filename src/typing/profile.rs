//! What every column holds, and what becomes of it.

use std::collections::HashMap;

use super::cast::{self, Misfit};
use super::fast_path;
use super::infer::{ColumnKind, KindsSeen, Reason};
use super::layout::{Layout, LeafId, Mode, NodeId, Scope};
use super::remedy;
use crate::data::token::{Class, Token};
use crate::data::{Column, ColumnType, Value};
use crate::readers::json::notation::{self, Notation};
use crate::readers::position::DataProblem;
use crate::rules::columns::RuleKind;
use crate::say::{listed, quoted};

/// Distinct values shown when some do not fit.
const SHOWN_VALUES: usize = 5;

/// Looks at all values.
#[derive(Debug)]
pub(crate) struct Profile {
    pub(crate) layout: Layout,
    stats: Vec<ColumnProfile>,
    /// Records so far, the current one included.
    pub(crate) record: u64,
    /// Index of the current file.
    pub(crate) file: usize,
    /// Place of the current record in its file.
    pub(crate) offset: u64,
    /// How the current file is to be taken.
    pub(crate) notation: Notation,
    appeared: usize,
}

/// What is known about one leaf.
#[derive(Debug, Default)]
struct ColumnProfile {
    seen: KindsSeen,
    /// Columns come in the order in which they appeared.
    appeared: Option<usize>,
    /// Whether there was a value other than null and `{}`.
    filled: bool,
    /// Whether there was a `{}`.
    empties: bool,
    /// The first text of a column that has nothing else.
    first_text: Option<(u64, String)>,
    /// The value that made the column text.
    turned: Option<BecameText>,
    /// The first number whose digits a double does not keep, with its record.
    exact: Option<(u64, String)>,
    misfits: Option<Misfits>,
}

#[derive(Debug)]
struct BecameText {
    record: u64,
    shown: String,
    others: OtherValues,
}

/// What else a column holds that one value made text.
#[derive(Clone, Copy, Debug)]
enum OtherValues {
    /// Nothing that could have another type than text.
    None,
    Before(ColumnType),
    After(ColumnType),
}

#[derive(Debug)]
struct Misfits {
    count: u64,
    why: Misfit,
    /// The first of them, as it is written.
    first: String,
    /// Shown, with the record each was in first.
    values: Vec<(String, u64)>,
    file: usize,
    offset: u64,
}

/// A column and the leaf it comes from.
#[derive(Debug)]
pub(crate) struct ColumnOutcome {
    pub(crate) leaf: Option<LeafId>,
    pub(crate) column: Column,
    pub(crate) presence: Presence,
}

/// Whether the data have a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    InData,
    /// It is only declared.
    Declared,
}

/// A problem in a certain file.
#[derive(Debug)]
pub(crate) struct Located {
    pub(crate) problem: DataProblem,
    pub(crate) file: usize,
    pub(crate) record: Option<u64>,
    pub(crate) offset: Option<u64>,
}

impl Profile {
    pub(crate) fn new(layout: Layout) -> Profile {
        Profile {
            layout,
            stats: Vec::new(),
            record: 0,
            file: 0,
            offset: 0,
            notation: Notation::Plain,
            appeared: 0,
        }
    }

    /// Starts the next record.
    pub(crate) fn begin(&mut self, offset: u64) {
        self.record += 1;
        self.offset = offset;
    }

    /// Converts a value that shows nothing new; nothing if it may, then it must be [observed](Profile::observe).
    pub(crate) fn convert<'r>(
        &self,
        leaf: LeafId,
        token: Token<'r>,
        assumed: ColumnType,
    ) -> Option<Value<'r>> {
        let stats = self.stats.get(leaf).filter(|stats| stats.filled)?;
        if self.layout.leaves[leaf].rule.is_some() {
            return None;
        }
        fast_path::convert(token, stats.seen, assumed)
    }

    /// Takes note of one value of a leaf and converts it to the type its column is `assumed` to have.
    ///
    /// Returns nothing if it does not fit, or if nothing is assumed.
    pub(crate) fn observe<'r>(
        &mut self,
        leaf: LeafId,
        token: Token<'r>,
        assumed: Option<ColumnType>,
    ) -> Option<Value<'r>> {
        if self.stats.len() <= leaf {
            self.stats.resize_with(leaf + 1, ColumnProfile::default);
        }
        let stats = &mut self.stats[leaf];
        if stats.appeared.is_none() {
            stats.appeared = Some(self.appeared);
            self.appeared += 1;
        }
        if matches!(token, Token::Null) {
            return Some(Value::Null);
        }
        if let Some(rule) = self.layout.leaves[leaf].rule {
            let rule = &self.layout.rules[rule];
            stats.filled = true;
            return match cast::convert(rule, token) {
                Err(why) => {
                    stats.misfit(token, why, self.record, self.file, self.offset);
                    None
                }
                Ok(value) => {
                    if rule.is_naive_timestamp()
                        && let Some(class) = token.class()
                    {
                        stats.seen = stats.seen.merge(KindsSeen::of(&class));
                    }
                    Some(value)
                }
            };
        }
        if matches!(token, Token::EmptyObject) {
            stats.empties = true;
            return assumed.and_then(|assumed| token.value(assumed));
        }
        stats.filled = true;
        if stats.seen.is_settled() {
            return match assumed {
                Some(ColumnType::Text) => token.value(ColumnType::Text),
                _ => None,
            };
        }
        let class = token.class()?;
        stats.infer(token, &class, self.record);
        assumed.and_then(|assumed| token.value_of(&class, assumed))
    }

    /// Returns the node for a key, if it matters in this scope.
    pub(crate) fn key(
        &mut self,
        parent: NodeId,
        expected: usize,
        key: &str,
        scope: Scope,
    ) -> Result<Option<NodeId>, DataProblem> {
        let scope = match self.notation {
            Notation::OData if notation::is_control(key) => Scope::Declared,
            _ => scope,
        };
        if scope == Scope::Declared && self.layout.child(parent, expected, key).is_none() {
            if notation::continues(key) {
                self.check_complete(parent, key)?;
            }
            return Ok(None);
        }
        self.layout
            .visit(parent, expected, key, self.record)
            .map(Some)
    }

    /// A list inside a record that has more pages must not pass for all of it, unless it is left out.
    fn check_complete(&self, parent: NodeId, key: &str) -> Result<(), DataProblem> {
        let Some((name, _)) = key.rsplit_once('@').filter(|(name, _)| !name.is_empty()) else {
            return Ok(());
        };
        let list = self.layout.child(parent, 0, name);
        if list.is_some_and(|list| self.layout.node(list).mode == Mode::Skip) {
            return Ok(());
        }
        let path = self.layout.path_of(parent, name);
        Err(notation::incomplete(path.trim_start_matches('/')))
    }

    /// Makes the leaf of a node that needs one and has none.
    pub(crate) fn grow(&mut self, node: NodeId) -> Result<(), DataProblem> {
        if self.layout.node(node).leaves.is_empty() {
            self.layout.grow(node)?;
            self.check_width()?;
        }
        Ok(())
    }

    /// Refuses more columns than a table may have.
    pub(crate) fn check_width(&self) -> Result<(), DataProblem> {
        self.layout.check_width(|leaf| self.is_live(leaf))
    }

    /// Decides the columns.
    pub(crate) fn finish(
        &self,
        notices: &mut Vec<String>,
    ) -> Result<Vec<ColumnOutcome>, Box<Located>> {
        let mut leaves: Vec<LeafId> = (0..self.layout.leaves.len())
            .filter(|leaf| self.is_live(*leaf))
            .collect();
        leaves.sort_by_key(|leaf| self.appeared(*leaf).unwrap_or(usize::MAX));
        self.check_misfits(&leaves)?;
        let columns: Vec<ColumnOutcome> = leaves.iter().map(|leaf| self.column(*leaf)).collect();
        check_names(&columns).map_err(|problem| {
            Box::new(Located {
                problem,
                file: 0,
                record: None,
                offset: None,
            })
        })?;
        self.explain(&columns, notices);
        Ok(columns)
    }

    fn stats(&self, leaf: LeafId) -> Option<&ColumnProfile> {
        self.stats.get(leaf)
    }

    fn appeared(&self, leaf: LeafId) -> Option<usize> {
        self.stats(leaf)?.appeared
    }

    /// Returns whether a leaf becomes a column: null or `{}` in place of an object is no value.
    fn is_live(&self, leaf: LeafId) -> bool {
        let is_object = || {
            self.layout
                .node_of(leaf)
                .is_some_and(|node| self.layout.has_children(node))
        };
        self.layout.leaves[leaf].rule.is_some()
            || self.stats(leaf).is_some_and(|stats| stats.filled)
            || !is_object()
    }

    fn column(&self, leaf: LeafId) -> ColumnOutcome {
        let declared = self.layout.leaves[leaf]
            .rule
            .map(|rule| self.layout.rules[rule].kind);
        let column_type = match declared.and_then(RuleKind::column_type) {
            Some(column_type) => column_type,
            None => self.seen(leaf).resolve().column_type,
        };
        let name = self.layout.leaves[leaf].name.clone();
        let presence = match self.appeared(leaf) {
            Some(_) => Presence::InData,
            None => Presence::Declared,
        };
        ColumnOutcome {
            leaf: Some(leaf),
            column: Column { name, column_type },
            presence,
        }
    }

    /// Returns what inference knows: a `{}` counts only where no other row has anything inside.
    fn seen(&self, leaf: LeafId) -> KindsSeen {
        let Some(stats) = self.stats(leaf) else {
            return KindsSeen::default();
        };
        let keeps = stats.empties
            && !self
                .layout
                .node_of(leaf)
                .is_some_and(|node| self.layout.has_children(node));
        if keeps {
            stats.seen.merge(KindsSeen::kind(ColumnKind::Text))
        } else {
            stats.seen
        }
    }

    fn check_misfits(&self, leaves: &[LeafId]) -> Result<(), Box<Located>> {
        let failed = |leaf: &&LeafId| {
            self.stats(**leaf)
                .is_some_and(|stats| stats.misfits.is_some())
        };
        let failed: Vec<&LeafId> = leaves.iter().filter(failed).collect();
        if let Some(&&leaf) = failed.first()
            && let Some(misfits) = self.stats(leaf).and_then(|stats| stats.misfits.as_ref())
        {
            let others = failed[1..]
                .iter()
                .map(|leaf| self.layout.leaves[**leaf].name.as_str());
            return Err(Box::new(self.misfit(leaf, misfits, others.collect())));
        }
        for &leaf in leaves {
            let seen = self.stats(leaf).map(|stats| stats.seen).unwrap_or_default();
            let naive = seen.has(ColumnKind::Timestamp) || seen.has(ColumnKind::Date);
            if self.layout.leaves[leaf].rule.is_some() && naive && seen.has(ColumnKind::Zoned) {
                let name = &self.layout.leaves[leaf].name;
                let problem = DataProblem::new("some times have a zone and some have none")
                    .column(name)
                    .hint(format!(
                        "say where times without a zone belong: `{name}: timestamp tz UTC`"
                    ));
                return Err(Box::new(Located {
                    problem,
                    file: 0,
                    record: None,
                    offset: None,
                }));
            }
        }
        Ok(())
    }

    fn misfit(&self, leaf: LeafId, misfits: &Misfits, others: Vec<&str>) -> Located {
        let leaf = &self.layout.leaves[leaf];
        let kind = leaf.rule.map_or(String::new(), |rule| {
            self.layout.rules[rule].kind.to_string()
        });
        let shown: Vec<String> = misfits
            .values
            .iter()
            .map(|(value, record)| format!("{value} (record {record})"))
            .collect();
        let count = match misfits.count {
            1 => String::from("1 value does not fit"),
            count => format!("{count} values do not fit"),
        };
        let (first, _) = &misfits.values[0];
        let mut problem = format!(
            "{count} `{kind}`: {}; {first} {}",
            shown.join(", "),
            misfits.why
        );
        if !others.is_empty() {
            problem.push_str("; the same goes for ");
            problem.push_str(&listed(others));
        }
        let name = &leaf.name;
        let rule = leaf.rule.map(|rule| &self.layout.rules[rule]);
        let hint = rule.and_then(|rule| remedy::of(rule, &misfits.first));
        let hint = hint.unwrap_or_else(|| {
            format!(
                "fix the source, or declare `{name}: text` in `columns` and use `try_cast` in `sql`"
            )
        });
        let problem = DataProblem::new(problem).column(name).hint(hint);
        Located {
            problem,
            file: misfits.file,
            record: misfits.values.first().map(|(_, record)| *record),
            offset: Some(misfits.offset),
        }
    }

    fn explain(&self, columns: &[ColumnOutcome], notices: &mut Vec<String>) {
        let (mut utc, mut nulls, mut empty) = (Vec::new(), Vec::new(), Vec::new());
        for ColumnOutcome { leaf, column, .. } in columns {
            let Some(leaf) = *leaf else { continue };
            let name = column.name.as_str();
            if self.layout.leaves[leaf].rule.is_some() {
                continue;
            }
            let Some(stats) = self.stats(leaf).filter(|_| self.record > 0) else {
                continue;
            };
            if stats.empties && !stats.filled {
                empty.push(name);
                continue;
            }
            match self.seen(leaf).resolve().reason {
                Reason::Plain => {}
                Reason::Utc => utc.push(name),
                Reason::NullOnly => nulls.push(name),
                Reason::Mixed | Reason::Inexact => {
                    notices.extend(stats.turned.as_ref().map(|turn| turn.notice(name)));
                }
                Reason::Rounded => {
                    notices.extend(stats.exact.as_ref().map(|exact| rounded(name, exact)));
                }
            }
        }
        let mut say = |names: Vec<&str>, what: &str| {
            if !names.is_empty() {
                notices.push(format!("{what}: {}", listed(names)));
            }
        };
        say(utc, "times with a zone are stored in UTC");
        say(nulls, "only nulls, so text");
        say(empty, "only empty objects, kept as text `{}`");
    }
}

impl ColumnProfile {
    fn infer(&mut self, token: Token<'_>, class: &Class<'_>, record: u64) {
        let merged = self.seen.merge(KindsSeen::of(class));
        if merged == self.seen {
            return;
        }
        let shown = || quoted(&token.text().unwrap_or_default());
        if merged.has(ColumnKind::Exact) && self.exact.is_none() {
            self.exact = Some((record, shown()));
        }
        if merged.is_only_text() {
            self.first_text = Some((record, shown()));
        }
        let (before, after) = (self.seen.resolve(), merged.resolve());
        let turned = if after.column_type != ColumnType::Text || after.reason == Reason::Plain {
            None
        } else if self.seen.is_only_text() {
            let other = KindsSeen::of(class).resolve();
            match (other.reason, self.first_text.take()) {
                (Reason::Inexact, _) | (_, None) => Some((record, shown(), OtherValues::None)),
                (_, Some((record, shown))) => {
                    Some((record, shown, OtherValues::After(other.column_type)))
                }
            }
        } else if before.reason == Reason::NullOnly {
            Some((record, shown(), OtherValues::None))
        } else if before.column_type != ColumnType::Text {
            Some((record, shown(), OtherValues::Before(before.column_type)))
        } else {
            None
        };
        if let Some((record, shown, others)) = turned {
            self.turned = Some(BecameText {
                record,
                shown,
                others,
            });
        }
        self.seen = merged;
    }

    fn misfit(&mut self, token: Token<'_>, why: Misfit, record: u64, file: usize, offset: u64) {
        let shown = quoted(&token.text().unwrap_or_default());
        let misfits = self.misfits.get_or_insert(Misfits {
            count: 0,
            why,
            first: token.text().unwrap_or_default().into_owned(),
            values: Vec::new(),
            file,
            offset,
        });
        misfits.count += 1;
        if misfits.values.len() < SHOWN_VALUES
            && misfits.values.iter().all(|(value, _)| *value != shown)
        {
            misfits.values.push((shown, record));
        }
    }
}

impl BecameText {
    fn notice(&self, name: &str) -> String {
        let BecameText {
            record,
            shown,
            others,
        } = self;
        let name = quoted(name);
        let why = match others {
            OtherValues::Before(others) => format!(", after {others} values"),
            OtherValues::After(others) => format!(", before {others} values"),
            OtherValues::None => String::from(", which no number type keeps exactly"),
        };
        format!("column {name} is text: record {record} holds {shown}{why}")
    }
}

/// Says that a column of doubles does not keep all digits.
fn rounded(name: &str, (record, shown): &(u64, String)) -> String {
    format!(
        "column {} is double and keeps about 16 digits of {shown} (record {record}), as no `decimal(p,s)` of up to 38 digits holds all its values; `{name}: text` in `columns` keeps them as they are written",
        quoted(name)
    )
}

/// Tableau does not tell `a` from `A`.
fn check_names(columns: &[ColumnOutcome]) -> Result<(), DataProblem> {
    let mut names: HashMap<String, (&str, Presence)> = HashMap::new();
    for ColumnOutcome {
        column, presence, ..
    } in columns
    {
        let name = column.name.as_str();
        if name.contains('\0') {
            return Err(
                DataProblem::new("a column name cannot contain the NUL character")
                    .column(name.escape_debug().to_string()),
            );
        }
        if let Some((other, earlier)) = names.insert(name.to_lowercase(), (name, *presence)) {
            // A declared name that the data has with other letters is meant for that.
            let (declared, real) = match earlier {
                Presence::Declared => (other, name),
                Presence::InData => (name, other),
            };
            let hint = if earlier == *presence {
                format!(
                    "leave one out in `columns`, as in `{name}: skip`, or rename it with `from`"
                )
            } else {
                format!(
                    "the data has {}: write it like that in `columns`, not {}",
                    quoted(real),
                    quoted(declared)
                )
            };
            return Err(DataProblem::new(format!(
                "the columns {} and {} differ only in case, which Tableau does not tell apart",
                quoted(other),
                quoted(name)
            ))
            .hint(hint));
        }
    }
    Ok(())
}

//! Decides the columns of a table from the schemas of its files, and who reads which file.

use crate::say::quoted;
use std::collections::{HashMap, HashSet};

use arrow_array::ArrayRef;
use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, TimestampNanosecondType, UInt64Type};
use arrow_schema::{DataType, TimeUnit};

use super::container::{Container, EngineReader};
use super::leaf::{SchemaLeaf, ValueKind, Wanted};
use super::open::open;
use super::part::{EngineExpression, Fill, Part, column_type};
use super::scalar::instant;
use crate::data::path::{self, Step};
use crate::data::{Column, ColumnType, DataError, SystemColumn};
use crate::readers::position::DataProblem;
use crate::readers::record::changed;
use crate::rules::Rules;
use crate::rules::columns::{ColumnRule, RuleKind};
use crate::source::{Staged, StagedFile};
use crate::typing::layout::MOST_COLUMNS;

/// Up to here a double holds every integer.
const EXACT_IN_DOUBLE: u64 = 1 << 53;

/// A file whose schema is known.
struct KnownFile<'a> {
    file: &'a StagedFile,
    container: Box<dyn Container>,
}

/// A column while it is being decided.
struct ColumnDraft<'a> {
    name: String,
    rule: Option<&'a ColumnRule>,
    /// The leaf of each file that has it.
    leaves: Vec<Option<SchemaLeaf>>,
}

/// What the files of a table come to.
pub(crate) struct Plan {
    pub(crate) columns: Vec<Column>,
    pub(crate) notices: Vec<String>,
    pub(crate) parts: Vec<Part>,
}

/// Decides the columns of all files together.
pub(crate) fn plan(staged: &Staged, rules: &Rules) -> Result<Plan, DataError> {
    let mut known = Vec::with_capacity(staged.files.len());
    for file in &staged.files {
        let container = open(file).map_err(|problem| problem.at(file, None, None))?;
        known.push(KnownFile { file, container });
    }
    let mut drafts = collect(&known, rules)?;
    check_width(&drafts, &known)?;
    check_size(&drafts, &known)?;
    check_values(&drafts, &known)?;
    let mut notices = Vec::new();
    let mut columns = Vec::with_capacity(drafts.len());
    for draft in &mut drafts {
        columns.push(Column {
            name: draft.name.clone(),
            column_type: decide(draft, &known, &mut notices)?,
        });
    }
    let system = rules.add_system_columns(&mut columns, &mut notices);
    let parts = parts(&known, &drafts, &columns, &system, staged.fetched_at)?;
    Ok(Plan {
        columns,
        notices,
        parts,
    })
}

/// Brings together the columns of all files by name, declared ones first looked up in `rules`.
fn collect<'a>(
    known: &[KnownFile<'_>],
    rules: &'a Rules,
) -> Result<Vec<ColumnDraft<'a>>, DataError> {
    let mut drafts: Vec<ColumnDraft<'a>> = Vec::new();
    let mut positions: HashMap<String, usize> = HashMap::new();
    for (index, KnownFile { file, container }) in known.iter().enumerate() {
        let wanted = |names: &[String]| match matching(rules, names).next() {
            Some(_) => Wanted::Whole,
            None => Wanted::Leaves,
        };
        for leaf in container.leaves(&wanted) {
            let mut matched: Vec<Option<&ColumnRule>> =
                matching(rules, &leaf.names).map(Some).collect();
            if matched.is_empty() {
                matched.push(None);
            }
            for rule in matched {
                if rule.is_some_and(|rule| rule.kind == RuleKind::Skip) {
                    continue;
                }
                let name = rule.map_or_else(|| leaf.names.join("."), |rule| rule.name.clone());
                let lower = name.to_lowercase();
                let position = *positions.entry(lower).or_insert_with(|| {
                    drafts.push(ColumnDraft {
                        name: name.clone(),
                        rule,
                        leaves: vec![None; known.len()],
                    });
                    drafts.len() - 1
                });
                let draft = &mut drafts[position];
                check_name(draft, index, &name, &leaf)
                    .map_err(|problem| problem.at(file, None, None))?;
                draft.leaves[index] = Some(leaf.clone());
            }
        }
    }
    for rule in &rules.columns {
        let is_there = positions.contains_key(&rule.name.to_lowercase());
        if !is_there && rule.kind != RuleKind::Skip {
            positions.insert(rule.name.to_lowercase(), drafts.len());
            drafts.push(ColumnDraft {
                name: rule.name.clone(),
                rule: Some(rule),
                leaves: vec![None; known.len()],
            });
        }
    }
    Ok(drafts)
}

/// Refuses more columns than anybody wants.
fn check_width(drafts: &[ColumnDraft<'_>], known: &[KnownFile<'_>]) -> Result<(), DataError> {
    let (Some(draft), Some(last)) = (drafts.get(MOST_COLUMNS), known.last()) else {
        return Ok(());
    };
    // The first file that has one too many.
    let has = |(leaf, _): &(&Option<SchemaLeaf>, &KnownFile<'_>)| leaf.is_some();
    let file = draft.leaves.iter().zip(known).find(has);
    let problem = DataProblem::new(format!("more than {MOST_COLUMNS} columns"));
    let hint = "leave some out in `columns`, as in `name: skip`; `name: json` keeps a group as one";
    Err(problem
        .hint(hint)
        .at(file.map_or(last, |(_, known)| known).file, None, None))
}

/// Refuses columns without measure among those that are read.
fn check_size(drafts: &[ColumnDraft<'_>], known: &[KnownFile<'_>]) -> Result<(), DataError> {
    for (index, known) in known.iter().enumerate() {
        let leaves = drafts
            .iter()
            .filter_map(|draft| draft.leaves[index].as_ref());
        let roots: HashSet<usize> = leaves.map(|leaf| leaf.path[0]).collect();
        let checked = known.container.check_size(&roots);
        checked.map_err(|problem| problem.at(known.file, None, None))?;
    }
    Ok(())
}

/// Refuses values that their own types do not allow.
fn check_values(drafts: &[ColumnDraft<'_>], known: &[KnownFile<'_>]) -> Result<(), DataError> {
    let mut rows_before = 0;
    for (index, KnownFile { file, container }) in known.iter().enumerate() {
        for draft in drafts {
            let Some(leaf) = &draft.leaves[index] else {
                continue;
            };
            let found = container.damage(leaf);
            let found = found.map_err(|problem| problem.at(file, None, None))?;
            if let Some(found) = found {
                let name = &draft.name;
                let hint =
                    format!("mend the file, or leave the column out in `columns`: `{name}: skip`");
                let problem = found.problem.hint(hint).column(name);
                return Err(problem.at(file, Some(rows_before + found.row), None));
            }
        }
        rows_before += container.rows();
    }
    Ok(())
}

/// Makes sure that a leaf may have this name; Tableau does not tell `a` from `A`.
fn check_name(
    draft: &ColumnDraft<'_>,
    file: usize,
    name: &str,
    leaf: &SchemaLeaf,
) -> Result<(), DataProblem> {
    if name.contains('\0') {
        return Err(
            DataProblem::new("a column name cannot contain the NUL character")
                .column(name.escape_debug().to_string())
                .hint("give it another name where the file is made"),
        );
    }
    let other = draft.leaves[file].as_ref();
    if draft.name == name && other.is_none() {
        return Ok(());
    }
    // Of a column in a group only the path is its own.
    let nested = [Some(leaf), other].into_iter().flatten();
    let nested = nested.max_by_key(|leaf| leaf.names.len()).unwrap_or(leaf);
    let steps: Vec<Step> = nested.names.iter().cloned().map(Step::Key).collect();
    let problem = format!(
        "{} and {} would be one column",
        quoted(&draft.name),
        quoted(name)
    );
    Err(DataProblem::new(problem).hint(format!(
        "rename one of them in `columns`, as in `other: text from {}`",
        path::pointer(&steps)
    )))
}

/// The rules about a place in the schema.
fn matching<'a>(rules: &'a Rules, names: &[String]) -> impl Iterator<Item = &'a ColumnRule> {
    rules.columns.iter().filter(move |rule| match &rule.from {
        Some(from) => from == names || (from.len() == 1 && from[0] == names.join(".")),
        None => rule.name == names.join("."),
    })
}

/// Decides the type of a column; mends kinds that only the values tell.
fn decide(
    draft: &mut ColumnDraft<'_>,
    known: &[KnownFile<'_>],
    notices: &mut Vec<String>,
) -> Result<ColumnType, DataError> {
    let name = quoted(&draft.name);
    if draft.leaves.iter().all(Option::is_none) {
        notices.push(format!(
            "{name} is declared in `columns` but not in the data, so null"
        ));
    }
    for (leaf, known) in draft.leaves.iter().zip(known) {
        if let Some(leaf) = leaf {
            check_kept(leaf, draft.rule).map_err(|problem| problem.at(known.file, None, None))?;
        }
    }
    if let Some(declared) = draft.rule.and_then(|rule| rule.kind.column_type()) {
        return Ok(declared);
    }
    for (leaf, known) in draft.leaves.iter_mut().zip(known) {
        if let Some(leaf) = leaf
            && leaf.kind == ValueKind::Unsigned
            && largest(known, leaf)? <= i64::MAX.unsigned_abs()
        {
            leaf.kind = ValueKind::Long;
        }
    }
    let has = |kind| draft.leaves.iter().flatten().any(|leaf| leaf.kind == kind);
    if has(ValueKind::Double) && has(ValueKind::Long) {
        for (leaf, known) in draft.leaves.iter_mut().zip(known) {
            if let Some(leaf) = leaf
                && leaf.kind == ValueKind::Long
                && largest(known, leaf)? <= EXACT_IN_DOUBLE
            {
                leaf.kind = ValueKind::Short;
            }
        }
    }
    let mut joined = ValueKind::Null;
    for (leaf, known) in draft.leaves.iter().zip(known) {
        let Some(leaf) = leaf else { continue };
        let Some(both) = joined.join(leaf.kind) else {
            notices.push(format!(
                "{name} has another type in {} than in the files before it, so text",
                quoted(&known.file.origin)
            ));
            return Ok(ColumnType::Text);
        };
        joined = both;
    }
    Ok(joined.column_type().unwrap_or(ColumnType::Text))
}

/// Refuses what no column can hold, wherever in the values it is.
fn check_kept(leaf: &SchemaLeaf, rule: Option<&ColumnRule>) -> Result<(), DataProblem> {
    let name = leaf.names.join(".");
    let (problem, hint) = if leaf.form.has(ValueKind::Other) {
        (
            "has a type an extract cannot keep",
            format!("leave it out in `columns`: `{name}: skip`"),
        )
    } else if rule.is_none() && leaf.form.has(ValueKind::Binary) {
        (
            "holds binary values, which an extract cannot keep",
            format!(
                "in `columns`, leave it out (`{name}: skip`) or, if they are UTF-8, take it as text (`{name}: text`)"
            ),
        )
    } else {
        return Ok(());
    };
    Err(DataProblem::new(problem).column(name).hint(hint))
}

/// Returns the largest distance from 0 among the integers of a leaf; reads them all.
fn largest(known: &KnownFile<'_>, leaf: &SchemaLeaf) -> Result<u64, DataError> {
    let at = |problem: DataProblem| problem.at(known.file, None, None);
    let mut largest = 0;
    for batch in known.container.batches(&leaf.path[..1]).map_err(at)? {
        let batch = batch.map_err(at)?;
        let mut array: ArrayRef = batch.column(0).clone();
        for &position in &leaf.path[1..] {
            let group = array.as_struct_opt();
            let child = group
                .filter(|group| position < group.num_columns())
                .map(|group| group.column(position).clone());
            array = child.ok_or_else(|| at(changed()))?;
        }
        if let Some(dictionary) = array.as_any_dictionary_opt() {
            array = dictionary.values().clone();
        }
        let found = if let Some(array) = array.as_primitive_opt::<UInt64Type>() {
            array.iter().flatten().max()
        } else if let Some(array) = array.as_primitive_opt::<Int64Type>() {
            array.iter().flatten().map(i64::unsigned_abs).max()
        } else {
            None
        };
        largest = largest.max(found.unwrap_or_default());
    }
    Ok(largest)
}

fn parts(
    known: &[KnownFile<'_>],
    drafts: &[ColumnDraft<'_>],
    columns: &[Column],
    system: &[SystemColumn],
    fetched_at: i64,
) -> Result<Vec<Part>, DataError> {
    let mut rows_before = 0;
    let mut parts = Vec::with_capacity(known.len());
    for (index, known) in known.iter().enumerate() {
        let data = drafts.iter().map(|draft| match &draft.leaves[index] {
            Some(leaf) if leaf.kind != ValueKind::Null => {
                Fill::SchemaLeaf(leaf.clone(), draft.rule.cloned())
            }
            _ => Fill::Null,
        });
        let fills: Vec<Fill> = data
            .chain(system.iter().map(|column| Fill::System(*column)))
            .collect();
        let mut expressions = None;
        let engine = known.container.engine_reader();
        if engine == EngineReader::Reads {
            let all = fills
                .iter()
                .zip(columns)
                .map(|(fill, column)| expression(fill, column, known, fetched_at));
            expressions = all.collect();
        }
        for fill in &fills {
            if let (Some(_), Fill::SchemaLeaf(leaf, _)) = (&expressions, fill)
                && !is_cut_alike(known, leaf)?
            {
                expressions = None;
            }
        }
        parts.push(Part {
            file: known.file.clone(),
            rows_before,
            rows: known.container.rows(),
            fills,
            expressions,
            engine,
            signature: known.container.signature(),
            fetched_at,
        });
        rows_before += known.container.rows();
    }
    Ok(parts)
}

/// Whether the engine's microseconds are ours: it cuts nanoseconds towards 1970. Reads them all.
fn is_cut_alike(known: &KnownFile<'_>, leaf: &SchemaLeaf) -> Result<bool, DataError> {
    let root = leaf.path[0];
    let field = known.container.root(root);
    if !matches!(
        field.data_type(),
        DataType::Timestamp(TimeUnit::Nanosecond, _)
    ) {
        return Ok(true);
    }
    let at = |problem: DataProblem| problem.at(known.file, None, None);
    for batch in known.container.batches(&[root]).map_err(at)? {
        let batch = batch.map_err(at)?;
        let times = batch
            .column(0)
            .as_primitive_opt::<TimestampNanosecondType>();
        let mut times = times.into_iter().flat_map(|times| times.iter().flatten());
        if times.any(|nanos| nanos < 0 && nanos % 1_000 != 0) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What the engine would have to do; `None` if only this process can.
fn expression(
    fill: &Fill,
    column: &Column,
    known: &KnownFile<'_>,
    fetched_at: i64,
) -> Option<EngineExpression> {
    match fill {
        Fill::Null | Fill::System(SystemColumn::Key) => Some(EngineExpression::Null),
        Fill::System(SystemColumn::FetchedAt) => {
            Some(EngineExpression::FetchedAt(instant(fetched_at.into())))
        }
        Fill::System(SystemColumn::Source) => {
            Some(EngineExpression::Text(known.file.origin.clone()))
        }
        // The engine does not keep the order of rows.
        Fill::System(SystemColumn::Row) => None,
        Fill::SchemaLeaf(leaf, rule) => {
            let [root] = leaf.path.as_slice() else {
                return None;
            };
            let name = known.container.root(*root).name();
            if name.is_empty() || name.contains('\0') {
                return None;
            }
            let is_plain = rule.as_ref().is_none_or(|rule| {
                rule.format.is_none()
                    && rule.kind != RuleKind::Json
                    && (rule.tz.is_none() || leaf.kind == ValueKind::Zoned)
            });
            let target = column_type(rule.as_ref(), column.column_type);
            match leaf.kind {
                _ if !is_plain || !leaf.kind.casts_to(target) => None,
                ValueKind::Zoned => Some(EngineExpression::Zoned(name.clone())),
                _ => Some(EngineExpression::Column(name.clone())),
            }
        }
    }
}

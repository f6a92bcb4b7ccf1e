//! What is known about the fields of files of separated values: which leaf each fills, and what is worth a notice.

use std::collections::HashMap;

use crate::data::local_number::CommaLooks;
use crate::data::{Column, ColumnType};
use crate::say::listed;
use crate::typing::layout::{Layout, LeafId};
use crate::typing::profile::ColumnOutcome;

/// What is known about the fields of a file.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    /// Which field goes to which leaf.
    pub(crate) leaves: Vec<(usize, LeafId)>,
    /// By field.
    pub(crate) looks: Vec<CommaLooks>,
    /// Lines without anything that are no records.
    pub(crate) n_blank_lines: usize,
}

/// Says how many blank lines were passed over.
pub(crate) fn notice_blank_lines(files: &[&Fields], notices: &mut Vec<String>) {
    let n_lines: usize = files.iter().map(|file| file.n_blank_lines).sum();
    match n_lines {
        0 => {}
        1 => notices.push(String::from("1 line without any field was passed over")),
        _ => notices.push(format!(
            "{n_lines} lines without any field were passed over"
        )),
    }
}

/// Says which text columns look like numbers with a decimal comma: that is declared, never guessed.
pub(crate) fn notice_commas(
    files: &[&Fields],
    outcomes: &[ColumnOutcome],
    layout: &Layout,
    notices: &mut Vec<String>,
) {
    let mut looks: HashMap<LeafId, Vec<CommaLooks>> = HashMap::new();
    for file in files {
        for (field, leaf) in &file.leaves {
            let found = file.looks.get(*field).copied();
            looks.entry(*leaf).or_default().extend(found);
        }
    }
    let mut names = Vec::new();
    for ColumnOutcome { leaf, column, .. } in outcomes {
        let Column { name, column_type } = column;
        let (Some(leaf), ColumnType::Text) = (*leaf, column_type) else {
            continue;
        };
        if layout.leaves[leaf].rule.is_some() {
            continue;
        }
        let looks = looks.get(&leaf).map_or(&[][..], Vec::as_slice);
        if !looks.contains(&CommaLooks::Ruled) && looks.contains(&CommaLooks::Likely) {
            names.push(name.as_str());
        }
    }
    if !names.is_empty() {
        notices.push(format!(
            "text that looks like numbers with a decimal comma; if it is, set `csv: decimal=,` (and `thousands=.`): {}",
            listed(names)
        ));
    }
}

//! The pass over files of separated values.

use std::collections::{HashMap, HashSet};

use super::pass::{Ended, Pass};
use crate::data::local_number::CommaLooks;
use crate::data::token::Token;
use crate::data::{Column, ColumnType};
use crate::readers::csv::records::{self, Csv, Plain};
use crate::readers::position::Problem;
use crate::say::listed;
use crate::source::StagedFile;
use crate::typing::layout::{Layout, LeafId};
use crate::typing::profile::Outcome;

/// What is known about the fields of a file.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    /// Which field goes to which leaf.
    leaves: Vec<(usize, LeafId)>,
    /// By field.
    looks: Vec<CommaLooks>,
    /// Lines without anything that are no records.
    n_blank_lines: usize,
}

impl Pass<'_> {
    /// Takes the records of separated values.
    pub(crate) fn read_fields(&mut self, file: &StagedFile) -> Result<(), Ended> {
        let options = &self.rules.csv;
        let at_start = |problem: Problem| problem.at(file, None, None);
        let (encoding, dialect) = records::look(file, options).map_err(at_start)?;
        self.set_encoding(encoding);
        let located = |problem: Problem, record: Option<u64>| {
            records::advised(problem, file, encoding).at_in(file, encoding, record, None)
        };
        let mut csv =
            Csv::open(file, options, dialect).map_err(|problem| located(problem, None))?;
        let mut fields = Fields {
            leaves: Vec::new(),
            looks: vec![CommaLooks::default(); csv.names.len()],
            n_blank_lines: 0,
        };
        let mut wanted: HashSet<LeafId> = HashSet::new();
        for (field, name) in csv.names.iter().enumerate() {
            for leaf in self.survey.layout.header(name) {
                if !wanted.insert(leaf) {
                    let problem = Problem::new("two headers lead to this column").column(name);
                    return Err(at_start(
                        problem.hint("give the declared one another name in `columns`"),
                    )
                    .into());
                }
                fields.leaves.push((field, leaf));
                self.survey.observe(leaf, Token::Null, None);
            }
        }
        self.survey.check_width().map_err(at_start)?;
        let are_plain = options.numbers.are_plain();
        let mut record = ::csv::StringRecord::new();
        let mut plain = Plain::default();
        let ended = loop {
            let offset = match csv.next(&mut record) {
                Ok(Some(offset)) => offset,
                Ok(None) => break Ok(()),
                Err(problem) => break Err(located(problem, Some(self.survey.record + 1)).into()),
            };
            plain.fill(options, &record);
            let taken = self.record((offset, &file.origin, None), |row| {
                for &(field, leaf) in &fields.leaves {
                    let token = records::token(options, &record, field, &plain);
                    if are_plain && let Token::Field(text) = token {
                        fields.looks[field].look(text);
                    }
                    row.put(leaf, token);
                }
                Ok(())
            });
            if let Err(halt) = taken {
                break Err(halt.at(|problem| located(problem, Some(self.survey.record))));
            }
        };
        fields.n_blank_lines = csv.n_blank_lines;
        self.set_fields(fields);
        ended
    }
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
    outcomes: &[Outcome],
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
    for Outcome { leaf, column, .. } in outcomes {
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

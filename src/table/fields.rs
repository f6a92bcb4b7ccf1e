//! Both passes over files of separated values.

use super::csv::{self, Csv, Plain, Quotes};
use super::dialect::CsvOptions;
use super::layout::{Layout, LeafId};
use super::local::CommaLooks;
use super::place::{Problem, listed};
use super::sniff::Dialect;
use super::survey::{Outcome, Survey};
use super::value::Token;
use super::{Column, ColumnType, DataError, Source, Table, Value, changed, recycled};

/// What is known about the fields of a file.
#[derive(Debug, Default)]
pub(super) struct Fields {
    /// Which field goes to which leaf.
    pub(super) leaves: Vec<(usize, LeafId)>,
    count: usize,
    dialect: Option<Dialect>,
    /// By field.
    looks: Vec<CommaLooks>,
}

impl Source {
    /// Pass 1 over separated values.
    pub(super) fn survey_fields(
        &mut self,
        survey: &mut Survey,
        options: &CsvOptions,
    ) -> Result<(), DataError> {
        let file = self.file.clone();
        let at_start = |problem: Problem| problem.at(&file, None, None);
        let (encoding, dialect) = csv::look(&file, options).map_err(at_start)?;
        self.encoding = encoding;
        self.fields.dialect = Some(dialect);
        let located = |problem: Problem, record: Option<u64>| {
            csv::advised(problem, &file, encoding).at_in(&file, encoding, record, None)
        };
        let mut csv = Csv::open(&file, options, dialect, Quotes::Watched)
            .map_err(|problem| located(problem, None))?;
        self.fields.count = csv.names.len();
        for (field, name) in csv.names.iter().enumerate() {
            for leaf in survey.layout.header(name) {
                if self.fields.leaves.iter().any(|(_, other)| *other == leaf) {
                    let problem = Problem::new("two headers lead to this column").column(name);
                    return Err(at_start(
                        problem.hint("give the declared one another name in `columns`"),
                    ));
                }
                self.fields.leaves.push((field, leaf));
                survey.observe(leaf, Token::Null);
            }
        }
        let are_plain = options.numbers.are_plain();
        self.fields.looks = vec![CommaLooks::default(); self.fields.count];
        let mut record = ::csv::StringRecord::new();
        let mut plain = Plain::default();
        while let Some(offset) = csv
            .next(&mut record)
            .map_err(|problem| located(problem, Some(survey.record + 1)))?
        {
            survey.begin(offset);
            plain.fill(options, &record);
            for &(field, leaf) in &self.fields.leaves {
                let token = csv::token(options, &record, field, &plain);
                if are_plain && let Token::Field(text) = token {
                    self.fields.looks[field].look(text);
                }
                survey.observe(leaf, token);
            }
        }
        Ok(())
    }
}

impl Table {
    /// Pass 2 over separated values.
    pub(super) fn fill_fields<E: From<DataError>>(
        &self,
        source: &Source,
        row: &mut u64,
        sink: &mut impl FnMut(&[Value<'_>]) -> Result<(), E>,
    ) -> Result<(), E> {
        let (file, encoding) = (&source.file, source.encoding);
        let Some(dialect) = source.fields.dialect else {
            return Err(changed().at(file, None, None).into());
        };
        let mut csv = Csv::open(file, &self.csv, dialect, Quotes::InOrder)
            .map_err(|problem| problem.at_in(file, encoding, None, None))?;
        if csv.names.len() != source.fields.count {
            return Err(changed().at(file, None, None).into());
        }
        let mut values: Vec<Value<'static>> = Vec::with_capacity(self.columns.len());
        let mut record = ::csv::StringRecord::new();
        let mut plain = Plain::default();
        loop {
            *row += 1;
            let Some(offset) = csv
                .next(&mut record)
                .map_err(|problem| problem.at_in(file, encoding, Some(*row), None))?
            else {
                *row -= 1;
                return Ok(());
            };
            plain.fill(&self.csv, &record);
            let mut filled = self.blank(&mut values);
            for &(field, leaf) in &source.fields.leaves {
                self.put(
                    &mut filled,
                    leaf,
                    csv::token(&self.csv, &record, field, &plain),
                )
                .map_err(|problem| problem.at_in(file, encoding, Some(*row), Some(offset)))?;
            }
            self.fill_system(&mut filled, source, *row, None);
            sink(&filled)?;
            values = recycled(filled);
        }
    }
}

/// Says which text columns look like numbers with a decimal comma: that is declared, never guessed.
pub(super) fn notice_commas(
    sources: &[Source],
    outcomes: &[Outcome],
    layout: &Layout,
    notices: &mut Vec<String>,
) {
    let mut names = Vec::new();
    for Outcome { leaf, column, .. } in outcomes {
        let Column { name, column_type } = column;
        let (Some(leaf), ColumnType::Text) = (*leaf, column_type) else {
            continue;
        };
        if layout.leaves[leaf].rule.is_some() {
            continue;
        }
        let mut looks = sources.iter().flat_map(|source| {
            let fields = source.fields.leaves.iter();
            let fields = fields.filter(move |(_, other)| *other == leaf);
            fields.filter_map(|(field, _)| source.fields.looks.get(*field))
        });
        let are_all = looks.clone().all(|looks| *looks != CommaLooks::Ruled);
        if are_all && looks.any(|looks| *looks == CommaLooks::Likely) {
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

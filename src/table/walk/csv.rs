//! The walk over a file of separated values.

use std::collections::HashSet;

use crate::data::DataError;
use crate::data::local_number::CommaLooks;
use crate::data::token::Token;
use crate::readers::csv::records::{self, Csv, PlainNumbers};
use crate::readers::position::DataProblem;
use crate::source::StagedFile;
use crate::table::fields::Fields;
use crate::table::pass::{Ended, Pass};
use crate::typing::layout::LeafId;

/// Takes the records of separated values.
pub(crate) fn read(pass: &mut Pass<'_>, file: &StagedFile) -> Result<(), Ended<DataError>> {
    let options = &pass.rules.csv;
    let at_start = |problem: DataProblem| problem.at(file, None, None);
    let (encoding, dialect) = records::look(file, options).map_err(at_start)?;
    pass.set_encoding(encoding);
    let located = |problem: DataProblem, record: Option<u64>| {
        records::advised(problem, file, encoding).at_in(file, encoding, record, None)
    };
    let mut csv = Csv::open(file, options, dialect).map_err(|problem| located(problem, None))?;
    let mut fields = Fields {
        leaves: Vec::new(),
        looks: vec![CommaLooks::default(); csv.names.len()],
        n_blank_lines: 0,
    };
    let mut wanted: HashSet<LeafId> = HashSet::new();
    for (field, name) in csv.names.iter().enumerate() {
        for leaf in pass.profile.layout.header(name) {
            if !wanted.insert(leaf) {
                let problem = DataProblem::new("two headers lead to this column").column(name);
                return Err(at_start(
                    problem.hint("give the declared one another name in `columns`"),
                )
                .into());
            }
            fields.leaves.push((field, leaf));
            pass.profile.observe(leaf, Token::Null, None);
        }
    }
    pass.profile.check_width().map_err(at_start)?;
    let are_plain = options.numbers.are_plain();
    let mut record = ::csv::StringRecord::new();
    let mut plain = PlainNumbers::default();
    let ended = loop {
        let offset = match csv.next(&mut record) {
            Ok(Some(offset)) => offset,
            Ok(None) => break Ok(()),
            Err(problem) => break Err(located(problem, Some(pass.profile.record + 1)).into()),
        };
        plain.fill(options, &record);
        let taken = pass.record((offset, &file.origin, None), |row, _| {
            for &(field, leaf) in &fields.leaves {
                let token = records::token(options, &record, field, &plain);
                if are_plain && let Token::Field(text) = token {
                    fields.looks[field].look(text);
                }
                row.put(leaf, token);
            }
            Ok(())
        });
        if let Err(ended) = taken {
            break Err(ended.map(|problem| located(problem, Some(pass.profile.record))));
        }
    };
    fields.n_blank_lines = csv.n_blank_lines;
    pass.set_fields(fields);
    ended
}

//! Tables of records without types of their own: all rows of all files, united by column name; they stay in the files.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::absent::Absent;
use super::pass::{Ended, Outcomes, Pass};
use super::speculate::{Basis, Contradicted, Verdict};
use super::walk::walk;
use crate::data::{Column, ColumnType, DataError, Value};
use crate::outline::markup::Markup;
use crate::outline::rows::Found;
use crate::readers::position::without_file;
use crate::readers::record::changed;
use crate::rules::Rules;
use crate::say::harmless;
use crate::source::Staged;
use crate::typing::layout::NodeId;
use crate::typing::profile::{Outcome, Presence};
use crate::typing::projection::Projection;
use crate::typing::row::Assumption;

/// All records of all files, with the columns they come to.
#[derive(Debug)]
pub struct Records {
    staged: Staged,
    rules: Rules,
    basis: Basis<Records>,
    pub(crate) projection: Projection,
    markup: Arc<Markup>,
    /// Where the rows of documents are, by their origin.
    places: HashMap<String, Found>,
    /// Number of the rows that have decided the columns.
    pub(crate) rows: u64,
    pub(crate) absent: Absent,
    pub(crate) notices: Vec<String>,
}

impl Records {
    /// Reads all rows and decides the columns by them.
    pub(crate) fn read(staged: &Staged, rules: &Rules) -> Result<Records, DataError> {
        let mut pass = Pass::new(staged, rules, u64::MAX)?;
        match walk(&mut pass) {
            Err(Ended::Problem(error)) => Err(error),
            _ => Ok(Records::new(
                (staged, rules),
                pass.decide()?,
                Basis::AllRows,
            )),
        }
    }

    /// Decides the columns by the first rows, or by all if there are no more; `None` if that fails.
    pub(crate) fn assume(
        staged: &Staged,
        rules: &Rules,
        n_rows: u64,
    ) -> Result<Option<Records>, DataError> {
        let mut pass = Pass::new(staged, rules, n_rows)?;
        let basis = match walk(&mut pass) {
            Err(Ended::Problem(error)) => return Err(error),
            Err(Ended::Enough | Ended::Refused) => Basis::first_rows(),
            Ok(()) => Basis::AllRows,
        };
        match (pass.decide(), &basis) {
            // There may be more of the same behind the first rows.
            (Err(_), Basis::FirstRows(_)) => Ok(None),
            (decided, _) => Ok(Some(Records::new((staged, rules), decided?, basis))),
        }
    }

    fn new((staged, rules): (&Staged, &Rules), found: Outcomes, basis: Basis<Records>) -> Records {
        let Outcomes {
            columns: mut outcomes,
            mut notices,
            layout,
            rows,
            ..
        } = found;
        if rows > 0 && layout.leaves.is_empty() && !layout.has_children(NodeId::ROOT) {
            notices.push(String::from(
                "the records are empty, their only column is `value`",
            ));
            let column = Column {
                name: String::from("value"),
                column_type: ColumnType::Text,
            };
            outcomes.push(Outcome {
                leaf: None,
                column,
                presence: Presence::InData,
            });
        }
        let mut targets = vec![None; layout.leaves.len()];
        let mut columns = Vec::with_capacity(outcomes.len());
        let mut absent = Vec::new();
        for (index, outcome) in outcomes.into_iter().enumerate() {
            if outcome.presence == Presence::Declared {
                absent.push(outcome.column.name.clone());
            }
            if let Some(leaf) = outcome.leaf {
                targets[leaf] = Some(index);
            }
            columns.push(outcome.column);
        }
        let mut notices: Vec<String> = notices.into_iter().map(harmless).collect();
        let system = rules.add_system_columns(&mut columns, &mut notices);
        Records {
            staged: staged.clone(),
            rules: rules.clone(),
            basis,
            projection: Projection {
                layout,
                columns,
                targets,
                system,
                fetched_at: staged.fetched_at,
            },
            markup: found.markup,
            places: found.places,
            rows,
            absent: Absent::new(absent),
            notices,
        }
    }

    /// Returns the name by which the user's SQL calls it.
    pub(crate) fn name(&self) -> &str {
        &self.staged.name
    }

    /// Returns the table that all rows want, once these have been seen.
    pub(crate) fn known(&self) -> Option<&Records> {
        self.basis.known(self)
    }

    /// Returns the table as all its rows want it, which a walk over them has found out; without one it takes one.
    pub(crate) fn confirm(self) -> Result<Records, DataError> {
        match self.basis {
            Basis::AllRows => Ok(self),
            Basis::FirstRows(found) => {
                if let Some(found) = found.into_inner() {
                    return found.map(|table| *table);
                }
                let mut table = Records::read(&self.staged, &self.rules)?;
                table.tell_absent();
                Ok(table)
            }
        }
    }

    /// Leaves out columns that are only declared.
    pub(crate) fn drop_declared(&mut self, names: Vec<String>) {
        for name in &names {
            self.projection.remove(name);
        }
        self.absent.drop_names(names);
    }

    /// Says which declared columns the data lacks.
    pub(crate) fn tell_absent(&mut self) {
        self.notices
            .extend(self.absent.notice(&self.projection.columns));
    }

    /// Converts every row, in the same order; `sink` gets the values of one row at a time.
    ///
    /// Fails if `sink` does, if a file has changed since its columns were decided, or if these were assumed and
    /// are [`Contradicted`]: then no row that `sink` got counts.
    pub(crate) fn for_each_row<E: From<DataError> + From<Contradicted>>(
        &self,
        mut sink: impl FnMut(&[Value<'_>]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut refused = None;
        let mut pass_on = |row: &[Value<'_>]| match sink(row) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                refused = Some(error);
                ControlFlow::Break(())
            }
        };
        let mut pass = Pass::converting(
            (&self.staged, &self.rules),
            (Arc::clone(&self.markup), self.places.clone()),
            &self.projection,
            &mut pass_on,
        )?;
        let found = match walk(&mut pass) {
            Ok(()) => pass.decide(),
            Err(Ended::Problem(error)) => Err(error),
            // A conversion has no limit, so it was the receiver.
            Err(Ended::Enough | Ended::Refused) => {
                drop(pass);
                return refused.map_or(Ok(()), Err);
            }
        };
        let verdict = found.map(|found| self.compare(found));
        match (&self.basis, verdict) {
            (Basis::FirstRows(_), verdict) => Ok(self.basis.conclude(verdict)?),
            (Basis::AllRows, Ok(Verdict::Confirmed(table))) if table.rows == self.rows => Ok(()),
            (Basis::AllRows, Ok(_)) => Err(match self.staged.files.last() {
                Some(file) => changed().at(file, None, None).into(),
                None => without_file(changed()).into(),
            }),
            (Basis::AllRows, Err(error)) => Err(error.into()),
        }
    }

    /// Compares what all rows came to with what they were converted to.
    fn compare(&self, found: Outcomes) -> Verdict<Records> {
        let (kept_empty, assumption) = (found.kept_empty.clone(), found.assumption);
        let mut table = Records::new((&self.staged, &self.rules), found, Basis::AllRows);
        table.drop_declared(self.absent.dropped.clone());
        let holds = assumption == Assumption::Holds
            && table
                .projection
                .is_as_assumed(&self.projection, &kept_empty);
        table.tell_absent();
        if holds {
            Verdict::Confirmed(table)
        } else {
            Verdict::Contradicted(table)
        }
    }
}

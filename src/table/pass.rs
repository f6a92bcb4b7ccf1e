//! What a walk over all records collects: it notes what every value is and, once types are assumed, converts it to them.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use encoding_rs::Encoding;

use super::fields::{self, Fields};
use crate::data::{DataError, Value};
use crate::outline::markup::Markup;
use crate::outline::rows::Found;
use crate::readers::position::{DataProblem, without_file};
use crate::rules::Rules;
use crate::source::{Family, Staged, StagedFile};
use crate::typing::key_plan::KeyPlan;
use crate::typing::layout::{Layout, LeafId};
use crate::typing::profile::{ColumnOutcome, Located, Profile};
use crate::typing::projection::Projection;
use crate::typing::row::{Assumption, Row, RowBuilder};

/// A walk over all files of a table.
pub(crate) struct Pass<'p> {
    pub(crate) staged: &'p Staged,
    pub(crate) rules: &'p Rules,
    pub(crate) markup: Arc<Markup>,
    pub(crate) profile: Profile,
    /// Pages of one address agree on where the rows are; files may differ.
    pub(crate) places: HashMap<String, Found>,
    pub(crate) notices: Vec<String>,
    /// What is known about the files so far.
    pub(crate) files: Vec<Reading>,
    /// Records that are enough.
    limit: u64,
    conversion: Option<Conversion<'p>>,
    assumption: Assumption,
    kept_empty: Vec<LeafId>,
}

/// How a file is read, as far as that is found out on the way.
pub(crate) struct Reading {
    pub(crate) encoding: &'static Encoding,
    pub(crate) fields: Fields,
}

/// Receives rows; breaking off ends the walk.
pub(crate) type Sink<'p> = dyn FnMut(&[Value<'_>]) -> ControlFlow<()> + 'p;

/// Conversion on the way.
struct Conversion<'p> {
    projection: &'p Projection,
    sink: &'p mut Sink<'p>,
    /// The last row's memory.
    spare: Vec<Value<'static>>,
    plan: KeyPlan,
}

/// Why a walk ended before the last record; a problem first has no place in a file, then it has.
pub(crate) enum Ended<P> {
    DataProblem(P),
    /// There were as many records as wanted.
    Enough,
    /// The receiver broke off.
    Refused,
}

impl<P> Ended<P> {
    pub(crate) fn map<Q>(self, place: impl FnOnce(P) -> Q) -> Ended<Q> {
        match self {
            Ended::DataProblem(problem) => Ended::DataProblem(place(problem)),
            Ended::Enough => Ended::Enough,
            Ended::Refused => Ended::Refused,
        }
    }
}

impl<P> From<P> for Ended<P> {
    fn from(problem: P) -> Ended<P> {
        Ended::DataProblem(problem)
    }
}

/// What a walk came to.
pub(crate) struct Outcomes {
    /// The columns the records want, with the leaf each comes from.
    pub(crate) columns: Vec<ColumnOutcome>,
    pub(crate) notices: Vec<String>,
    pub(crate) layout: Layout,
    /// Number of records.
    pub(crate) rows: u64,
    pub(crate) markup: Arc<Markup>,
    pub(crate) places: HashMap<String, Found>,
    /// Leaves in which a `{}` was kept as text: right as long as no row has anything inside.
    pub(crate) kept_empty: Vec<LeafId>,
    /// Whether every row could be converted as assumed.
    pub(crate) assumption: Assumption,
}

impl<'p> Pass<'p> {
    /// Prepares a walk that only looks; `limit` is the number of records that are enough.
    pub(crate) fn new(
        staged: &'p Staged,
        rules: &'p Rules,
        limit: u64,
    ) -> Result<Pass<'p>, DataError> {
        let whole = |problem: DataProblem| match staged.files.first() {
            Some(file) => problem.at(file, None, None),
            None => without_file(problem),
        };
        let is_csv = |file: &StagedFile| matches!(file.format.family(), Family::Separated(_));
        if rules.records.is_some() && staged.files.iter().all(is_csv) {
            let problem =
                DataProblem::new("`records` is a path into JSON, these are comma-separated values");
            return Err(whole(problem.hint("leave out `records`")));
        }
        Ok(Pass {
            staged,
            rules,
            profile: Profile::new(Layout::new(&rules.columns).map_err(whole)?),
            markup: Arc::new(Markup::look(staged, rules)?),
            places: HashMap::new(),
            notices: Vec::new(),
            files: Vec::new(),
            limit,
            conversion: None,
            assumption: Assumption::Holds,
            kept_empty: Vec::new(),
        })
    }

    /// Prepares a walk that converts as well, to the columns of a projection.
    pub(crate) fn converting(
        (staged, rules): (&'p Staged, &'p Rules),
        (markup, places): (Arc<Markup>, HashMap<String, Found>),
        projection: &'p Projection,
        sink: &'p mut Sink<'p>,
    ) -> Result<Pass<'p>, DataError> {
        Ok(Pass {
            staged,
            rules,
            profile: Profile::new(Layout::new(&rules.columns).map_err(without_file)?),
            markup,
            places,
            notices: Vec::new(),
            files: Vec::new(),
            limit: u64::MAX,
            conversion: Some(Conversion {
                projection,
                sink,
                spare: Vec::with_capacity(projection.columns.len()),
                plan: KeyPlan::default(),
            }),
            assumption: Assumption::Holds,
            kept_empty: Vec::new(),
        })
    }

    /// Remembers how the current file is encoded, for the places of problems.
    pub(crate) fn set_encoding(&mut self, encoding: &'static Encoding) {
        if let Some(reading) = self.files.last_mut() {
            reading.encoding = encoding;
        }
    }

    /// Remembers what the fields of the current file are.
    pub(crate) fn set_fields(&mut self, fields: Fields) {
        if let Some(reading) = self.files.last_mut() {
            reading.fields = fields;
        }
    }

    /// Forgets where keys lead: another file may mean other things by the same ones.
    pub(crate) fn forget_plan(&mut self) {
        if let Some(conversion) = &mut self.conversion {
            conversion.plan = KeyPlan::default();
        }
    }

    /// Takes one record, which `flatten` takes apart.
    pub(crate) fn record<'r>(
        &mut self,
        (offset, origin, key): (u64, &'r str, Option<&'r str>),
        flatten: impl FnOnce(&mut Row<'_, 'r>, &mut KeyPlan) -> Result<(), DataProblem>,
    ) -> Result<(), Ended<DataProblem>> {
        if self.profile.record >= self.limit {
            return Err(Ended::Enough);
        }
        self.profile.begin(offset);
        let Some(conversion) = self.conversion.as_mut() else {
            let mut row = Row {
                profile: &mut self.profile,
                builder: None,
            };
            return flatten(&mut row, &mut KeyPlan::default()).map_err(Ended::DataProblem);
        };
        let projection = conversion.projection;
        // A row of nulls in the memory of the last one.
        let mut values: Vec<Value<'r>> = std::mem::take(&mut conversion.spare);
        values.resize(projection.columns.len(), Value::Null);
        let mut row = Row {
            profile: &mut self.profile,
            builder: Some(RowBuilder {
                projection,
                values: &mut values,
                kept_empty: &mut self.kept_empty,
                assumption: Assumption::Holds,
            }),
        };
        flatten(&mut row, &mut conversion.plan).map_err(Ended::DataProblem)?;
        if row
            .builder
            .is_none_or(|builder| builder.assumption == Assumption::Contradicted)
        {
            self.assumption = Assumption::Contradicted;
            self.conversion = None;
            return Ok(());
        }
        projection.fill_system(&mut values, origin, self.profile.record, key);
        let flow = (conversion.sink)(&values);
        conversion.spare = recycled(values);
        match flow {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Ended::Refused),
        }
    }

    /// Decides the columns by what was seen.
    pub(crate) fn decide(mut self) -> Result<Outcomes, DataError> {
        let mut notices = self.markup.notices.clone();
        notices.append(&mut self.notices);
        let columns = self.profile.finish(&mut notices).map_err(|located| {
            let Located {
                problem,
                file,
                record,
                offset,
            } = *located;
            match (self.staged.files.get(file), self.files.get(file)) {
                (Some(file), Some(reading)) => {
                    problem.at_in(file, reading.encoding, record, offset)
                }
                _ => without_file(problem),
            }
        })?;
        let readings: Vec<&Fields> = self.files.iter().map(|reading| &reading.fields).collect();
        fields::notice_blank_lines(&readings, &mut notices);
        fields::notice_commas(&readings, &columns, &self.profile.layout, &mut notices);
        Ok(Outcomes {
            columns,
            notices,
            rows: self.profile.record,
            layout: self.profile.layout,
            markup: self.markup,
            places: self.places,
            kept_empty: self.kept_empty,
            assumption: self.assumption,
        })
    }
}

/// Empties a row and forgets what it borrowed; collecting in place keeps the memory.
fn recycled(mut row: Vec<Value<'_>>) -> Vec<Value<'static>> {
    row.clear();
    row.into_iter().map(|_| Value::Null).collect()
}

//! One walk over all records: it notes what every value is and, on trial, converts it to types assumed before.
//!
//! What the first rows assume is right if all rows come to the same; so most files are taken apart only once.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use encoding_rs::{Encoding, UTF_8};

use super::fields::{self, Fields};
use super::structure::{Markup, is_markup};
use super::{Basis, Table, without_file};
use crate::data::token::Token;
use crate::data::{DataError, Value};
use crate::outline::rows::{self, Extent, Found};
use crate::readers::json::object::Member;
use crate::readers::json::records::{self, Record};
use crate::readers::position::Problem;
use crate::readers::record::Stop;
use crate::readers::refusal;
use crate::rules::Rules;
use crate::source::{Format, Staged, StagedFile};
use crate::typing::edm::Types;
use crate::typing::flatten::json::{self, Scope, Take};
use crate::typing::key_plan::{Lane, Routine};
use crate::typing::layout::{Layout, LeafId, NodeId};
use crate::typing::odata::{self, Notation};
use crate::typing::profile::{Located, Survey};

/// A walk over all files of a table.
pub(crate) struct Pass<'p> {
    pub(crate) staged: &'p Staged,
    pub(crate) rules: &'p Rules,
    pub(crate) markup: Arc<Markup>,
    pub(crate) survey: Survey,
    /// Pages of one address agree on where the rows are; files may differ.
    places: HashMap<String, Found>,
    notices: Vec<String>,
    /// What is known about the files so far.
    pub(crate) files: Vec<Reading>,
    /// Records that are enough.
    limit: u64,
    trial: Option<Trial<'p>>,
    standing: Standing,
}

/// Whether what was assumed still holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    Holds,
    Contradicted,
}

/// How a file is read, as far as that is found out on the way.
pub(crate) struct Reading {
    encoding: &'static Encoding,
    pub(crate) fields: Fields,
}

/// Receives rows; breaking off ends the walk.
pub(crate) type Sink<'p> = dyn FnMut(&[Value<'_>]) -> ControlFlow<()> + 'p;

/// Conversion on the way.
struct Trial<'p> {
    table: &'p Table,
    sink: &'p mut Sink<'p>,
    /// The last row's memory.
    spare: Vec<Value<'static>>,
    routine: Routine,
    /// Leaves in which a `{}` was kept as text: right as long as no row has anything inside.
    hollow: Vec<LeafId>,
}

/// Why a walk ended before the last record.
pub(crate) enum Ended {
    Data(DataError),
    /// There were as many records as wanted.
    Enough,
    /// The receiver broke off.
    Refused,
}

impl From<DataError> for Ended {
    fn from(error: DataError) -> Ended {
        Ended::Data(error)
    }
}

/// The same before the place in the file is known.
pub(crate) enum Halt {
    Problem(Problem),
    Enough,
    Refused,
}

impl Halt {
    pub(crate) fn at(self, place: impl FnOnce(Problem) -> DataError) -> Ended {
        match self {
            Halt::Problem(problem) => Ended::Data(place(problem)),
            Halt::Enough => Ended::Enough,
            Halt::Refused => Ended::Refused,
        }
    }
}

/// What all values came to.
pub(crate) enum Conclusion {
    /// The rows are as the table has them that was assumed.
    Confirmed(Table),
    /// They are as this table has them.
    Contradicted(Table),
}

impl Conclusion {
    /// Returns the table that all values came to.
    pub(crate) fn into_table(self) -> Table {
        match self {
            Conclusion::Confirmed(table) | Conclusion::Contradicted(table) => table,
        }
    }
}

impl<'p> Pass<'p> {
    /// Prepares a walk that only looks; `limit` is the number of records that are enough.
    pub(crate) fn new(
        staged: &'p Staged,
        rules: &'p Rules,
        limit: u64,
    ) -> Result<Pass<'p>, DataError> {
        let whole = |problem: Problem| match staged.files.first() {
            Some(file) => problem.at(file, None, None),
            None => without_file(problem),
        };
        let is_csv = |file: &StagedFile| matches!(file.format, Format::Csv | Format::Tsv);
        if rules.records.is_some() && staged.files.iter().all(is_csv) {
            let problem =
                Problem::new("`records` is a path into JSON, these are comma-separated values");
            return Err(whole(problem.hint("leave out `records`")));
        }
        Ok(Pass {
            staged,
            rules,
            survey: Survey::new(Layout::new(&rules.columns).map_err(whole)?),
            markup: Arc::new(Markup::look(staged, rules)?),
            places: HashMap::new(),
            notices: Vec::new(),
            files: Vec::new(),
            limit,
            trial: None,
            standing: Standing::Holds,
        })
    }

    /// Prepares a walk that converts as well, to the columns of `table`.
    pub(crate) fn trial(table: &'p Table, sink: &'p mut Sink<'p>) -> Result<Pass<'p>, DataError> {
        Ok(Pass {
            staged: &table.staged,
            rules: &table.rules,
            survey: Survey::new(Layout::new(&table.rules.columns).map_err(without_file)?),
            markup: Arc::clone(&table.markup),
            places: table.places.clone(),
            notices: Vec::new(),
            files: Vec::new(),
            limit: u64::MAX,
            trial: Some(Trial {
                table,
                sink,
                spare: Vec::with_capacity(table.columns.len()),
                routine: Routine::default(),
                hollow: Vec::new(),
            }),
            standing: Standing::Holds,
        })
    }

    /// Goes through all records of all files.
    pub(crate) fn walk(&mut self) -> Result<(), Ended> {
        let staged = self.staged;
        let mut described = None;
        for (index, file) in staged.files.iter().enumerate() {
            self.survey.file = index;
            self.survey.notation = match file.format {
                Format::OData => Notation::OData,
                _ => Notation::Plain,
            };
            let origin = (file.format, file.origin.as_str());
            let is_new = described.replace(origin) != Some(origin);
            if is_new && file.format == Format::Atom {
                let (types, record) = self.markup.types();
                self.survey.layout.expect(types, Some(record));
            } else if is_new {
                self.survey.layout.expect(Types::default(), None);
            }
            self.files.push(Reading {
                encoding: UTF_8,
                fields: Fields::default(),
            });
            match file.format {
                Format::Csv | Format::Tsv => self.read_fields(file)?,
                _ if is_markup(file) => self.read_elements(file)?,
                _ => {
                    let path = self.place(file)?;
                    if let (true, Some(found)) = (file.format == Format::OData && is_new, &path) {
                        odata::expect(
                            staged,
                            file,
                            &found.path,
                            &mut self.survey,
                            &mut self.notices,
                        )
                        .map_err(|problem| problem.at(file, None, None))?;
                    }
                    self.read_records(file, path.as_ref())?;
                }
            }
        }
        Ok(())
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

    /// Finds where the rows of a document are; lines are rows themselves.
    fn place(&mut self, file: &StagedFile) -> Result<Option<Found>, DataError> {
        if let Some(path) = &self.rules.records {
            if path.steps.is_empty() && file.format != Format::NdJson {
                refusal::check_document(file, self.rules)
                    .map_err(|problem| problem.at(file, None, None))?;
            }
            return Ok(Some(Found::told(path.clone())));
        }
        if file.format == Format::NdJson {
            return Ok(None);
        }
        let found = match self.places.get(&file.origin) {
            Some(found) => found.clone(),
            None => {
                rows::locate(file, self.rules).map_err(|problem| problem.at(file, None, None))?
            }
        };
        self.check_extent(file, &found)
            .map_err(|problem| problem.at(file, None, None))?;
        let notice = found.notice.iter().filter(|n| !self.notices.contains(n));
        self.notices.extend(notice.cloned().collect::<Vec<_>>());
        self.places.insert(file.origin.clone(), found.clone());
        Ok(Some(found))
    }

    /// One document that is a row among others that hold rows is one whose rows were not found.
    fn check_extent(&self, file: &StagedFile, found: &Found) -> Result<(), Problem> {
        if found.extent == Extent::Document && self.places.contains_key(&file.origin) {
            // A later page; the first one has been looked at.
            refusal::check_document(file, self.rules)?;
        }
        let others = self.places.iter();
        rows::check_extent(
            found,
            others.map(|(origin, found)| (origin.as_str(), found)),
        )
    }

    fn read_records(&mut self, file: &StagedFile, found: Option<&Found>) -> Result<(), Ended> {
        let path = found.map(|found| &found.path);
        // Another file may mean other things by the same keys.
        if let Some(trial) = &mut self.trial {
            trial.routine = Routine::default();
        }
        let result = records::read(file, path, &mut |record: Record<'_>| {
            let offset = record.offset;
            self.record((offset, &file.origin, record.key), |row| row.take(&record))
                .map_err(|halt| {
                    halt.at(|problem| {
                        problem
                            .within(offset)
                            .at(file, Some(self.survey.record), Some(offset))
                    })
                })
        });
        match result {
            Ok(notice) => {
                let notice = notice.map(|notice| format!("{}: {notice}", file.origin));
                self.notices.extend(notice);
                Ok(())
            }
            Err(Stop::Sink(ended)) => Err(ended),
            Err(Stop::Problem(problem)) => Err(problem.at(file, None, None).into()),
        }
    }

    /// Takes one record, which `walk` takes apart.
    pub(crate) fn record<'r>(
        &mut self,
        (offset, origin, key): (u64, &'r str, Option<&'r str>),
        walk: impl FnOnce(&mut Row<'_, 'r>) -> Result<(), Problem>,
    ) -> Result<(), Halt> {
        if self.survey.record >= self.limit {
            return Err(Halt::Enough);
        }
        self.survey.begin(offset);
        let Some(trial) = self.trial.as_mut() else {
            let mut row = Row {
                survey: &mut self.survey,
                filling: None,
            };
            return walk(&mut row).map_err(Halt::Problem);
        };
        let table = trial.table;
        // A row of nulls in the memory of the last one.
        let mut values: Vec<Value<'r>> = std::mem::take(&mut trial.spare);
        values.resize(table.columns.len(), Value::Null);
        let mut row = Row {
            survey: &mut self.survey,
            filling: Some(Filling {
                table,
                values: &mut values,
                routine: &mut trial.routine,
                hollow: &mut trial.hollow,
                standing: Standing::Holds,
            }),
        };
        walk(&mut row).map_err(Halt::Problem)?;
        if row
            .filling
            .is_none_or(|filling| filling.standing == Standing::Contradicted)
        {
            self.standing = Standing::Contradicted;
            self.trial = None;
            return Ok(());
        }
        table.fill_system(&mut values, origin, self.survey.record, key);
        let flow = (trial.sink)(&values);
        trial.spare = recycled(values);
        match flow {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Halt::Refused),
        }
    }

    /// Decides the columns by what was seen.
    pub(crate) fn decide(mut self, basis: Basis) -> Result<Conclusion, DataError> {
        let mut notices = self.markup.notices.clone();
        notices.append(&mut self.notices);
        let outcomes = self.survey.finish(&mut notices).map_err(|located| {
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
        fields::notice_commas(&readings, &outcomes, &self.survey.layout, &mut notices);
        let assumed = self.trial.take();
        let was_contradicted = self.standing == Standing::Contradicted;
        let mut table = Table::decided(self, outcomes, notices, basis);
        let holds = assumed.is_none_or(|assumed| {
            table.forget(assumed.table.forgotten.clone());
            table.is_as_assumed(assumed.table, &assumed.hollow)
        });
        Ok(if holds && !was_contradicted {
            Conclusion::Confirmed(table)
        } else {
            Conclusion::Contradicted(table)
        })
    }

    /// Takes out what a table keeps.
    pub(crate) fn into_parts(self) -> (Survey, Arc<Markup>, HashMap<String, Found>) {
        (self.survey, self.markup, self.places)
    }
}

/// One record's values on their way.
pub(crate) struct Row<'p, 'r> {
    survey: &'p mut Survey,
    filling: Option<Filling<'p, 'r>>,
}

/// Where they go once they are converted.
struct Filling<'p, 'r> {
    table: &'p Table,
    values: &'p mut Vec<Value<'r>>,
    routine: &'p mut Routine,
    hollow: &'p mut Vec<LeafId>,
    standing: Standing,
}

impl<'r> Row<'_, 'r> {
    /// Takes one JSON record.
    fn take(&mut self, record: &Record<'r>) -> Result<(), Problem> {
        let (Some(filling), Some(members), Some(kin)) =
            (&mut self.filling, record.members, record.kin)
        else {
            return json::record(self, record);
        };
        let mut routine = std::mem::take(filling.routine);
        let members = (record.text, members);
        let taken = match routine.lanes(kin) {
            Some(lanes) => self.repeat(members, lanes),
            None => json::record(self, record),
        };
        if let Some(filling) = &mut self.filling {
            if routine.lanes(kin).is_none() {
                routine.learn(kin, members, &self.survey.layout, filling.table);
            }
            *filling.routine = routine;
        }
        taken
    }

    /// Takes the members of a record as those of its kin.
    fn repeat(
        &mut self,
        (text, members): (&'r str, &'r [Member]),
        lanes: &[Lane],
    ) -> Result<(), Problem> {
        for (member, lane) in members.iter().zip(lanes) {
            if let (Some(goal), Some(filling)) = (lane.goal, &mut self.filling)
                && let Some(token) = member.token(text)
                && let Some(value) = self.survey.convert(goal.leaf, token, goal.column_type)
            {
                filling.values[goal.target] = value;
            } else if let Some(node) = lane.node {
                json::member(self, node, (text, member), Scope::All, 0)?;
            }
        }
        Ok(())
    }

    /// Takes one value of a leaf.
    pub(crate) fn put(&mut self, leaf: LeafId, token: Token<'r>) {
        let Some(filling) = &mut self.filling else {
            self.survey.observe(leaf, token, None);
            return;
        };
        let table = filling.table;
        let goal = table.goal(leaf);
        if let Some(goal) = goal
            && let Some(value) = self.survey.convert(leaf, token, goal.column_type)
        {
            filling.values[goal.target] = value;
            return;
        }
        let (target, column_type) = (
            goal.map(|goal| goal.target),
            goal.map(|goal| goal.column_type),
        );
        let value = self.survey.observe(leaf, token, column_type);
        match (target, value) {
            (Some(target), Some(value)) => {
                let is_hollow = matches!(token, Token::EmptyObject)
                    && self.survey.layout.leaves[leaf].rule.is_none();
                filling.values[target] = if !is_hollow {
                    value
                } else if table.has_objects(leaf) {
                    Value::Null
                } else {
                    if !filling.hollow.contains(&leaf) {
                        filling.hollow.push(leaf);
                    }
                    value
                };
            }
            // A leaf that is no column: null, or `{}` in place of an object.
            (None, _) if matches!(token, Token::Null | Token::EmptyObject) => {}
            _ => filling.standing = Standing::Contradicted,
        }
    }
}

impl<'r> Take<'r> for Row<'_, 'r> {
    fn layout(&self) -> &Layout {
        &self.survey.layout
    }

    fn notation(&self) -> Notation {
        self.survey.notation
    }

    fn key(
        &mut self,
        parent: NodeId,
        expected: usize,
        key: &str,
        scope: Scope,
    ) -> Result<Option<NodeId>, Problem> {
        self.survey.key(parent, expected, key, scope)
    }

    fn token(&mut self, node: NodeId, token: Token<'r>, scope: Scope) -> Result<(), Problem> {
        if scope == Scope::All {
            self.survey.grow(node)?;
        }
        let token = self.survey.layout.meant(node, token);
        for index in 0..self.survey.layout.node(node).leaves.len() {
            let leaf = self.survey.layout.node(node).leaves[index];
            if self.survey.layout.takes(leaf, token) {
                self.put(leaf, token);
            }
        }
        Ok(())
    }
}

/// Empties a row and forgets what it borrowed; collecting in place keeps the memory.
fn recycled(mut row: Vec<Value<'_>>) -> Vec<Value<'static>> {
    row.clear();
    row.into_iter().map(|_| Value::Null).collect()
}

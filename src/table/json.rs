//! Finds the records of JSON documents and of files with one document a line.

use std::io::Read;

use super::members::{Look, Members};
use super::path::{RecordsPath, Step, pointer};
use super::place::{Problem, listed, quoted};
use super::rules::nearest;
use super::stream::{self, Scanner};
use crate::source::{Format, StagedFile};

/// Names under which APIs wrap their rows.
const ENVELOPES: [&str; 9] = [
    "data", "items", "results", "records", "value", "rows", "entries", "content", "objects",
];

/// Keys remembered for a message about a missing one.
const REMEMBERED: usize = 1000;

/// One record and where it was.
#[derive(Debug)]
pub(super) struct Record<'r> {
    pub(super) text: &'r str,
    /// Of an object that is plain enough.
    pub(super) members: Option<&'r Members>,
    /// What `*` stood for in objects.
    pub(super) key: Option<&'r str>,
    /// Byte of the file.
    pub(super) offset: u64,
}

/// Why reading stopped: our own problem, or the receiver's.
#[derive(Debug)]
pub(super) enum Stop<E> {
    Problem(Problem),
    Sink(E),
}

impl<E> From<Problem> for Stop<E> {
    fn from(problem: Problem) -> Stop<E> {
        Stop::Problem(problem)
    }
}

/// Where the rows of a document were found without being told.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) path: RecordsPath,
    /// For the log.
    pub(super) notice: Option<String>,
}

/// Hands over every record of a file; without a path each line or the whole document is one.
///
/// Returns a notice if some elements lacked the path.
pub(super) fn read<E>(
    file: &StagedFile,
    path: Option<&RecordsPath>,
    sink: &mut impl FnMut(Record<'_>) -> Result<(), E>,
) -> Result<Option<String>, Stop<E>> {
    let steps = path.map_or(&[][..], |path| &path.steps);
    let mut walk = Walk {
        steps,
        keys: Vec::new(),
        key: String::new(),
        members: Members::default(),
        found: 0,
        missing: 0,
        first: None,
        sink,
    };
    if file.format == Format::NdJson {
        lines(file, path.is_some(), &mut walk)?;
    } else {
        let (input, skipped) = stream::open(&file.path)?;
        let mut scanner = Scanner::new(input, skipped);
        if scanner.peek()?.is_none() {
            return Err(Problem::new("the file is empty, not even `[]`").into());
        }
        walk.descend(&mut scanner, 0)?;
        scanner.end()?;
    }
    match walk.first {
        Some(problem) if walk.found == 0 => Err(problem.into()),
        Some(_) => Ok(Some(format!(
            "`{}` is missing in {} places",
            pointer(steps),
            walk.missing
        ))),
        None => Ok(None),
    }
}

fn lines<E, F: FnMut(Record<'_>) -> Result<(), E>>(
    file: &StagedFile,
    has_path: bool,
    walk: &mut Walk<'_, F>,
) -> Result<(), Stop<E>> {
    let (input, skipped) = stream::open(&file.path)?;
    let mut lines = Scanner::new(input, skipped);
    while let Some(line) = lines.line()? {
        let (text, offset) = lines.text(&line)?;
        let record = text.trim_ascii_start();
        let start = offset + u64::try_from(text.len() - record.len()).unwrap_or(0);
        let record = record.trim_ascii_end();
        if !record.is_empty() && has_path {
            let mut scanner = Scanner::with_block(record.as_bytes(), start, record.len());
            walk.descend(&mut scanner, 0)?;
            scanner.end()?;
        } else if !record.is_empty() {
            let look = walk.members.look(record.as_bytes());
            (walk.sink)(Record {
                text: record,
                members: (look == Look::Whole(record.len())).then_some(&walk.members),
                key: None,
                offset: start,
            })
            .map_err(Stop::Sink)?;
        }
    }
    Ok(())
}

struct Walk<'a, F> {
    steps: &'a [Step],
    /// Object keys that `*` stands for right now.
    keys: Vec<String>,
    /// The same, joined.
    key: String,
    members: Members,
    found: u64,
    missing: u64,
    /// The first place that lacks the path.
    first: Option<Problem>,
    sink: &'a mut F,
}

impl<F> Walk<'_, F> {
    fn descend<E, R: Read>(&mut self, scanner: &mut Scanner<R>, at: usize) -> Result<(), Stop<E>>
    where
        F: FnMut(Record<'_>) -> Result<(), E>,
    {
        let offset = scanner.offset_of_next()?;
        let first = scanner.begin()?;
        let steps = self.steps;
        let Some(step) = steps.get(at) else {
            return self.target(scanner, first);
        };
        match (step, first) {
            (Step::Each, b'[') => scanner.array(|scanner, _| self.descend(scanner, at + 1)),
            (Step::Each, b'{') => scanner.object(|scanner, key| {
                self.keys.push(key);
                self.key = self.keys.join("/");
                let result = self.descend(scanner, at + 1);
                self.keys.pop();
                result
            }),
            (Step::Each, b'n') => Ok(scanner.check()?),
            (Step::Key(key), b'{') => self.member(scanner, at, key, offset),
            (Step::Key(key), b'[') => self.element(scanner, at, key, offset),
            (_, first) => {
                scanner.check()?;
                self.lacks(Problem {
                    offset: Some(offset),
                    ..Problem::new(format!(
                        "`{}` is {}, so there is no `{}`",
                        pointer(&steps[..at]),
                        kind(first),
                        pointer(&steps[..=at])
                    ))
                    .hint("set `records` to the path of the rows, as in `/data/items`")
                })
            }
        }
    }

    fn member<E, R: Read>(
        &mut self,
        scanner: &mut Scanner<R>,
        at: usize,
        wanted: &str,
        offset: u64,
    ) -> Result<(), Stop<E>>
    where
        F: FnMut(Record<'_>) -> Result<(), E>,
    {
        let mut keys = Vec::new();
        let mut found = false;
        scanner.object(|scanner, key| {
            if key == wanted {
                if std::mem::replace(&mut found, true) {
                    let problem = Problem::new(format!(
                        "the key {} comes twice in one object",
                        quoted(wanted)
                    ));
                    return Err(Stop::from(
                        problem.hint("fix the source: which of the two counts is not defined"),
                    ));
                }
                return self.descend(scanner, at + 1);
            }
            if keys.len() < REMEMBERED {
                keys.push(key);
            }
            Ok(scanner.check()?)
        })?;
        if found {
            Ok(())
        } else {
            self.lacks(missing(self.steps, at, wanted, &keys, offset))
        }
    }

    fn element<E, R: Read>(
        &mut self,
        scanner: &mut Scanner<R>,
        at: usize,
        wanted: &str,
        offset: u64,
    ) -> Result<(), Stop<E>>
    where
        F: FnMut(Record<'_>) -> Result<(), E>,
    {
        let mut n_elements = 0;
        let mut found = false;
        scanner.array(|scanner, index| {
            n_elements = index + 1;
            if index.to_string() == wanted {
                found = true;
                return self.descend(scanner, at + 1);
            }
            Ok(scanner.check()?)
        })?;
        if found {
            return Ok(());
        }
        let here = pointer(&self.steps[..at]);
        let each = format!(
            "{}/*{}",
            here.trim_end_matches('/'),
            pointer(&self.steps[at..])
        );
        self.lacks(Problem {
            offset: Some(offset),
            ..Problem::new(format!(
                "`{}` does not exist: `{here}` is an array of {n_elements} elements",
                pointer(&self.steps[..=at])
            ))
            .hint(format!("to go through all elements set `records: {each}`"))
        })
    }

    /// A missing path is an error, unless `*` leads to other places that have it.
    fn lacks<E>(&mut self, problem: Problem) -> Result<(), Stop<E>> {
        if !self.steps.contains(&Step::Each) {
            return Err(problem.into());
        }
        self.missing += 1;
        self.first.get_or_insert(problem);
        Ok(())
    }

    fn target<E, R: Read>(&mut self, scanner: &mut Scanner<R>, first: u8) -> Result<(), Stop<E>>
    where
        F: FnMut(Record<'_>) -> Result<(), E>,
    {
        self.found += 1;
        match first {
            b'[' => scanner.array(|scanner, _| self.record(scanner)),
            // A null in place of the rows; where `*` stands for the rows themselves, it is one of them.
            b'n' if self.steps.last() != Some(&Step::Each) => Ok(scanner.check()?),
            _ => self.record(scanner),
        }
    }

    fn record<E, R: Read>(&mut self, scanner: &mut Scanner<R>) -> Result<(), Stop<E>>
    where
        F: FnMut(Record<'_>) -> Result<(), E>,
    {
        let found = match scanner.begin()? {
            b'{' => scanner.look(&mut self.members)?,
            _ => None,
        };
        let is_known = found.is_some();
        let range = match found {
            Some(range) => range,
            None => scanner.value()?,
        };
        let (text, offset) = scanner.text(&range)?;
        (self.sink)(Record {
            text,
            members: is_known.then_some(&self.members),
            key: (!self.keys.is_empty()).then_some(self.key.as_str()),
            offset,
        })
        .map_err(Stop::Sink)
    }
}

pub(super) fn missing(
    steps: &[Step],
    at: usize,
    wanted: &str,
    keys: &[String],
    offset: u64,
) -> Problem {
    let here = pointer(&steps[..at]);
    let names = keys.iter().map(String::as_str);
    let there = if keys.is_empty() {
        String::from("it is empty")
    } else {
        format!("it has {}", listed(names.clone()))
    };
    let problem = Problem::new(format!("`{here}` has no `{wanted}`, {there}"));
    let hint = match nearest(wanted, names) {
        Some(near) => {
            let mut meant = steps.to_vec();
            meant[at] = Step::Key(near.to_owned());
            format!("did you mean `records: {}`?", pointer(&meant))
        }
        None => String::from("set `records` to the path of the rows"),
    };
    Problem {
        offset: Some(offset),
        ..problem.hint(hint)
    }
}

fn kind(first: u8) -> &'static str {
    match first {
        b'{' => "an object",
        b'[' => "an array",
        b'"' => "a string",
        b't' | b'f' => "a boolean",
        b'n' => "null",
        _ => "a number",
    }
}

/// Finds the rows of a document by the rules of the `auto` setting.
pub(super) fn locate(file: &StagedFile) -> Result<Found, Problem> {
    let whole = Found {
        path: RecordsPath { steps: Vec::new() },
        notice: None,
    };
    let (input, skipped) = stream::open(&file.path)?;
    let mut scanner = Scanner::new(input, skipped);
    if scanner.peek()? != Some(b'{') {
        return Ok(whole);
    }
    let members = members(&mut scanner)?;
    let path = |keys: &[&str]| RecordsPath {
        steps: keys
            .iter()
            .map(|key| Step::Key((*key).to_owned()))
            .collect(),
    };
    let found = |keys: &[&str]| {
        let path = path(keys);
        let notice = Some(format!("rows found at `{path}`"));
        Ok(Found { path, notice })
    };
    let is_odata = file.format == Format::OData
        || members
            .iter()
            .any(|member| member.key.starts_with("@odata."));
    let rows: Vec<&Member> = members
        .iter()
        .filter(|member| member.rows.is_some())
        .collect();
    if is_odata && rows.iter().any(|member| member.key == "value") {
        return found(&["value"]);
    }
    match (members.as_slice(), rows.as_slice()) {
        (
            [
                Member {
                    key,
                    shape: Shape::Rows(_),
                    ..
                },
            ],
            _,
        ) if key == "d" => return found(&["d"]),
        (
            [
                Member {
                    key,
                    shape: Shape::WithResults,
                    ..
                },
            ],
            _,
        ) if key == "d" => return found(&["d", "results"]),
        ([Member { key, .. }], _) if key == "d" && is_odata => return found(&["d"]),
        // One entity, whatever its properties are called.
        _ if file.format == Format::OData => return Ok(whole),
        (_, [one]) => return found(&[&one.key]),
        (_, [_, _, ..]) => {}
        (_, []) => return Ok(single(&members)),
    }
    let counts: Vec<String> = rows.iter().map(|member| member.counted()).collect();
    Err(
        Problem::new(format!("the rows may be at {}", counts.join(" or ")))
            .hint(format!("choose one, as in `records: /{}`", rows[0].key)),
    )
}

fn single(members: &[Member]) -> Found {
    let others: Vec<String> = members
        .iter()
        .filter(|member| matches!(member.shape, Shape::Rows(1..)))
        .map(Member::counted)
        .collect();
    let mut notice = String::from("the document is read as one row");
    if !others.is_empty() {
        notice.push_str("; for the elements of an array as rows set `records`: there is ");
        notice.push_str(&others.join(", "));
    }
    Found {
        path: RecordsPath { steps: Vec::new() },
        notice: Some(notice),
    }
}

/// A key of the root object.
struct Member {
    key: String,
    shape: Shape,
    /// How many rows there are, if the key is one that wraps rows.
    rows: Option<u64>,
}

#[derive(Clone, Copy)]
enum Shape {
    /// An array that is empty or begins with an object.
    Rows(u64),
    /// An object with an array `results`.
    WithResults,
    Other,
}

impl Member {
    fn counted(&self) -> String {
        let Shape::Rows(count) = self.shape else {
            return String::new();
        };
        let path = pointer(&[Step::Key(self.key.clone())]);
        format!(
            "`{path}` ({count} {})",
            if count == 1 { "element" } else { "elements" }
        )
    }
}

fn members<R: Read>(scanner: &mut Scanner<R>) -> Result<Vec<Member>, Problem> {
    let mut members = Vec::new();
    scanner.object(|scanner, key| {
        let shape = shape(scanner, &key)?;
        let rows = match shape {
            Shape::Rows(count) if ENVELOPES.contains(&key.as_str()) => Some(count),
            _ => None,
        };
        if rows.is_some() || members.len() < REMEMBERED {
            members.push(Member { key, shape, rows });
        }
        Ok::<(), Problem>(())
    })?;
    Ok(members)
}

fn shape<R: Read>(scanner: &mut Scanner<R>, key: &str) -> Result<Shape, Problem> {
    match scanner.begin()? {
        b'[' => {
            let (mut count, mut first) = (0, b'{');
            scanner.array(|scanner, index| {
                let begin = scanner.begin()?;
                if index == 0 {
                    first = begin;
                }
                count = index + 1;
                scanner.pass()
            })?;
            Ok(if first == b'{' {
                Shape::Rows(count)
            } else {
                Shape::Other
            })
        }
        b'{' if key == "d" => {
            let mut with_results = false;
            scanner.object(|scanner, key| {
                with_results |= key == "results" && scanner.begin()? == b'[';
                scanner.pass()
            })?;
            Ok(if with_results {
                Shape::WithResults
            } else {
                Shape::Other
            })
        }
        _ => scanner.pass().map(|()| Shape::Other),
    }
}

//! Finds where the rows of a JSON document are, if nobody says.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Take};
use std::ops::Range;

use super::json::REMEMBERED;
use super::members::Members;
use super::path::{RecordsPath, Step, pointer};
use super::place::Problem;
use super::stream::{self, Scanner};
use crate::source::{Format, StagedFile};

/// Names under which APIs wrap their rows.
const ENVELOPES: [&str; 9] = [
    "data", "items", "results", "records", "value", "rows", "entries", "content", "objects",
];

/// Where the rows of a document were found without being told.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) path: RecordsPath,
    /// For the log.
    pub(super) notice: Option<String>,
}

impl Found {
    fn at(path: RecordsPath) -> Found {
        let notice = Some(format!("rows found at `{path}`"));
        Found { path, notice }
    }
}

/// Finds the rows of a document by the rules of the `auto` setting.
pub(super) fn locate(file: &StagedFile) -> Result<Found, Problem> {
    let known = file.rows_at.as_deref().map(RecordsPath::parse);
    if let Some(path) = known.transpose().map_err(Problem::new)?
        && !path.steps.is_empty()
    {
        return Ok(Found::at(path));
    }
    locate_in(file, Outline::of(file, |_| false)?.as_ref())
}

/// The same for a document whose outline is known; it has none if its root is no object.
pub(super) fn locate_in(file: &StagedFile, outline: Option<&Outline>) -> Result<Found, Problem> {
    let whole = Found {
        path: RecordsPath { steps: Vec::new() },
        notice: None,
    };
    let Some(Outline { members }) = outline else {
        return Ok(whole);
    };
    let found = |keys: &[&str]| {
        let steps = keys.iter().map(|key| Step::Key((*key).to_owned()));
        Ok(Found::at(RecordsPath {
            steps: steps.collect(),
        }))
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
        (_, []) => return Ok(single(members)),
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

/// What the root object of a document has, found in one look over the file.
pub(super) struct Outline {
    /// The first ones, and those that matter wherever they are.
    pub(super) members: Vec<Member>,
}

/// A key of the root object.
pub(super) struct Member {
    pub(super) key: String,
    shape: Shape,
    /// How many rows there are, if the key is one that wraps rows.
    rows: Option<u64>,
    /// First byte of the value.
    pub(super) first: u8,
    /// Where the value is in the file.
    place: Range<u64>,
}

impl Outline {
    /// Looks over a document; nothing if its root is no object. `matters` tells which keys are never left out.
    pub(super) fn of(
        file: &StagedFile,
        matters: impl Fn(&str) -> bool,
    ) -> Result<Option<Outline>, Problem> {
        let (input, skipped) = stream::open(&file.path)?;
        let mut scanner = Scanner::new(input, skipped);
        if scanner.peek()? != Some(b'{') {
            return Ok(None);
        }
        let mut members = Vec::new();
        let mut elements = Members::of_many();
        scanner.object(|scanner, key| {
            let start = scanner.offset_of_next()?;
            let first = scanner.begin()?;
            let shape = shape(scanner, &key, &mut elements)?;
            let rows = match shape {
                Shape::Rows(count) if ENVELOPES.contains(&key.as_str()) => Some(count),
                _ => None,
            };
            if rows.is_some() || members.len() < REMEMBERED || matters(&key) {
                members.push(Member {
                    key,
                    shape,
                    rows,
                    first,
                    place: start..scanner.offset(),
                });
            }
            Ok::<(), Problem>(())
        })?;
        Ok(Some(Outline { members }))
    }

    /// Counts the rows at a path, if they are the elements of an array in the root object.
    pub(super) fn count(&self, path: &RecordsPath) -> Option<u64> {
        let [Step::Key(key)] = path.steps.as_slice() else {
            return None;
        };
        let mut named = self.members.iter().filter(|member| member.key == *key);
        match (named.next()?.shape, named.next()) {
            (Shape::Rows(count), None) => Some(count),
            _ => None,
        }
    }
}

impl Member {
    /// Opens the value alone.
    pub(super) fn open(&self, file: &StagedFile) -> Result<Scanner<Take<File>>, Problem> {
        let length = self.place.end - self.place.start;
        let mut input = File::open(&file.path).map_err(|error| stream::unreadable(&error))?;
        input
            .seek(SeekFrom::Start(self.place.start))
            .map_err(|error| stream::unreadable(&error))?;
        Ok(Scanner::new(input.take(length), self.place.start))
    }
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

/// Passes over a value; `elements` serves for those of arrays, which are written alike.
fn shape<R: Read>(
    scanner: &mut Scanner<R>,
    key: &str,
    elements: &mut Members,
) -> Result<Shape, Problem> {
    match scanner.begin()? {
        b'[' => {
            let (mut count, mut first) = (0, b'{');
            scanner.array(|scanner, index| {
                let begin = scanner.begin()?;
                if index == 0 {
                    first = begin;
                }
                count = index + 1;
                if begin == b'{' && scanner.skim(elements)? {
                    return Ok(());
                }
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

//! Finds the records of XML documents: along a path, or where elements repeat.

use encoding_rs::Encoding;

use super::rows::{self, Extent, Found};
use crate::data::path::{RecordsPath, Step, pointer};
use crate::readers::envelope_keys;
use crate::readers::json::records::missing;
use crate::readers::position::Problem;
use crate::readers::xml::records::{Document, Piece, local};
use crate::say::listed;
use crate::source::StagedFile;

/// Names remembered for a message about a missing one.
const REMEMBERED: usize = 1000;

/// Different places of elements that are told apart while looking for rows.
const MOST_PLACES: usize = 10_000;

/// Names of elements that are rows wherever they are, as in feeds, whose title and authors are no data of a row.
const ROWS: [&str; 7] = [
    "row", "record", "item", "entry", "element", "result", "object",
];

/// Follows a path through a document.
pub(crate) struct Search<'p> {
    steps: &'p [Step],
    /// Names of the open elements.
    open: Vec<String>,
    /// How many of them, from the root, are as the path has it.
    matched: usize,
    found: u64,
    /// By level: the names below what matched so far, and where that was.
    there: Vec<Option<(Vec<String>, u64)>>,
}

impl<'p> Search<'p> {
    pub(crate) fn new(steps: &'p [Step]) -> Search<'p> {
        let mut there = vec![None; steps.len() + 1];
        there[0] = Some((Vec::new(), 0));
        Search {
            steps,
            open: Vec::new(),
            matched: 0,
            found: 0,
            there,
        }
    }

    /// Notes that an element begins; returns true if it is a record.
    pub(crate) fn enter(&mut self, name: &str, offset: u64) -> bool {
        let depth = self.open.len();
        let is_on_path = self.matched == depth;
        if is_on_path
            && let Some(Some((names, _))) = self.there.get_mut(depth)
            && names.len() < REMEMBERED
            && !names.iter().any(|known| known == local(name))
        {
            names.push(local(name).to_owned());
        }
        self.open.push(local(name).to_owned());
        // The root is the one record of an empty path.
        if self.steps.is_empty() {
            self.found += 1;
            self.matched = 1;
            return depth == 0;
        }
        let fits = match self.steps.get(depth) {
            Some(Step::Key(key)) => key == local(name) || key == name,
            Some(Step::Each) => true,
            None => false,
        };
        if !is_on_path || !fits {
            return false;
        }
        self.matched += 1;
        if self.matched == self.steps.len() {
            self.found += 1;
            return true;
        }
        self.there[self.matched].get_or_insert((Vec::new(), offset));
        false
    }

    pub(crate) fn leave(&mut self) {
        self.open.pop();
        self.matched = self.matched.min(self.open.len());
    }

    pub(crate) fn key(&self) -> Option<String> {
        let keys: Vec<&str> = self
            .steps
            .iter()
            .zip(&self.open)
            .filter(|(step, _)| **step == Step::Each)
            .map(|(_, name)| name.as_str())
            .collect();
        (!keys.is_empty()).then(|| keys.join("/"))
    }

    /// No record at all is fine only where the element that should hold them is empty.
    pub(crate) fn finish(self) -> Result<(), Problem> {
        if self.found > 0 {
            return Ok(());
        }
        let last = self.there.iter().rposition(Option::is_some).unwrap_or(0);
        let Some(Some((names, offset))) = self.there.get(last) else {
            return Ok(());
        };
        if names.is_empty() && last + 1 == self.steps.len() {
            return Ok(());
        }
        match &self.steps[last] {
            Step::Key(wanted) => Err(missing(self.steps, last, wanted, names, *offset)),
            Step::Each => Err(Problem {
                offset: Some(*offset),
                ..Problem::new(format!("`{}` is empty", pointer(&self.steps[..last])))
                    .hint("set `records` to the path of the rows")
            }),
        }
    }
}

/// Finds the rows of a document: the one element that is repeated, seen from the root.
pub(crate) fn locate(
    file: &StagedFile,
    encoding: Option<&'static Encoding>,
) -> Result<Found, Problem> {
    let mut document = Document::open(file, encoding)?;
    let mut places = vec![Seen::default()];
    let mut open = vec![Some(0)];
    loop {
        match document.next(&mut None)? {
            Piece::Start(start, _) => {
                let inside = open.last().copied().flatten();
                let name = start.name();
                open.push(
                    inside.and_then(|parent| enter(&mut places, parent, local(name.as_ref()))),
                );
            }
            Piece::End => {
                open.pop();
            }
            Piece::Eof => break,
        }
    }
    let mut candidates = Vec::new();
    outermost(&places, 0, &mut Vec::new(), &mut candidates);
    decided(&places, &candidates)
}

/// A place of elements in a document.
#[derive(Default)]
struct Seen {
    children: Vec<(String, usize)>,
    count: u64,
    /// In the parent that is open.
    here: u64,
    is_repeated: bool,
}

fn enter(places: &mut Vec<Seen>, parent: usize, name: &str) -> Option<usize> {
    let known = places[parent]
        .children
        .iter()
        .find(|(known, _)| known == name);
    let at = match known {
        Some((_, at)) => *at,
        None if places.len() >= MOST_PLACES => return None,
        None => {
            places.push(Seen::default());
            let at = places.len() - 1;
            places[parent].children.push((name.to_owned(), at));
            at
        }
    };
    let children: Vec<usize> = places[at]
        .children
        .iter()
        .map(|(_, child)| *child)
        .collect();
    for child in children {
        places[child].here = 0;
    }
    let place = &mut places[at];
    place.count += 1;
    place.here += 1;
    place.is_repeated |= place.here > 1;
    Some(at)
}

fn outermost(
    places: &[Seen],
    at: usize,
    path: &mut Vec<Step>,
    candidates: &mut Vec<(Vec<Step>, u64)>,
) {
    for (name, child) in &places[at].children {
        path.push(Step::Key(name.clone()));
        if places[*child].is_repeated {
            candidates.push((path.clone(), places[*child].count));
        } else {
            outermost(places, *child, path, candidates);
        }
        path.pop();
    }
}

fn decided(places: &[Seen], candidates: &[(Vec<Step>, u64)]) -> Result<Found, Problem> {
    let unclear = |spots: &[(Vec<Step>, u64)]| {
        let counted: Vec<String> = spots
            .iter()
            .take(20)
            .map(|(steps, count)| format!("{} ({count})", listed([pointer(steps).as_str()])))
            .collect();
        let lines: Vec<String> = spots
            .iter()
            .take(4)
            .map(|(steps, _)| format!("`records: {}`", pointer(steps)))
            .collect();
        rows::unclear(&counted, &lines)
    };
    match candidates {
        [] => Ok(Found {
            path: RecordsPath { steps: Vec::new() },
            extent: Extent::Document,
            notice: Some(String::from(
                "no element comes twice, so the document is read as one row; set `records` to the path of the rows to keep that so whatever comes",
            )),
        }),
        [(steps, _)] if has_data_beside(places, steps) => {
            let mut spots = candidates.to_vec();
            // The element that has the list may be the record.
            if let Some((_, parent)) = steps.split_last().filter(|(_, parent)| parent.len() > 1) {
                spots.push((parent.to_vec(), 1));
            }
            Err(unclear(&spots))
        }
        [(steps, _)] => Ok(Found {
            path: RecordsPath {
                steps: steps.clone(),
            },
            extent: Extent::Elements,
            notice: Some(format!("rows found at `{}`", pointer(steps))),
        }),
        _ => Err(unclear(candidates)),
    }
}

/// Whether an element on the way to the rows has values of its own, which make it a record that holds a list.
fn has_data_beside(places: &[Seen], steps: &[Step]) -> bool {
    let name = match steps.last() {
        Some(Step::Key(name)) => name.as_str(),
        _ => "",
    };
    let is_usual = ROWS.contains(&envelope_keys::word(name).as_str());
    let mut at = 0;
    for step in steps {
        let mut next = at;
        for (name, child) in &places[at].children {
            if matches!(step, Step::Key(key) if key == name) {
                next = *child;
                continue;
            }
            let is_value = places[*child].children.is_empty();
            if is_value && !is_usual && !envelope_keys::is_about(name, None) {
                return true;
            }
        }
        at = next;
    }
    false
}

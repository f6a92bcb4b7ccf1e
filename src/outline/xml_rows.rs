//! Finds the records of XML documents: along a path, or where elements repeat.

use encoding_rs::Encoding;

use super::rows::{self, Extent, Found};
use crate::data::path::{RecordsPath, Step, pointer};
use crate::readers::envelope_keys;
use crate::readers::position::DataProblem;
use crate::readers::xml::document::{Document, XmlNode, local};
use crate::say::listed;
use crate::source::StagedFile;

/// Different places of elements that are told apart while looking for rows.
const MOST_PLACES: usize = 10_000;

/// Names of elements that are rows wherever they are, as in feeds, whose title and authors are no data of a row.
const ROWS: [&str; 7] = [
    "row", "record", "item", "entry", "element", "result", "object",
];

/// Finds the rows of a document: the one element that is repeated, seen from the root.
pub(crate) fn locate(
    file: &StagedFile,
    encoding: Option<&'static Encoding>,
) -> Result<Found, DataProblem> {
    let mut document = Document::open(file, encoding)?;
    let mut places = vec![ElementsAt::default()];
    let mut open = vec![Some(0)];
    loop {
        match document.next(&mut None)? {
            XmlNode::Start(start, _) => {
                let inside = open.last().copied().flatten();
                let name = start.name();
                open.push(
                    inside.and_then(|parent| enter(&mut places, parent, local(name.as_ref()))),
                );
            }
            XmlNode::End => {
                open.pop();
            }
            XmlNode::Eof => break,
        }
    }
    let mut candidates = Vec::new();
    outermost(&places, 0, &mut Vec::new(), &mut candidates);
    decided(&places, &candidates)
}

/// A place of elements in a document.
#[derive(Default)]
struct ElementsAt {
    children: Vec<(String, usize)>,
    count: u64,
    /// In the parent that is open.
    here: u64,
    is_repeated: bool,
}

fn enter(places: &mut Vec<ElementsAt>, parent: usize, name: &str) -> Option<usize> {
    let known = places[parent]
        .children
        .iter()
        .find(|(known, _)| known == name);
    let at = match known {
        Some((_, at)) => *at,
        None if places.len() >= MOST_PLACES => return None,
        None => {
            places.push(ElementsAt::default());
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
    places: &[ElementsAt],
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

fn decided(places: &[ElementsAt], candidates: &[(Vec<Step>, u64)]) -> Result<Found, DataProblem> {
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
fn has_data_beside(places: &[ElementsAt], steps: &[Step]) -> bool {
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

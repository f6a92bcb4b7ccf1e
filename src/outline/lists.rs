//! Looks through the upper levels of a JSON document for what may be its rows.
//!
//! One look over the file, whatever its size: lists are counted, and what is remembered is bounded.

use std::io::Read;

use super::member::OutlineMember;
use super::page_signs;
use crate::data::path::Step;
use crate::readers::envelope_keys::{self, Purpose, Wrapper};
use crate::readers::json::object::Members;
use crate::readers::json::scan::Scanner;
use crate::readers::position::DataProblem;
use crate::readers::record::REMEMBERED;

/// Objects are searched that lie behind so many keys; the root lies behind none.
const DEEPEST: usize = 3;

/// Spots remembered beside those that hold objects, so that these are never crowded out.
const MINOR: usize = 100;

/// What may be the rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spot {
    pub(crate) path: Vec<Step>,
    /// Elements; members of an object.
    pub(crate) count: u64,
    pub(crate) holds: Holds,
    pub(crate) purpose: Purpose,
}

impl Spot {
    pub(crate) fn key(&self) -> &str {
        match self.path.last() {
            Some(Step::Key(key)) => key,
            _ => "",
        }
    }

    pub(crate) fn wrapper(&self) -> Wrapper {
        envelope_keys::wrapper(self.key())
    }
}

/// What a spot has inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holds {
    /// A list in which there are objects.
    Objects,
    /// A list of lists.
    Lists,
    /// A list of values.
    Values,
    /// An empty list.
    Nothing,
    /// `null` where a list might be.
    Null,
    /// An object whose keys are made up for the objects behind them.
    Keyed,
}

/// A value that is no list and not about the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OtherValue {
    /// Keys that lead to the object that has it.
    pub(crate) parent: Vec<Step>,
    pub(crate) key: String,
}

/// A search and what it found so far.
pub(crate) struct ListSearch<'m> {
    /// Tells which keys of the root are never left out.
    matters: &'m dyn Fn(&str) -> bool,
    /// Of the root object: the first ones, and those that matter wherever they are.
    pub(crate) members: Vec<OutlineMember>,
    /// What may tell of other pages, on all levels.
    pub(crate) marks: Vec<OutlineMember>,
    pub(crate) spots: Vec<Spot>,
    pub(crate) others: Vec<OtherValue>,
    /// Whether the document calls itself a collection of `GeoJSON` features.
    pub(crate) is_feature_collection: bool,
    /// Keys that lead to the value at hand, and what lists inside each of them are for.
    path: Vec<Step>,
    purposes: Vec<Purpose>,
    /// Serves for the elements of lists, which are written alike.
    elements: Members,
    minor: usize,
}

impl<'m> ListSearch<'m> {
    pub(crate) fn new(matters: &'m dyn Fn(&str) -> bool) -> ListSearch<'m> {
        ListSearch {
            matters,
            members: Vec::new(),
            marks: Vec::new(),
            spots: Vec::new(),
            others: Vec::new(),
            is_feature_collection: false,
            path: Vec::new(),
            purposes: Vec::new(),
            elements: Members::of_many(),
            minor: 0,
        }
    }

    /// Takes an object, which begins here.
    pub(crate) fn object<R: Read>(&mut self, scanner: &mut Scanner<R>) -> Result<(), DataProblem> {
        let (spots, others) = (self.spots.len(), self.others.len());
        let (mut objects, mut is_keyed) = (0_u64, true);
        scanner.object(|scanner, key| {
            let start = scanner.offset_of_next()?;
            let first = scanner.begin()?;
            objects += 1;
            is_keyed &= first == b'{' && envelope_keys::is_made_up(&key);
            self.member(scanner, key, (start, first))
        })?;
        if is_keyed && objects > 1 {
            // One spot, whatever is inside the objects.
            self.spots.truncate(spots);
            self.others.truncate(others);
            self.path.push(Step::Each);
            self.remember(objects, Holds::Keyed, Purpose::Rows);
            self.path.pop();
        }
        Ok(())
    }

    fn member<R: Read>(
        &mut self,
        scanner: &mut Scanner<R>,
        key: String,
        (start, first): (u64, u8),
    ) -> Result<(), DataProblem> {
        let spots = self.spots.len();
        let is_mark = self.marks.len() < REMEMBERED && page_signs::is_about_pages(&key);
        let matters =
            self.path.is_empty() && (self.members.len() < REMEMBERED || (self.matters)(&key));
        let purpose = match first {
            b'{' => envelope_keys::purpose_inside(&key),
            b'[' => envelope_keys::purpose(&key),
            _ => Purpose::Rows,
        };
        self.path.push(Step::Key(key));
        self.purposes.push(purpose);
        match first {
            b'[' => self.list(scanner)?,
            b'{' if self.path.len() <= DEEPEST => self.object(scanner)?,
            _ => self.value(scanner, first)?,
        }
        let has_spots = self.path.len() == 1 && self.spots.len() > spots;
        if is_mark || matters || has_spots {
            let member = OutlineMember {
                path: self.path.clone(),
                first,
                place: start..scanner.offset(),
            };
            if is_mark {
                self.marks.push(member.clone());
            }
            if matters || has_spots {
                self.members.push(member);
            }
        }
        self.purposes.pop();
        self.path.pop();
        Ok(())
    }

    fn list<R: Read>(&mut self, scanner: &mut Scanner<R>) -> Result<(), DataProblem> {
        let (mut count, mut objects, mut lists) = (0, 0_u64, 0_u64);
        let elements = &mut self.elements;
        scanner.array(|scanner, index| {
            let begin = scanner.begin()?;
            count = index + 1;
            lists += u64::from(begin == b'[');
            objects += u64::from(begin == b'{');
            if begin == b'{' && scanner.skim(elements)? {
                return Ok(());
            }
            scanner.pass()
        })?;
        let holds = match (count, objects, lists) {
            (0, ..) => Holds::Nothing,
            (_, 1.., _) => Holds::Objects,
            (_, _, lists) if lists == count => Holds::Lists,
            _ => Holds::Values,
        };
        let given = self.purposes.iter().copied();
        let purpose = given.clone().find(|purpose| *purpose != Purpose::Rows);
        if matches!(holds, Holds::Lists | Holds::Values) {
            self.note_other(None);
        }
        self.remember(count, holds, purpose.unwrap_or(Purpose::Rows));
        Ok(())
    }

    /// Takes a value that is no list, and no object that is searched.
    fn value<R: Read>(&mut self, scanner: &mut Scanner<R>, first: u8) -> Result<(), DataProblem> {
        let Some(Step::Key(key)) = self.path.last() else {
            return scanner.pass();
        };
        match first {
            b'n' => {
                // Empty lists are written so by some.
                if envelope_keys::wrapper(key) != Wrapper::None {
                    self.remember(0, Holds::Null, Purpose::Rows);
                }
                scanner.pass()
            }
            // What is on or off is never all there is to a record.
            b't' | b'f' => scanner.pass(),
            _ if first == b'-' || first.is_ascii_digit() || self.is_type(key) => {
                let range = scanner.value()?;
                let (text, _) = scanner.text(&range)?;
                self.is_feature_collection |= text == "\"FeatureCollection\"";
                self.note_other(Some(text));
                Ok(())
            }
            _ => {
                self.note_other(None);
                scanner.pass()
            }
        }
    }

    fn is_type(&self, key: &str) -> bool {
        self.path.len() == 1 && key == "type"
    }

    /// Takes note of the value at hand if it is data; `text` is that of a number.
    fn note_other(&mut self, text: Option<&str>) {
        let Some((Step::Key(key), parent)) = self.path.split_last() else {
            return;
        };
        let is_data = self
            .purposes
            .iter()
            .all(|purpose| *purpose == Purpose::Rows);
        if is_data && !envelope_keys::is_about(key, text) && self.others.len() < REMEMBERED {
            self.others.push(OtherValue {
                parent: parent.to_vec(),
                key: key.clone(),
            });
        }
    }

    fn remember(&mut self, count: u64, holds: Holds, purpose: Purpose) {
        let is_minor = !matches!(holds, Holds::Objects | Holds::Keyed);
        if is_minor && self.minor == MINOR || self.spots.len() >= REMEMBERED + MINOR {
            return;
        }
        self.minor += usize::from(is_minor);
        self.spots.push(Spot {
            path: self.path.clone(),
            count,
            holds,
            purpose,
        });
    }
}

//! Finds where the rows of a JSON document are, if nobody says.
//!
//! A document is never read as one row while it has a list of objects on its upper levels: the only such list is
//! taken if what stands beside it is about the answer, and everything else is asked for.

use super::lists::{Holds, ListSearch, OtherValue, Spot};
use super::member::OutlineMember;
use crate::data::path::{RecordsPath, Step, pointer};
use crate::readers::envelope_keys::{self, Purpose, Wrapper};
use crate::readers::json::scan::Scanner;
use crate::readers::position::DataProblem;
use crate::readers::refusal;
use crate::rules::Rules;
use crate::say::harmless;
use crate::source::{Format, StagedFile};

/// Places shown in a message, and those written out as a line to copy.
const SHOWN: usize = 20;
const WRITTEN: usize = 4;

/// Where the rows of a document were found without being told.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) path: RecordsPath,
    pub(crate) extent: Extent,
    /// For the log.
    pub(crate) notice: Option<String>,
}

/// What the rows are of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Elements of a list, or whatever the user says.
    Elements,
    /// The document itself is the only one.
    Document,
}

impl Found {
    /// What the user says.
    pub(crate) fn told(path: RecordsPath) -> Found {
        Found {
            path,
            extent: Extent::Elements,
            notice: None,
        }
    }

    fn at(steps: &[Step]) -> Found {
        let notice = Some(format!("rows found at `{}`", harmless(pointer(steps))));
        Found {
            path: RecordsPath {
                steps: steps.to_vec(),
            },
            extent: Extent::Elements,
            notice,
        }
    }

    fn document(notice: Option<String>) -> Found {
        Found {
            path: RecordsPath { steps: Vec::new() },
            extent: Extent::Document,
            notice,
        }
    }
}

/// Finds the rows of a document by the rules of the `auto` setting.
pub(crate) fn locate(file: &StagedFile, rules: &Rules) -> Result<Found, DataProblem> {
    if let Some(found) = known(file)? {
        return Ok(found);
    }
    locate_in(file, Outline::of(file, &|_| false)?.as_ref(), rules)
}

/// Returns what was found when the file arrived as a page.
pub(crate) fn known(file: &StagedFile) -> Result<Option<Found>, DataProblem> {
    let path = file.rows_at.as_deref().map(RecordsPath::parse);
    let path = path.transpose().map_err(DataProblem::new)?;
    Ok(path
        .filter(|path| !path.steps.is_empty())
        .map(|path| Found::at(&path.steps)))
}

/// Finds the rows of a document whose outline is known; it has none if its root is no object.
pub(crate) fn locate_in(
    file: &StagedFile,
    outline: Option<&Outline>,
    rules: &Rules,
) -> Result<Found, DataProblem> {
    let Some(outline) = outline else {
        if let Some(rows) = count_behind_head(file)? {
            let what = format!("the rows may be at `/1` ({rows}), behind an object about them");
            return Err(DataProblem::new(what)
                .hint("set `records: /1`, or `records: /` for each of the two elements as a row"));
        }
        return Ok(Found::told(RecordsPath { steps: Vec::new() }));
    };
    let found = match in_odata(file, outline) {
        Some(found) => found,
        None => outline.choose(file, rules)?,
    };
    if found.extent == Extent::Document || outline.count(&found.path) == Some(0) {
        check_members(file, &outline.members, rules)?;
    }
    Ok(found)
}

/// Fails if one of the members of the root object tells of an error; one that `columns` names is data.
fn check_members(
    file: &StagedFile,
    members: &[OutlineMember],
    rules: &Rules,
) -> Result<(), DataProblem> {
    for member in members
        .iter()
        .filter(|member| refusal::is_error(member.key()))
    {
        if rules.names_key(member.key()) {
            continue;
        }
        let head = member.head(file, refusal::LOOKED_AT)?;
        if let Some(problem) = refusal::judge(member.key(), &head) {
            return Err(problem);
        }
    }
    Ok(())
}

/// Counts the rows of an array that has two elements: an object about the answer, and the list of the rows.
///
/// Of any other array no more than two elements are looked at.
fn count_behind_head(file: &StagedFile) -> Result<Option<u64>, DataProblem> {
    enum Unlike {
        Shape,
        Broken,
    }
    impl From<DataProblem> for Unlike {
        fn from(_: DataProblem) -> Unlike {
            Unlike::Broken
        }
    }
    let (input, skipped) = crate::readers::text::open_utf8(&file.path)?;
    let mut scanner = Scanner::new(input, skipped);
    if scanner.peek()? != Some(b'[') {
        return Ok(None);
    }
    let mut rows = None;
    let outcome = scanner.array(|scanner, index| match (index, scanner.peek()?) {
        (0, Some(b'{')) => Ok(scanner.pass()?),
        (1, Some(b'[')) => scanner.array(|scanner, number| match scanner.peek()? {
            Some(b'{') => {
                rows = Some(number + 1);
                Ok(scanner.pass()?)
            }
            _ => Err(Unlike::Shape),
        }),
        _ => Err(Unlike::Shape),
    });
    // Whoever reads the rows tells what is broken.
    Ok(rows.filter(|_| outcome.is_ok()))
}

/// Services say where their rows are.
fn in_odata(file: &StagedFile, outline: &Outline) -> Option<Found> {
    let members = &outline.members;
    let is_odata = file.format == Format::OData
        || members
            .iter()
            .any(|member| member.key().starts_with("@odata."));
    let at = |keys: &[&str]| -> Vec<Step> {
        let steps = keys.iter().map(|key| Step::Key((*key).to_owned()));
        steps.collect()
    };
    let holds = |path: &[Step]| outline.spots.iter().find(|spot| spot.path == path);
    let value = at(&["value"]);
    let are_rows = |spot: &Spot| matches!(spot.holds, Holds::Objects | Holds::Nothing);
    if is_odata && holds(&value).is_some_and(are_rows) {
        return Some(Found::at(&value));
    }
    if let [only] = members.as_slice()
        && only.key() == "d"
    {
        let (d, results) = (at(&["d"]), at(&["d", "results"]));
        let has_results = holds(&results).is_some_and(|spot| spot.holds != Holds::Null);
        if has_results {
            return Some(Found::at(&results));
        }
        if holds(&d).is_some_and(are_rows) || is_odata {
            return Some(Found::at(&d));
        }
    }
    // One entity, whatever its properties are called.
    (file.format == Format::OData).then(|| Found::document(None))
}

/// What the upper levels of a document have, found in one look over the file.
pub(crate) struct Outline {
    /// Of the root object: the first ones, and those that matter wherever they are.
    pub(crate) members: Vec<OutlineMember>,
    /// What may tell of other pages.
    pub(crate) marks: Vec<OutlineMember>,
    spots: Vec<Spot>,
    others: Vec<OtherValue>,
    is_feature_collection: bool,
}

impl Outline {
    /// Looks over a document; nothing if its root is no object. `matters` tells which keys are never left out.
    pub(crate) fn of(
        file: &StagedFile,
        matters: &dyn Fn(&str) -> bool,
    ) -> Result<Option<Outline>, DataProblem> {
        let (input, skipped) = crate::readers::text::open_utf8(&file.path)?;
        let mut scanner = Scanner::new(input, skipped);
        if scanner.peek()? != Some(b'{') {
            return Ok(None);
        }
        let matters = |key: &str| matters(key) || refusal::is_error(key);
        let mut search = ListSearch::new(&matters);
        search.object(&mut scanner)?;
        let ListSearch {
            members,
            marks,
            spots,
            others,
            is_feature_collection,
            ..
        } = search;
        Ok(Some(Outline {
            members,
            marks,
            spots,
            others,
            is_feature_collection,
        }))
    }

    /// Counts the rows at a path, if they are the elements of one of the lists that were seen.
    pub(crate) fn count(&self, path: &RecordsPath) -> Option<u64> {
        let mut there = self.spots.iter().filter(|spot| spot.path == path.steps);
        match (there.next()?, there.next()) {
            (spot, None) if spot.holds != Holds::Keyed => Some(spot.count),
            _ => None,
        }
    }

    /// Decides which spot has the rows.
    fn choose(&self, file: &StagedFile, rules: &Rules) -> Result<Found, DataProblem> {
        let holding = |holds: Holds, purpose: Purpose| -> Vec<&Spot> {
            let spots = self.spots.iter();
            spots
                .filter(|spot| spot.holds == holds && spot.purpose == purpose)
                .collect()
        };
        let mut lists = holding(Holds::Objects, Purpose::Rows);
        let mut aside = holding(Holds::Objects, Purpose::About);
        let describing = holding(Holds::Objects, Purpose::Describing);
        let is_wrapped = matches!(lists.as_slice(), [one] if one.wrapper() == Wrapper::Sure || one.wrapper() == Wrapper::Usual);
        if is_wrapped {
            aside.extend(describing);
        } else {
            lists.extend(describing);
        }
        let keyed = holding(Holds::Keyed, Purpose::Rows);
        match lists.as_slice() {
            [] => {
                check_members(file, &self.members, rules)?;
                if !aside.is_empty() {
                    return Err(doubtful(&aside));
                }
                if !keyed.is_empty() {
                    return Err(doubtful(&keyed));
                }
                self.without_objects()
            }
            [one] if keyed.is_empty() && self.is_clear(one) => taken(one, &aside),
            _ => {
                let mut all = lists.clone();
                all.extend(keyed);
                if let [one] = all.as_slice() {
                    // An empty list may be where the rows are on another day.
                    let rivals = self.empty();
                    let rivals = rivals.into_iter().filter(|spot| spot.path != one.path);
                    all.extend(rivals.collect::<Vec<_>>());
                }
                Err(doubtful(&all))
            }
        }
    }

    fn empty(&self) -> Vec<&Spot> {
        let is_empty = |spot: &&Spot| {
            let is_list = spot.holds == Holds::Nothing && spot.purpose == Purpose::Rows;
            is_list && is_writable(&spot.path)
        };
        self.spots.iter().filter(is_empty).collect()
    }

    /// Whether everything beside a list is about the answer; beside a sure one more may stand, but no identity.
    fn is_clear(&self, list: &Spot) -> bool {
        let names = |name: &str| list.path == [Step::Key(name.to_owned())];
        if self.is_feature_collection && names("features") {
            return true;
        }
        let mut rivals = self.empty().into_iter();
        let is_own = |other: &&OtherValue| list.path.starts_with(&other.parent);
        let own = self.others.iter().filter(is_own);
        let is_wrapped = match list.wrapper() {
            Wrapper::Sure => true,
            // One odd value is less than a record has.
            Wrapper::Usual => own.clone().count() < 2,
            Wrapper::None => false,
        };
        if is_wrapped {
            let mut keys = own.map(|other| other.key.as_str());
            return !keys.any(envelope_keys::is_identity)
                && rivals.all(|spot| spot.wrapper() == Wrapper::None);
        }
        self.others.is_empty() && rivals.next().is_none()
    }

    /// Decides about a document without lists of objects.
    fn without_objects(&self) -> Result<Found, DataProblem> {
        let empty = self.empty();
        let is_pure = self.others.is_empty();
        let usual: Vec<&Spot> = empty
            .iter()
            .filter(|spot| spot.wrapper() != Wrapper::None && (is_pure || spot.path.len() == 1))
            .copied()
            .collect();
        match (usual.as_slice(), empty.as_slice()) {
            ([one], _) => return Ok(Found::at(&one.path)),
            ([_, _, ..], _) => return Err(doubtful(&usual)),
            ([], [one]) if is_pure => return Ok(Found::at(&one.path)),
            ([], [_, _, ..]) if is_pure => return Err(doubtful(&empty)),
            _ => {}
        }
        let lists = self.spots.iter().filter(|spot| self.may_be_rows(spot));
        let lists: Vec<&Spot> = lists.collect();
        if !lists.is_empty() {
            return Err(doubtful(&lists));
        }
        let nulls = self
            .spots
            .iter()
            .filter(|spot| spot.holds == Holds::Null && is_writable(&spot.path));
        if let ([one], true) = (nulls.collect::<Vec<_>>().as_slice(), is_pure) {
            return Ok(Found::at(&one.path));
        }
        Ok(Found::document(Some(String::from(
            "the document is read as one row",
        ))))
    }

    /// Whether the lists in a list are rows without keys: under a usual name, or with nothing else beside.
    fn may_be_rows(&self, spot: &Spot) -> bool {
        let is_list = spot.holds == Holds::Lists && spot.purpose == Purpose::Rows;
        let key = spot.key();
        let is_usual = spot.wrapper() != Wrapper::None || key == "values";
        let has_others = || self.others.iter().any(|other| !self.is_list(other));
        is_list && !envelope_keys::is_shape(key) && (is_usual || spot.count > 1 && !has_others())
    }

    fn is_list(&self, other: &OtherValue) -> bool {
        let is_it = |spot: &Spot| {
            let Some((Step::Key(last), parent)) = spot.path.split_last() else {
                return false;
            };
            spot.holds == Holds::Lists && *last == other.key && parent == other.parent
        };
        self.spots.iter().any(is_it)
    }
}

/// Takes a list and says what is left out.
fn taken(list: &Spot, aside: &[&Spot]) -> Result<Found, DataProblem> {
    // Such keys mean something else in a path.
    let is_unwritable = list.path.contains(&Step::Key(String::from("*")))
        || list.path == [Step::Key(String::new())];
    if is_unwritable {
        return Err(
            DataProblem::new("the rows are behind the key `*` or the empty key, which no path can name")
                .hint("have the source name its list in another way, or set `records: /` for the document as one row"),
        );
    }
    let mut found = Found::at(&list.path);
    if let (Some(notice), false) = (&mut found.notice, aside.is_empty()) {
        notice.push_str("; left out beside them: ");
        notice.push_str(&counted(aside).join(", "));
    }
    Ok(found)
}

/// Asks which spot has the rows.
fn doubtful(spots: &[&Spot]) -> DataProblem {
    let mut lines: Vec<String> = Vec::new();
    for spot in spots
        .iter()
        .filter(|spot| is_writable(&spot.path))
        .take(WRITTEN)
    {
        lines.push(format!("`records: {}`", pointer(&spot.path)));
    }
    unclear(&counted(spots), &lines)
}

/// Asks which of some counted places has the rows; `lines` are what can be written.
pub(crate) fn unclear(counted: &[String], lines: &[String]) -> DataProblem {
    let set = match lines {
        [] => String::from("have the source name its keys with letters and digits, or set"),
        lines => format!("set {}, or", lines.join(" or ")),
    };
    let hint = format!("{set} `records: /` for the document as one row");
    DataProblem::new(format!("the rows may be at {}", counted.join(" or "))).hint(hint)
}

/// Whether a line of an input can hold the path: blanks at its ends are not part of it, and other keys mean something
/// else or cannot be written at all.
fn is_writable(path: &[Step]) -> bool {
    let is_plain = |step: &Step| match step {
        Step::Key(key) => key != "*" && !key.contains(char::is_control),
        Step::Each => true,
    };
    let text = pointer(path);
    text.len() > 1 && text.trim() == text && path.iter().all(is_plain)
}

/// Refuses a document that would be a row among others that have rows at a place: its rows were not found.
pub(crate) fn check_extent<'f>(
    found: &Found,
    others: impl IntoIterator<Item = (&'f str, &'f Found)>,
) -> Result<(), DataProblem> {
    let differs = |other: &Found| {
        let (lists, document) = match found.extent {
            Extent::Document => (other, found),
            Extent::Elements => (found, other),
        };
        document.extent == Extent::Document && !lists.path.steps.is_empty()
    };
    let mut others = others.into_iter();
    match others.find(|(_, other)| differs(other)) {
        Some(other) => Err(mixed(found, other)),
        None => Ok(()),
    }
}

/// Says that one document would be a row while another one has rows at a place.
fn mixed(found: &Found, (origin, other): (&str, &Found)) -> DataProblem {
    let (what, path) = match found.extent {
        Extent::Document => (
            format!(
                "there are no rows at `{}`, where `{origin}` has them",
                other.path
            ),
            &other.path,
        ),
        Extent::Elements => (
            format!(
                "the rows are at `{}`, but `{origin}` has nothing there",
                found.path
            ),
            &found.path,
        ),
    };
    DataProblem::new(what).hint(format!(
        "leave out the file that has no rows, or set `records: {path}` if each must have them, or `records: /` for each document as one row"
    ))
}

fn counted(spots: &[&Spot]) -> Vec<String> {
    let mut counted: Vec<String> = Vec::new();
    for spot in spots.iter().take(SHOWN) {
        counted.push(format!(
            "`{}` ({})",
            harmless(pointer(&spot.path)),
            spot.count
        ));
    }
    if let more @ 1.. = spots.len().saturating_sub(SHOWN) {
        counted.push(format!("{more} more places"));
    }
    counted
}

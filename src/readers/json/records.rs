//! Finds the records of JSON documents and of files with one document a line.

use crate::readers::text::not_utf8;
use std::io::Read;
use std::ops::Range;
use std::panic::resume_unwind;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use super::object::{KeyOrder, Member, Members, ObjectScan};
use super::scan::Scanner;
use crate::data::path::{RecordsPath, Step, pointer};
use crate::readers::position::DataProblem;
use crate::readers::record::{REMEMBERED, Stop, missing};
use crate::readers::refusal;
use crate::say::quoted;
use crate::source::{Family, StagedFile};

/// Bytes of records that change threads at once.
const BATCH_BYTES: usize = 64 << 10;

/// Batches that may wait.
const BATCHES_AHEAD: usize = 4;

/// One record and where it was.
#[derive(Debug)]
pub(crate) struct JsonRecord<'r> {
    pub(crate) text: &'r str,
    /// Where the members are, if the record is an object that one look could take apart.
    pub(crate) members: Option<&'r [Member]>,
    /// The order of its keys, if they come as in other records of the file.
    pub(crate) key_order: Option<KeyOrder>,
    /// What `*` stood for in objects.
    pub(crate) key: Option<&'r str>,
    /// Byte of the file.
    pub(crate) offset: u64,
}

/// Hands over every record of a file; without a path each line or the whole document is one.
///
/// Another thread cuts the file into records meanwhile. Returns a notice if some elements lacked the path.
pub(crate) fn read<E>(
    file: &StagedFile,
    path: Option<&RecordsPath>,
    sink: &mut impl FnMut(JsonRecord<'_>) -> Result<(), E>,
) -> Result<Option<String>, Stop<E>> {
    thread::scope(|scope| {
        let (to_sink, batches) = sync_channel(BATCHES_AHEAD);
        let cutter = scope.spawn(move || cut(file, path, &to_sink));
        for batch in batches {
            for record in batch.records() {
                // With the batches the other thread ends as well.
                sink(record).map_err(Stop::Sink)?;
            }
        }
        let notice = cutter.join().unwrap_or_else(|panic| resume_unwind(panic));
        notice.map_err(Stop::DataProblem)
    })
}

/// Cuts a file into records.
fn cut(
    file: &StagedFile,
    path: Option<&RecordsPath>,
    to_sink: &SyncSender<RawBatch>,
) -> Result<Option<String>, DataProblem> {
    let mut pile = RawBatchBuilder::default();
    let result = each(file, path, &mut |raw: RawRecord<'_>| {
        pile.push(&raw);
        if pile.bytes.len() >= BATCH_BYTES {
            pile.pass_on(to_sink)?;
        }
        Ok(())
    });
    // What comes before a problem is told before it; if nobody listens any more, nobody minds.
    match pile.pass_on(to_sink).and(result) {
        Ok(notice) => Ok(notice),
        Err(Stop::DataProblem(problem)) => Err(problem),
        Err(Stop::Sink(Gone)) => Ok(None),
    }
}

/// Nobody wants more records.
struct Gone;

/// A record whose bytes are text perhaps.
struct RawRecord<'r> {
    bytes: &'r [u8],
    members: Option<&'r [Member]>,
    key_order: Option<KeyOrder>,
    key: Option<&'r str>,
    offset: u64,
}

/// Records that are collected, to be found to be text all at once.
#[derive(Default)]
struct RawBatchBuilder {
    bytes: Vec<u8>,
    members: Vec<Member>,
    places: Vec<RawPosition>,
}

impl RawBatchBuilder {
    fn push(&mut self, raw: &RawRecord<'_>) {
        if self.bytes.is_empty() {
            self.bytes.reserve(BATCH_BYTES + raw.bytes.len() + 1);
        }
        let (start, members) = (self.bytes.len(), self.members.len());
        self.bytes.extend_from_slice(raw.bytes);
        self.members.extend(raw.members.unwrap_or_default());
        self.places.push(RawPosition {
            text: start..self.bytes.len(),
            members: raw.members.map(|_| members..self.members.len()),
            key_order: raw.key_order,
            key: raw.key.map(str::to_owned),
            offset: raw.offset,
        });
        // No character begins in one record and ends in the next.
        self.bytes.push(b'\n');
    }

    /// Sends the records, up to the first one that is no text.
    fn pass_on(&mut self, to_sink: &SyncSender<RawBatch>) -> Result<(), Stop<Gone>> {
        // The next ones are probably as many.
        let next = RawBatchBuilder {
            bytes: Vec::new(),
            members: Vec::with_capacity(self.members.len() + self.members.len() / 8),
            places: Vec::with_capacity(self.places.len() + self.places.len() / 8),
        };
        let RawBatchBuilder {
            bytes,
            members,
            mut places,
        } = std::mem::replace(self, next);
        let (text, problem) = match String::from_utf8(bytes) {
            Ok(text) => (text, None),
            Err(error) => {
                let valid = error.utf8_error().valid_up_to();
                let n_valid = places.partition_point(|place| place.text.end <= valid);
                let mut bytes = error.into_bytes();
                let broken = &places[n_valid];
                let problem = std::str::from_utf8(&bytes[broken.text.clone()])
                    .err()
                    .map(|error| not_utf8(&error).within(broken.offset));
                bytes.truncate(broken.text.start);
                places.truncate(n_valid);
                (String::from_utf8(bytes).unwrap_or_default(), problem)
            }
        };
        let batch = RawBatch {
            text,
            members,
            places,
        };
        to_sink.send(batch).map_err(|_| Stop::Sink(Gone))?;
        problem.map_or(Ok(()), |problem| Err(problem.into()))
    }
}

/// Records on their way from one thread to the other.
#[derive(Debug)]
struct RawBatch {
    text: String,
    members: Vec<Member>,
    places: Vec<RawPosition>,
}

/// Where the parts of a record are in a batch.
#[derive(Debug)]
struct RawPosition {
    text: Range<usize>,
    members: Option<Range<usize>>,
    key_order: Option<KeyOrder>,
    key: Option<String>,
    offset: u64,
}

impl RawBatch {
    fn records(&self) -> impl Iterator<Item = JsonRecord<'_>> {
        self.places.iter().map(|place| JsonRecord {
            text: &self.text[place.text.clone()],
            members: place.members.clone().map(|members| &self.members[members]),
            key_order: place.key_order,
            key: place.key.as_deref(),
            offset: place.offset,
        })
    }
}

/// Hands over every record of a file on this thread.
fn each<E>(
    file: &StagedFile,
    path: Option<&RecordsPath>,
    sink: &mut impl FnMut(RawRecord<'_>) -> Result<(), Stop<E>>,
) -> Result<Option<String>, Stop<E>> {
    let steps = path.map_or(&[][..], |path| &path.steps);
    let mut walk = Walk {
        steps,
        keys: Vec::new(),
        key: String::new(),
        members: Members::of_many(),
        found: 0,
        missing: 0,
        first: None,
        sink,
    };
    if file.format.family() == Family::Lines {
        lines(file, path.is_some(), &mut walk)?;
    } else {
        let (input, skipped) = crate::readers::text::open_utf8(&file.path)?;
        let mut scanner = Scanner::new(input, skipped);
        if scanner.peek()?.is_none() {
            return Err(DataProblem::new("the file is empty, not even `[]`").into());
        }
        let descended = walk.descend(&mut scanner, 0);
        if walk.missing > 0 && walk.found == 0 {
            let (input, skipped) = crate::readers::text::open_utf8(&file.path)?;
            refusal::look(&mut Scanner::new(input, skipped))?;
        }
        descended?;
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

fn lines<E, F: FnMut(RawRecord<'_>) -> Result<(), Stop<E>>>(
    file: &StagedFile,
    has_path: bool,
    walk: &mut Walk<'_, F>,
) -> Result<(), Stop<E>> {
    let (input, skipped) = crate::readers::text::open_utf8(&file.path)?;
    let mut lines = Scanner::new(input, skipped);
    while let Some(line) = lines.line()? {
        let (bytes, offset) = lines.bytes(&line);
        let record = bytes.trim_ascii_start();
        let start = offset + u64::try_from(bytes.len() - record.len()).unwrap_or(0);
        let record = record.trim_ascii_end();
        if !record.is_empty() && has_path {
            lines.text(&line)?;
            let mut scanner = Scanner::with_block(record, start, record.len());
            let missing = walk.missing;
            let descended = walk.descend(&mut scanner, 0);
            if walk.missing > missing {
                refusal::look(&mut Scanner::with_block(record, start, record.len()))?;
            }
            descended?;
            scanner.end()?;
        } else if !record.is_empty() {
            let look = walk.members.look(record);
            (walk.sink)(RawRecord {
                bytes: record,
                members: (look == ObjectScan::Whole(record.len())).then(|| walk.members.list()),
                key_order: walk.members.key_order(),
                key: None,
                offset: start,
            })?;
        }
    }
    Ok(())
}

struct Walk<'a, F> {
    steps: &'a [Step],
    /// Object keys that `*` stands for right now.
    keys: Vec<String>,
    /// What `*` stood for, joined by `/`.
    key: String,
    members: Members,
    found: u64,
    missing: u64,
    /// The first place that lacks the path.
    first: Option<DataProblem>,
    sink: &'a mut F,
}

impl<F> Walk<'_, F> {
    fn descend<E, R: Read>(&mut self, scanner: &mut Scanner<R>, at: usize) -> Result<(), Stop<E>>
    where
        F: FnMut(RawRecord<'_>) -> Result<(), Stop<E>>,
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
                self.lacks(DataProblem {
                    offset: Some(offset),
                    ..DataProblem::new(format!(
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
        F: FnMut(RawRecord<'_>) -> Result<(), Stop<E>>,
    {
        let mut keys = Vec::new();
        let mut found = false;
        scanner.object(|scanner, key| {
            if key == wanted {
                if std::mem::replace(&mut found, true) {
                    let problem = DataProblem::new(format!(
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
        F: FnMut(RawRecord<'_>) -> Result<(), Stop<E>>,
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
        self.lacks(DataProblem {
            offset: Some(offset),
            ..DataProblem::new(format!(
                "`{}` does not exist: `{here}` is an array of {n_elements} elements",
                pointer(&self.steps[..=at])
            ))
            .hint(format!("to go through all elements set `records: {each}`"))
        })
    }

    /// A missing path is an error, unless `*` leads to other places that have it.
    fn lacks<E>(&mut self, problem: DataProblem) -> Result<(), Stop<E>> {
        self.missing += 1;
        if !self.steps.contains(&Step::Each) {
            return Err(problem.into());
        }
        self.first.get_or_insert(problem);
        Ok(())
    }

    fn target<E, R: Read>(&mut self, scanner: &mut Scanner<R>, first: u8) -> Result<(), Stop<E>>
    where
        F: FnMut(RawRecord<'_>) -> Result<(), Stop<E>>,
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
        F: FnMut(RawRecord<'_>) -> Result<(), Stop<E>>,
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
        let (bytes, offset) = scanner.bytes(&range);
        (self.sink)(RawRecord {
            bytes,
            members: is_known.then(|| self.members.list()),
            key_order: self.members.key_order().filter(|_| is_known),
            key: (!self.keys.is_empty()).then_some(self.key.as_str()),
            offset,
        })
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

//! Reads separated values: RFC 4180 with a header line, and what the `csv` input makes of that.

use crate::readers::text::unreadable;
use std::collections::{HashMap, HashSet, VecDeque};
use std::io::{Chain, Read};

use csv::{ErrorKind, ReaderBuilder, StringRecord, Trim};
use encoding_rs::{Encoding, UTF_8};

use super::dialect::Dialect;
use super::quotes::QuoteChecker;
use super::sniff::sniff;
use crate::data::DataError;
use crate::data::token::{LocalNumber, Token};
use crate::readers::position::{DataProblem, Syntax};
use crate::readers::text;
use crate::rules::csv::{Blanks, CsvOptions, Header, Quote};
use crate::source::{Family, StagedFile};

/// Follows the file's last byte. Inside quotes that were never closed it becomes part of the field; otherwise it
/// is a record of its own. The parser alone does not tell the two apart.
const SENTINEL: &[u8] = b"\nx\n";

/// A file of separated values, behind its header line.
pub(crate) struct Csv {
    /// Column names: trimmed, none empty, none twice.
    pub(crate) names: Vec<String>,
    reader: csv::Reader<Chain<QuoteChecker, &'static [u8]>>,
    /// Bytes of the file before the parser's first.
    skipped: u64,
    /// A record that was read already, with its place.
    waiting: Option<(StringRecord, u64)>,
    /// Ends of the blank lines before it.
    blanks: VecDeque<u64>,
    /// Blank lines that are no records.
    pub(crate) n_blank_lines: usize,
    dialect: Dialect,
}

/// The encoding of a file, and how its fields are separated.
pub(crate) fn look(
    file: &StagedFile,
    options: &CsvOptions,
) -> Result<(&'static Encoding, Dialect), DataProblem> {
    let encoding = text::open(&file.path, options.encoding)?.encoding;
    if options.encoding.is_none()
        && encoding == UTF_8
        && let Some(name) = text::hidden(&text::head(&file.path, Some(UTF_8), 1 << 16)?)
    {
        return Err(
            DataProblem::new(format!("the text is not UTF-8 but `{name}`")).hint(format!(
                "set `csv: encoding={name}`, or save the source as UTF-8"
            )),
        );
    }
    let usual = match file.format.family() {
        Family::Separated(delimiter) => delimiter,
        Family::Json | Family::Lines | Family::Xml | Family::Columnar => None,
    };
    let dialect = sniff(&file.path, encoding, options, usual)?;
    Ok((encoding, dialect))
}

impl Csv {
    /// Opens a file and reads its header.
    pub(crate) fn open(
        file: &StagedFile,
        options: &CsvOptions,
        dialect: Dialect,
    ) -> Result<Csv, DataProblem> {
        let mut opened = text::open(&file.path, options.encoding)?;
        for _ in 0..dialect.n_before {
            if !opened
                .input
                .skip_line()
                .map_err(|error| unreadable(&error))?
            {
                return Err(DataProblem::new(format!(
                    "the file has no more than the {} lines to skip",
                    dialect.n_before
                ))
                .hint("lower `csv: skip=`"));
            }
        }
        let skipped = opened.skipped + opened.input.n_read;
        let mut builder = ReaderBuilder::new();
        builder
            .has_headers(false)
            // The number of fields is checked here, for a better message.
            .flexible(true)
            .buffer_capacity(1 << 18)
            .delimiter(dialect.delimiter);
        match dialect.quote {
            Quote::Character(quote) => builder.quote(quote),
            Quote::None => builder.quoting(false),
        };
        if options.blanks == Blanks::Trimmed {
            builder.trim(Trim::All);
        }
        let watched = QuoteChecker::new(opened.input, dialect, options.blanks);
        let mut csv = Csv {
            names: Vec::new(),
            reader: builder.from_reader(watched.chain(SENTINEL)),
            skipped,
            waiting: None,
            blanks: VecDeque::new(),
            n_blank_lines: 0,
            dialect,
        };
        let mut header = StringRecord::new();
        match (csv.read(&mut header)?, options.header) {
            (Some(_), Header::Present) => {
                csv.names = names(&header);
                csv.blanks.clear();
            }
            (Some(offset), Header::Absent) => {
                csv.names = (1..=header.len())
                    .map(|number| format!("c{number}"))
                    .collect();
                csv.waiting = Some((header, offset));
                csv.pass_blank_lines();
            }
            (None, Header::Present) => {
                return Err(DataProblem::new("the file is empty, it has no header line"));
            }
            (None, Header::Absent) => {}
        }
        Ok(csv)
    }

    /// Reads the next record and returns its place in the file; `None` at the end.
    pub(crate) fn next(&mut self, record: &mut StringRecord) -> Result<Option<u64>, DataProblem> {
        if self.waiting.is_none() {
            match self.read(record)? {
                Some(offset) if self.blanks.is_empty() => return self.checked(record, offset),
                Some(offset) => self.waiting = Some((std::mem::take(record), offset)),
                // Whether the file ends with a null or with lines too many, nobody knows.
                None => {
                    self.n_blank_lines += if self.names.len() == 1 {
                        self.blanks.len()
                    } else {
                        0
                    };
                    return Ok(None);
                }
            }
            self.pass_blank_lines();
        }
        if let Some(offset) = self.blanks.pop_front() {
            record.clear();
            record.push_field("");
            return Ok(Some(offset));
        }
        match self.waiting.take() {
            Some((waiting, offset)) => {
                *record = waiting;
                self.checked(record, offset)
            }
            None => Ok(None),
        }
    }

    /// In a file of one column a line without anything is a record; elsewhere it is none.
    fn pass_blank_lines(&mut self) {
        if self.names.len() != 1 {
            self.n_blank_lines += self.blanks.len();
            self.blanks.clear();
        }
    }

    fn checked(&self, record: &StringRecord, offset: u64) -> Result<Option<u64>, DataProblem> {
        if record.len() == self.names.len() {
            Ok(Some(offset))
        } else {
            Err(self.ragged(record.len(), offset))
        }
    }

    fn ragged(&self, length: usize, offset: u64) -> DataProblem {
        let count = |n: usize| format!("{n} {}", if n == 1 { "field" } else { "fields" });
        let problem = format!(
            "the row has {}, the header has {}",
            count(length),
            self.names.len()
        );
        let delimiter = match self.dialect.delimiter {
            b',' => String::from("comma"),
            b'\t' => String::from("tab"),
            other => format!("`{}`", char::from(other)),
        };
        let hint = match self.dialect.quote {
            Quote::Character(b'"') => format!(
                "a value that contains a {delimiter}, quote or line break needs quotes around it; if the file is written another way, say so: `csv: delimiter=; quote=' skip=0`"
            ),
            _ => format!("check `csv`: fields are separated by {delimiter} here"),
        };
        DataProblem {
            offset: Some(offset),
            ..DataProblem::new(problem)
        }
        .hint(hint)
    }

    fn read(&mut self, record: &mut StringRecord) -> Result<Option<u64>, DataProblem> {
        let start = self.reader.position().byte();
        let watched = &mut *self.reader.get_mut().get_mut().0;
        let start = self.skipped + watched.original(start);
        watched
            .input
            .go_on("if this is no file of separated values, set `format`");
        match self.reader.read_record(record) {
            Ok(false) => return Ok(None),
            Ok(true) => {}
            Err(error) => return Err(self.failed(error, start)),
        }
        let end = self.reader.position().byte();
        let watched = &mut *self.reader.get_mut().get_mut().0;
        let lines = watched.blank_lines(end).into_iter();
        self.blanks.extend(lines.map(|line| self.skipped + line));
        // A record that goes on behind the line break after the last byte.
        if end > self.reader.get_ref().get_ref().0.n_read + 1 {
            if record.len() == 1 && record.get(0) == Some("x") {
                return Ok(None);
            }
            let problem = "a quote is opened and never closed";
            return Err(DataProblem {
                offset: Some(start),
                ..DataProblem::new(problem)
            }
            .hint("if quotes have no meaning in this file, set `csv: quote=none`"));
        }
        Ok(Some(start))
    }

    fn failed(&mut self, error: csv::Error, start: u64) -> DataProblem {
        let message = error.to_string();
        match error.into_kind() {
            ErrorKind::Io(error) => {
                let watched = &mut *self.reader.get_mut().get_mut().0;
                let (skipped, failed) = (self.skipped, watched.failed.take());
                failed.map_or_else(|| unreadable(&error), |problem| problem.within(skipped))
            }
            ErrorKind::Utf8 { err, .. } => {
                let problem = format!("field {} is not UTF-8", err.field() + 1);
                DataProblem {
                    offset: Some(start),
                    syntax: Syntax::Encoding,
                    ..DataProblem::new(problem)
                }
            }
            _ => DataProblem {
                offset: Some(start),
                ..DataProblem::new(message)
            },
        }
    }
}

/// Counts the records of a file.
pub(crate) fn count(file: &StagedFile, options: &CsvOptions) -> Result<u64, DataError> {
    let at_start = |problem: DataProblem| problem.at(file, None, None);
    let (encoding, dialect) = look(file, options).map_err(at_start)?;
    let mut rows = 0;
    let located = |problem: DataProblem, record: Option<u64>| {
        advised(problem, file, encoding).at_in(file, encoding, record, None)
    };
    let mut csv = Csv::open(file, options, dialect).map_err(|problem| located(problem, None))?;
    let mut record = StringRecord::new();
    while csv
        .next(&mut record)
        .map_err(|problem| located(problem, Some(rows + 1)))?
        .is_some()
    {
        rows += 1;
    }
    Ok(rows)
}

/// Adds what the encoding of a file probably is to a problem with its bytes.
pub(crate) fn advised(
    problem: DataProblem,
    file: &StagedFile,
    encoding: &'static Encoding,
) -> DataProblem {
    if encoding == UTF_8 && problem.syntax == Syntax::Encoding {
        return problem.hint(text::advice(&file.path, "csv: encoding="));
    }
    if problem.syntax == Syntax::Bytes && problem.hint.is_none() {
        return problem.hint("set `csv: encoding=` to the encoding the file really has");
    }
    problem
}

/// What one field says; `plain` is its number in plain notation, if numbers are written another way.
pub(crate) fn token<'r>(
    options: &CsvOptions,
    record: &'r StringRecord,
    field: usize,
    plain: &'r PlainNumbers,
) -> Token<'r> {
    match record.get(field) {
        None | Some("") => Token::Null,
        Some(text) if options.nulls.iter().any(|null| null == text) => Token::Null,
        Some(text) => match plain.get(field) {
            Some(local) => Token::LocalNumber(local),
            None => Token::Field(text),
        },
    }
}

/// Numbers of one record in plain notation.
#[derive(Debug, Default)]
pub(crate) struct PlainNumbers(Vec<(bool, LocalNumber)>);

impl PlainNumbers {
    /// Rewrites the numbers of a record.
    pub(crate) fn fill(&mut self, options: &CsvOptions, record: &StringRecord) {
        if options.numbers.are_plain() {
            return;
        }
        self.0.resize_with(record.len(), Default::default);
        for (field, (is_number, local)) in record.iter().zip(&mut self.0) {
            *is_number = options.numbers.read(field, &mut local.plain);
            if *is_number {
                local.written.clear();
                local.written.push_str(field);
            }
        }
    }

    fn get(&self, field: usize) -> Option<&LocalNumber> {
        match self.0.get(field) {
            Some((true, local)) => Some(local),
            _ => None,
        }
    }
}

/// Makes names of headers: trimmed, numbered where empty or given twice.
fn names(header: &StringRecord) -> Vec<String> {
    let given: HashSet<&str> = header.iter().map(str::trim).collect();
    let mut used: HashSet<String> = HashSet::new();
    // The next number to try, by name: many may be alike.
    let mut numbers: HashMap<String, u64> = HashMap::new();
    let mut names = Vec::with_capacity(header.len());
    for (position, field) in header.iter().enumerate() {
        let mut name = field.trim().to_owned();
        if name.is_empty() {
            name = format!("column_{}", position + 1);
        }
        if used.contains(&name) {
            let next = numbers.entry(name.clone()).or_insert(2);
            name = loop {
                let numbered = format!("{name}_{next}");
                *next += 1;
                if !used.contains(&numbered) && !given.contains(numbered.as_str()) {
                    break numbered;
                }
            };
        }
        used.insert(name.clone());
        names.push(name);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_header_becomes_a_name() {
        let header = StringRecord::from(vec![" a ", "", "a", "a_2", "a", "B"]);
        assert_eq!(names(&header), ["a", "column_2", "a_3", "a_2", "a_4", "B"]);
    }
}

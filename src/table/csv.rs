//! Reads comma-separated values: RFC 4180 with a header line.

use std::collections::HashSet;
use std::io::{Chain, Read};

use csv::{ErrorKind, ReaderBuilder, StringRecord};

use super::place::{Problem, Syntax};
use super::stream;
use crate::source::StagedFile;

/// Follows the file's last byte. Inside quotes that were never closed it becomes part of the field; otherwise it
/// is a record of its own. The parser alone does not tell the two apart.
const SENTINEL: &[u8] = b"\nx\n";

/// A file of comma-separated values, behind its header line.
pub(super) struct Csv {
    /// Column names: trimmed, none empty, none twice.
    pub(super) names: Vec<String>,
    reader: csv::Reader<Chain<stream::Input, &'static [u8]>>,
    /// Bytes of the file before the parser's first.
    skipped: u64,
    /// Bytes up to the sentinel.
    length: u64,
}

impl Csv {
    /// Opens a file and reads its header.
    pub(super) fn open(file: &StagedFile) -> Result<Csv, Problem> {
        let (input, skipped) = stream::open(&file.path)?;
        let metadata = std::fs::metadata(&file.path).map_err(|error| stream::unreadable(&error))?;
        let reader = ReaderBuilder::new()
            .has_headers(false)
            // The number of fields is checked here, for a better message.
            .flexible(true)
            .buffer_capacity(1 << 18)
            .from_reader(input.chain(SENTINEL));
        let mut csv = Csv {
            names: Vec::new(),
            reader,
            skipped,
            length: metadata.len() - skipped,
        };
        let mut header = StringRecord::new();
        match csv.read(&mut header)? {
            Some(_) => csv.names = names(&header),
            None => return Err(Problem::new("the file is empty, it has no header line")),
        }
        Ok(csv)
    }

    /// Reads the next record and returns its place in the file; `None` at the end.
    pub(super) fn next(&mut self, record: &mut StringRecord) -> Result<Option<u64>, Problem> {
        let offset = self.read(record)?;
        match offset {
            Some(offset) if record.len() != self.names.len() => {
                let count = |n: usize| format!("{n} {}", if n == 1 { "field" } else { "fields" });
                let problem = format!(
                    "the row has {}, the header has {}",
                    count(record.len()),
                    self.names.len()
                );
                Err(Problem {
                    offset: Some(offset),
                    ..Problem::new(problem)
                }
                .hint("a value that contains a comma, quote or line break needs quotes around it"))
            }
            offset => Ok(offset),
        }
    }

    fn read(&mut self, record: &mut StringRecord) -> Result<Option<u64>, Problem> {
        let start = self.skipped + self.reader.position().byte();
        match self.reader.read_record(record) {
            Ok(false) => return Ok(None),
            Ok(true) => {}
            Err(error) => return Err(Csv::failed(error, start)),
        }
        // A record that goes on behind the line break after the last byte.
        if self.reader.position().byte() > self.length + 1 {
            if record.len() == 1 && record.get(0) == Some("x") {
                return Ok(None);
            }
            let problem = "a quote is opened and never closed";
            return Err(Problem {
                offset: Some(start),
                ..Problem::new(problem)
            });
        }
        Ok(Some(start))
    }

    fn failed(error: csv::Error, start: u64) -> Problem {
        let message = error.to_string();
        match error.into_kind() {
            ErrorKind::Io(error) => stream::unreadable(&error),
            ErrorKind::Utf8 { err, .. } => {
                let problem = stream::not_utf8_in(&format!("field {}", err.field() + 1));
                Problem {
                    offset: Some(start),
                    syntax: Syntax::Fine,
                    ..problem
                }
            }
            _ => Problem {
                offset: Some(start),
                ..Problem::new(message)
            },
        }
    }
}

/// Makes names of headers: trimmed, numbered where empty or given twice.
fn names(header: &StringRecord) -> Vec<String> {
    let given: HashSet<&str> = header.iter().map(str::trim).collect();
    let mut used: HashSet<String> = HashSet::new();
    let mut names = Vec::with_capacity(header.len());
    for (position, field) in header.iter().enumerate() {
        let mut name = field.trim().to_owned();
        if name.is_empty() {
            name = format!("column_{}", position + 1);
        }
        if used.contains(&name) {
            let numbered = (2_u64..).map(|number| format!("{name}_{number}"));
            let mut free =
                numbered.filter(|name| !used.contains(name) && !given.contains(name.as_str()));
            name = free.next().unwrap_or(name);
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

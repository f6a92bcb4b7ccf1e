//! What stages say while they work, and how numbers are said. Who listens is not known here.

use std::time::Duration;

use secrecy::SecretString;

/// A part of the run, named as in the `failed-stage` output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Reading and checking the inputs.
    Inputs,
    /// Bringing the source's bytes to this disk.
    Fetch,
    /// Finding the rows and the type of every column.
    Type,
    /// Building the extract, with the user's SQL.
    Shape,
    /// Guards over the finished result.
    Check,
    /// Everything that touches Tableau.
    Publish,
}

impl Stage {
    /// Returns the stage's name in outputs and annotations.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Inputs => "inputs",
            Stage::Fetch => "fetch",
            Stage::Type => "type",
            Stage::Shape => "shape",
            Stage::Check => "check",
            Stage::Publish => "publish",
        }
    }
}

/// Something a person watching the run may want to see.
#[derive(Debug)]
pub enum Event {
    /// A stage begins.
    Started(Stage),
    /// The stage ends well; the line says what it did (rows, bytes, requests).
    Finished(Stage, String),
    /// A decision or result worth a line in the log.
    Note(String),
    /// A request is sent again after `wait`.
    Retrying {
        /// What the request is for, in Tableau's or the user's words.
        operation: &'static str,
        /// The attempt that failed, counted from 1.
        attempt: u32,
        /// How long until the next one.
        wait: Duration,
        /// Why the attempt failed.
        reason: String,
    },
    /// Long work advances. Listeners show as many of these as they like.
    Progress(Progress),
    /// Something a careful person would want to know.
    Warning(String),
    /// A secret came into being during the run; it must be masked before anything else is shown.
    Secret(SecretString),
}

/// How far long work has come.
#[derive(Clone, Copy, Debug)]
pub enum Progress {
    /// Bytes received from the source.
    Received(u64),
    /// Pages of an address received, and the rows in them.
    Pages {
        /// Pages so far.
        pages: u32,
        /// Rows so far.
        rows: u64,
    },
    /// Rows written to the extract.
    Rows(u64),
    /// Bytes of the extract sent to Tableau.
    Sent {
        /// Bytes accepted so far.
        bytes: u64,
        /// Size of the file.
        of: u64,
    },
    /// Tableau works on the publish job.
    Job {
        /// Tableau's own figure; it jumps from 0 to 100 in practice.
        percent: u8,
        /// Since the job was accepted.
        elapsed: Duration,
    },
}

/// Listens to a run. A closure is an observer, so tests collect into a vector.
pub trait Observer: Sync {
    /// Takes note of one event.
    fn on(&self, event: Event);
}

impl<F: Fn(Event) + Sync> Observer for F {
    fn on(&self, event: Event) {
        self(event);
    }
}

/// Returns `1 row`, `1,234 rows`.
pub fn count(n: impl TryInto<u64>, noun: &str) -> String {
    match n.try_into().unwrap_or(u64::MAX) {
        1 => format!("1 {noun}"),
        n => format!("{} {noun}s", grouped(n)),
    }
}

/// Returns `1,234,567`.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Returns a length of time as a person says it, rounded up: `601 s`, `5 hours`, `31 days`, `more than 10 years`.
pub fn span(length: Duration) -> String {
    match length.as_secs() {
        seconds @ 0..7_200 => format!("{seconds} s"),
        seconds @ 7_200..172_800 => count(seconds.div_ceil(3_600), "hour"),
        seconds @ 172_800..=315_360_000 => count(seconds.div_ceil(86_400), "day"),
        _ => "more than 10 years".to_owned(),
    }
}

/// Returns a number of bytes as a person says it.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KB", "MB", "GB", "TB"];
    if bytes < 1_000 {
        return count(bytes, "byte");
    }
    let mut tenths = bytes / 100;
    let mut unit = 0;
    while tenths >= 10_000 && unit + 1 < UNITS.len() {
        tenths /= 1_000;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_said_as_a_person_would() {
        assert_eq!(
            [
                count(1u64, "row"),
                count(0u64, "row"),
                count(1_000u64, "row")
            ],
            ["1 row", "0 rows", "1,000 rows"]
        );
        let said = [0, 999, 65_536, 1_234_567].map(grouped);
        assert_eq!(said, ["0", "999", "65,536", "1,234,567"]);
        let said = [999, 1_000, 65_536, 999_949, 1_000_000, 2_147_483_648].map(size);
        assert_eq!(
            said,
            [
                "999 bytes",
                "1.0 KB",
                "65.5 KB",
                "999.9 KB",
                "1.0 MB",
                "2.1 GB"
            ]
        );
    }
}

//! What stages say while they work. Who listens is not known here.

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

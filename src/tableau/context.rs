//! What publishing works with: the client, its patience, who listens and who may stop it.

use std::time::Duration;

use crate::cancel::Cancel;
use crate::events::Observer;
use crate::http;

/// What a run works with.
#[derive(Clone, Copy)]
pub struct PublishContext<'a> {
    /// Sends the calls.
    pub http: &'a http::Client,
    /// How fast and how patiently.
    pub pace: &'a Pace,
    /// Who listens.
    pub observer: &'a dyn Observer,
    /// Ends the work in the middle; the session is signed out all the same.
    pub cancel: &'a Cancel,
}

/// How fast and how patiently to work.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Between the first two looks at something that is not ready; grows by half each time.
    pub first_wait: Duration,
    /// Ceiling of the growth.
    pub longest_wait: Duration,
    /// How long a new data source may be missing from Tableau's lists.
    pub index_lag: Duration,
    /// From the first byte of a call until its answer; uploads get more by their size.
    pub answer_limit: Duration,
    /// Bytes of the file in one call; Tableau takes up to 64 MB.
    pub chunk: u64,
    /// The step of Tableau's clock: a commit that only its time tells from earlier ones waits for the next.
    pub tick: Duration,
}

impl Default for Pace {
    fn default() -> Pace {
        Pace {
            first_wait: Duration::from_millis(50),
            longest_wait: Duration::from_secs(30),
            index_lag: Duration::from_secs(30),
            answer_limit: Duration::from_mins(2),
            chunk: 50 << 20,
            tick: Duration::from_secs(1),
        }
    }
}

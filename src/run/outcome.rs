//! What a run came to: what was done, and why it stopped.

use std::time::Duration;

use crate::cancel::Cancelled;
use crate::events::Stage;
use crate::guards::Verdict;
use crate::hyper::Extract;
use crate::inputs::InputErrors;
use crate::panics::Panicked;
use crate::source::Staged;
use crate::tableau::{DataState, Published};

/// What a run did, as far as it came.
#[derive(Debug, Default)]
pub struct Run {
    /// Data received, one for each table; empty if that failed.
    pub staged: Vec<Staged>,
    /// What typing noticed: where rows were found, which columns fell back to text.
    pub notices: Vec<String>,
    /// The built file, also when a guard kept it from being published.
    pub extract: Option<Extract>,
    /// What the guards found.
    pub verdicts: Vec<Verdict>,
    /// What is known of Tableau's side; `None` if it was never asked.
    pub published: Option<Published>,
    /// Stages that ended well, in order.
    pub stages: Vec<Done>,
    /// Why the run stopped.
    pub failure: Option<Failure>,
}

/// A stage that ended well.
#[derive(Clone, Debug)]
pub struct Done {
    /// Which one.
    pub stage: Stage,
    /// Wall clock time.
    pub took: Duration,
    /// What it did, in one line.
    pub line: String,
}

/// Why a run stopped, and where.
#[derive(Debug)]
pub struct Failure {
    /// Where.
    pub stage: Stage,
    /// Why: each level of the chain adds a sentence.
    pub error: anyhow::Error,
}

impl Run {
    /// Returns the run that was cancelled and did not come to an end by itself.
    pub fn cancelled(stage: Stage) -> Run {
        let failure = Failure {
            stage,
            error: Cancelled.into(),
        };
        let published = (stage == Stage::Publish).then(|| Published {
            state: DataState::Unknown,
            ..Published::default()
        });
        Run {
            failure: Some(failure),
            published,
            ..Run::default()
        }
    }

    /// Returns the run that failed before it was under way.
    pub fn failed(stage: Stage, error: anyhow::Error) -> Run {
        Run {
            failure: Some(Failure { stage, error }),
            ..Run::default()
        }
    }

    /// Returns the run of which nothing is known but that it panicked.
    pub fn defective(stage: Stage, panicked: Panicked) -> Run {
        let cancelled = Run::cancelled(stage);
        Run {
            published: cancelled.published,
            ..Run::failed(stage, panicked.into())
        }
    }

    /// Whether it was cancelled.
    pub fn is_cancelled(&self) -> bool {
        let failure = self.failure.as_ref();
        failure.is_some_and(|failure| failure.error.is::<Cancelled>())
    }

    /// Returns the run that never began because of its inputs.
    pub fn rejected(errors: InputErrors) -> Run {
        Run::failed(Stage::Inputs, errors.into())
    }
}

//! Jobs: publications that are carried out later.

use super::Site;
use super::call::Answer;
use super::error::ApiError;
use super::publish::Publication;
use super::settings::JobOutcome;
use crate::xml::Element;

/// How far a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobState {
    /// Nobody has asked about it yet.
    Created,
    /// It has been asked about and is not finished.
    Running,
    /// It has ended, well or not.
    Finished,
    /// It has ended and the server has cleaned it up.
    Vanished,
}

/// A publish job.
#[derive(Debug)]
pub struct Job {
    /// The LUID.
    pub luid: String,
    /// How far it is.
    pub state: JobState,
    /// Meaningless before the job is finished, and then 0 for success.
    pub finish_code: u8,
    created_at: String,
    started_at: Option<String>,
    completed_at: Option<String>,
    polls_left: u32,
    publication: Option<Publication>,
    /// Whether the file looked like what it should be.
    sound: bool,
    note: Option<String>,
}

impl Job {
    /// `progress` is what a job says that is not finished.
    fn element(&self, progress: &str) -> Element {
        let progress = if self.state == JobState::Finished {
            "100"
        } else {
            progress
        };
        let mut element = Element::new("job")
            .with("id", &self.luid)
            .with("mode", "Asynchronous")
            .with("type", "PublishDatasource")
            .with("progress", progress)
            .with("createdAt", &self.created_at)
            .maybe("startedAt", self.started_at.as_ref())
            .maybe("updatedAt", self.completed_at.as_ref())
            .maybe("completedAt", self.completed_at.as_ref())
            .with("finishCode", self.finish_code.to_string());
        if let Some(text) = &self.note {
            let note = Element::new("statusNote")
                .with("type", "errorCode")
                .with("value", "400011")
                .with("text", text);
            element = element.child(Element::new("statusNotes").child(note));
        }
        element
    }
}

impl Site {
    /// Finishes every job without waiting for anybody to ask.
    pub fn finish_jobs(&mut self) {
        for index in 0..self.jobs.len() {
            self.finish_job(index);
        }
    }

    pub(super) fn start_job(&mut self, publication: Publication, sound: bool) -> Answer {
        let job = Job {
            luid: self.ids.luid(),
            state: JobState::Created,
            // Recorded answers carry "failed" from the very beginning.
            finish_code: 1,
            created_at: self.now(),
            started_at: None,
            completed_at: None,
            polls_left: self.settings.polls_until_done,
            publication: Some(publication),
            sound,
            note: None,
        };
        let element = job.element(&self.settings.progress);
        self.jobs.push(job);
        Answer::document(202, [element])
    }

    pub(super) fn query_job(&mut self, luid: &str) -> Result<Answer, ApiError> {
        let unknown = || ApiError::new(404_018, format!("Job '{luid}' could not be found."));
        let index = self
            .jobs
            .iter()
            .position(|job| job.luid == luid)
            .ok_or_else(unknown)?;
        self.advance_job(index);
        let job = &self.jobs[index];
        if job.state == JobState::Vanished {
            Err(unknown())
        } else {
            Ok(Answer::document(
                200,
                [job.element(&self.settings.progress)],
            ))
        }
    }

    /// Lets the background work go on when somebody looks at the data sources instead of the job.
    pub(super) fn advance_jobs(&mut self) {
        for index in 0..self.jobs.len() {
            self.advance_job(index);
        }
    }

    fn advance_job(&mut self, index: usize) {
        let now = self.now();
        let job = &mut self.jobs[index];
        if job.completed_at.is_some() {
            return;
        }
        job.started_at.get_or_insert(now);
        if job.polls_left == 0 {
            self.finish_job(index);
        } else {
            job.polls_left -= 1;
            job.state = JobState::Running;
        }
    }

    fn finish_job(&mut self, index: usize) {
        let Some(publication) = self.jobs[index].publication.take() else {
            return;
        };
        let source = publication.source.clone();
        let outcome = if self.jobs[index].sound {
            self.settings.job
        } else {
            JobOutcome::Failed
        };
        let published = match outcome {
            JobOutcome::Success | JobOutcome::Vanished | JobOutcome::FinishCode3 => {
                self.carry_out(publication).is_ok()
            }
            JobOutcome::Failed
            | JobOutcome::FailedWithNotes
            | JobOutcome::Cancelled
            | JobOutcome::ErrorNote => false,
        };
        let now = self.now();
        let job = &mut self.jobs[index];
        job.started_at.get_or_insert_with(|| now.clone());
        job.completed_at = Some(now);
        job.state = if outcome == JobOutcome::Vanished {
            JobState::Vanished
        } else {
            JobState::Finished
        };
        job.finish_code = match (outcome, published) {
            (JobOutcome::Cancelled, _) => 2,
            (JobOutcome::FinishCode3, true) => 3,
            (JobOutcome::ErrorNote, _) | (_, true) => 0,
            (_, false) => 1,
        };
        if matches!(outcome, JobOutcome::FailedWithNotes | JobOutcome::ErrorNote) {
            job.note = Some(format!(
                "There was a problem publishing the file '{source}'. (errorCode=400011)"
            ));
        }
    }
}

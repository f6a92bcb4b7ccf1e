//! Waits until Tableau has done what it promised, and judges what it says.

use std::time::{Duration, Instant};

use super::answers::Job;
use super::backoff::{Backoff, minutes};
use super::calls;
use super::error::CATALOGUE;
use super::names::Luid;
use super::reply::shorten;
use super::session::Session;
use crate::events::{Event, Progress};
use crate::problem::Problem;

/// However long Tableau asks to be left alone, the job is looked at again after this.
const PATIENCE: Duration = Duration::from_mins(10);

/// How waiting for a job ended.
#[derive(Debug)]
pub(super) enum Waited {
    /// The job says it succeeded.
    Done,
    /// The job says it did not, and changed nothing.
    Failed(Problem),
    /// The job ended or vanished without saying how; only the data source can tell.
    Unclear(String),
    /// The wait ran out first.
    RanOut,
}

#[derive(Debug, PartialEq, Eq)]
enum JobState {
    Running,
    Done,
    Cancelled,
    Failed,
    Unclear,
}

/// Looks at the job until it ends or `limit` runs out; a limit of zero does not look at all.
pub(super) async fn wait(
    session: &mut Session<'_>,
    id: &Luid,
    limit: Duration,
) -> Result<Waited, Problem> {
    let began = Instant::now();
    let mut backoff = Backoff::new(session.pace);
    while began.elapsed() < limit {
        let mut pause = backoff.next();
        // One look may be asked again and again for longer than the user wants to wait.
        let left = limit.saturating_sub(began.elapsed());
        let Ok(look) = tokio::time::timeout(left, calls::query_job(session, id)).await else {
            break;
        };
        match look {
            Ok(job) => match judge(&job) {
                JobState::Running => session.observer.on(Event::Progress(Progress::Job {
                    percent: job.progress.unwrap_or(0),
                    elapsed: began.elapsed(),
                })),
                JobState::Done => return Ok(Waited::Done),
                JobState::Unclear => {
                    let reason = format!("the publish job {id} ended without a result");
                    return Ok(Waited::Unclear(reason));
                }
                verdict => return Ok(Waited::Failed(ended(&verdict, id, &job))),
            },
            Err(failure) if failure.is_transient() => {
                pause = pause.max(failure.retry_after().unwrap_or_default().min(PATIENCE));
                let text = format!("still waiting for the publish job: {failure}");
                session.observer.on(Event::Note(text));
            }
            // Looking at the data source would fail as well.
            Err(failure) if failure.status() == Some(401) => {
                let text = format!(
                    "Tableau goes on with the publish job {id}, but this run cannot follow it"
                );
                return Err(Problem::new(text).because(failure));
            }
            // Tableau cleans up finished jobs, and may not show them to every user.
            Err(failure) => return Ok(Waited::Unclear(failure.to_string())),
        }
        tokio::time::sleep(pause.min(limit.saturating_sub(began.elapsed()))).await;
    }
    session.observer.on(ran_out(id, limit));
    Ok(Waited::RanOut)
}

/// Decides by `completedAt`: the first answers carry a `finishCode` that means nothing yet.
fn judge(job: &Job) -> JobState {
    if job.completed_at.is_none() {
        return JobState::Running;
    }
    match job.finish_code.as_deref() {
        _ if job.has_error_note => JobState::Failed,
        Some("0" | "3") => JobState::Done,
        Some("2") => JobState::Cancelled,
        Some(_) => JobState::Failed,
        None => JobState::Unclear,
    }
}

fn ended(verdict: &JobState, id: &Luid, job: &Job) -> Problem {
    let how = if *verdict == JobState::Cancelled {
        "was cancelled"
    } else {
        "failed"
    };
    let said = match &job.notes[..] {
        [] => ", and Tableau gives no reason".to_owned(),
        notes => shorten(&format!(": {}", notes.join("; "))),
    };
    // A code stands alone; its digits may also be part of a number.
    let is_said = |code: &str| {
        said.split(|c: char| !c.is_ascii_alphanumeric())
            .any(|word| word == code)
    };
    let known = CATALOGUE.iter().find(|(code, ..)| is_said(code));
    let hint = match (verdict, known) {
        (JobState::Cancelled, _) => "ask who cancelled it on `site`, and run again",
        (_, Some((_, _, hint))) => hint,
        (_, None) => {
            "usual causes: `server-url` leads to a server older than 2023.1, which cannot read the file; the storage of `site` \
             is full; with `mode: append`, columns or types differ from the published ones"
        }
    };
    Problem::new(format!("Tableau's publish job {id} {how}{said}")).hint(hint)
}

/// Warns that the run ends before the job.
fn ran_out(id: &Luid, limit: Duration) -> Event {
    if limit.is_zero() {
        return Event::Note(format!(
            "not waiting for the publish job {id}, as `wait: 0` asks"
        ));
    }
    Event::Warning(format!(
        "Tableau still works on the publish job {id} after {}; whether it succeeds is not known to this run (`wait`)",
        minutes(limit)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(completed: bool, finish_code: Option<&str>) -> Job {
        Job {
            completed_at: completed.then(|| "2026-08-17T23:37:08Z".to_owned()),
            finish_code: finish_code.map(str::to_owned),
            ..Job::default()
        }
    }

    #[test]
    fn only_a_completed_job_has_a_result() {
        for code in [None, Some("0"), Some("1")] {
            assert_eq!(judge(&job(false, code)), JobState::Running);
        }
        assert_eq!(judge(&job(true, Some("0"))), JobState::Done);
        assert_eq!(judge(&job(true, Some("3"))), JobState::Done);
        assert_eq!(judge(&job(true, Some("2"))), JobState::Cancelled);
        assert_eq!(judge(&job(true, Some("1"))), JobState::Failed);
        assert_eq!(judge(&job(true, Some("7"))), JobState::Failed);
        assert_eq!(judge(&job(true, None)), JobState::Unclear);
        let denied = Job {
            has_error_note: true,
            ..job(true, Some("0"))
        };
        assert_eq!(judge(&denied), JobState::Failed);
    }

    #[test]
    fn a_failure_without_reason_lists_the_usual_ones() {
        let id = Luid::parse("7e8f9a0b-1c2d-4e3f-a4b5-c6d7e8f9a0b1").unwrap();
        let silent = ended(&JobState::Failed, &id, &Job::default());
        assert!(
            silent
                .to_string()
                .ends_with("failed, and Tableau gives no reason")
        );
        assert!(silent.hint.unwrap().contains("`mode: append`"));
        let talking = Job {
            notes: vec!["a".into(), "b".into()],
            ..Job::default()
        };
        let talking = ended(&JobState::Failed, &id, &talking);
        assert!(talking.to_string().ends_with("failed: a; b"));
        let counting = Job {
            notes: vec!["1403008 rows are too many".into()],
            ..Job::default()
        };
        let counting = ended(&JobState::Failed, &id, &counting);
        assert!(!counting.hint.unwrap().contains("buy storage"));
        let coded = Job {
            notes: vec!["Full. (errorCode=403008)".into()],
            ..Job::default()
        };
        assert!(
            ended(&JobState::Failed, &id, &coded)
                .hint
                .unwrap()
                .contains("storage")
        );
    }
}

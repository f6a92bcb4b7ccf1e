//! A call that did not bring what was asked for, and what that means for the next step.

use std::fmt;
use std::time::Duration;

use super::error::ApiError;
use crate::http;
use crate::problem::Problem;

/// A call that did not bring what was asked for.
#[derive(Debug)]
pub(super) enum CallFailure {
    /// No usable answer came.
    Unanswered(http::Error),
    /// An answer came, and it is no success.
    Refused(Box<RefusedCall>),
}

/// The call and what was answered; the answer is the source.
#[derive(Debug)]
pub(super) struct RefusedCall {
    /// `failed to … at …`.
    call: String,
    /// What the answer means here, when that is known.
    meaning: Option<String>,
    error: ApiError,
}

impl CallFailure {
    /// Says which call it was, `failed to … at …`, and what was answered.
    pub(super) fn refused(call: String, error: ApiError) -> CallFailure {
        CallFailure::Refused(Box::new(RefusedCall {
            call,
            meaning: None,
            error,
        }))
    }

    /// Tableau's six digits.
    pub(super) fn code(&self) -> Option<&str> {
        match self {
            CallFailure::Unanswered(_) => None,
            CallFailure::Refused(refusal) => refusal.error.code.as_deref(),
        }
    }

    /// HTTP status of the answer.
    pub(super) fn status(&self) -> Option<u16> {
        match self {
            CallFailure::Unanswered(_) => None,
            CallFailure::Refused(refusal) => Some(refusal.error.status),
        }
    }

    /// Whether Tableau may have acted all the same.
    pub(super) fn is_doubtful(&self) -> bool {
        match self {
            CallFailure::Unanswered(error) => {
                error.is_ambiguous() || matches!(error.kind, http::ErrorKind::TooLarge(_))
            }
            CallFailure::Refused(refusal) => match refusal.error.status {
                408 | 500.. => true,
                200..=299 => refusal.error.code.is_none(),
                _ => false,
            },
        }
    }

    /// Whether somebody else has answered in Tableau's place, and called it a success.
    pub(super) fn is_foreign(&self) -> bool {
        self.code().is_none()
            && self
                .status()
                .is_some_and(|status| (200..300).contains(&status))
    }

    /// Whether the same question may find an answer later.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            CallFailure::Unanswered(error) => {
                error.is_ambiguous() || matches!(error.kind, http::ErrorKind::Connect(_))
            }
            CallFailure::Refused(refusal) => self.is_doubtful() || refusal.error.status == 429,
        }
    }

    /// How long the server asks to be left alone, when that is longer than `http` waits.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            CallFailure::Unanswered(_) => None,
            CallFailure::Refused(refusal) => refusal.error.retry_after,
        }
    }

    /// Says what the refusal means in this place.
    pub(super) fn meaning(mut self, meaning: impl Into<String>) -> CallFailure {
        if let CallFailure::Refused(refusal) = &mut self {
            refusal.meaning = Some(meaning.into());
        }
        self
    }
}

/// What is told of a failure below a problem that follows from it; the answer stays within reach.
impl From<CallFailure> for Box<dyn std::error::Error + Send + Sync> {
    fn from(failure: CallFailure) -> Self {
        match failure {
            CallFailure::Unanswered(error) => match elsewhere(&error) {
                Some(problem) => problem.into(),
                None => error.into(),
            },
            CallFailure::Refused(refusal) => refusal,
        }
    }
}

impl From<CallFailure> for anyhow::Error {
    /// Not made of the box: what lies in one is no longer found by its type.
    fn from(failure: CallFailure) -> Self {
        match failure {
            CallFailure::Unanswered(error) => match elsewhere(&error) {
                Some(problem) => problem.into(),
                None => error.into(),
            },
            CallFailure::Refused(refusal) => (*refusal).into(),
        }
    }
}

/// A redirect that was not followed because it leads to another origin, with the address to write.
fn elsewhere(error: &http::Error) -> Option<Problem> {
    let server = error.other_origin()?.origin().ascii_serialization();
    Some(Problem::new(error.to_string()).hint(format!(
        "set `server-url: {server}` if you trust it: the token is sent nowhere else than the input says"
    )))
}

/// One line: the call and the answer, for warnings.
impl fmt::Display for CallFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallFailure::Unanswered(error) => error.fmt(f),
            CallFailure::Refused(refusal) => write!(f, "{refusal}: {}", refusal.error),
        }
    }
}

impl fmt::Display for RefusedCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.call)?;
        match &self.meaning {
            Some(meaning) => write!(f, ": {meaning}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for RefusedCall {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tableau::error::tests::answer;

    #[test]
    fn doubt_is_for_answers_that_do_not_tell_whether_tableau_acted() {
        let failure = |status, code: Option<&str>| {
            let error = answer(status, code);
            CallFailure::refused(String::new(), error)
        };
        for status in [408, 500, 502, 503, 504] {
            assert!(failure(status, None).is_doubtful(), "{status}");
        }
        assert!(failure(200, None).is_doubtful());
        for (status, code) in [
            (200, Some("403135")),
            (403, Some("403007")),
            (413, None),
            (429, None),
        ] {
            assert!(!failure(status, code).is_doubtful(), "{status}");
        }
        assert!(failure(429, None).is_transient());
    }

    #[test]
    fn a_problem_keeps_the_answer_within_reach() {
        let error = answer(504, None);
        let failure = CallFailure::refused("failed to commit".into(), error.clone());
        let problem = Problem::new("unknown").because(failure);
        let chain = anyhow::Error::new(problem);
        let found = chain
            .chain()
            .find_map(|cause| cause.downcast_ref::<ApiError>());
        assert_eq!(found, Some(&error));
    }
}

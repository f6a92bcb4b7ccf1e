//! Faults are sentences: `operation [#n] = effect`, such as `append-to-file-upload#1=lose-response`.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

/// The calls of the REST API, by Tableau's names, and the source side's `origin`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `GET /serverInfo`
    ServerInfo,
    /// `POST /auth/signin`
    SignIn,
    /// `POST /auth/signout`
    SignOut,
    /// `GET /sessions/current`
    GetCurrentServerSession,
    /// `GET …/projects`
    QueryProjects,
    /// `POST …/projects`
    CreateProject,
    /// `DELETE …/projects/{luid}`
    DeleteProject,
    /// `GET …/datasources`
    QueryDataSources,
    /// `GET …/datasources/{luid}`
    QueryDataSource,
    /// `GET …/datasources/{luid}/connections`
    QueryDataSourceConnections,
    /// `GET …/datasources/{luid}/content`
    DownloadDataSource,
    /// `POST …/fileUploads`
    InitiateFileUpload,
    /// `PUT …/fileUploads/{upload session id}`
    AppendToFileUpload,
    /// `POST …/datasources`
    PublishDataSource,
    /// `GET …/jobs/{luid}`
    QueryJob,
    /// `PUT …/datasources/{luid}`
    UpdateDataSource,
    /// `DELETE …/datasources/{luid}`
    DeleteDataSource,
    /// `PUT …/datasources/{luid}/tags`
    AddTagsToDataSource,
    /// `DELETE …/datasources/{luid}/tags/{tag}`
    DeleteTagFromDataSource,
    /// Anything below `/origin/`.
    Origin,
    /// No known call; no fault can be set for it.
    Unknown,
}

impl Operation {
    const NAMES: [(&'static str, Self); 20] = [
        ("server-info", Self::ServerInfo),
        ("sign-in", Self::SignIn),
        ("sign-out", Self::SignOut),
        ("get-current-server-session", Self::GetCurrentServerSession),
        ("query-projects", Self::QueryProjects),
        ("create-project", Self::CreateProject),
        ("delete-project", Self::DeleteProject),
        ("query-data-sources", Self::QueryDataSources),
        ("query-data-source", Self::QueryDataSource),
        (
            "query-data-source-connections",
            Self::QueryDataSourceConnections,
        ),
        ("download-data-source", Self::DownloadDataSource),
        ("initiate-file-upload", Self::InitiateFileUpload),
        ("append-to-file-upload", Self::AppendToFileUpload),
        ("publish-data-source", Self::PublishDataSource),
        ("query-job", Self::QueryJob),
        ("update-data-source", Self::UpdateDataSource),
        ("delete-data-source", Self::DeleteDataSource),
        ("add-tags-to-data-source", Self::AddTagsToDataSource),
        ("delete-tag-from-data-source", Self::DeleteTagFromDataSource),
        ("origin", Self::Origin),
    ];
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::NAMES
            .iter()
            .find(|(_, operation)| operation == self)
            .map_or("unknown", |(name, _)| name);
        f.write_str(name)
    }
}

impl FromStr for Operation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::NAMES
            .iter()
            .find(|(name, _)| *name == text)
            .map(|(_, operation)| *operation)
            .ok_or_else(|| {
                let names: Vec<&str> = Self::NAMES.iter().map(|(name, _)| *name).collect();
                format!(
                    "unknown operation `{text}`, valid are: {}",
                    names.join(", ")
                )
            })
    }
}

/// How a throttled client is told when to come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryAfter {
    /// Not at all.
    Absent,
    /// In seconds; nothing keeps a server from saying any number.
    Seconds(u64),
    /// As an HTTP date, some seconds ahead.
    Date,
    /// As the last HTTP date there is, at the end of the year 9999.
    LastDate,
    /// By `X-RateLimit-Reset`, at a moment no clock will show.
    Reset,
}

impl FromStr for RetryAfter {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "date" => Ok(Self::Date),
            "last-date" => Ok(Self::LastDate),
            "reset" => Ok(Self::Reset),
            _ => {
                let seconds = text.strip_suffix('s').ok_or(())?;
                seconds.parse().map(Self::Seconds).map_err(|_| ())
            }
        }
    }
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Before acting: a status with a proxy's HTML page.
    Status(u16),
    /// Before acting: a Tableau error document.
    Code(u32),
    /// Before acting: the connection is closed unanswered.
    Refuse,
    /// Before acting: the request is read, then the connection is reset.
    Reset,
    /// Before acting: no answer ever.
    Stall,
    /// Before acting: status 429.
    Throttle(RetryAfter),
    /// Before acting: status 503 with a proxy's HTML page and a time to come back.
    Unavailable(RetryAfter),
    /// Before acting: status 200 with an error document.
    ErrorIn200,
    /// Before acting: status 200 with nothing in it.
    Empty,
    /// Before acting: status 301 to the same address.
    Redirect,
    /// Before acting: a status that redirects to the same path at `Settings::elsewhere`.
    Elsewhere(u16),
    /// After acting: the connection is closed unanswered.
    LoseResponse,
    /// After acting: half of the answer, then the connection is closed.
    Truncate,
    /// After acting: status 200 with something that is not XML.
    Garbage,
    /// After acting: a status with a proxy's HTML page.
    LateStatus(u16),
}

const EFFECTS: &str = "an HTTP status such as `503`, a Tableau code such as `403007`, `429`, `429+3s`, `429+date`, `429+last-date`, `429+reset`, `503+3s`, `refuse`, `reset`, `stall`, \
                       `error-in-200`, `empty`, `redirect`, `elsewhere-307`, `lose-response`, `truncate`, `garbage`, `late-504`";

impl FromStr for Effect {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unknown = || format!("unknown effect `{text}`, valid are: {EFFECTS}");
        let status = |digits: &str| {
            digits
                .parse()
                .ok()
                .filter(|status| (400..600).contains(status))
                .ok_or_else(unknown)
        };
        let effect = match text {
            "refuse" => Self::Refuse,
            "reset" => Self::Reset,
            "stall" => Self::Stall,
            "empty" => Self::Empty,
            "error-in-200" => Self::ErrorIn200,
            "redirect" => Self::Redirect,
            "lose-response" => Self::LoseResponse,
            "truncate" => Self::Truncate,
            "garbage" => Self::Garbage,
            "429" => Self::Throttle(RetryAfter::Absent),
            _ => {
                if let Some(wait) = text.strip_prefix("429+") {
                    Self::Throttle(wait.parse().map_err(|()| unknown())?)
                } else if let Some(wait) = text.strip_prefix("503+") {
                    Self::Unavailable(wait.parse().map_err(|()| unknown())?)
                } else if let Some(digits) = text.strip_prefix("elsewhere-") {
                    let status = digits.parse().ok();
                    let is_redirect = |status: &u16| matches!(status, 301 | 302 | 303 | 307 | 308);
                    Self::Elsewhere(status.filter(is_redirect).ok_or_else(unknown)?)
                } else if let Some(digits) = text.strip_prefix("late-") {
                    Self::LateStatus(status(digits)?)
                } else if text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit()) {
                    status(&text[..3])?;
                    Self::Code(text.parse().map_err(|_| unknown())?)
                } else {
                    Self::Status(status(text)?)
                }
            }
        };
        Ok(effect)
    }
}

/// One thing that goes wrong with one call, or with every call, of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The operation it strikes.
    pub operation: Operation,
    /// The call it strikes, counted from 1; `None` strikes every call.
    pub nth: Option<NonZeroU32>,
    /// What happens.
    pub effect: Effect,
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |problem: String| format!("`{text}` is not a fault: {problem}");
        let (left, effect) = text.split_once('=').ok_or_else(|| {
            wrong("a fault reads `operation=effect` or `operation#n=effect`".to_owned())
        })?;
        let (operation, nth) = match left.split_once('#') {
            None => (left, None),
            Some((operation, n)) => {
                let nth = n.trim().parse().map_err(|_| {
                    wrong(format!("`{}` after `#` is not a number from 1", n.trim()))
                })?;
                (operation, Some(nth))
            }
        };
        Ok(Self {
            operation: operation.trim().parse().map_err(wrong)?,
            nth,
            effect: effect.trim().parse().map_err(wrong)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn effect(text: &str) -> Effect {
        text.parse::<Fault>().unwrap().effect
    }

    #[test]
    fn sentences_are_understood() {
        let fault: Fault = "append-to-file-upload #2 = lose-response".parse().unwrap();
        assert_eq!(fault.operation, Operation::AppendToFileUpload);
        assert_eq!(fault.nth.unwrap().get(), 2);
        assert_eq!(fault.effect, Effect::LoseResponse);
        assert_eq!("origin=stall".parse::<Fault>().unwrap().nth, None);
        assert_eq!(effect("sign-in=503"), Effect::Status(503));
        assert_eq!(effect("sign-in=403007"), Effect::Code(403_007));
        assert_eq!(effect("sign-in=429"), Effect::Throttle(RetryAfter::Absent));
        assert_eq!(
            effect("sign-in=429+3s"),
            Effect::Throttle(RetryAfter::Seconds(3))
        );
        assert_eq!(
            effect("sign-in=429+date"),
            Effect::Throttle(RetryAfter::Date)
        );
        assert_eq!(
            effect("sign-in=429+18446744073709551615s"),
            Effect::Throttle(RetryAfter::Seconds(u64::MAX))
        );
        assert_eq!(
            effect("sign-in=503+reset"),
            Effect::Unavailable(RetryAfter::Reset)
        );
        assert_eq!(
            effect("sign-in=429+last-date"),
            Effect::Throttle(RetryAfter::LastDate)
        );
        assert_eq!(effect("sign-in=elsewhere-302"), Effect::Elsewhere(302));
        assert_eq!(effect("sign-in=late-504"), Effect::LateStatus(504));
        for (text, expected) in [
            ("refuse", Effect::Refuse),
            ("reset", Effect::Reset),
            ("stall", Effect::Stall),
            ("empty", Effect::Empty),
            ("truncate", Effect::Truncate),
            ("garbage", Effect::Garbage),
            ("error-in-200", Effect::ErrorIn200),
            ("redirect", Effect::Redirect),
        ] {
            assert_eq!(text.parse(), Ok(expected));
        }
    }

    #[test]
    fn every_operation_has_its_name() {
        for (name, operation) in Operation::NAMES {
            assert_eq!(name.parse(), Ok(operation));
            assert_eq!(operation.to_string(), name);
        }
    }

    #[test]
    fn errors_say_what_is_valid() {
        for (text, part) in [
            ("sign-in", "a fault reads `operation=effect`"),
            (
                "signin=503",
                "unknown operation `signin`, valid are: server-info, sign-in,",
            ),
            ("sign-in#0=503", "`0` after `#` is not a number from 1"),
            ("sign-in#x=503", "`x` after `#`"),
            (
                "sign-in=explode",
                "unknown effect `explode`, valid are: an HTTP status",
            ),
            ("sign-in=200", "unknown effect `200`"),
            ("sign-in=999999", "unknown effect"),
            ("sign-in=429+xs", "unknown effect"),
            ("sign-in=elsewhere-200", "unknown effect"),
        ] {
            let error = text.parse::<Fault>().unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }
}

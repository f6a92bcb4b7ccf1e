//! What is not one call's accident but the way a server is.

use std::str::FromStr;

use super::connections::Connections;
use super::listing::FilterCase;
use crate::xml::XmlStyle;

/// How publish jobs end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum JobOutcome {
    /// Published, finish code 0.
    #[default]
    Success,
    /// Not published, finish code 1, no word about the reason.
    Failed,
    /// Not published, finish code 1, with status notes.
    FailedWithNotes,
    /// Published, but the job is not found any more when it is finished.
    Vanished,
    /// Published, finish code 3.
    FinishCode3,
    /// Not published, finish code 2.
    Cancelled,
    /// Not published, finish code 0, yet with a status note of type `errorCode`.
    ErrorNote,
}

impl FromStr for JobOutcome {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "success" => Self::Success,
            "failed" => Self::Failed,
            "failed-with-notes" => Self::FailedWithNotes,
            "vanished" => Self::Vanished,
            "finish-code-3" => Self::FinishCode3,
            "cancelled" => Self::Cancelled,
            "error-note" => Self::ErrorNote,
            other => {
                return Err(format!(
                    "unknown job outcome `{other}`, valid are: success, failed, failed-with-notes, vanished, finish-code-3, cancelled, error-note"
                ));
            }
        })
    }
}

/// Whether `asJob=true` is understood.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AsJob {
    /// Publishing answers 202 with a job.
    #[default]
    Supported,
    /// The parameter is ignored; publishing answers 201.
    Ignored,
}

impl FromStr for AsJob {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "supported" => Ok(Self::Supported),
            "ignored" => Ok(Self::Ignored),
            other => Err(format!(
                "unknown support of jobs `{other}`, valid are: supported, ignored"
            )),
        }
    }
}

/// What becomes of upload sessions when the token that opened them has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UploadLife {
    /// They can be continued with a new token.
    #[default]
    OutlivesToken,
    /// They are gone: 404015.
    DiesWithToken,
}

impl FromStr for UploadLife {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "outlives-token" => Ok(Self::OutlivesToken),
            "dies-with-token" => Ok(Self::DiesWithToken),
            other => Err(format!(
                "unknown life of uploads `{other}`, valid are: outlives-token, dies-with-token"
            )),
        }
    }
}

/// What becomes of the description a publication carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DescriptionAtPublish {
    /// It is set.
    #[default]
    Set,
    /// It is ignored, and an overwrite empties what was there, as old servers do.
    Reset,
}

/// What `replace=true` does when a data source is published.
///
/// The reference does not know the parameter, two official clients send it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Replace {
    /// It replaces the rows and keeps what people made of the data source.
    #[default]
    Supported,
    /// Nothing, as any unknown parameter: 403007 if the data source exists, else it is created.
    Ignored,
    /// It replaces the rows and loses what people made of the data source.
    LosesMetadata,
    /// The request is accepted and its job fails without a word; without a job it is 400011.
    RefusedAtJob,
}

/// Whether data sources can be downloaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Downloads {
    /// They can.
    #[default]
    Allowed,
    /// The user has no such right: 403028.
    Forbidden,
}

/// What a download with `includeExtract=False` is.
///
/// The reference knows a description alone, clients know packages without their file; what becomes of a file that is
/// no extract nobody says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WithoutExtract {
    /// The description alone, `.tds`.
    #[default]
    Described,
    /// A `.tdsx` whose file is left out.
    Packed,
    /// A `.tdsx` whose file is left out if it is an extract of something else.
    LiveKept,
}

/// How lists tell where they end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Paging {
    /// By numbers that are right.
    #[default]
    Honest,
    /// Never: new entries come for ever, and the total is always a page ahead.
    Endless,
    /// Never, and without any numbers.
    EndlessWithoutTotal,
    /// By page size and total that are the largest numbers there are; the entries are right.
    Absurd,
}

/// What moves the clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Seconds {
    /// Each request, by a second.
    #[default]
    PerRequest,
    /// Real time since the first request.
    Real,
}

/// The way this server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The release, such as `2026.2.0`.
    pub product_version: String,
    /// The highest version of the REST API, `major.minor`.
    pub rest_api_version: String,
    /// How many query-job calls answer "running" before the job is finished.
    pub polls_until_done: u32,
    /// How jobs end.
    pub job: JobOutcome,
    /// Whether `asJob=true` is understood.
    pub as_job: AsJob,
    /// How many requests a token is good for; `None` is no limit.
    pub token_lifetime: Option<u32>,
    /// What becomes of upload sessions when their token has ended.
    pub uploads: UploadLife,
    /// How many lists do not show a publish yet: a new data source is missing, another is as before.
    ///
    /// The reference tells of new ones only; that changes are late, too, is a choice.
    pub index_lag: u32,
    /// How answers are written.
    pub xml: XmlStyle,
    /// The status of a successful append, 200 or 201.
    pub append_status: u16,
    /// The most bytes one append may carry.
    pub chunk_limit: u64,
    /// The most bytes of a file published in a single request.
    pub single_request_limit: u64,
    /// What an overwrite makes of the description it carries.
    pub description: DescriptionAtPublish,
    /// What `replace=true` does.
    pub replace: Replace,
    /// What is told about connections.
    pub connections: Connections,
    /// Whether data sources can be downloaded.
    pub downloads: Downloads,
    /// What a download with `includeExtract=False` is.
    pub without_extract: WithoutExtract,
    /// Whether filters distinguish upper and lower case.
    pub filter_case: FilterCase,
    /// How lists tell where they end.
    pub paging: Paging,
    /// What moves the clock.
    pub seconds: Seconds,
    /// Where the fault `elsewhere-307` sends a call: another origin, such as `http://127.0.0.1:9`.
    pub elsewhere: String,
    /// Added to what the server says in its own words: versions, errors, notes of jobs.
    pub said_after: String,
    /// A warning in every document; `{n}` becomes the number of the request.
    pub warning: Option<String>,
    /// What a job that is not finished says of its progress.
    pub progress: String,
}

/// 64 MB, the limit of one append and of publishing in a single request.
const MEGABYTES_64: u64 = 64 * 1024 * 1024;

impl Default for Settings {
    fn default() -> Self {
        Self {
            product_version: "2026.2.0".to_owned(),
            rest_api_version: "3.29".to_owned(),
            polls_until_done: 1,
            job: JobOutcome::default(),
            as_job: AsJob::default(),
            token_lifetime: None,
            uploads: UploadLife::default(),
            index_lag: 0,
            xml: XmlStyle::default(),
            append_status: 200,
            chunk_limit: MEGABYTES_64,
            single_request_limit: MEGABYTES_64,
            description: DescriptionAtPublish::default(),
            replace: Replace::default(),
            connections: Connections::default(),
            downloads: Downloads::default(),
            without_extract: WithoutExtract::default(),
            filter_case: FilterCase::default(),
            paging: Paging::default(),
            seconds: Seconds::default(),
            elsewhere: "http://127.0.0.1:9".to_owned(),
            said_after: String::new(),
            warning: None,
            progress: "0".to_owned(),
        }
    }
}

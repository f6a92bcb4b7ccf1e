//! Tableau's error codes with their summaries and the details known from real servers.

use crate::xml::Element;

/// An error document: status, code, summary and detail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(crate) code: u32,
    pub(crate) detail: String,
}

/// Why a request is not answered as asked.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// With a Tableau error document.
    Api(ApiError),
    /// With a page of the web server, as for a broken multipart body.
    Html(u16),
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        Self::Api(error)
    }
}

impl ApiError {
    pub(crate) fn new(code: u32, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
        }
    }

    /// The error of that code with a detail that fits any call.
    pub(crate) fn stock(code: u32) -> Self {
        let detail = match code {
            400_000 => "Payload is either malformed XML or incomplete",
            400_011 => "There was a problem publishing the file.",
            400_054 => {
                "Only .hyper and .tde files can be appended to a data source or replace its data."
            }
            400_055 => {
                "Only one of the parameters 'overwrite', 'append' and 'replace' may be 'true'."
            }
            401_000 => "No authentication credentials were provided.",
            401_001 => "Error signing in to Tableau Server",
            401_002 => "Invalid authentication credentials were provided.",
            403_004 => "You do not have permission to perform this action.",
            403_021 => "You do not have permission to view the connections of this data source.",
            403_028 => "You do not have permission to download this data source.",
            403_800 => "The user does not have API access to this data source.",
            403_007 => "User is not allowed to publish to this project.",
            403_008 => "The storage quota of the site has been exceeded.",
            403_015 | 403_016 => "User is not allowed to upload files.",
            404_000 => "Site could not be found.",
            404_004 | 404_011 => "Datasource could not be found.",
            404_005 => "Project could not be found.",
            404_015 => "Upload session could not be found.",
            404_018 => "Job could not be found.",
            404_934 => "The field could not be found.",
            404_935 => "More than one field has this caption.",
            410_012 => "Specified table does not exist",
            429_000 => "Too many requests. Try again later.",
            _ => "The request could not be completed.",
        };
        Self::new(code, detail)
    }

    pub(crate) fn status(&self) -> u16 {
        u16::try_from(self.code / 1000).unwrap_or(500)
    }

    pub(crate) fn document(&self) -> Element {
        Element::new("error")
            .with("code", self.code.to_string())
            .child(Element::new("summary").text(summary(self.code)))
            .child(Element::new("detail").text(&self.detail))
    }
}

fn summary(code: u32) -> &'static str {
    match code {
        400_006 => "Invalid page number",
        400_007 => "Invalid page size",
        400_000..=400_999 => "Bad Request",
        401_001 => "Signin Error",
        401_000..=401_999 => "Unauthorized Access",
        403_000..=403_999 => "Forbidden",
        404_000..=404_999 => "Resource Not Found",
        405_000..=405_999 => "Invalid Request Method",
        409_000..=409_999 => "Resource Conflict",
        410_000..=410_999 => "Gone",
        429_000..=429_999 => "Too Many Requests",
        _ => "Internal Server Error",
    }
}

//! File uploads: sessions that collect the bytes of a file, one append after the other.

use super::Site;
use super::call::{Answer, Call, Content};
use super::error::{ApiError, Refusal};
use super::store::Spool;
use crate::xml::Element;

/// An upload session.
#[derive(Debug)]
pub struct Upload {
    /// The upload session id.
    pub id: String,
    /// The number of appends stored.
    pub appends: u32,
    /// The token that opened the session.
    pub(super) token: String,
    pub(super) file: Option<Spool>,
    /// The appends under way; more than one is an error.
    writers: u32,
    /// Whether two appends have overlapped, and so far nobody was told.
    disturbed: bool,
}

impl Upload {
    /// Returns the number of bytes stored.
    pub fn bytes(&self) -> u64 {
        self.file.as_ref().map_or(0, Spool::bytes)
    }

    fn element(&self) -> Element {
        let megabytes = self.bytes() / (1024 * 1024);
        Element::new("fileUpload")
            .with("uploadSessionId", &self.id)
            .with("fileSize", megabytes.to_string())
    }
}

impl Site {
    pub(super) fn initiate_file_upload(
        &mut self,
        token: &str,
        call: &Call,
    ) -> Result<Answer, Refusal> {
        if !call.document().iter().all(u8::is_ascii_whitespace) {
            return Err(ApiError::new(400_000, "The body of this request must be empty.").into());
        }
        let upload = Upload {
            id: self.ids.upload_session(),
            appends: 0,
            token: token.to_owned(),
            file: None,
            writers: 0,
            disturbed: false,
        };
        let element = upload.element();
        self.uploads.push(upload);
        Ok(Answer::document(201, [element]))
    }

    pub(super) fn append_to_file_upload(
        &mut self,
        id: &str,
        call: &mut Call,
    ) -> Result<Answer, Refusal> {
        let parts = call.take_parts()?;
        let limit = self.settings.chunk_limit;
        let status = self.settings.append_status;
        let upload = self.uploads.iter_mut().find(|upload| upload.id == id);
        let upload = upload.ok_or_else(|| {
            ApiError::new(
                404_015,
                format!("Upload session '{id}' could not be found."),
            )
        })?;
        if upload.disturbed {
            return Err(Refusal::Html(500));
        }
        let (mut payload, mut file) = (None, None);
        for part in parts {
            match (part.name.as_str(), part.content) {
                ("request_payload", Content::Document(bytes)) => payload = Some(bytes),
                ("tableau_file", Content::File(spool)) if file.is_none() => file = Some(spool),
                (name, _) => {
                    return Err(ApiError::new(
                        400_000,
                        format!("Unexpected part '{name}' in the multipart body."),
                    )
                    .into());
                }
            }
        }
        if !payload.is_some_and(|bytes| bytes.iter().all(u8::is_ascii_whitespace)) {
            return Err(ApiError::new(
                400_019,
                "The XML part of this request must be present and empty.",
            )
            .into());
        }
        let Some(chunk) = file.filter(|chunk| chunk.bytes() > 0) else {
            return Err(ApiError::new(400_020, "The request contains no file.").into());
        };
        if chunk.bytes() > limit {
            let megabytes = limit / (1024 * 1024);
            return Err(ApiError::new(
                400_016,
                format!("The file chunk exceeds the limit of {megabytes} MB."),
            )
            .into());
        }
        match &mut upload.file {
            None => upload.file = Some(chunk),
            Some(file) => file.append(&chunk).map_err(|_| Refusal::Html(500))?,
        }
        upload.appends += 1;
        Ok(Answer::document(status, [upload.element()]))
    }

    /// Notes that an append has begun to arrive.
    pub(crate) fn enter_append(&mut self, id: &str) {
        if let Some(upload) = self.uploads.iter_mut().find(|upload| upload.id == id) {
            upload.writers += 1;
            upload.disturbed |= upload.writers > 1;
        }
    }

    /// Notes that an append is over, stored or not.
    pub(crate) fn leave_append(&mut self, id: &str) {
        if let Some(upload) = self.uploads.iter_mut().find(|upload| upload.id == id) {
            upload.writers = upload.writers.saturating_sub(1);
            upload.disturbed &= upload.writers > 0;
        }
    }
}

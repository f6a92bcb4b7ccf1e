//! Sign-in, sign-out and the checks of the token.

use super::call::{Answer, Call};
use super::error::{ApiError, Refusal};
use super::settings::UploadLife;
use super::{Site, malformed};
use crate::xml::{Element, schema};

/// A signed-in personal access token.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) token: String,
    pub(crate) token_name: String,
    user: String,
    /// The requests this session is still good for; `None` is no limit.
    left: Option<u32>,
}

impl Site {
    pub(super) fn sign_in(&mut self, call: &Call) -> Result<Answer, Refusal> {
        let credentials = schema::read(call.document(), &schema::CREDENTIALS).map_err(malformed)?;
        let wrong = || ApiError::stock(401_001);
        let by_token = credentials
            .attribute("personalAccessTokenName")
            .zip(credentials.attribute("personalAccessTokenSecret"));
        let by_other = credentials
            .attribute("password")
            .or_else(|| credentials.attribute("jwt"));
        let content_url = credentials
            .find("site")
            .and_then(|site| site.attribute("contentUrl"))
            .ok_or_else(|| {
                malformed("The element 'site' has no attribute 'contentUrl'.".to_owned())
            })?;
        let (name, secret) = match (by_token, by_other) {
            (Some(pair), None) => pair,
            (None, Some(_)) => return Err(wrong().into()),
            (Some(_), Some(_)) => {
                return Err(malformed(
                    "Credentials of more than one kind were given.".to_owned(),
                ));
            }
            (None, None) => return Err(malformed("The credentials are incomplete.".to_owned())),
        };
        let known = self
            .tokens
            .iter()
            .find(|token| token.name == name && token.secret == secret)
            .cloned();
        let Some(known) = known.filter(|_| content_url == self.content_url) else {
            return Err(wrong().into());
        };
        if let Some(user) = credentials.find("user") {
            let user = user.attribute("id").unwrap_or_default();
            return Err(
                ApiError::new(404_002, format!("User '{user}' could not be found.")).into(),
            );
        }
        // One session per personal access token: signing in again ends the previous one.
        if let Some(index) = self
            .sessions
            .iter()
            .position(|session| session.token_name == known.name)
        {
            let displaced = self.sessions.remove(index);
            self.end_uploads_of(&displaced.token);
        }
        let token = self.ids.token(&self.luid);
        self.sessions.push(Session {
            token: token.clone(),
            token_name: known.name,
            user: known.user.clone(),
            left: self.settings.token_lifetime,
        });
        let credentials = Element::new("credentials")
            .with("token", token)
            .with("estimatedTimeToExpiration", "117:23:11")
            .child(
                Element::new("site")
                    .with("id", &self.luid)
                    .with("contentUrl", &self.content_url),
            )
            .child(Element::new("user").with("id", known.user));
        Ok(Answer::document(200, [credentials]))
    }

    /// Returns the token of a live session and takes one request off its life.
    pub(super) fn authorize(&mut self, call: &Call) -> Result<String, ApiError> {
        let token = call
            .header("x-tableau-auth")
            .ok_or_else(|| ApiError::stock(401_000))?;
        let index = self
            .sessions
            .iter()
            .position(|session| session.token == token);
        let index = index.ok_or_else(|| ApiError::stock(401_002))?;
        match &mut self.sessions[index].left {
            Some(0) => {
                let expired = self.sessions.remove(index);
                self.end_uploads_of(&expired.token);
                Err(ApiError::stock(401_002))
            }
            Some(left) => {
                *left -= 1;
                Ok(token.to_owned())
            }
            None => Ok(token.to_owned()),
        }
    }

    pub(super) fn sign_out(&mut self, token: &str) -> Answer {
        self.sessions.retain(|session| session.token != token);
        self.end_uploads_of(token);
        Answer::empty(204)
    }

    pub(super) fn current_session(&self, token: &str) -> Answer {
        let site = Element::new("site")
            .with("id", &self.luid)
            .with("name", &self.name)
            .with("contentUrl", &self.content_url);
        let user = self.user(&self.user_of(token));
        let user = Element::new("user")
            .maybe("id", user.map(|user| &user.luid))
            .maybe("name", user.map(|user| &user.name))
            .maybe("siteRole", user.map(|user| &user.site_role));
        Answer::document(200, [Element::new("session").child(site).child(user)])
    }

    /// Returns the LUID of the user behind a token.
    pub(super) fn user_of(&self, token: &str) -> String {
        let session = self.sessions.iter().find(|session| session.token == token);
        session
            .map(|session| session.user.clone())
            .unwrap_or_default()
    }

    pub(super) fn end_uploads_of(&mut self, token: &str) {
        if self.settings.uploads == UploadLife::DiesWithToken {
            self.uploads.retain(|upload| upload.token != token);
        }
    }
}

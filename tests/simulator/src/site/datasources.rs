//! Data sources: listing, reading, downloading, changing, tagging and deleting them.

use std::fs;
use std::io;
use std::path::PathBuf;

use super::call::{Answer, Call, Query, boolean};
use super::error::{ApiError, Refusal};
use super::listing::{Kind, Listing};
use super::package::Package;
use super::settings::{Downloads, WithoutExtract};
use super::tdsx;
use super::{Datasource, Project, Site, malformed};
use crate::xml::{Element, schema};

const FIELDS: &[(&str, Kind)] = &[
    ("authenticationType", Kind::Text),
    ("connectedWorkbookType", Kind::Number),
    ("connectionTo", Kind::Text),
    ("connectionType", Kind::Text),
    ("contentUrl", Kind::Text),
    ("createdAt", Kind::Time),
    ("databaseName", Kind::Text),
    ("databaseUserName", Kind::Text),
    ("description", Kind::Text),
    ("favoritesTotal", Kind::Number),
    ("hasAlert", Kind::Flag),
    ("hasEmbeddedPassword", Kind::Flag),
    ("hasExtracts", Kind::Flag),
    ("isCertified", Kind::Flag),
    ("isConnectable", Kind::Flag),
    ("isDefaultPort", Kind::Flag),
    ("isHierarchical", Kind::Flag),
    ("isPublished", Kind::Flag),
    ("name", Kind::Text),
    ("ownerDomain", Kind::Text),
    ("ownerEmail", Kind::Text),
    ("ownerName", Kind::Text),
    ("projectName", Kind::Text),
    ("serverName", Kind::Text),
    ("serverPort", Kind::Number),
    ("size", Kind::Number),
    ("tableName", Kind::Text),
    ("tags", Kind::Text),
    ("type", Kind::Text),
    ("updatedAt", Kind::Time),
];

impl Datasource {
    /// Whether lists do not show its present state yet.
    pub fn is_late(&self) -> bool {
        self.late_lists > 0
    }

    /// What lists show of it.
    fn shown(&self) -> Option<&Datasource> {
        if self.late_lists == 0 {
            Some(self)
        } else {
            self.former.as_deref()
        }
    }

    /// Whole megabytes of all parts, as far as they can be read.
    fn megabytes(&self) -> u64 {
        let bytes: u64 = self
            .parts
            .iter()
            .filter_map(|part| fs::metadata(part).ok())
            .map(|metadata| metadata.len())
            .sum();
        bytes / (1024 * 1024)
    }

    /// Packs description and file, or leaves the file out.
    fn content(&self, whole: bool, without: WithoutExtract) -> io::Result<Vec<u8>> {
        let member = self.member().filter(|_| !self.parts.is_empty());
        let is_alone = member.is_none() && self.package.is_none();
        if is_alone || (!whole && without == WithoutExtract::Described) {
            return Ok(self.tds.clone().into_bytes());
        }
        let keeps = whole || (without == WithoutExtract::LiveKept && self.is_live());
        let rows = member.filter(|_| keeps);
        let rows = rows.map(|member| (member, self.parts.as_slice()));
        let others = match &self.package {
            Some(path) => Package::open(path)
                .ok_or(io::ErrorKind::InvalidData)?
                .others()?,
            None => Vec::new(),
        };
        tdsx::pack(&self.tds, &self.content_url, rows, &others)
    }

    /// Everything stored of it.
    pub(super) fn files(&self) -> impl Iterator<Item = &PathBuf> {
        self.parts.iter().chain(&self.package)
    }

    fn has_tag(&self, tag: &str) -> bool {
        self.tags
            .iter()
            .any(|known| known.to_lowercase() == tag.to_lowercase())
    }

    fn tags_element(&self) -> Element {
        Element::new("tags").children(
            self.tags
                .iter()
                .map(|tag| Element::new("tag").with("label", tag)),
        )
    }
}

impl Site {
    pub(super) fn query_data_sources(&mut self, query: &Query) -> Result<Answer, ApiError> {
        self.advance_jobs();
        let values = |datasource: &&Datasource, field: &str| match field {
            "contentUrl" => vec![datasource.content_url.clone()],
            "createdAt" => vec![datasource.created_at.clone()],
            "description" => vec![datasource.description.clone()],
            "hasAlert" | "hasEmbeddedPassword" => vec!["false".to_owned()],
            "hasExtracts" => vec![datasource.has_extract().to_string()],
            "isCertified" => vec![datasource.is_certified.to_string()],
            "isPublished" => vec!["true".to_owned()],
            "name" => vec![datasource.name.clone()],
            "ownerName" => self
                .user(&datasource.owner)
                .map(|user| user.name.clone())
                .into_iter()
                .collect(),
            "projectName" => self
                .find_project(&datasource.project)
                .map(|project| project.name.clone())
                .into_iter()
                .collect(),
            "size" => vec![datasource.megabytes().to_string()],
            "tags" => datasource.tags.clone(),
            "type" => vec![datasource.kind.clone()],
            "updatedAt" => vec![datasource.updated_at.clone()],
            _ => Vec::new(),
        };
        let listing = Listing {
            fields: FIELDS,
            values: &values,
            case: self.settings.filter_case,
        };
        let visible = self
            .datasources
            .iter()
            .filter_map(Datasource::shown)
            .collect();
        let page = listing.page(query, visible).map(|(pagination, found)| {
            let found = found.into_iter();
            (pagination, found.map(|found| self.element(found)).collect())
        });
        let (pagination, datasources) = self.settings.paging.spoil(query, "datasource", page)?;
        for datasource in &mut self.datasources {
            datasource.late_lists = datasource.late_lists.saturating_sub(1);
            if datasource.late_lists == 0 {
                datasource.former = None;
            }
        }
        Ok(Answer::document(
            200,
            [
                pagination,
                Element::new("datasources").children(datasources),
            ],
        ))
    }

    pub(super) fn query_data_source(&mut self, luid: &str) -> Result<Answer, ApiError> {
        self.advance_jobs();
        let datasource = self.find_datasource(luid).ok_or_else(|| unknown(luid))?;
        Ok(Answer::document(200, [self.element(datasource)]))
    }

    /// Whatever has a file of data comes as `.tdsx`; the description alone is `.tds`.
    pub(super) fn download_data_source(
        &mut self,
        luid: &str,
        query: &Query,
    ) -> Result<Answer, Refusal> {
        if self.settings.downloads == Downloads::Forbidden {
            return Err(ApiError::stock(403_028).into());
        }
        let whole = query.get("includeExtract").is_none() || query.flag("includeExtract")?;
        self.advance_jobs();
        let datasource = self.find_datasource(luid).ok_or_else(|| unknown(luid))?;
        let content = datasource
            .content(whole, self.settings.without_extract)
            .map_err(|_| Refusal::Html(500))?;
        let suffix = if tdsx::is_packed(&content) {
            "tdsx"
        } else {
            "tds"
        };
        // Real servers leave out the type, which comes before the first parameter.
        let filename = format!(
            "name=\"tableau_datasource\"; filename=\"{}.{suffix}\"",
            datasource.content_url
        );
        Ok(Answer::raw(200, "application/octet-stream", content)
            .header("Content-Disposition", &filename))
    }

    pub(super) fn update_data_source(
        &mut self,
        luid: &str,
        call: &Call,
    ) -> Result<Answer, Refusal> {
        let document = schema::read(call.document(), &schema::DATASOURCE).map_err(malformed)?;
        let mut changed = self
            .find_datasource(luid)
            .ok_or_else(|| unknown(luid))?
            .clone();
        if let Some(project) = document.find("project") {
            let project = self.find_project(project.attribute("id").unwrap_or_default())?;
            changed.project.clone_from(&project.luid);
        }
        if let Some(owner) = document.find("owner") {
            let id = owner.attribute("id").unwrap_or_default();
            let user = self.user(id).ok_or_else(|| {
                ApiError::new(404_002, format!("User '{id}' could not be found."))
            })?;
            changed.owner.clone_from(&user.luid);
        }
        for (attribute, value) in &document.attributes {
            let flag = || {
                let invalid =
                    format!("The value '{value}' of the attribute '{attribute}' is not a boolean.");
                boolean(value).ok_or_else(|| ApiError::new(400_008, invalid))
            };
            match attribute.as_str() {
                "name" if value.trim().is_empty() => {
                    return Err(malformed("The name must not be empty.".to_owned()));
                }
                "name" => changed.name.clone_from(value),
                "description" => changed.description.clone_from(value),
                "certificationNote" => changed.certification_note.clone_from(value),
                "isCertified" => changed.is_certified = flag()?,
                "useRemoteQueryAgent" => changed.use_remote_query_agent = flag()?,
                _ => {}
            }
        }
        let taken = self.position_of(&changed.name, &changed.project);
        if taken.is_some_and(|index| self.datasources[index].luid != changed.luid) {
            let name = &changed.name;
            return Err(ApiError::new(
                409_015,
                format!("A datasource with the name '{name}' already exists in the project."),
            )
            .into());
        }
        changed.updated_at = self.now();
        // Real answers to an update are shorter: no tags, no browser address.
        let answer = Answer::document(200, [self.bare_element(&changed)]);
        if let Some(datasource) = self
            .datasources
            .iter_mut()
            .find(|datasource| datasource.luid == luid)
        {
            *datasource = changed;
        }
        Ok(answer)
    }

    pub(super) fn delete_data_source(&mut self, luid: &str) -> Result<Answer, ApiError> {
        let index = self
            .datasources
            .iter()
            .position(|datasource| datasource.luid == luid);
        let removed = self.datasources.remove(index.ok_or_else(|| unknown(luid))?);
        for file in removed.files() {
            let _ = fs::remove_file(file);
        }
        Ok(Answer::empty(204))
    }

    pub(super) fn add_tags_to_data_source(
        &mut self,
        luid: &str,
        call: &Call,
    ) -> Result<Answer, Refusal> {
        let document = schema::read(call.document(), &schema::TAGS).map_err(malformed)?;
        let mut labels = Vec::new();
        for tag in &document.children {
            let label = tag
                .attribute("label")
                .ok_or_else(|| malformed("A tag has no label.".to_owned()))?;
            labels.extend(split_label(label));
        }
        let datasource = self
            .datasources
            .iter_mut()
            .find(|datasource| datasource.luid == luid);
        let datasource = datasource.ok_or_else(|| unknown(luid))?;
        for label in labels {
            if !datasource.has_tag(&label) {
                datasource.tags.push(label);
            }
        }
        Ok(Answer::document(200, [datasource.tags_element()]))
    }

    pub(super) fn delete_tag_from_data_source(
        &mut self,
        luid: &str,
        tag: &str,
    ) -> Result<Answer, ApiError> {
        let datasource = self
            .datasources
            .iter_mut()
            .find(|datasource| datasource.luid == luid);
        let datasource = datasource.ok_or_else(|| unknown(luid))?;
        if !datasource.has_tag(tag) {
            return Err(ApiError::new(
                404_007,
                format!("Tag '{tag}' could not be found."),
            ));
        }
        datasource
            .tags
            .retain(|known| known.to_lowercase() != tag.to_lowercase());
        Ok(Answer::empty(204))
    }

    pub(super) fn find_datasource(&self, luid: &str) -> Option<&Datasource> {
        self.datasources
            .iter()
            .find(|datasource| datasource.luid == luid)
    }

    pub(super) fn find_project(&self, luid: &str) -> Result<&Project, ApiError> {
        let found = self.projects.iter().find(|project| project.luid == luid);
        found.ok_or_else(|| ApiError::new(404_005, format!("Project '{luid}' could not be found.")))
    }

    /// Writes a data source with everything lists and publications tell.
    pub(super) fn element(&self, datasource: &Datasource) -> Element {
        let webpage_url = format!(
            "{}/#/site/{}/datasources/{}",
            self.address, self.content_url, datasource.number
        );
        self.bare_element(datasource)
            .with("webpageUrl", webpage_url)
            .child(datasource.tags_element())
    }

    fn bare_element(&self, datasource: &Datasource) -> Element {
        let some = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        let project = self.find_project(&datasource.project).ok();
        Element::new("datasource")
            .with("id", &datasource.luid)
            .with("name", &datasource.name)
            .maybe("description", some(&datasource.description))
            .with("contentUrl", &datasource.content_url)
            .with("type", &datasource.kind)
            .with("size", datasource.megabytes().to_string())
            .with("createdAt", &datasource.created_at)
            .with("updatedAt", &datasource.updated_at)
            .with("encryptExtracts", "false")
            .with("hasExtracts", datasource.has_extract().to_string())
            .with("isCertified", datasource.is_certified.to_string())
            .maybe("certificationNote", some(&datasource.certification_note))
            .with(
                "useRemoteQueryAgent",
                datasource.use_remote_query_agent.to_string(),
            )
            .child(
                Element::new("project")
                    .with("id", &datasource.project)
                    .maybe("name", project.map(|project| &project.name)),
            )
            .child(Element::new("owner").with("id", &datasource.owner))
    }
}

fn unknown(luid: &str) -> ApiError {
    ApiError::new(404_004, format!("Datasource '{luid}' could not be found."))
}

/// Splits a label at blanks and commas, except within double quotes.
fn split_label(label: &str) -> Vec<String> {
    let mut tags = vec![String::new()];
    let mut quoted = false;
    for character in label.chars() {
        match character {
            '"' => quoted = !quoted,
            ',' if !quoted => tags.push(String::new()),
            blank if blank.is_whitespace() && !quoted => tags.push(String::new()),
            other => {
                if let Some(tag) = tags.last_mut() {
                    tag.push(other);
                }
            }
        }
    }
    tags.retain(|tag| !tag.is_empty());
    tags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_split_unless_quoted() {
        assert_eq!(split_label("finance"), ["finance"]);
        assert_eq!(split_label("daily load,x"), ["daily", "load", "x"]);
        assert_eq!(split_label("\"daily load\""), ["daily load"]);
        assert_eq!(split_label("\"a,b\" c"), ["a,b", "c"]);
    }
}

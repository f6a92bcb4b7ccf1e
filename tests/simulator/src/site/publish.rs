//! Publishing data sources: the modes, their errors, and what a publication does.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::call::{Answer, Call, Content, Query, boolean};
use super::connections::HYPER;
use super::engine::Table;
use super::error::{ApiError, Refusal};
use super::package::Package;
use super::settings::{AsJob, DescriptionAtPublish, Replace};
use super::store::{self, Spool};
use super::tds;
use super::{Datasource, Site, malformed};
use crate::xml::{Element, schema};

/// What to do about a data source of the same name in the same project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    CreateNew,
    Overwrite,
    Append,
    Replace,
}

/// A publication that was accepted but not carried out yet.
#[derive(Debug)]
pub(super) struct Publication {
    name: String,
    project: String,
    description: Option<String>,
    is_certified: Option<bool>,
    certification_note: Option<String>,
    use_remote_query_agent: bool,
    mode: Mode,
    kind: String,
    user: String,
    /// What real servers quote when the file is no good.
    pub(super) source: String,
    file: Option<Spool>,
}

const KINDS: [&str; 5] = ["hyper", "tds", "tdsx", "tde", "parquet"];

/// A request for publishing, taken apart.
struct Ask {
    payload: Vec<u8>,
    attachment: Option<(String, Spool)>,
}

impl Site {
    pub(super) fn publish_data_source(
        &mut self,
        version: (u32, u32),
        query: &Query,
        token: &str,
        call: &mut Call,
    ) -> Result<Answer, Refusal> {
        let mode = mode(query, self.settings.replace)?;
        let as_job =
            query.flag("asJob")? && version >= (3, 0) && self.settings.as_job == AsJob::Supported;
        let ask = take_apart(call.take_parts()?)?;
        let document = schema::read(&ask.payload, &schema::DATASOURCE).map_err(malformed)?;
        let mut publication = self.understand(&document, mode, token)?;
        let session = self.choose_file(query, ask.attachment, &mut publication)?;
        let found = self.resolve(&publication)?;
        let file = match session {
            Some(index) => self.uploads[index].file.as_ref(),
            None => publication.file.as_ref(),
        };
        let file = file.map(|file| file.path().to_owned());
        let refused = mode == Mode::Replace
            && (self.settings.replace == Replace::RefusedAtJob
                || found.is_some_and(|index| self.datasources[index].member().is_none()));
        let sound = !refused && file.is_some_and(|file| self.is_sound(&file, &publication.kind));
        if !sound && !as_job {
            return Err(problem(&publication.source).into());
        }
        // A session is used up only by a commit that was accepted.
        if let Some(index) = session {
            publication.file = self.uploads.remove(index).file;
        }
        if as_job {
            return Ok(self.start_job(publication, sound));
        }
        let luid = self.carry_out(publication)?;
        let element = self
            .find_datasource(&luid)
            .map(|datasource| self.element(datasource));
        Ok(Answer::document(201, element))
    }

    fn understand(
        &self,
        document: &Element,
        mode: Mode,
        token: &str,
    ) -> Result<Publication, Refusal> {
        let name = document.attribute("name").unwrap_or_default();
        if name.trim().is_empty() || name.chars().count() > 255 {
            return Err(malformed(format!(
                "The name '{name}' of the datasource is missing or too long."
            )));
        }
        let flag = |attribute: &str| match document.attribute(attribute) {
            None => Ok(None),
            Some(text) => boolean(text).map(Some).ok_or_else(|| {
                ApiError::new(
                    400_008,
                    format!("The value '{text}' of the attribute '{attribute}' is not a boolean."),
                )
            }),
        };
        let project = match document.find("project") {
            None => self.default_project(),
            Some(project) => {
                let id = project.attribute("id").unwrap_or_default();
                Some(self.find_project(id)?)
            }
        };
        Ok(Publication {
            name: name.to_owned(),
            project: project
                .map(|project| project.luid.clone())
                .unwrap_or_default(),
            description: document.attribute("description").map(str::to_owned),
            is_certified: flag("isCertified")?,
            certification_note: document.attribute("certificationNote").map(str::to_owned),
            use_remote_query_agent: flag("useRemoteQueryAgent")?.unwrap_or_default(),
            mode,
            kind: String::new(),
            user: self.user_of(token),
            source: String::new(),
            file: None,
        })
    }

    /// Completes the publication with its file, or returns the index of the upload session that has it.
    fn choose_file(
        &self,
        query: &Query,
        attachment: Option<(String, Spool)>,
        publication: &mut Publication,
    ) -> Result<Option<usize>, Refusal> {
        let illegal = |detail: String| Refusal::from(ApiError::new(400_010, detail));
        match (query.get("uploadSessionId"), attachment) {
            (Some(_), Some(_)) => Err(illegal(
                "A file must not be attached when the parameter 'uploadSessionId' is given."
                    .to_owned(),
            )),
            (Some(id), None) => {
                let kind = query.get("datasourceType").unwrap_or_default();
                if !KINDS.contains(&kind) {
                    return Err(illegal(format!(
                        "The parameter 'datasourceType' has the illegal value '{kind}'."
                    )));
                }
                let index = self.uploads.iter().position(|upload| upload.id == id);
                let index = index.ok_or_else(|| {
                    ApiError::new(
                        404_015,
                        format!("Upload session '{id}' could not be found."),
                    )
                })?;
                kind.clone_into(&mut publication.kind);
                id.clone_into(&mut publication.source);
                Ok(Some(index))
            }
            (None, Some((name, file))) => {
                let kind = name
                    .rsplit_once('.')
                    .map(|(_, kind)| kind.to_ascii_lowercase())
                    .unwrap_or_default();
                if !KINDS.contains(&kind.as_str()) {
                    return Err(illegal(format!(
                        "The file name '{name}' has no legal suffix."
                    )));
                }
                if file.bytes() > self.settings.single_request_limit {
                    return Err(Refusal::Html(413));
                }
                publication.kind = kind;
                publication.source = name;
                publication.file = Some(file);
                Ok(None)
            }
            (None, None) => Err(malformed(
                "The request contains no datasource file.".to_owned(),
            )),
        }
    }

    /// Finds the data source a publication is about, or says why it cannot be carried out.
    fn resolve(&self, publication: &Publication) -> Result<Option<usize>, ApiError> {
        let Publication {
            name,
            project,
            mode,
            ..
        } = publication;
        let found = self.position_of(name, project);
        if *mode == Mode::Replace && !matches!(publication.kind.as_str(), "hyper" | "tde") {
            return Err(ApiError::stock(400_054));
        }
        match (mode, found) {
            (Mode::CreateNew, Some(_)) => Err(ApiError::new(
                403_007,
                format!(
                    "The datasource '{name}' already exists and may not be overwritten without the 'overwrite' flag set to 'true'."
                ),
            )),
            (Mode::Append | Mode::Replace, None) => Err(ApiError::new(
                404_004,
                format!("Datasource '{name}' could not be found."),
            )),
            (Mode::Append, Some(index)) => {
                let can_append = |kind: &str| matches!(kind, "hyper" | "tde" | "");
                let known = &self.datasources[index];
                let extracts = can_append(&publication.kind)
                    && (can_append(&known.kind) || known.has_extract());
                if extracts {
                    Ok(found)
                } else {
                    Err(problem(&publication.source))
                }
            }
            _ => Ok(found),
        }
    }

    /// Carries a publication out and returns the LUID of the data source.
    pub(super) fn carry_out(&mut self, publication: Publication) -> Result<String, ApiError> {
        let found = self.resolve(&publication)?;
        let now = self.now();
        let lag = self.settings.index_lag;
        let index = match found {
            Some(index) => {
                self.datasources[index].fall_behind(lag);
                index
            }
            None => self.create(&publication),
        };
        let file = publication
            .file
            .as_ref()
            .ok_or_else(|| problem(&publication.source))?;
        let path = self.place(index, file, &publication)?;
        let forgets = match publication.mode {
            Mode::CreateNew | Mode::Overwrite => true,
            Mode::Replace => self.settings.replace == Replace::LosesMetadata,
            Mode::Append => false,
        };
        let path = if forgets {
            self.describe_anew(index, &path, &publication)?
        } else {
            Some(path)
        };
        let datasource = &mut self.datasources[index];
        datasource.updated_at = now;
        match publication.mode {
            Mode::Append => datasource.parts.extend(path),
            Mode::Replace => datasource.replace_parts(path),
            Mode::CreateNew | Mode::Overwrite => {
                datasource.replace_parts(path);
                // Old servers empty the description when the request carries none.
                datasource.description = match self.settings.description {
                    DescriptionAtPublish::Set => publication.description.unwrap_or_default(),
                    DescriptionAtPublish::Reset => String::new(),
                };
                datasource.use_remote_query_agent = publication.use_remote_query_agent;
                datasource.is_certified =
                    publication.is_certified.unwrap_or(datasource.is_certified);
                if let Some(note) = publication.certification_note {
                    datasource.certification_note = note;
                }
            }
        }
        Ok(datasource.luid.clone())
    }

    /// Forgets what people made of a data source and takes what the publication brings instead; returns the file of
    /// rows, if there is one.
    fn describe_anew(
        &mut self,
        index: usize,
        path: &Path,
        publication: &Publication,
    ) -> Result<Option<PathBuf>, ApiError> {
        let damaged = || problem(&publication.source);
        let (rows, package) = match publication.kind.as_str() {
            "tdsx" => {
                let package = Package::open(path).ok_or_else(damaged)?;
                let rows = match package.carrier {
                    Some(_) => Some(self.unpack(index, &package).map_err(|_| damaged())?),
                    None => None,
                };
                self.adopt(index, package.tds);
                (rows, Some(path.to_owned()))
            }
            "tds" => {
                self.adopt(index, fs::read_to_string(path).map_err(|_| damaged())?);
                (Some(path.to_owned()), None)
            }
            kind => {
                // Replaced rows come from where they came from before.
                let is_same_origin = publication.mode == Mode::Replace;
                if !is_same_origin {
                    kind.clone_into(&mut self.datasources[index].kind);
                    if !self.datasources[index].reads_one_file() {
                        self.datasources[index].connections = self.connect(&[HYPER]);
                    }
                }
                let tables = self.tables(path).ok_or_else(damaged)?;
                let datasource = &self.datasources[index];
                let (slug, connections) = (&datasource.content_url, &datasource.connections);
                let mut tds = self.describe(&datasource.name, slug, connections, &tables);
                if is_same_origin && datasource.has_extract() {
                    tds::insert_extract(&mut tds, slug).ok_or_else(damaged)?;
                }
                self.datasources[index].tds = tds;
                (Some(path.to_owned()), None)
            }
        };
        let former = std::mem::replace(&mut self.datasources[index].package, package);
        if let Some(former) = former.filter(|former| former != path) {
            let _ = fs::remove_file(former);
        }
        Ok(rows)
    }

    /// Looks at the first bytes, or into the package, as a server does when it opens the file.
    fn is_sound(&mut self, file: &Path, kind: &str) -> bool {
        let Ok(head) = store::head(file) else {
            return false;
        };
        match kind {
            "hyper" => {
                head.get(..5)
                    .is_some_and(|magic| magic.eq_ignore_ascii_case(b"hyper"))
                    && self.tables(file).is_some_and(|tables| !tables.is_empty())
            }
            "tdsx" => {
                head.starts_with(b"PK\x03\x04")
                    && Package::open(file).is_some_and(|package| self.fits(&package))
            }
            // What reads from a file cannot come without the file.
            "tds" => fs::read_to_string(file)
                .ok()
                .and_then(|text| tds::read(&text))
                .is_some_and(|root| !root.reads_files()),
            "parquet" => head.starts_with(b"PAR1"),
            _ => true,
        }
    }

    /// Whether the rows of a package have the tables and columns its description speaks of.
    fn fits(&mut self, package: &Package) -> bool {
        if self.engine.is_none() || package.carrier.is_none() {
            return true;
        }
        let Ok(mut rows) = self.store.receive() else {
            return false;
        };
        if package.copy_rows(|bytes| rows.write(bytes)).is_err() {
            return false;
        }
        let rows = rows.finish();
        let (Some(tables), Some(root)) = (self.tables(rows.path()), tds::read(&package.tds)) else {
            return false;
        };
        let (named, columns) = root.names();
        let has_column = |name: &String| {
            let mut all = tables.iter().flat_map(|table| &table.columns);
            all.any(|column| column.name == *name)
        };
        named
            .iter()
            .all(|name| tables.iter().any(|table| table.quoted() == *name))
            && columns.iter().all(has_column)
    }

    /// Returns the tables of a file, those assumed if there is no engine, nothing if it cannot be read.
    fn tables(&mut self, file: &Path) -> Option<Vec<Table>> {
        match &mut self.engine {
            Some(engine) => engine.tables(file).ok(),
            None => Some(vec![Table::assumed()]),
        }
    }

    fn unpack(&self, index: usize, package: &Package) -> io::Result<PathBuf> {
        let mut rows = self.store.receive()?;
        package.copy_rows(|bytes| rows.write(bytes))?;
        let name = &self.datasources[index].name;
        let taken = |path: &Path| self.is_taken(index, path);
        self.store.publish(&rows.finish(), name, ".hyper", taken)
    }

    fn is_taken(&self, index: usize, path: &Path) -> bool {
        let mut others = self.datasources.iter().enumerate();
        others.any(|(other, known)| other != index && known.files().any(|file| file == path))
    }

    fn create(&mut self, publication: &Publication) -> usize {
        self.add_datasource(&publication.name, &publication.project);
        let index = self.datasources.len() - 1;
        let datasource = &mut self.datasources[index];
        datasource.owner.clone_from(&publication.user);
        datasource.late_lists = self.settings.index_lag;
        index
    }

    fn place(
        &self,
        index: usize,
        file: &Spool,
        publication: &Publication,
    ) -> Result<PathBuf, ApiError> {
        let datasource = &self.datasources[index];
        let suffix = match publication.mode {
            Mode::Append => format!(".part{}.{}", datasource.parts.len() + 1, publication.kind),
            _ => format!(".{}", publication.kind),
        };
        let taken = |path: &Path| self.is_taken(index, path);
        self.store
            .publish(file, &datasource.name, &suffix, taken)
            .map_err(|_| problem(&publication.source))
    }

    /// Finds a data source by its name in any case, within a project.
    pub(super) fn position_of(&self, name: &str, project: &str) -> Option<usize> {
        let name = name.to_lowercase();
        self.datasources.iter().position(|datasource| {
            datasource.project == project && datasource.name.to_lowercase() == name
        })
    }
}

impl Datasource {
    /// Lets lists show its present state for as long; what they have not shown yet they skip.
    pub(super) fn fall_behind(&mut self, lists: u32) {
        if self.late_lists == 0 && lists > 0 {
            self.former = Some(Box::new(self.clone()));
        }
        self.late_lists = self.late_lists.max(lists);
    }

    fn replace_parts(&mut self, rows: Option<PathBuf>) {
        for old in std::mem::replace(&mut self.parts, rows.into_iter().collect()) {
            if !self.files().any(|file| *file == old) {
                let _ = fs::remove_file(old);
            }
        }
    }
}

fn mode(query: &Query, replace: Replace) -> Result<Mode, ApiError> {
    // `createnew` is sent by Tableau's own client, unknown to the reference, and has no effect.
    let replaces = replace != Replace::Ignored && query.flag("replace")?;
    match (query.flag("overwrite")?, query.flag("append")?, replaces) {
        (true, true, _) => Err(ApiError::new(
            400_055,
            "The parameters 'overwrite' and 'append' must not both be 'true'.",
        )),
        (true, _, true) | (_, true, true) => Err(ApiError::stock(400_055)),
        (true, false, false) => Ok(Mode::Overwrite),
        (false, true, false) => Ok(Mode::Append),
        (false, false, true) => Ok(Mode::Replace),
        (false, false, false) => Ok(Mode::CreateNew),
    }
}

fn take_apart(parts: Vec<super::call::Part>) -> Result<Ask, Refusal> {
    let (mut payload, mut attachment) = (None, None);
    for part in parts {
        match (part.name.as_str(), part.content) {
            ("request_payload", Content::Document(bytes)) if payload.is_none() => {
                payload = Some(bytes);
            }
            ("tableau_datasource", Content::File(_)) if attachment.is_some() => {
                return Err(ApiError::new(
                    400_010,
                    "The request contains more than one datasource file.",
                )
                .into());
            }
            ("tableau_datasource", Content::File(spool)) => {
                attachment = Some((part.filename.unwrap_or_default(), spool));
            }
            (name, _) => {
                return Err(malformed(format!(
                    "Unexpected part '{name}' in the multipart body."
                )));
            }
        }
    }
    let payload = payload
        .ok_or_else(|| malformed("The multipart body has no part 'request_payload'.".to_owned()))?;
    Ok(Ask {
        payload,
        attachment,
    })
}

fn problem(source: &str) -> ApiError {
    ApiError::new(
        400_011,
        format!("There was a problem publishing the file '{source}'."),
    )
}

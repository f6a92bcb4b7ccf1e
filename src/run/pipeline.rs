//! A run while it goes on: each stage as one step, with what is said of it.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use tempfile::TempDir;

use super::outcome::{Done, Run};
use crate::cancel::{Cancel, Guard};
use crate::events::{Event, Observer, Stage};
use crate::guards;
use crate::http::Client;
use crate::hyper::{self, Draft, EngineError, EngineSetup, Extract};
use crate::inputs::Inputs;
use crate::outline::page::PageInspector;
use crate::say::{count, size};
use crate::source::{self, Places, Staged};
use crate::table::{self, Contradicted, Table};
use crate::tableau::{self, Destination, PublishContext, Published};
use crate::{disk, workspace};

/// Rows by which the columns of a large table are assumed: a hundredth of a second's work.
const ROWS_ASSUMED: u64 = 10_000;

/// The run while it goes on: what is done so far, and the stage it is in.
pub(super) struct Pipeline<'a> {
    pub(super) run: Run,
    observer: &'a dyn Observer,
    cancel: &'a Cancel,
    pub(super) stage: Stage,
    began: Instant,
    /// Whether what typing noticed has been said.
    has_told: bool,
}

/// A folder of our own, gone when the run ends, at once if it is cancelled.
pub(super) struct WorkFolder {
    folder: TempDir,
    _guard: Guard,
}

impl WorkFolder {
    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl<'a> Pipeline<'a> {
    pub(super) fn new(observer: &'a dyn Observer, cancel: &'a Cancel) -> Pipeline<'a> {
        Pipeline {
            run: Run::default(),
            observer,
            cancel,
            stage: Stage::Fetch,
            began: Instant::now(),
            has_told: false,
        }
    }

    /// Brings every source to this disk.
    pub(super) async fn fetch(
        &mut self,
        inputs: &Inputs,
        spool: &Path,
        client: &Client,
    ) -> Result<Vec<Staged>> {
        let places = Places {
            workspace: inputs.machine.workspace.clone(),
            spool: spool.to_owned(),
        };
        let inspector = PageInspector {
            rules: &inputs.rules,
        };
        let fetching = source::fetch(&inputs.source, &places, &inspector, (client, self.observer));
        let staged = self.cancel.unless(fetching).await;
        let staged = staged.map_err(|error| blame_disk(error, spool))?;
        let files = || staged.iter().flat_map(|staged| &staged.files);
        let bytes: u64 = files().map(|file| file.bytes).sum();
        let mut line = format!("{} of {}", count(files().count(), "file"), size(bytes));
        let requests: u32 = staged.iter().map(|staged| staged.requests).sum();
        if requests > 0 {
            line += &format!(" with {}", count(requests, "request"));
        }
        self.run.staged.clone_from(&staged);
        self.leave(line);
        Ok(staged)
    }

    /// Finds the rows and the types of their columns; of a single large table they are assumed.
    pub(super) fn read(&mut self, staged: &[Staged], inputs: &Inputs) -> Result<Vec<Table>> {
        let tables = match staged {
            [one] => vec![Table::read_first(one, &inputs.rules, ROWS_ASSUMED)?],
            several => Table::read_all(several, &inputs.rules)?,
        };
        if let Some(notice) = table::notice_unused(&inputs.rules, staged) {
            self.notice(notice);
        }
        self.typed(&tables, inputs);
        Ok(tables)
    }

    /// Takes the columns that all rows want, after the first ones had assumed others.
    fn confirm(&mut self, tables: Vec<Table>, inputs: &Inputs) -> Result<Vec<Table>> {
        // What was built in vain has decided the columns, so that is what the time was spent on.
        self.stage = Stage::Type;
        self.observer.on(Event::Started(Stage::Type));
        self.observer.on(Event::Note(String::from(
            "later rows have other types than the first, so the extract is built again",
        )));
        let confirmed: Result<Vec<Table>, _> = tables.into_iter().map(Table::confirm).collect();
        let confirmed = confirmed?;
        self.typed(&confirmed, inputs);
        Ok(confirmed)
    }

    /// Ends the stage that has decided the columns.
    fn typed(&mut self, tables: &[Table], inputs: &Inputs) {
        let said = tables.iter().map(|table| {
            let columns = count(table.columns().len(), "column");
            let line = match table.rows() {
                Some(rows) => format!("{} of {columns}", count(rows, "row")),
                None => format!(
                    "{columns}, as the first {} have them",
                    count(table.rows_read(), "row")
                ),
            };
            prefix(table, inputs) + &line
        });
        let said: Vec<String> = said.collect();
        self.tell(tables, inputs);
        self.leave(said.join("; "));
    }

    /// Tells what typing noticed, once it is known.
    fn tell(&mut self, tables: &[Table], inputs: &Inputs) {
        for table in tables {
            let Some(notices) = table.notices() else {
                return;
            };
            for notice in notices {
                self.notice(prefix(table, inputs) + notice);
            }
        }
        self.has_told = true;
    }

    fn notice(&mut self, notice: String) {
        self.observer.on(Event::Note(notice.clone()));
        self.run.notices.push(notice);
    }

    /// Builds the result beside the target; once more if a later row contradicts the assumed types.
    pub(super) fn build(
        &mut self,
        tables: Vec<Table>,
        target: &Path,
        inputs: &Inputs,
    ) -> Result<(Draft, WorkFolder)> {
        let parent = target.parent().unwrap_or(Path::new("."));
        hyper::create_folders(parent)?;
        let folder = self.make_folder(parent)?;
        match self.build_in(&tables, folder.path(), inputs) {
            Err(error) if error.is::<Contradicted>() => {
                drop(folder);
                let tables = self.confirm(tables, inputs)?;
                self.enter(Stage::Shape);
                let folder = self.make_folder(parent)?;
                let draft = self.build_in(&tables, folder.path(), inputs)?;
                Ok((draft, folder))
            }
            built => {
                let draft = built?;
                if !self.has_told {
                    self.tell(&tables, inputs);
                }
                Ok((draft, folder))
            }
        }
    }

    fn build_in(&mut self, tables: &[Table], folder: &Path, inputs: &Inputs) -> Result<Draft> {
        if let Some(empty) = tables.iter().find(|table| table.columns().is_empty()) {
            // An empty answer has no columns either; the row guard says it better than the engine.
            let verdict = guards::check_rows(0, &inputs.guards);
            self.run.verdicts.push(verdict);
            self.stage = Stage::Check;
            guards::judge(&self.run.verdicts)?;
            self.stage = Stage::Shape;
            bail!(
                "the source of `{}` has no rows and no columns; declare the columns an empty table shall have in `columns`",
                empty.name()
            );
        }
        let setup = EngineSetup {
            hyperd: inputs.machine.hyperd.clone(),
            folder: folder.to_owned(),
            cancel: self.cancel.clone(),
        };
        let draft = hyper::build(tables, &inputs.shape, &setup, self.observer);
        let draft = draft.map_err(|error| blame_disk(error, folder))?;
        let rows = count(draft.rows(), "row");
        self.leave(format!(
            "{rows} in table \"{}\".\"{}\"",
            hyper::SCHEMA,
            inputs.shape.table.as_str()
        ));
        Ok(draft)
    }

    /// The file is completed also when a guard fails: whoever looks into it finds out why.
    pub(super) fn check(
        &mut self,
        draft: Draft,
        (folder, target): (&Path, &Path),
        inputs: &Inputs,
    ) -> Result<Extract> {
        self.run.verdicts = guards::check(&draft, &inputs.guards);
        for verdict in &self.run.verdicts {
            self.observer.on(Event::Note(verdict.to_string()));
        }
        self.stage = Stage::Shape;
        let extract = match draft.seal(target) {
            // Told as the user wrote it.
            Ok(extract) => Extract {
                path: inputs.hyper.clone(),
                ..extract
            },
            Err(error) => {
                let error = blame_disk(error, folder);
                // A check that has brought the engine down says more than the file that is missing now.
                if let Err(failed) = guards::judge(&self.run.verdicts) {
                    self.stage = Stage::Check;
                    self.observer
                        .on(Event::Warning(format!("there is no extract: {error:#}")));
                    return Err(failed.into());
                }
                return Err(error);
            }
        };
        self.stage = Stage::Check;
        let bytes = extract.bytes;
        self.run.extract = Some(extract.clone());
        guards::judge(&self.run.verdicts)?;
        let held = count(self.run.verdicts.len(), "guard");
        self.leave(format!("{held} held, extract of {}", size(bytes)));
        Ok(extract)
    }

    /// Publishes the finished file.
    pub(super) async fn publish(
        &mut self,
        extract: &Extract,
        destination: &Destination,
        inputs: &Inputs,
        client: &Client,
    ) -> Result<()> {
        let published = self.run.published.insert(Published::default());
        let context = PublishContext {
            http: client,
            pace: &inputs.waits.pace,
            observer: self.observer,
            cancel: self.cancel,
        };
        tableau::publish(destination, &extract.path, &context, published).await?;
        let size = size(extract.bytes);
        self.leave(format!("{size} as `{}`", destination.datasource.as_str()));
        Ok(())
    }

    /// Makes a folder of our own below `parent`.
    pub(super) fn make_folder(&self, parent: &Path) -> Result<WorkFolder> {
        let folder = tempfile::Builder::new()
            .prefix(".publish-to-tableau-")
            // What is in it is nobody's business until it is handed over.
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(parent)
            .with_context(|| format!("cannot write into the folder `{}`", parent.display()))?;
        let path = folder.path().to_owned();
        let guard = self.cancel.guard(move || {
            // The folder's own end tries once more.
            let _ = std::fs::remove_dir_all(path);
        });
        Ok(WorkFolder {
            folder,
            _guard: guard,
        })
    }

    /// Begins a stage.
    pub(super) fn enter(&mut self, stage: Stage) {
        self.stage = stage;
        self.began = Instant::now();
        self.observer.on(Event::Started(stage));
    }

    fn leave(&mut self, line: String) {
        let mut took = self.began.elapsed();
        self.observer.on(Event::Finished(self.stage, line.clone()));
        // A stage that has to be repeated is one stage all the same.
        if self
            .run
            .stages
            .last()
            .is_some_and(|done| done.stage == self.stage)
        {
            took += self
                .run
                .stages
                .pop()
                .map_or(Duration::ZERO, |done| done.took);
        }
        self.run.stages.push(Done {
            stage: self.stage,
            took,
            line,
        });
    }
}

/// Puts a disk without room above what follows from it; its numbers are those of a folder of the run.
fn blame_disk(error: anyhow::Error, folder: &Path) -> anyhow::Error {
    let engine = error
        .chain()
        .find_map(|cause| cause.downcast_ref::<EngineError>());
    if disk::is_full(&error) || engine.is_some_and(EngineError::lacks_disk) {
        return error.context(disk::describe(folder));
    }
    error
}

/// Where the extract will really lie: in the workspace if its name does, and nothing but a file is replaced.
pub(super) fn find_target(inputs: &Inputs) -> Result<PathBuf> {
    let (path, workspace) = (&inputs.hyper, &inputs.machine.workspace);
    let below = path.strip_prefix(workspace).ok();
    workspace::find_target(below.map(|_| workspace.as_path()), path).map_err(|refused| {
        let shown = below.unwrap_or(path).display();
        anyhow!("`hyper`: `{shown}` {refused}; name a file in a folder of the workspace")
    })
}

/// Tells several tables apart.
fn prefix(table: &Table, inputs: &Inputs) -> String {
    match inputs.source.tables.len() {
        1 => String::new(),
        _ => format!("`{}`: ", table.name()),
    }
}

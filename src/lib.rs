//! Gets data into Tableau on a schedule: fetch, type, shape in Hyper, check, publish, report.
//!
//! A run is a one-way flow through values, each produced by one stage from the one before it.
//! Between the two networks (the source on the left, Tableau on the right) there are only files,
//! and everything there is synchronous, deterministic and can be looked at afterwards.
//!
//! ```text
//! INPUT_* → Inputs → Staged → Table → Draft → Extract → Published → Run → log, outputs, summary
//!           inputs   source   table   hyper   guards·hyper  tableau   lib    report
//! ```
//!
//! # Rooms
//!
//! | module | what it is | may import |
//! |---|---|---|
//! | [`events`] | what stages say while they work | – |
//! | [`cancel`] | the wish to stop, told on one thread and noticed on all | – |
//! | [`panics`] | a defect, made an error like others | – |
//! | [`problem`] | the one error that is told rather than handled | – |
//! | [`secrets`] | every secret in every spelling; takes them out of texts | – |
//! | [`say`] | how numbers, names and values are said to people | `secrets` |
//! | [`data`] | the words for typed data: columns, values | – |
//! | [`disk`] | whether it is the disk that has no room | `say` |
//! | [`workspace`] | paths a user may name: regular files inside, wherever links lead | – |
//! | [`http`] | one client for both networks; retries, redirects, codings, trust | `events problem say secrets workspace` |
//! | [`source`] | brings bytes to this disk, knows their format | `data events http problem say secrets workspace` |
//! | [`readers`] | files of every format: where records begin and end, values as tokens | `data problem say secrets source` |
//! | [`outline`] | documents from afar: where their rows are, what they say of further pages | `data readers source say` |
//! | [`typing`] | from what values look like to the one type of their column | `data readers source say problem` |
//! | [`columnar`] | files whose columns have types: Parquet, Arrow | `data readers typing source say` |
//! | [`table`] | all rows of all files, with types that all of them confirm | `data outline readers source say typing columnar` |
//! | [`hyper`] | the engine: stages, runs the user's SQL, completes the file | `cancel data events problem say table` |
//! | [`guards`] | guards over the built result | `hyper say secrets` |
//! | [`tableau`] | publishes a file through the REST API and verifies it | `cancel events http panics problem say secrets` |
//! | [`inputs`] | environment to checked values | the types it parses into, `secrets` |
//! | [`report`] | everything a person or a later step sees | the results it shows, `secrets panics` |
//! | this file | the only place that knows the order | all |
//!
//! `tests/it/tidy.rs` holds this table and the owners of outside names to the code.
//!
//! # Invariants
//!
//! *Invariant:* between `source` and `tableau` nothing touches the network, and nothing is async.
//!
//! *Invariant:* a stage never prints, never reads the environment, never decides an exit code.
//!
//! *Invariant:* every retry happens in `http`; every other module sees one request, one outcome.
//! Restarting an upload session is not a retry; it is the publish workflow. Nor is asking Tableau once
//! more after a new sign-in, or after a foreign page: only `tableau` can tell that from an answer.
//!
//! *Invariant:* what a server supplies (a redirect, a next link) is followed only as `http::check_link`
//! allows; no header of the user's reaches an origin the user did not name.
//!
//! *Invariant:* nothing is published that was not completely read and typed, completed on disk
//! and let through by every guard.
//!
//! *Invariant:* all rows decide the types. What the first ones of a large table assume is confirmed by all rows
//! while they are loaded; if a later row contradicts it, what was loaded is thrown away and built anew.
//!
//! *Invariant:* a secret is a `secrecy::SecretString`, which has no `Display`; [`secrets`] knows it before it is
//! used, and whatever is shown, or cut to be shown, passes there first.
//!
//! *Invariant:* a panic ends like a failure: stage, annotation, outputs, summary, sign-out, no engine left, exit code 1.
//!
//! *Invariant:* a cancelled run tells Tableau nothing but its sign-out, and leaves no folder behind.
//!
//! *Invariant:* the engine is closed: it sees its own folder, an empty environment and no network;
//! Parquet files are linked into that folder while they are loaded and gone before any SQL of the user runs.

pub mod cancel;
pub mod columnar;
pub mod data;
pub mod disk;
pub mod events;
pub mod guards;
pub mod http;
pub mod hyper;
pub mod inputs;
pub mod outline;
pub mod panics;
pub mod problem;
pub mod readers;
pub mod report;
pub mod rules;
pub mod say;
pub mod secrets;
pub mod source;
pub mod table;
pub mod tableau;
pub mod typing;
pub mod workspace;

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use tempfile::TempDir;

use crate::guards::Verdict;
use crate::say::{count, size};
use cancel::{Cancel, Cancelled, Guard};
use events::{Event, Observer, Stage};
use http::Client;
use hyper::{Draft, EngineError, EngineSetup, Extract};
use inputs::{InputErrors, Inputs};
use outline::page::PageInspector;
use panics::Panicked;
use source::{Places, Staged};
use table::{Contradicted, Table};
use tableau::{DataState, Destination, PublishContext, Published};

/// Rows by which the columns of a large table are assumed: a hundredth of a second's work.
const ROWS_ASSUMED: u64 = 10_000;

/// What a run did, as far as it came.
#[derive(Debug, Default)]
pub struct Run {
    /// Data received, one for each table; empty if that failed.
    pub staged: Vec<Staged>,
    /// What typing noticed: where rows were found, which columns fell back to text.
    pub notices: Vec<String>,
    /// The built file, also when a guard kept it from being published.
    pub extract: Option<Extract>,
    /// What the guards found.
    pub verdicts: Vec<Verdict>,
    /// What is known of Tableau's side; `None` if it was never asked.
    pub published: Option<Published>,
    /// Stages that ended well, in order.
    pub stages: Vec<Done>,
    /// Why the run stopped.
    pub failure: Option<Failure>,
}

/// A stage that ended well.
#[derive(Clone, Debug)]
pub struct Done {
    /// Which one.
    pub stage: Stage,
    /// Wall clock time.
    pub took: Duration,
    /// What it did, in one line.
    pub line: String,
}

/// Why a run stopped, and where.
#[derive(Debug)]
pub struct Failure {
    /// Where.
    pub stage: Stage,
    /// Why: each level of the chain adds a sentence.
    pub error: anyhow::Error,
}

impl Run {
    /// Returns the run that was cancelled and did not come to an end by itself.
    pub fn cancelled(stage: Stage) -> Run {
        let failure = Failure {
            stage,
            error: Cancelled.into(),
        };
        let published = (stage == Stage::Publish).then(|| Published {
            state: DataState::Unknown,
            ..Published::default()
        });
        Run {
            failure: Some(failure),
            published,
            ..Run::default()
        }
    }

    /// Returns the run that failed before it was under way.
    pub fn failed(stage: Stage, error: anyhow::Error) -> Run {
        Run {
            failure: Some(Failure { stage, error }),
            ..Run::default()
        }
    }

    /// Returns the run of which nothing is known but that it panicked.
    pub fn defective(stage: Stage, panicked: Panicked) -> Run {
        let cancelled = Run::cancelled(stage);
        Run {
            published: cancelled.published,
            ..Run::failed(stage, panicked.into())
        }
    }

    /// Whether it was cancelled.
    pub fn is_cancelled(&self) -> bool {
        let failure = self.failure.as_ref();
        failure.is_some_and(|failure| failure.error.is::<Cancelled>())
    }

    /// Returns the run that never began because of its inputs.
    pub fn rejected(errors: InputErrors) -> Run {
        Run::failed(Stage::Inputs, errors.into())
    }
}

/// Runs every stage in order; what was done before a failure is kept in the result.
///
/// It blocks in its middle stages, so the wish to stop comes from another thread.
pub async fn run(inputs: &Inputs, observer: &dyn Observer, cancel: &Cancel) -> Run {
    for warning in &inputs.warnings {
        observer.on(Event::Warning(warning.clone()));
    }
    let mut line = Line {
        run: Run::default(),
        observer,
        cancel,
        stage: Stage::Fetch,
        began: Instant::now(),
        has_told: false,
    };
    let outcome = panics::caught_in(Box::pin(line.work(inputs))).await;
    if let Err(mut error) = outcome.unwrap_or_else(|panicked| Err(panicked.into())) {
        // Whatever else went wrong then, such as an engine that is gone, only follows from it.
        if cancel.is_told() {
            error = Cancelled.into();
        }
        line.run.failure = Some(Failure {
            stage: line.stage,
            error,
        });
    }
    line.run
}

/// The run while it goes on: what is done so far, and the stage it is in.
struct Line<'a> {
    run: Run,
    observer: &'a dyn Observer,
    cancel: &'a Cancel,
    stage: Stage,
    began: Instant,
    /// Whether what typing noticed has been said.
    has_told: bool,
}

impl Line<'_> {
    async fn work(&mut self, inputs: &Inputs) -> Result<()> {
        self.stage = Stage::Shape;
        place(inputs)?;
        self.enter(Stage::Fetch);
        let client = Client::new(inputs.waits.http.clone(), &inputs.network)?;
        let source = Client::with_options(&inputs.source.http, &inputs.network)?;
        let (spool, _guard) = self.make_folder(&inputs.machine.temp)?;
        let cancel = self.cancel;
        let staged = self.fetch(inputs, spool.path(), &source);
        let staged = cancel.unless(staged).await;
        let staged = staged.map_err(|error| blame_disk(error, spool.path()))?;

        self.enter(Stage::Type);
        let mut tables = self.read(&staged, inputs)?;

        self.enter(Stage::Shape);
        // Links may have changed since the first look.
        let target = place(inputs)?;
        let parent = target.parent().unwrap_or(Path::new("."));
        hyper::create_folders(parent)?;
        let (mut folder, mut _guard) = self.make_folder(parent)?;
        let draft = match self.build(&tables, folder.path(), inputs) {
            Err(error) if error.is::<Contradicted>() => {
                tables = self.settle(tables, inputs)?;
                self.enter(Stage::Shape);
                (folder, _guard) = self.make_folder(parent)?;
                self.build(&tables, folder.path(), inputs)?
            }
            built => {
                let draft = built?;
                if !self.has_told {
                    self.tell(&tables, inputs);
                }
                draft
            }
        };

        self.enter(Stage::Check);
        self.check(draft, (folder.path(), &target), inputs)?;

        if let (Some(destination), Some(extract)) = (&inputs.destination, self.run.extract.clone())
        {
            self.enter(Stage::Publish);
            self.publish(&extract, destination, inputs, &client).await?;
        }
        Ok(())
    }

    async fn fetch(
        &mut self,
        inputs: &Inputs,
        spool: &Path,
        client: &Client,
    ) -> Result<Vec<Staged>> {
        let places = Places {
            workspace: inputs.machine.workspace.clone(),
            spool: spool.to_owned(),
        };
        let staged = source::fetch(
            &inputs.source,
            &places,
            &PageInspector {
                rules: &inputs.rules,
            },
            (client, self.observer),
        )
        .await?;
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

    fn read(&mut self, staged: &[Staged], inputs: &Inputs) -> Result<Vec<Table>> {
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
    fn settle(&mut self, tables: Vec<Table>, inputs: &Inputs) -> Result<Vec<Table>> {
        // What was built in vain has decided the columns, so that is what the time was spent on.
        self.stage = Stage::Type;
        self.observer.on(Event::Started(Stage::Type));
        self.observer.on(Event::Note(String::from(
            "later rows have other types than the first, so the extract is built again",
        )));
        let settled: Result<Vec<Table>, _> = tables.into_iter().map(Table::confirm).collect();
        let settled = settled?;
        self.typed(&settled, inputs);
        Ok(settled)
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

    fn build(&mut self, tables: &[Table], folder: &Path, inputs: &Inputs) -> Result<Draft> {
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
    fn check(
        &mut self,
        draft: Draft,
        (folder, target): (&Path, &Path),
        inputs: &Inputs,
    ) -> Result<()> {
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
        self.run.extract = Some(extract);
        guards::judge(&self.run.verdicts)?;
        let held = count(self.run.verdicts.len(), "guard");
        self.leave(format!("{held} held, extract of {}", size(bytes)));
        Ok(())
    }

    async fn publish(
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

    /// A folder of our own below `parent`, gone when the run ends, at once if it is cancelled.
    fn make_folder(&self, parent: &Path) -> Result<(TempDir, Guard)> {
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
        Ok((folder, guard))
    }

    fn enter(&mut self, stage: Stage) {
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
fn place(inputs: &Inputs) -> Result<PathBuf> {
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

//! Builds the extract with the real Hyper engine; the only module that knows hyperdb-api.
//!
//! Blocking on purpose: between the two networks nothing is async. Without `sql` the rows go
//! straight into the result table; with it they are staged as `input` and one
//! `CREATE TABLE … AS` shapes them. A [`Draft`] is a finished table nobody else sees yet;
//! [`Draft::seal`] turns it into the file that may be published.

mod diagnostics;
mod dialects;
mod draft;
mod engine;
mod explain;
mod files;
mod load;
mod normalise;
mod sql;

use std::fmt;
use std::fs::{self, File, Permissions};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::thread::{self, Scope};

use anyhow::{Context, Result, bail};
use hyperdb_api::Connection;

pub use self::draft::{Answer, Counterexamples, Duplicates};
use crate::cancel::Cancel;
use crate::data::ColumnType;
use crate::events::{Event, Observer};
use crate::say::count;
use crate::table::Table;
use engine::{Engine, Reach};
use files::Files;
use load::Rows;
pub use sql::{Sql, code_of, one_statement};

/// Tableau Server up to 2019.4 takes no other schema, and workbooks remember it.
pub const SCHEMA: &str = "Extract";
/// Name of the staged table in the user's SQL, unless `source` names tables.
pub const INPUT: &str = "input";
/// Every `.hyper` file begins like this.
const MAGIC: &[u8] = b"Hyper";
/// What to do without an engine.
const MISSING: &str = "the image of the action holds the engine: leave HYPERD_PATH out of the job's `env`; elsewhere install it with `tests/install-hyperd.sh FOLDER` and set HYPERD_PATH to that folder";
/// What to do if it does not start.
const NOT_STARTED: &str = "run again; if it happens again, look at the runner: the engine needs Linux on x86-64, about 200 MB of memory, and a temp folder it can write to";
/// What to do if it ends by itself.
const DIED: &str = "if it ran out of memory, let `sql` keep fewer rows or columns, or use a larger runner; otherwise run again";
/// Alias of the file being built.
const RESULT: &str = "result";

/// Name of the table inside the extract: not blank, no NUL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableName(String);

/// What becomes of the rows.
#[derive(Clone, Debug)]
pub struct Shape {
    /// The user's transformation; `None` keeps the rows as they are.
    pub sql: Option<Sql>,
    /// Where the result goes, in schema [`SCHEMA`].
    pub table: TableName,
}

/// Where the engine is and where it may write.
#[derive(Clone, Debug)]
pub struct Workshop {
    /// `HYPERD_PATH`, if set: the engine or the folder that holds it.
    pub hyperd: Option<PathBuf>,
    /// An empty folder of our own, on the file system the extract will live on.
    pub folder: PathBuf,
    /// Ends the engine at once, whatever it is busy with.
    pub cancel: Cancel,
}

/// Type of a result column as stored in the extract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResultType {
    /// One of the types the staged table knows too.
    Plain(ColumnType),
    /// Points, lines and areas; only SQL makes them.
    Geography,
}

/// A column of the result, with what the summary tells about its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultColumn {
    /// As workbooks will see it.
    pub name: String,
    /// As stored.
    pub result_type: ResultType,
    /// Rows without a value.
    pub nulls: u64,
    /// Smallest value as text; `None` without values or order.
    pub least: Option<String>,
    /// Largest value as text; `None` without values or order.
    pub greatest: Option<String>,
}

/// A finished result in a file nobody else sees yet. The engine runs as long as this lives.
pub struct Draft {
    connection: Connection,
    engine: Engine,
    folder: PathBuf,
    /// The result table, qualified and quoted.
    table: String,
    rows: u64,
    columns: Vec<ResultColumn>,
}

/// A complete `.hyper` file: detached, the engine stopped, readable by the runner's user.
#[derive(Clone, Debug)]
pub struct Extract {
    /// Where it lies.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// Rows in the result table.
    pub rows: u64,
    /// Columns of the result table, in order.
    pub columns: Vec<ResultColumn>,
}

/// What the engine refused, in its own words.
#[derive(Debug)]
pub struct EngineError {
    /// SQLSTATE, if the engine answered.
    pub code: Option<String>,
    /// The engine's message.
    pub message: String,
    /// What to change, naming the input.
    pub hint: Option<String>,
    /// Where in `sql`, if the engine said so.
    pub place: Option<Box<Place>>,
    /// What it follows from, if anything.
    cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// A place in the user's SQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Line of `sql`, from 1.
    pub line: usize,
    /// Character in it, from 1.
    pub column: usize,
    /// The lines around it with their numbers, and a mark below the place; several lines for a fixed-width font.
    pub excerpt: String,
}

impl EngineError {
    /// The bare answer.
    fn new(code: Option<String>, message: String) -> EngineError {
        EngineError {
            code,
            message,
            hint: None,
            place: None,
            cause: None,
        }
    }
}

impl EngineError {
    /// Whether the disk took no more of what the engine writes.
    pub fn lacks_disk(&self) -> bool {
        explain::lacks_disk(&self.message)
    }
}

impl fmt::Display for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.code {
            Some(code) => write!(f, "Hyper answered {code}: {}", self.message)?,
            None => f.write_str(&self.message)?,
        }
        match &self.place {
            Some(place) => {
                let Place { line, column, .. } = place.as_ref();
                write!(
                    f,
                    ", in line {line}, column {column} of `sql`:\n{}",
                    place.excerpt
                )
            }
            None => Ok(()),
        }
    }
}

impl std::error::Error for EngineError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.cause {
            // Its first sentence is our own.
            Some(cause) => cause.source(),
            None => None,
        }
    }
}

impl fmt::Display for ResultType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ResultType::Plain(column_type) => column_type.fmt(f),
            ResultType::Geography => f.write_str("geography"),
        }
    }
}

/// Loads every row of the tables, shapes them and describes the result.
///
/// Several tables need SQL. Errors are [`crate::data::DataError`] (a row), [`EngineError`] (SQL)
/// or the machine's.
pub fn build(
    tables: &[Table],
    shape: &Shape,
    workshop: &Workshop,
    observer: &dyn Observer,
) -> Result<Draft> {
    let hyperd = engine::find(workshop.hyperd.as_deref())
        .map_err(|error| explain::without_engine(error, MISSING))?;
    let files = files::stage(tables, &workshop.folder)?;
    let folder = files.as_ref().map(|files| files.folder().to_owned());
    let reach = match &folder {
        Some(folder) => Reach::Folder(folder),
        None => Reach::Nothing,
    };
    thread::scope(|scope| {
        // Converting begins while the engine still starts.
        let rows = tables.first().and_then(|table| Rows::of(scope, table));
        let mut engine = Engine::start(&hyperd, &workshop.folder, reach, &workshop.cancel)
            .map_err(|error| explain::without_engine(error, NOT_STARTED))?;
        let built = fill(&engine, (tables, rows, scope), shape, files, observer);
        let (connection, table, rows, columns) =
            built.map_err(|error| blame(&mut engine, error))?;
        Ok(Draft {
            connection,
            engine,
            folder: workshop.folder.clone(),
            table,
            rows,
            columns,
        })
    })
}

/// Loads and shapes; afterwards no file is within the engine's reach, the user's SQL included.
fn fill<'scope>(
    engine: &Engine,
    (tables, mut rows, scope): (
        &'scope [Table],
        Option<Rows<'scope>>,
        &'scope Scope<'scope, '_>,
    ),
    shape: &Shape,
    files: Option<Files>,
    observer: &dyn Observer,
) -> Result<(Connection, String, u64, Vec<ResultColumn>)> {
    let connection = open(engine)?;
    let result = format!("\"{RESULT}\".\"{SCHEMA}\".{}", quote(&shape.table.0));
    let staged = files.as_ref();
    match (&shape.sql, tables) {
        (None, [table]) => {
            let target = load::Target::Result(&shape.table);
            load::insert(&connection, scope, (table, rows), &target, staged, observer)?;
            files.map(Files::remove).transpose()?;
        }
        (None, _) => bail!("several tables need `sql` to become one"),
        (Some(sql), _) => {
            for table in tables {
                let target = load::Target::Staging;
                load::insert(
                    &connection,
                    scope,
                    (table, rows.take()),
                    &target,
                    staged,
                    observer,
                )?;
                let rows = table
                    .rows()
                    .map_or_else(String::new, |rows| count(rows, "row") + " ");
                observer.on(Event::Note(format!("staged {rows}as `{}`", table.name())));
            }
            files.map(Files::remove).transpose()?;
            let endpoint = engine.endpoint();
            let select = normalise::normalise(&connection, sql, tables, endpoint)?;
            let statement = format!("CREATE TABLE {result} AS\n{select}");
            normalise::run(&connection, &statement, (sql, tables, endpoint))?;
        }
    }
    let (rows, columns) = normalise::describe(&connection, &result)?;
    Ok((connection, result, rows, columns))
}

impl Draft {
    /// Returns the number of rows in the result.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Completes the file on disk, stops the engine and moves the file to `target`, replacing it.
    ///
    /// `target` must be on the file system of the workshop's folder. The file gets the owner of
    /// the folder it ends up in and is readable by everybody: the engine makes it `0640`, and
    /// later steps of a job do not run as root.
    pub fn seal(self, target: &Path) -> Result<Extract> {
        let Draft {
            connection,
            mut engine,
            folder,
            rows,
            columns,
            table: _,
        } = self;
        // Committed data is on disk only after this; killing the engine earlier leaves an empty file.
        connection
            .execute_command(&format!("DETACH DATABASE \"{RESULT}\""))
            .map_err(|error| blame(&mut engine, explain::explain(&error).into()))
            .context("failed to complete the extract on disk")?;
        drop(connection);
        engine.stop()?;
        let built = folder.join(file_name(RESULT));
        let bytes = check(&built)?;
        hand_over(&built, target)
            .with_context(|| format!("cannot move the extract to `{}`", target.display()))?;
        Ok(Extract {
            path: target.to_owned(),
            bytes,
            rows,
            columns,
        })
    }
}

impl TableName {
    /// Takes any name the engine takes: at least one character, no NUL.
    pub fn parse(text: &str) -> Result<TableName, String> {
        if text.trim().is_empty() {
            return Err("the name is blank".into());
        }
        if text.chars().any(char::is_control) {
            return Err("the name contains a control character".into());
        }
        Ok(TableName(text.to_owned()))
    }

    /// Returns the name unquoted.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Puts the engine's death above an error that only follows from it.
fn blame(engine: &mut Engine, error: anyhow::Error) -> anyhow::Error {
    match engine.death(&error) {
        Some(status) => {
            let died = error.context(format!("the Hyper engine died ({status})"));
            explain::without_engine(died, DIED)
        }
        None => error,
    }
}

/// Names the column of the result that `name` was meant to be, or those there are.
pub fn suggest(name: &str, names: &[&str]) -> String {
    explain::suggest(name, names, "the result")
}

/// Creates the file, attaches it under [`RESULT`] and fixes the session's zone.
fn open(engine: &Engine) -> Result<Connection> {
    let connection = Connection::without_database(engine.endpoint())
        .context("cannot connect to the Hyper engine")?;
    // The engine's working folder is the workshop's, so a plain file name is enough.
    let file = quote(&file_name(RESULT));
    execute(&connection, &format!("CREATE DATABASE {file}"))?;
    execute(
        &connection,
        &format!("ATTACH DATABASE {file} AS \"{RESULT}\""),
    )?;
    execute(
        &connection,
        &format!("CREATE SCHEMA \"{RESULT}\".\"{SCHEMA}\""),
    )?;
    // A cast from TIMESTAMPTZ to TIMESTAMP follows it.
    execute(&connection, "SET timezone='UTC'")?;
    Ok(connection)
}

fn execute(connection: &Connection, statement: &str) -> Result<()> {
    connection
        .execute_command(statement)
        .map_err(|error| explain::explain(&error))
        .with_context(|| format!("the Hyper engine failed at `{statement}`"))?;
    Ok(())
}

fn file_name(name: &str) -> String {
    format!("{name}.hyper")
}

/// Quotes an identifier or a path for Hyper SQL.
fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Reads back the beginning of the file; returns its size.
fn check(file: &Path) -> Result<u64> {
    let mut head = [0; MAGIC.len()];
    let mut opened = File::open(file).context("the engine left no file behind")?;
    opened
        .read_exact(&mut head)
        .context("the engine left an empty file behind")?;
    if head != *MAGIC {
        bail!("the engine left a file behind that is no Hyper file");
    }
    Ok(opened.metadata()?.len())
}

/// Creates a folder and those above it, each with the owner of the folder it is created in.
///
/// We may run as root in somebody else's workspace, who wants to clean it up afterwards.
pub fn create_folders(folder: &Path) -> Result<()> {
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    let parent = folder.parent().unwrap_or(Path::new("."));
    create_folders(parent)?;
    fs::create_dir(folder)
        .and_then(|()| give(folder, parent))
        .with_context(|| format!("cannot create the folder `{}`", folder.display()))
}

fn hand_over(built: &Path, target: &Path) -> std::io::Result<()> {
    fs::set_permissions(built, Permissions::from_mode(0o644))?;
    let folder = match target.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    give(built, folder)?;
    fs::rename(built, target)
}

/// Gives a file or folder to the owner of another.
fn give(path: &Path, to_owner_of: &Path) -> std::io::Result<()> {
    let to_owner_of = if to_owner_of.as_os_str().is_empty() {
        Path::new(".")
    } else {
        to_owner_of
    };
    let (owner, ours) = (fs::metadata(to_owner_of)?, fs::metadata(path)?);
    if (owner.uid(), owner.gid()) == (ours.uid(), ours.gid()) {
        return Ok(());
    }
    // Only root may give files away; anybody else keeps what is theirs.
    match chown(path, Some(owner.uid()), Some(owner.gid())) {
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => Ok(()),
        other => other,
    }
}

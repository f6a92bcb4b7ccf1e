//! Builds the extract with the real Hyper engine; the only module that knows hyperdb-api.
//!
//! Blocking on purpose: between the two networks nothing is async. Without `sql` the rows go
//! straight into the result table; with it they are staged as `input` and one
//! `CREATE TABLE … AS` shapes them. A [`Draft`] is a finished table nobody else sees yet;
//! [`Draft::seal`] turns it into the file that may be published.

mod ask;
mod batch;
mod engine;
mod files;
mod load;
mod shape;

use std::fmt;
use std::fs::{self, File, Permissions};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::thread::{self, Scope};

use anyhow::{Context, Result, bail};
use hyperdb_api::Connection;

use crate::cancel::Cancel;
use crate::events::{Event, Observer, count};
use crate::table::{ColumnType, Table};
pub use ask::{Answer, Duplicates};
use engine::{Engine, Reach};
use files::Files;
use load::Rows;

/// Tableau Server up to 2019.4 takes no other schema, and workbooks remember it.
pub const SCHEMA: &str = "Extract";
/// Name of the staged table in the user's SQL, unless `source` names tables.
pub const INPUT: &str = "input";
/// Every `.hyper` file begins like this.
const MAGIC: &[u8] = b"Hyper";
/// Alias of the file being built.
const RESULT: &str = "result";

/// One `SELECT` (or `WITH … SELECT`) in Hyper SQL; without a final semicolon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sql(String);

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
}

impl EngineError {
    /// Whether the disk took no more of what the engine writes.
    pub fn lacks_disk(&self) -> bool {
        shape::lacks_disk(&self.message)
    }
}

impl fmt::Display for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.code {
            Some(code) => write!(f, "Hyper answered {code}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for EngineError {}

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
/// Several tables need SQL. Errors are [`crate::table::DataError`] (a row), [`EngineError`] (SQL)
/// or the machine's.
pub fn build(
    tables: &[Table],
    shape: &Shape,
    workshop: &Workshop,
    observer: &dyn Observer,
) -> Result<Draft> {
    let hyperd = engine::find(workshop.hyperd.as_deref())?;
    let files = files::stage(tables, &workshop.folder)?;
    let folder = files.as_ref().map(|files| files.folder().to_owned());
    let reach = match &folder {
        Some(folder) => Reach::Folder(folder),
        None => Reach::Nothing,
    };
    thread::scope(|scope| {
        // Converting begins while the engine still starts.
        let rows = tables.first().and_then(|table| Rows::of(scope, table));
        let mut engine = Engine::start(&hyperd, &workshop.folder, reach, &workshop.cancel)?;
        let built = fill(&engine, (tables, rows, scope), shape, files, observer);
        let (connection, table, rows, columns) = built.map_err(|error| engine.blame(error))?;
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
            let select = shape::normalise(&connection, sql, tables)?;
            let statement = format!("CREATE TABLE {result} AS\n{select}");
            shape::run(&connection, &statement, tables)?;
        }
    }
    let (rows, columns) = shape::describe(&connection, &result)?;
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
            .map_err(|error| engine.blame(shape::explain(&error, &[]).into()))
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

impl Sql {
    /// Takes one `SELECT`, `WITH … SELECT` or `VALUES`; final semicolons are dropped.
    pub fn parse(text: &str) -> Result<Sql, String> {
        let statement = text
            .trim()
            .trim_end_matches(|c: char| c == ';' || c.is_whitespace());
        if statement.contains('\0') {
            return Err("it contains a NUL character".into());
        }
        let first = first_word(statement);
        match first.to_ascii_lowercase().as_str() {
            "select" | "with" | "(" => Ok(Sql(statement.to_owned())),
            "" => Err("it holds no statement: write one SELECT over the table `input`".into()),
            _ => Err(format!(
                "it begins with `{first}`: write one SELECT (or WITH … SELECT) over the table `input`"
            )),
        }
    }

    /// Whether the text names an identifier, in any case, comments and strings included.
    pub fn names(&self, identifier: &str) -> bool {
        let text = self.0.to_lowercase();
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        text.match_indices(&identifier.to_lowercase())
            .any(|(start, found)| {
                let before = text[..start].chars().next_back();
                let after = text[start + found.len()..].chars().next();
                !before.is_some_and(is_part) && !after.is_some_and(is_part)
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

/// Names the column of the result that `name` was meant to be, or those there are.
pub fn suggest(name: &str, names: &[&str]) -> String {
    shape::suggest(name, names, "the result")
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
        .map_err(|error| shape::explain(&error, &[]))
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

/// The first word after blanks and comments, or `(`.
fn first_word(statement: &str) -> String {
    let mut rest = statement.trim_start();
    loop {
        if let Some(comment) = rest.strip_prefix("--") {
            rest = comment
                .split_once('\n')
                .map_or("", |(_, rest)| rest)
                .trim_start();
        } else if let Some(comment) = rest.strip_prefix("/*") {
            rest = comment
                .split_once("*/")
                .map_or("", |(_, rest)| rest)
                .trim_start();
        } else {
            break;
        }
    }
    if rest.starts_with('(') {
        return "(".into();
    }
    rest.chars()
        .take_while(|c| !c.is_whitespace() && !matches!(c, '(' | '*' | '"' | '\''))
        .collect()
}

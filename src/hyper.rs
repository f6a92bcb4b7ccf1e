//! Builds the extract with the real Hyper engine; the only module that knows hyperdb-api.
//!
//! Blocking on purpose: between the two networks nothing is async. Without `sql` the rows go
//! straight into the result table; with it they are staged as `input` and one
//! `CREATE TABLE … AS` shapes them. A [`Draft`] is a finished table nobody else sees yet;
//! [`Draft::seal`] turns it into the file that may be published.
//!
//! | files, each importing only what stands before it | what is in them |
//! |---|---|
//! | `names` `types` `sql` `position` `engine` `ownership` | words of Hyper SQL; the process; whose the files are |
//! | `error` `suggest` `target` `diagnostics` | a refusal; which column was meant; tables to load into; where a mistake is |
//! | `refused` `dialects` `hints` `explain` | from what the engine answered to what the user should change |
//! | `database` `describe` `files` | the file being built; what the result holds; files the engine reads itself |
//! | `stream` `load` `normalise` `extract` `draft` | rows in; the user's SQL; the finished file; questions to the result |
//! | this file | the order |

mod database;
mod describe;
mod diagnostics;
mod dialects;
mod draft;
#[doc(hidden)]
pub mod engine;
mod error;
mod explain;
mod extract;
mod files;
mod hints;
mod load;
mod names;
mod normalise;
mod ownership;
mod position;
mod refused;
mod sql;
mod stream;
mod suggest;
mod target;
mod types;

use std::path::PathBuf;
use std::thread::{self, Scope};

use anyhow::{Result, bail};
use hyperdb_api::Connection;

use crate::cancel::Cancel;
use crate::events::{Event, Observer};
use crate::say::count;
use crate::table::Table;
use describe::ResultTable;
use engine::{Engine, FileAccess};
use explain::blame;
use files::LinkedFiles;
use load::RowStream;
use target::LoadTarget;

pub use describe::ResultColumn;
pub use draft::{CheckResult, Counterexamples, Draft, Duplicates};
pub use error::EngineError;
pub use extract::Extract;
pub use names::{INPUT, SCHEMA, TableName};
pub use ownership::create_folders;
pub use position::SqlPosition;
pub use sql::{Sql, code_of, one_statement};
pub use suggest::suggest_column;
pub use types::ResultType;

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
pub struct EngineSetup {
    /// `HYPERD_PATH`, if set: the engine or the folder that holds it.
    pub hyperd: Option<PathBuf>,
    /// An empty folder of our own, on the file system the extract will live on.
    pub folder: PathBuf,
    /// Ends the engine at once, whatever it is busy with.
    pub cancel: Cancel,
}

/// Loads every row of the tables, shapes them and describes the result.
///
/// Several tables need SQL. Errors are [`crate::data::DataError`] (a row), [`EngineError`] (SQL),
/// [`crate::problem::Problem`] (no engine, or a result no extract keeps) or the machine's.
pub fn build(
    tables: &[Table],
    shape: &Shape,
    setup: &EngineSetup,
    observer: &dyn Observer,
) -> Result<Draft> {
    let hyperd = engine::find(setup.hyperd.as_deref())?;
    let files = files::stage(tables, &setup.folder)?;
    thread::scope(|scope| {
        // Converting begins while the engine still starts.
        let rows = tables.first().and_then(|table| RowStream::of(scope, table));
        let access = match &files {
            Some(files) => FileAccess::Folder(files.folder()),
            None => FileAccess::Nothing,
        };
        let mut engine = Engine::start(&hyperd, &setup.folder, access, &setup.cancel)?;
        match fill(&engine, scope, (tables, rows), shape, files, observer) {
            Ok((connection, result)) => Ok(Draft {
                connection,
                engine,
                folder: setup.folder.clone(),
                result,
            }),
            Err(error) => Err(blame(&mut engine, error)),
        }
    })
}

/// Loads the rows and shapes them; afterwards the engine reaches no file, whatever SQL it is given.
fn fill<'scope>(
    engine: &Engine,
    scope: &'scope Scope<'scope, '_>,
    (tables, rows): (&'scope [Table], Option<RowStream<'scope>>),
    shape: &Shape,
    files: Option<LinkedFiles>,
    observer: &dyn Observer,
) -> Result<(Connection, ResultTable)> {
    let connection = database::open(engine)?;
    let staged = files.as_ref();
    match (&shape.sql, tables) {
        (None, [table]) => {
            let target = LoadTarget::Result(&shape.table);
            load::insert(&connection, scope, (table, rows), &target, staged, observer)?;
        }
        (None, _) => bail!("several tables need `sql` to become one"),
        (Some(_), _) => stage(&connection, scope, (tables, rows), staged, observer)?,
    }
    // The user's SQL must not find them.
    files.map(LinkedFiles::remove).transpose()?;
    let name = shape.table.qualified();
    if let Some(sql) = &shape.sql {
        normalise::create_result(&connection, &name, (sql, tables, engine.endpoint()))?;
    }
    let result = describe::describe(&connection, name)?;
    Ok((connection, result))
}

/// Loads every table under its own name, for the user's SQL.
fn stage<'scope>(
    connection: &Connection,
    scope: &'scope Scope<'scope, '_>,
    (tables, mut rows): (&'scope [Table], Option<RowStream<'scope>>),
    files: Option<&LinkedFiles>,
    observer: &dyn Observer,
) -> Result<()> {
    for table in tables {
        let rows = (table, rows.take());
        load::insert(
            connection,
            scope,
            rows,
            &LoadTarget::Staging,
            files,
            observer,
        )?;
        let rows = table
            .rows()
            .map_or_else(String::new, |rows| count(rows, "row") + " ");
        observer.on(Event::Note(format!("staged {rows}as `{}`", table.name())));
    }
    Ok(())
}

//! Builds the extract with the real Hyper engine; the only module that knows hyperdb-api.
//!
//! Blocking on purpose: between the two networks nothing is async. Without `sql` the rows go
//! straight into the result table; with it they are staged as `input` and one
//! `CREATE TABLE … AS` shapes them. A [`Draft`] is a finished table nobody else sees yet;
//! [`Draft::seal`] turns it into the file that may be published.

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
use engine::{Engine, FileAccess};
use explain::blame;
use files::LinkedFiles;
use load::Rows;
use target::LoadTarget;

pub use describe::ResultColumn;
pub use draft::{CheckResult, Counterexamples, Draft, Duplicates};
pub use error::EngineError;
pub use extract::Extract;
pub use names::{INPUT, SCHEMA, TableName};
pub use ownership::create_folders;
pub use position::SqlPosition;
pub use sql::{Sql, code_of, one_statement};
pub use suggest::suggest;
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
/// Several tables need SQL. Errors are [`crate::data::DataError`] (a row), [`EngineError`] (SQL)
/// or the machine's.
pub fn build(
    tables: &[Table],
    shape: &Shape,
    setup: &EngineSetup,
    observer: &dyn Observer,
) -> Result<Draft> {
    let hyperd = engine::find(setup.hyperd.as_deref())?;
    let files = files::stage(tables, &setup.folder)?;
    let folder = files.as_ref().map(|files| files.folder().to_owned());
    let access = match &folder {
        Some(folder) => FileAccess::Folder(folder),
        None => FileAccess::Nothing,
    };
    thread::scope(|scope| {
        // Converting begins while the engine still starts.
        let rows = tables.first().and_then(|table| Rows::of(scope, table));
        let mut engine = Engine::start(&hyperd, &setup.folder, access, &setup.cancel)?;
        let built = fill(&engine, (tables, rows, scope), shape, files, observer);
        let (connection, table, rows, columns) =
            built.map_err(|error| blame(&mut engine, error))?;
        Ok(Draft {
            connection,
            engine,
            folder: setup.folder.clone(),
            table,
            rows,
            columns,
        })
    })
}

/// Loads and shapes; afterwards no file is within the engine's access, the user's SQL included.
fn fill<'scope>(
    engine: &Engine,
    (tables, mut rows, scope): (
        &'scope [Table],
        Option<Rows<'scope>>,
        &'scope Scope<'scope, '_>,
    ),
    shape: &Shape,
    files: Option<LinkedFiles>,
    observer: &dyn Observer,
) -> Result<(Connection, String, u64, Vec<ResultColumn>)> {
    let connection = database::open(engine)?;
    let result = shape.table.qualified();
    let staged = files.as_ref();
    match (&shape.sql, tables) {
        (None, [table]) => {
            let target = LoadTarget::Result(&shape.table);
            load::insert(&connection, scope, (table, rows), &target, staged, observer)?;
            files.map(LinkedFiles::remove).transpose()?;
        }
        (None, _) => bail!("several tables need `sql` to become one"),
        (Some(sql), _) => {
            for table in tables {
                let target = LoadTarget::Staging;
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
            files.map(LinkedFiles::remove).transpose()?;
            let endpoint = engine.endpoint();
            let select = normalise::normalise(&connection, sql, tables, endpoint)?;
            let statement = format!("CREATE TABLE {result} AS\n{select}");
            normalise::run(&connection, &statement, (sql, tables, endpoint))?;
        }
    }
    let (rows, columns) = describe::describe(&connection, &result)?;
    Ok((connection, result, rows, columns))
}

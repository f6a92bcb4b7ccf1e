//! The file being built, as a database of the engine.

use anyhow::{Context, Result};
use hyperdb_api::Connection;

use super::engine::Engine;
use super::error::EngineError;
use super::explain::explain;
use super::names::{RESULT, SCHEMA, quote};

/// Name of the file being built, in the folder the engine works in.
pub(super) const FILE: &str = "result.hyper";

/// Creates the file, attaches it under [`RESULT`] and fixes the session's zone.
pub(super) fn open(engine: &Engine) -> Result<Connection> {
    let connection = Connection::without_database(engine.endpoint())
        .context("cannot connect to the Hyper engine")?;
    // The engine works in the folder it was set up with, so a plain file name is enough.
    let file = quote(FILE);
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
        .map_err(|error| explain(&error))
        .with_context(|| format!("the Hyper engine failed at `{statement}`"))?;
    Ok(())
}

/// Completes the file on disk; on errors there may be none.
///
/// Committed data is on disk only after this: killing the engine earlier leaves an empty file.
pub(super) fn detach(connection: &Connection) -> Result<(), EngineError> {
    connection
        .execute_command(&format!("DETACH DATABASE \"{RESULT}\""))
        .map_err(|error| explain(&error))?;
    Ok(())
}

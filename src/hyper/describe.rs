//! Reads the result back: how many rows it has, and what its columns hold.

use anyhow::{Context, Result, anyhow};
use hyperdb_api::{Connection, SqlType};

use super::explain::explain;
use super::names::quote;
use super::types::{ResultType, result_type};

/// Columns described by one query; far below the engine's own limits.
const DESCRIBED_AT_ONCE: usize = 200;
/// Characters of a least or greatest value that are kept. What shows them takes fewer, and must see a
/// secret that begins among those as a whole.
const KEPT: usize = 2_000;

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

/// The finished result in the file being built.
pub(super) struct ResultTable {
    /// Its name, qualified and quoted.
    pub(super) name: String,
    /// Rows in it.
    pub(super) rows: u64,
    /// Its columns, in order.
    pub(super) columns: Vec<ResultColumn>,
}

/// Counts the rows of a table and describes its columns; `table` is its name, qualified and quoted.
pub(super) fn describe(connection: &Connection, table: String) -> Result<ResultTable> {
    let failed = |error: hyperdb_api::Error| {
        anyhow!(explain(&error)).context("failed to read the result back")
    };
    let found =
        columns_of(connection, &format!("SELECT * FROM {table} LIMIT 0")).map_err(failed)?;
    let mut columns = Vec::with_capacity(found.len());
    let mut rows = 0;
    for group in found.chunks(DESCRIBED_AT_ONCE) {
        let aggregates: Vec<String> = group
            .iter()
            .map(|(name, sql_type)| aggregate(name, *sql_type))
            .collect();
        let query = format!("SELECT count(*), {} FROM {table}", aggregates.join(", "));
        let row = connection.fetch_one(query.as_str()).map_err(failed)?;
        rows = counted(row.get_i64(0))?;
        for (index, (name, sql_type)) in group.iter().enumerate() {
            let first = 1 + index * 3;
            columns.push(ResultColumn {
                name: name.clone(),
                result_type: result_type(*sql_type).with_context(|| {
                    format!("column `{name}` has the unexpected type {sql_type}")
                })?,
                nulls: rows - counted(row.get_i64(first))?,
                least: row.get_string(first + 1),
                greatest: row.get_string(first + 2),
            });
        }
    }
    Ok(ResultTable {
        name: table,
        rows,
        columns,
    })
}

/// Returns the names and types of the columns a query has.
pub(super) fn columns_of(
    connection: &Connection,
    query: &str,
) -> hyperdb_api::Result<Vec<(String, SqlType)>> {
    let mut rows = connection.execute_query(query)?;
    while rows.next_chunk()?.is_some() {}
    let schema = rows.schema();
    let columns = schema.iter().flat_map(hyperdb_api::ResultSchema::columns);
    Ok(columns
        .map(|column| (column.name().to_owned(), column.sql_type()))
        .collect())
}

/// Three expressions: the number of values, the least and the greatest.
fn aggregate(name: &str, sql_type: SqlType) -> String {
    let column = quote(name);
    let (least, greatest) = match sql_type {
        // Booleans and geographies have no least value.
        SqlType::Bool => (format!("bool_and({column})"), format!("bool_or({column})")),
        SqlType::Geography => return format!("count({column}), NULL::text, NULL::text"),
        _ => (format!("min({column})"), format!("max({column})")),
    };
    let shown = |value: String| format!("left(CAST({value} AS text), {KEPT})");
    format!("count({column}), {}, {}", shown(least), shown(greatest))
}

fn counted(value: Option<i64>) -> Result<u64> {
    value
        .and_then(|n| u64::try_from(n).ok())
        .context("the engine counted nothing")
}

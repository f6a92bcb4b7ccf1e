//! Runs the user's SQL, brings its result to the types an extract keeps, and describes it.

use anyhow::{Context, Result, anyhow};
use hyperdb_api::{Connection, SqlType};

use super::explain::{explain, explain_sql};
use super::{EngineError, ResultColumn, ResultType, Sql, quote};
use crate::data::ColumnType;
use crate::table::{SystemColumn, Table};

/// Columns described by one query; far below the engine's own limits.
const DESCRIBED_AT_ONCE: usize = 200;
/// Characters of a least or greatest value that are kept. What shows them takes fewer, and must see a
/// secret that begins among those as a whole.
const KEPT: usize = 2_000;

/// Returns a `SELECT` around the user's, whose columns have the types an extract keeps.
///
/// TIMESTAMPTZ becomes UTC, REAL double, JSON and TIME text, and every integer BIGINT: a type
/// must not depend on how large the values are today.
pub(super) fn normalise(
    connection: &Connection,
    sql: &Sql,
    tables: &[Table],
    endpoint: &str,
) -> Result<String> {
    // On lines of its own, so that a comment at the end hides nothing.
    let inner = format!("(\n{}\n) AS shaped", sql.as_str());
    let found = columns_of(connection, &format!("SELECT * FROM {inner} LIMIT 0"))
        .map_err(|error| explain_sql(&error, sql.as_str(), tables, endpoint))
        .context("failed to run `sql`")?;
    let mut expressions: Vec<String> = Vec::with_capacity(found.len());
    let mut aliases = Vec::with_capacity(found.len());
    for (index, (name, sql_type)) in found.iter().enumerate() {
        // Names of our own: a result may have a name twice, and then neither could be called by it.
        let alias = format!("c{index}");
        let position = (index + 1).to_string();
        if *name == position || name.trim().is_empty() {
            return Err(refuse(
                format!("column {position} of the result has no name"),
                format!("give it one in `sql`: `… AS name` for column {position}"),
            ));
        }
        let same = found[..index]
            .iter()
            .find(|(other, _)| other.to_lowercase() == name.to_lowercase());
        match same {
            // `SELECT *, _row`: naming a system column puts it into `*` as well.
            Some(_) if SystemColumn::ALL.iter().any(|column| column.name() == name) => {}
            Some((other, _)) => {
                return Err(refuse(
                    format!(
                        "the result has two columns `{other}` and `{name}`; Tableau does not tell them apart"
                    ),
                    format!("rename one of them in `sql`: `… AS other_{name}`"),
                ));
            }
            None => expressions.push(format!(
                "{} AS {}",
                keep(name, &alias, *sql_type)?,
                quote(name)
            )),
        }
        aliases.push(alias);
    }
    Ok(format!(
        "SELECT {} FROM {inner}({})",
        expressions.join(", "),
        aliases.join(", ")
    ))
}

/// Runs the statement around the user's SQL over the staged tables; errors name what the user can change.
pub(super) fn run(
    connection: &Connection,
    statement: &str,
    (sql, tables, endpoint): (&Sql, &[Table], &str),
) -> Result<()> {
    connection
        .execute_command(statement)
        .map_err(|error| explain_sql(&error, sql.as_str(), tables, endpoint))
        .context("failed to run `sql`")?;
    Ok(())
}

/// Counts the rows of a table and describes its columns.
pub(super) fn describe(connection: &Connection, table: &str) -> Result<(u64, Vec<ResultColumn>)> {
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
        rows = count(row.get_i64(0))?;
        for (index, (name, sql_type)) in group.iter().enumerate() {
            let first = 1 + index * 3;
            columns.push(ResultColumn {
                name: name.clone(),
                result_type: result_type(*sql_type).with_context(|| {
                    format!("column `{name}` has the unexpected type {sql_type}")
                })?,
                nulls: rows - count(row.get_i64(first))?,
                least: row.get_string(first + 1),
                greatest: row.get_string(first + 2),
            });
        }
    }
    Ok((rows, columns))
}

fn columns_of(connection: &Connection, query: &str) -> hyperdb_api::Result<Vec<(String, SqlType)>> {
    let mut rows = connection.execute_query(query)?;
    while rows.next_chunk()?.is_some() {}
    let schema = rows.schema();
    let columns = schema.iter().flat_map(hyperdb_api::ResultSchema::columns);
    Ok(columns
        .map(|column| (column.name().to_owned(), column.sql_type()))
        .collect())
}

/// The expression that brings a result column, called `alias` there, to a type the extract keeps.
fn keep(name: &str, alias: &str, sql_type: SqlType) -> Result<String> {
    let column = quote(name);
    Ok(match sql_type {
        SqlType::SmallInt | SqlType::Int | SqlType::Oid => format!("CAST({alias} AS bigint)"),
        SqlType::Float => format!("CAST({alias} AS double precision)"),
        SqlType::Varchar { .. } | SqlType::Char { .. } | SqlType::Json | SqlType::Time => {
            format!("CAST({alias} AS text)")
        }
        SqlType::TimestampTz => format!("{alias} AT TIME ZONE 'UTC'"),
        SqlType::Interval => {
            return Err(refuse(
                format!("column `{name}` of the result is an interval, which Tableau cannot show"),
                format!(
                    "turn it into a number in `sql`, such as `extract(epoch from {column})`, or into text with `{column}::text`"
                ),
            ));
        }
        SqlType::ByteA | SqlType::Unsupported => {
            return Err(refuse(
                format!("column `{name}` of the result has a type an extract cannot keep"),
                format!("cast it in `sql`: `{column}::text AS {column}`, or unnest an array"),
            ));
        }
        _ => alias.to_owned(),
    })
}

fn result_type(sql_type: SqlType) -> Option<ResultType> {
    Some(ResultType::Plain(match sql_type {
        SqlType::Text => ColumnType::Text,
        SqlType::Bool => ColumnType::Boolean,
        SqlType::BigInt => ColumnType::BigInt,
        SqlType::Double => ColumnType::Double,
        SqlType::Numeric { precision, scale } => ColumnType::Decimal {
            precision: u8::try_from(precision).ok()?,
            scale: u8::try_from(scale).ok()?,
        },
        SqlType::Date => ColumnType::Date,
        SqlType::Timestamp => ColumnType::Timestamp,
        SqlType::Geography => return Some(ResultType::Geography),
        _ => return None,
    }))
}

/// Three expressions: values, least, greatest.
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

fn count(value: Option<i64>) -> Result<u64> {
    value
        .and_then(|n| u64::try_from(n).ok())
        .context("the engine counted nothing")
}

fn refuse(message: String, hint: String) -> anyhow::Error {
    anyhow!(EngineError {
        hint: Some(hint),
        ..EngineError::new(None, message)
    })
    .context("failed to run `sql`")
}

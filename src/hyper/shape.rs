//! Runs the user's SQL, brings its result to the types an extract keeps, and describes it.

use anyhow::{Context, Result, anyhow};
use hyperdb_api::{Connection, SqlType};

use super::{EngineError, INPUT, ResultColumn, ResultType, Sql, quote};
use crate::table::{Column, ColumnType, SystemColumn, Table};

/// Columns described by one query; far below the engine's own limits.
const DESCRIBED_AT_ONCE: usize = 200;
/// Characters of a least or greatest value that are kept. What shows them takes fewer, and must see a
/// secret that begins among those as a whole.
const KEPT: usize = 2_000;

/// Returns a `SELECT` around the user's, whose columns have the types an extract keeps.
///
/// TIMESTAMPTZ becomes UTC, REAL double, JSON and TIME text, and every integer BIGINT: a type
/// must not depend on how large the values are today.
pub(super) fn normalise(connection: &Connection, sql: &Sql, tables: &[Table]) -> Result<String> {
    // On lines of its own, so that a comment at the end hides nothing.
    let inner = format!("(\n{}\n) AS shaped", sql.0);
    let found = columns_of(connection, &format!("SELECT * FROM {inner} LIMIT 0"))
        .map_err(|error| explain(&error, tables))
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

/// Runs a statement over the staged table; errors name what the user can change.
pub(super) fn run(connection: &Connection, statement: &str, tables: &[Table]) -> Result<()> {
    connection
        .execute_command(statement)
        .map_err(|error| explain(&error, tables))
        .context("failed to run `sql`")?;
    Ok(())
}

/// Counts the rows of a table and describes its columns.
pub(super) fn describe(connection: &Connection, table: &str) -> Result<(u64, Vec<ResultColumn>)> {
    let failed = |error: hyperdb_api::Error| {
        anyhow!(explain(&error, &[])).context("failed to read the result back")
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

/// Turns the engine's refusal into ours; `staged` are the tables the user's SQL may name.
pub(super) fn explain(error: &hyperdb_api::Error, staged: &[Table]) -> EngineError {
    let code = error.sqlstate().map(str::to_owned);
    let text = error.to_string();
    // The message comes as `ERROR: … (42703)`; both ends are said elsewhere.
    let message = text
        .split_once("ERROR: ")
        .map_or(text.as_str(), |(_, message)| message);
    let message = match &code {
        Some(code) => message.trim_end_matches(&format!(" ({code})")),
        None => message,
    };
    let hint = match code.as_deref() {
        Some("42703") => quoted(message).map(|name| suggest_column(name, staged)),
        Some("42P01") => Some(format!("the fetched rows are in {}", names_of(staged))),
        Some("42501") => Some(format!(
            "`sql` may read {} and nothing else: no files, no network",
            names_of(staged)
        )),
        // Told by who knows the disk.
        _ if lacks_disk(message) => None,
        Some("53200" | "53S02") => {
            Some("the engine ran out of memory: let `sql` keep fewer rows or columns, avoid sorting and joining everything at once, or use a larger runner".into())
        }
        Some("22P02" | "22007" | "22008" | "22003") => {
            Some("use `try_cast(x AS type)` in `sql` where a value may not fit".into())
        }
        _ => None,
    };
    EngineError {
        code,
        message: message.to_owned(),
        hint,
    }
}

/// Whether the engine says that a file of its own cannot grow; it has the code of lacking memory for that.
pub(super) fn lacks_disk(message: &str) -> bool {
    let message = message.to_lowercase();
    [
        "growing the database file",
        "writing to the database file",
        "temporary file",
        "no space left",
    ]
    .iter()
    .any(|words| message.contains(words))
}

/// The same for a question to the result, whose columns `checks` and `key` name.
pub(super) fn explain_result(error: &hyperdb_api::Error, columns: &[ResultColumn]) -> EngineError {
    let mut explained = explain(error, &[]);
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    explained.hint = match explained.code.as_deref() {
        Some("42703") => quoted(&explained.message).map(|name| suggest(name, &names, "the result")),
        Some("42P01" | "42501") => {
            Some("a check may ask the columns of the result and nothing else".into())
        }
        _ => explained.hint,
    };
    explained
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
        code: None,
        message,
        hint: Some(hint)
    })
    .context("failed to run `sql`")
}

/// The first name in single quotes, as the engine writes them.
fn quoted(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once('\'')?;
    rest.split_once('\'').map(|(name, _)| name)
}

fn names_of(tables: &[Table]) -> String {
    let names: Vec<String> = tables
        .iter()
        .map(|table| format!("`{}`", table.name()))
        .collect();
    match names.as_slice() {
        [] => format!("the table `{INPUT}`"),
        [name] => format!("the table {name}"),
        names => format!("the tables {}", names.join(", ")),
    }
}

/// Unquoted names are folded to lower case, so `createdAt` must be quoted to be found.
fn suggest_column(name: &str, staged: &[Table]) -> String {
    let columns: Vec<&Column> = staged.iter().flat_map(Table::columns).collect();
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    if let Some(nearest) = nearest(name, &names) {
        return nearest;
    }
    let lists = staged.iter().map(|table| {
        let columns = table.columns().iter();
        let names: Vec<&str> = columns.map(|column| column.name.as_str()).collect();
        list(&names, &format!("`{}`", table.name()))
    });
    lists.collect::<Vec<_>>().join("; ")
}

/// Names the column that was meant, or those there are in `what`.
pub(super) fn suggest(name: &str, names: &[&str], what: &str) -> String {
    nearest(name, names).unwrap_or_else(|| list(names, what))
}

fn nearest(name: &str, names: &[&str]) -> Option<String> {
    let lower = name.to_lowercase();
    if let Some(same) = names.iter().find(|other| other.to_lowercase() == lower) {
        return Some(format!(
            "did you mean `{}`? In SQL, quote names with capitals, dots or blanks",
            quote(same)
        ));
    }
    let likeness = |other: &str| strsim::jaro_winkler(&other.to_lowercase(), &lower);
    let nearest = names
        .iter()
        .map(|other| (likeness(other), other))
        .max_by(|(a, _), (b, _)| a.total_cmp(b))?;
    (nearest.0 > 0.8).then(|| format!("did you mean `{}`?", quote(nearest.1)))
}

fn list(names: &[&str], what: &str) -> String {
    let names: Vec<String> = names
        .iter()
        .take(20)
        .map(|name| format!("`{name}`"))
        .collect();
    format!("the columns of {what} are {}", names.join(", "))
}

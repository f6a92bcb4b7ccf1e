//! Runs the user's SQL and brings its result to the types an extract keeps.

use anyhow::{Context, Result, anyhow};
use hyperdb_api::{Connection, SqlType};

use super::describe::columns_of;
use super::explain::explain_sql;
use super::names::quote;
use super::sql::Sql;
use super::types;
use crate::data::ColumnType;
use crate::data::SystemColumn;
use crate::problem::Problem;
use crate::table::Table;

/// What could not be done, whatever the reason.
const FAILED: &str = "failed to run `sql`";

/// Makes the result table out of the staged ones; `name` is its name, qualified and quoted.
///
/// Errors name what the user can change; `endpoint` is where the engine can be asked for more about them.
pub(super) fn create_result(
    connection: &Connection,
    name: &str,
    (sql, tables, endpoint): (&Sql, &[Table], &str),
) -> Result<()> {
    let refused = |error: hyperdb_api::Error| {
        anyhow!(explain_sql(&error, sql.as_str(), tables, endpoint)).context(FAILED)
    };
    // On lines of its own, so that a comment at the end hides nothing.
    let inner = format!("(\n{}\n) AS shaped", sql.as_str());
    let found = columns_of(connection, &format!("SELECT * FROM {inner} LIMIT 0"));
    let select = normalise(&found.map_err(refused)?, &inner).context(FAILED)?;
    connection
        .execute_command(&format!("CREATE TABLE {name} AS\n{select}"))
        .map_err(refused)?;
    Ok(())
}

/// Returns a `SELECT` around `inner`, whose columns are `found`, so that they have the types an extract keeps.
///
/// TIMESTAMPTZ becomes UTC, REAL double, JSON and TIME text, and every integer BIGINT: a type
/// must not depend on how large the values are today.
fn normalise(found: &[(String, SqlType)], inner: &str) -> Result<String, Problem> {
    let mut expressions: Vec<String> = Vec::with_capacity(found.len());
    let mut aliases = Vec::with_capacity(found.len());
    for (index, (name, sql_type)) in found.iter().enumerate() {
        // Names of our own: a result may have a name twice, and then neither could be called by it.
        let alias = format!("c{index}");
        let position = (index + 1).to_string();
        if *name == position || name.trim().is_empty() {
            return Err(refusal(
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
                return Err(refusal(
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

/// The expression that brings a result column, called `alias` there, to a type the extract keeps.
fn keep(name: &str, alias: &str, sql_type: SqlType) -> Result<String, Problem> {
    let column = quote(name);
    let cast = |to| format!("CAST({alias} AS {})", types::sql_type(to));
    Ok(match sql_type {
        SqlType::SmallInt | SqlType::Int | SqlType::Oid => cast(ColumnType::BigInt),
        SqlType::Float => cast(ColumnType::Double),
        SqlType::Varchar { .. } | SqlType::Char { .. } | SqlType::Json | SqlType::Time => {
            cast(ColumnType::Text)
        }
        SqlType::TimestampTz => format!("{alias} AT TIME ZONE 'UTC'"),
        SqlType::Interval => {
            return Err(refusal(
                format!("column `{name}` of the result is an interval, which Tableau cannot show"),
                format!(
                    "turn it into a number in `sql`, such as `extract(epoch from {column})`, or into text with `{column}::text`"
                ),
            ));
        }
        SqlType::ByteA | SqlType::Unsupported => {
            return Err(refusal(
                format!("column `{name}` of the result has a type an extract cannot keep"),
                format!("cast it in `sql`: `{column}::text AS {column}`, or unnest an array"),
            ));
        }
        _ => alias.to_owned(),
    })
}

fn refusal(what: String, hint: String) -> Problem {
    Problem::new(what).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normalised(columns: &[(&str, SqlType)]) -> Result<String, String> {
        let columns: Vec<(String, SqlType)> = columns
            .iter()
            .map(|(name, sql_type)| ((*name).to_owned(), *sql_type))
            .collect();
        normalise(&columns, "x").map_err(|problem| problem.what)
    }

    #[test]
    fn every_column_gets_a_type_an_extract_keeps() {
        let select = normalised(&[
            ("n", SqlType::SmallInt),
            ("at", SqlType::TimestampTz),
            ("a \"b\"", SqlType::Text),
        ]);
        assert_eq!(
            select.unwrap(),
            "SELECT CAST(c0 AS BIGINT) AS \"n\", c1 AT TIME ZONE 'UTC' AS \"at\", c2 AS \"a \"\"b\"\"\" FROM x(c0, c1, c2)"
        );
    }

    #[test]
    fn what_tableau_cannot_show_is_refused() {
        for (columns, told) in [
            (vec![("1", SqlType::Text)], "has no name"),
            (
                vec![("a", SqlType::Text), ("A", SqlType::Text)],
                "two columns",
            ),
            (vec![("a", SqlType::Interval)], "is an interval"),
            (vec![("a", SqlType::ByteA)], "cannot keep"),
        ] {
            assert!(normalised(&columns).unwrap_err().contains(told), "{told}");
        }
    }
}

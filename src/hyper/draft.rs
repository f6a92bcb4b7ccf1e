//! The finished result, which can be asked and is then sealed. A question is one `SELECT`, which can change nothing.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use hyperdb_api::{Connection, Row};

use super::database::{FILE, detach};
use super::describe::{ResultColumn, ResultTable};
use super::engine::Engine;
use super::error::EngineError;
use super::explain::{blame, explain_result};
use super::extract::{Extract, check};
use super::names::quote;
use super::ownership::hand_over;
use super::sql::has_word;

/// Columns of a row that are shown as an example.
const MOST_COLUMNS: usize = 6;

/// What a condition came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckResult {
    /// Values of the expression: one if it aggregates, else one a row.
    pub values: u64,
    /// How many of them are false.
    pub untrue: u64,
    /// How many of them are NULL.
    pub unknown: u64,
}

/// What keeps columns from identifying a row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Duplicates {
    /// Rows where one of the columns is null.
    pub incomplete: u64,
    /// Values that several rows have.
    pub repeated: u64,
    /// Rows that have them.
    pub rows: u64,
    /// The most frequent of these values, column by column, with their number of rows.
    pub examples: Vec<(Vec<String>, u64)>,
}

/// Rows of which a condition does not hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counterexamples {
    /// Names of the columns that are shown.
    pub columns: Vec<String>,
    /// Their values as text, column by column; `None` is NULL.
    pub rows: Vec<Vec<Option<String>>>,
}

/// A finished result in a file nobody else sees yet. The engine runs as long as this lives.
pub struct Draft {
    pub(super) connection: Connection,
    pub(super) engine: Engine,
    pub(super) folder: PathBuf,
    pub(super) result: ResultTable,
}

impl Draft {
    /// Returns the number of rows in the result.
    pub fn rows(&self) -> u64 {
        self.result.rows
    }

    /// Completes the file on disk, stops the engine and moves the file to `target`, replacing it.
    ///
    /// `target` must be on the file system of the folder the engine works in. The file gets the owner of
    /// the folder it ends up in and is readable by everybody: the engine makes it `0640`, and
    /// later steps of a job do not run as root.
    pub fn seal(self, target: &Path) -> Result<Extract> {
        let Draft {
            connection,
            mut engine,
            folder,
            result,
        } = self;
        detach(&connection)
            .map_err(|error| blame(&mut engine, error.into()))
            .context("failed to complete the extract on disk")?;
        drop(connection);
        engine.stop()?;
        let built = folder.join(FILE);
        let bytes = check(&built)?;
        hand_over(&built, target)
            .with_context(|| format!("cannot move the extract to `{}`", target.display()))?;
        Ok(Extract {
            path: target.to_owned(),
            bytes,
            rows: result.rows,
            columns: result.columns,
        })
    }

    /// Returns the columns of the result, in order.
    pub fn columns(&self) -> &[ResultColumn] {
        &self.result.columns
    }

    fn names(&self) -> Vec<&str> {
        self.result
            .columns
            .iter()
            .map(|column| column.name.as_str())
            .collect()
    }

    /// Evaluates a condition in SQL over the result, whose columns it names.
    ///
    /// Errors are the engine's; their hints speak of the result's columns.
    pub fn evaluate(&self, condition: &str) -> Result<CheckResult, EngineError> {
        // On a line of its own, so that a comment at its end hides nothing.
        let query = format!(
            "SELECT count(*), count(*) FILTER (WHERE NOT holds), count(*) FILTER (WHERE holds IS NULL) FROM (SELECT (\n{condition}\n) AS holds FROM {}) AS checked",
            self.result.name
        );
        let numbers = self.numbers(&query, condition)?;
        Ok(CheckResult {
            values: numbers[0],
            untrue: numbers[1],
            unknown: numbers[2],
        })
    }

    /// Returns up to `most` rows of which a condition does not hold, with the columns it names and `also` others.
    ///
    /// There are none if the condition is about all rows at once.
    pub fn counterexamples(&self, condition: &str, also: &[&str], most: usize) -> Counterexamples {
        let is_also = |name: &str| {
            also.iter()
                .any(|other| other.to_lowercase() == name.to_lowercase())
        };
        let is_shown = |name: &str| is_also(name) || has_word(condition, name);
        let names = self.names();
        let mut shown: Vec<&str> = names
            .iter()
            .copied()
            .filter(|name| is_shown(name))
            .collect();
        if shown.is_empty() {
            shown = names;
        }
        shown.truncate(MOST_COLUMNS);
        let aliases: Vec<String> = (0..shown.len()).map(|index| format!("c{index}")).collect();
        let texts = shown.iter().zip(&aliases);
        let texts: Vec<String> = texts
            .map(|(name, alias)| format!("CAST({} AS text) AS {alias}", quote(name)))
            .collect();
        let (texts, aliases) = (texts.join(", "), aliases.join(", "));
        // The order makes two runs over the same rows say the same.
        let query = format!(
            "SELECT {aliases} FROM (SELECT {texts}, (\n{condition}\n) AS holds FROM {}) AS checked WHERE holds IS NOT TRUE ORDER BY {aliases} LIMIT {most}",
            self.result.name
        );
        // An aggregate cannot stand beside columns: that is how it is told.
        let rows = self
            .connection
            .fetch_all(query.as_str())
            .unwrap_or_default();
        let values = |row: &Row| {
            (0..shown.len())
                .map(|index| row.get_string(index))
                .collect()
        };
        Counterexamples {
            rows: rows.iter().map(values).collect(),
            columns: shown.into_iter().map(str::to_owned).collect(),
        }
    }

    /// Looks for rows that these columns of the result do not identify.
    pub fn duplicates(&self, columns: &[&str], examples: usize) -> Result<Duplicates, EngineError> {
        let names: Vec<String> = columns.iter().map(|name| quote(name)).collect();
        let each = |wrap: &dyn Fn(&String) -> String, between: &str| {
            names.iter().map(wrap).collect::<Vec<_>>().join(between)
        };
        let complete = each(&|name| format!("{name} IS NOT NULL"), " AND ");
        let keys = format!(
            "SELECT {0}, count(*) AS \"rows of a key\" FROM {1} WHERE {complete} GROUP BY {0} HAVING count(*) > 1",
            names.join(", "),
            self.result.name
        );
        let query = format!(
            "SELECT (SELECT count(*) FROM {} WHERE NOT ({complete})), count(*), coalesce(sum(\"rows of a key\")::bigint, 0) FROM ({keys}) AS keys",
            self.result.name
        );
        let numbers = self.numbers(&query, "")?;
        let mut found = Duplicates {
            incomplete: numbers[0],
            repeated: numbers[1],
            rows: numbers[2],
            examples: Vec::new(),
        };
        if found.repeated > 0 {
            let texts = each(&|name| format!("CAST({name} AS text)"), ", ");
            let query = format!(
                "SELECT \"rows of a key\", {texts} FROM ({keys}) AS keys ORDER BY 1 DESC, {} LIMIT {examples}",
                names.join(", ")
            );
            let rows = self
                .connection
                .fetch_all(query.as_str())
                .map_err(|error| explain_result(&error, "", &self.names()))?;
            for row in rows {
                let values = (1..=names.len()).map(|index| row.get_string(index));
                let values = values.map(Option::unwrap_or_default).collect();
                found.examples.push((values, number(&row, 0)));
            }
        }
        Ok(found)
    }

    /// Returns the three numbers a query counts; `text` is what the user wrote of it.
    fn numbers(&self, query: &str, text: &str) -> Result<[u64; 3], EngineError> {
        let row = self
            .connection
            .fetch_one(query)
            .map_err(|error| explain_result(&error, text, &self.names()))?;
        Ok([0, 1, 2].map(|index| number(&row, index)))
    }
}

/// Returns a number of rows that the engine has counted: never NULL, never negative.
fn number(row: &Row, index: usize) -> u64 {
    let number = row.get_i64(index).and_then(|n| u64::try_from(n).ok());
    number.unwrap_or_default()
}

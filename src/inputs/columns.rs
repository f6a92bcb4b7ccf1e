//! Inputs that say where the rows are and which types they have: `records`, `columns`, `csv`.

use super::lines;
use super::problems::InputProblems;
use super::raw::Raw;
use super::words::csv_options;
use crate::data::SystemColumn;
use crate::data::path::RecordsPath;
use crate::hyper::Sql;
use crate::rules::Rules;
use crate::rules::columns::ColumnRule;

/// Reads how rows are found and typed; system columns are filled if the SQL names them.
pub(super) fn rules(raw: &Raw, sql: Option<&Sql>, problems: &mut InputProblems) -> Rules {
    let records = problems.take("records", raw.get("records").map(RecordsPath::parse));
    let mut columns: Vec<ColumnRule> = Vec::new();
    for entry in lines::entries(raw, "columns", problems) {
        match ColumnRule::parse(entry.text) {
            Ok(rule) if columns.iter().any(|other| other.name == rule.name) => {
                let problem = format!("`{}` is declared twice", rule.name);
                problems.add("columns", entry.says(problem));
            }
            Ok(rule) => columns.push(rule),
            Err(problem) => problems.add("columns", entry.says(problem)),
        }
    }
    let is_named = |column: &SystemColumn| sql.is_some_and(|sql| sql.names(column.name()));
    let system = SystemColumn::ALL.into_iter().filter(is_named).collect();
    let csv = problems.take("csv", raw.get("csv").map(csv_options));
    Rules {
        records,
        columns,
        system,
        csv: csv.unwrap_or_default(),
    }
}

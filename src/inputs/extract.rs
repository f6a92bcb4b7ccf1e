//! Inputs that say what is built and where: `sql`, `table`, `hyper`.

use std::path::{Path, PathBuf};

use super::lines;
use super::machine::Workspace;
use super::problems::InputProblems;
use super::raw::Raw;
use crate::hyper::{Shape, Sql, TableName};

/// Reads what becomes of the rows.
pub(super) fn shape(raw: &Raw, problems: &mut InputProblems) -> Shape {
    let text = raw.as_written("sql");
    let swallowed = text.and_then(lines::input_in_sql);
    let sql = match swallowed {
        Some(problem) => problems.take("sql", Some(Err(problem))),
        None => problems.take("sql", text.map(Sql::parse)),
    };
    let name = raw.get("table").unwrap_or("Extract");
    let table = problems.take("table", Some(TableName::parse(name)));
    // Only looked at when there are no problems.
    let table = table
        .or_else(|| TableName::parse("Extract").ok())
        .expect("`Extract` is a table name");
    Shape { sql, table }
}

/// Where the file is built: in the workspace if the user says so, else in the runner's temp folder.
pub(super) fn hyper_path(
    raw: &Raw,
    (workspace, temp): (&Workspace, &Path),
    table: &TableName,
    problems: &mut InputProblems,
) -> PathBuf {
    if let Some(text) = raw.get("hyper") {
        let path = problems.take("hyper", Some(workspace.parse(text)));
        let path = path
            .map(|path| path.as_str().to_owned())
            .unwrap_or_default();
        if !path.is_empty() && !path.to_ascii_lowercase().ends_with(".hyper") {
            problems.add(
                "hyper",
                format!("`{path}` does not end in `.hyper`, which Tableau wants"),
            );
        }
        return workspace.folder().join(path);
    }
    let name = raw.get("datasource").unwrap_or(table.as_str());
    temp.join(file_name(name))
}

/// A file name that every file system and the outputs file take.
fn file_name(name: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '.' | '-' | '_' | '(' | ')');
    let plain: String = name
        .trim()
        .chars()
        .take(60)
        .map(|c| if is_plain(c) { c } else { '_' })
        .collect();
    match plain.trim_start_matches('.') {
        "" => "extract.hyper".into(),
        plain => format!("{plain}.hyper"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_source_name_becomes_a_file_name() {
        assert_eq!(file_name("Sales & Ops / ../x"), "Sales _ Ops _ .._x.hyper");
        assert_eq!(file_name("../x"), "_x.hyper");
        assert_eq!(file_name("Größe, Maß"), "Größe_ Maß.hyper");
    }
}

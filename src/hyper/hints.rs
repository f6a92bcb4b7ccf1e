//! What to change, for every answer of the engine to the user's SQL.
//!
//! Its SQLSTATE decides. Where one code stands for several mistakes, its words have to tell them apart: they are those
//! of a pinned version, and hints are all that hangs on them.

use super::error::{self, Contact};
use super::names::{INPUT, quote};
use super::refused::RefusedStatement;
use super::suggest::nearest;
use super::{dialects, sql};
use crate::say::{listed, quoted};
use crate::table::Table;

/// What to do if it ends by itself.
pub(super) const DIED: &str = "if it ran out of memory, let `sql` keep fewer rows or columns, or use a larger runner; otherwise run again";
/// Columns of a table that a message lists.
const LISTED: usize = 40;

/// Returns what to change; `staged` are the tables the statement could name.
pub(super) fn hint(refusal: &RefusedStatement, staged: &[Table]) -> Option<String> {
    let columns = staged.iter().flat_map(Table::columns);
    let names: Vec<&str> = columns.map(|column| column.name.as_str()).collect();
    let message = refusal.message;
    if error::lacks_disk(message) {
        // Told by who knows the disk.
        return None;
    }
    let Some(code) = refusal.code else {
        return (refusal.contact == Contact::Lost).then(|| DIED.to_owned());
    };
    if let Some(hint) = dialects::hint(refusal, &names) {
        return Some(hint);
    }
    let suggested = || refusal.suggestion.map(engine_suggestion);
    Some(match code {
        "42703" => nested(message, refusal.sql, &names)
            .or_else(|| nearest(named(message).unwrap_or_default(), &names))
            .or_else(suggested)
            .unwrap_or_else(|| "check how the name is written in `sql`".into()),
        "42P01" => nested(message, refusal.sql, &names)
            .unwrap_or_else(|| format!("the fetched rows are in {}", names_of(staged))),
        "3F000" => nested(message, refusal.sql, &names).unwrap_or_else(|| {
            format!(
                "name the table alone: the fetched rows are in {}",
                names_of(staged)
            )
        }),
        "42501" => format!(
            "`sql` may read {} and nothing else: no files, no network",
            names_of(staged)
        ),
        _ => suggested().unwrap_or_else(|| by_code(code).to_owned()),
    })
}

/// What can be said about a code whatever the statement is.
fn by_code(code: &str) -> &'static str {
    match code {
        "53200" | "53S02" => {
            "the engine ran out of memory: let `sql` keep fewer rows or columns, avoid sorting and joining everything at once, or use a larger runner"
        }
        "53100" => {
            "the runner's disk is full: let `sql` keep fewer rows or columns, or use a larger runner"
        }
        "22P02" | "22007" | "22008" | "22003" => {
            "use `try_cast(x AS type)` in `sql` where a value may not fit: it gives NULL where `x::type` and `CAST` fail"
        }
        "22012" => "use `a / nullif(b, 0)` in `sql`, which gives NULL where b is 0",
        "2201B" => {
            "correct the pattern in `sql`: it is a POSIX regular expression, where `\\` escapes `( ) [ ] { } . * + ?`"
        }
        "21000" => {
            "let the inner SELECT of `sql` give one row: an aggregate such as `max(x)`, or `LIMIT 1`"
        }
        "54001" => {
            "`sql` is nested too deeply or too long: split it into parts with `WITH name AS (SELECT …)`, and put long lists of values into a source of their own"
        }
        "54011" => {
            "`sql` has more columns than the engine takes: name the columns that are needed instead of `*`"
        }
        "58P01" => {
            "`sql` names a file the engine does not see: it reads no files; give the file as another line of `source` with a name"
        }
        "0A000" => {
            "the engine does not have this: say it in another way in `sql`; what it has is described at https://tableau.github.io/hyper-db/docs/sql/"
        }
        "42883" => {
            "the functions of the engine are listed at https://tableau.github.io/hyper-db/docs/sql/scalar_func/"
        }
        "42704" => {
            "types are text, boolean, bigint, double precision, numeric(p,s), date, timestamp and json"
        }
        _ if code.starts_with("22") => {
            "a value does not fit what `sql` does with it: leave it out with WHERE, or take it with `CASE WHEN … THEN … END`"
        }
        _ if code.starts_with("53") || code.starts_with("54") => {
            "`sql` wants more than the engine gives: let it do less at once, or use a larger runner"
        }
        _ if code.starts_with("08") || code.starts_with("57") => DIED,
        _ if code.starts_with("42") => {
            "the engine's SQL is that of PostgreSQL with some additions: https://tableau.github.io/hyper-db/docs/sql/"
        }
        _ => {
            "check what `sql` asks for; the engine's SQL is described at https://tableau.github.io/hyper-db/docs/sql/"
        }
    }
}

/// `Did you mean one of the following names: …` and `Use double quotes …`, in our words' form.
fn engine_suggestion(text: &str) -> String {
    let text = text
        .trim_end_matches('.')
        .replace(" (including the double quotes)", "");
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_ascii_lowercase());
    first.into_iter().chain(letters).collect()
}

/// The first name in single quotes, as the engine writes them.
pub(super) fn named(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once('\'')?;
    rest.split_once('\'').map(|(name, _)| name)
}

/// `customer.country` in SQL is a table and a column, and in the data one name with a dot.
pub(super) fn nested(message: &str, text: &str, names: &[&str]) -> Option<String> {
    let code = sql::code_of(text).to_lowercase();
    let mut found = names.iter().filter(|name| {
        name.contains('.') && sql::has_word(&code, name) && {
            let first = name.split('.').next().unwrap_or_default();
            message.to_lowercase().contains(&first.to_lowercase())
        }
    });
    let name = found.next()?;
    Some(format!(
        "did you mean `{}`? A nested field is one column whose name has a dot: write it in double quotes",
        quote(name)
    ))
}

/// `input.amount` in a check, whose columns belong to no table with a name.
pub(super) fn after_a_table(text: &str, names: &[&str]) -> Option<String> {
    let code = sql::code_of(text).to_lowercase();
    let is_named = |name: &&&str| code.contains(&format!(".{}", name.to_lowercase()));
    let name = names
        .iter()
        .filter(is_named)
        .max_by_key(|name| name.len())?;
    Some(format!("name the column alone, without a table: `{name}`"))
}

fn names_of(tables: &[Table]) -> String {
    let names = listed(tables.iter().map(Table::name));
    match tables {
        [] => format!("the table `{INPUT}`"),
        [_] => format!("the table {names}"),
        _ => format!("the tables {names}"),
    }
}

/// The columns of a staged table with their types.
pub(super) fn list_columns(table: &Table) -> String {
    let columns = table.columns();
    let shown = columns.iter().take(LISTED);
    let shown: Vec<String> = shown
        .map(|column| format!("{} {}", quoted(&column.name), column.column_type))
        .collect();
    let more = match columns.len().saturating_sub(LISTED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!(
        "columns of {} are {}{more}",
        quoted(table.name()),
        shown.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_hint_and_so_has_a_broken_connection() {
        let hint = |code, message| {
            let refusal = RefusedStatement {
                code,
                contact: match code {
                    Some(_) => Contact::Kept,
                    None => Contact::Lost,
                },
                message,
                sql: "",
                span: None,
                suggestion: None,
            };
            super::hint(&refusal, &[]).unwrap_or_default()
        };
        for (code, told) in [
            ("42601", "PostgreSQL"),
            ("42883", "functions of the engine"),
            ("0A000", "another way"),
            ("3F000", "name the table alone"),
            ("54001", "nested too deeply"),
            ("54011", "more columns"),
            ("54S01", "more than the engine gives"),
            ("58P01", "reads no files"),
            ("22000", "does not fit"),
            ("22P02", "try_cast"),
            ("53200", "out of memory"),
            ("53100", "disk is full"),
            ("57P01", "run again"),
            ("XX000", "is described at"),
        ] {
            assert!(hint(Some(code), "x").contains(told), "{code}");
        }
        assert!(hint(None, "connection error: closed").contains("run again"));
        assert!(hint(Some("22023"), "time zone not recognized").contains("Europe/Berlin"));
    }

    #[test]
    fn a_nested_field_is_found_by_its_path() {
        let names = ["id", "customer.country", "Ship.To"];
        let found = |message, sql| nested(message, sql, &names);
        let said = found(
            "unknown table \"customer\"",
            "SELECT customer.country FROM input",
        );
        assert!(said.unwrap().contains("`\"customer.country\"`"));
        let said = found("unknown table \"ship\"", "SELECT Ship.To FROM input");
        assert!(said.unwrap().contains("`\"Ship.To\"`"));
        assert_eq!(
            found(
                "unknown table \"x\"",
                "SELECT x.country, 'customer.country' FROM input"
            ),
            None
        );
    }
}

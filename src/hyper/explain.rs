//! Turns the engine's refusals into ours: its words, where in the user's SQL, and what to write instead.

use hyperdb_api::Error;

use super::diagnostics::{self, Remark, Spot};
use super::{EngineError, INPUT, Place, ResultColumn, dialects, quote, sql};
use crate::table::Table;

/// Columns of a table that a message lists.
const LISTED: usize = 40;
/// Characters of a line of SQL that are shown.
const WIDTH: usize = 100;

/// What the engine answered, in parts.
pub(super) struct Refusal<'a> {
    /// SQLSTATE, if the engine answered.
    pub(super) code: Option<&'a str>,
    /// Its message.
    pub(super) message: &'a str,
    /// What it was asked, as the user wrote it; empty if that is not known.
    pub(super) sql: &'a str,
    /// Where in it.
    pub(super) spot: Option<Spot>,
    /// What the engine itself suggests.
    pub(super) suggestion: Option<&'a str>,
}

impl Refusal<'_> {
    /// Returns what stands at the place the engine names.
    pub(super) fn at_spot(&self) -> &str {
        let line = self
            .spot
            .and_then(|spot| self.sql.lines().nth(spot.line - 1));
        let (Some(line), Some(spot)) = (line, self.spot) else {
            return "";
        };
        let start = offset(line, spot.column - 1);
        let end = offset(line, spot.column - 1 + spot.width);
        &line[start..end]
    }

    /// Returns the SQL before that place, without texts, quoted names and comments.
    pub(super) fn code_before(&self) -> String {
        let Some(spot) = self.spot else {
            return String::new();
        };
        let code = sql::code_of(self.sql);
        let mut lines: Vec<&str> = code.lines().take(spot.line).collect();
        if let Some(last) = lines.last_mut() {
            *last = &last[..offset(last, spot.column - 1)];
        }
        lines.join("\n").trim_end().to_lowercase()
    }
}

/// Byte offset of a character.
fn offset(line: &str, characters: usize) -> usize {
    let at = line.char_indices().nth(characters);
    at.map_or(line.len(), |(at, _)| at)
}

/// Explains why a statement of ours was refused.
pub(super) fn explain(error: &Error) -> EngineError {
    let (code, message) = parts(error);
    let refusal = Refusal {
        code: code.as_deref(),
        message: &message,
        sql: "",
        spot: None,
        suggestion: None,
    };
    let hint = hint(&refusal, &[]);
    EngineError {
        hint,
        ..EngineError::new(code, message)
    }
}

/// Explains why the user's SQL over the staged tables was refused; `endpoint` is where the engine listens.
pub(super) fn explain_sql(
    error: &Error,
    text: &str,
    staged: &[Table],
    endpoint: &str,
) -> EngineError {
    let (code, message) = parts(error);
    let is_text = code.as_deref().is_some_and(is_about_text);
    let remark = is_text.then(|| {
        let tables: Vec<String> = staged.iter().map(super::load::staging).collect();
        diagnostics::ask(endpoint, &tables, text)
    });
    // Asked without what we put around it, it names the end of the user's text, not our bracket.
    let remark = remark
        .flatten()
        .filter(|remark| is_same(remark, code.as_deref()));
    let remark = remark.unwrap_or_default();
    let message = match remark.message.as_str() {
        "" => message,
        other => other.to_owned(),
    };
    let refusal = Refusal {
        code: code.as_deref(),
        message: &message,
        sql: text,
        spot: remark.spot,
        suggestion: remark.suggestion.as_deref(),
    };
    let mut hint = hint(&refusal, staged);
    if is_text && !matches!(code.as_deref(), Some(code) if code.starts_with("54")) {
        let columns: Vec<String> = staged.iter().map(list_columns).collect();
        let columns = columns.join(", the ");
        hint = Some(match hint {
            Some(hint) if hint.ends_with('?') => format!("{hint} The {columns}"),
            Some(hint) => format!("{hint}; the {columns}"),
            None => format!("the {columns}"),
        });
    }
    EngineError {
        hint,
        place: remark.spot.map(|spot| Box::new(place(text, spot))),
        ..EngineError::new(code, message)
    }
}

/// Explains why a question to the result was refused, whose columns `checks` and `key` name.
pub(super) fn explain_result(error: &Error, text: &str, columns: &[ResultColumn]) -> EngineError {
    let (code, message) = parts(error);
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let refusal = Refusal {
        code: code.as_deref(),
        message: &message,
        sql: text,
        spot: None,
        suggestion: None,
    };
    let hint = match code.as_deref() {
        Some("42703") => named(&message).map(|name| {
            dialects::text_in_double_quotes(&refusal, name, &names)
                .unwrap_or_else(|| suggest(name, &names, "the result"))
        }),
        // The bracket is ours.
        Some("42601") if message.contains("got ')'") => {
            Some("the condition ends too early: something is missing at its end, or a bracket too many closes".into())
        }
        Some("42601") if message.contains("GROUP BY") || message.contains("aggregates are not") => {
            Some("a line of `checks` either aggregates or is asked of every row: write two lines".into())
        }
        Some("42P01" | "42501" | "3F000") => nested(&message, text, &names)
            .or_else(|| after_a_table(text, &names))
            .or_else(|| Some("a check may ask the columns of the result and nothing else".into())),
        _ => hint(&refusal, &[]),
    };
    EngineError {
        hint,
        ..EngineError::new(code, message)
    }
}

/// Explains that the engine is not there, ended, or did not start.
pub(super) fn without_engine(error: anyhow::Error, hint: &str) -> anyhow::Error {
    let message = error.to_string();
    EngineError {
        hint: Some(hint.to_owned()),
        cause: Some(error.into()),
        ..EngineError::new(None, message)
    }
    .into()
}

fn parts(error: &Error) -> (Option<String>, String) {
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
    let message = message.to_owned();
    (code, message)
}

/// Whether the engine has found it out from the text alone, so that it will again.
fn is_about_text(code: &str) -> bool {
    ["42", "0A", "3F", "54"]
        .iter()
        .any(|class| code.starts_with(class))
        && code != "42501"
}

fn is_same(remark: &Remark, code: Option<&str>) -> bool {
    code == Some(remark.code.as_str())
}

/// The lines around a place, with their numbers and a mark below it.
fn place(text: &str, spot: Spot) -> Place {
    let mut shown = String::new();
    let first = spot.line.saturating_sub(2);
    let gutter = (spot.line + 1).to_string().len();
    for (index, line) in text
        .lines()
        .enumerate()
        .skip(first)
        .take(spot.line + 1 - first)
    {
        let is_it = index + 1 == spot.line;
        // Of a long line a window that holds the place.
        let start = if is_it {
            (spot.column + spot.width.min(WIDTH / 2)).saturating_sub(WIDTH)
        } else {
            0
        };
        let window: String = line.chars().skip(start).take(WIDTH).collect();
        let dots = if start > 0 { "…" } else { "" };
        shown += &format!("\n  {:>gutter$} | {dots}{}", index + 1, window.trim_end());
        if is_it {
            let before = window.chars().take(spot.column - 1 - start);
            // Tabs stay, so that the mark stands where it should.
            let blanks: String = before.map(|c| if c == '\t' { c } else { ' ' }).collect();
            let blanks = if start > 0 {
                format!(" {blanks}")
            } else {
                blanks
            };
            let marks = "~".repeat(spot.width.min(WIDTH / 2) - 1);
            shown += &format!("\n  {:>gutter$} | {blanks}^{marks}", "");
        }
    }
    Place {
        line: spot.line,
        column: spot.column,
        excerpt: shown.trim_start_matches('\n').to_owned(),
    }
}

fn hint(refusal: &Refusal, staged: &[Table]) -> Option<String> {
    let columns = staged.iter().flat_map(Table::columns);
    let names: Vec<&str> = columns.map(|column| column.name.as_str()).collect();
    let message = refusal.message;
    if lacks_disk(message) {
        // Told by who knows the disk.
        return None;
    }
    let Some(code) = refusal.code else {
        return is_broken(message).then(|| super::DIED.to_owned());
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

/// Whether nobody answered at all.
fn is_broken(message: &str) -> bool {
    let message = message.to_lowercase();
    ["connection", "closed", "broken pipe", "os error"]
        .iter()
        .any(|words| message.contains(words))
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
        _ if code.starts_with("08") || code.starts_with("57") => super::DIED,
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
fn named(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once('\'')?;
    rest.split_once('\'').map(|(name, _)| name)
}

/// `customer.country` in SQL is a table and a column, and in the data one name with a dot.
fn nested(message: &str, text: &str, names: &[&str]) -> Option<String> {
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
fn after_a_table(text: &str, names: &[&str]) -> Option<String> {
    let code = sql::code_of(text).to_lowercase();
    let is_named = |name: &&&str| code.contains(&format!(".{}", name.to_lowercase()));
    let name = names
        .iter()
        .filter(is_named)
        .max_by_key(|name| name.len())?;
    Some(format!("name the column alone, without a table: `{name}`"))
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

/// The columns of a staged table with their types.
fn list_columns(table: &Table) -> String {
    let columns = table.columns();
    let shown = columns.iter().take(LISTED);
    let shown: Vec<String> = shown
        .map(|column| format!("`{}` {}", column.name, column.column_type))
        .collect();
    let more = match columns.len().saturating_sub(LISTED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!(
        "columns of `{}` are {}{more}",
        table.name(),
        shown.join(", ")
    )
}

/// Names the column that was meant, or those there are in `what`.
pub(super) fn suggest(name: &str, names: &[&str], what: &str) -> String {
    nearest(name, names).unwrap_or_else(|| {
        let shown: Vec<String> = names
            .iter()
            .take(LISTED)
            .map(|name| format!("`{name}`"))
            .collect();
        format!("the columns of {what} are {}", shown.join(", "))
    })
}

/// Unquoted names are folded to lower case, so `createdAt` must be quoted to be found.
pub(super) fn nearest(name: &str, names: &[&str]) -> Option<String> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_hint_and_so_has_a_broken_connection() {
        let hint = |code, message| {
            let refusal = Refusal {
                code,
                message,
                sql: "",
                spot: None,
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
    fn a_place_is_shown_with_the_lines_around_it() {
        let spot = Spot {
            line: 2,
            column: 3,
            width: 5,
        };
        let shown = place("SELECT a,\n  regon,\n  b\nFROM input", spot).excerpt;
        assert_eq!(
            shown,
            "  1 | SELECT a,\n  2 |   regon,\n    |   ^~~~~\n  3 |   b"
        );
        let long = format!("SELECT {} nope FROM input", "a, ".repeat(100));
        let spot = Spot {
            line: 1,
            column: 309,
            width: 4,
        };
        let shown = place(&long, spot).excerpt;
        let lines: Vec<&str> = shown.lines().collect();
        let at = lines[1].chars().position(|c| c == '^').unwrap();
        let marked: String = lines[0].chars().skip(at).take(4).collect();
        assert_eq!(marked, "nope", "{shown}");
        // One behind the end of the text.
        let spot = Spot {
            line: 1,
            column: 9,
            width: 1,
        };
        assert_eq!(
            place("SELECT a", spot).excerpt,
            "  1 | SELECT a\n    |         ^"
        );
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

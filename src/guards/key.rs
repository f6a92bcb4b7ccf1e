//! The guard `key`: which columns identify a row.

use super::verdict::{EXAMPLES, Outcome, Verdict};
use crate::hyper::{Draft, Duplicates, suggest_column};
use crate::say::{count, quoted};

/// Columns that together are unique and never null. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key(Vec<String>);

impl Key {
    /// Takes lines with their numbers; in a line names are separated by commas, `"…"` around one that holds a comma.
    pub fn parse<'a>(lines: impl IntoIterator<Item = (usize, &'a str)>) -> Result<Key, String> {
        let mut names: Vec<String> = Vec::new();
        for (number, line) in lines {
            let about = |problem: String| format!("line {number}: {problem}");
            for name in split(line).map_err(about)? {
                if names
                    .iter()
                    .any(|other| other.to_lowercase() == name.to_lowercase())
                {
                    return Err(about(format!("`{name}` is named twice")));
                }
                names.push(name);
            }
        }
        if names.is_empty() {
            return Err("it names no column".into());
        }
        Ok(Key(names))
    }

    /// Returns the names as the user wrote them.
    pub(super) fn names(&self) -> &[String] {
        &self.0
    }

    /// Finds the columns in the result, whose columns `names` are; an error is the name that is not there.
    fn columns<'a>(&self, names: &[&'a str]) -> Result<Vec<&'a str>, String> {
        let find = |name: &String| {
            let exact = names.iter().find(|other| *other == name);
            let found = exact.or_else(|| {
                names
                    .iter()
                    .find(|other| other.to_lowercase() == name.to_lowercase())
            });
            found.copied().ok_or_else(|| name.clone())
        };
        self.0.iter().map(find).collect()
    }
}

/// Splits a line of names; a quote within quotes is doubled.
fn split(line: &str) -> Result<Vec<String>, String> {
    let mut names = Vec::new();
    let mut rest = line;
    loop {
        rest = rest.trim_start();
        let (name, after) = if let Some(mut quoted) = rest.strip_prefix('"') {
            let mut name = String::new();
            loop {
                let end = quoted.find('"').ok_or("a quote is not closed")?;
                name += &quoted[..end];
                quoted = &quoted[end + 1..];
                match quoted.strip_prefix('"') {
                    Some(further) => {
                        name.push('"');
                        quoted = further;
                    }
                    None => break (name, quoted.trim_start()),
                }
            }
        } else {
            let end = rest.find(',').unwrap_or(rest.len());
            (rest[..end].trim_end().to_owned(), &rest[end..])
        };
        if name.is_empty() {
            return Err(format!("a name is missing in `{line}`"));
        }
        if name.contains('\0') {
            return Err("a name contains a NUL character".into());
        }
        names.push(name);
        match after.strip_prefix(',') {
            Some(further) => rest = further,
            None if after.is_empty() => return Ok(names),
            None => return Err(format!("a comma is missing before `{after}`")),
        }
    }
}

/// Asks whether the columns identify every row.
pub(super) fn check_key(draft: &Draft, key: &Key) -> Verdict {
    let guard = format!("key: {}", key.0.join(", "));
    let names: Vec<&str> = draft
        .columns()
        .iter()
        .map(|column| column.name.as_str())
        .collect();
    let columns = match key.columns(&names) {
        Ok(columns) => columns,
        Err(name) => {
            let found = format!("the result has no column `{name}`");
            let hint = format!("`key`: {}", suggest_column(&name, &names));
            return Verdict::unanswerable(guard, found, Some(hint));
        }
    };
    match draft.duplicates(&columns, EXAMPLES) {
        Ok(found) => {
            let holds = found.incomplete == 0 && found.repeated == 0;
            Verdict {
                guard,
                outcome: Outcome::of(holds),
                found: say_duplicates(&found, draft.rows()),
                hint: (!holds).then(|| {
                    "remove the rows in `sql`, or add the columns to `key` that tell them apart"
                        .into()
                }),
            }
        }
        Err(error) => Verdict::refused(guard, &error, error.to_string(), None),
    }
}

fn say_duplicates(found: &Duplicates, rows: u64) -> String {
    let mut said = Vec::new();
    if found.repeated > 0 {
        let examples: Vec<String> = found
            .examples
            .iter()
            .map(|(values, n)| {
                let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
                format!("{} ({})", values.join(", "), count(*n, "row"))
            })
            .collect();
        let more = if found.repeated > found.examples.len() as u64 {
            ", …"
        } else {
            ""
        };
        let verb = if found.repeated == 1 { "is" } else { "are" };
        said.push(format!(
            "{} {verb} in {}: {}{more}",
            count(found.repeated, "value"),
            count(found.rows, "row"),
            examples.join(", ")
        ));
    }
    if found.incomplete > 0 {
        let verb = if found.incomplete == 1 { "has" } else { "have" };
        said.push(format!(
            "{} {verb} NULL there",
            count(found.incomplete, "row")
        ));
    }
    if said.is_empty() {
        return format!("unique and never NULL in {}", count(rows, "row"));
    }
    said.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_names_with_commas_lines_and_quotes() {
        let parse = |text: &'static str| {
            let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
            Key::parse((1..).zip(lines)).map(|key| key.0)
        };
        let names = |names: &[&str]| Ok(names.iter().map(|&name| name.to_owned()).collect());
        assert_eq!(parse("id"), names(&["id"]));
        assert_eq!(parse("a, user name ,b"), names(&["a", "user name", "b"]));
        assert_eq!(parse("a\n b,c\n"), names(&["a", "b", "c"]));
        assert_eq!(
            parse(r#""a, b", "say ""hi""" , c"#),
            names(&["a, b", "say \"hi\"", "c"])
        );
        assert_eq!(
            parse("a,,b"),
            Err("line 1: a name is missing in `a,,b`".into())
        );
        assert_eq!(parse("a,"), Err("line 1: a name is missing in `a,`".into()));
        assert_eq!(parse("\"a"), Err("line 1: a quote is not closed".into()));
        assert_eq!(
            parse("\"a\" b"),
            Err("line 1: a comma is missing before `b`".into())
        );
        assert_eq!(parse("id, ID"), Err("line 1: `ID` is named twice".into()));
    }
}

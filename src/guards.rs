//! What must hold before anyone sees the data. Asks the built extract, never the source.

use std::fmt;

use crate::hyper::{CheckResult, Counterexamples, Draft, Duplicates, EngineError, one_statement};
use crate::say::{count, grouped};
use crate::secrets;

/// Examples of keys in a message.
const EXAMPLES: usize = 5;
/// Characters of an example that are shown.
const SHOWN: usize = 40;

/// What the user asked to be true of the result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guards {
    /// Fewer rows than this and nothing is published.
    pub min_rows: u64,
    /// Columns that identify a row, if declared.
    pub key: Option<Key>,
    /// Conditions over the result.
    pub checks: Vec<Check>,
}

/// Columns that together are unique and never null. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key(Vec<String>);

/// A condition in Hyper SQL over the columns of the result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check(String);

/// Whether a guard let the data through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The data is as it should be.
    Held,
    /// The data must not be published.
    Failed,
}

/// What a guard found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The input that asked for it, with its value: `min-rows: 1`.
    pub guard: String,
    /// Whether it holds.
    pub outcome: Outcome,
    /// What was found, in numbers.
    pub found: String,
    /// What to do about it, if it failed.
    pub hint: Option<String>,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = match self.outcome {
            Outcome::Held => '✓',
            Outcome::Failed => '✗',
        };
        write!(f, "{mark} {}: {}", self.guard, self.found)
    }
}

/// At least one guard failed.
#[derive(Debug)]
pub struct GuardError {
    failed: Vec<Verdict>,
}

impl GuardError {
    /// What the user can do about it: one thing, whatever number of guards failed.
    pub fn hint(&self) -> String {
        let [first, others @ ..] = self.failed.as_slice() else {
            return String::new();
        };
        if others.iter().all(|verdict| verdict.hint == first.hint) {
            return first.hint.clone().unwrap_or_default();
        }
        let failed = self.failed.iter();
        let mut inputs: Vec<&str> = failed
            .filter_map(|verdict| verdict.guard.split(':').next())
            .collect();
        inputs.dedup();
        format!(
            "check what the source delivers now, and keep out in `sql` what shall not come; if all is as it should be, change `{}`",
            inputs.join("` or `")
        )
    }
}

impl fmt::Display for GuardError {
    /// One sentence for one guard, else a line for each.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let say = |verdict: &Verdict| format!("{}, but `{}`", verdict.found, verdict.guard);
        if let [one] = self.failed.as_slice() {
            return f.write_str(&say(one));
        }
        write!(f, "{} failed:", count(self.failed.len(), "guard"))?;
        for verdict in &self.failed {
            write!(f, "\n- {}", say(verdict))?;
            // Of the others the common hint says enough.
            if let Some(hint) = verdict.hint.as_ref().filter(|_| verdict.is_misspelt()) {
                write!(f, " ({hint})")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for GuardError {}

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

    /// Finds the columns in the result.
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

impl Check {
    /// Takes one expression; whether it is one, the engine says.
    pub fn parse(text: &str) -> Result<Check, String> {
        if text.contains('\0') {
            return Err("the condition contains a NUL character".into());
        }
        let Ok(text) = one_statement(text).map(str::trim) else {
            return Err("it is no single condition: write one a line, with its quotes closed and no `;` in between".into());
        };
        if text.is_empty() {
            return Err("the condition is empty".into());
        }
        let first: String = text.chars().take_while(char::is_ascii_alphabetic).collect();
        if matches!(
            first.to_ascii_lowercase().as_str(),
            "select" | "with" | "insert" | "update" | "delete" | "create" | "drop" | "copy"
        ) {
            return Err(format!(
                "`{text}` is a statement: write a condition, such as `count(*) FILTER (WHERE amount < 0) = 0`"
            ));
        }
        Ok(Check(text.to_owned()))
    }
}

/// Runs every guard over the finished result, also after one has failed.
pub fn check(draft: &Draft, guards: &Guards) -> Vec<Verdict> {
    let mut verdicts = vec![check_rows(draft.rows(), guards)];
    verdicts.extend(guards.key.iter().map(|key| check_key(draft, key)));
    let key: &[String] = guards.key.as_ref().map_or(&[], |key| &key.0);
    let checks = guards.checks.iter();
    verdicts.extend(checks.map(|check| check_condition(draft, check, key)));
    verdicts
}

/// The row guard alone, for a result that has not even columns.
pub fn check_rows(rows: u64, guards: &Guards) -> Verdict {
    let found = format!("the result has {}", count(rows, "row"));
    Verdict {
        guard: format!("min-rows: {}", guards.min_rows),
        outcome: Outcome::of(rows >= guards.min_rows),
        found,
        hint: (rows < guards.min_rows).then(|| {
            "check what the source delivers now; if this is as it should be, change the guard (`min-rows: 0` publishes an empty table)".into()
        }),
    }
}

fn check_key(draft: &Draft, key: &Key) -> Verdict {
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
            let hint = crate::hyper::suggest(&name, &names);
            return Verdict::failed(guard, found, format!("`key`: {hint}"));
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
        Err(error) => Verdict::failed(guard, format!("{error:#}"), String::new()),
    }
}

fn say_duplicates(found: &Duplicates, rows: u64) -> String {
    let mut said = Vec::new();
    if found.repeated > 0 {
        let examples: Vec<String> = found
            .examples
            .iter()
            .map(|(values, n)| {
                let values: Vec<String> = values.iter().map(|value| shorten(value)).collect();
                format!("`{}` ({})", values.join("`, `"), count(*n, "row"))
            })
            .collect();
        let more = if found.repeated > found.examples.len() as u64 {
            ", …"
        } else {
            ""
        };
        let keys = if found.repeated == 1 {
            "value is"
        } else {
            "values are"
        };
        said.push(format!(
            "{} {keys} in {}: {}{more}",
            grouped(found.repeated),
            count(found.rows, "row"),
            examples.join(", ")
        ));
    }
    match found.incomplete {
        0 => {}
        1 => said.push("1 row has NULL there".to_owned()),
        n => said.push(format!("{} have NULL there", count(n, "row"))),
    }
    if said.is_empty() {
        return format!("unique and never NULL in {}", count(rows, "row"));
    }
    said.join("; ")
}

/// `key` are names of columns that tell the rows apart.
fn check_condition(draft: &Draft, check: &Check, key: &[String]) -> Verdict {
    let guard = format!("checks: {}", check.0);
    match draft.evaluate(&check.0) {
        Ok(answer) => {
            let holds = answer.untrue == 0 && answer.unknown == 0;
            Verdict {
                guard,
                outcome: Outcome::of(holds),
                found: if holds {
                    say_answer(answer)
                } else {
                    let key: Vec<&str> = key.iter().map(String::as_str).collect();
                    let rows = draft.counterexamples(&check.0, &key, EXAMPLES);
                    say_answer(answer) + &say_examples(&rows, answer)
                },
                hint: (!holds).then(|| {
                    "check what the source delivers now; if this is as it should be, change the line in `checks`".into()
                }),
            }
        }
        Err(error) => {
            let hint = error.hint.clone().unwrap_or_else(|| {
                "a line of `checks` is a condition in Hyper SQL over the columns of the result"
                    .into()
            });
            Verdict::failed(guard, say_error(&error), hint)
        }
    }
}

/// The rows a condition fails on, with what it names.
fn say_examples(found: &Counterexamples, answer: CheckResult) -> String {
    if found.rows.is_empty() {
        return String::new();
    }
    let say = |row: &Vec<Option<String>>| {
        let values = found.columns.iter().zip(row);
        let values: Vec<String> = values
            .map(|(name, value)| match value {
                Some(value) => format!("{name}: {}", shorten(value)),
                None => format!("{name}: NULL"),
            })
            .collect();
        format!("`{}`", values.join(", "))
    };
    let rows: Vec<String> = found.rows.iter().map(say).collect();
    let more = if answer.untrue + answer.unknown > rows.len() as u64 {
        ", …"
    } else {
        ""
    };
    format!(": {}{more}", rows.join(", "))
}

/// Without the place: it counts from the beginning of a statement the user did not write.
fn say_error(error: &EngineError) -> String {
    let first = error.message.lines().next().unwrap_or_default();
    match &error.code {
        Some(code) => format!("Hyper answered {code}: {first}"),
        None => first.to_owned(),
    }
}

fn say_answer(answer: CheckResult) -> String {
    let CheckResult {
        values,
        untrue,
        unknown,
    } = answer;
    let rows = count(values, "row");
    let (n_untrue, n_unknown) = (grouped(untrue), grouped(unknown));
    match (values, untrue, unknown) {
        (1, 1, _) => "it is false".into(),
        (1, _, 1) => "it is NULL".into(),
        (1, ..) => "it is true".into(),
        (_, 0, 0) => format!("it is true in all {rows}"),
        (_, _, 0) => format!("it is false in {n_untrue} of {rows}"),
        (_, 0, _) => format!("it is NULL in {n_unknown} of {rows}"),
        _ => format!("it is false in {n_untrue} and NULL in {n_unknown} of {rows}"),
    }
}

impl Outcome {
    fn of(holds: bool) -> Outcome {
        if holds {
            Outcome::Held
        } else {
            Outcome::Failed
        }
    }
}

impl Verdict {
    /// Whether the guard itself could not be asked.
    fn is_misspelt(&self) -> bool {
        self.found.starts_with("Hyper answered") || self.found.contains("has no column")
    }

    fn failed(guard: String, found: String, hint: String) -> Verdict {
        Verdict {
            guard,
            outcome: Outcome::Failed,
            found,
            hint: (!hint.is_empty()).then_some(hint),
        }
    }
}

/// Shows a value of the data: short, without control characters and secrets.
fn shorten(value: &str) -> String {
    let shown = secrets::quote(value, SHOWN);
    shown.chars().flat_map(char::escape_debug).collect()
}

/// Fails if any verdict does.
pub fn judge(verdicts: &[Verdict]) -> Result<(), GuardError> {
    let failed: Vec<Verdict> = verdicts
        .iter()
        .filter(|verdict| verdict.outcome == Outcome::Failed)
        .cloned()
        .collect();
    if failed.is_empty() {
        Ok(())
    } else {
        Err(GuardError { failed })
    }
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

    #[test]
    fn a_statement_is_no_condition() {
        assert!(Check::parse("count(*) > 0").is_ok());
        assert!(Check::parse("selected").is_ok());
        assert!(
            Check::parse("SELECT 1")
                .unwrap_err()
                .contains("write a condition")
        );
        assert!(Check::parse("drop table x").is_err());
        for text in [
            "a > 0; -- always",
            "a > 0;",
            "a > 0 -- always; b",
            "a > 0 /* ; */",
        ] {
            assert_eq!(Check::parse(text), Ok(Check("a > 0".into())), "{text}");
        }
        assert!(Check::parse("b <> ';--'").is_ok());
        for text in ["a > 0; b > 0", "b = 'x", "; -- nothing"] {
            assert!(Check::parse(text).is_err(), "{text}");
        }
    }
}

//! The guard `checks`: conditions in Hyper SQL.

use super::verdict::{EXAMPLES, Outcome, Verdict};
use crate::hyper::{CheckResult, Counterexamples, Draft, EngineError, one_statement};
use crate::say::{count, grouped, shown};

/// A condition in Hyper SQL over the columns of the result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check(String);

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

/// Asks the condition of every row; examples of rows that fail show the columns of `key` as well.
pub(super) fn check_condition(draft: &Draft, check: &Check, key: &[String]) -> Verdict {
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
            Verdict::refused(guard, &error, say_error(&error), Some(hint))
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
                Some(value) => format!("{name}: {}", shown(value)),
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

/// Says why the engine refused, without the position: that counts from the beginning of a statement the user did not write.
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

#[cfg(test)]
mod tests {
    use super::*;

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

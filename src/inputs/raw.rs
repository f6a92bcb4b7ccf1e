//! Inputs and variables as strings: where each comes from, and which are no text.

use std::collections::HashMap;
use std::ffi::OsString;

use super::declared::DECLARED;
use super::problems::InputProblems;

/// All values that are not blank.
#[derive(Debug)]
pub(super) struct Raw(HashMap<&'static str, String>);

/// Variables that are paths of the machine, and the input to blame if one is no text.
const PATHS: [(&str, &str); 3] = [
    ("GITHUB_WORKSPACE", "source"),
    ("RUNNER_TEMP", "hyper"),
    ("HYPERD_PATH", "hyper"),
];

/// Returns the variables that are text; that one of ours is not is a problem, others are nobody's business.
pub(super) fn texts(
    vars: impl IntoIterator<Item = (OsString, OsString)>,
    problems: &mut InputProblems,
) -> HashMap<String, String> {
    let mut texts = HashMap::new();
    for (name, value) in vars {
        let Ok(name) = name.into_string() else {
            continue;
        };
        match value.into_string() {
            Ok(value) => {
                texts.insert(name, value);
            }
            Err(_) => {
                if let Some((input, what)) = ours(&name) {
                    problems.add(input, format!("{what} is not UTF-8 text"));
                }
            }
        }
    }
    texts
}

/// The input a variable belongs to, and what to call its value.
fn ours(name: &str) -> Option<(&'static str, String)> {
    let plain = name.strip_prefix("INPUT_");
    let plain = plain.map(|plain| plain.to_ascii_lowercase().replace('_', "-"));
    let input = DECLARED
        .iter()
        .find(|input| plain.as_deref() == Some(input.name) || input.variable == Some(name));
    let path = || PATHS.iter().find(|(path, _)| *path == name);
    match (input, &plain) {
        (Some(input), Some(_)) => Some((input.name, "its value".into())),
        (Some(input), None) => Some((input.name, format!("the variable `{name}`"))),
        _ => path().map(|(_, input)| (*input, format!("the path in the variable `{name}`"))),
    }
}

impl Raw {
    /// Takes every input from its own variable, or from the one that stands in for it.
    pub(super) fn read(vars: &HashMap<String, String>, problems: &mut InputProblems) -> Raw {
        let given = vars
            .iter()
            .filter(|(name, value)| name.starts_with("INPUT_") && !value.trim().is_empty())
            // Some tools export underscores; the documented spelling has hyphens.
            .map(|(name, value)| {
                (
                    format!("INPUT_{}", name["INPUT_".len()..].replace('_', "-")),
                    value.clone(),
                )
            });
        let mut pairs: Vec<(String, String)> = given.collect();
        // The last of several spellings wins: of letters, capitals as the runner writes them.
        pairs.sort_by(|one, other| other.cmp(one));
        let mut given: HashMap<String, String> = match envy::prefixed("INPUT_").from_iter(pairs) {
            Ok(given) => given,
            Err(error) => {
                problems.add("source", format!("the inputs cannot be read: {error}"));
                HashMap::new()
            }
        };
        let mut all = HashMap::new();
        for declared in DECLARED {
            let from_variable = || {
                let value = vars.get(declared.variable?)?;
                (!value.trim().is_empty()).then(|| value.clone())
            };
            if let Some(found) = given.remove(declared.name).or_else(from_variable) {
                all.insert(declared.name, found);
            }
        }
        Raw(all)
    }

    /// Returns a value with all its lines, so that they can be counted.
    pub(super) fn as_written(&self, name: &'static str) -> Option<&str> {
        debug_assert!(DECLARED.iter().any(|input| input.name == name));
        self.0.get(name).map(String::as_str)
    }

    /// Returns a value without blanks around it.
    pub(super) fn get(&self, name: &'static str) -> Option<&str> {
        debug_assert!(DECLARED.iter().any(|input| input.name == name));
        self.0.get(name).map(|value| value.trim())
    }
}

/// Returns a variable without blanks around it, unless it is blank.
pub(super) fn var<'a>(vars: &'a HashMap<String, String>, name: &str) -> Option<&'a str> {
    vars.get(name)
        .map(|value| value.trim())
        .filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_declared_input_is_read_into_its_own_place() {
        let vars: HashMap<String, String> = DECLARED
            .iter()
            .map(|input| {
                (
                    format!("INPUT_{}", input.name.to_uppercase()),
                    format!("value of {}", input.name),
                )
            })
            .collect();
        let mut problems = InputProblems::default();
        let raw = Raw::read(&vars, &mut problems);
        assert!(problems.end().is_ok());
        for input in DECLARED {
            assert_eq!(
                raw.get(input.name),
                Some(format!("value of {}", input.name).as_str())
            );
        }
    }

    #[test]
    fn an_input_wins_over_the_variable_and_a_blank_is_none() {
        let vars = [
            ("INPUT_SITE", "  "),
            ("TABLEAU_SITE_ID", "acme"),
            ("INPUT_PROJECT", "a"),
            ("TABLEAU_PROJECT_ID", "b"),
        ];
        let vars = vars
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        let raw = Raw::read(&vars, &mut InputProblems::default());
        assert_eq!(raw.get("site"), Some("acme"));
        assert_eq!(raw.get("project"), Some("a"));
    }

    #[test]
    fn of_several_spellings_the_documented_one_wins() {
        let vars = [
            ("INPUT_MIN-ROWS", "1"),
            ("INPUT_min-rows", "2"),
            ("INPUT_MIN_ROWS", "3"),
            ("INPUT_sql", "5"),
        ];
        let vars = vars
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        let raw = Raw::read(&vars, &mut InputProblems::default());
        assert_eq!(raw.get("min-rows"), Some("1"));
        assert_eq!(raw.get("sql"), Some("5"));
    }

    #[test]
    fn a_value_of_ours_that_is_no_text_is_told() {
        use std::os::unix::ffi::OsStringExt;
        let bytes = || OsString::from_vec(b"caf\xe9".to_vec());
        let mut problems = InputProblems::default();
        let vars = [
            ("INPUT_SOURCE", bytes()),
            ("INPUT_CA_CERTIFICATE", bytes()),
            ("TABLEAU_SITE_ID", bytes()),
            ("GITHUB_WORKSPACE", bytes()),
            ("INPUT_OF-OTHERS", bytes()),
            ("LS_COLORS", bytes()),
            ("INPUT_SQL", "SELECT 1".into()),
        ];
        let read = texts(
            vars.map(|(name, value)| (name.into(), value)),
            &mut problems,
        );
        assert_eq!(read.keys().collect::<Vec<_>>(), ["INPUT_SQL"]);
        let told: Vec<String> = problems
            .end()
            .unwrap_err()
            .all()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            told,
            [
                "input `site`: the variable `TABLEAU_SITE_ID` is not UTF-8 text",
                "input `ca-certificate`: its value is not UTF-8 text",
                "input `source`: its value is not UTF-8 text",
                "input `source`: the path in the variable `GITHUB_WORKSPACE` is not UTF-8 text",
            ]
        );
    }
}

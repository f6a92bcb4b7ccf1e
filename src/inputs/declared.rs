//! Which inputs there are, and what is likely meant by a name that is none.

use std::collections::HashMap;

use crate::say;

/// An input as `action.yml` declares it.
#[derive(Clone, Copy, Debug)]
pub struct DeclaredInput {
    /// Name in the workflow.
    pub name: &'static str,
    /// What is used when it is left out, as documented; empty if nothing.
    pub default: &'static str,
    /// Who puts the default there.
    pub filled: Filled,
    /// Variable that stands in for it.
    pub variable: Option<&'static str>,
}

/// Who fills in an input that is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filled {
    /// The runner: `action.yml` has a `default:`.
    ByRunner,
    /// This program, for which leaving out may mean something else than writing the default.
    ByProgram,
}

const fn declared(name: &'static str, default: &'static str) -> DeclaredInput {
    DeclaredInput {
        name,
        default,
        filled: Filled::ByRunner,
        variable: None,
    }
}

const fn decided_here(name: &'static str, default: &'static str) -> DeclaredInput {
    DeclaredInput {
        filled: Filled::ByProgram,
        ..declared(name, default)
    }
}

const fn from_variable(name: &'static str, variable: &'static str) -> DeclaredInput {
    DeclaredInput {
        variable: Some(variable),
        ..declared(name, "")
    }
}

/// Every input there is, in the order of the documentation.
pub const DECLARED: [DeclaredInput; 30] = [
    from_variable("server-url", "TABLEAU_SERVER_URL"),
    from_variable("site", "TABLEAU_SITE_ID"),
    from_variable("pat-name", "TABLEAU_PAT_NAME"),
    from_variable("pat-secret", "TABLEAU_PAT_SECRET"),
    from_variable("project", "TABLEAU_PROJECT_ID"),
    declared("datasource", ""),
    declared("description", ""),
    declared("tags", ""),
    decided_here("mode", "overwrite"),
    declared("publish", "true"),
    declared("wait", "60m"),
    declared("ca-certificate", ""),
    declared("source", ""),
    declared("format", "auto"),
    declared("records", ""),
    declared("params", ""),
    declared("headers", ""),
    declared("auth", ""),
    declared("query", ""),
    declared("body", ""),
    decided_here("paginate", "auto"),
    declared("csv", ""),
    declared("http", "timeout=60 retries=5 max-wait=600"),
    declared("columns", ""),
    declared("sql", ""),
    decided_here("table", "Extract"),
    declared("hyper", ""),
    declared("key", ""),
    decided_here("min-rows", "1"),
    declared("checks", ""),
];

/// What an input is called elsewhere.
const OTHER_NAMES: [(&[&str], &str); 8] = [
    (
        &["url", "uri", "file", "files", "path", "data", "sources"],
        "source",
    ),
    (
        &["server", "host", "tableau-url", "tableau-server"],
        "server-url",
    ),
    (&["site-id", "site-name", "site-url"], "site"),
    (
        &["token", "pat", "token-secret", "token-value", "pat-token"],
        "pat-secret",
    ),
    (&["token-name"], "pat-name"),
    (&["name", "data-source", "datasource-name"], "datasource"),
    (&["project-name", "project-id", "folder"], "project"),
    (&["parameters", "query-params"], "params"),
];

/// Warns of inputs that look like a misspelling of ours; others belong to somebody else.
pub(super) fn unknown_inputs(vars: &HashMap<String, String>) -> Vec<String> {
    let mut warnings = Vec::new();
    for name in vars.keys().filter_map(|name| name.strip_prefix("INPUT_")) {
        let name = name.to_ascii_lowercase().replace('_', "-");
        if DECLARED.iter().any(|input| input.name == name) {
            continue;
        }
        let names = DECLARED.iter().map(|input| input.name);
        let misspelt = names.filter(|meant| say::is_misspelling(&name, meant));
        let nearest = misspelt
            .max_by(|one, other| say::likeness(&name, one).total_cmp(&say::likeness(&name, other)));
        let other = OTHER_NAMES
            .iter()
            .find(|(names, _)| names.contains(&name.as_str()));
        if let Some(meant) = other.map(|(_, meant)| *meant).or(nearest) {
            warnings.push(format!(
                "there is no input `{name}`; did you mean `{meant}`?"
            ));
        }
    }
    warnings.sort();
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_input_is_told_and_a_foreign_one_is_not() {
        let vars = [
            ("INPUT_DATASOURSE", "x"),
            ("INPUT_WHO-TO-GREET", "y"),
            ("INPUT_URL", "z"),
            ("INPUT_LOG", "z"),
        ];
        let vars = vars
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        assert_eq!(
            unknown_inputs(&vars),
            [
                "there is no input `datasourse`; did you mean `datasource`?",
                "there is no input `url`; did you mean `source`?",
            ]
        );
    }
}

//! `INPUT_*` and the environment become [`Inputs`]; every problem is found before anything is touched.
//!
//! Parsing only: no request is made and no file is opened, so exit code 2 means nothing happened.

mod access;
mod auth;
mod confidential;
mod lines;
mod network;
mod options;
mod paginate;
mod parse;
mod raw;

use std::collections::HashMap;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::guards::{Check, Guards, Key};
use crate::http::{Network, RetryPolicy};
use crate::hyper::{Shape, Sql, TableName};
use crate::source::{Charset, Spec};
use crate::table::{ColumnRule, CsvOptions, RecordsPath, Rules, SystemColumn};
use crate::tableau::{Destination, Pace};
use options::Options;
use parse::Place;
use raw::Raw;
pub use raw::{DECLARED, Declared, Filled};

/// Everything a run needs to know, checked.
#[derive(Debug)]
pub struct Inputs {
    /// What to fetch.
    pub source: Spec,
    /// Where its rows are and which types they have.
    pub rules: Rules,
    /// What becomes of them.
    pub shape: Shape,
    /// What must hold.
    pub guards: Guards,
    /// Where the `.hyper` file is built.
    pub hyper: PathBuf,
    /// Where it is published; `None` with `publish: false`.
    pub destination: Option<Destination>,
    /// What is known of the network.
    pub network: Network,
    /// The machine the run is on.
    pub machine: Machine,
    /// Waits between attempts and polls.
    pub waits: Waits,
    /// What a careful person would want to know about the inputs.
    pub warnings: Vec<String>,
}

/// Places and programs on this machine.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Root of the files a workflow may name.
    pub workspace: PathBuf,
    /// For files of a run.
    pub temp: PathBuf,
    /// `HYPERD_PATH`.
    pub hyperd: Option<PathBuf>,
}

/// How patient the run is.
#[derive(Clone, Debug)]
pub struct Waits {
    /// Between attempts of one request.
    pub http: RetryPolicy,
    /// Between polls of Tableau.
    pub pace: Pace,
}

/// Everything that is wrong with the inputs; never empty.
#[derive(Debug)]
pub struct InputErrors(Vec<InputError>);

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputError {
    /// Name of the input, as in `action.yml`.
    pub input: &'static str,
    /// What is wrong and how to put it right: lower case, no full stop, never a secret.
    pub problem: String,
}

impl InputErrors {
    /// Returns them in the order of the documentation.
    pub fn all(&self) -> &[InputError] {
        &self.0
    }
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "input `{}`: {}", self.input, self.problem)
    }
}

impl fmt::Display for InputErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&all.join("; "))
    }
}

impl std::error::Error for InputErrors {}

/// Read by tests only: `0` takes the waiting out of retries and polls.
const TEST_WAIT: &str = "PUBLISH_TO_TABLEAU_TEST_WAIT";

impl Inputs {
    /// Reads and checks everything; all problems come back at once. Secrets are known to [`crate::secrets`] afterwards,
    /// whatever becomes of the rest.
    pub fn from_env(
        vars: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Inputs, InputErrors> {
        let mut problems = Problems::default();
        let vars = raw::texts(vars, &mut problems);
        let raw = Raw::read(&vars, &mut problems);
        confidential::keep(&raw, &vars);
        let machine = Machine {
            workspace: var(&vars, "GITHUB_WORKSPACE")
                .map_or_else(|| PathBuf::from("."), PathBuf::from),
            temp: temp_folder(&vars),
            hyperd: var(&vars, "HYPERD_PATH").map(PathBuf::from),
        };
        let place = Place::new(&machine.workspace, var(&vars, "RUNNER_WORKSPACE"));
        let mut source = parse::source(&raw, &place, &mut problems);
        let shape = read_shape(&raw, &mut problems);
        let rules = read_rules(&raw, shape.sql.as_ref(), &mut problems);
        if rules.csv.says_encoding() {
            source.charset = Charset::Overruled;
        }
        let guards = read_guards(&raw, &mut problems);
        let destination = parse::destination(&raw, &mut problems);
        let hyper = parse::hyper_path(&raw, (&place, &machine), &shape.table, &mut problems);
        let certificate = network::ca_certificate(&raw, (&place, &machine), &mut problems);
        let warnings = raw::unknown_inputs(&vars);
        if !problems.0.is_empty() {
            return Err(InputErrors(problems.sorted()));
        }
        let waits = Waits::new(var(&vars, TEST_WAIT).is_some_and(|value| value == "0"));
        source.http.policy.first_wait = waits.http.first_wait;
        let network = network::network(certificate, &vars);
        Ok(Inputs {
            source,
            rules,
            shape,
            guards,
            hyper,
            destination,
            network,
            machine,
            waits,
            warnings,
        })
    }
}

/// Problems found so far; reading goes on after each.
#[derive(Default)]
struct Problems(Vec<InputError>);

impl Problems {
    fn add(&mut self, input: &'static str, problem: impl Into<String>) {
        self.0.push(InputError {
            input,
            problem: problem.into(),
        });
    }

    /// Keeps a value, or notes why it is none.
    fn take<T>(&mut self, input: &'static str, value: Option<Result<T, String>>) -> Option<T> {
        match value? {
            Ok(value) => Some(value),
            Err(problem) => {
                self.add(input, problem);
                None
            }
        }
    }

    /// In the order in which the inputs are documented.
    fn sorted(mut self) -> Vec<InputError> {
        let position = |name: &str| DECLARED.iter().position(|input| input.name == name);
        self.0.sort_by_key(|problem| position(problem.input));
        self.0
    }
}

impl Waits {
    fn new(is_test: bool) -> Waits {
        let mut policy = RetryPolicy::default();
        let mut pace = Pace::default();
        if is_test {
            policy.first_wait = Duration::ZERO;
            pace.first_wait = Duration::ZERO;
        }
        Waits { http: policy, pace }
    }
}

fn read_shape(raw: &Raw, problems: &mut Problems) -> Shape {
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

fn read_guards(raw: &Raw, problems: &mut Problems) -> Guards {
    let checks = lines::entries(raw, "checks", problems)
        .into_iter()
        .filter_map(|entry| {
            let check = Check::parse(entry.text);
            problems.take("checks", Some(check.map_err(|problem| entry.says(problem))))
        })
        .collect();
    let names = lines::entries(raw, "key", problems);
    let names = names.iter().map(|entry| (entry.number, entry.text));
    let is_wrong = problems.0.iter().any(|problem| problem.input == "key");
    let key = raw.get("key").filter(|_| !is_wrong);
    let key = key.map(|_| Key::parse(names));
    Guards {
        min_rows: problems
            .take("min-rows", raw.get("min-rows").map(parse::count))
            .unwrap_or(1),
        key: problems.take("key", key),
        checks,
    }
}

fn read_rules(raw: &Raw, sql: Option<&Sql>, problems: &mut Problems) -> Rules {
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

fn csv_options(text: &str) -> Result<CsvOptions, String> {
    let options = Options::parse(text, &CsvOptions::KEYS)?;
    match options.words.first() {
        Some(word) => Err(format!(
            "`{word}` is no option: write `key=value`, as in `delimiter=; decimal=,`"
        )),
        None => CsvOptions::read(|key| options.get(key)),
    }
}

fn var<'a>(vars: &'a HashMap<String, String>, name: &str) -> Option<&'a str> {
    vars.get(name)
        .map(|value| value.trim())
        .filter(|value| !value.is_empty())
}

/// `RUNNER_TEMP` is a path of the host on older runners, and then not there in the container.
fn temp_folder(vars: &HashMap<String, String>) -> PathBuf {
    let named = var(vars, "RUNNER_TEMP")
        .map(PathBuf::from)
        .filter(|folder| folder.is_dir());
    named.unwrap_or_else(|| PathBuf::from(var(vars, "TMPDIR").unwrap_or("/tmp")))
}

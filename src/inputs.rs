//! `INPUT_*` and the environment become [`Inputs`]; every problem is found before anything is touched.
//!
//! Parsing only: no request is made and no file is opened, so exit code 2 means nothing happened.

mod access;
mod auth;
mod columns;
mod confidential;
mod declared;
mod destination;
mod extract;
mod guards;
mod http;
mod lines;
mod machine;
mod paginate;
mod problems;
mod raw;
mod source;
mod words;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use crate::guards::Guards;
use crate::http::{Network, RetryPolicy};
use crate::hyper::Shape;
use crate::rules::Rules;
use crate::source::{Charset, Spec};
use crate::tableau::{Destination, Pace};
pub use declared::{DECLARED, DeclaredInput, Filled};
pub use machine::Machine;
use machine::Workspace;
use problems::InputProblems;
pub use problems::{InputError, InputErrors};
use raw::{Raw, var};

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
    pub waits: Patience,
    /// What a careful person would want to know about the inputs.
    pub warnings: Vec<String>,
}

/// How patient the run is.
#[derive(Clone, Debug)]
pub struct Patience {
    /// Between attempts of one request.
    pub http: RetryPolicy,
    /// Between polls of Tableau.
    pub pace: Pace,
}

/// Read by tests only: `0` takes the waiting out of retries and polls.
const TEST_WAIT: &str = "PUBLISH_TO_TABLEAU_TEST_WAIT";

impl Inputs {
    /// Reads and checks everything; all problems come back at once. Secrets are known to [`crate::secrets`] afterwards,
    /// whatever becomes of the rest.
    pub fn from_env(
        vars: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Inputs, InputErrors> {
        let mut problems = InputProblems::default();
        let vars = raw::texts(vars, &mut problems);
        let raw = Raw::read(&vars, &mut problems);
        confidential::keep(&raw, &vars);
        let machine = Machine::from_vars(&vars);
        let workspace = Workspace::new(&machine.workspace, var(&vars, "RUNNER_WORKSPACE"));
        let mut source = source::source(&raw, &workspace, &mut problems);
        let shape = extract::shape(&raw, &mut problems);
        let rules = columns::rules(&raw, shape.sql.as_ref(), &mut problems);
        if rules.csv.says_encoding() {
            source.charset = Charset::Overruled;
        }
        let guards = guards::guards(&raw, &mut problems);
        let destination = destination::destination(&raw, &mut problems);
        let hyper = extract::hyper_path(
            &raw,
            (&workspace, &machine.temp),
            &shape.table,
            &mut problems,
        );
        let certificate = http::ca_certificate(&raw, &workspace, &mut problems);
        let warnings = declared::unknown_inputs(&vars);
        problems.end()?;
        let waits = Patience::new(var(&vars, TEST_WAIT).is_some_and(|value| value == "0"));
        source.http.policy.first_wait = waits.http.first_wait;
        let network = http::network(certificate, &vars);
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

impl Patience {
    fn new(is_test: bool) -> Patience {
        let mut policy = RetryPolicy::default();
        let mut pace = Pace::default();
        if is_test {
            policy.first_wait = Duration::ZERO;
            pace.first_wait = Duration::ZERO;
        }
        Patience { http: policy, pace }
    }
}

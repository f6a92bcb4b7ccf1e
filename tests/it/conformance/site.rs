//! A site, real or not, while the suite works on it: a project to publish to, and what to clear away.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use secrecy::ExposeSecret;
use tableau_simulator::{CONTENT_URL, Simulator, TOKEN_NAME, TOKEN_SECRET};

use super::rest::{Answered, Datasource, Project, Rest};
use super::tdsx;
use super::variables::{Access, Where};
use crate::extract;
use crate::harness::{Action, Ended};

/// How long the lists of a real site may be behind what was done.
const INDEX_LAG: Duration = Duration::from_secs(30);
/// What a step gets of the environment of the tests, so that a real site is reached from everywhere.
const NETWORK: [&str; 7] = [
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "https_proxy",
    "http_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
];

/// A site with a project for this run.
pub(crate) struct TestSite<'s> {
    pub(crate) access: Access,
    /// None is a real site.
    pub(crate) simulator: Option<&'s Simulator>,
    /// The project, as the input `project` names it.
    pub(crate) project: String,
    pub(crate) project_luid: String,
    /// Every data source of this run begins with it.
    mark: String,
    /// The projects made by this run, the outermost first.
    made: RefCell<Vec<String>>,
    /// The data sources that runs told of; lists may not have them yet.
    told: RefCell<Vec<String>>,
}

/// A table as it is read from an extract, whatever the table is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rows {
    /// Names and types of the columns.
    pub(crate) columns: String,
    /// In order of their text.
    pub(crate) rows: Vec<String>,
}

impl Rows {
    pub(crate) fn of(hyper: &std::path::Path) -> Rows {
        let text = extract::read(hyper);
        let mut lines = text.lines();
        let (table, columns) = (lines.next(), lines.next());
        assert!(
            table.is_some_and(|table| !table.starts_with(' ')),
            "not one table: {text}"
        );
        let rows: Vec<String> = lines.map(|row| row.trim_start().to_owned()).collect();
        Rows {
            columns: columns.unwrap_or_default().trim_start().to_owned(),
            rows,
        }
    }

    /// Puts those of another file of the same columns beside these.
    #[track_caller]
    pub(crate) fn and(mut self, other: Rows) -> Rows {
        assert_eq!(self.columns, other.columns);
        self.rows.extend(other.rows);
        self.rows.sort();
        self
    }
}

impl<'s> TestSite<'s> {
    /// Prepares the simulator; the project is its own.
    pub(crate) fn of(simulator: &'s Simulator, place: &Where) -> TestSite<'s> {
        let access = Access {
            server: simulator.url(),
            content_url: CONTENT_URL.to_owned(),
            token_name: TOKEN_NAME.to_owned(),
            token_secret: TOKEN_SECRET.to_owned().into(),
        };
        TestSite::open(access, place, Some(simulator)).unwrap()
    }

    /// Finds or makes the project; nothing else is done.
    pub(crate) fn open(
        access: Access,
        place: &Where,
        simulator: Option<&'s Simulator>,
    ) -> Result<TestSite<'s>, String> {
        let run = random();
        let rest =
            Rest::sign_in(&access).map_err(|refused| format!("cannot sign in: {refused}"))?;
        let found = match place {
            Where::Given(named) => rest
                .projects()
                .map_err(|refused| format!("cannot list projects: {refused}"))
                .and_then(|projects| find(&projects, named))
                .map(|luid| (named.clone(), luid, Vec::new())),
            Where::OwnProject => {
                let name = format!("publish-to-tableau conformance {run}");
                rest.create_project(&name, None)
                    .map(|luid| (name, luid.clone(), vec![luid]))
                    .map_err(|refused| {
                        format!(
                            "cannot make a project ({refused}): set TABLEAU_TEST_PROJECT to one that the token's user may publish to"
                        )
                    })
            }
        };
        rest.sign_out();
        let (project, project_luid, made) = found?;
        Ok(TestSite {
            access,
            simulator,
            project,
            project_luid,
            mark: format!("conformance {run}"),
            made: made.into(),
            told: RefCell::default(),
        })
    }

    /// Returns the name of a data source of this run.
    pub(crate) fn name(&self, name: &str) -> String {
        format!("{} {name}", self.mark)
    }

    /// Prepares a step that publishes a CSV file of two columns.
    pub(crate) fn step(&self, name: &str, csv: &str) -> Action {
        let step = Action::new()
            .input("server-url", self.access.server.as_str())
            .input("site", self.access.content_url.as_str())
            .input("pat-name", self.access.token_name.as_str())
            .input("pat-secret", self.access.token_secret.expose_secret())
            .input("project", self.project.as_str())
            .input("datasource", self.name(name))
            .input("source", "x.csv")
            .file("x.csv", csv);
        if self.simulator.is_some() {
            return step;
        }
        let set = NETWORK.map(|name| (name, std::env::var(name)));
        set.into_iter().fold(
            // Outside of tests a run waits before it asks again.
            step.variable("PUBLISH_TO_TABLEAU_TEST_WAIT", ""),
            |step, (name, value)| match value {
                Ok(value) => step.variable(name, value),
                Err(_) => step,
            },
        )
    }

    /// Runs a step to its end and remembers what it made.
    pub(crate) fn run(&self, step: Action) -> Ended {
        let ended = step.run();
        let secret = self.access.token_secret.expose_secret();
        // Without the text itself: it would be in the log of the tests.
        assert!(!ended.shown().contains(secret), "a step shows the secret");
        self.remember(ended.output("datasource-id"));
        ended
    }

    /// Remembers a data source for the end.
    pub(crate) fn remember(&self, luid: &str) {
        if !luid.is_empty() {
            self.told.borrow_mut().push(luid.to_owned());
        }
    }

    /// Publishes a CSV file as users do, and returns what was built beside what came of it.
    pub(crate) fn publish(&self, name: &str, csv: &str, inputs: &[(&str, &str)]) -> (Rows, Ended) {
        let step = inputs
            .iter()
            .fold(self.step(name, csv), |step, (name, value)| {
                step.input(name, *value)
            });
        let ended = self.run(step).succeeded();
        assert_eq!(ended.output("published"), "true", "{}", ended.shown());
        if ended.log.contains("data source created") {
            self.wait_for(ended.output("datasource-id"));
        }
        (Rows::of(&ended.hyper()), ended)
    }

    /// Waits until lists show a new data source, so that the next run finds it there.
    #[track_caller]
    fn wait_for(&self, luid: &str) {
        let begin = Instant::now();
        while !self.listed().iter().any(|listed| listed.luid == luid) {
            assert!(begin.elapsed() < 2 * INDEX_LAG, "{luid} is in no list");
            if self.simulator.is_none() {
                std::thread::sleep(Duration::from_secs(1));
            }
        }
    }

    /// Signs in, asks, and signs out.
    #[track_caller]
    pub(crate) fn ask<T>(&self, ask: impl FnOnce(&Rest) -> Answered<T>) -> T {
        let rest = Rest::sign_in(&self.access).unwrap_or_else(|refused| panic!("{refused}"));
        let answer = ask(&rest);
        rest.sign_out();
        answer.unwrap_or_else(|refused| panic!("{refused}"))
    }

    /// Makes a project within the run's own; nothing in one that was given.
    pub(crate) fn nested(&self, name: &str) -> Option<String> {
        let around = self.made.borrow().first().cloned()?;
        let luid = self.ask(|rest| rest.create_project(name, Some(&around)));
        self.made.borrow_mut().push(luid.clone());
        Some(luid)
    }

    /// Returns a data source as Tableau tells it.
    #[track_caller]
    pub(crate) fn datasource(&self, luid: &str) -> Datasource {
        let found = self.ask(|rest| rest.datasource(luid));
        found.unwrap_or_else(|| panic!("there is no data source {luid}"))
    }

    /// Returns the data sources of this run that lists show.
    pub(crate) fn listed(&self) -> Vec<Datasource> {
        let mut listed = self.ask(Rest::datasources);
        listed.retain(|datasource| self.is_ours(datasource));
        listed
    }

    /// Returns what Tableau gives to whoever downloads the data source.
    #[track_caller]
    pub(crate) fn rows(&self, luid: &str) -> Rows {
        let download = self.ask(|rest| rest.download(luid));
        let extracts = tdsx::extracts(&download).unwrap_or_else(|problem| panic!("{problem}"));
        let folder = tempfile::tempdir().unwrap();
        let tables = extracts.iter().map(|extract| {
            let file = folder.path().join("x.hyper");
            std::fs::write(&file, extract).unwrap();
            Rows::of(&file)
        });
        tables
            .reduce(Rows::and)
            .expect("the download has a file of data")
    }

    fn is_ours(&self, datasource: &Datasource) -> bool {
        let in_ours = datasource.project == self.project_luid
            || self.made.borrow().contains(&datasource.project);
        let marked = datasource.name.to_lowercase();
        in_ours && marked.starts_with(&self.mark)
    }

    /// Deletes what this run has made, looking twice if there may be more than lists show yet.
    ///
    /// Each data source is looked at once more before it is deleted. A project is deleted only if nothing of
    /// somebody else is in it.
    pub(crate) fn clear_away(&self, look_again: bool) -> Result<(), String> {
        let mut result = self.clear();
        if look_again && self.simulator.is_none() {
            std::thread::sleep(INDEX_LAG);
            result = self.clear();
        }
        result
    }

    fn clear(&self) -> Result<(), String> {
        let rest = Rest::sign_in(&self.access).map_err(|refused| refused.to_string())?;
        let cleared = self.clear_by(&rest);
        rest.sign_out();
        cleared
    }

    fn clear_by(&self, rest: &Rest) -> Result<(), String> {
        let told = |refused| format!("{refused}");
        let listed = rest.datasources().map_err(told)?;
        let luids = listed
            .iter()
            .map(|datasource| datasource.luid.clone())
            .filter(|luid| !self.told.borrow().contains(luid));
        let mut gone = Vec::new();
        for luid in luids.chain(self.told.borrow().iter().cloned()) {
            let in_list = listed.iter().find(|datasource| datasource.luid == luid);
            if in_list.is_some_and(|datasource| !self.is_ours(datasource)) {
                continue;
            }
            let now = rest.datasource(&luid).map_err(told)?;
            if now.is_some_and(|now| self.is_ours(&now)) {
                rest.delete_datasource(&luid).map_err(told)?;
            }
            gone.push(luid);
        }
        let left = listed
            .iter()
            .filter(|datasource| !gone.contains(&datasource.luid));
        let strange: Vec<&Datasource> = left
            .filter(|datasource| self.made.borrow().contains(&datasource.project))
            .collect();
        if let Some(strange) = strange.first() {
            return Err(format!(
                "the project `{}` is left, because somebody else's `{}` is in it",
                self.project, strange.name
            ));
        }
        let mut made = self.made.borrow_mut();
        while let Some(luid) = made.last() {
            match rest.delete_project(luid) {
                Err(refused) if refused.code != "404005" => return Err(told(refused)),
                _ => made.pop(),
            };
        }
        Ok(())
    }
}

/// Finds a project by its LUID, its path, or a name that only one has.
fn find(projects: &[Project], named: &str) -> Result<String, String> {
    let path = |project: &Project| {
        let mut path = project.name.clone();
        let mut around = project.parent.as_ref();
        // No deeper than there are projects, should they lie in a circle.
        for _ in projects {
            let Some(parent) = projects.iter().find(|other| Some(&other.luid) == around) else {
                break;
            };
            path = format!("{}/{path}", parent.name);
            around = parent.parent.as_ref();
        }
        path
    };
    let found: Vec<&Project> = projects
        .iter()
        .filter(|project| project.luid == named || project.name == named || path(project) == named)
        .collect();
    match found.as_slice() {
        [one] => Ok(one.luid.clone()),
        [] => Err(format!("there is no project `{named}`")),
        _ => Err(format!(
            "several projects are called `{named}`: give a path or a LUID"
        )),
    }
}

/// Eight digits no other run has.
fn random() -> String {
    use std::hash::{BuildHasher, Hasher, RandomState};
    let hash = RandomState::new().build_hasher().finish();
    format!("{:08x}", hash >> 32)
}

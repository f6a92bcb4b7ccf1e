//! Everything a person or a later step sees: log, annotations, outputs, job summary.
//!
//! The only module that prints. All of it goes to standard output: the runner reads both streams
//! separately, and a mask on one could lose against a secret on the other.

mod failure;
mod summary;
mod words;
mod workflow;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::events::{Event, Observer, Progress, Stage};
use crate::inputs::Inputs;
use crate::panics::{self, Panicked};
use crate::run::outcome::Run;
use crate::say::{count, size};
use crate::secrets;
pub use failure::Explanation;
pub use summary::summary;
use words::{done, is_published, rate, title};
use workflow::{AnnotationLevel, Printer};

/// What shells and the runner take for "interrupted".
const INTERRUPTED: u8 = 130;
/// Between two lines of progress on the same work.
const PROGRESS_EVERY: Duration = Duration::from_secs(5);

/// Outputs in the order of the documentation; `action.yml` declares the same.
pub const OUTPUTS: [&str; 9] = [
    "datasource-id",
    "datasource-url",
    "project-id",
    "published",
    "job-id",
    "rows",
    "schema",
    "hyper",
    "failed-stage",
];

/// The machine that runs the workflow, as the place where results are shown.
#[derive(Debug)]
pub struct Runner {
    output: Option<PathBuf>,
    summary: Option<PathBuf>,
    paths: Paths,
    console: Mutex<Console>,
}

/// What is shown while the run goes on, and when something was shown last.
#[derive(Debug)]
struct Console {
    printer: Printer,
    warnings: Vec<String>,
    stage: Stage,
    began: Option<Instant>,
    told: Option<Instant>,
}

/// Folders under the name they have here and the one later steps know.
#[derive(Debug)]
struct Paths {
    workspace: Option<PathBuf>,
    // Inside the container, and on the host.
    temp: Option<(PathBuf, PathBuf)>,
}

impl Runner {
    /// Reads where results go; without a GitHub runner they are only printed.
    pub fn from_env(vars: impl IntoIterator<Item = (String, String)>) -> Runner {
        let vars: std::collections::HashMap<String, String> = vars.into_iter().collect();
        let get = |name: &str| vars.get(name).filter(|value| !value.is_empty());
        let path = |name: &str| get(name).map(PathBuf::from);
        let is_on_github = get("GITHUB_ACTIONS").is_some_and(|value| value == "true");
        // `RUNNER_WORKSPACE` stays a path of the host: its parent also holds the temp folder.
        let host = path("RUNNER_WORKSPACE").and_then(|folder| Some(folder.parent()?.join("_temp")));
        let mounted = path("RUNNER_TEMP").filter(|folder| folder.starts_with("/github"));
        Runner {
            output: path("GITHUB_OUTPUT"),
            summary: path("GITHUB_STEP_SUMMARY"),
            paths: Paths {
                workspace: path("GITHUB_WORKSPACE"),
                temp: mounted.zip(host),
            },
            console: Mutex::new(Console {
                printer: Printer::new(is_on_github),
                warnings: Vec::new(),
                stage: Stage::Fetch,
                began: None,
                told: None,
            }),
        }
    }

    /// Tells the runner the secrets that are known, before anything else is said.
    pub fn mask(&self) {
        self.console().printer.mask();
    }

    /// Shows the result everywhere and decides the exit code: 0 done, 1 failed, 2 inputs rejected, 130 cancelled.
    pub fn report(&self, run: &Run, inputs: Option<&Inputs>) -> ExitCode {
        let mut console = self.console();
        console.printer.end_group();
        console.printer.mask();
        let explanations = failure::explain(run);
        for explanation in &explanations {
            console.printer.lines(&explanation.text());
        }
        let messages = explanations
            .iter()
            .map(|explanation| (explanation.title.clone(), explanation.in_one_line()));
        console.printer.annotate(AnnotationLevel::Error, messages);
        let warnings = console.warnings.clone();
        console.printer.annotate(
            AnnotationLevel::Warning,
            warnings
                .iter()
                .map(|warning| (String::new(), warning.clone())),
        );
        let outputs = self
            .outputs(run)
            .map(|(name, value)| workflow::output(name, &value));
        let mut is_written =
            console.write("outputs", self.output.as_deref(), &outputs.concat(), run);
        let extras = summary::Extras {
            explanations: &explanations,
            warnings: &warnings,
        };
        // The summary is the last thing to fail for: the data may be published.
        let text = panics::caught(|| summary(run, inputs, &extras)).unwrap_or_else(|panicked| {
            console
                .printer
                .lines(&format!("cannot make the job summary: {panicked}"));
            String::new()
        });
        let text = secrets::replace(&text);
        is_written &= console.write("job summary", self.summary.as_deref(), &text, run);
        if run.failure.is_none() {
            console.printer.lines(&done(run));
        }
        let failure = run.failure.as_ref();
        match failure.map(|failure| (failure.stage, &failure.error)) {
            Some((Stage::Inputs, error)) if !error.is::<Panicked>() => ExitCode::from(2),
            Some(_) if run.is_cancelled() => ExitCode::from(INTERRUPTED),
            None if is_written => ExitCode::SUCCESS,
            _ => ExitCode::FAILURE,
        }
    }

    fn outputs(&self, run: &Run) -> [(&'static str, String); OUTPUTS.len()] {
        let published = run.published.as_ref();
        let extract = run.extract.as_ref();
        let values = [
            published
                .and_then(|published| published.datasource.as_ref())
                .map(ToString::to_string),
            published.and_then(|published| published.url.as_deref().map(foreign)),
            published
                .and_then(|published| published.project.as_ref())
                .map(ToString::to_string),
            is_published(run).map(|is| is.to_string()),
            published
                .and_then(|published| published.job.as_ref())
                .map(ToString::to_string),
            extract.map(|extract| extract.rows.to_string()),
            extract.map(summary::schema),
            extract.map(|extract| foreign(&self.paths.show(&extract.path))),
            run.failure
                .as_ref()
                .map(|failure| failure.stage.name().to_owned()),
        ];
        let mut values = values.into_iter();
        OUTPUTS.map(|name| (name, values.next().flatten().unwrap_or_default()))
    }

    /// Returns the stage the run is in.
    pub fn stage(&self) -> Stage {
        self.console().stage
    }

    fn console(&self) -> MutexGuard<'_, Console> {
        // A panic elsewhere must not take the report with it.
        self.console.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Runner {
    fn on(&self, event: Event) {
        let mut console = self.console();
        match event {
            Event::Started(begun) => {
                console.stage = begun;
                console.began = Some(Instant::now());
                console.told = None;
                console.printer.group(title(begun));
            }
            Event::Finished(_, line) => {
                let took = console
                    .began
                    .map(|began| began.elapsed())
                    .unwrap_or_default();
                console
                    .printer
                    .lines(&format!("{line} in {:.2} s", took.as_secs_f64()));
                console.printer.end_group();
            }
            Event::Note(line) => console.printer.lines(&line),
            Event::Retrying {
                operation,
                attempt,
                wait,
                reason,
            } => {
                let wait = wait.as_secs_f64();
                let line = format!(
                    "attempt {attempt} to {operation} failed: {reason}; next in {wait:.1} s"
                );
                console.printer.lines(&line);
            }
            Event::Progress(progress) => console.progress(progress),
            Event::Warning(warning) => {
                console.printer.lines(&format!("warning: {warning}"));
                console.warnings.push(warning);
            }
            Event::Secret(secret) => {
                secrets::keep(&secret);
                console.printer.mask();
            }
        }
    }
}

impl Console {
    /// Appends to a file the runner reads; says what is known of the data if that fails.
    fn write(&self, what: &str, file: Option<&Path>, text: &str, run: &Run) -> bool {
        let Some(file) = file else { return true };
        let Err(error) = workflow::append(file, text) else {
            return true;
        };
        let problem = format!(
            "cannot write the {what} for the runner into `{}`: {error}; {}",
            file.display(),
            words::standing(run)
        );
        self.printer.lines(&format!("error: {problem}"));
        self.printer
            .annotate(AnnotationLevel::Error, [("report".to_owned(), problem)]);
        false
    }

    /// Shows progress seldom: short work says nothing but its result.
    fn progress(&mut self, progress: Progress) {
        let now = Instant::now();
        let last = self.told.or(self.began).unwrap_or(now);
        if now.duration_since(last) < PROGRESS_EVERY {
            return;
        }
        self.told = Some(now);
        let elapsed = self.began.map(|began| began.elapsed()).unwrap_or_default();
        let line = match progress {
            Progress::Received(bytes) => {
                format!("received {}{}", size(bytes), rate(bytes, elapsed))
            }
            Progress::Pages { pages, rows } => {
                format!(
                    "received {} with {}",
                    count(pages, "page"),
                    count(rows, "row")
                )
            }
            Progress::Rows(rows) => format!("{rows} rows"),
            Progress::Sent { bytes, of } => format!(
                "sent {} of {}{}",
                size(bytes),
                size(of),
                rate(bytes, elapsed)
            ),
            Progress::Job { percent, elapsed } => {
                format!(
                    "Tableau works on the publish job since {} s ({percent} %)",
                    elapsed.as_secs()
                )
            }
        };
        self.printer.lines(&line);
    }
}

impl Paths {
    /// Returns a path as the next step of the job finds it.
    fn show(&self, path: &Path) -> String {
        let in_workspace = self
            .workspace
            .as_ref()
            .and_then(|workspace| path.strip_prefix(workspace).ok());
        let in_temp = self
            .temp
            .as_ref()
            .and_then(|(here, there)| Some(there.join(path.strip_prefix(here).ok()?)));
        let shown = in_workspace
            .map(Path::to_owned)
            .or(in_temp)
            .unwrap_or_else(|| path.to_owned());
        shown.display().to_string()
    }
}

/// A value of an output that is not our own word: later steps may print it.
fn foreign(text: &str) -> String {
    workflow::printable(&secrets::replace(text))
}

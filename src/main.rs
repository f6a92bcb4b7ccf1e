//! Environment in, exit code out; in between the run on a thread of its own and signals on this one.

use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use publish_to_tableau::cancel::Cancel;
use publish_to_tableau::events::{Event, Observer, Stage};
use publish_to_tableau::inputs::Inputs;
use publish_to_tableau::panics;
use publish_to_tableau::report::Runner;
use publish_to_tableau::run::outcome::Run;
use publish_to_tableau::run::run;

use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

/// How long a cancelled run may take to sign out and to tell how far it came.
///
/// The runner waits 7.5 s between SIGINT and SIGTERM, and 2.5 s more before it kills.
const GRACE: Duration = Duration::from_secs(4);
/// As the first thread of a program has it; documents are read recursively.
const STACK: usize = 8 << 20;

fn main() -> ExitCode {
    panics::silence();
    // `vars` panics on values that are not UTF-8; those of the runner itself are.
    let texts: Vec<(String, String)> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let trap = Trap::of(&texts);
    let runner = Runner::from_env(texts);
    let inputs = panics::caught(|| {
        trap.spring("inputs");
        Inputs::from_env(std::env::vars_os())
    });
    // Also when the inputs are refused: what is wrong with them must not show what is secret in them.
    runner.mask();
    let inputs = match inputs {
        Ok(Ok(inputs)) => Arc::new(inputs),
        Ok(Err(errors)) => return runner.report(&Run::rejected(errors), None),
        Err(panicked) => return runner.report(&Run::defective(Stage::Inputs, panicked), None),
    };
    let listener = Arc::new(Listener { runner, trap });
    let run = match start() {
        Ok((runtime, signals)) => runtime.block_on(work(&inputs, &listener, signals)),
        Err(error) => Run::failed(Stage::Fetch, error),
    };
    listener.runner.report(&run, Some(&inputs))
}

/// Prepares waiting, and hears the two signals that end a job.
///
/// As process 1 of a container we would otherwise ignore both, and outlive a cancelled job.
fn start() -> anyhow::Result<(Runtime, (Signal, Signal))> {
    let start = || -> io::Result<_> {
        let runtime = runtime()?;
        let signals = {
            let _context = runtime.enter();
            let interrupt = signal(SignalKind::interrupt())?;
            (interrupt, signal(SignalKind::terminate())?)
        };
        Ok((runtime, signals))
    };
    // Where signals are heard for the first time, tokio panics without descriptors.
    match panics::caught(start) {
        Ok(started) => started.map_err(cannot_start),
        Err(panicked) => Err(cannot_start(io::Error::other(panicked.message()))),
    }
}

/// Nearly always there are no file descriptors left.
fn cannot_start(error: io::Error) -> anyhow::Error {
    anyhow::Error::new(error).context(
        "this machine does not let the program begin; it needs some file descriptors (`ulimit -n`, at least 64) and a thread",
    )
}

/// Runs to the end, or to a little after the first signal; what still goes on then ends with the process.
async fn work(
    inputs: &Arc<Inputs>,
    listener: &Arc<Listener>,
    (mut interrupt, mut terminate): (Signal, Signal),
) -> Run {
    let cancel = Cancel::default();
    let (end, mut ended) = oneshot::channel();
    let of_run = (Arc::clone(inputs), Arc::clone(listener), cancel.clone());
    let thread = std::thread::Builder::new()
        .stack_size(STACK)
        .spawn(move || {
            let (inputs, listener, cancel) = of_run;
            let work = || {
                let running = run(&inputs, &*listener, &cancel);
                runtime().map(|runtime| runtime.block_on(running))
            };
            let run = match panics::caught(work) {
                Ok(Ok(run)) => run,
                Ok(Err(error)) => Run::failed(Stage::Fetch, cannot_start(error)),
                Err(panicked) => Run::defective(listener.runner.stage(), panicked),
            };
            // Nobody takes the result of a run that outlives its grace.
            let _ = end.send(run);
        });
    if let Err(error) = thread {
        return Run::failed(Stage::Fetch, cannot_start(error));
    }
    let cancelled = || Run::cancelled(listener.runner.stage());
    tokio::select! {
        biased;
        run = &mut ended => return run.unwrap_or_else(|_| cancelled()),
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    cancel.tell();
    match tokio::time::timeout(GRACE, ended).await {
        Ok(run) => run.unwrap_or_else(|_| cancelled()),
        Err(_) => cancelled(),
    }
}

fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

/// Hands events to the report.
struct Listener {
    runner: Runner,
    trap: Trap,
}

impl Observer for Listener {
    fn on(&self, event: Event) {
        self.trap.spring(&format!("{event:?}"));
        self.runner.on(event);
    }
}

/// Read by tests only, and only in builds for them: panics at the first event that tells of this text.
const TEST_PANIC: &str = "PUBLISH_TO_TABLEAU_TEST_PANIC";

/// A panic planted by a test.
struct Trap(Option<String>);

impl Trap {
    fn of(vars: &[(String, String)]) -> Trap {
        let planted = vars.iter().find(|(name, _)| name == TEST_PANIC);
        Trap(
            planted
                .filter(|_| cfg!(debug_assertions))
                .map(|(_, text)| text.clone()),
        )
    }

    fn spring(&self, event: &str) {
        if let Some(text) = &self.0 {
            assert!(!event.contains(text.as_str()), "planted at {text}");
        }
    }
}

//! Environment in, exit code out; in between the run on a thread of its own and signals on this one.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use publish_to_tableau::Run;
use publish_to_tableau::cancel::Cancel;
use publish_to_tableau::inputs::Inputs;
use publish_to_tableau::report::Runner;

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
    // `vars` panics on values that are not UTF-8; those of the runner itself are.
    let texts = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let runner = Arc::new(Runner::from_env(texts));
    // As process 1 of a container we would otherwise ignore both, and outlive a cancelled job.
    let runtime = runtime();
    let (interrupt, terminate) = {
        let _context = runtime.enter();
        let hear = |kind| signal(kind).expect("these signals can be handled");
        (hear(SignalKind::interrupt()), hear(SignalKind::terminate()))
    };
    match Inputs::from_env(std::env::vars_os()) {
        Ok(inputs) => {
            runner.mask(inputs.secrets());
            let inputs = Arc::new(inputs);
            let run = runtime.block_on(work(&inputs, &runner, (interrupt, terminate)));
            runner.report(&run, Some(&inputs))
        }
        Err(errors) => runner.report(&Run::rejected(errors), None),
    }
}

/// Runs to the end, or to a little after the first signal; what still goes on then ends with the process.
async fn work(
    inputs: &Arc<Inputs>,
    runner: &Arc<Runner>,
    (mut interrupt, mut terminate): (Signal, Signal),
) -> Run {
    let cancel = Cancel::default();
    let (end, mut ended) = oneshot::channel();
    let of_run = (Arc::clone(inputs), Arc::clone(runner), cancel.clone());
    let thread = std::thread::Builder::new()
        .stack_size(STACK)
        .spawn(move || {
            let (inputs, runner, cancel) = of_run;
            let run = publish_to_tableau::run(&inputs, &*runner, &cancel);
            // Nobody takes the result of a run that outlives its grace.
            let _ = end.send(runtime().block_on(run));
        })
        .expect("one thread can be started");
    tokio::select! {
        biased;
        run = &mut ended => return run.unwrap_or_else(|_| panic_again(thread)),
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    cancel.tell();
    match tokio::time::timeout(GRACE, ended).await {
        Ok(run) => run.unwrap_or_else(|_| panic_again(thread)),
        Err(_) => Run::cancelled(runner.stage()),
    }
}

fn runtime() -> Runtime {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime needs nothing but file descriptors")
}

fn panic_again(thread: std::thread::JoinHandle<()>) -> Run {
    match thread.join() {
        Err(panic) => std::panic::resume_unwind(panic),
        Ok(()) => unreachable!("the thread sends its result before it ends"),
    }
}

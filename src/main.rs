//! Environment in, exit code out; nothing else.

use std::process::ExitCode;

use publish_to_tableau::Run;
use publish_to_tableau::inputs::Inputs;
use publish_to_tableau::report::Runner;

use tokio::signal::unix::{SignalKind, signal};

/// What shells and the runner take for "interrupted".
const INTERRUPTED: i32 = 130;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    std::thread::spawn(end_on_signal);
    // `vars` panics on values that are not UTF-8; nothing of ours is.
    let vars: Vec<(String, String)> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let runner = Runner::from_env(vars.iter().cloned());
    match Inputs::from_env(vars) {
        Ok(inputs) => {
            runner.mask(inputs.secrets());
            let run = publish_to_tableau::run(&inputs, &runner).await;
            runner.report(&run, Some(&inputs))
        }
        Err(errors) => runner.report(&Run::rejected(errors), None),
    }
}

/// Ends the process at once on SIGINT or SIGTERM; the engine follows when its connection closes.
///
/// As process 1 of a container we would otherwise ignore both, and outlive a cancelled job.
#[expect(
    clippy::exit,
    reason = "the work may be in the middle of a blocking call"
)]
fn end_on_signal() {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
    else {
        return;
    };
    runtime.block_on(async {
        let (Ok(mut interrupt), Ok(mut terminate)) = (
            signal(SignalKind::interrupt()),
            signal(SignalKind::terminate()),
        ) else {
            return;
        };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        std::process::exit(INTERRUPTED);
    });
}

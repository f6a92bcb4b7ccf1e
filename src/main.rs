//! Environment in, exit code out; nothing else.

use std::process::ExitCode;

use publish_to_tableau::Run;
use publish_to_tableau::inputs::Inputs;
use publish_to_tableau::report::Runner;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
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

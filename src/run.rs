//! The order of a run: every stage, one after another. Start reading here.

pub mod outcome;
mod pipeline;

use anyhow::Result;

use crate::cancel::{Cancel, Cancelled};
use crate::events::{Event, Observer, Stage};
use crate::http::Client;
use crate::inputs::Inputs;
use crate::panics;
use outcome::{Failure, Run};
use pipeline::Pipeline;

/// Runs every stage in order; what was done before a failure is kept in the result.
///
/// It blocks in its middle stages, so the wish to stop comes from another thread.
pub async fn run(inputs: &Inputs, observer: &dyn Observer, cancel: &Cancel) -> Run {
    for warning in &inputs.warnings {
        observer.on(Event::Warning(warning.clone()));
    }
    let mut pipeline = Pipeline::new(observer, cancel);
    let outcome = panics::caught_in(Box::pin(work(&mut pipeline, inputs))).await;
    if let Err(mut error) = outcome.unwrap_or_else(|panicked| Err(panicked.into())) {
        // Whatever else went wrong then, such as an engine that is gone, only follows from it.
        if cancel.is_told() {
            error = Cancelled.into();
        }
        pipeline.run.failure = Some(Failure {
            stage: pipeline.stage,
            error,
        });
    }
    pipeline.run
}

async fn work(pipeline: &mut Pipeline<'_>, inputs: &Inputs) -> Result<()> {
    // Better refused now than after hours of fetching; links may change until the second look.
    pipeline.stage = Stage::Shape;
    pipeline::find_target(inputs)?;

    pipeline.enter(Stage::Fetch);
    let client = Client::new(inputs.waits.http.clone(), &inputs.network)?;
    let source = Client::with_options(&inputs.source.http, &inputs.network)?;
    let spool = pipeline.make_folder(&inputs.machine.temp)?;
    let staged = pipeline.fetch(inputs, spool.path(), &source).await?;

    pipeline.enter(Stage::Type);
    let tables = pipeline.read(&staged, inputs)?;

    pipeline.enter(Stage::Shape);
    let target = pipeline::find_target(inputs)?;
    // If a later row contradicts assumed types, this goes back to them once.
    let (draft, folder) = pipeline.build(tables, &target, inputs)?;

    pipeline.enter(Stage::Check);
    let extract = pipeline.check(draft, (folder.path(), &target), inputs)?;

    if let Some(destination) = &inputs.destination {
        pipeline.enter(Stage::Publish);
        let publishing = pipeline.publish(&extract, destination, inputs, &client);
        publishing.await?;
    }
    Ok(())
}

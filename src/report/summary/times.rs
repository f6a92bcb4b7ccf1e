//! Where the time went: a picture, and the same numbers in a table.

use std::fmt::Write;

use super::text::{Within, prose};
use crate::run::outcome::Run;

/// Adds a bar and a line for each stage.
pub(super) fn times(text: &mut String, run: &Run) {
    if run.stages.is_empty() {
        return;
    }
    text.push_str("### Where the time went\n\n");
    chart(text, run);
    text.push_str("| Stage | Seconds | |\n|---|--:|---|\n");
    for done in &run.stages {
        let _ = writeln!(
            text,
            "| {} | {:.2} | {} |",
            done.stage.name(),
            done.took.as_secs_f64(),
            prose(&done.line, Within::Cell)
        );
    }
    if let Some(failure) = &run.failure {
        let _ = writeln!(text, "| {} | | **failed** |", failure.stage.name());
    }
    text.push('\n');
}

/// Nothing but our own words and numbers goes into the picture: data could break it.
fn chart(text: &mut String, run: &Run) {
    // A single bar compares nothing, and who looks for a cause has no time for pictures.
    if run.stages.len() < 2 || run.failure.is_some() {
        return;
    }
    let names: Vec<String> = run
        .stages
        .iter()
        .map(|done| format!("\"{}\"", done.stage.name()))
        .collect();
    let seconds: Vec<String> = run
        .stages
        .iter()
        .map(|done| format!("{:.2}", done.took.as_secs_f64()))
        .collect();
    let longest = run.stages.iter().map(|done| done.took).max();
    // An axis needs a length even when nothing took any time.
    let longest = longest.unwrap_or_default().as_secs_f64().max(0.01);
    let height = 60 + 32 * names.len();
    let _ = write!(
        text,
        "```mermaid\n\
         ---\nconfig:\n  xyChart:\n    width: 720\n    height: {height}\n  \
         themeVariables:\n    xyChart:\n      backgroundColor: transparent\n      \
         plotColorPalette: \"#4493f8\"\n---\n\
         xychart-beta horizontal\n  \
         x-axis [{}]\n  \
         y-axis \"seconds\" 0 --> {longest:.2}\n  \
         bar [{}]\n\
         ```\n\n",
        names.join(", "),
        seconds.join(", ")
    );
}

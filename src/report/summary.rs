//! The job summary: Markdown from a run, without I/O.
//!
//! GitHub drops a summary above 1 MiB, so every part that can grow has an end. Whatever comes from
//! the data or a server is escaped: it must not become markup.

mod columns;
mod text;
mod times;

use std::borrow::Cow;
use std::fmt::Write;
use std::time::Duration;

use serde::Serialize;

use super::failure::Explanation;
use super::words::{is_published, mode_name, standing};
use crate::events::Stage;
use crate::guards::Outcome;
use crate::hyper::{Extract, SCHEMA};
use crate::inputs::Inputs;
use crate::run::outcome::Run;
use crate::say::{count, size};
use crate::secrets;
use crate::source::StagedFile;
use crate::tableau::{Change, Published};
use text::{Within, clip, code, code_block, escape, is_link, prose};

/// Lines of a list that are not folded.
const OPEN: usize = 10;
/// Lines of a list shown at all.
const LINES: usize = 100;
/// Characters of a message; twenty of the longest fit beside the largest table.
const MESSAGE: usize = 2_000;
/// Characters of an address, a path or a name.
const NAME: usize = 500;
/// Bytes of a list.
const BYTES: usize = 60_000;

/// What the summary needs besides the run itself.
#[derive(Debug)]
pub struct Extras<'a> {
    /// Why it failed.
    pub explanations: &'a [Explanation],
    /// What was warned of on the way.
    pub warnings: &'a [String],
}

/// One entry of the `schema` output.
#[derive(Serialize)]
struct Field<'a> {
    name: Cow<'a, str>,
    r#type: String,
    nullable: bool,
}

/// Returns the `schema` output: a JSON array in column order.
pub(super) fn schema(extract: &Extract) -> String {
    let fields: Vec<Field> = extract
        .columns
        .iter()
        // Every column may be empty tomorrow; today's rows must not decide the schema.
        .map(|column| Field {
            name: secrets::replace(&column.name),
            r#type: column.result_type.to_string(),
            nullable: true,
        })
        .collect();
    serde_json::to_string(&fields).expect("names and types are plain text")
}

/// Returns the summary of a run.
pub fn summary(run: &Run, inputs: Option<&Inputs>, extras: &Extras) -> String {
    let mut text = String::new();
    heading(&mut text, run, inputs);
    failure(&mut text, run, extras.explanations);
    what_changed(&mut text, run, inputs);
    list(&mut text, "Warnings", extras.warnings);
    guards(&mut text, run);
    if let Some(extract) = &run.extract {
        columns::columns(&mut text, extract);
    }
    list(&mut text, "Noticed", &run.notices);
    times::times(&mut text, run);
    details(&mut text, run, inputs);
    text
}

fn heading(text: &mut String, run: &Run, inputs: Option<&Inputs>) {
    let datasource = inputs
        .and_then(|inputs| inputs.destination.as_ref())
        .map(|to| to.datasource.as_str());
    let name = datasource.map_or_else(
        || "an extract".to_owned(),
        |name| code(name, Within::Paragraph),
    );
    let url = run
        .published
        .as_ref()
        .and_then(|published| published.url.as_deref())
        .filter(|url| is_link(url));
    let linked = match url {
        Some(url) => format!("[{name}]({url})"),
        None => name,
    };
    let title = match (&run.failure, is_published(run)) {
        (None, Some(true)) => format!("✅ Published {linked}"),
        (None, None) => format!("⏳ Handed {linked} to Tableau"),
        (None, _) => format!("✅ Built {linked}, published nothing"),
        (Some(_), Some(true)) if run.is_cancelled() => {
            format!("⚠️ Published {linked}, then cancelled")
        }
        (Some(_), Some(true)) => format!("⚠️ Published {linked}, then failed"),
        (Some(_), None) => format!("❔ It is not known whether {linked} is published"),
        (Some(_), _) => match datasource {
            Some(_) => format!("❌ {linked} was not published"),
            None => "❌ Nothing was published".to_owned(),
        },
    };
    let _ = writeln!(text, "## {title}\n");
}

fn failure(text: &mut String, run: &Run, explanations: &[Explanation]) {
    let Some(failure) = &run.failure else { return };
    let _ = writeln!(text, "> [!CAUTION]");
    let end = text.len() + BYTES;
    for (index, explanation) in explanations.iter().enumerate() {
        if text.len() > end {
            let more = explanations.len() - index;
            let _ = writeln!(text, "> … and {more} more, see the log");
            break;
        }
        for (depth, level) in explanation.levels.iter().enumerate() {
            let lead = match depth {
                // A message about an input begins with its name.
                0 if failure.stage == Stage::Inputs => String::new(),
                0 => format!("**{}:** ", escape(&explanation.title)),
                _ => "caused by: ".to_owned(),
            };
            let (first, rest) = level.split_once('\n').unwrap_or((level, ""));
            let _ = writeln!(text, "> {lead}{}<br>", sentence(first));
            if !rest.is_empty() {
                text.push_str(&code_block(&secrets::cut(rest, MESSAGE), "> "));
            }
        }
        for hint in &explanation.hints {
            let _ = writeln!(text, "> 👉 {}<br>", sentence(hint));
        }
        let _ = writeln!(text, ">");
    }
    let state = match failure.stage {
        Stage::Inputs => "nothing was fetched and Tableau was not contacted".to_owned(),
        _ => standing(run),
    };
    let mut letters = state.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    let state: String = first.into_iter().chain(letters).collect();
    let _ = writeln!(text, "\n{state}.\n");
}

/// The one sentence for those who read no table.
fn what_changed(text: &mut String, run: &Run, inputs: Option<&Inputs>) {
    let Some(extract) = &run.extract else { return };
    let rows = format!("**{}**", count(extract.rows, "row"));
    let took: Duration = run.stages.iter().map(|done| done.took).sum();
    let numbers = format!(
        "{} · {} · {:.1} s",
        count(extract.columns.len(), "column"),
        size(extract.bytes),
        took.as_secs_f64()
    );
    let published = run.published.as_ref();
    let place = published
        .and_then(|published| published.project_path.as_deref())
        .map(|path| format!(" in project {}", quoted(path)))
        .unwrap_or_default();
    let change = published.and_then(|published| published.change);
    let destination = inputs.and_then(|inputs| inputs.destination.as_ref());
    let mode = destination.map_or("overwrite", |destination| mode_name(destination.mode));
    let sentence = match (change, &run.failure) {
        (Some(Change::Created), _) => {
            format!("{rows} in a new data source{place} (`{mode}`)")
        }
        (Some(Change::Replaced), _) => {
            format!("{rows} replaced the previous ones{place} (`{mode}`)")
        }
        (Some(Change::Appended), _) => {
            format!("{rows} added to the published ones{place} (`{mode}`)")
        }
        (None, None) if published.is_some() => {
            format!("{rows} handed over{place}; Tableau was not waited for")
        }
        (None, None) => format!("{rows} built"),
        (None, Some(_)) if published.is_some_and(|published| published.job.is_some()) => {
            format!("{rows} handed to Tableau")
        }
        (None, Some(_)) => format!("{rows} built, none published"),
    };
    let _ = writeln!(text, "{sentence} · {numbers}\n");
}

/// What is needed to find a thing again, not to understand the run.
fn details(text: &mut String, run: &Run, inputs: Option<&Inputs>) {
    let mut rows: Vec<(&str, String)> = Vec::new();
    if let Some(published) = &run.published {
        tableau_details(&mut rows, published);
    }
    if run.extract.is_some() {
        let table = inputs.map_or(SCHEMA, |inputs| inputs.shape.table.as_str());
        rows.push(("Table", quoted(&format!("{SCHEMA}.{table}"))));
    }
    let files: Vec<&StagedFile> = run.staged.iter().flat_map(|staged| &staged.files).collect();
    if !files.is_empty() {
        let bytes: u64 = files.iter().map(|file| file.bytes).sum();
        // The pages of an address have one name.
        let mut names: Vec<&str> = files.iter().map(|file| file.origin.as_str()).collect();
        names.dedup();
        let origins: Vec<String> = names.iter().take(5).map(|name| quoted(name)).collect();
        let origins = origins.join(", ");
        let more = match names.len().saturating_sub(5) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        rows.push(("Source", format!("{origins}{more} ({})", size(bytes))));
    }
    if rows.is_empty() {
        return;
    }
    text.push_str("### Details\n\n");
    for (name, value) in rows {
        let _ = writeln!(text, "- **{name}** {value}");
    }
    text.push('\n');
}

fn tableau_details(rows: &mut Vec<(&str, String)>, published: &Published) {
    if let Some(datasource) = &published.datasource {
        rows.push(("Data source", format!("`{datasource}`")));
    }
    if let Some(project) = &published.project {
        rows.push(("Project", format!("`{project}`")));
    }
    if let Some(job) = &published.job {
        rows.push(("Publish job", format!("`{job}`")));
    }
    if let Some(version) = &published.product_version {
        let api = published.api_version.as_deref().unwrap_or("unknown");
        let tableau = format!("{}, REST API {}", clip(version, 40), clip(api, 40));
        rows.push(("Tableau", tableau));
    }
}

fn guards(text: &mut String, run: &Run) {
    if run.verdicts.is_empty() {
        return;
    }
    text.push_str("### Guards\n\n| | Guard | Found |\n|---|---|---|\n");
    let end = text.len() + BYTES;
    for (index, verdict) in run.verdicts.iter().enumerate() {
        if text.len() > end {
            let more = run.verdicts.len() - index;
            let _ = writeln!(text, "| | … and {more} more | |");
            break;
        }
        let mark = match verdict.outcome {
            Outcome::Held => "✓",
            Outcome::Failed | Outcome::Unanswerable => "✗",
        };
        let _ = writeln!(
            text,
            "| {mark} | {} | {} |",
            code(&secrets::cut(&verdict.guard, MESSAGE), Within::Cell),
            prose(&secrets::cut(&verdict.found, MESSAGE), Within::Cell)
        );
    }
    text.push('\n');
}

fn list(text: &mut String, title: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    let is_folded = lines.len() > OPEN;
    if is_folded {
        let _ = writeln!(
            text,
            "<details><summary>{title} ({})</summary>\n",
            lines.len()
        );
    } else {
        let _ = writeln!(text, "### {title}\n");
    }
    let end = text.len() + BYTES;
    for (index, line) in lines.iter().enumerate() {
        if index == LINES || text.len() > end {
            let _ = writeln!(text, "- … and {} more, see the log", lines.len() - index);
            break;
        }
        let _ = writeln!(text, "- {}", sentence(line));
    }
    text.push_str(if is_folded { "\n</details>\n\n" } else { "\n" });
}

/// Shows one of our own sentences; what it quotes may be long.
fn sentence(text: &str) -> String {
    prose(&secrets::cut(text, MESSAGE), Within::Paragraph)
}

/// Shows a name that the user wrote.
fn quoted(name: &str) -> String {
    code(&secrets::cut(name, NAME), Within::Paragraph)
}

//! The job summary: Markdown from a run, without I/O.
//!
//! GitHub drops a summary above 1 MiB, so long tables fold and end early. Whatever comes from the
//! data or a server is escaped: it must not become markup.

use std::fmt::Write;

use serde::Serialize;

use super::{Explanation, change_words, is_published, join};
use crate::Run;
use crate::events::{count, size};
use crate::gate::Outcome;
use crate::hyper::{Extract, SCHEMA};
use crate::inputs::Inputs;
use crate::source::StagedFile;
use crate::tableau::{PublishMode, Published};

/// A longer table is folded.
const FOLDED: usize = 25;
/// Columns shown at all; 1,000 of them stay far below the limit.
const COLUMNS: usize = 1_000;
/// Warnings and notices shown at all.
const LINES: usize = 100;

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
    name: &'a str,
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
            name: &column.name,
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
    facts(&mut text, run, inputs);
    columns(&mut text, run);
    guards(&mut text, run);
    list(&mut text, "Warnings", extras.warnings);
    list(&mut text, "Noticed", &run.notices);
    times(&mut text, run);
    text
}

fn heading(text: &mut String, run: &Run, inputs: Option<&Inputs>) {
    let datasource = inputs
        .and_then(|inputs| inputs.destination.as_ref())
        .map(|to| to.datasource.as_str());
    let name = datasource.map_or_else(|| "extract".to_owned(), escape);
    let url = run
        .published
        .as_ref()
        .and_then(|published| published.url.as_deref())
        .filter(|url| is_link(url));
    let linked = match url {
        Some(url) => format!("[{name}]({url})"),
        None => name,
    };
    let title = match (&run.failure, is_published(run).as_str()) {
        (None, "true") => format!("✅ Published {linked}"),
        (None, "") => format!("⏳ Handed {linked} to Tableau"),
        (None, _) => format!("✅ Built {linked}, published nothing"),
        (Some(_), "true") if run.is_cancelled() => format!("⚠️ Published {linked}, then cancelled"),
        (Some(_), "true") => format!("⚠️ Published {linked}, then failed"),
        (Some(_), "") => format!("❔ It is not known whether {linked} is published"),
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
    for explanation in explanations {
        for (depth, level) in explanation.levels.iter().enumerate() {
            let lead = if depth == 0 {
                format!("**{}:** ", escape(&explanation.title))
            } else {
                "caused by: ".into()
            };
            let _ = writeln!(text, "> {lead}{}<br>", prose(level));
        }
        for hint in &explanation.hints {
            let _ = writeln!(text, "> 👉 {}<br>", prose(hint));
        }
        let _ = writeln!(text, ">");
    }
    let state = match failure.stage {
        crate::events::Stage::Inputs => {
            "nothing was fetched and Tableau was not contacted".to_owned()
        }
        _ => super::failure::standing(run),
    };
    let mut letters = state.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    let state: String = first.into_iter().chain(letters).collect();
    let _ = writeln!(text, "\n{state}.\n");
}

fn facts(text: &mut String, run: &Run, inputs: Option<&Inputs>) {
    let mut rows: Vec<(&str, String)> = Vec::new();
    if let Some(published) = &run.published {
        tableau_facts(&mut rows, published, inputs);
    }
    if let Some(extract) = &run.extract {
        rows.push(("Rows", extract.rows.to_string()));
        let table = inputs.map_or(SCHEMA, |inputs| inputs.shape.table.as_str());
        rows.push((
            "Extract",
            format!(
                "{}, table {}.{}",
                size(extract.bytes),
                SCHEMA,
                escape(table)
            ),
        ));
    }
    let files: Vec<&StagedFile> = run.staged.iter().flat_map(|staged| &staged.files).collect();
    if !files.is_empty() {
        let bytes: u64 = files.iter().map(|file| file.bytes).sum();
        // The pages of an address have one name.
        let mut names: Vec<&str> = files.iter().map(|file| file.origin.as_str()).collect();
        names.dedup();
        let origins = join(names.iter().take(5).map(|name| escape(name)));
        let more = names.len().saturating_sub(5);
        let more = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        rows.push(("Source", format!("{origins}{more} ({})", size(bytes))));
    }
    if rows.is_empty() {
        return;
    }
    text.push_str("| | |\n|---|---|\n");
    for (name, value) in rows {
        let _ = writeln!(text, "| {name} | {value} |");
    }
    text.push('\n');
}

fn tableau_facts(rows: &mut Vec<(&str, String)>, published: &Published, inputs: Option<&Inputs>) {
    if let Some(path) = &published.project_path {
        rows.push(("Project", escape(path)));
    }
    if let Some(destination) = inputs.and_then(|inputs| inputs.destination.as_ref()) {
        let change = published
            .change
            .map(|change| format!(": {}", change_words(change)))
            .unwrap_or_default();
        rows.push(("Mode", format!("{}{change}", mode_name(destination.mode))));
    }
    if let Some(datasource) = &published.datasource {
        rows.push(("Data source", format!("`{datasource}`")));
    }
    if let Some(job) = &published.job {
        rows.push(("Publish job", format!("`{job}`")));
    }
}

fn mode_name(mode: PublishMode) -> &'static str {
    match mode {
        PublishMode::Overwrite => "overwrite",
        PublishMode::Append => "append",
        PublishMode::CreateNew => "create-new",
    }
}

fn columns(text: &mut String, run: &Run) {
    let Some(extract) = &run.extract else { return };
    let title = count(extract.columns.len(), "column");
    let is_folded = extract.columns.len() > FOLDED;
    if is_folded {
        let _ = writeln!(text, "<details><summary>{title}</summary>\n");
    } else {
        let _ = writeln!(text, "### {title}\n");
    }
    text.push_str("| Column | Type | Empty | Least | Greatest |\n|---|---|--:|---|---|\n");
    for column in extract.columns.iter().take(COLUMNS) {
        let value = |value: &Option<String>| value.as_deref().map(escape).unwrap_or_default();
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} |",
            escape(&column.name),
            column.result_type,
            column.nulls,
            value(&column.least),
            value(&column.greatest)
        );
    }
    if let Some(more) = extract
        .columns
        .len()
        .checked_sub(COLUMNS)
        .filter(|more| *more > 0)
    {
        let _ = writeln!(text, "| … and {more} more | | | | |");
    }
    text.push_str(if is_folded { "\n</details>\n\n" } else { "\n" });
}

fn guards(text: &mut String, run: &Run) {
    if run.verdicts.is_empty() {
        return;
    }
    text.push_str("### Guards\n\n| | Guard | Found |\n|---|---|---|\n");
    for verdict in &run.verdicts {
        let mark = match verdict.outcome {
            Outcome::Held => "✓",
            Outcome::Failed => "✗",
        };
        let _ = writeln!(
            text,
            "| {mark} | {} | {} |",
            escape(&verdict.guard),
            escape(&verdict.found)
        );
    }
    text.push('\n');
}

fn list(text: &mut String, title: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(text, "### {title}\n");
    for line in lines.iter().take(LINES) {
        let _ = writeln!(text, "- {}", prose(line));
    }
    if let Some(more) = lines.len().checked_sub(LINES).filter(|more| *more > 0) {
        let _ = writeln!(text, "- … and {more} more");
    }
    text.push('\n');
}

fn times(text: &mut String, run: &Run) {
    if run.stages.is_empty() {
        return;
    }
    text.push_str("### Where the time went\n\n| Stage | Seconds | |\n|---|--:|---|\n");
    for done in &run.stages {
        let _ = writeln!(
            text,
            "| {} | {:.2} | {} |",
            done.stage.name(),
            done.took.as_secs_f64(),
            prose(&done.line)
        );
    }
    text.push('\n');
}

/// Shows any text as it is: one line, no markup, no table cell, no HTML.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\r' => {}
            '\n' => escaped.push_str("<br>"),
            c if c.is_control() => escaped.push('\u{fffd}'),
            // Entities stay text where a backslash would not (in tables, in HTML blocks).
            '&' | '<' | '>' | '|' | '`' | '*' | '_' | '~' | '[' | ']' | '\\' | '#' | '@' | '!'
            | '$' | '"' => {
                let _ = write!(escaped, "&#{};", u32::from(c));
            }
            c => escaped.push(c),
        }
    }
    // An address alone would become a link, and entities in it stay as they are written.
    escaped
        .replace("://", "&#58;//")
        .replace("www.", "www&#46;")
}

/// Shows one of our own sentences: what stands in backticks becomes code, everything is escaped.
fn prose(text: &str) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    // An odd backtick belongs to the data.
    if parts.len().is_multiple_of(2) {
        return escape(text);
    }
    let show = |(index, part): (usize, &&str)| match index % 2 {
        1 => format!("<code>{}</code>", escape(part)),
        _ => escape(part),
    };
    parts.iter().enumerate().map(show).collect()
}

/// Only an address that cannot end the link it is put into.
fn is_link(url: &str) -> bool {
    (url.starts_with("https://") || url.starts_with("http://"))
        && !url.chars().any(|c| {
            c.is_whitespace() || c.is_control() || matches!(c, '(' | ')' | '<' | '>' | '"')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_never_becomes_markup() {
        assert_eq!(escape("a|b"), "a&#124;b");
        assert_eq!(
            escape("<img src=x>\n`x`"),
            "&#60;img src=x&#62;<br>&#96;x&#96;"
        );
        assert_eq!(escape("![x](http://y)"), "&#33;&#91;x&#93;(http&#58;//y)");
    }

    #[test]
    fn a_link_cannot_break_out() {
        assert!(is_link("https://host/#/site/acme/datasources/1"));
        assert!(!is_link("https://host/) [x](javascript:y"));
        assert!(!is_link("javascript:alert(1)"));
    }
}

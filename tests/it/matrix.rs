//! Every fault at every call of a publish, in every mode: what is told, and what the site holds afterwards.
//!
//! `cargo test --test it matrix -- --nocapture` prints the tables. A cell is one whole publish:
//! `ok` published and silent, `warn` published with a warning, `old` failed and the published data
//! is as it was, `open` failed and told that it is not known.

use std::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use expect_test::{Expect, expect};
use publish_to_tableau::tableau::{Description, Pace, PublishMode, Standing, Tag};
use tableau_simulator::{DescriptionAtPublish, Settings, Setup, Simulator, Site};

use crate::workflow::{Outcome, Run, chain, hints};

/// What the site holds before: one part with these bytes.
const OLD: &[u8] = b"Hyper, the old rows";

/// Row of the table, operation of the simulator, which call of it, what we call it in messages.
const CALLS: [(&str, &str, usize, &str); 14] = [
    (
        "server-info",
        "server-info",
        1,
        "ask for the server's version",
    ),
    ("sign-in", "sign-in", 1, "sign in to Tableau"),
    ("query-projects", "query-projects", 1, "list the projects"),
    (
        "query-data-sources",
        "query-data-sources",
        1,
        "look up the data source",
    ),
    (
        "initiate-file-upload",
        "initiate-file-upload",
        1,
        "begin the upload",
    ),
    (
        "append (first)",
        "append-to-file-upload",
        1,
        "append to the upload",
    ),
    (
        "append (middle)",
        "append-to-file-upload",
        2,
        "append to the upload",
    ),
    (
        "append (last)",
        "append-to-file-upload",
        4,
        "append to the upload",
    ),
    (
        "publish-data-source",
        "publish-data-source",
        1,
        "commit the upload",
    ),
    ("query-job", "query-job", 1, "look at the publish job"),
    ("verification", "", 1, "look"),
    (
        "update-data-source",
        "update-data-source",
        1,
        "set the description",
    ),
    ("add-tags", "add-tags-to-data-source", 1, "add the tags"),
    ("sign-out", "sign-out", 1, "sign out"),
];

/// Effect of the simulator and what a message quotes of it.
const EFFECTS: [(&str, &str); 14] = [
    ("refuse", "the connection broke"),
    ("429", "429"),
    ("429+0s", "429"),
    ("503", "503"),
    ("stall", "no answer in time"),
    ("reset", "the connection broke"),
    ("lose-response", "the connection broke"),
    ("late-504", "504"),
    ("truncate", "the connection broke"),
    ("garbage", "not as Tableau does"),
    ("empty", "not as Tableau does"),
    ("error-in-200", "Tableau answered 403135"),
    ("403004", "Tableau answered 403004"),
    ("401002", "401002"),
];

fn simulator(mode: PublishMode, folder: &Path) -> Simulator {
    std::fs::write(folder.join("old.hyper"), OLD).unwrap();
    let simulator = Simulator::launch(Setup {
        settings: Settings {
            // Otherwise nothing would be left for "Update Data Source".
            description: DescriptionAtPublish::Reset,
            ..Settings::default()
        },
        ..Setup::default()
    });
    if mode != PublishMode::CreateNew {
        simulator.site(|site| {
            let emea = site.project(&["Sales", "EMEA"]).unwrap().luid.clone();
            site.add_datasource("Orders", &emea);
            let datasource = site.datasources.last_mut().unwrap();
            datasource.parts.push(folder.join("old.hyper"));
        });
    }
    simulator
}

/// The call that looks at the data source after the job: by LUID if it is known, else by name.
fn verification(mode: PublishMode) -> (&'static str, usize) {
    match mode {
        PublishMode::CreateNew => ("query-data-sources", 3),
        PublishMode::Overwrite | PublishMode::Append => ("query-data-source", 1),
    }
}

/// One publish with one fault; returns the cell, after checking that what was told is true.
fn cell(mode: PublishMode, call: usize, effect: usize) -> &'static str {
    let (row, operation, nth, words) = CALLS[call];
    let (effect, quote) = EFFECTS[effect];
    let (operation, nth) = match operation {
        "" => verification(mode),
        known => (known, nth),
    };
    let folder = tempfile::tempdir().unwrap();
    let simulator = simulator(mode, folder.path());
    simulator.add_fault(format!("{operation}#{nth}={effect}").parse().unwrap());
    let mut run = Run::new(&simulator).mode(mode).to(|to| {
        to.description = Some(Description::parse("every morning").unwrap());
        to.tags = vec![Tag::parse("daily").unwrap()];
        to.wait = Duration::from_secs(3);
    });
    run.pace = Pace {
        answer_limit: Duration::from_millis(if effect == "stall" { 1_000 } else { 5_000 }),
        ..run.pace
    };
    let outcome = run.go();
    let place = format!("{mode:?}, {row}={effect}: {outcome:#?}");
    let told = told(&outcome);
    let has_new = holds(&simulator, &run, mode, &place);
    let warnings = || {
        outcome
            .log
            .iter()
            .filter(|line| line.starts_with("warning: "))
    };
    let ended = match (&outcome.result, outcome.record.standing) {
        (Ok(()), Standing::Changed) if warnings().next().is_none() => "ok",
        (Ok(()), Standing::Changed) => "warn",
        (Err(_), Standing::Untouched) => "old",
        (Err(_), Standing::Unknown) => "open",
        (Err(_), Standing::Accepted) => "goes on",
        (Ok(()), Standing::Accepted) => "waiting",
        other => panic!("{other:?} in {place}"),
    };
    match ended {
        "ok" | "warn" => assert!(has_new, "the data is not there: {place}"),
        "old" => assert!(!has_new, "the data is there: {place}"),
        _ => {}
    }
    if !matches!(ended, "ok" | "waiting") {
        let words = if effect == "401002" { "" } else { words };
        assert!(told.contains(words), "`{words}` is not told: {place}");
        assert!(told.contains(quote), "`{quote}` is not told: {place}");
    }
    if let Err(error) = &outcome.result {
        assert!(
            !hints(error).is_empty() || effect == "error-in-200" || ended == "old",
            "no hint: {place}"
        );
    }
    // One session, one more after 401002, and none left behind unless its answer was spoilt.
    let calls = simulator.calls();
    let count = |name: &str| calls.iter().filter(|call| *call == name).count();
    if effect != "401002" && row != "sign-in" {
        assert!(count("sign-in") <= 1, "{calls:?} in {place}");
        let is_last = calls
            .last()
            .is_some_and(|call| call.trim_end_matches('!') == "sign-out");
        assert!(
            row == "server-info" && calls.len() <= 3 || is_last,
            "{calls:?} in {place}"
        );
    }
    ended
}

fn told(outcome: &Outcome) -> String {
    let error = outcome.result.as_ref().err().map(chain).unwrap_or_default();
    format!("{}\n{error}", outcome.log.join("\n"))
}

/// Whether the new data is there, whole and once; anything but the old or the new state fails.
fn holds(simulator: &Simulator, run: &Run, mode: PublishMode, place: &str) -> bool {
    simulator.site(Site::finish_jobs);
    let found = simulator.site(|site| site.datasources.clone());
    assert!(found.len() <= 1, "doubled: {place}");
    let parts: Vec<Vec<u8>> = found
        .iter()
        .flat_map(|datasource| &datasource.parts)
        .map(|part| std::fs::read(part).unwrap())
        .collect();
    let old = vec![OLD.to_vec()];
    let (before, after) = match mode {
        PublishMode::CreateNew => (vec![], vec![run.file.clone()]),
        PublishMode::Overwrite => (old, vec![run.file.clone()]),
        PublishMode::Append => (old.clone(), vec![OLD.to_vec(), run.file.clone()]),
    };
    assert!(
        parts == before || parts == after,
        "neither old nor new but {:?}: {place}",
        parts.iter().map(Vec::len).collect::<Vec<_>>()
    );
    parts == after
}

/// Fills the table of a mode, some cells at a time: most of them wait.
fn table(mode: PublishMode) -> String {
    let n_cells = CALLS.len() * EFFECTS.len();
    let next = AtomicUsize::new(0);
    let cells = Mutex::new(vec![""; n_cells]);
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= n_cells {
                        break;
                    }
                    let (call, effect) = (index / EFFECTS.len(), index % EFFECTS.len());
                    let found = catch_unwind(AssertUnwindSafe(|| cell(mode, call, effect)))
                        .unwrap_or("WRONG");
                    cells.lock().unwrap()[index] = found;
                }
            });
        }
    });
    let cells = cells.into_inner().unwrap();
    let mut text = String::from("| |");
    for (effect, _) in EFFECTS {
        write!(text, " {effect} |").unwrap();
    }
    text += &format!("\n|---|{}\n", "---|".repeat(EFFECTS.len()));
    for (row, (name, ..)) in CALLS.iter().enumerate() {
        let cells = &cells[row * EFFECTS.len()..][..EFFECTS.len()];
        assert!(cells.iter().all(|cell| !cell.is_empty()), "an empty cell");
        writeln!(text, "| {name} | {} |", cells.join(" | ")).unwrap();
    }
    text
}

#[expect(clippy::print_stdout, reason = "the tables are there to be read")]
fn check(mode: PublishMode, expected: &Expect) {
    let text = table(mode);
    println!("\n{mode:?}\n\n{text}");
    expected.assert_eq(&text);
}

#[test]
fn overwrite() {
    check(
        PublishMode::Overwrite,
        &expect![[r"
        | | refuse | 429 | 429+0s | 503 | stall | reset | lose-response | late-504 | truncate | garbage | empty | error-in-200 | 403004 | 401002 |
        |---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|
        | server-info | ok | ok | ok | ok | ok | ok | ok | ok | ok | old | old | old | old | old |
        | sign-in | ok | ok | ok | ok | ok | ok | ok | ok | ok | old | old | old | old | old |
        | query-projects | ok | ok | ok | ok | ok | ok | ok | ok | ok | old | old | old | old | warn |
        | query-data-sources | ok | ok | ok | ok | ok | ok | ok | ok | ok | old | old | old | old | warn |
        | initiate-file-upload | ok | ok | ok | ok | ok | ok | ok | ok | ok | old | old | old | old | warn |
        | append (first) | warn | ok | ok | warn | warn | warn | warn | warn | warn | warn | warn | old | old | warn |
        | append (middle) | warn | ok | ok | warn | warn | warn | warn | warn | warn | warn | warn | old | old | warn |
        | append (last) | warn | ok | ok | warn | warn | warn | warn | warn | warn | warn | warn | old | old | warn |
        | publish-data-source | warn | ok | ok | warn | warn | warn | warn | warn | warn | warn | warn | old | old | warn |
        | query-job | ok | ok | ok | ok | ok | ok | ok | ok | ok | ok | ok | ok | ok | warn |
        | verification | ok | ok | ok | ok | ok | ok | ok | ok | ok | ok | ok | warn | warn | warn |
        | update-data-source | ok | ok | ok | ok | ok | ok | ok | ok | ok | warn | warn | warn | warn | warn |
        | add-tags | ok | ok | ok | ok | ok | ok | ok | ok | ok | warn | warn | warn | warn | warn |
        | sign-out | ok | ok | ok | ok | ok | ok | ok | ok | ok | ok | ok | ok | ok | ok |
    "]],
    );
}

#[test]
fn append() {
    check(
        PublishMode::Append,
        &expect![[r"
        | | refuse | 429 | 429+0s | 503 | stall | reset | lose-response | late-504 | truncate | garbage | empty | error-in-200 | 403004 | 401002 |
        |---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|
        | server-info | ok | ok | ok | ok | ok | ok | ok | ok | ok | old | old | old | old | old |
        | sign-in | ok | ok | ok | ok | ok | ok | ok | ok | ok | old | old | old | old | old |
        | query-projects | ok | ok | ok | ok | ok | ok | ok | ok | ok | old | old | old | old | warn |
        | query-data-sources | ok | ok | ok | ok | ok | ok | ok | ok | ok | old | old | old | old | warn |
        | initiate-file-upload | ok | ok | ok | ok | ok | ok | ok | ok | ok | old | old | old | old | warn |
        | append (first) | warn | ok | ok | warn | warn | warn | warn | warn | warn | warn | warn | old | old | warn |
        | append (middle) | warn | ok | ok | warn | warn | warn | warn | warn | warn | warn | warn | old | old | warn |
        | append (last) | warn | ok | ok | warn | warn | warn | warn | warn | warn | warn | warn | old | old | warn |
        | publish-data-source | open | ok | ok | open | open | open | warn | warn | warn | warn | open | old | old | warn |
        | query-job | ok | ok | ok | ok | ok | ok | ok | ok | ok | ok | ok | ok | ok | warn |
        | verification | ok | ok | ok | ok | ok | ok | ok | ok | ok | ok | ok | warn | warn | warn |
        | update-data-source | ok | ok | ok | ok | ok | ok | ok | ok | ok | warn | warn | warn | warn | warn |
        | add-tags | ok | ok | ok | ok | ok | ok | ok | ok | ok | warn | warn | warn | warn | warn |
        | sign-out | ok | ok | ok | ok | ok | ok | ok | ok | ok | ok | ok | ok | ok | ok |
    "]],
    );
}

#[test]
fn create_new() {
    check(
        PublishMode::CreateNew,
        &expect![[r"
        | | refuse | 429 | 429+0s | 503 | stall | reset | lose-response | late-504 | truncate | garbage | empty | error-in-200 | 403004 | 401002 |
        |---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|
        | server-info | ok | ok | ok | ok | ok | ok | ok | ok | ok | old | old | old | old | old |
        | sign-in | ok | ok | ok | ok | ok | ok | ok | ok | ok | old | old | old | old | old |
        | query-projects | ok | ok | ok | ok | ok | ok | ok | ok | ok | old | old | old | old | warn |
        | query-data-sources | ok | ok | ok | ok | ok | ok | ok | ok | ok | old | old | old | old | warn |
        | initiate-file-upload | ok | ok | ok | ok | ok | ok | ok | ok | ok | old | old | old | old | warn |
        | append (first) | warn | ok | ok | warn | warn | warn | warn | warn | warn | warn | warn | old | old | warn |
        | append (middle) | warn | ok | ok | warn | warn | warn | warn | warn | warn | warn | warn | old | old | warn |
        | append (last) | warn | ok | ok | warn | warn | warn | warn | warn | warn | warn | warn | old | old | warn |
        | publish-data-source | warn | ok | ok | warn | warn | warn | warn | warn | warn | warn | warn | old | old | warn |
        | query-job | ok | ok | ok | ok | ok | ok | ok | ok | ok | ok | ok | ok | ok | warn |
        | verification | ok | ok | ok | ok | ok | ok | ok | ok | ok | ok | ok | warn | warn | warn |
        | update-data-source | ok | ok | ok | ok | ok | ok | ok | ok | ok | warn | warn | warn | warn | warn |
        | add-tags | ok | ok | ok | ok | ok | ok | ok | ok | ok | warn | warn | warn | warn | warn |
        | sign-out | ok | ok | ok | ok | ok | ok | ok | ok | ok | ok | ok | ok | ok | ok |
    "]],
    );
}

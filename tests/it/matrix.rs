//! Every fault at every call of a publish, in every mode: what is told, and what the site holds afterwards.
//!
//! `cargo test --test it matrix -- --nocapture` prints the tables. A cell is one whole publish:
//! `ok` published and silent, `warn` published with a warning, `old` failed and the published data
//! is as it was, `open` failed and told that it is not known, `waiting` Tableau works on it and this
//! run cannot see the end. What a cell must be follows from principles: see [`expected`].

use std::collections::HashMap;
use std::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use publish_to_tableau::tableau::{CATALOGUE, DataState, Description, PublishMode, Tag};
use tableau_simulator::{DescriptionAtPublish, Settings, Setup, Simulator, Site};

use crate::extract;
use crate::flaky_proxy::Way;
use crate::harness::Action;
use crate::workflow::{Outcome, Run, chain, hints};

/// A call of a publish, in the order of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Call {
    ServerInfo,
    SignIn,
    Projects,
    Lookup,
    Initiate,
    FirstAppend,
    MiddleAppend,
    LastAppend,
    LastLook,
    Commit,
    Job,
    Verification,
    Description,
    Tags,
    SignOut,
}

use Call::*;

/// Each call: its row, the simulator's name, which of them, our words, a refusal the reference lists for it.
const CALLS: [(Call, &str, &str, usize, &str, &str); 15] = [
    (
        ServerInfo,
        "server-info",
        "server-info",
        1,
        "ask for the server's version",
        "404003",
    ),
    (
        SignIn,
        "sign-in",
        "sign-in",
        1,
        "sign in to Tableau",
        "401001",
    ),
    (
        Projects,
        "query-projects",
        "query-projects",
        1,
        "list the projects",
        "404000",
    ),
    (
        Lookup,
        "query-data-sources",
        "query-data-sources",
        1,
        "look up the data source",
        "404000",
    ),
    (
        Initiate,
        "initiate-file-upload",
        "initiate-file-upload",
        1,
        "begin the upload",
        "403015",
    ),
    (
        FirstAppend,
        "append (first)",
        "append-to-file-upload",
        1,
        "append to the upload",
        "403016",
    ),
    (
        MiddleAppend,
        "append (middle)",
        "append-to-file-upload",
        2,
        "append to the upload",
        "403016",
    ),
    (
        LastAppend,
        "append (last)",
        "append-to-file-upload",
        4,
        "append to the upload",
        "403016",
    ),
    (
        LastLook,
        "last look",
        "query-data-source",
        1,
        "look at the data source",
        "403004",
    ),
    (
        Commit,
        "publish-data-source",
        "publish-data-source",
        1,
        "commit the upload",
        "403007",
    ),
    (
        Job,
        "query-job",
        "query-job",
        1,
        "look at the publish job",
        "404018",
    ),
    (
        Verification,
        "verification",
        "query-data-source",
        2,
        "look",
        "403004",
    ),
    (
        Description,
        "update-data-source",
        "update-data-source",
        1,
        "set the description",
        "403032",
    ),
    (
        Tags,
        "add-tags",
        "add-tags-to-data-source",
        1,
        "add the tags",
        "400075",
    ),
    (SignOut, "sign-out", "sign-out", 1, "sign out", "401002"),
];

/// Faults: the simulator's effect and what a message quotes of it.
///
/// `refuse` and `down` refuse the connection itself, once or from then on; `hang-up` takes the request
/// and says nothing, `reset` breaks after the whole request; both strike before the server acts, as do
/// `429` to `stall`, `empty` and what follows it. `elsewhere` is a redirect to another origin, `429+ever` and
/// `503+ever` ask to be left alone for longer than anybody lives. `lose-response` to `garbage` strike after it has acted.
const EFFECTS: [(&str, &str, &str); 20] = [
    ("refuse", "", "cannot connect"),
    ("down", "", "cannot connect"),
    ("hang-up", "refuse", "the connection broke"),
    ("429", "429", "429"),
    ("429+0s", "429+0s", "429"),
    ("503", "503", "503"),
    ("stall", "stall", "no answer in time"),
    ("reset", "reset", "the connection broke"),
    ("lose-response", "lose-response", "the connection broke"),
    ("late-504", "late-504", "504"),
    ("truncate", "truncate", "the connection broke"),
    ("garbage", "garbage", "not as Tableau does"),
    ("empty", "empty", "not as Tableau does"),
    ("error-in-200", "error-in-200", "Tableau answered 403135"),
    ("refusal", "", "Tableau answered"),
    ("401002", "401002", "401002"),
    ("redirect", "redirect", ""),
    ("elsewhere", "elsewhere-307", "another origin"),
    ("429+ever", "429+18446744073709551615s", "429"),
    ("503+ever", "503+last-date", "503"),
];

/// What a cell must be, by principle and by no run.
///
/// The ends in the order of preference: got over in silence, got over and told (bytes were sent twice,
/// or something is taken on evidence), failed with the old data, not known. `open` is only for a commit
/// in mode `append` that has left no trace: repeating it could double rows.
#[expect(clippy::match_same_arms, reason = "each arm is a principle")]
fn expected(mode: PublishMode, call: Call, effect: &str) -> &'static str {
    let is_append = matches!(call, FirstAppend | MiddleAppend | LastAppend);
    match effect {
        // Nothing depends on the sign-out.
        _ if call == SignOut => "ok",
        // Nobody was reached, or Tableau says that it did nothing: the same call again, whichever it is.
        // A redirect within the origin is followed.
        "refuse" | "429" | "429+0s" | "redirect" => "ok",
        // Nobody is there for the whole patience of the client. Before the commit nothing has happened,
        // and a commit that did not connect has not either; a job goes on without us.
        "down" if call <= Commit => "old",
        "down" if call == Job => "waiting",
        "down" => "warn",
        // Before there is a session, it cannot end: this is no Tableau as we know it.
        "401002" if call <= SignIn => "old",
        // One more sign-in, which is told, as it hints at another run with the same token.
        "401002" => "warn",
        // Tableau itself says no. Before and at the commit that is the end. A job may be gone or hidden,
        // so the data source decides. What comes after the job does not make the data come back.
        // A redirect to another origin comes to the same: what the calls carry is not for others to see.
        "error-in-200" | "refusal" | "elsewhere" => match call {
            Job => "ok",
            Verification | Description | Tags => "warn",
            _ => "old",
        },
        // Not now, and not before the run has to be over. Before the commit that is the end, and a commit that
        // was throttled was not carried out; a job goes on. The data source is looked at again all the same.
        "429+ever" | "503+ever" => match call {
            FirstAppend | MiddleAppend | LastAppend if effect == "503+ever" => "warn",
            Commit if effect == "503+ever" && mode == PublishMode::Append => "open",
            Commit if effect == "503+ever" => "warn",
            Job => "waiting",
            Verification => "ok",
            Description | Tags => "warn",
            _ => "old",
        },
        // A page of somebody else at the first two calls: `server-url` leads elsewhere, and the answer to
        // a sign-in may hold a token nobody can mask. Later it is an accident, and asked again.
        "garbage" | "empty" if call <= SignIn => "old",
        // An append is not repeatable and there is no look at what has arrived: from the first byte again.
        _ if is_append => "warn",
        // A commit is not repeatable: what it did is looked for, and told if it is found. If nothing is
        // found, a commit that replaces or creates is repeated; one that appends is not.
        _ if call == Commit => match (mode, effect) {
            (PublishMode::Append, "hang-up" | "503" | "stall" | "reset" | "empty") => "open",
            _ => "warn",
        },
        // All else only reads, or writes what may be written twice.
        _ => "ok",
    }
}

/// Words of the fix that an error must come with.
fn fix(mode: PublishMode, call: Call, effect: &str) -> String {
    let refusal = CALLS.iter().find(|(known, ..)| *known == call).unwrap().5;
    let found = CATALOGUE.iter().find(|(code, ..)| *code == refusal);
    match effect {
        _ if expected(mode, call, effect) == "open" => "count the rows".into(),
        "down" => "check the address `http://127.0.0.1:".into(),
        "garbage" | "empty" | "refusal" if call == ServerInfo => "check `server-url`".into(),
        "garbage" | "empty" => "a sign-in page or portal may stand in front of it".into(),
        "error-in-200" => "its permissions in `project`".into(),
        "refusal" => found.unwrap().2.into(),
        "401002" => "`strategy: max-parallel: 1`".into(),
        "elsewhere" => "set `server-url: http://127.0.0.1:9`".into(),
        "429+ever" => "run less often or later".into(),
        "503+ever" => "run again later".into(),
        other => panic!("{other} at {call:?} is an error"),
    }
}

/// Words of the warning that says what was done about it.
fn remedy(call: Call, effect: &str) -> &'static str {
    match call {
        _ if effect == "401002" => "signing in again",
        FirstAppend | MiddleAppend | LastAppend => "beginning the upload again",
        Commit => "looking whether Tableau has published all the same",
        Verification => "could not be verified",
        Description => "published, but its description is not",
        Tags => "published, but not tagged",
        other => panic!("{effect} at {other:?} is got over in silence"),
    }
}

/// The file that is there before and the one that is published: real ones, with different rows.
static FILES: LazyLock<[Vec<u8>; 2]> = LazyLock::new(|| {
    ["id,name\n1,old\n", "id,name\n2,new\n3,ü\n"].map(|rows| {
        let action = Action::building()
            .file("x.csv", rows)
            .input("source", "x.csv");
        std::fs::read(action.run().succeeded().hyper()).unwrap()
    })
});

/// Returns the rows of files one after the other.
///
/// The engine reads each content once; the same bytes have the same rows.
fn rows(parts: &[Vec<u8>]) -> Vec<String> {
    static READ: LazyLock<Mutex<HashMap<Vec<u8>, String>>> = LazyLock::new(Mutex::default);
    let mut read = READ.lock().unwrap();
    let mut rows = Vec::new();
    for part in parts {
        let text = read.entry(part.clone()).or_insert_with(|| {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("arrived.hyper");
            std::fs::write(&file, part).unwrap();
            extract::read(&file)
        });
        rows.extend(text.lines().skip(2).map(|line| line.trim().to_owned()));
    }
    rows
}

fn simulator(mode: PublishMode, folder: &Path) -> Simulator {
    std::fs::write(folder.join("old.hyper"), &FILES[0]).unwrap();
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

fn run(simulator: &Simulator, mode: PublishMode) -> Run {
    let mut run = Run::new(simulator).mode(mode).to(|to| {
        to.description = Some(Description::parse("every morning").unwrap());
        to.tags = vec![Tag::parse("daily").unwrap()];
    });
    run.file.clone_from(&FILES[1]);
    run.pace.chunk = (run.file.len() as u64).div_ceil(4);
    run
}

/// The calls there are in a mode, and which of its kind each one is.
fn calls(mode: PublishMode) -> impl Iterator<Item = (Call, &'static str, usize)> {
    CALLS
        .into_iter()
        .filter_map(move |(call, _, operation, nth, ..)| {
            match (mode, call) {
                // What was not there before is not looked at, and is found by its name afterwards.
                (PublishMode::CreateNew, LastLook) => None,
                (PublishMode::CreateNew, Verification) => Some((call, "query-data-sources", 3)),
                _ => Some((call, operation, nth)),
            }
        })
}

/// Where in a run without faults a call comes, from 0.
fn position(mode: PublishMode, operation: &str, nth: usize) -> usize {
    static RUNS: LazyLock<Mutex<HashMap<String, Vec<String>>>> = LazyLock::new(Mutex::default);
    let mut runs = RUNS.lock().unwrap();
    let calls = runs.entry(format!("{mode:?}")).or_insert_with(|| {
        let folder = tempfile::tempdir().unwrap();
        let simulator = simulator(mode, folder.path());
        let outcome = run(&simulator, mode).go();
        assert!(outcome.result.is_ok(), "{outcome:#?}");
        simulator.calls()
    });
    let mut places = calls
        .iter()
        .enumerate()
        .filter(|(_, call)| *call == operation);
    places.nth(nth - 1).unwrap().0
}

/// One publish with one fault; returns the cell, after checking that what was told is true.
fn cell(
    mode: PublishMode,
    (call, operation, nth): (Call, &str, usize),
    effect: usize,
) -> &'static str {
    let (effect, fault, quote) = EFFECTS[effect];
    let (_, _, _, _, words, refusal) = *CALLS.iter().find(|(known, ..)| *known == call).unwrap();
    let fault = if effect == "refusal" { refusal } else { fault };
    let folder = tempfile::tempdir().unwrap();
    let simulator = simulator(mode, folder.path());
    let mut run = run(&simulator, mode);
    match (call, effect) {
        // The limit of all other calls as well: a busy machine answers them sooner.
        (_, "stall") => run.pace.answer_limit = Duration::from_secs(5),
        // The only wait that runs out.
        (Job, "down") => run.to.wait = Duration::from_secs(1),
        _ => {}
    }
    // Here what is looked for does not come; everywhere else it does, however late.
    let never_acted = matches!(
        effect,
        "hang-up" | "503" | "stall" | "reset" | "empty" | "elsewhere"
    ) || effect.ends_with("+ever");
    if call == Commit && never_acted || effect == "down" {
        run = run.impatient();
    }
    if fault.is_empty() {
        let to = simulator
            .url()
            .trim_start_matches("http://")
            .parse()
            .unwrap();
        let way = Arc::new(Way::closing_after(position(mode, operation, nth), to));
        run.to.server = way.url().parse().unwrap();
        let is_passing = effect == "refuse";
        run.retrying = Some(Arc::new(move || {
            if is_passing {
                way.open();
            }
        }));
    } else {
        simulator.add_fault(format!("{operation}#{nth}={fault}").parse().unwrap());
    }
    let outcome = run.go();
    let place = format!("{mode:?}, {call:?}={effect}: {outcome:#?}");
    let calls = simulator.calls();
    let told = told(&outcome);
    // A cell whose fault did not strike tells nothing.
    assert!(
        calls.contains(&format!("{operation}!"))
            || fault.is_empty() && (told.contains(quote) || call == SignOut),
        "nothing went wrong: {place}"
    );
    let has_new = holds(&simulator, &run, mode, &place);
    let warnings: Vec<&String> = outcome
        .log
        .iter()
        .filter(|line| line.starts_with("warning: "))
        .collect();
    let ended = match (&outcome.result, outcome.record.state) {
        (Ok(()), DataState::Changed) if warnings.is_empty() => "ok",
        (Ok(()), DataState::Changed) => "warn",
        (Err(_), DataState::Untouched) => "old",
        (Err(_), DataState::Unknown) => "open",
        (Ok(()), DataState::Accepted) => "waiting",
        other => panic!("{other:?} in {place}"),
    };
    match ended {
        "ok" | "warn" => assert!(has_new, "the data is not there: {place}"),
        "old" => assert!(!has_new, "the data is there: {place}"),
        _ => {}
    }
    if matches!(ended, "old" | "open" | "warn") {
        let words = if effect == "401002" { "" } else { words };
        assert!(told.contains(words), "`{words}` is not told: {place}");
        assert!(told.contains(quote), "`{quote}` is not told: {place}");
    }
    if let Err(error) = &outcome.result {
        let (hints, fix) = (hints(error), fix(mode, call, effect));
        assert!(
            hints.iter().any(|hint| hint.contains(&fix)),
            "`{fix}` is not in {hints:?}: {place}"
        );
    }
    if ended == "warn" {
        let remedy = remedy(call, effect);
        assert!(
            warnings[0].contains(remedy),
            "`{remedy}` is not told: {place}"
        );
    }
    // One session, one more after 401002, and none left behind unless its answer was spoilt.
    let count = |name: &str| calls.iter().filter(|call| *call == name).count();
    if effect != "401002" && call != SignIn {
        assert!(count("sign-in") <= 1, "{calls:?} in {place}");
        let is_last = calls
            .last()
            .is_some_and(|call| call.trim_end_matches('!') == "sign-out");
        assert!(
            // Nobody notices that the sign-out does not connect; the next sign-in ends that session.
            effect == "down"
                || effect == "refuse" && call == SignOut
                || call == ServerInfo && calls.len() <= 3
                || is_last,
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
    let old = vec![FILES[0].clone()];
    let (before, after) = match mode {
        PublishMode::CreateNew => (vec![], vec![run.file.clone()]),
        PublishMode::Overwrite => (old, vec![run.file.clone()]),
        PublishMode::Append => (old.clone(), [old, vec![run.file.clone()]].concat()),
    };
    assert!(
        parts == before || parts == after,
        "neither old nor new but {:?}: {place}",
        parts.iter().map(Vec::len).collect::<Vec<_>>()
    );
    let (old, new) = (["1 | old"], ["2 | new", "3 | ü"]);
    let rows_of = |is_new: bool| match (mode, is_new) {
        (PublishMode::CreateNew, false) => vec![],
        (_, false) => old.to_vec(),
        (PublishMode::Append, true) => [&old[..], &new].concat(),
        (_, true) => new.to_vec(),
    };
    assert_eq!(rows(&parts), rows_of(parts == after), "{place}");
    parts == after
}

/// Fills the table of a mode, some cells at a time, and beside them those that do nothing but wait.
#[expect(clippy::print_stdout, reason = "the tables are there to be read")]
fn check(mode: PublishMode) {
    let lines: Vec<_> = calls(mode).collect();
    let n_cells = lines.len() * EFFECTS.len();
    let (waiting, working): (Vec<usize>, Vec<usize>) =
        (0..n_cells).partition(|index| EFFECTS[index % EFFECTS.len()].0 == "stall");
    let next = [AtomicUsize::new(0), AtomicUsize::new(0)];
    let cells = Mutex::new(vec![""; n_cells]);
    std::thread::scope(|scope| {
        for n_thread in 0..12 {
            let (indices, next) = match n_thread % 2 {
                0 => (&waiting, &next[0]),
                _ => (&working, &next[1]),
            };
            let (cells, lines) = (&cells, &lines);
            scope.spawn(move || {
                while let Some(&index) = indices.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let (call, effect) = (lines[index / EFFECTS.len()], index % EFFECTS.len());
                    let found = catch_unwind(AssertUnwindSafe(|| cell(mode, call, effect)))
                        .unwrap_or("WRONG");
                    cells.lock().unwrap()[index] = found;
                }
            });
        }
    });
    let cells = cells.into_inner().unwrap();
    let table = |cells: &[&str]| {
        let mut text = String::from("| |");
        for (effect, ..) in EFFECTS {
            write!(text, " {effect} |").unwrap();
        }
        text += &format!("\n|---|{}\n", "---|".repeat(EFFECTS.len()));
        for (row, (call, ..)) in lines.iter().enumerate() {
            let name = CALLS.iter().find(|(known, ..)| known == call).unwrap().1;
            let cells = &cells[row * EFFECTS.len()..][..EFFECTS.len()];
            assert!(cells.iter().all(|cell| !cell.is_empty()), "an empty cell");
            writeln!(text, "| {name} | {} |", cells.join(" | ")).unwrap();
        }
        text
    };
    println!("\n{mode:?}\n\n{}", table(&cells));
    let of = |index: usize| {
        (
            lines[index / EFFECTS.len()].0,
            EFFECTS[index % EFFECTS.len()].0,
        )
    };
    let expected: Vec<&str> = (0..n_cells)
        .map(|index| expected(mode, of(index).0, of(index).1))
        .collect();
    pretty_assert(&table(&cells), &table(&expected));
}

/// Fails with the lines that differ.
fn pretty_assert(found: &str, expected: &str) {
    let lines = found.lines().zip(expected.lines());
    let wrong: Vec<String> = lines
        .filter(|(found, expected)| found != expected)
        .map(|(found, expected)| format!("is       {found}\nshall be {expected}"))
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn overwrite() {
    check(PublishMode::Overwrite);
}

#[test]
fn append() {
    check(PublishMode::Append);
}

#[test]
fn create_new() {
    check(PublishMode::CreateNew);
}

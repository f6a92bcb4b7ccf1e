//! Secrets: whatever goes wrong, nobody gets to see one.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use tableau_simulator::{Page, Setup, Simulator, TOKEN_SECRET};

use crate::engine::child_of;
use crate::harness::Action;

/// What goes wrong at a call; `stall` would take minutes and is what the tests of cancelling wait in.
const EFFECTS: [&str; 15] = [
    "refuse",
    "429",
    "429+0s",
    "503",
    "reset",
    "lose-response",
    "late-504",
    "truncate",
    "garbage",
    "empty",
    "error-in-200",
    "401001",
    "401002",
    "403007",
    "413",
];
const CALLS: [&str; 5] = [
    "sign-in",
    "query-projects",
    "append-to-file-upload",
    "publish-data-source",
    "query-job",
];

/// The session's token begins with this; nobody but the two of them and the mask may know it.
const SESSION: &str = "SIMULATED-token";

#[test]
fn no_fault_shows_a_secret() {
    // Once and for good, so that runs end well, with warnings, and in every kind of failure.
    let mut faults = vec![String::new(), "publish-data-source#1=reset".into()];
    for call in CALLS {
        for effect in EFFECTS {
            // Half a minute each is spent on looking for a commit that was not carried out: one is enough.
            let is_long = matches!(effect, "refuse" | "503" | "reset" | "empty");
            if call != "publish-data-source" || !is_long {
                faults.push(format!("{call}#1={effect}"));
            }
            if matches!(call, "sign-in" | "append-to-file-upload") {
                faults.push(format!("{call}={effect}"));
            }
        }
    }
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(fault) = faults.get(next.fetch_add(1, Ordering::Relaxed)) {
                    check(fault);
                }
            });
        }
    });
}

/// Runs with one fault and looks for secrets in all it says, writes and leaves, and in its arguments.
fn check(fault: &str) {
    let site = Simulator::launch(Setup {
        faults: (!fault.is_empty())
            .then(|| fault.parse().unwrap())
            .into_iter()
            .collect(),
        ..Setup::default()
    });
    // The source answers when the arguments have been seen, however late that is.
    let (see, seen) = channel();
    let seen = Mutex::new(seen);
    site.serve_with("/x", move |_| {
        seen.lock().unwrap().recv().unwrap();
        Page::json("[{\"a\":1}]")
    });
    let step = Action::publishing_to(&site)
        .input("source", site.origin_url("/x?key=query-secret-77"))
        .input("auth", "bearer bearer-secret-77")
        .input("headers", "X-Key: header-secret-77")
        .input("wait", "1s")
        .variable("RUNNER_DEBUG", "1")
        .start();
    let (process, is_over) = (step.child.id(), AtomicBool::new(false));
    // Its output must be read meanwhile, or it waits for ever.
    let (run, arguments) = std::thread::scope(|scope| {
        let watch = scope.spawn(|| arguments_of(process, &see, &is_over));
        let run = step.end();
        is_over.store(true, Ordering::Relaxed);
        (run, watch.join().unwrap())
    });
    assert!(
        run.code.is_some_and(|code| code < 2),
        "{fault}: {}",
        run.raw
    );
    let mut places = vec![("arguments".to_owned(), arguments.into_bytes())];
    let shown: Vec<&str> = run
        .raw
        .lines()
        .filter(|line| !line.starts_with("::add-mask::"))
        .collect();
    places.push(("log".to_owned(), shown.join("\n").into_bytes()));
    // Outputs, summary, workspace and temp folder.
    collect(run.machine.workspace().parent().unwrap(), &mut places);
    assert!(places.len() >= 5, "{:?}", places.len());
    let secrets = [
        TOKEN_SECRET,
        SESSION,
        "query-secret-77",
        "bearer-secret-77",
        "header-secret-77",
    ];
    for (place, text) in &places {
        for secret in secrets {
            let is_there = text
                .windows(secret.len())
                .any(|part| part == secret.as_bytes());
            assert!(!is_there, "{fault}: `{secret}` is in {place}");
        }
    }
    if fault.is_empty() {
        // The runner learns each of them, the session's token as soon as there is one.
        for secret in [TOKEN_SECRET, SESSION, "bearer-secret-77"] {
            let is_masked = run.masked.iter().any(|masked| masked.starts_with(secret));
            assert!(is_masked, "{secret} is not in {:?}", run.masked);
        }
    }
}

/// What everybody on the machine can see of a process and its engine.
fn arguments_of(process: u32, see: &Sender<()>, is_over: &AtomicBool) -> String {
    let mut arguments = String::new();
    while !is_over.load(Ordering::Relaxed) {
        for seen in [Some(process), child_of(process)].into_iter().flatten() {
            let line = std::fs::read(format!("/proc/{seen}/cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).into_owned();
            if !arguments.contains(&line) {
                arguments += &line;
            }
        }
        let _ = see.send(());
        std::thread::sleep(Duration::from_millis(3));
    }
    assert!(arguments.contains("publish-to-tableau"), "{arguments}");
    arguments
}

fn collect(folder: &Path, places: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, places);
        } else {
            places.push((path.display().to_string(), std::fs::read(&path).unwrap()));
        }
    }
}

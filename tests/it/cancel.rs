//! A cancelled job: what it leaves at every stage, and how soon it is gone.

use std::time::{Duration, Instant};

use tableau_simulator::{Page, Settings, Setup, Simulator, Site};

use crate::engine::{ENDLESS, busy_engine_of, child_of, is_alive, wait_for_work};
use crate::harness::{Action, Ended, Started, leftovers};

/// What cannot be interrupted gets a grace of 4 s and ends with the process: whoever ends before did so by
/// himself. It takes some hundredths of a second.
const SOON: Duration = Duration::from_secs(4);
/// The runner sends SIGTERM 7.5 s after SIGINT and kills 2.5 s later.
const IN_TIME: Duration = Duration::from_millis(7_500);

fn orders(site: &Simulator) -> Action {
    Action::publishing_to(site)
        .file("x.csv", "id,name\n1,a\n")
        .input("source", "x.csv")
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed().as_secs() < 60, "{what} does not come");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Cancels the step; it ends soon, says so once and leaves no folder of its own.
#[track_caller]
fn cancel(step: Started, signal: &str, stage: &str) -> Ended {
    cancel_within(SOON, step, signal, &[stage])
}

#[track_caller]
fn cancel_within(limit: Duration, step: Started, signal: &str, stages: &[&str]) -> Ended {
    let engine = child_of(step.child.id());
    let began = Instant::now();
    step.signal(signal);
    let run = step.end();
    assert!(
        began.elapsed() < limit,
        "{:?}: {}",
        began.elapsed(),
        run.raw
    );
    assert_eq!(run.code, Some(130), "{}", run.raw);
    let errors: Vec<&String> = run
        .annotations
        .iter()
        .filter(|annotation| annotation.starts_with("error"))
        .collect();
    assert_eq!(errors.len(), 1, "{}", run.raw);
    assert!(errors[0].contains("cancelled"), "{}", errors[0]);
    assert!(run.summary.contains("cancelled"), "{}", run.summary);
    let stage = run.output("failed-stage");
    assert!(stages.contains(&stage), "{stage}: {}", run.raw);
    assert_eq!(
        leftovers(&run.machine.temp(), &[]).len(),
        kept(&run),
        "{:?}",
        run.machine.temp().display()
    );
    if let Some(engine) = engine {
        wait_until("the end of the engine", || !is_alive(engine));
    }
    run
}

/// The finished file stays where the output says.
fn kept(run: &Ended) -> usize {
    usize::from(!run.output("hyper").is_empty())
}

fn is_signed_in(site: &Simulator) -> bool {
    site.site(|site| site.has_sessions())
}

#[test]
fn while_fetching() {
    for signal in ["INT", "TERM"] {
        let site = Simulator::with(["origin=stall"]);
        let step = orders(&site).input("source", site.origin_url("/x")).start();
        wait_until("the request", || step_has_asked(&site));
        let run = cancel(step, signal, "fetch");
        assert!(
            run.annotations[0].contains("Tableau was not contacted"),
            "{:?}",
            run.annotations
        );
        assert_eq!(run.output("published"), "false");
        assert_eq!(site.calls(), [""; 0]);
    }
}

/// A stalled request is counted, but the origin never sees it.
fn step_has_asked(site: &Simulator) -> bool {
    site.n_calls("origin") > 0
}

#[test]
fn while_the_engine_works() {
    let site = Simulator::start();
    for signal in ["INT", "TERM"] {
        let step = orders(&site).input("sql", ENDLESS).start();
        busy_engine_of(&step);
        let run = cancel(step, signal, "shape");
        assert!(
            run.annotations[0].contains("as it was before"),
            "{:?}",
            run.annotations
        );
        assert_eq!(site.calls(), [""; 0]);
    }
}

/// Rows of a file that takes long to read; in a debug build a second for each 8 MB.
fn many_rows(megabytes: usize) -> String {
    let row = |n: usize| format!("{{\"id\":{n},\"text\":\"text number {n}\",\"n\":{n}.5}}\n");
    let block: String = (0..20_000).map(row).collect();
    block.repeat((megabytes << 20) / block.len())
}

#[test]
fn while_typing_a_huge_file() {
    // Typing hears nothing while it reads, so this is the grace of the process; a release build is
    // through with the file within it, and ends as the engine does not start any more. Of several
    // tables all rows are read before the engine starts.
    let site = Simulator::start();
    let rows = many_rows(240);
    for signal in ["INT", "TERM"] {
        let mut step = Action::publishing_to(&site)
            .file("x.ndjson", &rows)
            .file("y.csv", "id\n1\n")
            .input("source", "x: x.ndjson\ny: y.csv")
            .input("sql", "SELECT x.id FROM x JOIN y ON y.id = x.id")
            .start();
        step.hear("Find rows and types");
        assert_eq!(child_of(step.child.id()), None, "it still types");
        let run = cancel_within(IN_TIME, step, signal, &["type", "shape"]);
        assert!(
            run.annotations[0].contains("Tableau was not contacted"),
            "{:?}",
            run.annotations
        );
        assert_eq!(run.output("published"), "false");
        assert_eq!(site.calls(), [""; 0]);
    }
}

#[test]
fn while_a_large_file_is_converted() {
    let site = Simulator::start();
    let rows = many_rows(24);
    for signal in ["INT", "TERM"] {
        let mut step = Action::publishing_to(&site)
            .file("x.ndjson", &rows)
            .input("source", "x.ndjson")
            .start();
        step.hear("Build the extract");
        wait_until("the engine", || child_of(step.child.id()).is_some());
        wait_for_work(step.child.id(), 30);
        // The rows that wait to be sent are still converted, which in a debug build is a second's work.
        cancel_within(IN_TIME, step, signal, &["shape"]);
        assert_eq!(site.calls(), [""; 0]);
    }
}

#[test]
fn while_uploading() {
    let site = Simulator::with(["append-to-file-upload=stall"]);
    let step = orders(&site).start();
    wait_until("the upload", || site.n_calls("append-to-file-upload") > 0);
    let run = cancel(step, "INT", "publish");
    assert!(
        run.annotations[0].contains("the published data is as it was before"),
        "{:?}",
        run.annotations
    );
    assert_eq!(run.output("published"), "false");
    assert_eq!(site.calls().last().unwrap(), "sign-out");
    assert!(!is_signed_in(&site));
    assert_eq!(site.site(|site| site.datasources.len()), 0);
}

#[test]
fn while_committing() {
    // Nobody knows what Tableau makes of a commit that was not answered.
    let site = Simulator::with(["publish-data-source=stall"]);
    let step = orders(&site).start();
    wait_until("the commit", || site.n_calls("publish-data-source") > 0);
    let run = cancel(step, "TERM", "publish");
    assert!(
        run.annotations[0].contains("it is not known whether Tableau acts"),
        "{:?}",
        run.annotations
    );
    assert_eq!(run.output("published"), "");
    assert!(!is_signed_in(&site));
}

#[test]
fn while_tableau_works() {
    let site = Simulator::launch(Setup {
        settings: Settings {
            polls_until_done: u32::MAX,
            ..Settings::default()
        },
        ..Setup::default()
    });
    let step = orders(&site).start();
    wait_until("the job", || site.n_calls("query-job") > 0);
    let run = cancel(step, "INT", "publish");
    let job = site.site(|site| site.jobs[0].luid.clone());
    assert!(
        run.annotations[0].contains(&format!("goes on with it as job {job}")),
        "{:?}",
        run.annotations
    );
    assert!(run.summary.contains(&job) && run.output("job-id") == job);
    assert_eq!(run.output("published"), "");
    assert!(!is_signed_in(&site));
    // Tableau finishes what it has accepted.
    site.site(Site::finish_jobs);
    let part = site.site(|site| site.datasource("Orders").unwrap().parts[0].clone());
    assert_eq!(
        std::fs::read(part).unwrap(),
        std::fs::read(run.hyper()).unwrap()
    );
}

#[test]
fn a_server_that_does_not_even_sign_out_is_not_waited_for() {
    let site = Simulator::with(["append-to-file-upload=stall", "sign-out=stall"]);
    let step = orders(&site).start();
    wait_until("the upload", || site.n_calls("append-to-file-upload") > 0);
    let run = cancel_within(IN_TIME, step, "INT", &["publish"]);
    assert_eq!(site.calls().last().unwrap(), "sign-out!");
    // By itself, or it would not know.
    assert_eq!(run.output("published"), "false");
}

#[test]
fn the_second_signal_changes_nothing() {
    let site = Simulator::with(["append-to-file-upload=stall", "sign-out=stall"]);
    let step = orders(&site).start();
    wait_until("the upload", || site.n_calls("append-to-file-upload") > 0);
    step.signal("INT");
    wait_until("the sign-out", || site.n_calls("sign-out") > 0);
    let run = cancel_within(IN_TIME, step, "TERM", &["publish"]);
    assert_eq!(run.output("published"), "false");
}

#[test]
fn a_run_that_is_killed_leaves_the_published_data_alone() {
    let site = Simulator::with(["append-to-file-upload#2=stall"]);
    orders(&site).run().succeeded();
    let before = site.site(|site| format!("{:?}", site.datasource("Orders").unwrap()));
    site.serve("/y", Page::csv("id\n2\n"));
    let mut step = orders(&site).input("source", site.origin_url("/y")).start();
    wait_until("the upload", || site.n_calls("append-to-file-upload") > 1);
    step.child.kill().unwrap();
    step.end();
    assert_eq!(
        site.site(|site| format!("{:?}", site.datasource("Orders").unwrap())),
        before
    );
    // The next run displaces the session that was left behind.
    orders(&site).run().succeeded();
}

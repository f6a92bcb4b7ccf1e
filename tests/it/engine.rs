//! The engine: what it says of SQL, and when it ends.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use crate::harness::{Action, Started, write_script};

#[test]
fn sql_errors_say_what_to_change() {
    let shape = |sql: &str| {
        let data = r#"[{"createdAt":"2024-01-01","user":{"name":"x"},"n":1}]"#;
        Action::building()
            .file("x.json", data)
            .input("source", "x.json")
            .input("sql", sql)
            .run()
    };
    shape("SELECT createdAt FROM input").failed(
        "shape",
        &[
            "unknown column 'createdat'",
            "did you mean `\"createdAt\"`",
            "quote names with capitals",
        ],
    );
    shape("SELECT \"user.nam\" FROM input").failed("shape", &["did you mean `\"user.name\"`"]);
    shape("SELECT zzz FROM input").failed(
        "shape",
        &["the columns of `input` are `createdAt` date, `user.name` text, `n` bigint"],
    );
    shape("SELECT n FROM inputs").failed(
        "shape",
        &["inputs", "the fetched rows are in the table `input`"],
    );
    shape("SELECT n + FROM input")
        .failed("shape", &["Hyper answered 42601: syntax error: got FROM"]);
    shape("SELECT n, n + 1 FROM input").failed("shape", &["column 2 of the result has no name"]);
    shape("SELECT n, n AS N2, 1 AS \"N\" FROM input").failed("shape", &["two columns `n` and `N`"]);
    shape("SELECT interval '1 day' AS d FROM input")
        .failed("shape", &["column `d` of the result is an interval"]);
    shape("SELECT 'x'::text::bigint AS d FROM input").failed("shape", &["try_cast"]);
    shape("SELECT 1 AS a; SELECT 2 AS b").failed("inputs", &["a second statement"]);
    shape("SELECT 1 AS a) AS q; DROP TABLE input; --").failed("inputs", &["a second statement"]);
    shape("SELECT 1 AS a) AS q(a), (SELECT 2 AS b").failed("shape", &["syntax error"]);
}

#[test]
fn an_engine_that_cannot_start_says_why_at_once() {
    let began = Instant::now();
    let action = || {
        Action::building()
            .file("x.csv", "a\n1\n")
            .input("source", "x.csv")
    };
    action()
        .variable("HYPERD_PATH", "/nowhere")
        .run()
        .failed("shape", &["there is no Hyper engine at `/nowhere`"]);
    let broken = tempfile::tempdir().unwrap();
    let script = broken.path().join("hyperd");
    write_script(&script, "#!/bin/sh\necho 'license expired' >&2\nexit 3\n");
    let folder = broken.path().display().to_string();
    action().variable("HYPERD_PATH", folder).run().failed(
        "shape",
        &["did not start and said: license expired", "exit status: 3"],
    );
    // An engine that starts and stays silent is given a minute.
    assert!(began.elapsed().as_secs() < 50, "{:?}", began.elapsed());
}

/// SQL that keeps the engine busy for hours.
pub(crate) const ENDLESS: &str = "SELECT count(*) AS n FROM generate_series(1, 1000000000) a(x), generate_series(1, 1000) b(y) WHERE x % 7 = y";

/// Returns what a process has used of a processor, in hundredths of a second.
fn used_by(process: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The name in front may hold spaces; `utime` and `stime` are the fields 14 and 15.
    let fields = stat.rsplit(") ").next().unwrap().split(' ').skip(11);
    fields.take(2).map_while(|n| n.parse::<u64>().ok()).sum()
}

/// Waits until a process has worked for so many hundredths of a second, on a busy machine as on an idle one.
pub(crate) fn wait_for_work(process: u32, hundredths: u64) {
    let (began, at_first) = (Instant::now(), used_by(process));
    while used_by(process) < at_first + hundredths {
        assert!(is_alive(process), "{process} has ended");
        assert!(began.elapsed().as_secs() < 120, "{process} does nothing");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Waits for the engine of a step and until it is at its query; returns its process.
pub(crate) fn busy_engine_of(step: &Started) -> u32 {
    let began = Instant::now();
    loop {
        if let Some(engine) = child_of(step.child.id()) {
            // It starts within some 10 of them.
            wait_for_work(engine, 60);
            return engine;
        }
        assert!(began.elapsed().as_secs() < 120, "no engine starts");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn busy_action() -> Action {
    Action::building()
        .file("x.csv", "a\n1\n")
        .input("source", "x.csv")
        .input("sql", ENDLESS)
        .variable("SECRET_OF_THE_JOB", "hunter2")
}

#[track_caller]
fn assert_ends(engine: u32) {
    let began = Instant::now();
    while is_alive(engine) {
        // Its query takes hours.
        assert!(began.elapsed().as_secs() < 60, "{engine} outlives us");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn the_engine_ends_when_we_are_killed_and_knows_nothing_of_our_environment() {
    let mut step = busy_action().start();
    let engine = busy_engine_of(&step);
    let environment = std::fs::read(format!("/proc/{engine}/environ")).unwrap();
    let environment = String::from_utf8(environment).unwrap();
    assert!(
        environment.starts_with("TMPDIR=") && environment.matches('=').count() == 1,
        "{environment}"
    );
    step.child.kill().unwrap();
    step.child.wait().unwrap();
    assert_ends(engine);
}

#[test]
fn a_check_that_brings_the_engine_down_is_what_failed() {
    let check = "(SELECT count(*) FROM generate_series(1, 1000000000) a(x), generate_series(1, 1000) b(y) WHERE x % 7 = y) > 0";
    let action = Action::building()
        .file("x.csv", "a\n1\n")
        .input("source", "x.csv")
        .input("checks", check);
    let mut step = action.start();
    step.hear("Check the result");
    let engine = busy_engine_of(&step);
    let killed = std::process::Command::new("kill")
        .args(["-9", &engine.to_string()])
        .status();
    assert!(killed.unwrap().success());
    let run = step.end();
    let said = run.raw;
    assert_eq!(run.code, Some(1), "{said}");
    for expected in [
        "✗ checks: ",
        "::error title=check::",
        "there is no extract",
        "the Hyper engine died (signal: 9 (SIGKILL))",
    ] {
        assert!(said.contains(expected), "{expected}\n{said}");
    }
}

/// The engine is started by a thread of the action, and children belong to threads.
pub(crate) fn child_of(parent: u32) -> Option<u32> {
    let threads = std::fs::read_dir(format!("/proc/{parent}/task")).ok()?;
    threads.flatten().find_map(|thread| {
        let children = std::fs::read_to_string(thread.path().join("children")).ok()?;
        children.split_whitespace().next()?.parse().ok()
    })
}

pub(crate) fn is_alive(process: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    !stat.is_empty() && !stat.contains(") Z ")
}

/// The engine is given so much at once, then it has to store it before it gets more.
#[test]
fn rows_of_several_statements_all_arrive() {
    const N_ROWS: usize = 2_500;
    let long = "x".repeat(48 << 10);
    let mut text = String::new();
    for row in 1..=N_ROWS {
        writeln!(text, "{{\"id\":{row},\"long\":\"{long}\"}}").unwrap();
    }
    assert!(text.len() > 115 << 20);
    let run = Action::building()
        .file("x.ndjson", text)
        .input("source", "x.ndjson")
        .input(
            "sql",
            "SELECT count(*) AS n, sum(id) AS ids, count(DISTINCT id) AS different, sum(length(long)) AS letters FROM input",
        )
        .run()
        .succeeded();
    let ids = N_ROWS * (N_ROWS + 1) / 2;
    let letters = N_ROWS * long.len();
    let row = format!("{N_ROWS} | {ids} | {N_ROWS} | {letters}");
    assert!(run.rows().contains(&row), "{}", run.rows());
}

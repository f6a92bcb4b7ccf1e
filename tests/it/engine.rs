//! The engine: what it says of SQL, and when it ends.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt;

use crate::harness::Action;

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
    let began = std::time::Instant::now();
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
    std::fs::write(&script, "#!/bin/sh\necho 'license expired' >&2\nexit 3\n").unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    let folder = broken.path().display().to_string();
    action().variable("HYPERD_PATH", folder).run().failed(
        "shape",
        &["did not start and said: license expired", "exit status: 3"],
    );
    assert!(began.elapsed().as_secs() < 10);
}

/// Starts an action whose SQL keeps the engine busy for minutes; returns it with the engine's id.
fn start_busy_engine(action: &Action) -> (std::process::Child, u32) {
    let mut command = action.command();
    let child = command
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let engine = loop {
        if let Some(engine) = child_of(child.id()) {
            break engine;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    };
    std::thread::sleep(std::time::Duration::from_millis(500));
    assert!(is_alive(engine));
    (child, engine)
}

fn busy_action() -> Action {
    let sql = "SELECT count(*) AS n FROM generate_series(1, 1000000000) a(x), generate_series(1, 1000) b(y) WHERE x % 7 = y";
    Action::building()
        .file("x.csv", "a\n1\n")
        .input("source", "x.csv")
        .input("sql", sql)
        .variable("SECRET_OF_THE_JOB", "hunter2")
}

#[track_caller]
fn assert_ends(engine: u32) {
    let is_gone = (0..500).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(10));
        !is_alive(engine)
    });
    assert!(is_gone, "hyperd {engine} outlives the action by 5 s");
}

#[test]
fn the_engine_ends_when_we_are_killed_and_knows_nothing_of_our_environment() {
    let action = busy_action();
    let (mut child, engine) = start_busy_engine(&action);
    let environment = std::fs::read(format!("/proc/{engine}/environ")).unwrap();
    let environment = String::from_utf8(environment).unwrap();
    assert!(
        environment.starts_with("TMPDIR=") && environment.matches('=').count() == 1,
        "{environment}"
    );
    child.kill().unwrap();
    child.wait().unwrap();
    assert_ends(engine);
}

#[test]
fn a_check_that_brings_the_engine_down_is_what_failed() {
    let check = "(SELECT count(*) FROM generate_series(1, 1000000000) a(x), generate_series(1, 1000) b(y) WHERE x % 7 = y) > 0";
    let action = Action::building()
        .file("x.csv", "a\n1\n")
        .input("source", "x.csv")
        .input("checks", check);
    let mut child = action
        .command()
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    while !lines.next().unwrap().unwrap().contains("Check the result") {}
    let engine = child_of(child.id()).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(300));
    let killed = std::process::Command::new("kill")
        .args(["-9", &engine.to_string()])
        .status();
    assert!(killed.unwrap().success());
    let said: Vec<String> = lines.map(Result::unwrap).collect();
    let said = said.join("\n");
    assert_eq!(child.wait().unwrap().code(), Some(1), "{said}");
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

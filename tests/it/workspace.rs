//! Files of the workspace: where links lead, what is no file, names that are no text, and who may look.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::harness::{Action, leftovers};
use crate::network::Authority;
use crate::server::{Server, json};

const ROWS: &str = "a\n1\n";

fn reading(pattern: &str) -> Action {
    Action::building()
        .file("data/x.csv", ROWS)
        .input("source", pattern)
}

fn fifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn a_link_to_a_folder_above_adds_no_rows() {
    let action = reading("**/*.csv").file("data/deep/y.csv", ROWS);
    let workspace = action.workspace();
    symlink("..", workspace.join("data/up")).unwrap();
    symlink(".", workspace.join("data/deep/here")).unwrap();
    symlink("x.csv", workspace.join("data/again.csv")).unwrap();
    let run = action
        .input("sql", "SELECT _source FROM input ORDER BY _source")
        .run()
        .succeeded();
    assert!(
        run.rows().ends_with("  data/deep/y.csv\n  data/x.csv\n"),
        "{}",
        run.rows()
    );
}

#[test]
fn a_file_that_two_lines_name_is_read_once() {
    let action = reading("data/*.csv\ndata/x.csv\nagain.csv\ndata/**/*.csv");
    symlink("data/x.csv", action.workspace().join("again.csv")).unwrap();
    let run = action.run().succeeded();
    assert_eq!(run.output("rows"), "1");
    let told: Vec<&str> = run.annotations.iter().map(String::as_str).collect();
    let line = |name: &str| {
        format!("warning::`{name}` is named by more than one line of `source`; it is read once")
    };
    let (x, again) = (line("data/x.csv"), line("again.csv"));
    assert_eq!(told, [&x, &again, &x]);
    // Tables of different names are different tables.
    let run = reading("one: data/x.csv\ntwo: data/*.csv")
        .input("sql", "SELECT one.a, two.a AS b FROM one, two")
        .run()
        .succeeded();
    assert!(run.annotations.is_empty(), "{}", run.raw);
}

#[test]
fn a_name_that_is_no_text_is_told_if_the_pattern_means_it() {
    let with = |pattern: &str| {
        let action = reading(pattern);
        let name = OsStr::from_bytes(b"caf\xe9.csv");
        std::fs::write(action.workspace().join("data").join(name), ROWS).unwrap();
        action
    };
    let run = with("data/*.csv").run().failed(
        "fetch",
        &[r"`data/caf\xe9.csv` matches `data/*.csv`", "not UTF-8"],
    );
    assert!(!run.raw.contains("panicked"), "{}", run.raw);
    with("data/x*.csv").run().succeeded();
    with("data/x.csv").run().succeeded();
}

#[test]
fn inputs_and_folders_that_are_no_text_are_told() {
    let bytes = OsStr::from_bytes(b"/tmp/caf\xe9");
    for (name, words) in [
        (
            "INPUT_SOURCE",
            "input source::input `source`: its value is not UTF-8",
        ),
        (
            "INPUT_HYPER",
            "input hyper::input `hyper`: its value is not UTF-8",
        ),
        (
            "INPUT_CA-CERTIFICATE",
            "`ca-certificate`: its value is not UTF-8",
        ),
        ("GITHUB_WORKSPACE", "`GITHUB_WORKSPACE` is not UTF-8"),
        ("RUNNER_TEMP", "`RUNNER_TEMP` is not UTF-8"),
    ] {
        let action = reading("data/x.csv");
        let output = action.command().env(name, bytes).output().unwrap();
        let told = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(2), "{name}: {told}");
        assert!(told.replace("%3A", ":").contains(words), "{name}: {told}");
    }
    // What is not ours may be anything.
    let action = reading("data/x.csv");
    let mut command = action.command();
    let output = command.env("SOMEBODYS", bytes).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn what_has_no_end_is_not_opened() {
    let began = Instant::now();
    for pattern in ["data/pipe.csv", "data/p*.csv"] {
        let action = reading(pattern);
        fifo(&action.workspace().join("data/pipe.csv"));
        action
            .run()
            .failed("fetch", &["`data/pipe.csv`", "is a named pipe"]);
    }
    let action = reading("data/*.csv");
    symlink("/dev/zero", action.workspace().join("data/zero.csv")).unwrap();
    action
        .run()
        .failed("fetch", &["`data/zero.csv`", "leads out of the workspace"]);
    let action = Action::building().input("source", "data");
    let action = action.file("data/gone.csv", ROWS);
    let file = action.workspace().join("data/gone.csv");
    std::fs::remove_file(&file).unwrap();
    symlink("nowhere.csv", &file).unwrap();
    action
        .input("source", "data/*.csv")
        .run()
        .failed("fetch", &["`data/gone.csv`", "leads to nothing"]);
    let action = reading("data/x.csv").input("ca-certificate", "ca.pem");
    fifo(&action.workspace().join("ca.pem"));
    action
        .run()
        .failed("fetch", &["`ca-certificate`: `ca.pem` is a named pipe"]);
    assert!(began.elapsed() < Duration::from_secs(30));
}

#[test]
fn a_certificate_stays_in_the_workspace() {
    let ours = Authority::new("Ours");
    let server = Server::start(|_, _| json("[{\"a\":1}]"));
    let front = ours.front(server.address(), &["127.0.0.1"]);
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("ca.pem"), &ours.pem).unwrap();
    let fetching = |name: &str| {
        Action::building()
            .input("source", format!("https://{front}/"))
            .file("ci/real.pem", &ours.pem)
            .input("ca-certificate", name)
    };
    for name in ["ca.pem", "out/ca.pem"] {
        let action = fetching(name);
        let workspace = action.workspace();
        symlink(outside.path().join("ca.pem"), workspace.join("ca.pem")).unwrap();
        symlink(outside.path(), workspace.join("out")).unwrap();
        let words = format!("`ca-certificate`: `{name}` is a link that leads out of the workspace");
        action.run().failed("fetch", &[&words]);
    }
    assert!(server.asked().is_empty());
    let action = fetching("ca.pem");
    symlink("ci/real.pem", action.workspace().join("ca.pem")).unwrap();
    action.run().succeeded();
    fetching("ci").run().failed("fetch", &["`ci` is a folder"]);
    fetching("large.pem")
        .file("large.pem", vec![b'#'; 5 << 20])
        .run()
        .failed("fetch", &["larger than 4194304 bytes"]);
}

#[test]
fn the_extract_stays_in_the_workspace() {
    let outside = tempfile::tempdir().unwrap();
    let building = |name: &str| {
        let action = reading("data/x.csv").input("hyper", name);
        let workspace = action.workspace();
        symlink(outside.path(), workspace.join("out")).unwrap();
        symlink(outside.path().join("later"), workspace.join("dead")).unwrap();
        symlink("data", workspace.join("in")).unwrap();
        symlink("data/old.hyper", workspace.join("link.hyper")).unwrap();
        std::fs::create_dir(workspace.join("folder.hyper")).unwrap();
        action
    };
    for (name, why) in [
        ("out/e.hyper", "is a link that leads out of the workspace"),
        (
            "out/new/e.hyper",
            "is a link that leads out of the workspace",
        ),
        ("dead/e.hyper", "is a link that leads to nothing"),
        ("link.hyper", "is a link"),
        ("folder.hyper", "is a folder"),
    ] {
        let words = format!("`hyper`: `{name}` {why}");
        let run = building(name).run().failed("shape", &[&words]);
        // Nothing was fetched for it.
        assert!(!run.log.contains("Fetch the data"), "{}", run.log);
        let left = ["data", "out", "dead", "in", "link.hyper", "folder.hyper"];
        assert_eq!(leftovers(&run.machine.workspace(), &left), [""; 0]);
    }
    assert_eq!(leftovers(outside.path(), &[]), [""; 0]);
    let action = building("pipe.hyper");
    fifo(&action.workspace().join("pipe.hyper"));
    action.run().failed("shape", &["is a named pipe"]);
    // Inside, a link to a folder is as good as the folder.
    let run = building("in/new/e.hyper").run().succeeded();
    assert_eq!(run.output("hyper"), "in/new/e.hyper");
    assert!(run.machine.workspace().join("data/new/e.hyper").is_file());
}

#[test]
fn only_what_is_handed_over_may_be_read_by_others() {
    // The source is slow, so that there is time to look.
    let server = Server::start(|_, _| {
        std::thread::sleep(Duration::from_millis(1_500));
        json("[{\"a\":1}]")
    });
    let started = Action::building()
        .input("source", server.url("/"))
        .input("hyper", "o/e.hyper")
        .start();
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    let mut folders = Vec::new();
    while folders.is_empty() {
        let entries = std::fs::read_dir(started.temp()).unwrap();
        folders.extend(entries.map(|entry| mode(&entry.unwrap().path())));
    }
    assert_eq!(folders, [0o700]);
    let run = started.end().succeeded();
    assert_eq!(mode(&run.hyper()), 0o644);
    assert_eq!(mode(&run.machine.workspace().join("o")), 0o755);
}

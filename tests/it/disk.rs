//! A disk without room, wherever a run writes: it is named, with what is free and what was needed.

use std::fmt::Write;
use std::process::{Command, Output};

use crate::harness::Action;
use crate::http::gzip;
use crate::server::{Server, answer};

/// Rows that neither compress nor repeat.
fn rows() -> String {
    let mut text = String::from("a,b\n");
    let mut noise = 1u64;
    for n in 0..300_000 {
        noise = noise
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(n);
        writeln!(text, "{n},{noise:016x}{:016x}", noise.rotate_left(29)).unwrap();
    }
    text
}

/// Ways to a mount namespace of one's own: as root, and as somebody who may be root in a namespace.
const UNSHARE: [&[&str]; 2] = [&["-m"], &["-rm"]];

/// Runs a step whose temp folder is a disk of a few megabytes; `None` if this machine mounts nothing for us.
#[expect(
    clippy::print_stderr,
    reason = "a test that tests nothing must be seen"
)]
fn run_on(options: &str, action: &Action) -> Option<Output> {
    let mount = |script: &str, way: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(way).args(["sh", "-c", script]);
        command
    };
    let probe = "mount -t tmpfs tmpfs /mnt";
    let may = |way: &&&[&str]| {
        mount(probe, way)
            .output()
            .is_ok_and(|tried| tried.status.success())
    };
    let Some(way) = UNSHARE.iter().find(may) else {
        eprintln!("SKIPPED, NOT TESTED: `unshare` and `mount` are not permitted on this machine");
        return None;
    };
    let inner = action.command();
    let temp = inner
        .get_envs()
        .find_map(|(name, value)| value.filter(|_| name == "RUNNER_TEMP"))
        .unwrap();
    let script = format!(
        "mount -t tmpfs -o {options} tmpfs '{}' && exec \"$0\"",
        temp.to_str().unwrap()
    );
    let mut command = mount(&script, way);
    command
        .arg(inner.get_program())
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .current_dir(action.workspace());
    for (name, value) in inner.get_envs() {
        command.env(name, value.unwrap());
    }
    Some(command.output().unwrap())
}

#[track_caller]
fn assert_blamed(options: &str, action: &Action, stage: &str) {
    let Some(output) = run_on(options, action) else {
        return;
    };
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{told}");
    for words in [
        format!("::error title={stage}::the disk of `"),
        "` has too little room: this run has ".into(),
        " there and needs more than the ".into(),
        " that are free; ".into(),
        "free some, keep fewer rows or columns, or use a larger runner".into(),
    ] {
        assert!(told.contains(&words), "`{words}` is not in:\n{told}");
    }
    assert!(!told.contains("memory"), "{told}");
}

#[test]
fn a_disk_without_room_is_named_wherever_it_fails() {
    let rows = rows();
    // While the engine loads, also for SQL.
    let loading = Action::building()
        .file("x.csv", &rows)
        .input("source", "x.csv");
    assert_blamed("size=4m", &loading, "shape");
    assert_blamed(
        "size=4m",
        &loading.input("sql", "SELECT * FROM input"),
        "shape",
    );
    // While a compressed file is unpacked.
    let unpacking = Action::building()
        .file("x.csv.gz", gzip(rows.as_bytes()))
        .input("source", "x.csv.gz");
    assert_blamed("size=2m", &unpacking, "fetch");
    // While an answer is written, or taken out of its coding.
    let (plain, packed) = (rows.clone(), gzip(rows.as_bytes()));
    let server = Server::start(move |asked, _| match asked.target.as_str() {
        "/plain" => answer("200 OK", &["Content-Type: text/csv"], &plain),
        _ => answer("200 OK", &["Content-Encoding: gzip"], &packed),
    });
    for path in ["/plain", "/packed"] {
        let fetching = Action::building().input("source", server.url(path));
        assert_blamed("size=7m", &fetching, "fetch");
    }
    assert_eq!(server.asked().len(), 2, "a full disk is not asked again");
}

#[test]
fn a_disk_that_may_not_be_written_is_no_full_one() {
    let action = Action::building()
        .file("x.csv", "a\n1\n")
        .input("source", "x.csv");
    let Some(output) = run_on("ro", &action) else {
        return;
    };
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.contains("cannot write into the folder"), "{told}");
    assert!(told.contains("Read-only file system"), "{told}");
    assert!(!told.contains("too little room"), "{told}");
}

//! What a person sees of long work, and what nobody may see at all.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use tableau_simulator::{Page, Settings, Setup, Simulator, TOKEN_SECRET};

use crate::engine::{ENDLESS, busy_engine_of};
use crate::harness::Action;

/// Passes bytes on in both directions, to the server no faster than some bytes a second.
fn slow_line(to: &str, bytes_a_second: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let to = to.trim_start_matches("http://").to_owned();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let (client, server) = (client.unwrap(), TcpStream::connect(&to).unwrap());
            let (answers, asks) = (server.try_clone().unwrap(), client.try_clone().unwrap());
            std::thread::spawn(move || pass(answers, client, usize::MAX));
            std::thread::spawn(move || pass(asks, server, bytes_a_second));
        }
    });
    format!("http://{address}")
}

fn pass(mut from: TcpStream, mut to: TcpStream, bytes_a_second: usize) {
    let mut block = vec![0; 64 << 10];
    while let Ok(n) = from.read(&mut block)
        && n > 0
        && to.write_all(&block[..n]).is_ok()
    {
        let nanos = u64::try_from(n).unwrap() * 1_000_000_000;
        std::thread::sleep(Duration::from_nanos(
            nanos / u64::try_from(bytes_a_second).unwrap(),
        ));
    }
    let _ = to.shutdown(std::net::Shutdown::Write);
}

#[test]
fn a_slow_upload_and_a_long_job_move_before_a_persons_eyes() {
    let site = Simulator::launch(Setup {
        settings: Settings {
            // Polls come after 50 ms, then ever more slowly: some eight seconds.
            polls_until_done: 11,
            ..Settings::default()
        },
        ..Setup::default()
    });
    // Text that does not compress, so that the file is as large as it looks.
    let mut state = 1u64;
    let mut rows = String::new();
    for row in 0..60_000 {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(row);
        writeln!(rows, "{state:016x}{:016x}", state.rotate_left(29) ^ 0xABCD).unwrap();
    }
    let action = Action::publishing_to(&site)
        .file("x.csv", format!("text\n{rows}"))
        .input("source", "x.csv")
        .variable("PUBLISH_TO_TABLEAU_TEST_WAIT", "");
    let line = slow_line(&site.url(), 180_000);
    let began = Instant::now();
    let run = action.input("server-url", line).run().succeeded();
    let seconds = began.elapsed().as_secs();
    let lines = |part: &str| run.log.lines().filter(|line| line.contains(part)).count();
    let (sent, job) = (
        lines("sent "),
        lines("Tableau works on the publish job since"),
    );
    // At most a line every five seconds, however long it takes, and each of the two its first after so long.
    assert!(sent >= 2 && job >= 1, "{sent}, {job} in {}", run.log);
    let most = usize::try_from(seconds / 5 + 1).unwrap();
    assert!(sent + job <= most, "{sent} + {job} > {most} in {}", run.log);
    let example = run.log.lines().find(|line| line.contains("sent ")).unwrap();
    assert!(
        example.contains(" of ") && example.ends_with("KB/s"),
        "{example}"
    );
}

/// Inputs whose secrets are recognisable, from a source that wants them.
fn secretive(site: &Simulator) -> Action {
    site.serve("/x", Page::json("[{\"a\":1}]"));
    Action::publishing_to(site)
        .input("source", site.origin_url("/x?key=query-secret-77"))
        .input("auth", "bearer bearer-secret-77")
        .variable("RUNNER_DEBUG", "1")
}

const SECRETS: [&str; 4] = [
    TOKEN_SECRET,
    "query-secret-77",
    "bearer-secret-77",
    "SIMULATED-token-",
];

#[test]
fn no_failure_shows_a_secret() {
    for fault in [
        "origin=503",
        "origin=garbage",
        "server-info=garbage",
        "sign-in=garbage",
        "sign-in=401001",
        "sign-in=truncate",
        "query-projects=503",
        "query-data-sources=error-in-200",
        "initiate-file-upload=401002",
        "append-to-file-upload=lose-response",
        "append-to-file-upload=403016",
        "publish-data-source=late-504",
        "publish-data-source=400011",
        "query-job=401002",
        "add-tags-to-data-source=garbage",
        "update-data-source=403032",
        "sign-out=503",
    ] {
        let site = Simulator::with([fault]);
        let run = secretive(&site)
            .input("tags", "daily")
            .input(
                "mode",
                if fault.contains("late") {
                    "create-new"
                } else {
                    "overwrite"
                },
            )
            .run();
        let shown: Vec<&str> = run
            .raw
            .lines()
            .filter(|line| !line.starts_with("::add-mask::"))
            .collect();
        let mut everything = format!("{}\n{}\n{:?}", shown.join("\n"), run.summary, run.outputs);
        for file in files_below(&run.machine.temp()) {
            everything += &String::from_utf8_lossy(&std::fs::read(file).unwrap());
        }
        for secret in SECRETS {
            assert!(
                !everything.contains(secret),
                "{fault}: {secret} in {everything}"
            );
        }
    }
}

fn files_below(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files
}

#[test]
fn no_command_line_and_no_file_on_the_way_holds_a_secret() {
    let site = Simulator::start();
    let step = secretive(&site).input("sql", ENDLESS).start();
    let engine = busy_engine_of(&step);
    let mut seen = Vec::new();
    for process in [step.child.id(), engine] {
        seen.extend(std::fs::read(format!("/proc/{process}/cmdline")).unwrap());
    }
    seen.extend(std::fs::read(format!("/proc/{engine}/environ")).unwrap());
    for file in files_below(&step.temp()) {
        seen.extend(std::fs::read(file).unwrap_or_default());
    }
    step.signal("INT");
    step.end();
    let seen = String::from_utf8_lossy(&seen);
    assert!(seen.contains("hyperd"), "{seen}");
    for secret in SECRETS {
        assert!(!seen.contains(secret), "{secret}");
    }
}

//! The program for demos.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use crate::client::send;

const PROGRAM: &str = env!("CARGO_BIN_EXE_tableau-simulator");

#[test]
fn the_program_says_where_it_is() {
    let mut child = Command::new(PROGRAM)
        .args(["--polls", "0", "server-info#2=503"])
        .args([
            "--serve",
            concat!("/cargo.txt=", env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"),
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let said: HashMap<String, String> = lines
        .take(6)
        .map(|line| {
            line.unwrap()
                .split_once('=')
                .map(|(k, v)| (k.to_owned(), v.to_owned()))
                .unwrap()
        })
        .collect();
    let get = |path: &str| send(&said["url"], "GET", path, &[], b"").unwrap();
    let dog = get("/origin/dog").body;
    let breeds = [(); 4].map(|()| get("/origin/dog/random").body);
    let statuses = [
        get("/api/2.4/serverInfo").status,
        get("/api/2.4/serverInfo").status,
    ];
    let file = get("/origin/cargo.txt").body;
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(
        (
            said["site"].as_str(),
            said["pat-name"].as_str(),
            said["project"].as_str()
        ),
        ("acme", "ci-publisher", "Sales")
    );
    assert_eq!(
        dog,
        "{\"message\":\"https://images.dog.ceo/breeds/hound-afghan/n02088094_1003.jpg\",\"status\":\"success\"}"
    );
    assert!(breeds[0] != breeds[1] && breeds[1] != breeds[2] && breeds[0] == breeds[3]);
    assert_eq!(statuses, [200, 503]);
    assert!(file.starts_with("[package]"));
}

#[test]
fn unknown_options_end_the_program() {
    let output = Command::new(PROGRAM).arg("--colour").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("unknown option `--colour`, valid are: --port, --store,"),
        "{said}"
    );
}

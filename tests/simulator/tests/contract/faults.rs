//! Faults over the wire, and the origin.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use tableau_simulator::{Page, Seconds, Simulator};

use crate::client::{credentials, send, sign_in};

fn info(simulator: &Simulator) -> std::io::Result<crate::client::Response> {
    send(&simulator.url(), "GET", "/api/2.4/serverInfo", &[], b"")
}

#[test]
fn answers_before_acting() {
    for (effect, status, code, header) in [
        ("503", 503, 0, "content-type: text/html"),
        ("413", 413, 0, "content-type: text/html"),
        ("403007", 403, 403_007, "content-type: application/xml"),
        ("429", 429, 429_000, ""),
        ("429+3s", 429, 429_000, "retry-after: 3"),
        // Each answer has a date; this is one more.
        ("429+date", 429, 429_000, "retry-after: "),
        ("error-in-200", 200, 403_135, ""),
        ("redirect", 301, 0, "location: /api/2.4/serverinfo"),
        (
            "elsewhere-302",
            302,
            0,
            "location: http://127.0.0.1:9/api/2.4/serverinfo",
        ),
        (
            "429+18446744073709551615s",
            429,
            429_000,
            "retry-after: 18446744073709551615",
        ),
        ("429+reset", 429, 429_000, "x-ratelimit-reset: 1e22"),
        ("503+last-date", 503, 0, "retry-after: fri, 31 dec 9999"),
    ] {
        let simulator = Simulator::with([format!("server-info#2={effect}").as_str()]);
        assert_eq!(info(&simulator).unwrap().status, 200);
        let struck = info(&simulator).unwrap();
        assert_eq!(
            (struck.status, struck.code()),
            (status, code),
            "{effect}: {}",
            struck.body
        );
        assert!(struck.head.contains(header), "{effect}: {}", struck.head);
        let mut lines = struck.head.lines();
        let is_date = lines.any(|line| line.starts_with("retry-after: ") && line.ends_with(" gmt"));
        assert_eq!(is_date, effect.ends_with("date"), "{}", struck.head);
        assert_eq!(info(&simulator).unwrap().status, 200);
        assert_eq!(
            simulator.calls(),
            ["server-info", "server-info!", "server-info"]
        );
    }
    let simulator = Simulator::with(["server-info=429"]);
    assert!(!info(&simulator).unwrap().head.contains("retry-after"));
}

#[test]
fn nothing_is_done_when_a_fault_comes_first() {
    let simulator = Simulator::with([
        "initiate-file-upload#1=503",
        "initiate-file-upload#2=refuse",
    ]);
    let api = sign_in(&simulator);
    assert_eq!(api.call("POST", "fileUploads", "").status, 503);
    let path = format!("/api/3.29/sites/{}/fileUploads", api.site);
    assert!(
        send(
            &api.url,
            "POST",
            &path,
            &[("X-Tableau-Auth", &api.token)],
            b""
        )
        .is_err()
    );
    assert!(simulator.site(|site| site.uploads.is_empty()));
    api.initiate();
    assert_eq!(
        simulator.site(|site| site.requests.last().unwrap().status),
        201
    );
}

#[test]
fn answers_are_lost_after_acting() {
    let simulator = Simulator::with([
        "initiate-file-upload#1=lose-response",
        "initiate-file-upload#2=truncate",
        "initiate-file-upload#3=garbage",
        "initiate-file-upload#4=late-502",
    ]);
    let api = sign_in(&simulator);
    let path = format!("/api/3.29/sites/{}/fileUploads", api.site);
    let post = || {
        send(
            &api.url,
            "POST",
            &path,
            &[("X-Tableau-Auth", &api.token)],
            b"",
        )
    };
    assert!(post().is_err());
    let cut = post().unwrap();
    let announced: usize = cut
        .head
        .split("content-length: ")
        .nth(1)
        .unwrap()
        .split("\r\n")
        .next()
        .unwrap()
        .parse()
        .unwrap();
    assert!(
        cut.status == 201 && cut.body.len() * 2 <= announced + 1 && !cut.body.is_empty(),
        "{}",
        cut.body
    );
    let garbage = post().unwrap();
    assert!(garbage.status == 200 && garbage.body.starts_with("<!doctype html>"));
    let late = post().unwrap();
    assert_eq!((late.status, late.code()), (502, 0));
    assert_eq!(simulator.site(|site| site.uploads.len()), 4);
}

#[test]
fn a_stalled_call_is_never_answered() {
    let simulator = Simulator::with(["sign-in=stall"]);
    let mut stream = TcpStream::connect(simulator.url().trim_start_matches("http://")).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_millis(300)))
        .unwrap();
    let body = credentials("a", "b", "c");
    write!(
        stream,
        "POST /api/2.4/auth/signin HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    assert!(stream.read(&mut [0; 1]).is_err());
    // Other calls go on, and dropping does not hang.
    assert_eq!(info(&simulator).unwrap().status, 200);
}

#[test]
#[should_panic(expected = "unknown operation `sign_in`")]
fn a_misspelt_fault_is_explained() {
    let _ = Simulator::with(["sign_in=503"]);
}

#[test]
fn the_origin_serves_pages_and_remembers_requests() {
    let simulator = Simulator::with(["origin#2=503", "origin#3=truncate"]);
    simulator.serve(
        "/dog.json",
        Page::json("{\"message\":\"woof\"}").header("ETag", "\"1\""),
    );
    simulator.serve("/gone", Page::csv("a,b\n").status(410));
    let get = |path: &str| {
        send(
            &simulator.url(),
            "POST",
            path,
            &[("Authorization", "Bearer abc")],
            b"body",
        )
        .unwrap()
    };
    let page = get("/origin/dog.json?a=1&b=%20");
    assert_eq!(
        (page.status, page.body.as_str()),
        (200, "{\"message\":\"woof\"}")
    );
    assert!(
        page.head.contains("content-type: application/json") && page.head.contains("etag: \"1\"")
    );
    assert_eq!(get("/origin/dog.json").status, 503);
    assert_eq!(get("/origin/dog.json").body, "{\"message");
    assert_eq!(get("/origin/gone").status, 410);
    assert_eq!(get("/origin/none").status, 404);
    let requests = simulator.origin_requests();
    assert_eq!(
        requests.len(),
        4,
        "a request that a fault caught first does not reach the origin"
    );
    let first = &requests[0];
    assert_eq!(
        (
            first.method.as_str(),
            first.path.as_str(),
            first.query.as_str()
        ),
        ("POST", "/dog.json", "a=1&b=%20")
    );
    assert_eq!(
        (first.header("authorization"), first.body.as_slice()),
        (Some("Bearer abc"), &b"body"[..])
    );
    assert!(simulator.calls().is_empty());
}

#[test]
fn servers_say_what_no_honest_one_says() {
    let simulator = Simulator::with(["sign-in#1=401001"]);
    simulator.site(|site| {
        site.settings.said_after = "\r\u{1b}\u{85}".into();
        site.settings.warning = Some("number {n}\r".into());
    });
    let said = info(&simulator).unwrap().body;
    assert!(
        said.contains("2026.2.0&#13;&#27;&#133;</productVersion>"),
        "{said}"
    );
    assert!(said.contains("message=\"number 1&#13;\""), "{said}");
    let refused = send(&simulator.url(), "POST", "/api/3.29/auth/signin", &[], b"").unwrap();
    assert!(
        refused.body.contains("&#13;&#27;&#133;</detail>"),
        "{}",
        refused.body
    );
    assert!(
        refused.body.contains("message=\"number 2&#13;\""),
        "{}",
        refused.body
    );
}

#[test]
fn real_time_moves_the_clock_if_asked_to() {
    let date = |simulator: &Simulator| {
        let head = info(simulator).unwrap().head;
        let line = head.lines().find_map(|line| line.strip_prefix("date: "));
        line.unwrap().to_owned()
    };
    let simulator = Simulator::start();
    assert_ne!(date(&simulator), date(&simulator));
    simulator.site(|site| site.settings.seconds = Seconds::Real);
    let (first, second) = (date(&simulator), date(&simulator));
    std::thread::sleep(Duration::from_millis(1_100));
    assert!(first == second || date(&simulator) != second);
    assert_ne!(first, date(&simulator));
}

#[test]
fn codes_of_calls_on_existing_data_sources_have_their_words() {
    for (code, word) in [
        (400_054, ".hyper and .tde"),
        (400_055, "Only one of"),
        (403_021, "connections"),
        (403_028, "download"),
        (403_800, "API access"),
        (404_011, "Datasource"),
        (404_934, "field"),
        (404_935, "caption"),
        (410_012, "Specified table does not exist"),
    ] {
        let simulator = Simulator::with([&format!("server-info={code}")]);
        let answer = send(&simulator.url(), "GET", "/api/2.4/serverInfo", &[], b"").unwrap();
        assert_eq!(answer.code(), code);
        assert_eq!(u32::from(answer.status), code / 1000);
        assert!(answer.body.contains(word), "{}", answer.body);
        assert!(!answer.body.contains("Internal Server Error"));
    }
}

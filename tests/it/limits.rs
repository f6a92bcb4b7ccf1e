//! Numbers that servers tell, beyond all measure: nothing overflows, and what is told stays sensible.

use tableau_simulator::{Setup, Simulator};

use crate::harness::Action;
use crate::server::{Server, answer, json};

const ROWS: &str = "[{\"a\":1}]";

/// Waits nobody lives to see, as headers of an answer.
const NEVER: [&[&str]; 8] = [
    &["Retry-After: 253402300800"],
    &["Retry-After: 18446744073709551615"],
    &["Retry-After: 99999999999999999999999999"],
    &["Retry-After: 1e400"],
    &["Retry-After: Fri, 31 Dec 9999 23:59:59 GMT"],
    &["X-RateLimit-Remaining: 0", "X-RateLimit-Reset: 1e22"],
    &["RateLimit-Remaining: 0", "RateLimit-Reset: 1e308"],
    &["RateLimit: \"a\";r=0;t=1e19"],
];

#[test]
fn a_wait_beyond_all_measure_is_told_as_that() {
    for headers in NEVER {
        let server = Server::start(move |_, _| answer("429 Too Many Requests", headers, "no"));
        let run = Action::building()
            .input("source", server.url("/"))
            .run()
            .failed(
                "fetch",
                &["answered 429", "not to come back for a year or more"],
            );
        assert_eq!(server.asked().len(), 1, "{headers:?}");
        assert!(!run.raw.contains("panicked"), "{}", run.raw);
    }
    for (headers, told) in [
        ("Retry-After: 7199", "come back in 7199 s, at "),
        ("Retry-After: 7201", "come back in 3 hours, at "),
        ("Retry-After: 172801", "come back in 3 days, at "),
    ] {
        let server = Server::start(move |_, _| answer("503 Busy", &[headers], ""));
        Action::building()
            .input("source", server.url("/"))
            .run()
            .failed("fetch", &[told]);
    }
}

#[test]
fn a_token_that_never_runs_out_is_good_for_the_run() {
    for lifetime in [
        "1e19",
        "\"1e19\"",
        "1e400",
        "18446744073709551616",
        "-1e400",
        "\"soon\"",
        "{}",
    ] {
        let tokens = Server::start(move |_, _| {
            json(&format!(
                "{{\"access_token\":\"tok-1234\",\"expires_in\":{lifetime}}}"
            ))
        });
        let source = Server::start(|_, _| json(ROWS));
        let auth = format!(
            "oauth2\ntoken-url: {}\nclient-id: id\nclient-secret: s3cret",
            tokens.url("/token")
        );
        Action::building()
            .input("source", source.url("/"))
            .input("auth", auth)
            .run()
            .succeeded();
        assert_eq!(tokens.asked().len(), 1, "{lifetime}");
    }
    // The endpoint itself asks for patience.
    let tokens = Server::start(|_, _| answer("503 Busy", NEVER[5], ""));
    let auth = format!(
        "oauth2\ntoken-url: {}\nclient-id: id\nclient-secret: s3cret",
        tokens.url("/token")
    );
    Action::building()
        .input("source", "http://127.0.0.1:1/")
        .input("auth", auth)
        .run()
        .failed(
            "fetch",
            &["answered 503", "not to come back for a year or more"],
        );
}

/// Publishes one row against a site with one fault.
fn publishing(fault: &str) -> (Simulator, Action) {
    let site = Simulator::launch(Setup {
        faults: vec![fault.parse().unwrap()],
        ..Setup::default()
    });
    let action = Action::publishing_to(&site)
        .file("x.csv", "a\n1\n")
        .input("source", "x.csv");
    (site, action)
}

#[test]
fn tableau_may_ask_for_any_patience_before_and_after_the_commit() {
    for asked in [
        "429+253402300800s",
        "429+18446744073709551615s",
        "429+reset",
    ] {
        for call in ["server-info", "sign-in", "publish-data-source"] {
            let (_site, action) = publishing(&format!("{call}={asked}"));
            let run = action.run().failed("publish", &["come back in 366 days"]);
            assert_eq!(run.output("published"), "false", "{call} {asked}");
        }
        let (site, action) = publishing(&format!("query-job={asked}"));
        let run = action.input("wait", "1s").run().succeeded();
        assert!(run.raw.contains("still waiting"), "{}", run.raw);
        assert_eq!(site.calls().last().map(String::as_str), Some("sign-out"));
    }
}

#[test]
fn the_user_may_wait_for_ever() {
    for wait in ["9223372036854775807s", "99999999h"] {
        let site = Simulator::start();
        Action::publishing_to(&site)
            .file("x.csv", "a\n1\n")
            .input("source", "x.csv")
            .input("wait", wait)
            .run()
            .succeeded();
    }
}

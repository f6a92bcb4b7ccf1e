//! Tokens: how they are asked for, how long they are good, and that nobody sees them.

use crate::harness::{Action, Ended};
use crate::server::{Asked, Server, answer, json};

const ROWS: &str = "[{\"a\":1}]";
const SECRET: &str = "s3/cr+t = x";

fn token_answer(token: &str, seconds: u32) -> Vec<u8> {
    json(&format!(
        "{{\"access_token\":\"{token}\",\"token_type\":\"bearer\",\"expires_in\":{seconds}}}"
    ))
}

/// A source that takes the token of the number from `good_from` on.
fn source() -> Server {
    Server::start(|_, _| json(ROWS))
}

fn fetching(source: &str, tokens: &Server, more: &str) -> Action {
    let auth = format!(
        "oauth2\ntoken-url: {}\nclient-id: my id\nclient-secret: {SECRET}\n{more}",
        tokens.url("/token")
    );
    Action::building()
        .input("source", source)
        .input("auth", auth)
}

fn credentials(source: &Server) -> Vec<String> {
    let header = |asked: &Asked| asked.header("authorization").unwrap_or_default().to_owned();
    source.asked().iter().map(header).collect()
}

#[track_caller]
fn shows_nothing_of(run: &Ended, secrets: &[&str]) {
    for secret in secrets {
        assert!(
            run.masked.contains(&(*secret).to_owned()),
            "{secret} is not masked: {:?}",
            run.masked
        );
        let shown = run.annotations.join("\n") + &run.log + &run.summary;
        assert!(!shown.contains(secret), "{secret} is shown:\n{shown}");
    }
}

#[test]
fn a_token_is_asked_for_as_the_standard_says() {
    let tokens = Server::start(|_, _| token_answer("tok/1234+5", 3600));
    let source = source();
    let both = format!("{}\n{}", source.url("/1"), source.url("/2"));
    let run = fetching(
        &both,
        &tokens,
        "scope: read all\naudience: https://api.example/",
    )
    .run()
    .succeeded();
    let asked = tokens.asked();
    assert_eq!(asked.len(), 1, "one token serves both");
    assert_eq!(
        (asked[0].method.as_str(), asked[0].target.as_str()),
        ("POST", "/token")
    );
    assert_eq!(
        asked[0].header("content-type"),
        Some("application/x-www-form-urlencoded")
    );
    assert_eq!(
        asked[0].body,
        "grant_type=client_credentials&scope=read+all&audience=https%3A%2F%2Fapi.example%2F"
    );
    // my+id:s3%2Fcr%2Bt+%3D+x
    let pair = "bXkraWQ6czMlMkZjciUyQnQrJTNEK3g=";
    assert_eq!(
        asked[0].header("authorization"),
        Some(format!("Basic {pair}").as_str())
    );
    assert_eq!(credentials(&source), ["Bearer tok/1234+5"; 2]);
    shows_nothing_of(
        &run,
        &[
            SECRET,
            "s3%2Fcr%2Bt+%3D+x",
            "s3%2Fcr%2Bt%20%3D%20x",
            pair,
            "tok/1234+5",
            "tok%2F1234%2B5",
        ],
    );
    let masked = run.raw.find("::add-mask::tok/1234+5").unwrap();
    assert!(
        masked
            < run
                .raw
                .find("GET http")
                .map_or(usize::MAX, |at| at.max(masked + 1))
    );
}

#[test]
fn an_endpoint_that_reads_the_form_only_gets_the_form() {
    for refusal in [
        answer("401 Unauthorized", &[], "{\"error\":\"invalid_client\"}"),
        answer(
            "400 Bad Request",
            &[],
            "{\"error\":\"invalid_client\",\"error_description\":\"no client_id\"}",
        ),
    ] {
        let tokens = Server::start(move |asked, number| match asked.header("authorization") {
            Some(_) => refusal.clone(),
            // Lives so short that each request needs another one.
            None => token_answer(&format!("token-{number}"), 0),
        });
        let source = source();
        let both = format!("{}\n{}", source.url("/1"), source.url("/2"));
        fetching(&both, &tokens, "").run().succeeded();
        let asked = tokens.asked();
        assert_eq!(
            asked.len(),
            3,
            "the second token is asked for in the way that worked"
        );
        assert_eq!(
            asked[1].body,
            "grant_type=client_credentials&client_id=my+id&client_secret=s3%2Fcr%2Bt+%3D+x"
        );
        assert_eq!(credentials(&source), ["Bearer token-2", "Bearer token-3"]);
    }
}

#[test]
fn a_refusal_is_quoted_without_the_secret() {
    let tokens = Server::start(|asked, _| {
        let echo = format!(
            "scope is unknown; you sent {SECRET} and {}",
            asked.header("authorization").unwrap()
        );
        answer(
            "400 Bad Request",
            &[],
            format!("{{\"error\":\"invalid_scope\",\"error_description\":\"{echo}\"}}"),
        )
    });
    let source = source();
    let run = fetching(&source.url("/"), &tokens, "").run().failed(
        "fetch",
        &[
            "the token endpoint `http://127.0.0.1",
            "of `auth` answered 400",
            "invalid_scope: scope is unknown; you sent ***",
            "check `token-url`",
        ],
    );
    shows_nothing_of(&run, &[SECRET, "bXkraWQ6czMlMkZjciUyQnQrJTNEK3g="]);
    assert_eq!(
        tokens.asked().len(),
        1,
        "another way to send the secret would not help"
    );
    assert!(source.asked().is_empty());

    let tokens =
        Server::start(|_, _| answer("401 Unauthorized", &[], "{\"error\":\"invalid_client\"}"));
    fetching(&source.url("/"), &tokens, "")
        .run()
        .failed("fetch", &["answered 401", "invalid_client"]);
    assert_eq!(tokens.asked().len(), 2);
    let tokens = Server::start(|_, _| answer("200 OK", &[], "<html>Sign in</html>"));
    fetching(&source.url("/"), &tokens, "")
        .run()
        .failed("fetch", &["without an `access_token`"]);
    let tokens =
        Server::start(|_, _| answer("302 Found", &["Location: https://elsewhere.example/"], ""));
    fetching(&source.url("/"), &tokens, "").run().failed(
        "fetch",
        &["failed to get a token", "must not see the credentials"],
    );
}

#[test]
fn a_token_that_runs_out_is_renewed() {
    // 64 seconds are 4 until the margin begins, in which even a busy machine asks for two pages.
    let tokens = Server::start(|_, number| token_answer(&format!("token-{number}"), 64));
    let source = Server::start(|_, number| {
        if number == 2 {
            std::thread::sleep(std::time::Duration::from_millis(4_100));
        }
        json(ROWS)
    });
    let three = [source.url("/1"), source.url("/2"), source.url("/3")].join("\n");
    let run = fetching(&three, &tokens, "").run().succeeded();
    assert_eq!(
        credentials(&source),
        ["Bearer token-1", "Bearer token-1", "Bearer token-2"]
    );
    shows_nothing_of(&run, &["token-1", "token-2"]);
}

#[test]
fn a_token_that_is_refused_is_renewed_once() {
    let tokens = || Server::start(|_, number| token_answer(&format!("token-{number}"), 3600));
    let source = Server::start(|asked, _| match asked.header("authorization") {
        Some("Bearer token-2") => json(ROWS),
        _ => answer("401 Unauthorized", &[], "expired"),
    });
    let run = fetching(&source.url("/"), &tokens(), "").run().succeeded();
    assert!(
        run.log.contains("refuses the token (401)") && run.log.contains("with 2 requests"),
        "{}",
        run.log
    );

    let source = Server::start(|_, _| answer("401 Unauthorized", &[], "never"));
    let tokens = tokens();
    fetching(&source.url("/"), &tokens, "").run().failed(
        "fetch",
        &["answered 401", "check the credentials in `auth`"],
    );
    assert_eq!((source.asked().len(), tokens.asked().len()), (2, 2));
    // Fixed credentials do not get better.
    Action::building()
        .input("source", source.url("/"))
        .input("auth", "bearer abc")
        .run()
        .failed("fetch", &["answered 401"]);
    assert_eq!(source.asked().len(), 3);
}

#[test]
fn what_is_wrong_with_auth_is_told_before_anything_is_asked() {
    let wrong = |auth: &str| {
        Action::building()
            .input("source", "https://example.com/")
            .input("auth", auth)
            .run()
    };
    wrong("oauth2").failed(
        "inputs",
        &[
            "`oauth2` needs a line `token-url: …`",
            "`client-secret: …`; is the secret defined?",
        ],
    );
    wrong("oauth2\ntoken-url: http://id.example/\nclient-id: a\nclient-secret: b")
        .failed("inputs", &["would travel unencrypted"]);
    let run = wrong("oauth hunter2").failed("inputs", &["`bearer`, `basic` and `oauth2`"]);
    assert!(!run.shown().contains("hunter2"));
    let twice = Action::building()
        .input("source", "https://example.com/")
        .input(
            "auth",
            "oauth2\ntoken-url: https://id.example/\nclient-id: a\nclient-secret: b",
        )
        .input("headers", "authorization: x\nX-A: a\tb\nnot legal: x");
    twice.run().failed(
        "inputs",
        &[
            "`Authorization` is given here and by `auth`",
            "`not legal` is not a valid header name",
        ],
    );
}

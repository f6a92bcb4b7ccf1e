//! Echoes: a server that sends secrets back, in every spelling and through every door, shows none of them.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use crate::harness::{Action, Ended};
use crate::server::{Server, answer, json};

/// With characters that every spelling writes differently.
const SECRET: &str = "S3cr/t+k=y&77<é\"x> zz";
/// The same where a header must carry it.
const PLAIN: &str = "S3cr/t+k=y&77<x>.zz";

/// Writes a text in a way of its own.
type Spell = fn(&str) -> String;

/// Ways in which somebody may write a text down.
const SPELLINGS: [(&str, Spell); 13] = [
    ("plain", str::to_owned),
    ("percent", |text| percent(text, "%02X")),
    ("percent in lower case", |text| percent(text, "%02x")),
    ("percent twice", |text| {
        percent(&percent(text, "%02X"), "%02X")
    }),
    ("form", |text| percent(text, "%02X").replace("%20", "+")),
    ("HTML", |text| {
        let text = text.replace('&', "&amp;").replace('<', "&lt;");
        text.replace('>', "&gt;").replace('"', "&quot;")
    }),
    ("HTML in numbers", |text| entities(text, 10)),
    ("HTML in hexadecimal numbers", |text| entities(text, 16)),
    ("JSON", |text| {
        let quoted = serde_json::to_string(text).unwrap();
        quoted.trim_matches('"').replace('/', "\\/")
    }),
    ("JSON in code units", |text| {
        let units: Vec<String> = text
            .encode_utf16()
            .map(|unit| format!("\\u{unit:04x}"))
            .collect();
        units.concat()
    }),
    ("base64", |text| STANDARD.encode(text)),
    ("base64 of the user's, too", |text| {
        STANDARD.encode(format!("user:{text}"))
    }),
    ("base64 of an address", |text| {
        URL_SAFE_NO_PAD.encode(format!("a:{text}:b"))
    }),
];

fn percent(text: &str, how: &str) -> String {
    let byte = |byte: u8| match (byte, how) {
        (b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9', _) => char::from(byte).to_string(),
        (_, "%02x") => format!("%{byte:02x}"),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

fn entities(text: &str, base: u32) -> String {
    let entity = |c: char| match base {
        16 => format!("&#x{:x};", u32::from(c)),
        _ => format!("&#{};", u32::from(c)),
    };
    text.chars().map(entity).collect()
}

/// Nothing that is longer than four letters of the secret, or of what was sent, may be seen.
fn check(run: &Ended, sent: &str, what: &str) {
    let shown = run.shown();
    for text in [SECRET, PLAIN, sent] {
        // The quick part of a long text is enough to know it by.
        let start: String = text.chars().take(8).collect();
        assert!(
            !shown.contains(&start),
            "{what}: `{start}` of `{sent}` in\n{shown}"
        );
    }
}

/// Every way in which text of a source reaches a person.
const DOORS: [&str; 9] = [
    "error page",
    "login page",
    "unknown format",
    "type error",
    "key example",
    "column name",
    "broken document",
    "least value",
    "GraphQL error",
];

/// A run in which the source sends `echo` through a door.
fn run_through(door: &str, echo: &str, with: impl Fn(Action) -> Action) -> Ended {
    let in_json = serde_json::to_string(echo).unwrap();
    let body = match door {
        "error page" => echo.to_owned(),
        "login page" => format!("<html><body>{echo}</body></html>"),
        "unknown format" => format!("§ {echo}"),
        "type error" | "least value" => format!("[{{\"a\": {in_json}}}]"),
        "key example" => format!("[{{\"a\": {in_json}}}, {{\"a\": {in_json}}}]"),
        "column name" => format!("[{{{in_json}: 1}}]"),
        "broken document" => format!("[{{\"a\": {in_json}, !}}]"),
        _ => format!("{{\"errors\": [{{\"message\": {in_json}}}]}}"),
    };
    let door_name = door.to_owned();
    let server = Server::start(move |_, _| match door_name.as_str() {
        "error page" => answer("400 Bad Request", &[], &body),
        "login page" => answer("200 OK", &["Content-Type: text/html"], &body),
        "unknown format" => answer("200 OK", &["Content-Type: text/plain"], &body),
        _ => json(&body),
    });
    let action = Action::building().input("source", server.url("/x"));
    let action = match door {
        "type error" => action.input("columns", "a: bigint"),
        "key example" => action.input("key", "a"),
        "column name" => action.input("sql", "SELECT *, nope FROM input"),
        "GraphQL error" => action.input("query", "{ a { b } }"),
        _ => action,
    };
    let run = with(action).run();
    assert_eq!(
        run.code,
        Some(i32::from(door != "least value")),
        "{door}: {}",
        run.raw
    );
    run
}

#[test]
fn credentials_are_replaced_in_every_spelling_behind_every_door() {
    std::thread::scope(|scope| {
        for door in DOORS {
            scope.spawn(move || {
                for (spelling, spell) in SPELLINGS {
                    let sent = spell(PLAIN);
                    // A semicolon makes fields of it, and CSV of the document.
                    if door == "unknown format" && sent.contains(';') {
                        continue;
                    }
                    let run = run_through(door, &sent, |action| {
                        action
                            .input("auth", format!("basic user:{PLAIN}"))
                            .input("headers", "X-Tenant: tenant-77-x")
                    });
                    check(&run, &sent, &format!("{door}, {spelling}"));
                    // Only the end of a broken document is shown, and in a table the stars are no markup.
                    let shown = run.shown().replace("&#42;", "*");
                    let is_replaced = shown.contains("***") || door == "broken document";
                    assert!(is_replaced, "{door}, {spelling}: {shown}");
                }
            });
        }
    });
}

#[test]
fn half_a_secret_is_replaced_before_it_is_cut() {
    let parts: Vec<String> = (0..60).map(|n| format!("{n:02}-Zq")).collect();
    let long = parts.concat();
    for door in DOORS {
        for before in ["", "x", "some words, and "] {
            let run = run_through(door, &format!("{before}{long}"), |action| {
                action.input("auth", format!("bearer {long}"))
            });
            let shown = run.shown();
            // Also when its beginning is what was cut away.
            for part in ["00-Zq01", "20-Zq21", "58-Zq59"] {
                assert!(!shown.contains(part), "{door}, {before}: {part} in {shown}");
            }
        }
    }
}

#[test]
fn whatever_is_secret_in_a_request_is_replaced() {
    for (input, text) in [
        ("auth", format!("bearer {PLAIN}")),
        ("auth", format!("basic user:{PLAIN}")),
        ("headers", format!("Authorization: Token {PLAIN}")),
        ("headers", format!("X-Api-Key: {PLAIN}")),
        ("headers", format!("X-Tenant: {PLAIN}")),
        ("headers", format!("Cookie: theme=dark; sid={PLAIN}")),
        (
            "headers",
            format!("Authorization: Digest username=\"u\", response=\"{PLAIN}\""),
        ),
        ("params", format!("api_key: {SECRET}")),
        ("params", format!("q: {SECRET}")),
        (
            "body",
            format!(
                "{{\"a\": {{\"password\": {}}}}}",
                serde_json::to_string(SECRET).unwrap()
            ),
        ),
        (
            "body",
            format!(
                "<a><password>{}</password></a>",
                PLAIN.replace(['<', '>', '&'], "_")
            ),
        ),
        (
            "body",
            format!("user=u&password={}", percent(SECRET, "%02X")),
        ),
    ] {
        let echo = if text.contains("&password=") || input == "params" || text.starts_with('{') {
            SECRET.to_owned()
        } else if text.starts_with('<') {
            PLAIN.replace(['<', '>', '&'], "_")
        } else {
            PLAIN.to_owned()
        };
        for door in ["error page", "type error", "key example", "broken document"] {
            let run = run_through(door, &echo, |action| action.input(input, &text));
            check(&run, &echo, &format!("{text}, {door}"));
        }
    }
}

#[test]
fn a_token_made_in_the_run_is_replaced() {
    let server = Server::start(|asked, _| match asked.target.as_str() {
        "/token" => json(&format!(
            "{{\"access_token\": {}}}",
            serde_json::to_string(PLAIN).unwrap()
        )),
        _ => answer(
            "400 Bad Request",
            &[],
            percent(PLAIN, "%02X") + " " + &STANDARD.encode(format!("id:{SECRET}")),
        ),
    });
    let auth = format!(
        "oauth2\ntoken-url: {}\nclient-id: id\nclient-secret: {SECRET}",
        server.url("/token")
    );
    let run = Action::building()
        .input("source", server.url("/x"))
        .input("auth", auth)
        .run()
        .failed("fetch", &["answered 400", "***"]);
    check(&run, &percent(PLAIN, "%02X"), "oauth2");
}

#[test]
fn tableau_and_its_proxies_show_no_secret() {
    for (spelling, spell) in SPELLINGS {
        let token = "To/ken+of=the&session";
        let server = Server::start(move |asked, _| match asked.target.rsplit('/').next() {
            Some("serverInfo") => xml(
                "<serverInfo><productVersion>2026.2.0</productVersion><restApiVersion>3.29</restApiVersion></serverInfo>",
            ),
            Some("signin") => xml(
                "<credentials token=\"To/ken+of=the&amp;session\"><site id=\"s\"/></credentials>",
            ),
            _ => answer(
                "403 Forbidden",
                &["Content-Type: text/html"],
                format!("<p>{} {}</p>", spell(PLAIN), spell(token)),
            ),
        });
        let site = tableau_simulator::Simulator::launch(tableau_simulator::Setup::default());
        let run = Action::publishing_to(&site)
            .file("a.csv", "a\n1\n")
            .input("source", "a.csv")
            .input("server-url", server.url("/"))
            .input("pat-secret", PLAIN)
            .run()
            .failed("publish", &["403"]);
        check(&run, &spell(PLAIN), spelling);
        check(&run, &spell(token), spelling);
        let shown = run.shown();
        assert!(shown.matches("***").count() >= 2, "{spelling}: {shown}");
    }
}

fn xml(inside: &str) -> Vec<u8> {
    let document = format!("<tsResponse xmlns=\"http://tableau.com/api\">{inside}</tsResponse>");
    answer("200 OK", &["Content-Type: application/xml"], document)
}

#[test]
fn names_of_files_show_no_secret() {
    let server = Server::start(|_, _| json("[]"));
    let run = Action::building()
        .file("data/file-S3cr3t-77.csv", "a,b\n1\n")
        .input("source", format!("a: data/*.csv\nb: {}", server.url("/x")))
        .input("sql", "SELECT * FROM a")
        .input("auth", "b:\nbearer file-S3cr3t-77")
        .run();
    let shown = run.shown();
    assert!(!shown.contains("S3cr3t"), "{shown}");
}

#[test]
fn an_ordinary_word_as_a_token_changes_nothing_else() {
    for token in ["true", "1234", "text", "bigint", "null"] {
        let server = Server::start(|_, _| json("[{\"a\": 1234, \"b\": true, \"text\": null}]"));
        let run = Action::building()
            .input("source", server.url("/x"))
            .input("auth", format!("bearer {token}"))
            .run()
            .succeeded();
        let schema: serde_json::Value = serde_json::from_str(run.output("schema")).unwrap();
        assert_eq!(schema[0]["type"], "bigint", "{token}");
        assert_eq!(run.output("rows"), "1");
        assert_eq!(run.output("published"), "false");
        assert!(!run.shown().contains("***"), "{token}: {}", run.shown());
    }
}

#[test]
fn a_secret_in_a_column_name_leaves_the_schema_readable() {
    let server = Server::start(|_, _| json("[{\"a\\\"S3cr3t\\\\77\": 1, \"b\": 2}]"));
    let run = Action::building()
        .input("source", server.url("/x"))
        .input("auth", "bearer a\"S3cr3t\\77")
        .run()
        .succeeded();
    let schema: serde_json::Value = serde_json::from_str(run.output("schema")).unwrap();
    assert_eq!(schema[0]["name"], "***");
    assert_eq!(schema[1]["name"], "b");
}

#[test]
fn what_the_user_wrote_stands_letter_by_letter_for_the_runner_to_mask() {
    let secret = "91_abc:XYZ_se*cr&et";
    let server = Server::start(|_, _| json("[{\"a\": 1}]"));
    let run = Action::building()
        .input("source", server.url(&format!("/bot{secret}/rows")))
        .input(
            "checks",
            format!("'{secret}' <> '' || 'x`y'\nmax(a) > 5 or '{secret}' = 'a|b'"),
        )
        .input("datasource", "Shop_A *new*")
        .run()
        .failed("check", &["checks"]);
    // As the runner does it: by letters only.
    let encoded = [
        secret.replace('_', "&#95;"),
        secret.replace('*', "&#42;"),
        secret.replace('&', "&#38;"),
    ];
    for text in encoded {
        assert!(!run.summary.contains(&text), "{}", run.summary);
    }
    let masked = run.summary.replace(secret, "***");
    for part in ["91_abc", "91&#95;abc", "XYZ", "cr&et"] {
        assert!(!masked.contains(part), "{part} in {masked}");
    }
    assert!(run.summary.contains(secret), "{}", run.summary);
}

#[test]
fn no_text_from_outside_becomes_a_command_of_the_log() {
    let command = "::set-output name=rows::EVIL";
    let ends = [
        "\r", "\n", "\u{85}", "\u{2028}", "\u{2029}", "\u{b}", "\u{c}", "\u{1e}", "\0",
    ];
    for end in ends {
        let evil = format!("a{end}{command}{end}##[add-mask]x\u{202e}y");
        for door in DOORS {
            let run = run_through(door, &evil, |action| action);
            check_lines(&run, door);
        }
        // Names of columns in the engine's words, and values in its refusal to cast them.
        let server = {
            let body = serde_json::to_string(&serde_json::json!([{ "a": evil }])).unwrap();
            Server::start(move |_, _| json(&body))
        };
        let run = Action::building()
            .input("source", server.url("/x"))
            .input("sql", "SELECT a::bigint AS b FROM input")
            .run();
        check_lines(&run, "cast");
    }
    // A file name.
    let run = Action::building()
        .file("a\r::set-output name=rows::EVIL.csv", "a,b\n1\n")
        .input("source", "*.csv")
        .run()
        .failed("type", &[]);
    check_lines(&run, "file name");
}

/// As the runner reads: a line ends at CR, LF or both; the command may stand behind blanks.
pub(crate) fn check_lines(run: &Ended, what: &str) {
    let ours = [
        "::add-mask::",
        "::group::",
        "::endgroup::",
        "::error",
        "::warning",
    ];
    for line in run.raw.split(['\r', '\n']) {
        let line = line.trim_start();
        let is_command = line.starts_with("::") && !ours.iter().any(|ours| line.starts_with(ours));
        assert!(!is_command && !line.contains("##["), "{what}: {line:?}");
    }
    let is_hidden = |c: char| (c.is_control() && c != '\n') || matches!(c, '\u{2028}'..='\u{202e}');
    assert!(!run.raw.contains(is_hidden), "{what}: {:?}", run.raw);
    assert!(
        !run.summary.contains(is_hidden),
        "{what}: {:?}",
        run.summary
    );
}

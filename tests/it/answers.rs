//! Answers that are not what was asked for: parts, promises, error pages, words that are no coding, a trickle.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use crate::harness::Action;
use crate::http::gzip;
use crate::server::{Server, answer, json};

const ROWS: &str = "[{\"a\":1},{\"a\":2}]";

fn fetching(server: &Server) -> Action {
    Action::building().input("source", server.url("/x.json"))
}

/// Answers `first` once, and rows then.
fn then_rows(first: impl Fn() -> Vec<u8> + Send + Sync + 'static) -> Server {
    Server::start(move |_, number| if number == 1 { first() } else { json(ROWS) })
}

#[test]
fn a_part_is_never_taken_for_the_whole() {
    for status in ["206 Partial Content", "226 IM Used"] {
        let range = "Content-Range: bytes 0-16/4000";
        let server = Server::start(move |_, _| answer(status, &[range], ROWS));
        fetching(&server).run().failed(
            "fetch",
            &[status, "sent a part where all of the data was asked for"],
        );
        assert_eq!(server.asked().len(), 1, "{status}");
        // Nor as a later page.
        let server = Server::start(move |asked, _| {
            if asked.target.contains("p=2") {
                answer(status, &[], "")
            } else {
                json(ROWS)
            }
        });
        fetching(&server)
            .input("paginate", "page p=1")
            .run()
            .failed("fetch", &[status, "page 2"]);
    }
}

#[test]
fn data_that_is_not_made_yet_is_asked_for_again() {
    let server = then_rows(|| answer("202 Accepted", &["Content-Type: application/json"], "{}"));
    let run = fetching(&server).run().succeeded();
    assert_eq!(run.output("rows"), "2");
    assert!(run.log.contains("the server answered 202"), "{}", run.log);
    let server = Server::start(|_, _| answer("202 Accepted", &[], "{\"state\":\"running\"}"));
    fetching(&server).input("http", "retries=2").run().failed(
        "fetch",
        &[
            "202 Accepted after 3 attempts",
            "running",
            "`http: retries=`",
        ],
    );
    assert_eq!(server.asked().len(), 3);
    let server = Server::start(|_, _| answer("202 Accepted", &["Retry-After: 700"], "{}"));
    fetching(&server)
        .run()
        .failed("fetch", &["come back in 700 s"]);
    // With one attempt, too, it is never a row.
    let server = Server::start(|_, _| answer("202 Accepted", &[], ROWS));
    fetching(&server)
        .input("http", "retries=0")
        .run()
        .failed("fetch", &["202 Accepted"]);
}

#[test]
fn no_content_is_an_empty_answer() {
    for format in ["auto", "json", "ndjson", "csv"] {
        let server = Server::start(|_, _| b"HTTP/1.1 204 No Content\r\n\r\n".to_vec());
        fetching(&server)
            .input("format", format)
            .run()
            .failed("fetch", &["204 No Content, an empty answer where rows"]);
    }
    let server = Server::start(|_, _| answer("205 Reset Content", &[], ""));
    fetching(&server)
        .run()
        .failed("fetch", &["205 Reset Content, an empty answer"]);
    // Behind the last page it is the end.
    let server = Server::start(|asked, _| {
        if asked.target.contains("p=2") {
            b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()
        } else {
            json(ROWS)
        }
    });
    let run = fetching(&server).input("paginate", "page p=1").run();
    assert_eq!(run.succeeded().output("rows"), "2");
}

#[test]
fn other_statuses_keep_their_names() {
    for (status, wanted) in [
        ("101 Switching Protocols", "101 Switching Protocols"),
        ("300 Multiple Choices", "300 Multiple Choices"),
        ("302 Found", "it answers 302 Found without saying where to"),
        ("304 Not Modified", "304 Not Modified"),
        ("308 Permanent Redirect", "without saying where to"),
    ] {
        let server = Server::start(move |_, _| answer(status, &[], ""));
        fetching(&server).run().failed("fetch", &[wanted]);
    }
    // Words before the answer are none.
    let server = Server::start(|_, _| {
        [
            &b"HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n"[..],
            &json(ROWS),
        ]
        .concat()
    });
    fetching(&server).run().succeeded();
}

/// Pages that cannot be read to their end, or not at all.
fn bad_pages(status: &str) -> Vec<(&'static str, Vec<u8>)> {
    let noise: Vec<u8> = (0u32..3 << 20)
        .map(|n| u8::try_from(n.wrapping_mul(2_654_435_761) >> 24).unwrap())
        .collect();
    let coded =
        |coding: &str, body: &[u8]| answer(status, &[&format!("Content-Encoding: {coding}")], body);
    let chunked =
        |body: &str| format!("HTTP/1.1 {status}\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
    let packed = gzip(b"<h1>busy</h1>");
    vec![
        ("large gzip", coded("gzip", &gzip(&noise))),
        ("bomb", coded("gzip", &gzip(&vec![b'x'; 80 << 20]))),
        ("large", answer(status, &[], vec![b'x'; 70 << 20])),
        ("cut gzip", coded("gzip", &packed[..packed.len() - 9])),
        ("no gzip", coded("gzip", b"busy")),
        ("foreign coding", coded("compress", b"\x1f\x9d\x90")),
        ("broken chunk", chunked("5\r\nbusy!\r\nzz\r\n").into_bytes()),
        ("early end", chunked("50\r\nbusy").into_bytes()),
    ]
}

#[test]
fn an_error_page_never_hides_its_status() {
    for (name, page) in bad_pages("503 Busy") {
        let server = then_rows(move || page.clone());
        let run = fetching(&server).run();
        assert_eq!(run.code, Some(0), "{name}: {}", run.raw);
        assert!(run.log.contains("answered 503"), "{name}: {}", run.log);
    }
    for (name, page) in bad_pages("404 Not Found") {
        let server = Server::start(move |_, _| page.clone());
        let run = fetching(&server).input("http", "retries=1").run();
        assert!(
            run.raw.contains("answered 404 Not Found"),
            "{name}: {}",
            run.raw
        );
        run.failed("fetch", &["check the address in `source`"]);
    }
}

#[test]
fn a_word_that_is_no_coding_changes_nothing() {
    for word in [
        "UTF-8",
        "utf8",
        "none",
        "binary",
        "aws-chunked",
        "identity, utf-8",
    ] {
        let header = format!("Content-Encoding: {word}");
        let server = Server::start(move |_, _| answer("200 OK", &[&header], ROWS));
        let run = fetching(&server).run().succeeded();
        assert_eq!(run.output("rows"), "2", "{word}");
        assert_eq!(server.asked().len(), 1, "{word}");
    }
    let once = gzip(ROWS.as_bytes());
    let twice = gzip(&once);
    let nested: [(&[&str], &[u8]); 4] = [
        (&["Content-Encoding: gzip, gzip"], &twice),
        (
            &["Content-Encoding: gzip", "Content-Encoding: gzip"],
            &twice,
        ),
        (&["Content-Encoding: identity, gzip"], &once),
        (&["Content-Encoding: gzip, UTF-8"], &once),
    ];
    for (headers, body) in nested {
        let whole = answer("200 OK", headers, body);
        let server = Server::start(move |_, _| whole.clone());
        let run = fetching(&server).run().succeeded();
        assert_eq!(run.output("rows"), "2", "{headers:?}");
    }
    for foreign in ["compress", "xz", "gzip, exi"] {
        let header = format!("Content-Encoding: {foreign}");
        let server = Server::start(move |_, _| answer("200 OK", &[&header], "\x1f"));
        fetching(&server).run().failed(
            "fetch",
            &[
                "in the coding",
                "not asked for",
                "`Accept-Encoding: identity`",
            ],
        );
        assert_eq!(server.asked().len(), 1, "{foreign}");
    }
}

/// Sends rows for ever, `bytes` at a time with pauses between, and never says that they end.
fn trickle(bytes: usize, pause: Duration) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let head = "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n\r\n";
            let _ = stream.write_all(head.as_bytes());
            while stream.write_all(&vec![b' '; bytes]).is_ok() {
                std::thread::sleep(pause);
            }
        }
    });
    format!("http://{address}/")
}

#[test]
fn a_trickle_is_given_up() {
    let began = Instant::now();
    Action::building()
        .input("source", trickle(1, Duration::from_millis(100)))
        .input("http", "timeout=1 retries=0")
        .run()
        .failed(
            "fetch",
            &["too slowly, less than 1 KB in 10 s", "`http: timeout=`"],
        );
    let took = began.elapsed().as_secs_f64();
    assert!((9.5..20.0).contains(&took), "{took}");
    // What is slow and comes all the same is waited for: here until there is too much of it.
    let began = Instant::now();
    Action::building()
        .input("source", trickle(200, Duration::from_millis(100)))
        .input("http", "timeout=1 retries=0 max-body=30KB")
        .run()
        .failed("fetch", &["longer than 30000 bytes"]);
    assert!(began.elapsed().as_secs_f64() > 12.0);
}

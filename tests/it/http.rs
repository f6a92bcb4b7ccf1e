//! HTTP as a good citizen: patience, limits, codings, and where a server may not send us.

use std::io::Write;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime};

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};

use crate::harness::{Action, leftovers};
use crate::server::{Server, answer, json};

const ROWS: &str = "[{\"a\":1},{\"a\":2}]";

fn fetching(server: &Server, path: &str) -> Action {
    Action::building().input("source", server.url(path))
}

pub(crate) fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

/// Answers what is wrong first, and rows at last.
fn after(wrong: &'static [&'static [u8]]) -> Server {
    Server::start(move |_, number| {
        wrong
            .get(number - 1)
            .map_or_else(|| json(ROWS), |wrong| wrong.to_vec())
    })
}

#[test]
fn everything_that_may_pass_is_asked_again() {
    let server = after(&[
        b"HTTP/1.1 503 Busy\r\nContent-Type: text/html\r\nContent-Length: 13\r\n\r\n<html></html>",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[{\"a\":1}",
        b"",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n[{\"a\"\r\n",
        b"HTTP/1.1 425 Too Early\r\nContent-Length: 0\r\n\r\n",
    ]);
    let run = fetching(&server, "/").input("body", "{}").run().succeeded();
    assert_eq!(run.output("rows"), "2");
    assert_eq!(server.asked().len(), 6);
    assert!(server.asked().iter().all(|asked| asked.method == "POST"));
    for attempt in 1..=5 {
        let line = format!("attempt {attempt} to fetch the source failed");
        assert!(run.log.contains(&line), "{}", run.log);
    }
}

#[test]
fn what_cannot_pass_is_not_asked_again() {
    for status in [
        "400 Bad Request",
        "401 Unauthorized",
        "403 Forbidden",
        "404 Not Found",
        "501 Not Implemented",
    ] {
        let server = Server::start(move |_, _| answer(status, &[], "no"));
        fetching(&server, "/").run().failed("fetch", &[status]);
        assert_eq!(server.asked().len(), 1, "{status}");
    }
    let server = Server::start(|_, _| answer("503 Busy", &[], ""));
    fetching(&server, "/")
        .input("http", "retries=2")
        .run()
        .failed("fetch", &["after 3 attempts"]);
    assert_eq!(server.asked().len(), 3);
}

/// Sends `first` once and rows then, and returns how long the second request was in coming.
fn waited(first: impl Fn() -> Vec<u8> + Send + Sync + 'static) -> Duration {
    let times: Arc<Mutex<Vec<Instant>>> = Arc::default();
    let noted = Arc::clone(&times);
    let server = Server::start(move |_, number| {
        noted.lock().unwrap().push(Instant::now());
        if number == 1 { first() } else { json(ROWS) }
    });
    fetching(&server, "/").run().succeeded();
    let times = times.lock().unwrap();
    assert_eq!(times.len(), 2);
    times[1] - times[0]
}

/// Waits of some seconds are no minute, on whichever machine.
const SOME_SECONDS: std::ops::Range<f64> = 1.0..30.0;

#[test]
fn a_server_is_left_alone_as_long_as_it_asks() {
    let wait = waited(|| answer("429 Too Many Requests", &["Retry-After: 1"], ""));
    assert!(SOME_SECONDS.contains(&wait.as_secs_f64()), "{wait:?}");
    // Dates have whole seconds, so this one is two to three seconds away.
    let date = SystemTime::now() + Duration::from_secs(3);
    let text = httpdate::fmt_http_date(date);
    let date = httpdate::parse_http_date(&text).unwrap();
    let wait = waited(move || answer("503 Busy", &[&format!("Retry-After: {text}")], ""));
    assert!(SystemTime::now() >= date, "{wait:?}");
    assert!(wait.as_secs_f64() < SOME_SECONDS.end, "{wait:?}");
    let wait = waited(|| {
        answer(
            "403 Forbidden",
            &["X-RateLimit-Remaining: 0", "X-RateLimit-Reset: 1"],
            "",
        )
    });
    assert!(SOME_SECONDS.contains(&wait.as_secs_f64()), "{wait:?}");
}

#[test]
fn who_asks_for_too_much_patience_is_told_on() {
    let server =
        Server::start(|_, _| answer("429 Too Many Requests", &["Retry-After: 601"], "slow down"));
    let run = fetching(&server, "/").run();
    run.failed(
        "fetch",
        &[
            "answered 429",
            "come back in 601 s, at ",
            "`http: max-wait=`",
        ],
    );
    assert_eq!(server.asked().len(), 1);
    let server = Server::start(|_, _| answer("503 Busy", &["Retry-After: 2"], ""));
    fetching(&server, "/")
        .input("http", "max-wait=1")
        .run()
        .failed("fetch", &["come back in 2 s"]);
}

#[test]
fn a_rate_is_kept() {
    let server = Server::start(|_, _| json(ROWS));
    let began = Instant::now();
    let four = [
        server.url("/1"),
        server.url("/2"),
        server.url("/3"),
        server.url("/4"),
    ];
    Action::building()
        .input("source", four.join("\n"))
        .input("http", "rate=5/s")
        .run()
        .succeeded();
    assert!(
        began.elapsed() >= Duration::from_millis(600),
        "{:?}",
        began.elapsed()
    );
}

#[test]
fn a_silent_server_is_given_up() {
    let server = Server::start(|_, _| {
        loop {
            std::thread::park();
        }
    });
    fetching(&server, "/")
        .input("http", "timeout=1 retries=0")
        .run()
        .failed("fetch", &["no answer in time", "`http: timeout=`"]);
}

#[test]
fn compressed_answers_are_read() {
    let zlib = |data: &[u8]| {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    };
    let brotli = |data: &[u8]| {
        let mut packed = Vec::new();
        brotli::CompressorWriter::new(&mut packed, 4096, 5, 20)
            .write_all(data)
            .unwrap();
        packed
    };
    let rows = ROWS.as_bytes();
    let (first, second) = rows.split_at(7);
    let codings = [
        ("gzip", gzip(rows)),
        // Web servers glue members together.
        ("gzip", [gzip(first), gzip(second)].concat()),
        ("deflate", zlib(rows)),
        ("zstd", zstd::encode_all(rows, 3).unwrap()),
        ("br", brotli(rows)),
    ];
    for (coding, body) in codings {
        let whole = body.clone();
        let server = Server::start(move |asked, _| {
            assert!(asked.header("accept-encoding").unwrap().contains(coding));
            let header = format!("Content-Encoding: {coding}");
            answer(
                "200 OK",
                &["Content-Type: application/json", &header],
                &whole,
            )
        });
        let run = fetching(&server, "/").run().succeeded();
        assert_eq!(run.output("rows"), "2", "{coding}");

        // All bytes of HTTP are there, and the end of what they hold is not.
        let cut = body[..body.len() - 4].to_vec();
        let server = Server::start(move |_, _| {
            answer("200 OK", &[&format!("Content-Encoding: {coding}")], &cut)
        });
        fetching(&server, "/x.json")
            .input("http", "retries=1")
            .run()
            .failed("fetch", &["after 2 attempts", "compressed"]);
    }
}

#[test]
fn a_limit_counts_what_comes_out() {
    let bomb = gzip(&vec![b' '; 4 << 20]);
    assert!(bomb.len() < 20_000);
    let coded = bomb.clone();
    let server = Server::start(move |_, _| answer("200 OK", &["Content-Encoding: gzip"], &coded));
    let run = fetching(&server, "/").input("http", "max-body=1MiB").run();
    let run = run.failed("fetch", &["longer than 1048576 bytes", "`http: max-body=`"]);
    assert_eq!(leftovers(&run.machine.temp(), &[]), [""; 0]);
    assert_eq!(server.asked().len(), 1);

    let file = bomb.clone();
    let server =
        Server::start(move |_, _| answer("200 OK", &["Content-Type: application/gzip"], &file));
    fetching(&server, "/x.json.gz")
        .input("http", "max-body=1MiB")
        .run()
        .failed(
            "fetch",
            &["unpacks to more than 1.0 MB", "`http: max-body=`"],
        );
    Action::building()
        .file("x.json.gz", &bomb)
        .input("source", "x.json.gz")
        .input("http", "max-body=1MiB")
        .run()
        .failed("fetch", &["`x.json.gz` unpacks to more than 1.0 MB"]);

    let server = Server::start(|_, _| answer("200 OK", &[], vec![b' '; 3 << 20]));
    fetching(&server, "/")
        .input("http", "max-body=2MiB")
        .run()
        .failed("fetch", &["longer than 2097152 bytes"]);
}

#[test]
fn compressed_files_are_what_is_in_them() {
    let (one, two) = (
        gzip(b"id,zip\n1,01220\n"),
        zstd::encode_all(&b"{\"id\":2}\n{\"id\":3}\n"[..], 3).unwrap(),
    );
    let run = Action::building()
        .file("in/a.csv.gz", &one)
        .file("in/b.bin", &two)
        .input("source", "in/*")
        .input("sql", "SELECT id, zip, _source FROM input ORDER BY id")
        .run()
        .succeeded();
    assert!(
        run.rows()
            .ends_with("  1 | 01220 | in/a.csv.gz\n  2 | NULL | in/b.bin\n  3 | NULL | in/b.bin\n"),
        "{}",
        run.rows()
    );
    let server =
        Server::start(move |_, _| answer("200 OK", &["Content-Type: application/x-gzip"], &one));
    let run = fetching(&server, "/export/data.csv.gz?key=hidden")
        .run()
        .succeeded();
    assert_eq!(run.output("rows"), "1");
    assert!(!run.raw.contains("hidden"));

    let whole = gzip(&ROWS.repeat(50).into_bytes());
    Action::building()
        .file("x.json.gz", &whole[..whole.len() - 9])
        .input("source", "x.json.gz")
        .run()
        .failed("fetch", &["ends in the middle of its gzip data"]);
    Action::building()
        .file("x.json.gz", [&whole[..10], &[0xff; 20]].concat())
        .input("source", "x.json.gz")
        .run()
        .failed("fetch", &["is no valid gzip file"]);
}

fn redirecting_to(url: String) -> Server {
    Server::start(move |_, _| answer("302 Found", &[&format!("Location: {url}")], ""))
}

#[test]
fn headers_reach_no_other_origin_unless_it_is_allowed() {
    let other = Server::start(|_, _| json(ROWS));
    let server = redirecting_to(other.url("/rows?secret=1"));
    let keyed = || fetching(&server, "/").input("headers", "X-Api-Key: key-of-the-source");
    let allow = format!("`http: allow={}`", other.address());
    let run = keyed().run().failed("fetch", &["another origin", &allow]);
    assert!(!run.shown().contains("secret=1") && !run.shown().contains("key-of-the-source"));
    for (name, value) in [("auth", "basic user:password"), ("body", "{}")] {
        fetching(&server, "/")
            .input(name, value)
            .run()
            .failed("fetch", &[&allow]);
    }
    assert!(other.asked().is_empty());

    keyed()
        .input("http", format!("allow={}", other.address()))
        .run()
        .succeeded();
    assert_eq!(
        other.asked()[0].header("x-api-key"),
        Some("key-of-the-source")
    );
    // Nothing is carried that could leak, but another port of a private host is another service.
    fetching(&server, "/")
        .run()
        .failed("fetch", &["private network", &allow]);
    fetching(&server, "/")
        .input("http", format!("allow={}", other.address()))
        .run()
        .succeeded();
}

#[test]
fn what_is_named_for_one_source_is_not_open_to_another() {
    let inner = Server::start(|_, _| json(ROWS));
    let server = redirecting_to(inner.url("/admin"));
    let two = || {
        Action::building()
            .input(
                "source",
                format!("a: {}\nb: {}", server.url("/"), inner.url("/")),
            )
            .input("sql", "SELECT a.a FROM a, b")
    };
    let allow = format!("`http: allow={}`", inner.address());
    two().run().failed("fetch", &["private network", &allow]);
    assert!(inner.asked().is_empty());
    // Nor by a name, which is looked up.
    let named = format!("localhost.localdomain:{}", inner.address().port());
    if std::net::ToSocketAddrs::to_socket_addrs(&named).is_ok() {
        let server = redirecting_to(format!("http://{named}/admin"));
        let sources = format!("b: http://{named}/\na: {}", server.url("/"));
        Action::building()
            .input("source", sources)
            .input("sql", "SELECT a.a FROM a, b")
            .run()
            .failed(
                "fetch",
                &["inside a private network", &format!("allow={named}")],
            );
        assert_eq!(inner.asked().len(), 1);
    }
    // A redirect back to what is named for the source itself goes on.
    let own = Server::start(|asked, _| match asked.target.as_str() {
        "/" => answer("302 Found", &["Location: /rows"], ""),
        _ => json(ROWS),
    });
    fetching(&own, "/").run().succeeded();
}

#[test]
fn no_server_sends_us_to_metadata_or_in_circles() {
    for address in [
        "http://169.254.169.254/latest/meta-data/",
        "http://[fe80::1]/",
        "http://metadata.google.internal/",
    ] {
        let server = redirecting_to(address.into());
        fetching(&server, "/")
            .run()
            .failed("fetch", &["link-local or metadata address"]);
    }
    let server = redirecting_to("http://10.1.2.3/".into());
    fetching(&server, "/")
        .run()
        .failed("fetch", &["private network", "`http: allow=10.1.2.3`"]);
    // A name, and only its addresses tell.
    let server = redirecting_to("http://localhost.localdomain:1/".into());
    let named = std::net::ToSocketAddrs::to_socket_addrs("localhost.localdomain:1");
    if named.is_ok_and(|mut found| found.all(|address| address.ip().is_loopback())) {
        fetching(&server, "/")
            .run()
            .failed("fetch", &["a name of", "inside a private network"]);
    }
    let server = redirecting_to("/again".into());
    fetching(&server, "/")
        .run()
        .failed("fetch", &["more than 10 times"]);
    assert_eq!(server.asked().len(), 11);
}

#[test]
fn the_http_input_is_checked() {
    let wrong = |text: &str| {
        Action::building()
            .input("source", "https://example.com/")
            .input("http", text)
            .run()
    };
    wrong("timout=3").failed(
        "inputs",
        &["input `http`: there is no option `timout`; did you mean `timeout`?"],
    );
    wrong("timeout=0 retries=many rate=fast allow=https://x max-body=1 max-wait=1d x").failed(
        "inputs",
        &[
            "`timeout`: `0` is not between 1",
            "`retries`: `many`",
            "`rate`: `fast`",
            "`allow`: `https://x` is no host",
            "`max-body`: `1` is not between",
            "`max-wait`",
            "`x` is no option",
        ],
    );
}

#[test]
fn an_error_page_is_cut_and_without_secrets() {
    let secret = "s3cret-".repeat(8);
    let page = format!("{} {secret} {}", "x".repeat(170), "y ".repeat(1 << 20));
    let server = Server::start(move |_, _| answer("400 Bad Request", &[], &page));
    let run = fetching(&server, "/")
        .input("headers", format!("X-Api-Key: Key {secret}"))
        .run()
        .failed("fetch", &["answered 400", "***", "…"]);
    let shown = run.shown();
    assert!(!shown.contains("s3cret"), "{shown}");
    assert!(!run.raw.contains(&"y ".repeat(60)));
}

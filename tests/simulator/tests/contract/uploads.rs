//! Upload sessions: form, order, limits, and what becomes of repeated appends.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use tableau_simulator::Simulator;

use crate::client::{datasource, extract, launch, multipart, project, receive, send, sign_in};

#[test]
fn a_session_collects_the_chunks_in_order() {
    let simulator = Simulator::start();
    let api = sign_in(&simulator);
    let answer = api.call("POST", "fileUploads", "");
    assert_eq!(
        (answer.status, answer.attribute("fileSize")),
        (201, "0".to_owned())
    );
    let id = answer.attribute("uploadSessionId");
    let (left, right) = id.split_once('-').unwrap();
    assert!(left.starts_with("7720:") && right.ends_with(":0"), "{id}");
    assert_eq!(api.append(&id, &extract("-one")).unwrap().status, 200);
    let megabytes = vec![b'x'; 3 * 1024 * 1024 / 2];
    assert_eq!(
        api.append(&id, &megabytes).unwrap().attribute("fileSize"),
        "1"
    );
    let encoded = id.replace(':', "%3A");
    assert_eq!(
        api.append(&encoded, &megabytes)
            .unwrap()
            .attribute("fileSize"),
        "3"
    );
    simulator.site(|site| site.settings.append_status = 201);
    assert_eq!(api.append(&id, b"end").unwrap().status, 201);
    let sales = project(&simulator, &["Sales"]);
    assert_eq!(
        api.commit(&encoded, "", &datasource("Big", &sales)).status,
        201
    );
    let expected = [&extract("-one")[..], &megabytes, &megabytes, b"end"].concat();
    simulator.site(|site| {
        assert!(fs::read(&site.datasource("Big").unwrap().parts[0]).unwrap() == expected);
    });
    assert!(simulator.site(|site| site.uploads.is_empty()));
}

#[test]
fn appends_are_checked() {
    let simulator = launch(|setup| setup.settings.chunk_limit = 1024 * 1024);
    let api = sign_in(&simulator);
    let id = api.initiate();
    let path = format!("fileUploads/{id}");
    let put = |parts: &[(&str, &str, &[u8])]| api.try_send("PUT", &path, parts).unwrap();
    let large = vec![0; 1024 * 1024 + 1];
    for (parts, code) in [
        (
            &[
                ("request_payload", "", &b"<tsRequest/>"[..]),
                ("tableau_file", "file", b"x"),
            ][..],
            400_019,
        ),
        (&[("tableau_file", "file", b"x")], 400_019),
        (&[("request_payload", "", b"")], 400_020),
        (
            &[("request_payload", "", b""), ("tableau_file", "file", b"")],
            400_020,
        ),
        (
            &[("request_payload", "", b""), ("other", "file", b"x")],
            400_000,
        ),
        (
            &[
                ("request_payload", "", b""),
                ("tableau_file", "file", &large),
            ],
            400_016,
        ),
    ] {
        assert_eq!(put(parts).code(), code);
    }
    let limit = put(&[
        ("request_payload", "", b""),
        ("tableau_file", "file", &large),
    ]);
    assert!(limit.body.contains("1 MB"), "{}", limit.body);
    assert_eq!(api.append("7720:0-1:0", b"x").unwrap().code(), 404_015);
    assert_eq!(simulator.site(|site| site.uploads[0].bytes()), 0);
    assert_eq!(
        api.call("POST", "fileUploads", "<tsRequest/>").code(),
        400_000
    );
}

#[test]
fn bodies_must_be_multipart_with_a_length() {
    let simulator = Simulator::start();
    let api = sign_in(&simulator);
    let id = api.initiate();
    let path = format!("/api/3.29/sites/{}/fileUploads/{id}", api.site);
    let token = ("X-Tableau-Auth", api.token.as_str());
    let body = multipart(&[("request_payload", "", b""), ("tableau_file", "file", b"x")]);
    let put = |headers: &[(&str, &str)], body: &[u8]| {
        let answer = send(&api.url, "PUT", &path, &[&[token], headers].concat(), body).unwrap();
        (answer.status, answer.code())
    };
    let kind = "Content-Type";
    let good = (kind, "multipart/mixed; boundary=b0undary");
    assert_eq!(
        put(&[(kind, "multipart/form-data; boundary=b0undary")], &body),
        (400, 400_019)
    );
    assert_eq!(
        put(&[(kind, "application/octet-stream")], &body),
        (400, 400_019)
    );
    assert_eq!(
        put(&[good, ("Transfer-Encoding", "chunked")], &body),
        (400, 400_000)
    );
    assert_eq!(
        put(&[(kind, "multipart/mixed; boundary=\"b0undary\"")], &body),
        (500, 0)
    );
    assert_eq!(
        put(&[(kind, "multipart/mixed; boundary=other")], &body),
        (500, 0)
    );
    assert_eq!(put(&[good], &body[..body.len() - 6]), (500, 0));
    assert_eq!(
        put(
            &[good],
            String::from_utf8_lossy(&body)
                .replace("\r\n", "\n")
                .as_bytes()
        ),
        (500, 0)
    );
    assert_eq!(put(&[good], &body), (200, 0));
    assert_eq!(simulator.site(|site| site.uploads[0].bytes()), 1);
}

#[test]
fn overlapping_appends_both_fail() {
    let simulator = Simulator::start();
    let api = sign_in(&simulator);
    let id = api.initiate();
    let body = multipart(&[
        ("request_payload", "", b""),
        ("tableau_file", "file", b"slow"),
    ]);
    let mut slow = TcpStream::connect(api.url.trim_start_matches("http://")).unwrap();
    // The answer to `Expect` proves that the server is reading this body.
    let head = format!(
        "PUT /api/3.29/sites/{}/fileUploads/{id} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nExpect: 100-continue\r\nX-Tableau-Auth: {}\r\nContent-Type: multipart/mixed; boundary=b0undary\r\nContent-Length: {}\r\n\r\n",
        api.site,
        api.token,
        body.len()
    );
    slow.write_all(head.as_bytes()).unwrap();
    let mut interim = [0; 25];
    slow.read_exact(&mut interim).unwrap();
    assert!(interim.starts_with(b"HTTP/1.1 100"));
    let fast = api.append(&id, b"fast").unwrap();
    assert_eq!((fast.status, fast.code()), (500, 0));
    assert!(fast.head.contains("text/html"));
    slow.write_all(&body).unwrap();
    assert_eq!(receive(slow).unwrap().status, 500);
    // One after the other works.
    assert_eq!(api.append(&id, b"a").unwrap().status, 200);
    assert_eq!(simulator.site(|site| site.uploads[0].bytes()), 1);
}

#[test]
fn a_repeated_append_after_a_lost_answer_doubles_the_bytes() {
    let simulator = Simulator::with(["append-to-file-upload#1=lose-response"]);
    let api = sign_in(&simulator);
    let id = api.initiate();
    assert!(api.append(&id, &extract("abc")).is_err());
    assert_eq!(api.append(&id, &extract("abc")).unwrap().status, 200);
    let sales = project(&simulator, &["Sales"]);
    assert_eq!(
        api.commit(&id, "overwrite=true", &datasource("Doubled", &sales))
            .status,
        201
    );
    simulator.site(|site| {
        let stored = fs::read(&site.datasource("Doubled").unwrap().parts[0]).unwrap();
        assert_eq!(stored, b"HyPerabcHyPerabc");
    });
    assert_eq!(
        simulator.calls(),
        [
            "sign-in",
            "initiate-file-upload",
            "append-to-file-upload!",
            "append-to-file-upload",
            "publish-data-source"
        ]
    );
}

#[test]
fn an_interrupted_append_leaves_nothing() {
    let simulator = Simulator::start();
    let api = sign_in(&simulator);
    let id = api.initiate();
    let mut stream = TcpStream::connect(api.url.trim_start_matches("http://")).unwrap();
    let head = format!(
        "PUT /api/3.29/sites/{}/fileUploads/{id} HTTP/1.1\r\nHost: x\r\nX-Tableau-Auth: {}\r\nContent-Type: multipart/mixed; boundary=b0undary\r\nContent-Length: 1000\r\n\r\n",
        api.site, api.token
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream
        .write_all(
            &multipart(&[
                ("request_payload", "", b""),
                ("tableau_file", "file", b"half"),
            ])[..150],
        )
        .unwrap();
    drop(stream);
    // It is noticed when the simulator gets to it.
    for _ in 0..6_000 {
        let answer = api.append(&id, b"whole").unwrap();
        if answer.status == 200 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert_eq!(simulator.site(|site| site.uploads[0].bytes()), 5);
}

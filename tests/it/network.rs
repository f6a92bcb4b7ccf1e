//! Certificates of a CA of one's own, and proxies.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
};
use tableau_simulator::Simulator;
use tokio_rustls::rustls::{ServerConfig, ServerConnection, Stream};

use crate::harness::Action;
use crate::server::{Server, answer, json};

const ROWS: &str = "[{\"a\":1}]";

/// A certificate authority nobody knows.
pub(crate) struct Authority {
    pub(crate) pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Authority {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        Authority { pem, issuer }
    }

    /// Speaks TLS as one of these hosts and passes what comes in on to a server that does not.
    pub(crate) fn front(&self, to: SocketAddr, hosts: &[&str]) -> SocketAddr {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        let certificate = CertificateParams::new(names)
            .unwrap()
            .signed_by(&key, &self.issuer)
            .unwrap();
        let provider = tokio_rustls::rustls::crypto::ring::default_provider();
        let config = ServerConfig::builder_with_provider(Arc::new(provider))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key.into())
            .unwrap();
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let config = Arc::clone(&config);
                std::thread::spawn(move || relay(stream.unwrap(), to, config));
            }
        });
        address
    }
}

/// One request, one answer: the head ends with a blank line, and `Connection: close` is added.
fn relay(mut outside: TcpStream, to: SocketAddr, config: Arc<ServerConfig>) {
    let mut tls = ServerConnection::new(config).unwrap();
    let mut stream = Stream::new(&mut tls, &mut outside);
    let mut request = Vec::new();
    let mut block = vec![0; 64 << 10];
    let end = loop {
        match stream.read(&mut block) {
            // Whoever does not trust us hangs up here.
            Ok(0) | Err(_) => return,
            Ok(n_read) => request.extend_from_slice(&block[..n_read]),
        }
        if let Some(end) = request.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break end;
        }
    };
    let head = String::from_utf8(request[..end].to_vec()).unwrap();
    let length = head.lines().find_map(|line| {
        line.to_ascii_lowercase()
            .strip_prefix("content-length:")?
            .trim()
            .parse()
            .ok()
    });
    let whole = end + 4 + length.unwrap_or(0usize);
    while request.len() < whole {
        match stream.read(&mut block) {
            Ok(0) | Err(_) => return,
            Ok(n_read) => request.extend_from_slice(&block[..n_read]),
        }
    }
    let mut inside = TcpStream::connect(to).unwrap();
    inside.write_all(head.as_bytes()).unwrap();
    inside.write_all(b"\r\nConnection: close").unwrap();
    inside.write_all(&request[end..]).unwrap();
    let mut answered = Vec::new();
    inside.read_to_end(&mut answered).unwrap();
    let _ = stream.write_all(&answered);
    tls.send_close_notify();
    let _ = tls.complete_io(&mut outside);
}

/// A proxy that opens tunnels to one address, whatever it is asked for, and tells what it was asked.
fn tunnel(to: SocketAddr) -> (SocketAddr, std::sync::mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut outside = stream.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                outside.read_exact(&mut byte).unwrap();
                head.push(byte[0]);
            }
            tell.send(String::from_utf8(head).unwrap()).unwrap();
            outside
                .write_all(b"HTTP/1.1 200 Connected\r\n\r\n")
                .unwrap();
            let mut inside = TcpStream::connect(to).unwrap();
            let (mut back, mut front) = (inside.try_clone().unwrap(), outside.try_clone().unwrap());
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut back, &mut front);
                let _ = front.shutdown(Shutdown::Write);
            });
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut outside, &mut inside);
                let _ = inside.shutdown(Shutdown::Write);
            });
        }
    });
    (address, told)
}

fn address_of(url: &str) -> SocketAddr {
    url.trim_start_matches("http://")
        .trim_end_matches('/')
        .parse()
        .unwrap()
}

#[test]
fn a_ca_of_ones_own_is_trusted_when_it_is_named() {
    let (ours, other) = (Authority::new("Ours"), Authority::new("Other"));
    let server = Server::start(|_, _| json(ROWS));
    let front = ours.front(server.address(), &["127.0.0.1"]);
    let fetching = || Action::building().input("source", format!("https://{front}/"));
    fetching().run().failed(
        "fetch",
        &[
            "certificate is not trusted: UnknownIssuer",
            "set `ca-certificate`",
        ],
    );
    fetching()
        .input("ca-certificate", &other.pem)
        .run()
        .failed("fetch", &["certificate is not trusted"]);
    assert!(server.asked().is_empty());

    let bundle = format!("# both\n{}\nOurs:\n{}", other.pem, ours.pem);
    fetching()
        .input("ca-certificate", &bundle)
        .run()
        .succeeded();
    fetching()
        .file("ci/ca.pem", &bundle)
        .input("ca-certificate", "ci/ca.pem")
        .run()
        .succeeded();
    assert_eq!(server.asked().len(), 2);
    let wrong_name = ours.front(server.address(), &["data.example"]);
    Action::building()
        .input("source", format!("https://{wrong_name}/"))
        .input("ca-certificate", &bundle)
        .run()
        .failed(
            "fetch",
            &[
                "certificate is not trusted: certificate not valid for name",
                "check the address",
            ],
        );
}

#[test]
fn tableau_is_trusted_by_the_same_ca() {
    let site = Simulator::start();
    let ours = Authority::new("Ours");
    let front = ours.front(address_of(&site.url()), &["127.0.0.1"]);
    let publishing = || {
        Action::publishing_to(&site)
            .input("server-url", format!("https://{front}"))
            .file("x.csv", "a\n1\n")
            .input("source", "x.csv")
    };
    publishing().run().failed(
        "publish",
        &["certificate is not trusted", "set `ca-certificate`"],
    );
    let run = publishing()
        .input("ca-certificate", &ours.pem)
        .run()
        .succeeded();
    assert_eq!(run.output("published"), "true");
    assert!(site.site(|site| site.datasource("Orders").is_some()));
}

#[test]
fn a_wrong_ca_certificate_is_told() {
    let ours = Authority::new("Ours");
    let with = |text: &str| {
        Action::building()
            .file("x.csv", "a\n1\n")
            .input("source", "x.csv")
            .input("ca-certificate", text)
    };
    let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----";
    with(key)
        .run()
        .failed("inputs", &["input `ca-certificate`", "holds a private key"]);
    let torn: String = ours.pem.lines().take(3).collect::<Vec<_>>().join("\n");
    with(&torn).run().failed("inputs", &["END line is missing"]);
    with(&ours.pem.replace("MII", "!!!"))
        .run()
        .failed("inputs", &["is not base64"]);
    with("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----")
        .run()
        .failed("inputs", &["certificate 1", "holds no certificate"]);
    with("two\nlines")
        .run()
        .failed("inputs", &["it is not PEM text"]);
    with("../ca.pem")
        .run()
        .failed("inputs", &["leads out of the workspace"]);
    // Without its line breaks it is still the same certificate.
    with(&ours.pem.replace('\n', " ")).run().succeeded();
    with("no/such.pem").run().failed(
        "fetch",
        &[
            "cannot read the `ca-certificate` file `no/such.pem`",
            "actions/checkout",
        ],
    );
    with("ca.der")
        .file("ca.der", [0x30, 0x82, 0xff])
        .run()
        .failed("fetch", &["not PEM text but binary", "openssl x509"]);
}

#[test]
fn requests_go_through_the_proxy_of_the_environment() {
    let proxy = Server::start(|asked, _| match asked.header("proxy-authorization") {
        Some("Basic Ym90OnBAc3N3b3Jk") => json(ROWS),
        _ => answer("407 Proxy Authentication Required", &[], "who are you?"),
    });
    let address = proxy.address();
    let fetching = || Action::building().input("source", "http://data.test/rows?key=hidden");
    for name in ["HTTP_PROXY", "http_proxy"] {
        let run = fetching()
            .variable(name, format!("http://bot:p%40ssword@{address}"))
            .run()
            .succeeded();
        assert!(!run.log.contains("p%40ssword") && !run.log.contains("hidden"));
        assert!(
            run.masked.contains(&"p@ssword".to_owned()),
            "{:?}",
            run.masked
        );
    }
    let asked = proxy.asked();
    assert_eq!(asked[1].target, "http://data.test/rows?key=hidden");
    let run = fetching()
        .variable("HTTP_PROXY", format!("http://bot:wrong-word@{address}"))
        .run();
    let run = run.failed("fetch", &["407 Proxy Authentication Required"]);
    assert!(
        !run.annotations.join("").contains("wrong-word") && !run.summary.contains("wrong-word")
    );
    assert_eq!(proxy.asked().len(), 3);

    // Whom NO_PROXY names is asked directly.
    let server = Server::start(|_, _| json(ROWS));
    Action::building()
        .input("source", server.url("/"))
        .variable("HTTP_PROXY", format!("http://{address}"))
        .variable("NO_PROXY", "example.com,127.0.0.1")
        .run()
        .succeeded();
    assert_eq!((proxy.asked().len(), server.asked().len()), (3, 1));
    // In a CGI script HTTP_PROXY would be a header of the visitor.
    Action::building()
        .input("source", server.url("/"))
        .variable("HTTP_PROXY", format!("http://{address}"))
        .variable("REQUEST_METHOD", "GET")
        .run()
        .succeeded();
    assert_eq!((proxy.asked().len(), server.asked().len()), (3, 2));
}

#[test]
fn https_goes_through_a_tunnel() {
    let ours = Authority::new("Ours");
    let server = Server::start(|_, _| json(ROWS));
    let front = ours.front(server.address(), &["data.test"]);
    let (proxy, told) = tunnel(front);
    let run = Action::building()
        .input("source", "https://data.test/rows")
        .input("auth", "bearer abcdefgh")
        .input("ca-certificate", &ours.pem)
        .variable("https_proxy", format!("http://bot:password@{proxy}"))
        .run()
        .succeeded();
    assert_eq!(run.output("rows"), "1");
    let asked = told.try_recv().unwrap();
    assert!(asked.starts_with("CONNECT data.test:443 "), "{asked}");
    // What the source is told is not for the proxy.
    assert!(!asked.contains("abcdefgh"), "{asked}");
    assert_eq!(
        server.asked()[0].header("authorization"),
        Some("Bearer abcdefgh")
    );
    assert_eq!(server.asked()[0].header("proxy-authorization"), None);
}

/// Somebody who reads along: what is asked there travels without encryption.
fn eavesdropper() -> Server {
    Server::start(|_, _| json(ROWS))
}

#[test]
fn a_source_never_leads_from_https_to_http() {
    let ours = Authority::new("Ours");
    let open = eavesdropper();
    let port = open.address().port();
    for (name, leads_on) in [("redirects", false), ("links to its next page", true)] {
        let to = open.url("/rows?page=2");
        let server = Server::start(move |_, _| {
            if leads_on {
                let link = format!("Link: <{to}>; rel=\"next\"");
                answer("200 OK", &["Content-Type: application/json", &link], ROWS)
            } else {
                answer("302 Found", &[&format!("Location: {to}")], "")
            }
        });
        let front = ours.front(server.address(), &["127.0.0.1"]);
        let fetching = || {
            Action::building()
                .input("source", format!("https://{front}/"))
                .input("ca-certificate", &ours.pem)
        };
        // With nothing to lose, with a secret, and with a host that is allowed.
        for action in [
            fetching(),
            fetching().input("auth", "bearer abcdefgh"),
            fetching()
                .input("auth", "bearer abcdefgh")
                .input("http", format!("allow=127.0.0.1:{port}")),
        ] {
            let run = action
                .run()
                .failed("fetch", &["from https to http, without encryption"]);
            if !leads_on {
                assert!(run.annotations[0].contains("stays with https"));
            }
            assert!(!run.annotations.join("").contains("abcdefgh"));
        }
        assert_eq!(server.asked().len(), 3, "{name}");
    }
    assert!(open.asked().is_empty(), "{:?}", open.asked());
}

#[test]
fn tableau_never_leads_from_https_to_http() {
    let ours = Authority::new("Ours");
    let open = eavesdropper();
    // The first call carries nothing, the second one the secret of the token.
    for n_answered in [0, 1] {
        let to = open.url("/");
        let server = Server::start(move |asked, number| {
            let location = format!("Location: {}{}", to.trim_end_matches('/'), asked.target);
            if number > n_answered {
                return answer("307 Temporary Redirect", &[&location], "");
            }
            let info = "<tsResponse><serverInfo><productVersion>2026.2.0</productVersion>\
                        <restApiVersion>3.29</restApiVersion></serverInfo></tsResponse>";
            answer("200 OK", &["Content-Type: application/xml"], info)
        });
        let front = ours.front(server.address(), &["127.0.0.1"]);
        let run = Action::publishing_to(&Simulator::start())
            .input("server-url", format!("https://{front}"))
            .input("ca-certificate", &ours.pem)
            .file("x.csv", "a\n1\n")
            .input("source", "x.csv")
            .run()
            .failed(
                "publish",
                &["from https to http, without encryption", "stays with https"],
            );
        assert_eq!(run.output("published"), "false");
        assert_eq!(server.asked().len(), n_answered + 1);
    }
    assert!(open.asked().is_empty(), "{:?}", open.asked());
}

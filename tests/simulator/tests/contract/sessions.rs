//! Versions, routes, sign-in, sessions, and the order of the checks.

use tableau_simulator::{Simulator, TOKEN_NAME, TOKEN_SECRET, UploadLife};

use crate::client::{credentials, extract, launch, send, sign_in};

#[test]
fn server_info_needs_no_session_and_any_older_version() {
    let simulator = launch(|setup| setup.settings.rest_api_version = "3.10".to_owned());
    for (path, status, code) in [
        ("/api/2.4/serverInfo", 200, 0),
        ("/api/3.9/serverinfo", 200, 0),
        ("/api/3.10/serverInfo/", 200, 0),
        ("/api/3.11/serverInfo", 404, 404_001),
        ("/api/exp/serverInfo", 404, 404_001),
        ("/api/3.10/nothing", 404, 404_003),
        ("//api/3.10/serverInfo", 404, 0),
        ("/", 404, 0),
    ] {
        let answer = send(&simulator.url(), "GET", path, &[], b"").unwrap();
        assert_eq!(
            (answer.status, answer.code()),
            (status, code),
            "{path}: {}",
            answer.body
        );
    }
    let answer = send(&simulator.url(), "GET", "/api/2.4/serverInfo", &[], b"").unwrap();
    assert!(
        answer
            .body
            .contains("<restApiVersion>3.10</restApiVersion>")
    );
    let answer = send(&simulator.url(), "POST", "/api/2.4/serverInfo", &[], b"").unwrap();
    assert_eq!(answer.code(), 405_000);
    assert!(
        answer
            .body
            .contains("The HTTP method &apos;POST&apos; is not supported for the given resource")
    );
}

#[test]
fn only_the_right_token_signs_in() {
    let simulator = Simulator::start();
    let password = "<tsRequest><credentials name='u' password='p'><site contentUrl='acme'/></credentials></tsRequest>";
    let jwt = "<tsRequest><credentials jwt='e' isUat='false'><site contentUrl='acme'/></credentials></tsRequest>";
    let both = "<tsRequest><credentials name='u' password='p' personalAccessTokenName='a' personalAccessTokenSecret='b'><site contentUrl='acme'/></credentials></tsRequest>";
    let no_url = "<tsRequest><credentials personalAccessTokenName='a' personalAccessTokenSecret='b'><site/></credentials></tsRequest>";
    let impersonating = credentials(TOKEN_NAME, TOKEN_SECRET, "acme")
        .replace("</credentials>", "<user id='x'/></credentials>");
    for (document, code) in [
        (credentials(TOKEN_NAME, TOKEN_SECRET, "acme"), 0),
        (credentials(TOKEN_NAME, "wrong", "acme"), 401_001),
        (credentials("wrong", TOKEN_SECRET, "acme"), 401_001),
        (credentials(TOKEN_NAME, TOKEN_SECRET, "other"), 401_001),
        (credentials(TOKEN_NAME, TOKEN_SECRET, ""), 401_001),
        (password.to_owned(), 401_001),
        (jwt.to_owned(), 401_001),
        (both.to_owned(), 400_000),
        (no_url.to_owned(), 400_000),
        (impersonating, 404_002),
        (String::new(), 400_000),
        ("{\"credentials\":{}}".to_owned(), 400_000),
    ] {
        let answer = send(
            &simulator.url(),
            "POST",
            "/api/3.29/auth/signin",
            &[],
            document.as_bytes(),
        )
        .unwrap();
        assert_eq!(answer.code(), code, "{document}: {}", answer.body);
    }
    let wrong = credentials(TOKEN_NAME, "wrong", "acme");
    let answer = send(
        &simulator.url(),
        "POST",
        "/api/3.29/auth/signin",
        &[],
        wrong.as_bytes(),
    )
    .unwrap();
    assert!(answer.body.contains(
        "<summary>Signin Error</summary><detail>Error signing in to Tableau Server</detail>"
    ));
    let log = simulator.site(|site| format!("{:?}", site.requests));
    assert!(log.contains("personalAccessTokenSecret=\\\"***\\\"") && !log.contains(TOKEN_SECRET));
}

#[test]
fn the_checks_have_their_order() {
    let simulator = Simulator::start();
    let api = sign_in(&simulator);
    let site = &api.site;
    let token = ("X-Tableau-Auth", api.token.as_str());
    for (method, path, headers, code) in [
        (
            "GET",
            "/api/9.9/sites/x/nothing".to_owned(),
            &[][..],
            404_001,
        ),
        ("GET", "/api/3.29/sites/x/nothing".to_owned(), &[], 404_003),
        (
            "DELETE",
            "/api/3.29/sites/x/projects".to_owned(),
            &[],
            405_000,
        ),
        ("GET", "/api/3.29/sites/x/projects".to_owned(), &[], 401_000),
        (
            "GET",
            "/api/3.29/sites/x/projects".to_owned(),
            &[("X-Tableau-Auth", "old")],
            401_002,
        ),
        (
            "GET",
            "/api/3.29/sites/x/projects?pageSize=0".to_owned(),
            &[token],
            404_000,
        ),
        (
            "GET",
            format!("/api/3.29/sites/{site}/projects?pageSize=0"),
            &[token],
            400_007,
        ),
        (
            "GET",
            format!("/api/3.29/sites/{site}/projects"),
            &[("x-tableau-auth", token.1)],
            0,
        ),
    ] {
        let answer = send(&simulator.url(), method, &path, headers, b"").unwrap();
        assert_eq!(answer.code(), code, "{path}: {}", answer.body);
    }
}

#[test]
fn a_second_sign_in_displaces_the_first() {
    let simulator = Simulator::start();
    simulator.site(|site| site.add_token("other", "s"));
    let first = sign_in(&simulator);
    let answer = send(
        &simulator.url(),
        "POST",
        "/api/3.29/auth/signin",
        &[],
        credentials("other", "s", "acme").as_bytes(),
    )
    .unwrap();
    assert_eq!((answer.status, first.get("projects").code()), (200, 0));
    let second = sign_in(&simulator);
    assert_eq!(first.get("projects").code(), 401_002);
    assert!(
        first
            .get("projects")
            .body
            .contains("Invalid authentication credentials were provided.")
    );
    assert_eq!(second.get("projects").code(), 0);
}

#[test]
fn sign_out_ends_the_session() {
    let simulator = Simulator::start();
    let api = sign_in(&simulator);
    let headers = [("X-Tableau-Auth", api.token.as_str())];
    let current = send(&api.url, "GET", "/api/3.29/sessions/current", &headers, b"").unwrap();
    assert_eq!(
        (current.status, current.attribute("siteRole")),
        (200, "Creator".to_owned())
    );
    let out = send(&api.url, "POST", "/api/3.29/auth/signout", &headers, b"").unwrap();
    assert_eq!((out.status, out.body.as_str()), (204, ""));
    assert_eq!(
        send(&api.url, "POST", "/api/3.29/auth/signout", &headers, b"")
            .unwrap()
            .code(),
        401_002
    );
}

#[test]
fn tokens_last_as_long_as_set() {
    for (life, code) in [
        (UploadLife::OutlivesToken, 0),
        (UploadLife::DiesWithToken, 404_015),
    ] {
        let simulator = launch(|setup| {
            setup.settings.token_lifetime = Some(2);
            setup.settings.uploads = life;
        });
        let first = sign_in(&simulator);
        let id = first.initiate();
        assert_eq!(first.append(&id, &extract("a")).unwrap().code(), 0);
        assert_eq!(first.append(&id, b"b").unwrap().code(), 401_002);
        let second = sign_in(&simulator);
        assert_eq!(second.append(&id, b"b").unwrap().code(), code);
    }
}

#[test]
fn ending_the_sessions_is_noticed() {
    let simulator = Simulator::start();
    let api = sign_in(&simulator);
    simulator.site(tableau_simulator::Site::end_sessions);
    assert_eq!(api.get("projects").code(), 401_002);
}

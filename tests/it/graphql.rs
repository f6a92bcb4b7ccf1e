//! GraphQL: variables, pages by a variable, and errors in answers of status 200.

use tableau_simulator::{Page, Simulator};

use crate::paging::{all_arrived, fetch, records, refused};
use crate::recipes::recipe;

#[test]
fn graphql_pages_by_its_variables() {
    let site = Simulator::start();
    site.serve_with("/graphql", |request| {
        let body = String::from_utf8(request.body.clone()).unwrap();
        assert!(
            body.contains(r#""query":"query($after: String, "#),
            "{body}"
        );
        let (issue, has_next) = match body.split(r#""variables":"#).nth(1).unwrap() {
            r#"{"owner":"tableau","name":"hyper-api-rust"}}"# => (1, true),
            r#"{"owner":"tableau","name":"hyper-api-rust","after":"Y3Vyc29y"}}"# => (2, false),
            other => panic!("{other}"),
        };
        let node = format!(
            r#"{{"number":{issue},"title":"t","createdAt":"2026-01-02T03:04:05Z","author":{{"login":"ada"}}}}"#
        );
        let info = format!(r#"{{"hasNextPage":{has_next},"endCursor":"Y3Vyc29y"}}"#);
        Page::json(format!(
            r#"{{"data":{{"repository":{{"issues":{{"nodes":[{node}],"pageInfo":{info}}}}}}}}}"#
        ))
    });
    let run = recipe("graphql", site.origin_url("/graphql"))
        .run()
        .succeeded();
    let rows = run.rows();
    assert!(
        rows.ends_with(
            "  1 | t | 2026-01-02 03:04:05 | ada\n  2 | t | 2026-01-02 03:04:05 | ada\n"
        ),
        "{rows}"
    );
    for request in site.origin_requests() {
        assert_eq!(
            (request.method.as_str(), request.query.as_str()),
            ("POST", "")
        );
        assert_eq!(request.header("content-type"), Some("application/json"));
        assert_eq!(request.header("authorization"), Some("Bearer tok-12345"));
    }
}

#[test]
fn variables_are_sent_with_their_declared_types() {
    let site = Simulator::start();
    site.serve_with("/graphql", |request| {
        let offset = match String::from_utf8_lossy(&request.body)
            .split(r#""variables":"#)
            .nth(1)
            .unwrap()
        {
            r#"{"id":"12","deep":true,"states":["OPEN"],"n":2,"from":0}}"# => 0,
            r#"{"id":"12","deep":true,"states":["OPEN"],"n":2,"from":2}}"# => 2,
            r#"{"id":"12","deep":true,"states":["OPEN"],"n":2,"from":3}}"# => 3,
            other => panic!("{other}"),
        };
        let ids = records(offset + 1..=(offset + 2).min(3));
        Page::json(format!(r#"{{"data":{{"nodes":{ids}}}}}"#))
    });
    let query =
        "query($from: Int, $n: Int!, $id: ID!, $deep: Boolean, $states: [State!]) { nodes { id } }";
    let run = fetch(&site, "/graphql", "offset from=0 size=n:2")
        .input("query", query)
        .input("params", "id: 12\ndeep: true\nstates: [\"OPEN\"]")
        .input("records", "/data/nodes")
        .run();
    all_arrived(run, 3);
}

#[test]
fn graphql_errors_are_failures_of_status_200() {
    let site = Simulator::start();
    let long = "x".repeat(500);
    let errors = format!(
        "\"errors\":[{{\"message\":\"Field `nodez` is unknown to tok-12345 {long}\",\"path\":[]}}]"
    );
    site.serve_with("/first", {
        let errors = errors.clone();
        move |_| Page::json(format!("{{\"data\":null,{errors}}}"))
    });
    site.serve_with("/second", move |request| {
        let is_first = !String::from_utf8_lossy(&request.body).contains("\"after\":\"a\"");
        let errors = if is_first {
            "\"errors\":[]"
        } else {
            errors.as_str()
        };
        Page::json(format!(
            "{{\"data\":{{\"nodes\":[{{\"id\":1}}],\"next\":\"a\"}},{errors}}}"
        ))
    });
    let ask = |path: &str, paginate: &str| {
        fetch(&site, path, paginate)
            .input(
                "query",
                "query($after: String) { nodes(after: $after) { id } }",
            )
            .input("records", "/data/nodes")
            .input("auth", "bearer tok-12345")
            .run()
    };
    for paginate in ["none", "auto", "cursor after /data/next"] {
        let run = refused(
            ask("/first", paginate),
            &[
                "answered with a GraphQL error: Field `nodez` is unknown to *** xxx",
                "`query`",
            ],
        );
        assert!(!run.raw.contains(&long), "the message is not cut");
    }
    let words = ["failed to get page 2", "Field `nodez` is unknown"];
    refused(ask("/second", "cursor after /data/next"), &words);
}

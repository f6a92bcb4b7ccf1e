//! Inputs: all problems at once, before anything is touched, with the fix in the message.

use expect_test::expect;
use tableau_simulator::{Simulator, TOKEN_SECRET};

use crate::harness::Action;

#[test]
fn everything_wrong_is_told_at_once() {
    let site = Simulator::start();
    let run = Action::publishing_to(&site)
        .input("server-url", "ftp://tableau.example.com")
        .input("site", "00000000-0000-4000-8000-000000000001")
        .input("mode", "replace")
        .input("wait", "60")
        .input("datasource", "Parameters")
        .input("min-rows", "many")
        .input("format", "jsn")
        .input("columns", "a: bigintt\nb: decimal")
        .input("sql", "DELETE FROM input")
        .run();
    assert_eq!(run.code, Some(2), "{}", run.raw);
    run.check(&expect![[r"
        exit 2
        error title=input server-url::input `server-url`: it is no web address: write `https://` and the host, as in the browser
        error title=input site::input `site`: that is the site's LUID; give its content URL, the part after /site/ in the browser's address
        error title=input datasource::input `datasource`: Tableau keeps the name `Parameters` for itself; choose another
        error title=input mode::input `mode`: `replace` is not one of overwrite, append, create-new
        error title=input wait::input `wait`: `60` is no length of time: write it with a unit, such as `60m`, `90s` or `0`
        error title=input source::input `source`: is required: the address or workspace file to read, such as `https://example.com/data.json`
        error title=input format::input `format`: `jsn` is not one of auto, json, ndjson, csv, tsv, xml, parquet, arrow, odata; did you mean `json`?
        error title=input columns::input `columns`: line 1: column `a`: unknown type `bigintt`, did you mean `bigint`?
        error title=input columns::input `columns`: line 2: column `b`: `decimal` needs its digits, as in `decimal(18,2)`: without them every fraction would be cut
        error::and 2 more, see the job summary
        failed-stage=inputs
        published=false
    "]]);
    assert_eq!(site.calls(), [""; 0]);
    assert_eq!(run.output("failed-stage"), "inputs");
    assert!(
        run.summary
            .contains("Nothing was fetched and Tableau was not contacted."),
        "{}",
        run.summary
    );
}

#[test]
fn what_is_missing_to_publish_is_named() {
    let run = Action::new()
        .input("source", "https://example.com/x.json")
        .run();
    run.check(&expect![[r"
        exit 2
        error title=input server-url::input `server-url`: is required to publish: the address of Tableau in the browser
        error title=input pat-name::input `pat-name`: is required to publish: the name of a personal access token; is the secret defined? Workflows of forks and Dependabot get none
        error title=input pat-secret::input `pat-secret`: is required to publish: the secret of the personal access token; is the secret defined? Workflows of forks and Dependabot get none
        error title=input project::input `project`: is required to publish: name, path or LUID of the project to publish to
        error title=input datasource::input `datasource`: is required to publish: the name of the published data source
        failed-stage=inputs
        published=false
    "]]);
    let nothing = Action::new().run();
    assert_eq!(nothing.code, Some(2));
    assert!(
        nothing
            .annotations
            .iter()
            .any(|line| line.contains("input `source`: is required")),
        "{}",
        nothing.raw
    );
}

#[test]
fn more_problems_than_the_runner_shows_are_counted() {
    let columns: Vec<String> = (0..30).map(|n| format!("c{n}: nonsense")).collect();
    let run = Action::building()
        .input("source", "x.csv")
        .input("columns", columns.join("\n"))
        .run();
    assert_eq!(run.code, Some(2));
    assert_eq!(run.annotations.len(), 10);
    assert_eq!(
        run.annotations[9],
        "error::and 21 more, see the job summary"
    );
    assert!(run.summary.contains("c29"), "{}", run.summary);
}

#[test]
fn sources_that_would_leak_or_escape_are_refused() {
    let refused = |source: &str| Action::building().input("source", source);
    refused("/etc/passwd")
        .run()
        .failed("inputs", &["`source`", "outside the workspace"]);
    refused("file:///data/x.csv")
        .run()
        .failed("inputs", &["without `file://`"]);
    refused("x.csv")
        .input("format", "xlsx")
        .run()
        .failed("inputs", &["save the sheet as CSV"]);
    refused("x.csv")
        .input("sql", "SELECT a FROM input\nkey: a")
        .run()
        .failed(
            "inputs",
            &["input `sql`: line 2: `key` is the name of an input"],
        );
    refused("../secrets.csv")
        .run()
        .failed("inputs", &["leads out of the workspace"]);
    refused("postgres://db/x")
        .run()
        .failed("inputs", &["`postgres://` is not supported"]);
    refused("http://example.com/x")
        .input("auth", "bearer abcdef")
        .run()
        .failed("inputs", &["use `https://`"]);
    refused("http://example.com/x")
        .input("headers", "X-Api-Key: abcdef")
        .run()
        .failed("inputs", &["use `https://`"]);
    refused("https://user:hunter2@example.com/")
        .run()
        .failed("inputs", &["auth: basic"]);
    refused("https://example.com/?a=1")
        .input("params", "a: 2")
        .run()
        .failed(
            "inputs",
            &["the parameter `a` is in the address and in `params`"],
        );
    refused("x.csv")
        .input("auth", "bearer abcdef")
        .run()
        .failed("inputs", &["`auth`", "this source is a file"]);
    refused("https://example.com/")
        .input("auth", "bearer")
        .run()
        .failed("inputs", &["without a token", "forks"]);
    let run = refused("https://example.com/")
        .input("auth", "hunter2-alone")
        .run()
        .failed("inputs", &["none of `bearer`, `basic` and `oauth2`"]);
    assert!(!run.shown().contains("hunter2"));
}

#[test]
fn credentials_may_come_from_the_environment_and_an_input_wins() {
    let site = Simulator::start();
    let run = Action::new()
        .file("x.csv", "a\n1\n")
        .input("source", "x.csv")
        .input("datasource", "Orders")
        .input("project", "Finance")
        .input("tags", "")
        .variable(
            "TABLEAU_SERVER_URL",
            format!("{}/#/site/acme/home", site.url()),
        )
        .variable("TABLEAU_PAT_NAME", "ci-publisher")
        .variable("TABLEAU_PAT_SECRET", TOKEN_SECRET)
        .variable("TABLEAU_PROJECT_ID", "Sales")
        .run()
        .succeeded();
    let project = site.site(|site| site.project(&["Finance"]).unwrap().luid.clone());
    assert_eq!(run.output("project-id"), project);
    assert!(run.masked.contains(&TOKEN_SECRET.to_owned()));
}

#[test]
fn yaml_booleans_are_understood_and_others_are_not() {
    for (text, code) in [("True", Some(2)), ("FALSE", Some(0)), ("no", Some(2))] {
        let run = Action::new()
            .file("x.csv", "a\n1\n")
            .input("source", "x.csv")
            .input("publish", text)
            .run();
        assert_eq!(run.code, code, "{text}: {}", run.raw);
    }
    let run = Action::new()
        .input("source", "x.csv")
        .input("publish", "no")
        .run()
        .failed(
            "inputs",
            &["`no` is neither `true` nor `false`: write `false`"],
        );
    assert_eq!(run.annotations.len(), 1, "{:?}", run.annotations);
}

#[test]
fn a_misspelt_input_is_a_warning() {
    let run = Action::building()
        .file("x.csv", "a\n1\n")
        .input("source", "x.csv")
        .input("min-row", "5")
        .run()
        .succeeded();
    assert_eq!(
        run.annotations,
        ["warning::there is no input `min-row`; did you mean `min-rows`?"]
    );
}

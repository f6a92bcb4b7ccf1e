//! From a source to the rows in the file: the tutorials' jobs, formats, types, SQL, guards.

use std::os::unix::fs::{MetadataExt, PermissionsExt};

use expect_test::expect;
use tableau_simulator::{Page, Simulator};

use crate::flaky_proxy::Nobody;
use crate::harness::{Action, leftovers};

const DOG: &str = r#"{"message":"https://images.dog.ceo/breeds/hound-afghan/n02088094_1003.jpg","status":"success"}"#;
const DOG_SQL: &str = "SELECT split_part(message, '/', -2) AS breed,\n       message AS image_url,\n       _fetched_at AS created_at\nFROM input";

#[test]
fn the_dog_arrives_and_keeps_its_luid() {
    let site = Simulator::start();
    site.serve("/dog", Page::json(DOG));
    let publish = || {
        Action::publishing_to(&site)
            .input("source", site.origin_url("/dog"))
            .input("sql", DOG_SQL)
            .input("datasource", "dog_api_output")
            .run()
            .succeeded()
    };
    let first = publish();
    let luid = first.output("datasource-id").to_owned();
    assert_eq!(first.output("published"), "true");
    assert_eq!(first.output("rows"), "1");
    assert!(first.log.contains(&luid), "{}", first.log);
    assert!(
        first
            .output("datasource-url")
            .starts_with(&format!("{}/#/site/acme/datasources/", site.url()))
    );
    assert_eq!(
        first.output("schema"),
        r#"[{"name":"breed","type":"text","nullable":true},{"name":"image_url","type":"text","nullable":true},{"name":"created_at","type":"timestamp","nullable":true}]"#
    );

    let second = publish();
    assert_eq!(second.output("datasource-id"), luid);
    assert!(second.log.contains("rows replaced"), "{}", second.log);

    let arrived = site.site(|site| site.datasource("dog_api_output").unwrap().parts.clone());
    assert_eq!(arrived.len(), 1);
    let rows = crate::extract::read(&arrived[0]);
    let (head, row) = rows.trim_end().rsplit_once('\n').unwrap();
    assert_eq!(
        head,
        "Extract.Extract\n  breed TEXT, image_url TEXT, created_at TIMESTAMP"
    );
    let url = "https://images.dog.ceo/breeds/hound-afghan/n02088094_1003.jpg";
    assert!(
        row.starts_with(&format!("  hound-afghan | {url} | 20")),
        "{row}"
    );
    let calls = site.calls();
    let in_a_run = [
        "server-info",
        "sign-in",
        "query-projects",
        "query-data-sources",
        "initiate-file-upload",
        "append-to-file-upload",
        "query-data-source",
        "publish-data-source",
        "query-job",
        "query-job",
        "query-data-source",
        "sign-out",
    ];
    assert_eq!(&calls[calls.len() - in_a_run.len()..], in_a_run);
}

#[test]
fn records_arrive_with_their_types() {
    let site = Simulator::start();
    let run = Action::publishing_to(&site)
        .file("data/orders.json", include_str!("../fixtures/orders.json"))
        .input("source", "data/orders.json")
        .run()
        .succeeded();
    run.check(&expect![[r#"
        exit 0
        datasource-id=00000000-0000-4000-8000-000000000011
        datasource-url=http://127.0.0.1:PORT/#/site/acme/datasources/4711
        hyper=MACHINE/temp/Orders.hyper
        job-id=00000000-0000-4000-8000-000000000010
        project-id=00000000-0000-4000-8000-000000000004
        published=true
        rows=3
        schema=[{"name":"col1","type":"bigint","nullable":true},{"name":"col2","type":"text","nullable":true},{"name":"col3","type":"boolean","nullable":true},{"name":"col4","type":"double","nullable":true},{"name":"col5","type":"date","nullable":true},{"name":"col6","type":"timestamp","nullable":true}]
    "#]]);
    let arrived = site.site(|site| site.datasource("Orders").unwrap().parts[0].clone());
    assert_eq!(
        std::fs::read(&arrived).unwrap(),
        std::fs::read(run.hyper()).unwrap()
    );
    expect![[r"
        Extract.Extract
          col1 BIGINT, col2 TEXT, col3 BOOLEAN, col4 DOUBLE PRECISION, col5 DATE, col6 TIMESTAMP
          1 | a | true | 1 | 2022-01-01 | 2022-01-01 10:30:00
          2 | b | false | 2.5 | 2022-01-02 | 2022-01-02 08:30:00
          3 | c | true | 3.8 | 2022-01-03 | NULL
    "]]
    .assert_eq(&crate::extract::read(&arrived));
}

#[track_caller]
fn builds(action: Action, expected: &expect_test::Expect) {
    let run = action.run().succeeded();
    assert_eq!(run.output("published"), "false");
    expected.assert_eq(&run.rows());
}

#[test]
fn every_type_is_stored_at_its_width() {
    let rules = "id: bigint\nname: text\nok: boolean\nx: double\nshort: decimal(18,4)\nlong: decimal(38,10)\nday: date\nat: timestamp tz Europe/Berlin\nold: timestamp";
    let data = concat!(
        r#"{"id":9223372036854775807,"name":"Ü,\"\n","ok":true,"x":-0.5,"short":"123.45","long":"-1234567890123456789012345678.0123456789","day":"2024-02-29","at":"2024-07-01T12:00:00","old":"0001-01-01T00:00:00"}"#,
        "\n{\"id\":null}\n",
        r#"{"id":-9223372036854775808,"name":"","ok":false,"x":1e308,"short":"-99999999999999.9999","long":"0.0000000001","day":"0001-01-01","at":"2024-12-31T23:30:00","old":"9999-12-31T23:59:59.999999"}"#,
        "\n"
    );
    builds(
        Action::building()
            .file("x.ndjson", data)
            .input("source", "x.ndjson")
            .input("columns", rules),
        &expect![[r#"
            Extract.Extract
              id BIGINT, name TEXT, ok BOOLEAN, x DOUBLE PRECISION, short NUMERIC(18, 4), long NUMERIC(38, 10), day DATE, at TIMESTAMP, old TIMESTAMP
              -9223372036854775808 |  | false | 1e+308 | -99999999999999.9999 | 0.0000000001 | 0001-01-01 | 2024-12-31 22:30:00 | 9999-12-31 23:59:59.999999
              9223372036854775807 | Ü,"
             | true | -0.5 | 123.4500 | -1234567890123456789012345678.0123456789 | 2024-02-29 | 2024-07-01 10:00:00 | 0001-01-01 00:00:00
              NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL
        "#]],
    );
}

#[test]
fn files_of_a_pattern_are_united_by_column_name() {
    builds(
        Action::building()
            .file("in/a.csv", "id,zip\n1,01220\n2,\n")
            .file("in/b.json", r#"[{"zip":"94107","extra":{"deep":1.5}}]"#)
            .file("in/c.ndjson", "{\"id\":3}\n\n")
            .input("source", "in/*")
            .input("sql", "SELECT *, _source, _row FROM input"),
        &expect![[r"
            Extract.Extract
              id BIGINT, zip TEXT, extra.deep DOUBLE PRECISION, _source TEXT, _row BIGINT
              1 | 01220 | NULL | in/a.csv | 1
              2 | NULL | NULL | in/a.csv | 2
              3 | NULL | NULL | in/c.ndjson | 4
              NULL | 94107 | 1.5 | in/b.json | 3
        "]],
    );
}

#[test]
fn several_source_lines_are_united_too() {
    builds(
        Action::building()
            .file("a.csv", "id\n1\n")
            .file("b.csv", "id\n2\n")
            .input("source", "# both halves\na.csv\n\nb.csv\n"),
        &expect![[r"
            Extract.Extract
              id BIGINT
              1
              2
        "]],
    );
}

#[test]
fn named_sources_are_tables_to_join() {
    builds(
        Action::building()
            .file(
                "orders.json",
                r#"[{"id":1,"customer":7},{"id":2,"customer":8}]"#,
            )
            .file("c/1.csv", "id,name\n7,Ada\n")
            .file("c/2.csv", "id,name\n8,Bob\n")
            .input("source", "orders: orders.json\ncustomers: c/*.csv")
            .input(
                "sql",
                "SELECT o.id, c.name FROM orders o JOIN customers c ON c.id = o.customer",
            ),
        &expect![[r"
            Extract.Extract
              id BIGINT, name TEXT
              1 | Ada
              2 | Bob
        "]],
    );
    let two = Action::building()
        .file("a.csv", "a\n1\n")
        .file("b.csv", "a\n1\n");
    two.input("source", "a: a.csv\nb: b.csv")
        .run()
        .failed("inputs", &["`sql`", "required with several named sources"]);
    Action::building()
        .input("source", "a: a.csv\nb.csv")
        .input("sql", "SELECT 1 AS x")
        .run()
        .failed("inputs", &["name all or none"]);
}

#[test]
fn results_of_sql_get_types_an_extract_keeps() {
    builds(
        Action::building().file("x.json", r#"[{"createdAt":"2024-01-01T00:00:00Z","n":1}]"#).input("source", "x.json").input(
            "sql",
            "-- all that is brought to another type\nWITH t AS (SELECT * FROM input)\nSELECT 1 AS i, 2::smallint AS s, 1.5::real AS r, \"createdAt\"::timestamptz AS tz, '12:30'::time AS t,\n '[1]'::json AS j, 'ab'::char(3) AS c, sum(n) AS total, 1.5::numeric(30,4) AS num, 'point(14.4 50.1)'::geography AS g\nFROM t GROUP BY \"createdAt\" -- the end;",
        ),
        &expect![[r"
            Extract.Extract
              i BIGINT, s BIGINT, r DOUBLE PRECISION, tz TIMESTAMP, t TEXT, j TEXT, c TEXT, total BIGINT, num NUMERIC(30, 4), g GEOGRAPHY
              1 | 2 | 1.5 | 2024-01-01 00:00:00 | 12:30:00 | [1] | ab | 1 | 1.5000 | POINT(14.4000000 50.1000000)
        "]],
    );
}

#[test]
fn the_request_is_what_the_inputs_say() {
    let site = Simulator::start();
    site.serve(
        "/rows",
        Page::json(r#"{"meta":{"n":1},"data":{"items":[{"a":1},{"a":2}]}}"#),
    );
    let run = Action::building()
        .input("source", format!("{}?fixed=1", site.origin_url("/rows")))
        .input("params", "q: a&b=ü\n$top: 10")
        .input(
            "headers",
            "X-Api-Key: key-of-the-source\nAccept: application/json",
        )
        .input("auth", "basic Aladdin:open sesame")
        .input("body", "{\"query\": 1}")
        .input("records", "/data/items")
        .run()
        .succeeded();
    assert_eq!(run.output("rows"), "2");
    let requests = site.origin_requests();
    assert_eq!(requests.len(), 1);
    let request = &requests[0];
    assert_eq!(request.method, "POST");
    assert_eq!(request.query, "fixed=1&q=a%26b%3D%C3%BC&%24top=10");
    assert_eq!(
        request.header("authorization"),
        Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")
    );
    assert_eq!(request.header("x-api-key"), Some("key-of-the-source"));
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(request.body, b"{\"query\": 1}");
    assert!(
        run.masked
            .contains(&"QWxhZGRpbjpvcGVuIHNlc2FtZQ==".to_owned()),
        "{:?}",
        run.masked
    );
    for secret in ["open sesame", "key-of-the-source", "a&b"] {
        assert!(
            !run.log.contains(secret) && !run.summary.contains(secret),
            "{secret} is shown"
        );
    }
}

#[test]
fn a_failing_source_is_asked_again() {
    let site = Simulator::with(["origin#1=503", "origin#2=refuse", "origin#3=truncate"]);
    site.serve("/dog", Page::json(DOG));
    let run = Action::building()
        .input("source", site.origin_url("/dog"))
        .run()
        .succeeded();
    assert!(
        run.log
            .contains("attempt 1 to fetch the source failed: the server answered 503"),
        "{}",
        run.log
    );
    assert!(
        run.log.contains("attempt 3 to fetch the source failed"),
        "{}",
        run.log
    );
    assert!(run.log.contains("with 4 requests"), "{}", run.log);
}

#[test]
fn the_built_file_belongs_to_the_runners_user() {
    let action = Action::building()
        .file("x.csv", "a\n1\n")
        .input("source", "x.csv")
        .input("hyper", "out/new/x.hyper")
        .input("table", "My \"Table\"");
    // As root in a container the workspace is somebody else's; as anybody else it is ours.
    let workspace = action.workspace();
    let is_root = workspace.metadata().unwrap().uid() == 0;
    if is_root {
        std::os::unix::fs::chown(&workspace, Some(1001), Some(127)).unwrap();
    }
    let owner = workspace.metadata().unwrap();
    let run = action.run().succeeded();
    assert_eq!(run.output("hyper"), "out/new/x.hyper");
    let file = run.machine.workspace().join("out/new/x.hyper");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o644);
    for path in [&*file, file.parent().unwrap(), &workspace.join("out")] {
        let ours = path.metadata().unwrap();
        assert_eq!(
            (ours.uid(), ours.gid()),
            (owner.uid(), owner.gid()),
            "{}",
            path.display()
        );
    }
    let rows = run.rows();
    assert!(rows.starts_with("Extract.My \"Table\"\n"), "{rows}");
    assert_eq!(leftovers(file.parent().unwrap(), &["x.hyper"]), [""; 0]);
    assert_eq!(
        leftovers(&run.machine.workspace(), &["x.csv", "out"]),
        [""; 0]
    );
    assert_eq!(leftovers(&run.machine.temp(), &[]), [""; 0]);
}

#[test]
fn a_file_that_is_replaced_was_replaced_as_a_whole() {
    let action = Action::building()
        .file("x.hyper", "not a hyper file")
        .file("x.csv", "a\n1\n")
        .input("source", "x.csv")
        .input("hyper", "x.hyper");
    assert!(action.run().succeeded().rows().contains("a BIGINT\n  1\n"));
    let action = Action::building()
        .file("x.hyper", "the old one")
        .file("x.csv", "a\n1\n")
        .input("source", "x.csv")
        .input("hyper", "x.hyper")
        .input("sql", "SELECT b FROM input");
    let run = action.run().failed("shape", &["unknown column 'b'"]);
    assert_eq!(
        std::fs::read(run.machine.workspace().join("x.hyper")).unwrap(),
        b"the old one"
    );
}

#[test]
fn an_empty_result_is_not_published() {
    let site = Simulator::start();
    let empty = || {
        Action::publishing_to(&site)
            .file("x.json", r#"{"data":[]}"#)
            .input("source", "x.json")
    };
    empty()
        .run()
        .failed("check", &["the result has 0 rows", "min-rows"]);
    let filtered = Action::publishing_to(&site)
        .file("x.csv", "a\n1\n")
        .input("source", "x.csv")
        .input("sql", "SELECT a FROM input WHERE a > 1");
    let run = filtered.run().failed(
        "check",
        &["the result has 0 rows, but `min-rows: 1`", "min-rows: 0"],
    );
    // Whoever looks for the reason finds the file.
    assert!(run.rows().contains("a BIGINT"));
    assert_eq!(site.calls(), [""; 0]);

    empty()
        .input("min-rows", "0")
        .run()
        .failed("shape", &["no rows and no columns", "columns"]);
    let run = empty()
        .input("min-rows", "0")
        .input("columns", "a: bigint")
        .run()
        .succeeded();
    assert_eq!(run.output("rows"), "0");
    assert!(site.site(|site| site.datasource("Orders").is_some()));
}

#[test]
fn sources_that_are_no_data_are_told_apart() {
    let site = Simulator::start();
    site.serve(
        "/login",
        Page::new(
            "text/html",
            "<!DOCTYPE html><html><body>Please sign in</body></html>",
        ),
    );
    site.serve(
        "/secret",
        Page::json(r#"{"error":"token tok-12345 is wrong"}"#).status(401),
    );
    site.serve("/empty", Page::json(""));
    site.serve(
        "/unknown",
        Page::new("application/octet-stream", "\u{1}\u{2}\u{3}"),
    );
    let fetch = |path: &str| Action::publishing_to(&site).input("source", site.origin_url(path));
    fetch("/login").run().failed(
        "fetch",
        &["web page where data was expected", "Please sign in", "auth"],
    );
    let run = fetch("/secret")
        .input("auth", "bearer tok-12345")
        .run()
        .failed(
            "fetch",
            &["answered 401", "check the credentials in `auth`"],
        );
    assert!(
        !run.summary.contains("tok-12345") && !run.log.contains("tok-12345"),
        "{}",
        run.raw
    );
    fetch("/nowhere")
        .run()
        .failed("fetch", &["answered 404", "check the address in `source`"]);
    fetch("/empty")
        .run()
        .failed("fetch", &["is empty where json was expected"]);
    fetch("/unknown").run().failed(
        "fetch",
        &[
            "cannot tell what",
            "set `format` to one of json, ndjson, csv",
        ],
    );
    let nobody = Nobody::there();
    let run = Action::publishing_to(&site)
        .input(
            "source",
            format!("http://{}/x?key=hidden", nobody.address()),
        )
        .run();
    let run = run.failed(
        "fetch",
        &["cannot connect", "after 6 attempts", "check the address"],
    );
    assert!(!run.raw.contains("hidden"));
    Action::publishing_to(&site)
        .input("source", "no/such.csv")
        .run()
        .failed(
            "fetch",
            &["there is no file `no/such.csv`", "actions/checkout"],
        );
    Action::publishing_to(&site)
        .input("source", "*.csv")
        .run()
        .failed("fetch", &["no file of the workspace matches `*.csv`"]);
    assert_eq!(site.calls(), [""; 0], "Tableau was not asked for anything");
}

#[test]
fn data_that_cannot_be_read_is_told_with_its_place() {
    let read =
        |name: &str, content: &str| Action::building().file(name, content).input("source", name);
    read("x.json", "[{\"a\": 1},\n {\"a\": }]")
        .run()
        .failed("type", &["x.json", "line 2", "character 8"]);
    read("x.json", "{\"result\": {\"items\": []}, \"total\": 0}")
        .input("records", "/results/items")
        .run()
        .failed(
            "type",
            &[
                "`/` has no `results`, it has `result`, `total`",
                "did you mean `records: /result/items`",
            ],
        );
    read("x.json", "[{\"a\":1}]")
        .input("records", "data.items")
        .run()
        .failed("inputs", &["did you mean `/data/items`"]);
    read("x.csv", "a,b\n1,2\n3\n")
        .run()
        .failed("type", &["x.csv", "line 3"]);
    read("x.csv", "a\n1\nx\n")
        .input("columns", "a: bigint")
        .run()
        .failed("type", &["column `a`", "`x`", "bigint"]);
}

#[test]
fn the_summary_is_markdown_that_data_cannot_change() {
    let data = r#"[{"<script>":"| a | b |","x":"[link](http://evil)\n# big"}]"#;
    let run = Action::building()
        .file("x.json", data)
        .input("source", "x.json")
        .run()
        .succeeded();
    assert!(
        !run.summary.contains("<script>") && !run.summary.contains("[link]"),
        "{}",
        run.summary
    );
    assert!(
        run.summary
            .contains("## ✅ Built an extract, published nothing"),
        "{}",
        run.summary
    );
    assert!(
        run.summary
            .contains("| ✓ | `min-rows: 1` | the result has 1 row |"),
        "{}",
        run.summary
    );
}

#[test]
fn a_thousand_columns_stay_below_the_limit_of_a_summary() {
    let names: Vec<String> = (0..1000)
        .map(|n| format!("column_with_a_rather_long_name_{n}"))
        .collect();
    let row =
        vec!["\"a value of a row, <with> |markup| that grows when it is escaped & more\""; 1000]
            .join(",");
    let run = Action::building()
        .file("x.csv", format!("{}\n{row}\n", names.join(",")))
        .input("source", "x.csv")
        .run()
        .succeeded();
    assert!(run.summary.len() < 1 << 20, "{} bytes", run.summary.len());
    assert!(
        run.summary
            .contains("<details><summary>1,000 columns</summary>")
    );
}

#[test]
fn data_in_the_log_is_no_command() {
    let data = "{\"a\": \"x\"}\n{\"a\": 1}\n::error::injected\n";
    let run = Action::building()
        .file("x.ndjson", data)
        .input("source", "x.ndjson")
        .run();
    assert_eq!(run.code, Some(1));
    assert_eq!(run.annotations.len(), 1, "{}", run.raw);
}

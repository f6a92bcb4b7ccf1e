//! Inputs of several lines: what is no entry is told with its line, and what is one stays.

use expect_test::expect;
use tableau_simulator::{Page, Simulator};

use crate::harness::{Action, Ended};

fn orders() -> Action {
    Action::building()
        .file("x.csv", "id,amount\n1,2.5\n")
        .input("source", "x.csv")
}

#[test]
fn dashes_are_refused_in_every_input_of_lines() {
    for (input, text, example) in [
        ("columns", "- amount: double\n- id: text", "amount: double"),
        ("params", "\n# a comment\n- status: paid", "status: paid"),
        ("headers", "X-A: 1\n- X-Key: hunter2-hunter2", "X-Api-Key"),
        ("auth", "- bearer hunter2-hunter2", "bearer"),
        ("key", "id\n- amount", "order_id"),
        ("tags", "- shop\n- daily", "shop"),
        ("checks", "- amount > 0", "amount >= 0"),
        ("source", "- x.csv\n- y.csv", "data/orders.csv"),
    ] {
        let site = Simulator::start();
        let mut run = orders();
        if matches!(input, "params" | "headers" | "auth") {
            run = run.input("source", site.origin_url("/x"));
        }
        let run = run.input(input, text).run();
        let run = run.failed(
            "inputs",
            &[&format!("input `{input}`"), "with `- `", example],
        );
        let number = match input {
            "params" => "line 3 begins",
            "headers" | "key" => "line 2 begins",
            "auth" | "checks" => "line 1 begins",
            _ => "lines 1 and 2 begin",
        };
        assert!(run.annotations[0].contains(number), "{:?}", run.annotations);
        assert_eq!(run.annotations.len(), 1, "{:?}", run.annotations);
        assert!(!run.annotations[0].contains("hunter2"));
        assert_eq!(site.calls(), [""; 0]);
    }
}

#[test]
fn lists_in_brackets_are_refused_and_patterns_are_not() {
    for (input, text) in [
        ("source", "[x.csv, y.csv]"),
        ("source", "[\"x.csv\"]"),
        ("columns", "[id: text, amount: double]"),
        ("columns", "{id: text}"),
        ("key", "[id, amount]"),
        ("checks", "[amount > 0]"),
        ("tags", "[shop, daily]"),
    ] {
        let run = orders().input(input, text).run();
        run.failed(
            "inputs",
            &[&format!(
                "input `{input}`: line 1: it is a list in brackets"
            )],
        );
    }
    orders()
        .file("data/a1.csv", "id\n7\n")
        .input("source", "data/[ab][0-9].csv")
        .run()
        .succeeded();
}

#[test]
fn plain_texts_keep_their_dashes() {
    let site = Simulator::start();
    let text = "Sources:\n- orders\n- customers\nrecords: /all of them";
    Action::publishing_to(&site)
        .file("x.csv", "id,amount\n1,2.5\n")
        .input("source", "x.csv")
        .input("description", text)
        .input(
            "sql",
            "SELECT id,\n  3\n  - 1 AS two\n-- - a comment\nFROM input",
        )
        .run()
        .succeeded();
    let told = site.site(|site| site.datasource("Orders").unwrap().description.clone());
    assert_eq!(told, text);
}

#[test]
fn every_message_about_a_line_has_its_number() {
    let site = Simulator::start();
    let run = orders()
        .input("source", site.origin_url("/x"))
        .input(
            "headers",
            "# keys\n\nX-Key hunter2-hunter2\nbad name: 1\nX-A: 1\nX-A: 2\nX-B: \u{7f}",
        )
        .input("params", "a: 1\na: 2\nb")
        .input("columns", "\n\na: text\na: date\nb: nonsense")
        .input("key", "id\n\na,,b")
        .input("checks", "\nSELECT 1")
        .run();
    assert!(!run.shown().contains("hunter2"), "{}", run.raw);
    run.check(&expect![[r"
        exit 2
        error title=input params::input `params`: line 2: `a` is given twice
        error title=input params::input `params`: line 3: it has no colon: write `name: value`
        error title=input headers::input `headers`: line 3: it has no colon: write `name: value`
        error title=input headers::input `headers`: line 6: `X-A` is given twice
        error title=input headers::input `headers`: line 4: `bad name` is not a valid header name
        error title=input headers::input `headers`: line 7: the value of `X-B` holds a character no header can carry
        error title=input columns::input `columns`: line 4: `a` is declared twice
        error title=input columns::input `columns`: line 5: column `b`: unknown type `nonsense`, expected one of `text boolean bigint double decimal date timestamp json skip`
        error title=input key::input `key`: line 3: a name is missing in `a,,b`
        error::and 1 more, see the job summary
        failed-stage=inputs
        published=false
    "]]);
    let run = orders()
        .input("source", "# files\nx.csv\n../y.csv\npostgres://db/x")
        .input("tags", "a\nb,\u{1}")
        .run();
    run.check(&expect![[r"
        exit 2
        error title=input tags::input `tags`: line 2: it holds the character U+0001, which Tableau does not take; remove it
        error title=input source::input `source`: line 3: `../y.csv` leads out of the workspace
        error title=input source::input `source`: line 4: `postgres://` is not supported: give an `https://` address or a file of the workspace
        failed-stage=inputs
        published=false
    "]]);
}

fn fetching(site: &Simulator, input: &str, text: &str) -> Ended {
    Action::building()
        .input("source", site.origin_url("/x"))
        .input(input, text)
        .run()
}

#[test]
fn an_input_that_is_indented_too_far_is_told() {
    let site = Simulator::start();
    for (input, text, name, number) in [
        ("params", "status: paid\nrecords: /data/items", "records", 2),
        (
            "params",
            "status: paid\n\npaginate: page page=1",
            "paginate",
            3,
        ),
        ("params", "columns: |\n  amount: double", "columns", 1),
        ("params", "sql: |\n  SELECT a FROM input", "sql", 1),
        ("headers", "X-A: 1\nauth: bearer hunter2-hunter2", "auth", 2),
        ("columns", "amount: double\nmode: append", "mode", 2),
        ("checks", "count(*) > 0\nmin-rows: 5", "min-rows", 2),
        ("key", "id\npublish: false", "publish", 2),
    ] {
        let run = fetching(&site, input, text);
        let told = format!("input `{input}`: line {number}: `{name}` is the name of an input");
        let run = run.failed("inputs", &[&told, "indent it like"]);
        assert_eq!(run.annotations.len(), 1, "{:?}", run.annotations);
        assert!(!run.shown().contains("hunter2"), "{}", run.raw);
    }
    assert_eq!(site.calls(), [""; 0]);
}

#[test]
fn a_parameter_named_like_an_input_is_a_parameter() {
    let site = Simulator::start();
    site.serve_with("/x", |request| {
        let given = ["format", "records", "key", "columns", "sql"].map(|name| request.param(name));
        assert_eq!(
            given.map(Option::unwrap),
            ["json", "100", "abc", "id,name", "SELECT 1 FROM \"r\""]
        );
        Page::json("[{\"a\":1}]")
    });
    let text = "format: json\nrecords: 100\nkey: abc\ncolumns: id,name\nsql: SELECT 1 FROM \"r\"";
    fetching(&site, "params", text).succeeded();
}

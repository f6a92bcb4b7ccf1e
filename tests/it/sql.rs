//! SQL the engine refuses: where it stumbled, and what to write instead.

use expect_test::expect;

use crate::harness::{Action, Ended};

const DATA: &str =
    r#"[{"id":1,"Region":"EMEA","amount":2.5,"day":"2024-01-31","customer":{"country":"FR"}}]"#;

/// SQL as it is written elsewhere, and what must be said about it.
const FOREIGN: &[(&str, &str)] = &[
    (
        "SELECT customer.country FROM input",
        "did you mean `\"customer.country\"`?",
    ),
    (
        "SELECT i.customer.country FROM input i",
        "did you mean `\"customer.country\"`?",
    ),
    (
        "SELECT id FROM input WHERE \"Region\" = \"EMEA\"",
        "single quotes: `'EMEA'`",
    ),
    (
        "SELECT id FROM input WHERE \"Region\" IN (\"EMEA\", 'b')",
        "single quotes: `'EMEA'`",
    ),
    ("SELECT TOP 10 id FROM input", "`LIMIT 10` at the end"),
    (
        "SELECT DISTINCT TOP 3 id FROM input",
        "`LIMIT 3` at the end",
    ),
    ("SELECT `Region` FROM input", "not in backticks"),
    ("SELECT [Region] FROM input", "not in brackets"),
    (
        "SELECT DATE_FORMAT(day, '%Y') AS y FROM input",
        "to_char(x, 'YYYY-MM-DD')",
    ),
    ("SELECT GETUTCDATE() AS a FROM input", "`now()`"),
    ("SELECT ISNULL(id, 0) AS a FROM input", "coalesce(x, 0)"),
    (
        "SELECT CONVERT(int, amount) AS a FROM input",
        "CAST(x AS type)",
    ),
    (
        "SELECT CONVERT(amount, char) AS a FROM input",
        "CAST(x AS type)",
    ),
    ("SELECT STR_TO_DATE(day, '%Y') AS a FROM input", "to_date(x"),
    (
        "SELECT DATEADD(day, 1, day) AS a FROM input",
        "interval '1 day'",
    ),
    (
        "SELECT DATE_ADD(day, interval 1 day) AS a FROM input",
        "interval '1 day'",
    ),
    (
        "SELECT datediff(month, day, day) AS a FROM input",
        "`datediff('month', …)`",
    ),
    (
        "SELECT CHARINDEX('a', \"Region\") AS a FROM input",
        "strpos(x",
    ),
    ("SELECT LEN(\"Region\") AS a FROM input", "length(x)"),
    ("SELECT CAST(id AS string) AS a FROM input", "write `text`"),
    ("SELECT id::datetime AS a FROM input", "write `timestamp`"),
    ("SELECT id AS a FROM input WHERE id == 1", "write `=`"),
    (
        "SELECT \"Region\" + 'x' AS a FROM input",
        "joined with `||`",
    ),
    ("SELECT id", "there is no FROM"),
    ("SELECT id, FROM input", "a comma too many"),
    ("SELECT id FROM input LIMIT 5, 10", "LIMIT 10 OFFSET 5"),
    (
        "SELECT amount AS total FROM input WHERE total > 1",
        "same SELECT",
    ),
    ("SELECT id, sum(amount) AS s FROM input", "GROUP BY"),
    ("SELECT 'a' AS 'b' FROM input", "double quotes"),
    ("SELECT Region FROM input", "did you mean `\"Region\"`?"),
    ("SELECT id FROM dbo.input", "name the table alone"),
    ("SELECT id FROM orders", "the table `input`"),
    (
        "SELECT nothing_like_it(id) AS a FROM input",
        "functions of the engine",
    ),
    ("SELECT B'01' AS a FROM input", "say it in another way"),
    (
        "SELECT (id::text || 'x')::bigint AS a FROM input",
        "try_cast",
    ),
    ("SELECT id / (id - 1) AS a FROM input", "nullif(b, 0)"),
    (
        "SELECT (SELECT x FROM (VALUES (1), (2)) t(x)) AS a FROM input",
        "LIMIT 1",
    ),
    (
        "SELECT regexp_replace(\"Region\", '(', 'b') AS a FROM input",
        "regular expression",
    ),
    (
        "SELECT repeat('a', 2000000000) AS a FROM input",
        "more than the engine gives",
    ),
];

fn shape(sql: &str) -> Ended {
    Action::building()
        .file("x.json", DATA)
        .input("source", "x.json")
        .input("sql", sql)
        .run()
}

/// The error's lines of the log.
fn told(run: &Ended) -> String {
    let lines = run
        .log
        .lines()
        .skip_while(|line| !line.starts_with("error: "));
    lines.collect::<Vec<_>>().join("\n") + "\n"
}

#[test]
fn an_error_shows_its_place_and_the_columns_there_are() {
    let run = shape("\n-- orders\nSELECT id,\n  größe, 'x;y'\nFROM input;\n-- the end");
    expect![[r"
        error: failed to run `sql`
          caused by: Hyper answered 42703: unknown column 'größe', in line 4, column 3 of `sql`:
          3 | SELECT id,
          4 |   größe, 'x;y'
            |   ^~~~~
          5 | FROM input
        hint: check how the name is written in `sql`; the columns of `input` are `id` bigint, `Region` text, `amount` double, `day` date, `customer.country` text
    "]]
    .assert_eq(&told(&run));
    run.failed(
        "shape",
        &["in line 4, column 3 of `sql`", "`amount` double"],
    );
    // Where the text ends, not where our own bracket does.
    let run = shape("SELECT id FROM input WHERE").failed("shape", &["got end of input"]);
    assert!(told(&run).contains("column 27"), "{}", run.log);
    // Several tables are all told.
    Action::building()
        .file("x.json", DATA)
        .file("y.csv", "a\n1\n")
        .input("source", "x: x.json\ny: y.csv")
        .input("sql", "SELECT x.id, y.b FROM x, y")
        .run()
        .failed(
            "shape",
            &[
                "column 14",
                "the columns of `y` are `a` bigint",
                "`Region` text",
            ],
        );
}

#[test]
fn what_another_sql_has_is_answered_with_what_this_one_has() {
    for &(sql, words) in FOREIGN {
        let run = shape(sql).failed("shape", &[words]);
        assert!(run.annotations[0].contains("(hint: "), "{sql}: {}", run.raw);
    }
}

#[test]
fn whatever_the_engine_refuses_has_a_hint() {
    let long = format!("SELECT {} AS a FROM input", vec!["1"; 20_000].join("+"));
    for (sql, code) in [
        (long.as_str(), "54001"),
        ("SELECT * FROM external('/no.parquet')", "42501"),
        ("SELECT * FROM nowhere.input", "3F000"),
        ("SELECT repeat('a', 2000000000) AS a FROM input", "54S01"),
        (
            "SELECT json_array_elements('{}'::json) AS a FROM input",
            "22023",
        ),
        ("SELECT ln(id - 1) AS a FROM input", "2201E"),
        ("SELECT id::decimal(40,2) AS a FROM input", "42601"),
    ] {
        let run = shape(sql).failed("shape", &[&format!("Hyper answered {code}: ")]);
        assert!(run.log.contains("\nhint: "), "{code}: {}", run.raw);
    }
}

#[test]
fn one_statement_may_end_as_people_end_it() {
    for sql in [
        "SELECT id FROM input;",
        "SELECT id FROM input -- all of them",
        "SELECT id FROM input; -- all of them;",
        "SELECT id FROM input /* ; */ ;\n\n-- the end",
        "SELECT id, ';--' AS a, '/*' AS b FROM input",
    ] {
        shape(sql).succeeded();
    }
    for (sql, words) in [
        (
            "SELECT 1 AS a;\n\nSELECT 2 AS b",
            "line 3: a second statement",
        ),
        (
            "SELECT 1 AS a) AS q; DROP TABLE input; --",
            "line 1: a second statement",
        ),
        (
            "SELECT 'a AS b FROM input",
            "line 1: a single quote is not closed",
        ),
        (
            "SELECT id /* all FROM input",
            "line 1: a comment `/*` is not closed",
        ),
    ] {
        shape(sql).failed("inputs", &["input `sql`", words]);
    }
}

#[test]
fn a_missing_engine_and_one_that_goes_away_have_a_hint() {
    let run = Action::building()
        .file("x.json", DATA)
        .input("source", "x.json")
        .variable("HYPERD_PATH", "/nowhere")
        .run();
    run.failed(
        "shape",
        &[
            "there is no Hyper engine at `/nowhere`",
            "leave HYPERD_PATH out",
        ],
    );
}

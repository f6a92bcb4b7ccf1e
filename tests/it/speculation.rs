//! Large tables, whose columns are assumed by the first rows: later rows count as much as those.

use std::fmt::Write as _;

use super::harness::{Action, Ended};

/// More than the rows by which columns are assumed.
const N_ROWS: usize = 12_000;

const AGAIN: &str = "so the extract is built again";

/// The lines of a file with one document a line, `at` which one differs.
fn lines(at: usize, other: &str) -> String {
    let mut text = String::new();
    for row in 1..=N_ROWS {
        if row == at {
            writeln!(text, "{other}").unwrap();
        } else {
            writeln!(
                text,
                "{{\"a\":{row},\"b\":null,\"t\":\"2024-01-31T10:00:00Z\"}}"
            )
            .unwrap();
        }
    }
    text
}

fn build(content: &str) -> Action {
    Action::building()
        .file("x.ndjson", content)
        .input("source", "x.ndjson")
}

/// Fails unless these are the columns, these are among the rows, and there is a row for each line.
#[track_caller]
fn check(run: &Ended, columns: &str, some: &[&str]) {
    let rows = run.rows();
    let lines: Vec<&str> = rows.lines().map(str::trim).collect();
    assert_eq!((lines.len(), lines[1]), (N_ROWS + 2, columns));
    for row in some {
        assert_eq!(lines.iter().filter(|line| *line == row).count(), 1, "{row}");
    }
}

#[test]
fn rows_like_the_first_ones_are_read_once() {
    let run = build(&lines(0, "")).run().succeeded();
    check(
        &run,
        "a BIGINT, b TEXT, t TIMESTAMP",
        &[
            "11999 | NULL | 2024-01-31 10:00:00",
            "12000 | NULL | 2024-01-31 10:00:00",
        ],
    );
    assert!(!run.log.contains(AGAIN), "{}", run.log);
    assert!(
        run.log.contains("as the first 10,000 rows have them"),
        "{}",
        run.log
    );
    for notice in [
        "times with a zone are stored in UTC: `t`",
        "only nulls, so text: `b`",
    ] {
        assert_eq!(run.log.matches(notice).count(), 1, "{}", run.log);
        assert!(run.summary.contains("only nulls"), "{}", run.summary);
    }
}

#[test]
fn the_last_row_may_change_every_type() {
    let last = r#"{"a":0.5,"b":7,"t":"soon","new":{"x":true}}"#;
    for with_sql in [false, true] {
        let mut action = build(&lines(N_ROWS, last));
        if with_sql {
            action = action.input("sql", "SELECT * FROM input ORDER BY a = 0.5, a");
        }
        let run = action.run().succeeded();
        check(
            &run,
            "a DOUBLE PRECISION, b BIGINT, t TEXT, new.x BOOLEAN",
            &[
                "11999 | NULL | 2024-01-31T10:00:00Z | NULL",
                "0.5 | 7 | soon | true",
            ],
        );
        assert_eq!(run.log.matches(AGAIN).count(), 1, "{}", run.log);
        let notice = "column `t` is text: record 12000 holds `soon`, after timestamp values";
        assert_eq!(run.log.matches(notice).count(), 1, "{}", run.log);
        assert!(!run.log.contains("only nulls"), "{}", run.log);
    }
}

#[test]
fn all_values_that_do_not_fit_are_told_as_for_a_small_table() {
    let late = lines(11_000, r#"{"a":"x","b":null,"t":null}"#);
    let run = build(&late).input("columns", "a: bigint").run();
    run.failed(
        "type",
        &[
            "1 value does not fit `bigint`",
            "`x` (record 11000)",
            "line 11000",
            "try_cast",
        ],
    );
    let broken = lines(11_000, r#"{"a":1,"b":"#);
    build(&broken)
        .run()
        .failed("type", &["record 11000", "line 11000", "broken JSON"]);
    let twice = lines(N_ROWS, r#"{"a":1,"a":2}"#);
    build(&twice)
        .run()
        .failed("type", &["record 12000", "comes twice"]);
}

#[test]
fn separated_values_are_assumed_too() {
    let mut text = String::from("id,code\n");
    for row in 1..N_ROWS {
        writeln!(text, "{row},{row}").unwrap();
    }
    let read = |last: &str| {
        Action::building()
            .file("x.csv", format!("{text}{last}\n"))
            .input("source", "x.csv")
            .run()
    };
    let run = read("12000,12000").succeeded();
    check(&run, "id BIGINT, code BIGINT", &["12000 | 12000"]);
    assert!(!run.log.contains(AGAIN), "{}", run.log);
    // A code that a number would change.
    let run = read("12000,007").succeeded();
    check(
        &run,
        "id BIGINT, code TEXT",
        &["11999 | 11999", "12000 | 007"],
    );
    read("12000").failed(
        "type",
        &["line 12001", "the row has 1 field, the header has 2"],
    );
    read("12000,\"x").failed("type", &["never closed"]);
}

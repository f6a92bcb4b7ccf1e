//! `key` and `checks`: what they let through, what they say, and that nothing is published then.

use expect_test::expect;
use tableau_simulator::{Setup, Simulator};

use crate::harness::Action;

const ORDERS: &str = "id,customer,amount,ordered_at\n1,7,10.5,2026-01-01\n2,7,-3,2026-01-02\n2,8,4,2026-01-03\n3,,1,2026-01-04\n";

fn orders() -> Action {
    Action::building()
        .file("orders.csv", ORDERS)
        .input("source", "orders.csv")
}

#[test]
fn a_key_must_be_unique_and_never_null() {
    let run = orders().input("key", "id, customer").run();
    let run = run.failed("check", &["1 row has NULL there, but `key: id, customer`"]);
    assert!(!run.output("hyper").is_empty() && run.rows().contains("10.5"));
    orders().input("key", "id").run().failed(
        "check",
        &[
            "1 value is in 2 rows: `2` (2 rows), but `key: id`",
            "remove the rows in `sql`",
        ],
    );
    orders().input("key", "ordered_at").run().succeeded();
    orders()
        .input("key", "ID\n\"ordered_at\"")
        .run()
        .succeeded();
    orders().input("key", "costumer").run().failed(
        "check",
        &[
            "the result has no column `costumer`",
            "did you mean `\"customer\"`",
        ],
    );
}

#[test]
fn repeated_keys_are_shown_five_at_most_most_frequent_first() {
    let mut data = "a,b\n".to_owned();
    for key in 0..8 {
        for _ in 0..2 + key {
            data += &format!("{key},x{key}\n");
        }
    }
    Action::building()
        .file("x.csv", data)
        .input("source", "x.csv")
        .input("key", "a,b")
        .run()
        .failed(
            "check",
            &["8 values are in 44 rows: `7`, `x7` (9 rows), `6`, `x6` (8 rows), `5`, `x5` (7 rows), `4`, `x4` (6 rows), `3`, `x3` (5 rows), …"],
        );
}

#[test]
fn checks_aggregate_or_ask_every_row() {
    let holds = "count(*) = 4\ncount(*) FILTER (WHERE amount < -5) = 0\nmax(ordered_at) > date '2026-01-03'\namount > -5\n# a comment\nordered_at IS NOT NULL -- at the end\nsum(amount) BETWEEN 12 AND 13 AND count(DISTINCT id) = 3\nmax(ordered_at) < (now() AT TIME ZONE 'UTC') + interval '100 years'";
    let run = orders().input("checks", holds).run().succeeded();
    assert_eq!(run.log.matches('✓').count(), 8, "{}", run.log);
    assert!(
        run.summary.contains("| ✓ | `checks: amount"),
        "{}",
        run.summary
    );
}

#[test]
fn every_guard_runs_and_says_what_it_found() {
    let site = Simulator::launch(Setup::default());
    let checks = "count(*) = 4\namount > 0\ncustomer > 0\nmin(customer) > 7\nmax(nothing) > 1\namount +\nid\navg(NULL::bigint) > 1";
    let run = Action::publishing_to(&site)
        .file("orders.csv", ORDERS)
        .input("source", "orders.csv")
        .input("key", "id")
        .input("min-rows", "9")
        .input("checks", checks)
        .run()
        .failed(
            "check",
            &[
                "9 guards failed:\n- the result has 4 rows, but `min-rows: 9`\n- 1 value is in 2 rows",
                "\n- it is false in 1 of 4 rows: `id: 2, amount: -3`, but `checks: amount > 0`\n",
                "but `checks: max(nothing) > 1` (the columns of the result are",
                "(hint: check what the source delivers now, and keep out in `sql` what shall not come; if all is as it should be, change `min-rows` or `key` or `checks`)",
            ],
        );
    assert_eq!(run.annotations.len(), 1);
    assert_eq!(run.annotations[0].matches("(hint: ").count(), 1);
    let verdicts: Vec<&str> = run
        .log
        .lines()
        .filter(|line| line.contains('✓') || line.contains('✗'))
        .collect();
    expect![[r"
        ✗ min-rows: 9: the result has 4 rows
        ✗ key: id: 1 value is in 2 rows: `2` (2 rows)
        ✓ checks: count(*) = 4: it is true
        ✗ checks: amount > 0: it is false in 1 of 4 rows: `id: 2, amount: -3`
        ✗ checks: customer > 0: it is NULL in 1 of 4 rows: `id: 3, customer: NULL`
        ✗ checks: min(customer) > 7: it is false
        ✗ checks: max(nothing) > 1: Hyper answered 42703: unknown column 'nothing'
        ✗ checks: amount +: Hyper answered 42601: syntax error: got ')', expected one of: <identifier>, <constant>, NOT, CASE, ALL, <$n parameter>, NULL, TRUE, ...
        ✗ checks: id: Hyper answered 42601: 'not' requires a boolean argument
        ✗ checks: avg(NULL::bigint) > 1: it is NULL"]].assert_eq(&verdicts.join("\n"));
    assert!(site.calls().is_empty(), "Tableau was asked");
    assert!(
        run.rows().contains("10.5"),
        "the file is there to look into"
    );
    assert_eq!(run.summary.matches("| ✗ |").count(), 9, "{}", run.summary);
}

#[test]
fn a_check_shows_five_rows_that_fail_with_what_it_names_and_the_key() {
    let mut data = "id,line,amount,note\n".to_owned();
    for row in 0..9 {
        data += &format!("{},{},{},x\n", row / 2, row % 2, 3 - row);
    }
    data += "99,0,,x\n";
    let step = || {
        Action::building()
            .file("x.csv", &data)
            .input("source", "x.csv")
    };
    step()
        .input("key", "ID, line")
        .input("checks", "amount > 0")
        .run()
        .failed(
            "check",
            &["it is false in 6 and NULL in 1 of 10 rows: `id: 1, line: 1, amount: 0`, `id: 2, line: 0, amount: -1`, `id: 2, line: 1, amount: -2`, `id: 3, line: 0, amount: -3`, `id: 3, line: 1, amount: -4`, …, but `checks: amount > 0`"],
        );
    // A condition that aggregates is about no row; one that names no column shows them all.
    step()
        .input("checks", "sum(amount) > 0")
        .run()
        .failed("check", &["it is false, but"]);
    step().input("checks", "1 > 2; -- never").run().failed(
        "check",
        &["it is false in 10 of 10 rows: `id: 0, line: 0, amount: 3, note: x`"],
    );
}

#[test]
fn wrong_guards_are_told_with_the_other_inputs() {
    let run = orders()
        .input("key", "a,,b")
        .input("checks", "SELECT 1\ncount(*) > 0")
        .input("min-rows", "x")
        .run()
        .failed(
            "inputs",
            &[
                "input `key`: line 1: a name is missing",
                "input `checks`: line 1: `SELECT 1` is a statement",
            ],
        );
    assert_eq!(run.annotations.len(), 3);
}

#[test]
fn names_in_a_check_are_those_of_the_result() {
    let shaped = || {
        orders().input(
            "sql",
            "SELECT id AS \"Order ID\", amount AS \"a\"\"b\" FROM input WHERE id < 2",
        )
    };
    shaped()
        .input("checks", "\"Order ID\" = 1\n\"a\"\"b\" > 10")
        .input("key", "order id")
        .run()
        .succeeded();
    for (check, hint) in [
        ("id > 0 AND", "the condition ends too early"),
        ("count(*) > 0 AND id > 0", "write two lines"),
        (
            "input.id > 0",
            "name the column alone, without a table: `id`",
        ),
        ("customer = \"EMEA\"", "single quotes: `'EMEA'`"),
    ] {
        orders()
            .input("checks", check)
            .run()
            .failed("check", &[hint]);
    }
    shaped().input("checks", "amount > 0").run().failed(
        "check",
        &[
            "unknown column 'amount'",
            "the columns of the result are `Order ID`",
        ],
    );
}

//! The engine is closed: whatever the data or the SQL tries, it reaches the staged rows and nothing else.

use std::sync::Arc;

use arrow_array::Int64Array;

use crate::engine::ENDLESS;
use crate::extract;
use crate::harness::{Action, Ended, leftovers, write_script};
use crate::parquet;

const SECRET: &str = "hunter2-in-the-environment";

/// A Parquet job: the one kind whose engine has files within its reach at all.
fn job() -> Action {
    let rows = parquet::file(vec![("a", Arc::new(Int64Array::from(vec![1, 2])) as _)]);
    Action::building()
        .file("x.parquet", rows.clone())
        .file("other.parquet", rows)
        .file("x.csv", "a\ntop secret\n")
        .variable("SECRET_OF_THE_JOB", SECRET)
        .input("source", "x.parquet")
}

/// Everything that may be written where a table is expected, and reaches out.
fn reaches(action: &Action, outside: &str) -> Vec<String> {
    let workspace = action.workspace().display().to_string();
    let csv =
        |path: &str| format!("external('{path}', FORMAT=>'csv', COLUMNS=>DESCRIPTOR(a text))");
    let own = |path: &str| format!("external('{path}', FORMAT=>'parquet')");
    vec![
        csv("/proc/self/environ"),
        csv("/proc/self/cmdline"),
        csv("hyperd.stderr"),
        csv("../workspace/x.csv"),
        csv(&format!("{workspace}/x.csv")),
        csv(&format!("{workspace}/link.csv")),
        csv(outside),
        own(&format!("{workspace}/x.parquet")),
        own(&format!("{workspace}/other.parquet")),
        own("parquet/../../../workspace/other.parquet"),
        "external(ARRAY['/etc/passwd'], FORMAT=>'text', COLUMNS=>DESCRIPTOR(a text))".into(),
        csv("s3://bucket/x.csv"),
        csv("gs://bucket/x.csv"),
        csv("azure://account/container/x.csv"),
        csv("http://127.0.0.1:1/x.csv"),
        "external(s3_location('s3://bucket/x.parquet'), FORMAT=>'parquet')".into(),
        "external(http_location('http://127.0.0.1:1/x.parquet'), FORMAT=>'parquet')".into(),
    ]
}

#[track_caller]
fn assert_closed(run: &Ended, tried: &str, stage: &str) {
    let code = if stage == "inputs" { 2 } else { 1 };
    assert_eq!(run.code, Some(code), "{tried}\n{}", run.raw);
    assert_eq!(run.output("failed-stage"), stage, "{tried}\n{}", run.raw);
    for secret in [SECRET, "top secret"] {
        assert!(
            !run.raw.contains(secret) && !run.summary.contains(secret),
            "{tried}\n{}",
            run.raw
        );
    }
    let left = leftovers(
        &run.machine.workspace(),
        &["x.csv", "x.parquet", "other.parquet", "link.csv"],
    );
    assert!(left.is_empty(), "{tried} wrote {left:?}");
    assert!(
        leftovers(&run.machine.temp(), &["Extract.hyper"]).is_empty(),
        "{tried}"
    );
}

fn outside() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret.csv");
    std::fs::write(&file, "a\ntop secret\n").unwrap();
    let path = file.display().to_string();
    (folder, path)
}

#[test]
fn sql_reads_no_file_and_no_network() {
    let (_folder, outside) = outside();
    let n_tried = reaches(&job(), &outside).len();
    for index in 0..n_tried {
        let action = job();
        let link = action.workspace().join("link.csv");
        std::os::unix::fs::symlink(&outside, link).unwrap();
        let reach = reaches(&action, &outside).swap_remove(index);
        let run = action
            .input("sql", format!("SELECT a::text AS a FROM {reach}"))
            .run();
        assert_closed(&run, &reach, "shape");
    }
}

#[test]
fn checks_read_no_file_and_no_network() {
    let (_folder, outside) = outside();
    let action = job();
    let tries: Vec<String> = reaches(&action, &outside)
        .iter()
        .map(|reach| format!("(SELECT count(*) FROM {reach}) >= 0"))
        .collect();
    let run = action.input("checks", tries.join("\n")).run();
    assert_closed(&run, "checks", "check");
    assert_eq!(run.log.matches('✗').count(), tries.len(), "{}", run.log);
}

#[test]
fn the_folder_of_staged_files_is_empty_when_sql_runs() {
    // The links' names are known to nobody, but a glob or the folder itself might do.
    for reach in ["parquet", "parquet/*", "parquet/*.parquet", "./parquet/"] {
        let run = job()
            .input(
                "sql",
                format!("SELECT * FROM external('{reach}', FORMAT=>'parquet')"),
            )
            .run();
        assert_closed(&run, reach, "shape");
    }
}

#[test]
fn sql_is_one_select_and_does_nothing_else() {
    for statement in [
        "SELECT 1 AS a) AS q, (SELECT 2 AS b",
        "(ANALYZE) COPY input TO 'stolen.csv' WITH (format csv)",
        "(ANALYZE) CREATE TABLE \"result\".\"Extract\".\"x\" AS SELECT 1 AS a",
        "WITH x AS (DELETE FROM input RETURNING *) SELECT * FROM x",
        "WITH x AS (INSERT INTO input VALUES (1) RETURNING a) SELECT * FROM x",
        "WITH x AS (COPY input TO 'stolen.csv') SELECT * FROM x",
        "(CREATE DATABASE \"mine.hyper\")",
        "(EXPORT DATABASE \"result\" TO 'mine.hyper')",
        "SELECT a INTO stolen FROM input",
    ] {
        let run = job().input("sql", statement).run();
        assert_closed(&run, statement, "shape");
        assert!(!std::path::Path::new("/tmp/stolen.csv").exists());
    }
    for statement in [
        "SELECT 1 AS a; DROP TABLE input",
        "SELECT 1 AS a) AS q; COPY input TO '/tmp/stolen.csv' WITH (format csv); --",
        "SELECT 1 AS a) AS s(c0); ATTACH DATABASE 'x.hyper' AS x; SELECT (1",
        "SELECT 1 AS a /* ) ",
        "SELECT 'a",
    ] {
        let run = job().input("sql", statement).run();
        assert_closed(&run, statement, "inputs");
        assert!(!std::path::Path::new("/tmp/stolen.csv").exists());
    }
    for statement in [
        "COPY input TO 'x'",
        "EXPORT DATABASE x TO 'y'",
        "IMPORT DATABASE x FROM 'y'",
        "ATTACH DATABASE 'x'",
        "CREATE DATABASE x",
        "SET timezone='CET'",
        "",
    ] {
        let sql = if statement.is_empty() { ";" } else { statement };
        job()
            .input("sql", sql)
            .run()
            .failed("inputs", &["input `sql`"]);
    }
}

#[test]
fn a_check_is_one_expression_and_does_nothing_else() {
    let tries = [
        "true) AS holds FROM input) q, (SELECT (true",
        "(DELETE FROM \"result\".\"Extract\".\"Extract\") IS NULL",
        "(COPY input TO 'stolen.csv') IS NULL",
        "true --) AS holds FROM input) q; DROP TABLE input",
    ];
    let run = job().input("checks", tries.join("\n")).run();
    assert_closed(&run, "checks", "check");
    // The last one only has a comment.
    assert_eq!(run.log.matches('✗').count(), tries.len() - 1, "{}", run.log);
    assert!(run.rows().contains("  1\n  2\n"), "{}", run.rows());
    for check in [
        "true; DROP TABLE \"result\".\"Extract\".\"Extract\"",
        "true) AS holds FROM input) q; COPY input TO 'stolen.csv' WITH (format csv); --",
        "true) AS holds); ATTACH DATABASE 'x.hyper' AS x; SELECT (true",
        "true) FROM input; DELETE FROM \"result\".\"Extract\".\"Extract\"; --",
        "true /*",
        "'a",
    ] {
        let run = job().input("checks", check).run();
        assert_closed(&run, check, "inputs");
    }
}

/// The engine with other settings, as a machine with less memory would have it.
fn engine_with(arguments: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("hyperd");
    let hyperd = extract::hyperd().canonicalize().unwrap();
    let text = format!("#!/bin/sh\n{arguments} \"$@\"\n");
    write_script(
        &script,
        &text.replace("HYPERD", &hyperd.display().to_string()),
    );
    folder
}

#[test]
fn sql_that_wants_too_much_memory_ends_with_a_message() {
    let hungry = "SELECT x, md5(x::text) AS m, row_number() OVER (ORDER BY md5(x::text)) AS r FROM generate_series(1, 3000000) t(x)";
    let run = |arguments: &str, sql: &str| {
        let engine = engine_with(arguments);
        job()
            .variable("HYPERD_PATH", engine.path().display().to_string())
            .input("sql", sql)
            .run()
    };
    run("exec HYPERD --memory-limit=150m", hungry)
        .failed("shape", &["memory", "let `sql` keep fewer rows"]);
    // The kernel's way: no answer, the process is simply gone. It is at the query when it has used many times
    // the hundredths of a second that it takes to start.
    let killed = "HYPERD \"$@\" & until [ \"$(cut -d ' ' -f 14 /proc/$!/stat)\" -gt 60 ]; do sleep 0.02; done; kill -9 $!; exit 9; :";
    run(killed, ENDLESS).failed(
        "shape",
        &[
            "the Hyper engine died",
            "let `sql` keep fewer rows or columns",
        ],
    );
}

#[test]
fn names_hold_anything_but_what_no_name_can() {
    let data =
        r#"[{"a\"b": 1, "x.y": 2, "'; DROP TABLE input; --": 3, "🐶 emoji": 4, "back\\slash": 5}]"#;
    let run = Action::building()
        .file("x.json", data)
        .input("source", "x.json")
        .input("table", "a\"b.c '; -- 🐶")
        .input("key", "\"a\"\"b\",'; DROP TABLE input; --")
        .input("checks", "\"🐶 emoji\" = 4")
        .run()
        .succeeded();
    assert!(
        run.rows().contains("Extract.a\"b.c '; -- 🐶"),
        "{}",
        run.rows()
    );
    assert!(
        run.rows().contains("  1 | 2 | 3 | 4 | 5\n"),
        "{}",
        run.rows()
    );
    let nul = Action::building()
        .file("x.json", r#"[{"a\u0000b": 1}]"#)
        .input("source", "x.json")
        .run();
    assert_eq!(nul.code, Some(1), "{}", nul.raw);
    assert!(!nul.annotations.is_empty());
}

#[test]
fn words_of_sql_are_names_too() {
    let run = Action::building()
        .file("a.csv", "when,select,user,order,end\n1,2,3,4,5\n")
        .file("b.csv", "when,table\n1,x\n")
        .input("source", "order: a.csv\nuser: b.csv")
        .input(
            "sql",
            "SELECT o.*, u.\"table\" FROM \"order\" o JOIN \"user\" u ON o.\"when\" = u.\"when\"",
        )
        .input("table", "table")
        .input("key", "when, select")
        .run()
        .succeeded();
    assert!(run.rows().contains("Extract.table\n"), "{}", run.rows());
    assert!(
        run.rows().contains("  1 | 2 | 3 | 4 | 5 | x\n"),
        "{}",
        run.rows()
    );
    let plain = Action::building()
        .file("a.csv", "when,end\n1,2\n")
        .input("source", "a.csv")
        .input("table", "when")
        .run()
        .succeeded();
    assert!(
        plain
            .rows()
            .contains("Extract.when\n  when BIGINT, end BIGINT\n")
    );
}

#[test]
fn a_thousand_columns_go_through_every_stage() {
    let names: Vec<String> = (0..1000).map(|n| format!("column {n}")).collect();
    let values: Vec<String> = (0..1000).map(|n| n.to_string()).collect();
    let csv = format!("{}\n{}\n", names.join(","), values.join(","));
    let run = Action::building()
        .file("x.csv", csv)
        .input("source", "x.csv")
        .input("sql", "SELECT * FROM input")
        .input("key", names.join(","))
        .input("checks", "\"column 999\" = 999")
        .run()
        .succeeded();
    assert!(run.rows().contains(&values.join(" | ")));
    let columns = names
        .iter()
        .map(|name| (name.as_str(), Arc::new(Int64Array::from(vec![1])) as _));
    let run = Action::building()
        .file("x.parquet", parquet::file(columns.collect()))
        .input("source", "x.parquet")
        .run()
        .succeeded();
    assert_eq!(run.rows().matches("column ").count(), 1000);
}

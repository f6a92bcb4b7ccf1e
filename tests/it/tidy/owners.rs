//! Each outside name has one owner.

use super::tree::{room_of, rust_files};

/// Names of the outside world and the modules that may say them.
const OWNERS: [(&str, &[&str]); 13] = [
    ("hyperdb_api", &["hyper"]),
    ("arrow_", &["data", "columnar", "table", "hyper"]),
    ("parquet::arrow", &["columnar"]),
    ("quick_xml", &["readers", "typing", "outline", "tableau"]),
    ("envy::", &["inputs"]),
    ("reqwest", &["http"]),
    ("flate2", &["http"]),
    ("brotli::", &["http"]),
    ("zstd::", &["http"]),
    ("tokio::fs", &["http", "tableau"]),
    ("\"GITHUB_", &["report", "inputs"]),
    ("std::env::var", &["main"]),
    ("println!", &[]),
];

/// Without comments and without the tests at the end: both may name what they explain or try.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let end = text.find("#[cfg(test)]\nmod tests").unwrap_or(text.len());
    let lines = text[..end].lines().enumerate();
    lines.map(|(index, line)| (index + 1, line.split("//").next().unwrap_or_default()))
}

fn owner_problems(file: &str, text: &str) -> Vec<String> {
    let module = room_of(file);
    let mut problems = Vec::new();
    for (number, line) in code(text) {
        for (name, owners) in OWNERS {
            if line.contains(name) && !owners.contains(&module) {
                problems.push(format!("{file}:{number}: `{module}` may not use `{name}`"));
            }
        }
    }
    problems
}

#[test]
fn outside_names_have_one_owner() {
    let files = rust_files("src");
    let problems: Vec<String> = files
        .iter()
        .flat_map(|(file, text)| owner_problems(file, text))
        .collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn a_wrong_owner_is_found() {
    assert_eq!(
        owner_problems(
            "src/guards.rs",
            "// hyperdb_api in words\nuse hyperdb_api::Connection;\n"
        ),
        ["src/guards.rs:2: `guards` may not use `hyperdb_api`"]
    );
}

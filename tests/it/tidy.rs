//! Holds the tree to its own rules: who imports whom, who owns which outside name, what must agree.

mod agreement;
mod owners;
mod tree;

use owners::code;
use tree::{room_of, root, rust_files};

/// Which module may import which; the crate doc says why.
const IMPORTS: [(&str, &[&str]); 19] = [
    ("events", &[]),
    ("cancel", &[]),
    ("panics", &[]),
    ("secrets", &[]),
    ("say", &["secrets"]),
    ("problem", &[]),
    ("data", &[]),
    ("disk", &["say"]),
    ("workspace", &[]),
    (
        "http",
        &["events", "problem", "say", "secrets", "workspace"],
    ),
    (
        "source",
        &[
            "data",
            "events",
            "http",
            "problem",
            "say",
            "secrets",
            "workspace",
        ],
    ),
    ("table", &["data", "problem", "say", "secrets", "source"]),
    (
        "hyper",
        &["cancel", "data", "events", "problem", "say", "table"],
    ),
    ("guards", &["hyper", "say", "secrets"]),
    (
        "tableau",
        &[
            "cancel", "events", "http", "panics", "problem", "say", "secrets",
        ],
    ),
    (
        "inputs",
        &[
            "http", "say", "secrets", "source", "data", "table", "hyper", "guards", "tableau",
        ],
    ),
    (
        "report",
        &[
            "events", "panics", "problem", "say", "secrets", "source", "data", "table", "hyper",
            "guards", "tableau", "inputs", "http", "Run", "Failure",
        ],
    ),
    (
        "lib",
        &[
            "cancel",
            "events",
            "say",
            "panics",
            "http",
            "source",
            "table",
            "hyper",
            "guards",
            "tableau",
            "inputs",
            "disk",
            "workspace",
        ],
    ),
    (
        "main",
        &[
            "cancel", "events", "inputs", "panics", "report", "Run", "run",
        ],
    ),
];

/// Names that follow `crate::`, one by one or in braces.
fn imported(text: &str) -> Vec<(usize, String)> {
    let lines: Vec<(usize, &str)> = code(text).collect();
    let mut found = Vec::new();
    for (position, (number, line)) in lines.iter().enumerate() {
        for prefix in ["crate::", "publish_to_tableau::"] {
            for (start, _) in line.match_indices(prefix) {
                let mut rest = line[start + prefix.len()..].to_owned();
                if rest.starts_with('{') {
                    let mut next = position + 1;
                    while !rest.contains("};") && next < lines.len() {
                        rest += lines[next].1;
                        next += 1;
                    }
                    let inner = rest[1..].split("};").next().unwrap_or_default();
                    found.extend(top_level(inner).into_iter().map(|name| (*number, name)));
                } else {
                    found.push((*number, first_name(&rest)));
                }
            }
        }
    }
    found
}

fn top_level(list: &str) -> Vec<String> {
    let mut depth = 0;
    let mut names = vec![String::new()];
    for c in list.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => names.push(String::new()),
            _ if depth == 0 => names.last_mut().unwrap().push(c),
            _ => {}
        }
    }
    names
        .iter()
        .map(|name| first_name(name.trim()))
        .filter(|name| !name.is_empty())
        .collect()
}

fn first_name(text: &str) -> String {
    text.chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect()
}

fn import_problems(file: &str, text: &str) -> Vec<String> {
    let module = room_of(file);
    let allowed = IMPORTS.iter().find(|(name, _)| *name == module);
    let Some((_, allowed)) = allowed else {
        return vec![format!(
            "{file}: `{module}` has no row in the table of imports"
        )];
    };
    let wrong = imported(text)
        .into_iter()
        .filter(|(_, name)| name != module && !allowed.contains(&name.as_str()));
    wrong
        .map(|(line, name)| format!("{file}:{line}: `{module}` may not import `{name}`"))
        .collect()
}

#[test]
fn modules_import_only_what_feeds_them() {
    let files = rust_files("src");
    assert!(files.len() > 20);
    let problems: Vec<String> = files
        .iter()
        .flat_map(|(file, text)| import_problems(file, text))
        .collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn a_wrong_import_is_found() {
    let text = "use crate::events::Event;\nuse crate::{http,\n    tableau::{Luid, Tag}};\nfn f() { crate::report::count(1, \"\"); }\n";
    assert_eq!(
        import_problems("src/source/file.rs", text),
        [
            "src/source/file.rs:2: `source` may not import `tableau`",
            "src/source/file.rs:4: `source` may not import `report`",
        ]
    );
}

#[test]
fn the_crate_doc_lists_every_module() {
    let doc = std::fs::read_to_string(root().join("src/lib.rs")).unwrap();
    for (module, _) in IMPORTS
        .iter()
        .filter(|(module, _)| !matches!(*module, "lib" | "main"))
    {
        assert!(
            doc.contains(&format!("//! | [`{module}`] |")),
            "the crate doc has no row for `{module}`"
        );
    }
}

#[test]
fn files_open_with_what_they_are_and_stay_readable() {
    let mut files = rust_files("src");
    files.extend(rust_files("tests"));
    for (file, text) in files {
        assert!(text.starts_with("//! "), "{file} does not open with `//!`");
        let n_lines = text.lines().count();
        assert!(n_lines <= 700, "{file} has {n_lines} lines");
    }
}

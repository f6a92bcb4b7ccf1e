//! Holds the tree to its own rules: who imports whom, who owns which outside name, what must agree.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use publish_to_tableau::inputs::{DECLARED, Filled};
use publish_to_tableau::report::OUTPUTS;
use publish_to_tableau::tableau::CATALOGUE;

/// Which module may import which; the crate doc says why.
const IMPORTS: [(&str, &[&str]); 23] = [
    ("events", &[]),
    ("cancel", &[]),
    ("panics", &[]),
    ("secrets", &[]),
    ("say", &["secrets"]),
    ("problem", &[]),
    ("data", &["typing", "readers"]),
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
    (
        "readers",
        &[
            "data", "problem", "say", "secrets", "source", "typing", "outline", "table",
        ],
    ),
    (
        "outline",
        &["data", "readers", "say", "source", "table", "typing"],
    ),
    (
        "typing",
        &["data", "readers", "say", "secrets", "source", "table"],
    ),
    (
        "columnar",
        &["data", "readers", "say", "source", "typing", "table"],
    ),
    (
        "table",
        &[
            "columnar", "data", "outline", "readers", "say", "source", "typing",
        ],
    ),
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

/// Names of the outside world and the modules that may say them.
const OWNERS: [(&str, &[&str]); 13] = [
    ("hyperdb_api", &["hyper"]),
    ("arrow_", &["data", "columnar"]),
    ("parquet::arrow", &["columnar"]),
    ("quick_xml", &["readers", "outline", "typing", "tableau"]),
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

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every `.rs` file below a folder with its text, sorted.
fn rust_files(folder: &str) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root()).unwrap().display().to_string();
                files.insert(name, std::fs::read_to_string(path).unwrap());
            }
        }
    }
    files
}

/// `src/source/file.rs` and `src/source.rs` are both in `source`.
fn module_of(file: &str) -> &str {
    let inside = file.strip_prefix("src/").unwrap();
    inside.split(['/', '.']).next().unwrap()
}

/// Without comments and without the tests at the end: both may name what they explain or try.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let end = text.find("#[cfg(test)]\nmod tests").unwrap_or(text.len());
    let lines = text[..end].lines().enumerate();
    lines.map(|(index, line)| (index + 1, line.split("//").next().unwrap_or_default()))
}

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
    let module = module_of(file);
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

fn owner_problems(file: &str, text: &str) -> Vec<String> {
    let module = module_of(file);
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
fn outside_names_have_one_owner() {
    let files = rust_files("src");
    let problems: Vec<String> = files
        .iter()
        .flat_map(|(file, text)| owner_problems(file, text))
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
    assert_eq!(
        owner_problems(
            "src/guards.rs",
            "// hyperdb_api in words\nuse hyperdb_api::Connection;\n"
        ),
        ["src/guards.rs:2: `guards` may not use `hyperdb_api`"]
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

#[test]
fn inputs_agree_in_action_code_and_readme() {
    let action = std::fs::read_to_string(root().join("action.yml")).unwrap();
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let section = entries(&action, "inputs");
    let names: Vec<&str> = section.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        DECLARED.map(|input| input.name),
        "action.yml and the code"
    );
    for (input, (_, keys)) in DECLARED.iter().zip(&section) {
        let default = keys.get("default").map(|value| value.trim_matches('"'));
        let description = &keys["description"];
        match input.filled {
            Filled::ByRunner => {
                let default = default.unwrap_or_default();
                assert_eq!(default, input.default, "default of `{}`", input.name);
            }
            // Else the program could not tell it from the same word written by the user.
            Filled::ByProgram => {
                assert_eq!(default, None, "default of `{}`", input.name);
                let says = description.contains(input.default) && description.contains("default");
                assert!(
                    says,
                    "action.yml, default of `{}`: {description}",
                    input.name
                );
            }
        }
        let shown = match (input.default, input.variable, input.name) {
            (_, _, "source") => "required".to_owned(),
            (_, Some(variable), _) => format!("`${variable}`"),
            ("", None, _) => "–".to_owned(),
            (default, None, _) => format!("`{default}`"),
        };
        let row = readme
            .lines()
            .find(|line| line.starts_with(&format!("| `{}` |", input.name)));
        let row = row.unwrap_or_else(|| panic!("the README has no row for `{}`", input.name));
        let cell = row.split('|').nth(2).unwrap().trim();
        assert!(
            cell.starts_with(&shown),
            "README, default of `{}`: {cell} is not {shown}",
            input.name
        );
        if let Some(variable) = input.variable {
            assert!(
                description.contains(variable),
                "action.yml, `{}`",
                input.name
            );
        }
    }
    let section = readme
        .split("\n## ")
        .find(|section| section.starts_with("Inputs"))
        .expect("a section `Inputs`");
    let rows = section
        .lines()
        .filter(|line| line.starts_with("| `"))
        .filter_map(|line| line.split('`').nth(1));
    let inputs: Vec<&str> = rows
        .filter(|name| DECLARED.iter().any(|input| input.name == *name))
        .collect();
    assert_eq!(
        inputs,
        DECLARED.map(|input| input.name),
        "order in the README"
    );
}

#[test]
fn outputs_agree_in_action_code_and_readme() {
    let action = std::fs::read_to_string(root().join("action.yml")).unwrap();
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let names: Vec<String> = entries(&action, "outputs")
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names, OUTPUTS);
    for name in OUTPUTS {
        assert!(
            readme.contains(&format!("| `{name}` |")),
            "the README has no row for the output `{name}`"
        );
    }
}

/// Returns the README with the table of codes as the catalogue has it.
fn with_codes(readme: &str, catalogue: &[(&str, &str, &str)]) -> String {
    let head = "| code | what it means | what to do |\n|---|---|---|\n";
    let start = readme.find(head).expect("a table of codes") + head.len();
    let rest = &readme[start..];
    let end = rest.find("\n\n").expect("an end of the table") + 1;
    let rows: Vec<String> = catalogue
        .iter()
        .map(|(code, cause, hint)| format!("| `{code}` | {cause} | {hint} |\n"))
        .collect();
    [&readme[..start], &rows.concat(), &rest[end..]].concat()
}

/// `UPDATE_EXPECT=1` rewrites the table.
#[test]
fn the_readme_explains_every_code_as_the_catalogue_does() {
    let file = root().join("README.md");
    let readme = std::fs::read_to_string(&file).unwrap();
    let wanted = with_codes(&readme, CATALOGUE);
    if readme != wanted && std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&file, wanted).unwrap();
        return;
    }
    assert!(
        readme == wanted,
        "the table of codes differs from the catalogue; UPDATE_EXPECT=1 rewrites it"
    );
}

#[test]
fn rewriting_the_codes_changes_their_table_and_nothing_else() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let mut catalogue = CATALOGUE.to_vec();
    let dropped = catalogue.remove(3);
    catalogue[5].2 = "do something else";
    catalogue.push(("999999", "a new one", "set `project`"));
    let copy = with_codes(&readme, &catalogue);
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let (before, after) = (lines(&readme), lines(&copy));
    let gone: Vec<&String> = before.iter().filter(|line| !after.contains(line)).collect();
    let new: Vec<&String> = after.iter().filter(|line| !before.contains(line)).collect();
    let (code, cause, hint) = dropped;
    assert_eq!(*gone[0], format!("| `{code}` | {cause} | {hint} |"));
    assert_eq!((gone.len(), new.len()), (2, 2), "{gone:?} {new:?}");
    assert!(new[0].ends_with("| do something else |"), "{}", new[0]);
    assert_eq!(new[1], "| `999999` | a new one | set `project` |");
    // What stands around the table is as it was, and the way back leads to where it began.
    assert!(copy.ends_with(readme.rsplit("\n\n").next().unwrap()));
    assert_eq!(with_codes(&copy, CATALOGUE), readme);
}

#[test]
fn the_engine_is_pinned_in_one_place() {
    let mut named = Vec::new();
    for file in [
        "Dockerfile",
        "tests/setup.sh",
        "tests/run.sh",
        "tests/demo.sh",
        "tests/install-hyperd.sh",
        "Cargo.toml",
    ] {
        let text = std::fs::read_to_string(root().join(file)).unwrap();
        if text
            .lines()
            .any(|line| line.starts_with("sha256=") || line.contains("tableauhyperapi==0"))
        {
            named.push(file);
        }
    }
    assert_eq!(named, ["tests/install-hyperd.sh"]);
}

#[test]
fn nothing_here_runs_on_a_schedule() {
    let workflows = root().join(".github/workflows");
    for entry in std::fs::read_dir(&workflows).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        assert!(
            !text.contains("schedule:"),
            "a schedule would publish to a site this repository does not have"
        );
    }
    assert!(Path::new(&root().join(".github/examples/publish-dog.yml")).exists());
}

/// Entries of a section of `action.yml` with their keys. Only the shape that file has is read.
fn entries(action: &str, section: &str) -> Vec<(String, BTreeMap<String, String>)> {
    let start = format!("\n{section}:\n");
    let body = action
        .split(&start)
        .nth(1)
        .unwrap_or_else(|| panic!("no section `{section}`"));
    let mut entries: Vec<(String, BTreeMap<String, String>)> = Vec::new();
    for line in body
        .lines()
        .take_while(|line| line.is_empty() || line.starts_with(' '))
    {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        let (key, value) = trimmed.split_once(':').expect("`key: value`");
        if line.starts_with("    ") {
            entries
                .last_mut()
                .unwrap()
                .1
                .insert(key.to_owned(), value.trim().to_owned());
        } else {
            entries.push((key.to_owned(), BTreeMap::new()));
        }
    }
    entries
}

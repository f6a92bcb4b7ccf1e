//! What action, code, README and scripts say alike.

use std::collections::BTreeMap;
use std::path::Path;

use publish_to_tableau::inputs::{DECLARED, Filled};
use publish_to_tableau::report::OUTPUTS;
use publish_to_tableau::tableau::CATALOGUE;

use super::tree::root;

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

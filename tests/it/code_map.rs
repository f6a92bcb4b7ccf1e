//! Holds `docs/code-map.md` to the tree: a line for every file of `src`, in the words the file opens with.
//!
//! `UPDATE_EXPECT=1 cargo it code_map` writes the lines anew; headings and what stands below them is written by hand.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

const MAP: &str = "docs/code-map.md";
/// The heading of files that are a room by themselves, or none.
const TOP: &str = "src";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below `src` with its text, by its path from there.
fn sources() -> BTreeMap<String, String> {
    let src = root().join("src");
    let mut files = BTreeMap::new();
    let mut folders = vec![src.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(&src).unwrap().display().to_string();
                files.insert(name, std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    files
}

/// The first sentence of a file's `//!`, without the brackets of links.
fn sentence(text: &str) -> String {
    let lines = text
        .lines()
        .map_while(|line| line.strip_prefix("//! "))
        .collect::<Vec<_>>()
        .join(" ");
    let end = lines.find(". ").map_or(lines.len(), |at| at + 1);
    lines[..end].replace("[`", "`").replace("`]", "`")
}

/// The room a file is in, or `src` if it has no folder around or beside it.
fn heading(file: &str, rooms: &BTreeSet<&str>) -> String {
    let first = file.split(['/', '.']).next().unwrap_or_default();
    if rooms.contains(first) { first } else { TOP }.to_owned()
}

/// The lines below each heading; a door stands before what it opens.
fn wanted(files: &BTreeMap<String, String>) -> BTreeMap<String, Vec<String>> {
    let rooms: BTreeSet<&str> = files
        .keys()
        .filter_map(|file| file.split_once('/').map(|(room, _)| room))
        .collect();
    let mut sorted: Vec<(Vec<&str>, &str, &str)> = files
        .iter()
        .map(|(file, text)| {
            let stem = file.trim_end_matches(".rs");
            (stem.split('/').collect(), file.as_str(), text.as_str())
        })
        .collect();
    sorted.sort();
    let mut lines: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (_, file, text) in sorted {
        let line = format!("- `{file}`: {}", sentence(text));
        lines.entry(heading(file, &rooms)).or_default().push(line);
    }
    lines
}

fn is_entry(line: &str) -> bool {
    line.starts_with("- `") && line.contains(".rs`: ")
}

/// Puts the lines below their headings, and headings that are missing at the end.
fn rewritten(map: &str, wanted: &BTreeMap<String, Vec<String>>) -> String {
    let mut left = wanted.clone();
    let mut text = String::new();
    let mut sections = map.split("\n## ");
    text += sections.next().unwrap_or_default().trim_end();
    for section in sections {
        let (head, body) = section.split_once('\n').unwrap_or((section, ""));
        let name = head.split('`').nth(1).unwrap_or_default();
        let prose: Vec<&str> = body.lines().filter(|line| !is_entry(line)).collect();
        let prose = prose.join("\n");
        let lines = left.remove(name).unwrap_or_default();
        if name.is_empty() || !lines.is_empty() {
            text += &section_of(head, prose.trim(), &lines);
        }
    }
    for (name, lines) in left {
        text += &section_of(&format!("`{name}`"), "", &lines);
    }
    text + "\n"
}

fn section_of(head: &str, prose: &str, lines: &[String]) -> String {
    let parts = [prose.to_owned(), lines.join("\n")];
    let filled: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    format!("\n\n## {head}\n\n{}", filled.join("\n\n"))
}

/// Files that the prose names, which no rewriting keeps true.
fn named(map: &str) -> Vec<&str> {
    map.lines()
        .filter(|line| !is_entry(line))
        .flat_map(|line| line.split('`').skip(1).step_by(2))
        .filter(|code| {
            let is_rust = Path::new(code).extension().is_some_and(|end| end == "rs");
            is_rust && !code.contains(' ')
        })
        .collect()
}

#[test]
fn every_file_of_src_has_its_line_in_the_code_map() {
    let files = sources();
    let map = std::fs::read_to_string(root().join(MAP)).unwrap();
    let new = rewritten(&map, &wanted(&files));
    if map != new && std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(root().join(MAP), new).unwrap();
        return;
    }
    let (old, right): (BTreeSet<&str>, BTreeSet<&str>) =
        (map.lines().collect(), new.lines().collect());
    let missing: Vec<&&str> = right.difference(&old).collect();
    let wrong: Vec<&&str> = old.difference(&right).collect();
    assert!(
        map == new,
        "{MAP} differs from the tree; UPDATE_EXPECT=1 rewrites it\nmissing: {missing:#?}\nwrong: {wrong:#?}"
    );
}

#[test]
fn files_the_code_map_sends_people_to_are_there() {
    let files = sources();
    let map = std::fs::read_to_string(root().join(MAP)).unwrap();
    let named = named(&map);
    assert!(named.len() > 10, "{named:?}");
    for file in named {
        let is_there = files.contains_key(file) || root().join(file).exists();
        assert!(
            is_there,
            "{MAP} sends people to `{file}`, which is not there"
        );
    }
}

#[test]
fn sentences_stand_alone_and_say_what_a_file_is() {
    for (file, text) in sources() {
        let sentence = sentence(&text);
        assert!(sentence.ends_with('.'), "{file}: {sentence}");
        let length = sentence.chars().count();
        assert!((20..=220).contains(&length), "{file}: {length} characters");
    }
}

#[test]
fn lines_come_and_go_with_their_files() {
    let files = |names: &[(&str, &str)]| -> BTreeMap<String, String> {
        let pair = |(name, text): &(&str, &str)| ((*name).to_owned(), format!("//! {text}\n"));
        names.iter().map(pair).collect()
    };
    let tree = wanted(&files(&[
        ("lib.rs", "The top. More."),
        ("b.rs", "A door to [`B`]\n//! and more."),
        ("b/x.rs", "Within."),
    ]));
    let map = "# Map\n\nWords.\n\n## `src`\n\nThe `lib.rs` first.\n\n- `gone.rs`: Gone.\n\n## `old`\n\nOf old.\n\n## Where\n\n- there\n";
    let expected = "# Map\n\nWords.\n\n## `src`\n\nThe `lib.rs` first.\n\n- `lib.rs`: The top.\n\n## Where\n\n- there\n\n## `b`\n\n- `b.rs`: A door to `B` and more.\n- `b/x.rs`: Within.\n";
    assert_eq!(rewritten(map, &tree), expected);
    assert_eq!(rewritten(expected, &tree), expected);
    assert_eq!(named(map), ["lib.rs"]);
}

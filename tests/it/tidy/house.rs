//! The rules of the house, held to the real tree.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use super::build::graph_of;
use super::graph::Graph;
use super::rules;
use super::tree::{room_of, root, rust_files};

/// Which module may import which; the crate doc says why.
const IMPORTS: [(&str, &[&str]); 26] = [
    ("secrets", &[]),
    ("say", &["secrets"]),
    ("problem", &[]),
    ("events", &[]),
    ("cancel", &[]),
    ("panics", &[]),
    ("random", &[]),
    ("disk", &["say"]),
    ("workspace", &[]),
    ("data", &[]),
    ("rules", &["data", "say"]),
    (
        "http",
        &["events", "problem", "random", "say", "secrets", "workspace"],
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
        &["data", "http", "rules", "say", "secrets", "source"],
    ),
    ("typing", &["data", "readers", "rules", "say", "source"]),
    (
        "columnar",
        &[
            "data", "http", "readers", "rules", "say", "source", "typing",
        ],
    ),
    (
        "outline",
        &["columnar", "data", "readers", "rules", "say", "source"],
    ),
    (
        "table",
        &[
            "columnar", "data", "outline", "readers", "rules", "say", "source", "typing",
        ],
    ),
    (
        "hyper",
        &[
            "cancel", "columnar", "data", "events", "problem", "say", "table",
        ],
    ),
    ("guards", &["hyper", "say"]),
    (
        "tableau",
        &[
            "cancel", "events", "http", "panics", "problem", "random", "say", "secrets",
        ],
    ),
    (
        "inputs",
        &[
            "data", "guards", "http", "hyper", "rules", "say", "secrets", "source", "tableau",
        ],
    ),
    (
        "run",
        &[
            "cancel",
            "data",
            "disk",
            "events",
            "guards",
            "http",
            "hyper",
            "inputs",
            "outline",
            "panics",
            "say",
            "source",
            "table",
            "tableau",
            "workspace",
        ],
    ),
    (
        "report",
        &[
            "data", "events", "guards", "http", "hyper", "inputs", "panics", "problem", "random",
            "run", "say", "secrets", "source", "tableau",
        ],
    ),
    ("lib", &[]),
    (
        "main",
        &["cancel", "events", "inputs", "panics", "report", "run"],
    ),
];

/// Words of the field that rooms may share because they mean the same in all of them, each with what that is.
const FIELD_WORDS: [(&str, &str); 0] = [];

/// Lines of a file of `src`, with its tests.
const FILE: usize = 640;
/// Lines of a file of tests.
const TEST_FILE: usize = 700;
/// Lines of a room, with its tests.
const ROOM: usize = 6_500;

static GRAPH: LazyLock<Graph> = LazyLock::new(|| graph_of(&rust_files("src")));

/// Fails with everything that is wrong.
fn hold<T: Ord>(found: &BTreeSet<T>, explain: impl Fn(&T) -> String) {
    let told: Vec<String> = found.iter().map(explain).collect();
    assert!(told.is_empty(), "{}", told.join("\n"));
}

#[test]
fn the_graph_sees_everything() {
    assert!(GRAPH.files.len() > 20);
    assert!(GRAPH.blind.is_empty(), "{}", GRAPH.blind.join("\n"));
}

#[test]
fn rooms_import_only_what_feeds_them() {
    let wrong = rules::wrong_imports(&GRAPH, &IMPORTS);
    let explain = |edge: &(String, String)| rules::explain_import(&GRAPH, edge);
    hold(&wrong, explain);
}

/// So the rooms form no circle either.
#[test]
fn rooms_import_only_rooms_above_them_in_the_table() {
    for (position, (room, imports)) in IMPORTS.iter().enumerate() {
        let above: Vec<&str> = IMPORTS[..position].iter().map(|(room, _)| *room).collect();
        let below = imports.iter().find(|import| !above.contains(import));
        assert_eq!(below, None, "`{room}` imports a room that stands below it");
    }
}

#[test]
fn the_crate_doc_lists_every_module() {
    let doc = std::fs::read_to_string(root().join("src/lib.rs")).unwrap();
    for (module, imports) in IMPORTS
        .iter()
        .filter(|(module, _)| !matches!(*module, "lib" | "main"))
    {
        let row = doc
            .lines()
            .find(|line| line.starts_with(&format!("//! | [`{module}`] |")));
        let row = row.unwrap_or_else(|| panic!("the crate doc has no row for `{module}`"));
        let told = if imports.is_empty() {
            "–".to_owned()
        } else {
            format!("`{}`", imports.join(" "))
        };
        assert!(
            row.ends_with(&format!(" | {told} |")),
            "{row} is not {told}"
        );
    }
}

/// `TIDY_PRINT=1` with `--nocapture` prints every arrow.
#[test]
#[expect(clippy::print_stdout, reason = "for whoever asks to see it")]
fn files_form_no_circle() {
    if std::env::var_os("TIDY_PRINT").is_some() {
        print!("{}", rules::drawn(&GRAPH));
    }
    let circles: BTreeSet<_> = rules::circles(&GRAPH).into_iter().collect();
    hold(&circles, |circle| {
        let arrows = rules::arrows(&GRAPH, circle).join("\n  ");
        format!("a circle: {circle:?}\n  {arrows}")
    });
}

#[test]
fn files_import_from_the_file_that_defines() {
    let led = rules::through_doors(&GRAPH);
    let explain = |name: &(String, String)| rules::explain_door(&GRAPH, name);
    hold(&led, explain);
}

#[test]
fn impls_stand_with_their_type() {
    let stray = rules::stray_impls(&GRAPH);
    let explain = |block: &(String, String)| rules::explain_impl(&GRAPH, block);
    hold(&stray, explain);
}

#[test]
fn a_room_gives_a_type_name_once() {
    let twice = rules::twice_in_a_room(&GRAPH);
    hold(&twice, |(room, name)| {
        format!("`{room}`: {}", rules::explain_name(&GRAPH, name))
    });
}

#[test]
fn rooms_share_type_names_only_of_the_field() {
    let mut shared = rules::in_several_rooms(&GRAPH);
    for (word, meaning) in FIELD_WORDS {
        assert!(
            shared.remove(word),
            "`{word}` ({meaning}) is in one room only"
        );
    }
    hold(&shared, |name| rules::explain_name(&GRAPH, name));
}

#[test]
fn files_open_with_what_they_are_and_stay_readable() {
    for (folder, limit) in [("src", FILE), ("tests", TEST_FILE)] {
        for (file, text) in rust_files(folder) {
            assert!(text.starts_with("//! "), "{file} does not open with `//!`");
            let n_lines = text.lines().count();
            assert!(n_lines <= limit, "{file} has {n_lines} lines");
        }
    }
}

#[test]
fn rooms_stay_small() {
    let mut rooms: BTreeMap<String, usize> = BTreeMap::new();
    for (file, text) in rust_files("src") {
        *rooms.entry(room_of(&file).to_owned()).or_default() += text.lines().count();
    }
    let large = rooms.iter().filter(|(_, n_lines)| **n_lines > ROOM);
    let large: BTreeSet<&String> = large.map(|(room, _)| room).collect();
    hold(&large, |room| {
        format!("`{room}` has {} lines", rooms[*room])
    });
}

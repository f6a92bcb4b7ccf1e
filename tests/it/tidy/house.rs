//! The rules of the house, held to the real tree.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use super::build::graph_of;
use super::graph::Graph;
use super::tree::{room_of, root, rust_files};
use super::{rules, today};

/// Which module may import which; the crate doc says why.
const IMPORTS: [(&str, &[&str]); 25] = [
    ("secrets", &[]),
    ("say", &["secrets"]),
    ("problem", &[]),
    ("events", &[]),
    ("cancel", &[]),
    ("panics", &[]),
    ("disk", &["say"]),
    ("workspace", &[]),
    ("data", &[]),
    ("rules", &["data", "say"]),
    (
        "http",
        &["events", "problem", "say", "secrets", "workspace"],
    ),
    (
        "source",
        &["events", "http", "problem", "say", "secrets", "workspace"],
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
            "cancel", "events", "http", "panics", "problem", "say", "secrets",
        ],
    ),
    (
        "inputs",
        &[
            "data", "guards", "http", "hyper", "rules", "say", "secrets", "source", "tableau",
        ],
    ),
    (
        "report",
        &[
            "data", "events", "guards", "http", "hyper", "inputs", "panics", "problem", "run",
            "say", "secrets", "source", "tableau",
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
    ("lib", &["run"]),
    (
        "main",
        &["cancel", "events", "inputs", "panics", "report", "run"],
    ),
];

/// Words of the field that rooms may share, each with what it means in all of them.
const FIELD_WORDS: &[(&str, &str)] = &[
    ("Batch", "rows or records that are handed on together"),
    (
        "Chunk",
        "a part of a file or stream that is handed on at once",
    ),
    ("Session", "a conversation under one sign-in"),
    ("Sink", "where goes what is read"),
];

/// Lines of a file of `src`, with its tests.
const FILE: usize = 640;
/// Lines of a file of tests.
const TEST_FILE: usize = 700;
/// Lines of a room, with its tests.
const ROOM: usize = 6_500;

static GRAPH: LazyLock<Graph> = LazyLock::new(|| graph_of(&rust_files("src")));

/// Fails with what is wrong and not known to be, and with what is known and no longer wrong.
fn hold<T: Ord + Clone + std::fmt::Debug>(
    found: &BTreeSet<T>,
    known: &BTreeSet<T>,
    explain: impl Fn(&T) -> String,
) {
    let (new, gone) = rules::beyond(found, known);
    let mut told: Vec<String> = new.iter().map(explain).collect();
    let gone = gone.iter();
    told.extend(gone.map(|entry| format!("no longer needed, take it off the list: {entry:?}")));
    assert!(told.is_empty(), "{}", told.join("\n"));
}

fn pairs(known: &[(&str, &str)]) -> BTreeSet<(String, String)> {
    let owned = known
        .iter()
        .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()));
    owned.collect()
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
    hold(&wrong, &pairs(today::IMPORTS), explain);
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

/// `TIDY_PRINT=1` with `--nocapture` prints every arrow.
#[test]
#[expect(clippy::print_stdout, reason = "for whoever asks to see it")]
fn files_form_no_circle() {
    if std::env::var_os("TIDY_PRINT").is_some() {
        print!("{}", rules::drawn(&GRAPH));
    }
    let circles = rules::circles(&GRAPH).into_iter().collect();
    let known = today::CIRCLES.iter();
    let known = known.map(|files| files.iter().map(|file| (*file).to_owned()).collect());
    hold(&circles, &known.collect(), |circle| {
        let arrows = rules::arrows(&GRAPH, circle).join("\n  ");
        format!("a circle: {circle:?}\n  {arrows}")
    });
}

#[test]
fn files_import_from_the_file_that_defines() {
    let led = rules::through_doors(&GRAPH);
    let explain = |name: &(String, String)| rules::explain_door(&GRAPH, name);
    hold(&led, &pairs(today::THROUGH_DOORS), explain);
}

#[test]
fn impls_stand_with_their_type() {
    let stray = rules::stray_impls(&GRAPH);
    let explain = |block: &(String, String)| rules::explain_impl(&GRAPH, block);
    hold(&stray, &pairs(today::IMPLS), explain);
}

#[test]
fn a_room_gives_a_type_name_once() {
    let twice = rules::twice_in_a_room(&GRAPH);
    hold(&twice, &pairs(today::TWICE), |(room, name)| {
        format!("`{room}`: {}", rules::explain_name(&GRAPH, name))
    });
}

#[test]
fn rooms_share_type_names_only_of_the_field() {
    let shared = rules::in_several_rooms(&GRAPH);
    let words = FIELD_WORDS.iter().map(|(word, _)| *word);
    let known = words.chain(today::IN_SEVERAL_ROOMS.iter().copied());
    let known = known.map(str::to_owned).collect();
    hold(&shared, &known, |name| rules::explain_name(&GRAPH, name));
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
    let large = large.map(|(room, _)| room.clone()).collect();
    let known = today::LARGE_ROOMS.iter().map(|room| (*room).to_owned());
    hold(&large, &known.collect(), |room| {
        format!("`{room}` has {} lines", rooms[room])
    });
}

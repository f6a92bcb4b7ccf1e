//! Small crates made up to show what the graph sees and that each rule is seen to fail.

mod broken;
mod seen;

use std::collections::BTreeMap;

use super::build::graph_of;
use super::graph::Graph;

/// Reads a crate of these files of `src`; nothing in it may be unclear.
pub(super) fn graph(files: &[(&str, &str)]) -> Graph {
    let graph = read(files);
    assert!(graph.blind.is_empty(), "{:?}", graph.blind);
    graph
}

pub(super) fn read(files: &[(&str, &str)]) -> Graph {
    let files = files.iter();
    let files = files.map(|(file, text)| (format!("src/{file}"), (*text).to_owned()));
    graph_of(&files.collect::<BTreeMap<String, String>>())
}

pub(super) fn pair(a: &str, b: &str) -> (String, String) {
    (a.to_owned(), b.to_owned())
}

/// A room with a door that hands on what its children define.
const ROOM: [(&str, &str); 4] = [
    ("lib.rs", "mod room;\nmod other;"),
    (
        "room.rs",
        "mod low;\nmod high;\npub use low::{Low, make as made};\npub use high::*;",
    ),
    (
        "room/low.rs",
        "pub struct Low;\npub fn make() {}\npub enum Mode { Fast, Slow }\npub const N: u8 = 1;",
    ),
    ("room/high.rs", "pub fn high() {}"),
];

fn in_room(others: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    let other = [("other.rs", "")];
    for (file, text) in ROOM.iter().chain(&other).chain(others) {
        files.insert((*file).to_owned(), (*text).to_owned());
    }
    files.into_iter().collect()
}

/// The room above with some files replaced.
pub(super) fn room(others: &[(&str, &str)]) -> Graph {
    let files = in_room(others);
    let files: Vec<(&str, &str)> = files.iter().map(|(f, t)| (&**f, &**t)).collect();
    graph(&files)
}

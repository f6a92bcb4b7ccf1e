//! What the graph sees, and what it does not.

use std::collections::BTreeSet;

use super::super::graph::Graph;
use super::super::rules;
use super::{graph, pair, read, room};

/// All arrows as `a.rs:line -> b.rs item`, without doubles.
fn edges(graph: &Graph) -> Vec<String> {
    let arrows = graph.edges.iter().filter(|edge| edge.from != edge.to);
    let short = |file: &str| file.trim_start_matches("src/").to_owned();
    let arrows = arrows.map(|edge| {
        let (from, to) = (short(&edge.from), short(&edge.to));
        format!("{from}:{} -> {to} {}", edge.line, edge.item)
    });
    let arrows: BTreeSet<String> = arrows.collect();
    arrows.into_iter().collect()
}

/// Arrows of one file of the room above.
fn edges_of(file: &str, text: &str) -> Vec<String> {
    let mut edges = edges(&room(&[(file, text)]));
    edges.retain(|edge| edge.starts_with(&format!("{file}:")));
    edges
}

#[test]
fn doors_lead_to_where_things_are_defined() {
    assert_eq!(
        edges(&room(&[])),
        [
            "room.rs:3 -> room/low.rs Low",
            "room.rs:3 -> room/low.rs make",
            "room.rs:4 -> room/high.rs *",
        ]
    );
    // Groups, names the door gave, globs of the door, and the door itself.
    for text in [
        "use crate::room::{Low, made, high};",
        "use crate::{room::{self, Low as L}}; fn f() { room::made(); room::high() }",
        "use super::room::*; fn f(_: Low) { made(); high() }",
        "fn f(_: crate::room::Low) { crate::room::made(); self::super::room::high() }",
    ] {
        let mut found = edges_of("other.rs", text);
        found.retain(|edge| !edge.ends_with('*'));
        let wanted = ["room/high.rs high", "room/low.rs Low", "room/low.rs make"];
        assert_eq!(
            found,
            wanted.map(|to| format!("other.rs:1 -> {to}")),
            "{text}"
        );
    }
}

#[test]
fn paths_are_found_wherever_they_stand() {
    for (text, item) in [
        ("fn f() { let _ = super::low::N; }", "N"),
        ("fn f() { println!(\"{}\", super::low::N) }", "N"),
        (
            "fn f() { assert_eq!(1, match 1 { _ => { super::low::N } }) }",
            "N",
        ),
        (
            "fn f(m: X) { let super::low::Mode::Fast = m else { return }; } struct X;",
            "Mode",
        ),
        (
            "fn f(m: X) { use super::low::Mode::*; let _ = Slow; } struct X;",
            "Mode",
        ),
        ("fn f() { fn g() { super::low::make() } g() }", "make"),
        ("struct X(Vec<Option<super::low::Low>>);", "Low"),
        ("fn f() { Vec::<super::low::Low>::new(); }", "Low"),
        ("trait X where Self: Fn(super::low::Low) {}", "Low"),
        ("mod inner { fn f() { super::super::low::make() } }", "make"),
        (
            "mod inner { pub mod most { fn f() { super::super::super::low::make() } } }",
            "make",
        ),
        (
            "macro_rules! m { () => { $crate::room::low::make() } }",
            "make",
        ),
        ("use super::low as deep; fn f() { deep::make() }", "make"),
        ("use super::low::Mode as M; const C: M = M::Fast;", "Mode"),
        ("use super::low::Mode::{Fast as F};", "Mode"),
    ] {
        let found = edges_of("room/high.rs", &format!("{text} pub fn high() {{}}"));
        assert_eq!(
            found,
            [format!("room/high.rs:1 -> room/low.rs {item}")],
            "{text}"
        );
    }
}

#[test]
fn what_is_no_path_of_ours_is_no_arrow() {
    for text in [
        "use std::collections::BTreeMap; fn f() { BTreeMap::<u8, u8>::new(); }",
        "use ::low::Low;",
        "use low::Low;",
        "mod inner { pub struct Low; } use inner::Low; fn f(_: Low) {}",
        "fn f(low: u8) -> String { format!(\"{low} {}\", low.make()) }",
        "/// [`super::low::N`]\n#[doc = \"super::low::N\"]\npub(in crate::room) fn f() {}",
        "use super::low;",
    ] {
        let found = edges_of("room/high.rs", &format!("{text} pub fn high() {{}}"));
        assert_eq!(found, [""; 0], "{text}");
    }
}

#[test]
fn code_for_tests_is_in_no_graph() {
    for text in [
        "#[cfg(test)] mod tests { use super::super::low::*; fn f() { make() } }",
        "#[cfg(test)] mod missing;",
        "#[cfg(test)] use super::low::Low;",
        "#[cfg(all(test, unix))] fn f() { super::low::make() }",
        "#[test] fn f() { super::low::make() }",
        "struct X; impl X { #[cfg(test)] fn f() { super::low::make() } }",
        "fn f() { #[cfg(test)] let _ = super::low::make(); }",
        "fn f() { #[cfg(test)] use super::low::make; }",
    ] {
        let found = edges_of("room/high.rs", &format!("{text} pub fn high() {{}}"));
        assert_eq!(found, [""; 0], "{text}");
    }
    for text in [
        "#[cfg(not(test))] fn f() { super::low::make() }",
        "#[cfg(any(test, unix))] fn f() { super::low::make() }",
    ] {
        let found = edges_of("room/high.rs", &format!("{text} pub fn high() {{}}"));
        assert_eq!(found, ["room/high.rs:1 -> room/low.rs make"], "{text}");
    }
    let graph = graph(&[
        ("lib.rs", "#[cfg(test)]\nmod tests;"),
        ("tests.rs", "struct A; mod b { struct A; }"),
        ("unreached.rs", "struct A;"),
    ]);
    assert_eq!(graph.files, BTreeSet::from(["src/lib.rs".to_owned()]));
    assert!(rules::type_names(&graph).is_empty());
}

#[test]
fn what_is_not_understood_is_told() {
    let graph = read(&[
        ("lib.rs", "mod a;\nmod gone;"),
        (
            "a.rs",
            "use crate::nothing::X;\nfn f() { super::a::missing() }",
        ),
    ]);
    assert_eq!(
        graph.blind,
        [
            "src/lib.rs: there is no file `src/gone.rs`",
            "src/a.rs:1: what is `crate::nothing::X`?",
            "src/a.rs:2: what is `super::a::missing`?",
        ]
    );
}

#[test]
fn a_function_and_a_module_of_one_name_are_two() {
    let graph = graph(&[
        ("lib.rs", "mod a; mod b; mod c;"),
        ("a.rs", "pub mod twin;\npub use crate::b::twin;"),
        ("a/twin.rs", "pub fn deep() {}"),
        ("b.rs", "pub fn twin() {}"),
        (
            "c.rs",
            "use crate::a::twin;\nfn f() { twin();\ntwin::deep() }",
        ),
    ]);
    assert_eq!(
        edges(&graph),
        [
            "a.rs:2 -> b.rs twin",
            "c.rs:1 -> b.rs twin",
            "c.rs:2 -> b.rs twin",
            "c.rs:3 -> a/twin.rs deep",
        ]
    );
}

#[test]
fn the_program_names_the_library() {
    let graph = graph(&[
        ("lib.rs", "pub mod a;\nmod b;\npub use b::B;"),
        ("a.rs", "pub fn f() {}"),
        ("b.rs", "pub struct B;"),
        (
            "main.rs",
            "use publish_to_tableau::{B, a};\nfn main() { a::f(); publish_to_tableau::a::f() }",
        ),
    ]);
    assert_eq!(
        edges(&graph),
        [
            "lib.rs:3 -> b.rs B",
            "main.rs:1 -> b.rs B",
            "main.rs:2 -> a.rs f",
        ]
    );
    // Nothing of the program stands below the door of the library.
    assert!(rules::through_doors(&graph).is_empty());
}

#[test]
fn names_of_other_crates_are_defined_by_the_door_that_hands_them_on() {
    let graph = graph(&[
        ("lib.rs", "mod net; mod user;"),
        (
            "net.rs",
            "mod deep;\npub use reqwest::{Url, header};\nfn f(_: Url) {}",
        ),
        ("net/deep.rs", "use super::Url;"),
        (
            "user.rs",
            "use crate::net::Url;\nfn f() { crate::net::header::value() }",
        ),
    ]);
    assert_eq!(
        edges(&graph),
        [
            "user.rs:1 -> net.rs crate::net::Url",
            "user.rs:2 -> net.rs crate::net::header::value",
        ]
    );
    let found = rules::through_doors(&graph);
    assert_eq!(
        found,
        BTreeSet::from([pair("src/net/deep.rs", "super::Url")])
    );
}

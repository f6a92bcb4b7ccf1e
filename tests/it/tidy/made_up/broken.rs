//! Each rule is seen to fail where it should, and not where it should not.

use std::collections::BTreeSet;

use super::super::rules;
use super::{graph, pair, room};

#[test]
fn a_wrong_import_between_rooms_is_found() {
    let graph = graph(&[
        (
            "lib.rs",
            "mod low; mod high; mod middle; pub struct Run; use high::H;",
        ),
        (
            "low.rs",
            "pub struct L; fn f() {\nformat!(\"{}\", crate::high::H) }",
        ),
        ("middle.rs", "pub use crate::low::L; pub fn m() {}"),
        ("high.rs", "mod inner; pub struct H; use crate::middle::m;"),
        ("high/inner.rs", "use super::super::{Run, middle::L};"),
    ]);
    let table: [(&str, &[&str]); 4] = [
        ("lib", &["high"]),
        ("low", &[]),
        ("middle", &["low"]),
        ("high", &["middle", "low", "Run"]),
    ];
    let wrong = rules::wrong_imports(&graph, &table);
    assert_eq!(wrong, BTreeSet::from([pair("src/low.rs", "high")]));
    assert_eq!(
        rules::explain_import(&graph, wrong.first().unwrap()),
        "src/low.rs:2: `low` may not import `high` (`H`)"
    );
    // What comes through another room counts for both, and of `lib` each name by itself.
    let table = [
        table[0],
        ("low", &["high"]),
        table[2],
        ("high", &["middle"]),
    ];
    assert_eq!(
        rules::wrong_imports(&graph, &table),
        BTreeSet::from([
            pair("src/high/inner.rs", "low"),
            pair("src/high/inner.rs", "Run")
        ])
    );
    let table = [table[0], table[1], ("high", &["middle", "low", "Run"])];
    let wrong = rules::wrong_imports(&graph, &table);
    assert_eq!(wrong, BTreeSet::from([pair("src/middle.rs", "middle")]));
    assert_eq!(
        rules::explain_import(&graph, wrong.first().unwrap()),
        "src/middle.rs: `middle` has no row in the table of imports"
    );
}

#[test]
fn a_circle_is_found() {
    assert!(rules::circles(&room(&[])).is_empty());
    let graph = room(&[
        (
            "room/low.rs",
            "pub struct Low;\npub fn make() { super::high() }",
        ),
        ("room/high.rs", "pub fn high() { crate::other::f() }"),
        ("other.rs", "pub fn f() {}\nuse crate::room::Low;"),
    ]);
    let circles = rules::circles(&graph);
    let files = ["src/other.rs", "src/room/high.rs", "src/room/low.rs"];
    assert_eq!(circles, [files.map(str::to_owned).into()]);
    assert_eq!(
        rules::arrows(&graph, &circles[0]),
        [
            "src/other.rs:2 imports `Low` of src/room/low.rs",
            "src/room/high.rs:1 imports `f` of src/other.rs",
            "src/room/low.rs:2 imports `high` of src/room/high.rs",
        ]
    );
}

#[test]
fn circles_apart_are_told_apart() {
    let graph = graph(&[
        ("lib.rs", "mod a; mod b; mod c; mod d; mod e;"),
        ("a.rs", "use crate::b::B; pub struct A;"),
        ("b.rs", "use crate::a::A; pub struct B; use crate::c::C;"),
        ("c.rs", "use crate::d::D; pub struct C;"),
        ("d.rs", "use crate::c::C; pub struct D; use crate::e::E;"),
        ("e.rs", "pub struct E;"),
    ]);
    let circle = |files: [&str; 2]| BTreeSet::from(files.map(str::to_owned));
    assert_eq!(
        rules::circles(&graph),
        [
            circle(["src/a.rs", "src/b.rs"]),
            circle(["src/c.rs", "src/d.rs"])
        ]
    );
}

#[test]
fn a_door_that_defines_what_its_children_import_is_in_a_circle() {
    let door = "mod low;\nmod high;\npub use low::{Low, make as made};\npub use high::*;\npub fn word() {}";
    let graph = room(&[
        ("room.rs", door),
        ("room/high.rs", "pub fn high() { super::word() }"),
    ]);
    let files = ["src/room.rs", "src/room/high.rs"];
    assert_eq!(rules::circles(&graph), [files.map(str::to_owned).into()]);
}

/// A door that declares a module does not import it.
#[test]
fn words_at_the_bottom_of_a_room_are_in_no_circle() {
    let graph = graph(&[
        ("lib.rs", "pub mod room;\npub fn word() {}"),
        ("room.rs", "mod child;\npub fn word() { crate::word() }"),
        ("room/child.rs", "fn f() { super::word() }"),
    ]);
    assert!(rules::circles(&graph).is_empty());
}

#[test]
fn a_name_through_the_own_door_is_found() {
    for (text, item) in [
        ("use super::Low; pub fn high() {}", "Low"),
        ("pub fn high() { super::made() }", "make"),
        ("pub fn high() { crate::room::made() }", "make"),
        ("use crate::room; pub fn high() { room::made() }", "make"),
    ] {
        let graph = room(&[("room/high.rs", text)]);
        let found = rules::through_doors(&graph);
        assert_eq!(
            found,
            BTreeSet::from([pair("src/room/high.rs", item)]),
            "{text}"
        );
        assert_eq!(
            rules::explain_door(&graph, found.first().unwrap()),
            format!(
                "src/room/high.rs:1: `{item}` comes through src/room.rs; import it from src/room/low.rs"
            )
        );
    }
    for text in [
        "use super::low::Low; pub fn high() {}",
        "pub fn high() { crate::room::low::make() }",
        // A name of the door's own, and of another crate where it is imported.
        "use std::fmt; pub fn high() { fmt::format(1) }",
    ] {
        let graph = room(&[("room/high.rs", text)]);
        assert!(rules::through_doors(&graph).is_empty(), "{text}");
    }
    // Whoever is outside comes through the door.
    let graph = room(&[("other.rs", "use crate::room::{Low, made};")]);
    assert!(rules::through_doors(&graph).is_empty());
}

#[test]
fn an_impl_away_from_its_type_is_found() {
    for text in [
        "use super::low::Low; impl Low {}",
        "use super::low::Low; impl Clone for Low {}",
        "impl<T> From<T> for super::low::Low {}",
        "use super::low::*; impl std::fmt::Display for Low {}",
        "use super::low as l; trait X {} impl X for l::Low {}",
        "fn f() { use super::low::Low; impl Low {} }",
    ] {
        let graph = room(&[("room/high.rs", &format!("{text} pub fn high() {{}}"))]);
        let found = rules::stray_impls(&graph);
        assert_eq!(found.len(), 1, "{text}");
        let told = rules::explain_impl(&graph, found.first().unwrap());
        assert!(told.ends_with("` belongs into src/room/low.rs"), "{told}");
    }
    let told = |text: &str| {
        let graph = room(&[("room/high.rs", text)]);
        let found = rules::stray_impls(&graph);
        let told = found.iter().map(|block| rules::explain_impl(&graph, block));
        told.collect::<Vec<String>>()
    };
    let wrong = "pub fn high() {}\nimpl Clone for super::low::Low {}";
    assert_eq!(
        told(wrong),
        ["src/room/high.rs:2: `impl Clone for Low` belongs into src/room/low.rs"]
    );
    let right = "pub fn high() {} struct Own; impl Own {} mod m { impl super::Own {} impl Clone for super::Own {} }";
    assert_eq!(told(right), [""; 0]);
    let tests = "pub fn high() {} #[cfg(test)] impl super::low::Low {}";
    assert_eq!(told(tests), [""; 0]);
}

#[test]
fn an_impl_for_what_is_not_ours_stands_with_the_trait() {
    let told = |text: &str| {
        let graph = graph(&[
            ("lib.rs", "mod a; mod b;"),
            (
                "a.rs",
                "pub trait A {} impl<F: Fn()> A for F {} impl A for u8 {} pub struct Own;",
            ),
            ("b.rs", text),
        ]);
        rules::stray_impls(&graph)
    };
    for text in [
        "impl crate::a::A for String {}",
        "use crate::a::A; impl<T: Fn(u8)> A for T {}",
        "use crate::a::A; impl A for &B {} struct B;",
        "impl dyn crate::a::A {}",
    ] {
        assert_eq!(told(text).len(), 1, "{text}");
    }
    for text in [
        "struct B; impl crate::a::A for B {}",
        "impl Iterator for Vec<crate::a::Own> {}",
        "trait Other {} impl Other for &crate::a::Own {}",
    ] {
        assert!(told(text).is_empty(), "{text}");
    }
}

#[test]
fn a_type_name_given_twice_is_found() {
    let graph = graph(&[
        ("lib.rs", "mod a; mod b; mod c;"),
        (
            "a.rs",
            "mod x; pub struct Twice; pub use crate::b::Far; fn far() {}",
        ),
        (
            "a/x.rs",
            "enum Once {}\ntype Twice = u8; #[cfg(test)] struct Once;",
        ),
        ("b.rs", "pub trait Far {} mod m { fn f() { struct Deep; } }"),
        (
            "c.rs",
            "union Far { a: u8 } struct Deep; fn once() {} const Once: u8 = 1;",
        ),
    ]);
    assert_eq!(
        rules::twice_in_a_room(&graph),
        BTreeSet::from([pair("a", "Twice")])
    );
    assert_eq!(
        rules::in_several_rooms(&graph),
        BTreeSet::from(["Deep".to_owned(), "Far".to_owned()])
    );
    assert_eq!(
        rules::explain_name(&graph, "Twice"),
        "`Twice` is defined at src/a.rs:1, src/a/x.rs:2"
    );
}

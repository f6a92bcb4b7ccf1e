//! The rules of the house, each a function of the graph that returns what is wrong.

use std::collections::{BTreeMap, BTreeSet};

use super::graph::{Edge, Graph, Kind, is_below};
use super::tree::room_of;

/// Files of one circle: each leads to each.
pub(super) type Circle = BTreeSet<String>;

/// R1: imports that the table does not allow, as file and room; of `lib` each name counts as a room.
///
/// A file of a room without a row comes with its own room.
pub(super) fn wrong_imports(
    graph: &Graph,
    table: &[(&str, &[&str])],
) -> BTreeSet<(String, String)> {
    let mut wrong = BTreeSet::new();
    let row = |room: &str| table.iter().find(|(name, _)| *name == room);
    for file in &graph.files {
        let room = room_of(file);
        if row(room).is_none() {
            wrong.insert((file.clone(), room.to_owned()));
        }
    }
    for edge in &graph.edges {
        let room = room_of(&edge.from);
        // Without a row all that can be said is that there is none.
        let Some((_, allowed)) = row(room) else {
            continue;
        };
        for name in rooms_named(edge) {
            if name != room && !allowed.contains(&name) {
                wrong.insert((edge.from.clone(), name.to_owned()));
            }
        }
    }
    wrong
}

/// The room that defines an item, and those whose doors led to it.
fn rooms_named(edge: &Edge) -> impl Iterator<Item = &str> {
    let through = edge.through.iter().map(|file| room_of(file));
    // What leads through `lib.rs` is told by R2.
    let through = through.filter(|room| *room != "lib");
    let to = match room_of(&edge.to) {
        "lib" if edge.from != edge.to => &edge.item,
        room => room,
    };
    through.chain([to])
}

/// Where a wrong import is said first.
pub(super) fn explain_import(graph: &Graph, (file, name): &(String, String)) -> String {
    let room = room_of(file);
    if room == name {
        return format!("{file}: `{room}` has no row in the table of imports");
    }
    let mut edges = graph.edges.iter();
    let is_it = |edge: &&Edge| edge.from == *file && rooms_named(edge).any(|room| room == name);
    let Edge { line, item, .. } = edges.find(is_it).unwrap();
    format!("{file}:{line}: `{room}` may not import `{name}` (`{item}`)")
}

/// Every arrow between files with the names it carries, one a line.
pub(super) fn drawn(graph: &Graph) -> String {
    let mut arrows: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    for edge in graph.edges.iter().filter(|edge| edge.from != edge.to) {
        let items = arrows.entry((&edge.from, &edge.to)).or_default();
        items.insert(&edge.item);
    }
    let lines = arrows.iter().map(|((from, to), items)| {
        let items: Vec<&str> = items.iter().copied().collect();
        format!("{from} -> {to} ({})\n", items.join(", "))
    });
    lines.collect()
}

/// R2: files that lead back to themselves.
pub(super) fn circles(graph: &Graph) -> Vec<Circle> {
    let mut next: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for edge in &graph.edges {
        if edge.from != edge.to {
            next.entry(&edge.from).or_default().insert(&edge.to);
        }
    }
    // A hundred files: walking from each of them is quick enough.
    let reached: BTreeMap<&str, BTreeSet<&str>> = next
        .keys()
        .map(|start| {
            let mut reached = BTreeSet::new();
            let mut open = vec![*start];
            while let Some(file) = open.pop() {
                for further in next.get(file).into_iter().flatten() {
                    if reached.insert(*further) {
                        open.push(further);
                    }
                }
            }
            (*start, reached)
        })
        .collect();
    let mut circles = BTreeSet::new();
    for (file, behind) in &reached {
        let back = |other: &&&str| reached.get(**other).is_some_and(|r| r.contains(file));
        let circle: Circle = behind
            .iter()
            .filter(back)
            .map(|f| (*f).to_owned())
            .collect();
        if !circle.is_empty() {
            circles.insert(circle);
        }
    }
    circles.into_iter().collect()
}

/// One line for each arrow of a circle, with an example.
pub(super) fn arrows(graph: &Graph, circle: &Circle) -> Vec<String> {
    let mut arrows: BTreeMap<(&str, &str), String> = BTreeMap::new();
    for edge in &graph.edges {
        let Edge {
            from,
            to,
            item,
            line,
            ..
        } = edge;
        if from != to && circle.contains(from) && circle.contains(to) {
            let shown = || format!("{from}:{line} imports `{item}` of {to}");
            arrows.entry((from, to)).or_insert_with(shown);
        }
    }
    arrows.into_values().collect()
}

/// R2: names taken from the door of the own room, not from where they are defined.
pub(super) fn through_doors(graph: &Graph) -> BTreeSet<(String, String)> {
    let led = |edge: &Edge| edge.through.iter().any(|door| is_below(&edge.from, door));
    let edges = graph.edges.iter().filter(|edge| led(edge));
    edges
        .map(|edge| (edge.from.clone(), edge.item.clone()))
        .collect()
}

/// Where a name that came through a door is said first, and what to do.
pub(super) fn explain_door(graph: &Graph, (file, item): &(String, String)) -> String {
    let is_it = |edge: &&Edge| edge.from == *file && edge.item == *item && !edge.through.is_empty();
    let edge = graph.edges.iter().find(is_it).unwrap();
    let (line, doors) = (edge.line, edge.through.join(", "));
    let home = if edge.to == *file {
        "where it is defined"
    } else {
        &edge.to
    };
    format!("{file}:{line}: `{item}` comes through {doors}; import it from {home}")
}

/// R3: `impl` blocks away from the file of their type, as file and block.
pub(super) fn stray_impls(graph: &Graph) -> BTreeSet<(String, String)> {
    let stray = graph.impls.iter().filter(|block| {
        let home = block.home.as_ref();
        home.is_some_and(|home| *home != block.file)
    });
    stray
        .map(|block| (block.file.clone(), block.shown.clone()))
        .collect()
}

/// Where a stray `impl` stands and where it should.
pub(super) fn explain_impl(graph: &Graph, (file, shown): &(String, String)) -> String {
    let mut impls = graph.impls.iter();
    let block = impls.find(|block| block.file == *file && block.shown == *shown);
    let block = block.unwrap();
    let (line, home) = (block.line, block.home.as_deref().unwrap_or_default());
    format!("{file}:{line}: `{shown}` belongs into {home}")
}

/// R4: type names with the rooms that define them, each room as often as it does.
pub(super) fn type_names(graph: &Graph) -> BTreeMap<String, Vec<(String, String)>> {
    let mut names: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    let is_type = |kind| matches!(kind, Kind::Type | Kind::Trait);
    for item in graph.items.iter().filter(|item| is_type(item.kind)) {
        let place = format!("{}:{}", item.file, item.line);
        let rooms = names.entry(item.name.clone()).or_default();
        rooms.push((room_of(&item.file).to_owned(), place));
    }
    names
}

/// R4: names that one room defines twice, as room and name.
pub(super) fn twice_in_a_room(graph: &Graph) -> BTreeSet<(String, String)> {
    let mut twice = BTreeSet::new();
    for (name, rooms) in type_names(graph) {
        for (index, (room, _)) in rooms.iter().enumerate() {
            if rooms[..index].iter().any(|(other, _)| other == room) {
                twice.insert((room.clone(), name.clone()));
            }
        }
    }
    twice
}

/// R4: names that more than one room defines.
pub(super) fn in_several_rooms(graph: &Graph) -> BTreeSet<String> {
    let names = type_names(graph).into_iter();
    let several = names.filter(|(_, rooms)| rooms.iter().any(|(room, _)| *room != rooms[0].0));
    several.map(|(name, _)| name).collect()
}

/// Where a type name is defined.
pub(super) fn explain_name(graph: &Graph, name: &str) -> String {
    let places: Vec<String> = type_names(graph)[name]
        .iter()
        .map(|(_, place)| place.clone())
        .collect();
    format!("`{name}` is defined at {}", places.join(", "))
}

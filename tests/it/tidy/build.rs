//! Builds the graph of a crate from the texts of its files.

use std::collections::BTreeMap;

use super::graph::Graph;
use super::{declare, paths};

/// Reads `src/lib.rs` and `src/main.rs`, as far as there are, and all they reach by `mod`.
///
/// Files go by their path in the repository. Code for tests is left out.
pub(super) fn graph_of(files: &BTreeMap<String, String>) -> Graph {
    let mut graph = Graph::default();
    let mut bodies = Vec::new();
    for root in ["src/lib.rs", "src/main.rs"] {
        if files.contains_key(root) {
            let module = declare::declare_file(&mut graph, files, root, None, &mut bodies);
            if root == "src/lib.rs" {
                graph.library = Some(module);
            }
        }
    }
    for (module, items) in &bodies {
        paths::follow_all(&mut graph, *module, items);
    }
    graph.edges.sort();
    graph
}

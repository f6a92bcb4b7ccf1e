//! Declares what the modules of parsed files define and import.

use std::collections::{BTreeMap, BTreeSet};

use super::graph::{Definition, Graph, Import, Item, Kind, Space};

/// Items of a module, to be read once everything is declared.
pub(super) type Body = (usize, Vec<syn::Item>);

/// Declares a file and those below it; returns its module.
pub(super) fn declare_file(
    graph: &mut Graph,
    files: &BTreeMap<String, String>,
    file: &str,
    parent: Option<usize>,
    bodies: &mut Vec<Body>,
) -> usize {
    graph.files.insert(file.to_owned());
    let parsed = syn::parse_file(&files[file]);
    let parsed = parsed.unwrap_or_else(|error| panic!("{file} does not parse: {error}"));
    let module = graph.add_module(file, parent, None);
    let folder = match file {
        "src/lib.rs" | "src/main.rs" => "src",
        _ => file.trim_end_matches(".rs"),
    };
    declare(graph, module, &parsed.items);
    declare_modules(graph, files, (module, folder), parsed.items, bodies);
    module
}

fn declare_modules(
    graph: &mut Graph,
    files: &BTreeMap<String, String>,
    (module, folder): (usize, &str),
    items: Vec<syn::Item>,
    bodies: &mut Vec<Body>,
) {
    let mut others = Vec::new();
    for item in items {
        let syn::Item::Mod(inner) = item else {
            others.push(item);
            continue;
        };
        if is_for_tests(&inner.attrs) {
            continue;
        }
        let name = inner.ident.to_string();
        let below = format!("{folder}/{name}");
        let declared = match inner.content {
            Some((_, items)) => {
                let file = graph.modules[module].file.clone();
                let declared = graph.add_module(&file, Some(module), None);
                declare(graph, declared, &items);
                declare_modules(graph, files, (declared, &below), items, bodies);
                declared
            }
            None if files.contains_key(&format!("{below}.rs")) => {
                let file = format!("{below}.rs");
                declare_file(graph, files, &file, Some(module), bodies)
            }
            None => {
                let file = &graph.modules[module].file;
                let told = format!("{file}: there is no file `{below}.rs`");
                graph.blind.push(told);
                continue;
            }
        };
        let named = graph.modules[module].definitions.entry(name).or_default();
        named.push((Space::Types, Definition::Module(declared)));
    }
    bodies.push((module, others));
}

/// Declares what items of one module define and import, without modules.
pub(super) fn declare(graph: &mut Graph, module: usize, items: &[syn::Item]) {
    use Space::{Macros, Types, Values};
    for item in items {
        let kept = match item {
            syn::Item::Struct(item) => {
                let both: &[Space] = match item.fields {
                    syn::Fields::Named(_) => &[Types],
                    _ => &[Types, Values],
                };
                Some((&item.attrs, &item.ident, Kind::Type, both))
            }
            syn::Item::Enum(item) => Some((&item.attrs, &item.ident, Kind::Type, &[Types][..])),
            syn::Item::Union(item) => Some((&item.attrs, &item.ident, Kind::Type, &[Types][..])),
            syn::Item::Type(item) => Some((&item.attrs, &item.ident, Kind::Type, &[Types][..])),
            syn::Item::Trait(item) => Some((&item.attrs, &item.ident, Kind::Trait, &[Types][..])),
            syn::Item::Fn(item) => Some((&item.attrs, &item.sig.ident, Kind::Other, &[Values][..])),
            syn::Item::Const(item) => Some((&item.attrs, &item.ident, Kind::Other, &[Values][..])),
            syn::Item::Static(item) => Some((&item.attrs, &item.ident, Kind::Other, &[Values][..])),
            syn::Item::Macro(item) => {
                let name = item.ident.as_ref();
                name.map(|name| (&item.attrs, name, Kind::Other, &[Macros][..]))
            }
            syn::Item::Use(item) => {
                if !is_for_tests(&item.attrs) {
                    graph.modules[module].imports.extend(imports(item));
                }
                None
            }
            _ => None,
        };
        let Some((attributes, name, kind, spaces)) = kept else {
            continue;
        };
        if is_for_tests(attributes) {
            continue;
        }
        let variants = match item {
            syn::Item::Enum(item) => item.variants.iter().map(|v| v.ident.to_string()).collect(),
            _ => BTreeSet::new(),
        };
        let defined = Item {
            name: name.to_string(),
            file: graph.modules[module].file.clone(),
            line: name.span().start().line,
            kind,
            variants,
        };
        graph.define(module, defined, spaces);
    }
}

/// One entry for each name of a `use`; none for names of other crates (`::serde`).
pub(super) fn imports(item: &syn::ItemUse) -> Vec<Import> {
    let mut imports = Vec::new();
    if item.leading_colon.is_none() {
        flatten(&item.tree, &mut Vec::new(), &mut imports);
    }
    imports
}

fn flatten(tree: &syn::UseTree, path: &mut Vec<String>, imports: &mut Vec<Import>) {
    let mut add = |name: Option<String>, path: &[String], line| {
        imports.push(Import {
            name,
            path: path.to_vec(),
            line,
        });
    };
    match tree {
        syn::UseTree::Path(tree) => {
            path.push(tree.ident.to_string());
            flatten(&tree.tree, path, imports);
            path.pop();
        }
        syn::UseTree::Group(tree) => {
            for tree in &tree.items {
                flatten(tree, path, imports);
            }
        }
        syn::UseTree::Glob(glob) => add(None, path, glob.star_token.spans[0].start().line),
        syn::UseTree::Name(tree) if tree.ident == "self" => {
            let line = tree.ident.span().start().line;
            add(path.last().cloned(), path, line);
        }
        syn::UseTree::Name(tree) => {
            let name = tree.ident.to_string();
            let path = [path.as_slice(), std::slice::from_ref(&name)].concat();
            add(Some(name), &path, tree.ident.span().start().line);
        }
        syn::UseTree::Rename(tree) => {
            let mut path = path.clone();
            if tree.ident != "self" {
                path.push(tree.ident.to_string());
            }
            let line = tree.ident.span().start().line;
            add(Some(tree.rename.to_string()), &path, line);
        }
    }
}

/// `#[test]`, and `#[cfg(…)]` that holds in tests only.
pub(super) fn is_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let path = attribute.path();
        let condition = || attribute.parse_args::<syn::Meta>();
        path.is_ident("test")
            || path.is_ident("cfg") && condition().is_ok_and(|meta| needs_test(&meta))
    })
}

fn needs_test(condition: &syn::Meta) -> bool {
    match condition {
        syn::Meta::Path(path) => path.is_ident("test"),
        syn::Meta::NameValue(_) => false,
        syn::Meta::List(list) => {
            let parser = syn::punctuated::Punctuated::<syn::Meta, syn::Token![,]>::parse_terminated;
            let inner = list.parse_args_with(parser).unwrap_or_default();
            if list.path.is_ident("all") {
                inner.iter().any(needs_test)
            } else {
                list.path.is_ident("any") && !inner.is_empty() && inner.iter().all(needs_test)
            }
        }
    }
}

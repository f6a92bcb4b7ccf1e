//! The modules of a crate, what they define and import, and which file defines what a path names.

use std::collections::{BTreeMap, BTreeSet};

/// What a name can stand for; one name may mean something else in each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Space {
    Types,
    Values,
    Macros,
}

/// What an item is, as far as the rules ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A struct, an enum, a union or an alias.
    Type,
    Trait,
    /// A function, a constant, a static, a macro.
    Other,
}

/// Something with a name and a file of its own.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) name: String,
    pub(super) file: String,
    pub(super) line: usize,
    pub(super) kind: Kind,
    /// Of an enum: what `use Enum::*` brings.
    pub(super) variants: BTreeSet<String>,
}

/// One name of a `use` declaration; of a glob there is none.
#[derive(Clone, Debug)]
pub(super) struct Import {
    /// The name it has here.
    pub(super) name: Option<String>,
    pub(super) path: Vec<String>,
    pub(super) line: usize,
}

/// A module of a file, a module in braces, or a block with items of its own.
#[derive(Debug)]
pub(super) struct Module {
    pub(super) file: String,
    pub(super) parent: Option<usize>,
    /// For a block: the module or block around it, whose names it sees.
    pub(super) around: Option<usize>,
    pub(super) definitions: BTreeMap<String, Vec<(Space, Definition)>>,
    pub(super) imports: Vec<Import>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Definition {
    Module(usize),
    Item(usize),
    /// A name of another crate, which this module imports and may hand on.
    Outside(usize),
}

/// One file names an item that another file defines.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Edge {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) item: String,
    pub(super) line: usize,
    /// Files whose `use` or `pub use` lies on the way to the definition, without `from`.
    pub(super) through: Vec<String>,
}

/// An `impl` block: where it stands, and where it should.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Impl {
    pub(super) file: String,
    pub(super) line: usize,
    /// As `impl Trait for Type`, without generics.
    pub(super) shown: String,
    /// The file of the type, or that of the trait if the type is not ours; `None` if neither is.
    pub(super) home: Option<String>,
}

/// What the rules look at. Code for tests is in none of it.
#[derive(Debug, Default)]
pub(super) struct Graph {
    pub(super) files: BTreeSet<String>,
    pub(super) modules: Vec<Module>,
    pub(super) items: Vec<Item>,
    pub(super) edges: Vec<Edge>,
    pub(super) impls: Vec<Impl>,
    /// What the builder does not understand: it must see everything.
    pub(super) blind: Vec<String>,
    /// The root of the library, which the program calls by the name of the crate.
    pub(super) library: Option<usize>,
}

/// The way from a path to what it names.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) definition: Definition,
    /// Modules whose imports were followed.
    pub(super) hops: Vec<usize>,
}

type Seen = Vec<(usize, String, Space)>;

impl Graph {
    pub(super) fn add_module(
        &mut self,
        file: &str,
        parent: Option<usize>,
        around: Option<usize>,
    ) -> usize {
        self.modules.push(Module {
            file: file.to_owned(),
            parent,
            around,
            definitions: BTreeMap::new(),
            imports: Vec::new(),
        });
        self.modules.len() - 1
    }

    pub(super) fn define(&mut self, module: usize, item: Item, spaces: &[Space]) {
        let name = item.name.clone();
        self.items.push(item);
        let definition = Definition::Item(self.items.len() - 1);
        let definitions = &mut self.modules[module].definitions;
        let named = definitions.entry(name).or_default();
        named.extend(spaces.iter().map(|space| (*space, definition)));
    }

    /// Follows a path named in a module; `None` if it leads out of the crate, or nowhere.
    pub(super) fn resolve(&self, module: usize, path: &[String], space: Space) -> Option<Found> {
        self.follow(module, path, space, &mut Vec::new())
    }

    /// Whether a path must lead to something of ours.
    pub(super) fn is_ours(&self, module: usize, path: &[String]) -> bool {
        match path[0].as_str() {
            "crate" | "self" | "super" => path.len() > 1,
            _ => {
                let found = self.resolve(module, &path[..1], Space::Types);
                found.is_some_and(|found| matches!(found.definition, Definition::Module(_)))
                    && path.len() > 1
            }
        }
    }

    fn follow(
        &self,
        module: usize,
        path: &[String],
        space: Space,
        seen: &mut Seen,
    ) -> Option<Found> {
        let space_of = |index: usize| {
            if index + 1 == path.len() {
                space
            } else {
                Space::Types
            }
        };
        let first = path.first()?;
        let mut found = match first.as_str() {
            "crate" => at(self.root_of(module)),
            "self" => at(self.itself(module)),
            "super" => at(self.modules[self.itself(module)].parent?),
            name => self.in_scope(module, name, space_of(0), seen)?,
        };
        for (index, name) in path.iter().enumerate().skip(1) {
            let Definition::Module(inner) = found.definition else {
                // Of a type or a trait: a variant, a function, a constant.
                return Some(found);
            };
            let next = match name.as_str() {
                "super" => at(self.modules[inner].parent?),
                "self" => continue,
                name => self.look_up(inner, name, space_of(index), seen)?,
            };
            found.definition = next.definition;
            found.hops.extend(next.hops);
        }
        Some(found)
    }

    fn in_scope(&self, module: usize, name: &str, space: Space, seen: &mut Seen) -> Option<Found> {
        let mut scope = Some(module);
        while let Some(module) = scope {
            let found = self.look_up(module, name, space, seen);
            if found.is_some() {
                return found;
            }
            scope = self.modules[module].around;
            if space == Space::Macros {
                // Macros are seen by what follows them, in modules inside as well.
                scope = scope.or(self.modules[module].parent);
            }
        }
        let root = self.root_of(module);
        match self.library {
            Some(library) if name == "publish_to_tableau" && library != root => Some(at(library)),
            _ => None,
        }
    }

    fn look_up(&self, module: usize, name: &str, space: Space, seen: &mut Seen) -> Option<Found> {
        let here = &self.modules[module];
        let definitions = here.definitions.get(name).into_iter().flatten();
        for (its_space, definition) in definitions {
            if *its_space == space {
                return Some(Found {
                    definition: *definition,
                    hops: Vec::new(),
                });
            }
        }
        let step = (module, name.to_owned(), space);
        if seen.contains(&step) {
            return None;
        }
        seen.push(step);
        let mut imports = here.imports.iter();
        let named = imports.find_map(|import| {
            let is_it = import.name.as_deref() == Some(name);
            is_it.then(|| self.follow(module, &import.path, space, seen))?
        });
        let found = named.or_else(|| {
            let mut globs = here.imports.iter().filter(|import| import.name.is_none());
            globs.find_map(|glob| self.in_glob(module, glob, name, space, seen))
        });
        let found = found.or_else(|| {
            let mut imports = here.imports.iter();
            let named = imports.find(|import| import.name.as_deref() == Some(name))?;
            let is_outside = !self.starts_here(module, &named.path, seen);
            is_outside.then(|| Found {
                definition: Definition::Outside(module),
                hops: Vec::new(),
            })
        });
        seen.pop();
        let mut found = found?;
        found.hops.insert(0, module);
        Some(found)
    }

    /// Whether the first name of a path is one of this crate.
    fn starts_here(&self, module: usize, path: &[String], seen: &mut Seen) -> bool {
        matches!(path[0].as_str(), "crate" | "self" | "super")
            || path.len() > 1 && {
                let found = self.in_scope(module, &path[0], Space::Types, seen);
                found.is_some_and(|found| !matches!(found.definition, Definition::Outside(_)))
            }
    }

    fn in_glob(
        &self,
        module: usize,
        glob: &Import,
        name: &str,
        space: Space,
        seen: &mut Seen,
    ) -> Option<Found> {
        let mut found = self.follow(module, &glob.path, Space::Types, seen)?;
        match found.definition {
            Definition::Item(item) => self.items[item].variants.contains(name).then_some(found),
            Definition::Outside(_) => None,
            Definition::Module(inner) => {
                let next = self.look_up(inner, name, space, seen)?;
                found.definition = next.definition;
                found.hops.extend(next.hops);
                Some(found)
            }
        }
    }

    /// The module a block belongs to.
    fn itself(&self, mut module: usize) -> usize {
        while let Some(around) = self.modules[module].around {
            module = around;
        }
        module
    }

    fn root_of(&self, module: usize) -> usize {
        let mut module = self.itself(module);
        while let Some(parent) = self.modules[module].parent {
            module = parent;
        }
        module
    }
}

fn at(module: usize) -> Found {
    Found {
        definition: Definition::Module(module),
        hops: Vec::new(),
    }
}

/// Whether a file stands in the folder of a door; everything of the library does below `lib.rs`.
pub(super) fn is_below(file: &str, door: &str) -> bool {
    match door {
        "src/lib.rs" => !matches!(file, "src/lib.rs" | "src/main.rs"),
        _ => file.starts_with(&format!("{}/", door.trim_end_matches(".rs"))),
    }
}

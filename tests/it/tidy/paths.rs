//! Follows every path in the code of a module, and notes its `impl` blocks.

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};

use super::declare::{declare, imports, is_for_tests};
use super::graph::{Definition, Edge, Found, Graph, Impl, Space, is_below};

/// Follows every path in the items of a module.
pub(super) fn follow_all(graph: &mut Graph, module: usize, items: &[syn::Item]) {
    let mut reader = Reader { graph, module };
    for item in items {
        reader.visit_item(item);
    }
}

struct Reader<'g> {
    graph: &'g mut Graph,
    module: usize,
}

impl Reader<'_> {
    fn file(&self) -> String {
        self.graph.modules[self.module].file.clone()
    }

    /// Notes what a path names, in the first of the spaces that has it.
    fn follow(&mut self, path: &[String], line: usize, spaces: &[Space]) {
        if path[0] == "Self" {
            return;
        }
        let resolve = |space: &Space| self.graph.resolve(self.module, path, *space);
        match spaces.iter().find_map(resolve) {
            Some(found) => self.note(&found, path, line),
            None if self.graph.is_ours(self.module, path) => {
                let told = format!("{}:{line}: what is `{}`?", self.file(), path.join("::"));
                self.graph.blind.push(told);
            }
            None => {}
        }
    }

    fn note(&mut self, found: &Found, path: &[String], line: usize) {
        let (to, name) = match found.definition {
            Definition::Module(_) => return,
            Definition::Item(item) => {
                let item = &self.graph.items[item];
                (item.file.clone(), item.name.clone())
            }
            // For others the door defines it; for those below it, the other crate does.
            Definition::Outside(module) => {
                let door = &self.graph.modules[module].file;
                let file = self.file();
                let to = if is_below(&file, door) { &file } else { door };
                (to.clone(), path.join("::"))
            }
        };
        self.edge(found, line, to, name);
    }

    fn edge(&mut self, found: &Found, line: usize, to: String, item: String) {
        let from = self.file();
        let modules = &self.graph.modules;
        let mut through: Vec<String> = Vec::new();
        for hop in &found.hops {
            let file = &modules[*hop].file;
            if *file != from && !through.contains(file) {
                through.push(file.clone());
            }
        }
        if from != to || !through.is_empty() {
            self.graph.edges.push(Edge {
                from,
                to,
                item,
                line,
                through,
            });
        }
    }

    fn follow_path(&mut self, path: &syn::Path, spaces: &[Space]) {
        if path.leading_colon.is_none() {
            let names: Vec<String> = path.segments.iter().map(|s| s.ident.to_string()).collect();
            let line = path.segments[0].ident.span().start().line;
            self.follow(&names, line, spaces);
        }
        visit::visit_path(&mut Inside(self), path);
    }

    /// Paths that stand in the arguments of a macro.
    fn scan(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let is = |index: usize, sign: char| matches!(tokens.get(index), Some(TokenTree::Punct(p)) if p.as_char() == sign);
        let mut index = 0;
        while index < tokens.len() {
            match &tokens[index] {
                TokenTree::Group(group) => self.scan(group.stream()),
                TokenTree::Ident(first) => {
                    let before = index.checked_sub(1);
                    let apart = before.is_none_or(|i| !is(i, '.') && !is(i, '\'') && !is(i, ':'))
                        // A type after `name: `.
                        || index == 1
                        || index > 1 && is(index - 1, ':') && !is(index - 2, ':');
                    let mut path = vec![first.to_string()];
                    while is(index + 1, ':') && is(index + 2, ':') {
                        let Some(TokenTree::Ident(next)) = tokens.get(index + 3) else {
                            break;
                        };
                        path.push(next.to_string());
                        index += 3;
                    }
                    if apart {
                        let line = first.span().start().line;
                        let spaces = if is(index + 1, '!') {
                            &[Space::Macros, Space::Values, Space::Types]
                        } else {
                            &[Space::Values, Space::Types, Space::Macros]
                        };
                        self.follow(&path, line, spaces);
                    }
                }
                _ => {}
            }
            index += 1;
        }
    }

    /// The file of the type or trait a path names, if it is ours.
    fn home(&self, path: &syn::Path) -> Option<String> {
        let names: Vec<String> = path.segments.iter().map(|s| s.ident.to_string()).collect();
        let found = self.graph.resolve(self.module, &names, Space::Types)?;
        match found.definition {
            Definition::Item(item) => Some(self.graph.items[item].file.clone()),
            _ => None,
        }
    }

    fn note_impl(&mut self, item: &syn::ItemImpl) {
        let own = match &*item.self_ty {
            syn::Type::Path(named) => self.home(&named.path),
            syn::Type::TraitObject(object) => object.bounds.iter().find_map(|bound| match bound {
                syn::TypeParamBound::Trait(bound) => self.home(&bound.path),
                _ => None,
            }),
            _ => None,
        };
        let of_trait = item.trait_.as_ref().map(|(_, path, _)| path);
        let home = own.or_else(|| self.home(of_trait?));
        let name = last_name(&item.self_ty);
        let shown = match of_trait.and_then(|path| path.segments.last()) {
            Some(of_trait) => format!("impl {} for {name}", of_trait.ident),
            None => format!("impl {name}"),
        };
        self.graph.impls.push(Impl {
            file: self.file(),
            line: item.impl_token.span.start().line,
            shown,
            home,
        });
    }
}

fn last_name(named: &syn::Type) -> String {
    match named {
        syn::Type::Path(named) => {
            let last = named.path.segments.last();
            last.map(|last| last.ident.to_string()).unwrap_or_default()
        }
        syn::Type::Reference(inner) => format!("&{}", last_name(&inner.elem)),
        syn::Type::TraitObject(_) => "dyn".to_owned(),
        _ => "_".to_owned(),
    }
}

/// Goes on with the generic arguments of a path, whose names are done.
struct Inside<'r, 'g>(&'r mut Reader<'g>);

impl<'ast> Visit<'ast> for Inside<'_, '_> {
    fn visit_generic_argument(&mut self, argument: &'ast syn::GenericArgument) {
        self.0.visit_generic_argument(argument);
    }

    fn visit_type(&mut self, named: &'ast syn::Type) {
        self.0.visit_type(named);
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_attribute(&mut self, _: &'ast syn::Attribute) {}

    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}

    fn visit_item(&mut self, item: &'ast syn::Item) {
        let attributes = match item {
            syn::Item::Const(item) => &item.attrs,
            syn::Item::Enum(item) => &item.attrs,
            syn::Item::Fn(item) => &item.attrs,
            syn::Item::Impl(item) => &item.attrs,
            syn::Item::Macro(item) => &item.attrs,
            syn::Item::Mod(item) => &item.attrs,
            syn::Item::Static(item) => &item.attrs,
            syn::Item::Struct(item) => &item.attrs,
            syn::Item::Trait(item) => &item.attrs,
            syn::Item::Type(item) => &item.attrs,
            syn::Item::Union(item) => &item.attrs,
            syn::Item::Use(item) => &item.attrs,
            _ => return visit::visit_item(self, item),
        };
        if !is_for_tests(attributes) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        for import in imports(item) {
            if import.name.is_none() {
                let found = self.graph.resolve(self.module, &import.path, Space::Types);
                if let Some(found) = found {
                    match found.definition {
                        Definition::Item(_) => self.note(&found, &import.path, import.line),
                        Definition::Outside(_) => {}
                        Definition::Module(module) => {
                            let to = self.graph.modules[module].file.clone();
                            self.edge(&found, import.line, to, "*".to_owned());
                        }
                    }
                }
                continue;
            }
            // One name may bring a type and a function.
            let spaces = [Space::Types, Space::Values, Space::Macros];
            let has = |space: &Space| {
                let found = self.graph.resolve(self.module, &import.path, *space);
                found.is_some()
            };
            let having: Vec<Space> = spaces.into_iter().filter(has).collect();
            if having.is_empty() {
                self.follow(&import.path, import.line, &spaces);
            }
            for space in having {
                self.follow(&import.path, import.line, &[space]);
            }
        }
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        self.note_impl(item);
        visit::visit_item_impl(self, item);
    }

    fn visit_impl_item(&mut self, item: &'ast syn::ImplItem) {
        let attributes = match item {
            syn::ImplItem::Const(item) => &item.attrs,
            syn::ImplItem::Fn(item) => &item.attrs,
            syn::ImplItem::Type(item) => &item.attrs,
            _ => return visit::visit_impl_item(self, item),
        };
        if !is_for_tests(attributes) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_field(&mut self, field: &'ast syn::Field) {
        if !is_for_tests(&field.attrs) {
            visit::visit_field(self, field);
        }
    }

    fn visit_field_value(&mut self, field: &'ast syn::FieldValue) {
        if !is_for_tests(&field.attrs) {
            visit::visit_field_value(self, field);
        }
    }

    fn visit_variant(&mut self, variant: &'ast syn::Variant) {
        if !is_for_tests(&variant.attrs) {
            visit::visit_variant(self, variant);
        }
    }

    fn visit_arm(&mut self, arm: &'ast syn::Arm) {
        if !is_for_tests(&arm.attrs) {
            visit::visit_arm(self, arm);
        }
    }

    fn visit_local(&mut self, local: &'ast syn::Local) {
        if !is_for_tests(&local.attrs) {
            visit::visit_local(self, local);
        }
    }

    fn visit_block(&mut self, block: &'ast syn::Block) {
        let items = block.stmts.iter().filter_map(|statement| match statement {
            syn::Stmt::Item(item) => Some(item.clone()),
            _ => None,
        });
        let items: Vec<syn::Item> = items.collect();
        if items.is_empty() {
            return visit::visit_block(self, block);
        }
        let outer = self.module;
        let file = self.file();
        self.module = self.graph.add_module(&file, None, Some(outer));
        declare(self.graph, self.module, &items);
        visit::visit_block(self, block);
        self.module = outer;
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.follow_path(path, &[Space::Types]);
    }

    fn visit_expr_path(&mut self, path: &'ast syn::ExprPath) {
        if let Some(of) = &path.qself {
            self.visit_qself(of);
        }
        // `<T as Trait>::NAME` names the trait.
        let spaces = [Space::Values, Space::Types];
        self.follow_path(&path.path, &spaces);
    }

    fn visit_pat_tuple_struct(&mut self, pattern: &'ast syn::PatTupleStruct) {
        self.follow_path(&pattern.path, &[Space::Values, Space::Types]);
        for element in &pattern.elems {
            self.visit_pat(element);
        }
    }

    fn visit_macro(&mut self, called: &'ast syn::Macro) {
        self.follow_path(&called.path, &[Space::Macros]);
        self.scan(called.tokens.clone());
    }
}

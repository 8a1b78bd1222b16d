//! The paths that a file speaks of, outside its tests.

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{ImplItem, Item, ItemMod, ItemUse, Macro, VisRestricted, Visibility};

use super::scope::expanded;
use crate::lines::attributes;
use crate::source::{ModulePath, is_for_tests};

/// A path, and the module that it stands in.
pub(super) struct FoundPath {
    pub(super) module: ModulePath,
    pub(super) segments: Vec<String>,
}

pub(super) fn paths(module: &[String], file: &syn::File) -> Vec<FoundPath> {
    let mut paths = Paths {
        module: module.to_vec(),
        found: Vec::new(),
    };
    paths.visit_file(file);
    paths.found
}

struct Paths {
    module: ModulePath,
    found: Vec<FoundPath>,
}

impl Paths {
    fn add(&mut self, segments: Vec<String>) {
        let module = self.module.clone();
        self.found.push(FoundPath { module, segments });
    }

    /// Paths in what a macro is given.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut segments: Vec<String> = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(name) if segments.is_empty() || colons == 2 => {
                    segments.push(name.to_string());
                    colons = 0;
                }
                TokenTree::Punct(mark) if mark.as_char() == ':' && !segments.is_empty() => {
                    colons += 1;
                }
                other => {
                    self.end(&mut segments, &mut colons);
                    match other {
                        TokenTree::Group(group) => self.tokens(group.stream()),
                        TokenTree::Ident(name) => segments.push(name.to_string()),
                        _ => {}
                    }
                }
            }
        }
        self.end(&mut segments, &mut colons);
    }

    fn end(&mut self, segments: &mut Vec<String>, colons: &mut usize) {
        let segments = std::mem::take(segments);
        *colons = 0;
        if !segments.is_empty() {
            self.add(segments);
        }
    }
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_for_tests(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        let is_test = matches!(item, ImplItem::Fn(function) if is_for_tests(&function.attrs));
        if !is_test {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        self.module.push(item.ident.to_string());
        visit::visit_item_mod(self, item);
        self.module.pop();
    }

    /// What is only exported again is not imported.
    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if !matches!(item.vis, Visibility::Inherited) {
            return;
        }
        for used in expanded(&item.tree) {
            self.add(used.path);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<String> = path
            .segments
            .iter()
            .map(|segment| segment.ident.to_string())
            .collect();
        if path.leading_colon.is_none() {
            self.add(segments);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, item: &'ast Macro) {
        self.visit_path(&item.path);
        self.tokens(item.tokens.clone());
    }

    /// `pub(in path)` imports nothing.
    fn visit_vis_restricted(&mut self, _: &'ast VisRestricted) {}
}

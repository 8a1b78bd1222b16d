//! What names mean in each module of a crate.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use syn::{Item, UseTree};

use crate::lines::attributes;
use crate::source::{ModulePath, SourceFile, is_for_tests};

/// How many names may lead to each other.
const DEEPEST: usize = 16;

/// The modules of a crate.
pub(super) struct Scopes<'a> {
    modules: BTreeMap<ModulePath, Scope<'a>>,
}

struct Scope<'a> {
    file: &'a Path,
    defined: BTreeSet<String>,
    /// Names that `use` gives to paths.
    used: BTreeMap<String, Vec<String>>,
    /// Paths of which `use` gives all names.
    globs: Vec<Vec<String>>,
}

/// A name that `use` gives to a path, or all of a path.
pub(super) struct Used {
    /// None for all.
    pub(super) name: Option<String>,
    pub(super) path: Vec<String>,
}

impl<'a> Scopes<'a> {
    pub(super) fn of(root: &'a BTreeMap<ModulePath, SourceFile>) -> Self {
        let mut modules = BTreeMap::new();
        for (module, file) in root {
            add(module, &file.path, &file.syntax.items, &mut modules);
        }
        Self { modules }
    }

    /// The file that defines what a path means in a module; none for what isn't of this crate, and for modules as such.
    pub(super) fn file(&self, module: &[String], path: &[String]) -> Option<&'a Path> {
        self.find(module, path, DEEPEST)
    }

    fn find(&self, module: &[String], path: &[String], depth: usize) -> Option<&'a Path> {
        let depth = depth.checked_sub(1)?;
        let (first, rest) = path.split_first()?;
        let mut module = module.to_vec();
        match first.as_str() {
            "crate" => self.within(Vec::new(), rest, depth),
            "self" => self.within(module, rest, depth),
            "super" => {
                module.pop()?;
                let mut rest = rest;
                while let Some(("super", after)) = rest
                    .split_first()
                    .map(|(first, after)| (first.as_str(), after))
                {
                    module.pop()?;
                    rest = after;
                }
                self.within(module, rest, depth)
            }
            _ => {
                let scope = self.modules.get(&module)?;
                let mut child = module.clone();
                child.push(first.clone());
                if self.modules.contains_key(&child) {
                    return self.within(module, path, depth);
                }
                let used = scope.used.get(first)?;
                // A crate of the same name as the `use` that imports it.
                if used.first() == Some(first) {
                    return None;
                }
                self.find(&module, &[used.as_slice(), rest].concat(), depth)
            }
        }
    }

    /// The same for a path that begins in a module.
    fn within(&self, mut module: ModulePath, path: &[String], depth: usize) -> Option<&'a Path> {
        let mut rest = path;
        while let Some((first, after)) = rest.split_first() {
            let mut child = module.clone();
            child.push(first.clone());
            if self.modules.contains_key(&child) {
                module = child;
                rest = after;
                continue;
            }
            let scope = self.modules.get(&module)?;
            if scope.defined.contains(first) {
                return Some(scope.file);
            }
            if let Some(used) = scope.used.get(first) {
                let path = [used.as_slice(), after].concat();
                let is_external = used.first() == Some(first);
                return (!is_external).then(|| self.find(&module, &path, depth))?;
            }
            let through = scope.globs.iter().find_map(|glob| {
                let path = [glob.as_slice(), rest].concat();
                self.find(&module, &path, depth)
            });
            return through.or(Some(scope.file));
        }
        None
    }
}

fn add<'a>(
    module: &ModulePath,
    file: &'a Path,
    items: &'a [Item],
    modules: &mut BTreeMap<ModulePath, Scope<'a>>,
) {
    let mut scope = Scope {
        file,
        defined: BTreeSet::new(),
        used: BTreeMap::new(),
        globs: Vec::new(),
    };
    for item in items {
        if is_for_tests(attributes(item)) {
            continue;
        }
        if let Item::Use(item) = item {
            for used in expanded(&item.tree) {
                match used.name {
                    Some(name) => {
                        scope.used.insert(name, used.path);
                    }
                    None => scope.globs.push(used.path),
                }
            }
        }
        if let Item::Mod(inline) = item
            && let Some((_, items)) = &inline.content
        {
            let mut path = module.clone();
            path.push(inline.ident.to_string());
            add(&path, file, items, modules);
        }
        scope.defined.extend(name(item));
    }
    modules.insert(module.clone(), scope);
}

/// The name that an item defines; modules aside.
fn name(item: &Item) -> Option<String> {
    Some(match item {
        Item::Const(item) => item.ident.to_string(),
        Item::Enum(item) => item.ident.to_string(),
        Item::Fn(item) => item.sig.ident.to_string(),
        Item::Macro(item) => item.ident.as_ref()?.to_string(),
        Item::Static(item) => item.ident.to_string(),
        Item::Struct(item) => item.ident.to_string(),
        Item::Trait(item) => item.ident.to_string(),
        Item::Type(item) => item.ident.to_string(),
        Item::Union(item) => item.ident.to_string(),
        _ => return None,
    })
}

/// Each name that a `use` brings.
pub(super) fn expanded(tree: &UseTree) -> Vec<Used> {
    fn expand(tree: &UseTree, before: &[String], used: &mut Vec<Used>) {
        let joined = |name: String| [before, &[name]].concat();
        match tree {
            UseTree::Path(path) => expand(&path.tree, &joined(path.ident.to_string()), used),
            UseTree::Name(name) if name.ident == "self" => used.push(Used {
                name: before.last().cloned(),
                path: before.to_vec(),
            }),
            UseTree::Name(name) => used.push(Used {
                name: Some(name.ident.to_string()),
                path: joined(name.ident.to_string()),
            }),
            UseTree::Rename(renamed) => used.push(Used {
                name: Some(renamed.rename.to_string()),
                path: joined(renamed.ident.to_string()),
            }),
            UseTree::Glob(_) => used.push(Used {
                name: None,
                path: before.to_vec(),
            }),
            UseTree::Group(group) => {
                for tree in &group.items {
                    expand(tree, before, used);
                }
            }
        }
    }
    let mut used = Vec::new();
    expand(tree, &[], &mut used);
    used
}

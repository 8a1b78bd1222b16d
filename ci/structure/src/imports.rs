//! Which file of a crate imports from which, and cycles of imports between files of different folders.
//!
//! A name counts as imported from the file that defines it, however many modules export it again.

mod scope;
mod visitor;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::source::{Crate, ModulePath, SourceFile};

use scope::Scopes;

/// Which file imports from which, and one name for each.
type Imports<'a> = BTreeMap<&'a Path, BTreeMap<&'a Path, String>>;

/// A cycle between files of different folders.
pub(crate) struct Cycle {
    /// The files, and what each imports from another folder.
    pub(crate) text: String,
    /// Whether it is a module with what is in its own folders: all files are in or below one folder of theirs, which isn't
    /// the crate's.
    pub(crate) is_within_a_module: bool,
}

pub(crate) fn cycles(krate: &Crate) -> Vec<Cycle> {
    krate
        .roots
        .iter()
        .flat_map(|root| {
            let imports = imports(root);
            let told = |cycle: Vec<&Path>| Cycle {
                text: told(&krate.name, root, &imports, &cycle),
                is_within_a_module: is_within_a_module(root, &cycle),
            };
            groups(&imports)
                .into_iter()
                .filter(|cycle| spans_folders(root, cycle))
                .map(told)
                .collect::<Vec<_>>()
        })
        .collect()
}

fn imports(root: &BTreeMap<ModulePath, SourceFile>) -> Imports<'_> {
    let scopes = Scopes::of(root);
    let mut imports = Imports::new();
    for (module, file) in root {
        let mut of_file = BTreeMap::new();
        for path in visitor::paths(module, &file.syntax) {
            if let Some(from) = scopes.file(&path.module, &path.segments)
                && from != file.path
            {
                of_file
                    .entry(from)
                    .or_insert_with(|| path.segments.join("::"));
            }
        }
        imports.insert(&file.path, of_file);
    }
    imports
}

/// The groups of files that reach each other.
fn groups<'a>(imports: &Imports<'a>) -> Vec<Vec<&'a Path>> {
    let reached: BTreeMap<&Path, BTreeSet<&Path>> = imports
        .keys()
        .map(|file| (*file, reached_from(file, imports)))
        .collect();
    let mut groups: Vec<Vec<&Path>> = Vec::new();
    for (file, reached_from_file) in &reached {
        if groups.iter().flatten().any(|known| known == file) {
            continue;
        }
        let group: Vec<&Path> = reached_from_file
            .iter()
            .copied()
            .filter(|other| reached[other].contains(file))
            .collect();
        if group.len() > 1 {
            groups.push(group);
        }
    }
    groups
}

fn reached_from<'a>(file: &'a Path, imports: &Imports<'a>) -> BTreeSet<&'a Path> {
    let mut reached = BTreeSet::new();
    let mut next = vec![file];
    while let Some(file) = next.pop() {
        for other in imports[file].keys() {
            if reached.insert(*other) {
                next.push(other);
            }
        }
    }
    reached
}

/// The folders that a file belongs to: its own, and that of its child modules.
fn folders(file: &Path, root: &BTreeMap<ModulePath, SourceFile>) -> BTreeSet<PathBuf> {
    let children = file.with_extension("");
    let has_children = root
        .values()
        .any(|other| other.path.parent() == Some(&*children));
    let own = file.parent().map(Path::to_owned);
    own.into_iter()
        .chain(has_children.then_some(children))
        .collect()
}

/// Whether there is no folder that all files belong to.
fn spans_folders(root: &BTreeMap<ModulePath, SourceFile>, cycle: &[&Path]) -> bool {
    let common = cycle.iter().map(|file| folders(file, root));
    let common = common.reduce(|common, folders| &common & &folders);
    common.is_none_or(|common| common.is_empty())
}

fn is_within_a_module(root: &BTreeMap<ModulePath, SourceFile>, cycle: &[&Path]) -> bool {
    let crate_folder = root[&ModulePath::new()].path.parent();
    let mut candidates = cycle.iter().flat_map(|file| folders(file, root));
    candidates.any(|folder| {
        crate_folder != Some(&*folder)
            && cycle
                .iter()
                .all(|file| file.starts_with(&folder) || folders(file, root).contains(&folder))
    })
}

/// The cycle, and each import in it that leads to another folder.
fn told(
    name: &str,
    root: &BTreeMap<ModulePath, SourceFile>,
    imports: &Imports<'_>,
    cycle: &[&Path],
) -> String {
    let mut text = format!(
        "{name}: {} files of different folders import each other:",
        cycle.len()
    );
    for file in cycle {
        for (from, what) in &imports[file] {
            if cycle.contains(from) && spans_folders(root, &[file, from]) {
                text += &format!(
                    "\n  {} imports {what} from {}",
                    file.display(),
                    from.display()
                );
            }
        }
    }
    text
}

#[cfg(test)]
mod tests;

//! The files of a crate, without its tests: what its root reaches by `mod` that isn't for tests only.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use syn::{Attribute, Expr, ExprLit, Item, Lit, Meta};

/// The path of a module within its crate.
pub(crate) type ModulePath = Vec<String>;

/// A crate's files.
pub(crate) struct Crate {
    pub(crate) name: String,
    /// Each root, such as `src/lib.rs`, with the files that it reaches.
    pub(crate) roots: Vec<BTreeMap<ModulePath, SourceFile>>,
}

/// A file that is a module.
pub(crate) struct SourceFile {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
    pub(crate) syntax: syn::File,
}

impl Crate {
    /// Reads the crate in a folder.
    pub(crate) fn read(name: &str, folder: &Path) -> anyhow::Result<Self> {
        let mut roots = Vec::new();
        let source = folder.join("src");
        let mut files = vec![
            source.join("lib.rs"),
            source.join("main.rs"),
            folder.join("build.rs"),
        ];
        if let Ok(programs) = std::fs::read_dir(source.join("bin")) {
            for program in programs.flatten().map(|program| program.path()) {
                files.extend([program.join("main.rs"), program]);
            }
        }
        for file in files.into_iter().filter(|file| file.is_file()) {
            let mut reached = BTreeMap::new();
            let children = file.parent().unwrap_or(&source).to_owned();
            reach(&file, Vec::new(), &children, &mut reached)?;
            roots.push(reached);
        }
        Ok(Self {
            name: name.to_owned(),
            roots,
        })
    }

    pub(crate) fn files(&self) -> impl Iterator<Item = &SourceFile> {
        self.roots.iter().flat_map(BTreeMap::values)
    }
}

/// Reads a module's file and those of the modules that it declares; `children` is where these are.
fn reach(
    file: &Path,
    module: ModulePath,
    children: &Path,
    reached: &mut BTreeMap<ModulePath, SourceFile>,
) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
    let syntax = syn::parse_file(&text).with_context(|| format!("parse {}", file.display()))?;
    for item in &syntax.items {
        let Item::Mod(declared) = item else { continue };
        if declared.content.is_some() || is_for_tests(&declared.attrs) {
            continue;
        }
        let name = declared.ident.to_string();
        let flat = children.join(format!("{name}.rs"));
        let found = match path_attribute(&declared.attrs) {
            Some(path) => file.with_file_name(path),
            None if flat.is_file() => flat,
            None => children.join(&name).join("mod.rs"),
        };
        let mut path = module.clone();
        path.push(name.clone());
        reach(&found, path, &children.join(name), reached)?;
    }
    let path = file.to_owned();
    reached.insert(module, SourceFile { path, text, syntax });
    Ok(())
}

/// Whether an item is compiled for tests, or for fuzzing, only.
pub(crate) fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let Meta::List(list) = &attribute.meta else {
            return false;
        };
        list.path.is_ident("cfg") && matches!(list.tokens.to_string().as_str(), "test" | "fuzzing")
    })
}

fn path_attribute(attributes: &[Attribute]) -> Option<String> {
    attributes
        .iter()
        .find_map(|attribute| match &attribute.meta {
            Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
                Expr::Lit(ExprLit {
                    lit: Lit::Str(path),
                    ..
                }) => Some(path.value()),
                _ => None,
            },
            _ => None,
        })
}

//! The files of scenarios that paths lead to.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::LoadError;
use super::load::name_of;

/// The name of folders with manifests that scenarios use.
const BASE: &str = "base";
/// How the names of files in folders end that are scenarios, in small or capital letters.
const ENDINGS: [&str; 2] = ["yaml", "yml"];

/// A path to a file, and where the file really is.
type Found = (PathBuf, PathBuf);

/// The files, sorted by path: each once, however many paths and links lead to it.
///
/// # Errors
/// When a path can't be read, or leads to no file.
pub(super) fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, LoadError> {
    let mut known = BTreeSet::new();
    let mut files = Vec::new();
    for path in paths {
        let mut found = Vec::new();
        collect(path, &mut BTreeSet::new(), &mut found)?;
        if found.is_empty() {
            return Err(LoadError::Nothing { path: path.clone() });
        }
        found.retain(|(_, real)| known.insert(real.clone()));
        files.extend(found.into_iter().map(|(file, _)| file));
    }
    files.sort();
    Ok(files)
}

/// Adds a file, or all that are below a folder. `folders` are those that were looked into: a link may lead to one above it.
fn collect(
    path: &Path,
    folders: &mut BTreeSet<PathBuf>,
    found: &mut Vec<Found>,
) -> Result<(), LoadError> {
    let failed = |source| LoadError::Read {
        path: path.to_owned(),
        source,
    };
    let is_folder = std::fs::metadata(path).map_err(failed)?.is_dir();
    // A pipe has no path of its own.
    let real = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if !is_folder {
        found.push((path.to_owned(), real));
        return Ok(());
    }
    if !folders.insert(real) {
        return Ok(());
    }
    for entry in entries(path).map_err(failed)? {
        let is_base = entry.file_name() == Some(OsStr::new(BASE));
        let looked_at = match std::fs::metadata(&entry) {
            Ok(found) if found.is_dir() => !is_base,
            // A pipe may never end.
            Ok(found) => found.is_file() && is_scenario(&entry),
            // A link that leads nowhere is told by looking at it.
            Err(_) => is_scenario(&entry),
        };
        if looked_at {
            collect(&entry, folders, found)?;
        }
    }
    Ok(())
}

/// What is in a folder, links last: a file is known by its own path where there is a link to it beside it.
fn entries(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        entries.push(entry?.path());
    }
    entries.sort_by_cached_key(|entry| (entry.is_symlink(), entry.clone()));
    Ok(entries)
}

fn is_scenario(file: &Path) -> bool {
    let ending = file.extension().unwrap_or_default();
    ENDINGS
        .iter()
        .any(|known| ending.eq_ignore_ascii_case(known))
}

/// What is wrong with files that have one name, each as `file: …`: reports, and lists of what is known to fail, tell scenarios by
/// their names.
pub(super) fn same_names(files: &[PathBuf]) -> Vec<String> {
    let mut named: BTreeMap<String, &PathBuf> = BTreeMap::new();
    let mut problems = Vec::new();
    for file in files {
        let name = name_of(file);
        if let Some(other) = named.get(&name) {
            problems.push(format!(
                "{}: its name is `{name}`, and so is that of {}; reports tell scenarios by the names of folder and file",
                file.display(),
                other.display()
            ));
        } else {
            named.insert(name, file);
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A folder with these files, which are empty.
    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let file = folder.path().join(file);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, "").unwrap();
        }
        folder
    }

    /// What paths in a folder lead to, below it.
    fn found(folder: &Path, paths: &[&str]) -> Vec<String> {
        let paths: Vec<PathBuf> = paths.iter().map(|path| folder.join(path)).collect();
        let files = files(&paths).unwrap().into_iter();
        files
            .map(|file| {
                let file = file.strip_prefix(folder).unwrap();
                file.display().to_string()
            })
            .collect()
    }

    #[test]
    fn files_of_both_endings_are_scenarios_unless_they_are_there_to_be_used() {
        let folder = folder(&[
            "x/a.yaml",
            "x/b.yml",
            "x/C.YAML",
            "x/schema.json",
            "x/base/d.yaml",
        ]);
        assert_eq!(
            found(folder.path(), &["x"]),
            ["x/C.YAML", "x/a.yaml", "x/b.yml"]
        );
        assert_eq!(
            found(folder.path(), &["x/schema.json"]),
            ["x/schema.json"],
            "who names a file means it"
        );
        // A pipe in a folder would be read for ever; a socket is no file either.
        let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("x/d.yaml"));
        assert_eq!(found(folder.path(), &["x"]).len(), 3);
        let none = files(&[folder.path().join("x/base/none")]).unwrap_err();
        assert!(matches!(none, LoadError::Read { .. }), "{none}");
        std::fs::create_dir(folder.path().join("y")).unwrap();
        let none = files(&[folder.path().join("y")]).unwrap_err();
        assert!(
            none.to_string()
                .ends_with("y holds no scenario (*.yaml, *.yml)"),
            "{none}"
        );
    }

    #[test]
    fn a_file_is_there_once_however_many_paths_lead_to_it() {
        let folder = folder(&["x/one.yaml"]);
        let path = folder.path();
        let one = ["x/one.yaml"];
        let paths = ["x/one.yaml", "./x/one.yaml", "x/../x/one.yaml", "x"];
        assert_eq!(found(path, &paths), one);
        symlink("..", path.join("x/loop")).unwrap();
        symlink("one.yaml", path.join("x/a.yaml")).unwrap();
        symlink("x", path.join("a")).unwrap();
        assert_eq!(found(path, &["."]), one);
        assert_eq!(found(path, &["x/a.yaml"]), ["x/a.yaml"]);
    }

    #[test]
    fn two_files_of_one_name_are_named() {
        let names = |files: &[&str]| {
            let files: Vec<PathBuf> = files.iter().map(PathBuf::from).collect();
            same_names(&files).join("\n")
        };
        assert_eq!(names(&["a/x/one.yaml", "a/y/one.yaml", "one.yaml"]), "");
        assert_eq!(
            names(&["a/x/one.yaml", "b/x/one.yml"]),
            "b/x/one.yml: its name is `x/one`, and so is that of a/x/one.yaml; reports tell scenarios by the names of folder and file"
        );
    }
}

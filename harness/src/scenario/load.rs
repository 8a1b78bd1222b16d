//! From files to scenarios that can run. Nothing is started before every file is sound.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Document;
use super::files::{files, same_names};
use super::used::with_used;
use crate::format::{Checks, Place, default_namespace, in_file, located};

/// A scenario that can run.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// The file.
    pub path: PathBuf,
    /// What is in it.
    pub(crate) document: Document,
    /// Its text.
    pub(super) source: String,
}

impl Scenario {
    /// Area and name: the file's folder and stem.
    #[must_use]
    pub fn name(&self) -> String {
        name_of(&self.path)
    }

    /// Whether a real Prometheus scrapes in it.
    #[must_use]
    pub fn has_real_prometheus(&self) -> bool {
        self.document.install.has_real_prometheus()
    }

    /// The objects that the scenario installs, brings along and may leave by its steps.
    #[must_use]
    pub fn objects(&self) -> Vec<Value> {
        let document = &self.document;
        // Manifests that can't be read are reported when they are installed.
        let mut objects = document.install.objects().unwrap_or_default();
        objects.extend(document.manifests.iter().cloned());
        let steps = document.steps.iter();
        objects.extend(steps.flat_map(|step| step.objects()).cloned());
        objects
    }

    /// The namespaces that these objects and the installation are in, as they name them.
    #[must_use]
    pub fn namespaces(&self) -> BTreeSet<String> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let objects = self.objects();
        let named = objects.iter().filter_map(|object| {
            let metadata = &object["metadata"];
            match object["kind"].as_str() {
                Some("Namespace") => text(&metadata["name"]),
                _ => text(&metadata["namespace"]),
            }
        });
        named.chain([default_namespace()]).collect()
    }
}

/// The name of the scenario in a file.
pub(super) fn name_of(file: &Path) -> String {
    let part = |part: Option<&OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
    let area = part(file.parent().and_then(Path::file_name));
    let stem = part(file.file_stem());
    if area.is_empty() {
        stem
    } else {
        format!("{area}/{stem}")
    }
}

/// Why scenarios can't run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// A path leads nowhere.
    #[error("read {path}")]
    Read {
        /// The path.
        path: PathBuf,
        /// What failed.
        #[source]
        source: std::io::Error,
    },
    /// There is no scenario.
    #[error("{path} holds no scenario (*.yaml, *.yml)")]
    Nothing {
        /// The path.
        path: PathBuf,
    },
    /// Files aren't scenarios.
    #[error("{}", .problems.join("\n"))]
    Broken {
        /// What is wrong, file by file.
        problems: Vec<String>,
    },
}

/// The folder with this product's scenarios, as it was when this crate was compiled: in a checkout, or where Cargo keeps one.
#[must_use]
pub fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .map_or_else(PathBuf::new, |checkout| checkout.join("scenarios"))
}

/// All scenarios in files and folders, sorted by path.
///
/// # Errors
/// When a path can't be read, and when any file is no scenario or has the name of another one: then all problems of all files.
pub fn load(paths: &[PathBuf]) -> Result<Vec<Scenario>, LoadError> {
    let files = files(paths)?;
    let mut scenarios = Vec::new();
    let mut problems = same_names(&files);
    for path in files {
        let text = setpoint_support::read_text(&path).map_err(|source| LoadError::Read {
            path: path.clone(),
            source,
        })?;
        let parsed = parse(&text, path.parent().unwrap_or(&path));
        let parsed = parsed.map_err(|found| in_file(&path, found));
        match parsed.and_then(|document| with_used(document, &text, &path)) {
            Ok(document) => scenarios.push(Scenario {
                path,
                document,
                source: text,
            }),
            Err(found) => problems.extend(found),
        }
    }
    if problems.is_empty() {
        Ok(scenarios)
    } else {
        Err(LoadError::Broken { problems })
    }
}

/// The text of a scenario that stands in a folder, or everything that is wrong with it, each as `line:column: …`.
pub(super) fn parse(text: &str, folder: &Path) -> Result<Document, Vec<String>> {
    let document: Document = serde_saphyr::from_str(text).map_err(|error| vec![located(&error)])?;
    let mut checks = Checks::new(folder);
    document.check(&Place::of(text), text, &mut checks);
    let problems = checks.problems();
    if problems.is_empty() {
        Ok(document)
    } else {
        Err(problems)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn broken_scenarios_say_what_is_wrong_and_where() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/scenarios/fail");
        let files = files(std::slice::from_ref(&folder)).unwrap();
        assert!(files.len() >= 8, "{files:?}");
        for file in files {
            let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
            let problems =
                parse(&std::fs::read_to_string(&file).unwrap(), &folder).expect_err(&name);
            insta::with_settings!({snapshot_path => "../../../fixtures/scenarios/fail", prepend_module_to_snapshot => false}, {
                insta::assert_snapshot!(name, problems.join("\n"));
            });
        }
    }

    #[test]
    fn all_scenarios_of_this_repository_are_sound() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
        assert!(load(&[folder]).unwrap().len() >= 6);
    }

    #[test]
    fn two_files_of_one_name_are_not_loaded_together() {
        let folder = tempfile::tempdir().unwrap();
        let file = |area: &str| folder.path().join(area).join("x/one.yaml");
        for area in ["a", "b"] {
            std::fs::create_dir_all(file(area).parent().unwrap()).unwrap();
            let text =
                "apiVersion: setpoint.dev/v1alpha1\nscenario: x\nsteps: [{restart: adapter}]\n";
            std::fs::write(file(area), text).unwrap();
        }
        assert_eq!(load(&[file("a"), file("a")]).unwrap().len(), 1);
        let told = load(&[folder.path().to_owned()]).unwrap_err().to_string();
        let expected = format!("{}: its name is `x/one`", file("b").display());
        assert!(told.starts_with(&expected), "{told}");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(apiVersion: setpoint.dev/v1alpha1\nscenario: x\n)?(steps:\n|metrics:\n)?(- (expect|apply|custom|on|values): [{}a-z'0-9: ]{0,20}\n){0,3}") {
            let _ = parse(&text, Path::new("."));
        }
    }
}

//! From a file to known failures.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::near::unknown;
use super::{Document, KnownFailures};
use crate::format::{Checks, Place, in_file, located};
use crate::scenario::Scenario;

/// Why a file can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// It can't be read.
    #[error("read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What failed.
        #[source]
        source: std::io::Error,
    },
    /// It is no file of known failures.
    #[error("{}", .problems.join("\n"))]
    Broken {
        /// What is wrong, each with file, line and column.
        problems: Vec<String>,
    },
}

/// A scenario's name and what it proves.
pub(super) type Named = (String, Vec<String>);

impl KnownFailures {
    /// Reads a file. Each entry must be about one of the scenarios, whichever of them run, or about one of `others`, which nothing is seen of now.
    ///
    /// # Errors
    /// When the file can't be read, or what is wrong with it.
    pub fn load(
        path: &Path,
        scenarios: &[Scenario],
        others: &[Scenario],
    ) -> Result<Self, LoadError> {
        let text = setpoint_support::read_text(path).map_err(|source| LoadError::Read {
            path: path.to_owned(),
            source,
        })?;
        let named = |scenarios: &[Scenario]| -> Vec<Named> {
            let scenarios = scenarios.iter();
            scenarios
                .map(|scenario| (scenario.name(), scenario.document.proves.clone()))
                .collect()
        };
        let parsed = Self::parse(path, &text, &named(scenarios), &named(others));
        parsed.map_err(|found| LoadError::Broken {
            problems: in_file(path, found),
        })
    }

    /// The entries of a text, or everything that is wrong with it.
    pub(super) fn parse(
        path: &Path,
        text: &str,
        scenarios: &[Named],
        others: &[Named],
    ) -> Result<Self, Vec<String>> {
        let document: Document =
            serde_saphyr::from_str(text).map_err(|error| vec![located(&error)])?;
        let places = Place::of(text);
        let mut checks = Checks::new(path);
        let Some(failures) = document.failures else {
            let problem =
                "`failures` has no list: write one, or `failures: []` where none is known";
            checks.at(places.key("failures"), problem);
            return Err(checks.problems());
        };
        let mut seen = BTreeSet::new();
        let mut entries = Vec::new();
        for (index, entry) in failures.into_iter().enumerate() {
            let place = places.key("failures").item(index);
            let is_about = |(name, proves): &&Named| entry.is_about(name, proves);
            let about = scenarios.iter().filter(is_about);
            let about: BTreeSet<String> = about.map(|(name, _)| name.clone()).collect();
            if about.is_empty() && !others.iter().any(|other| is_about(&other)) {
                let named = scenarios.iter().chain(others);
                checks.at(place.key("id"), unknown(&entry.id, named));
            }
            if !seen.insert(entry.id.clone()) {
                checks.at(place.key("id"), format!("`{}` stands here twice", entry.id));
            }
            if entry.reason.trim().is_empty() {
                checks.at(place.key("reason"), "say why it fails");
            }
            entries.push((entry, about));
        }
        let problems = checks.problems();
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Self {
            path: path.to_owned(),
            entries,
        })
    }
}

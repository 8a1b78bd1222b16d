//! A file of the matrix.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Entry, Source};
use crate::format::{Checks, Place, in_file, located, schema_of};

/// What belongs together: a file of `fixtures/matrix`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Area {
    /// The file's name without its extension.
    #[serde(skip)]
    pub name: String,
    /// What it is about, as a sentence.
    pub about: String,
    /// The version of Kubernetes on which scenarios have shown its entries.
    pub kubernetes: String,
    /// What it says.
    pub entries: Vec<Entry>,
}

/// A file of the matrix can't be used.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}", .problems.join("\n"))]
pub struct MatrixError {
    /// Everything that is wrong, each as `file:line:column: …`.
    pub(super) problems: Vec<String>,
}

impl Area {
    /// Reads a file of this name.
    ///
    /// # Errors
    /// When it isn't an area: then everything that is wrong with it.
    pub(super) fn parse(
        name: &str,
        text: &str,
        sources: &BTreeMap<String, Source>,
    ) -> Result<Self, MatrixError> {
        let broken = |problems| MatrixError {
            problems: in_file(Path::new(&format!("{name}.yaml")), problems),
        };
        let parsed = serde_saphyr::from_str::<Self>(text);
        let mut area = parsed.map_err(|error| broken(vec![located(&error)]))?;
        name.clone_into(&mut area.name);
        let mut checks = Checks::new(Path::new(""));
        area.check(&Place::of(text), sources, &mut checks);
        let problems = checks.problems();
        if problems.is_empty() {
            Ok(area)
        } else {
            Err(broken(problems))
        }
    }

    fn check(&self, places: &Place, sources: &BTreeMap<String, Source>, checks: &mut Checks<'_>) {
        let mut ids = BTreeSet::new();
        for (index, entry) in self.entries.iter().enumerate() {
            let place = places.key("entries").item(index);
            entry.check(place, sources, checks);
            if !ids.insert(&entry.id) {
                checks.at(place.key("id"), format!("{} stands here twice", entry.id));
            }
        }
    }
}

/// The JSON schema of an area's file.
#[must_use]
pub(crate) fn schema() -> String {
    schema_of::<Area>()
}

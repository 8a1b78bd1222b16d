//! Where entries have it from.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use setpoint_rules::{error_place, error_without_place};

use super::MatrixError;

/// A file of a project at a version.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Source {
    /// What it is, in a few words.
    pub what: String,
    /// The repository, `owner/name` on GitHub.
    pub project: String,
    /// A tag or a commit.
    pub version: String,
    /// The file or folder in it.
    pub file: String,
}

impl Source {
    /// Its address.
    #[must_use]
    pub fn url(&self) -> String {
        let Self {
            project,
            version,
            file,
            ..
        } = self;
        format!("https://github.com/{project}/blob/{version}/{file}")
    }
}

/// The sources by their keys.
pub(super) fn sources() -> Result<BTreeMap<String, Source>, MatrixError> {
    let text = include_str!("../../../fixtures/matrix/sources.yaml");
    serde_saphyr::from_str(text).map_err(|error| {
        let (line, column) = error_place(&error);
        let problem = error_without_place(&error);
        MatrixError {
            problems: vec![format!("sources.yaml:{line}:{column}: {problem}")],
        }
    })
}

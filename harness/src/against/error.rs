//! Why two adapters can't be compared.

use std::path::{Path, PathBuf};

use setpoint_cluster::local::LocalError;
use setpoint_rules::YamlError;

use super::request::NoRequest;
use crate::install::ApplyError;
use crate::outcome::Unmet;
use crate::programs::ProgramError;

/// Why two adapters can't be compared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AgainstError {
    /// A file of the corpus can't be read or written.
    #[error("{doing} {}", path.display())]
    File {
        /// What was being done.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A file of the corpus is not what it should be.
    #[error("understand {}", path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A request of a configuration can't be made.
    #[error("make the requests of configuration `{configuration}`")]
    Request {
        /// The configuration.
        configuration: String,
        /// What is wrong.
        #[source]
        source: NoRequest,
    },
    /// There is no such configuration.
    #[error("find configurations that match `{0}`")]
    NoConfiguration(String),
    /// A program can't be read.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// The plane didn't start.
    #[error("start a plane")]
    Plane(#[source] Box<LocalError>),
    /// An object can't be applied.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// The plane, Prometheus or the way to them failed.
    #[error("{0}")]
    Unmet(Unmet),
}

impl AgainstError {
    pub(super) fn file(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File {
            doing,
            path,
            source,
        }
    }

    pub(super) fn form<E: Into<Box<dyn std::error::Error + Send + Sync>>>(
        path: &Path,
    ) -> impl FnOnce(E) -> Self {
        let path = path.to_owned();
        move |source| Self::Form {
            path,
            source: source.into(),
        }
    }
}

impl AgainstError {
    /// A file is no YAML, or not of the shape.
    pub(super) fn yaml(path: &Path) -> impl FnOnce(serde_saphyr::Error) -> Self {
        let form = Self::form(path);
        |error| form(YamlError::from(error))
    }
}

impl From<Unmet> for AgainstError {
    fn from(unmet: Unmet) -> Self {
        Self::Unmet(unmet)
    }
}

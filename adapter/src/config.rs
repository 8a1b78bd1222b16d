//! The configuration file that `--config` names.

use std::path::{Path, PathBuf};

use setpoint_rules::{ConfigError, Rules};

/// Why the configuration file can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    #[error(
        "read the configuration {path}, which --config names; in a pod it is a key of the mounted ConfigMap"
    )]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{path}")]
    Invalid {
        path: PathBuf,
        #[source]
        source: ConfigError,
    },
}

/// Reads the rules; those that aren't served yet are logged.
pub(crate) fn load(path: &Path) -> Result<Rules, LoadError> {
    let text = std::fs::read_to_string(path).map_err(|source| LoadError::Read {
        path: path.to_owned(),
        source,
    })?;
    let rules = Rules::parse(&text).map_err(|source| LoadError::Invalid {
        path: path.to_owned(),
        source,
    })?;
    if !rules.external().is_empty() {
        tracing::warn!(
            "externalRules are not served yet: external.metrics.k8s.io has to come from elsewhere"
        );
    }
    if rules.resource().is_some() {
        tracing::warn!(
            "resourceRules are not served yet: metrics.k8s.io has to come from elsewhere"
        );
    }
    Ok(rules)
}

//! From a file to rules that can be used.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::MetricsDiscoveryConfig;
use crate::naming::{MetricNamer, RuleError};

/// Why a configuration can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file can't be read.
    #[error(
        "read the configuration {path}, which --config names; in a pod it is a key of the mounted ConfigMap"
    )]
    Read {
        /// The file.
        path: PathBuf,
        /// What failed.
        #[source]
        source: std::io::Error,
    },
    /// The file is no configuration.
    #[error("{path}: {message}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line and column.
        message: String,
    },
    /// A rule makes no sense.
    #[error("{path}: {list}[{index}] (seriesQuery `{series_query}`)")]
    Rule {
        /// The file.
        path: PathBuf,
        /// `rules` or `externalRules`.
        list: &'static str,
        /// The rule's position, from 0.
        index: usize,
        /// What it is about.
        series_query: String,
        /// What is wrong.
        #[source]
        source: Box<RuleError>,
    },
}

/// The namers of the custom metrics' rules in a file.
///
/// # Errors
/// When the file can't be read, or anything in it can't be used.
pub fn load(path: &Path) -> Result<Vec<Arc<MetricNamer>>, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read {
        path: path.to_owned(),
        source,
    })?;
    parse(&text, path)
}

/// The namers of the custom metrics' rules in a text; `path` is for messages.
///
/// # Errors
/// When anything in it can't be used.
pub fn parse(text: &str, path: &Path) -> Result<Vec<Arc<MetricNamer>>, ConfigError> {
    let config: MetricsDiscoveryConfig =
        serde_saphyr::from_str(text).map_err(|error| ConfigError::Parse {
            path: path.to_owned(),
            message: error.to_string(),
        })?;
    let compile = |list: &'static str, rules: &[super::DiscoveryRule]| {
        rules
            .iter()
            .enumerate()
            .map(|(index, rule)| {
                MetricNamer::new(rule)
                    .map(Arc::new)
                    .map_err(|source| ConfigError::Rule {
                        path: path.to_owned(),
                        list,
                        index,
                        series_query: rule.series_query.clone(),
                        source: Box::new(source),
                    })
            })
            .collect::<Result<Vec<_>, _>>()
    };
    let namers = compile("rules", &config.rules)?;
    let external = compile("externalRules", &config.external_rules)?;
    if !external.is_empty() {
        tracing::warn!(
            "externalRules are not served yet: external.metrics.k8s.io has to come from elsewhere"
        );
    }
    if config.resource_rules.is_some() {
        tracing::warn!(
            "resourceRules are not served yet: metrics.k8s.io has to come from elsewhere"
        );
    }
    Ok(namers)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fixtures(folder: &str) -> Vec<PathBuf> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../fixtures/config")
            .join(folder);
        let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        files.retain(|file| {
            file.extension()
                .is_some_and(|extension| extension == "yaml")
        });
        files
    }

    fn outcome(file: &Path) -> Result<usize, String> {
        let text = std::fs::read_to_string(file).unwrap();
        let name = PathBuf::from(file.file_name().unwrap());
        parse(&text, &name)
            .map(|namers| namers.len())
            .map_err(|error| format!("{:#}", anyhow::Error::from(error)))
    }

    #[test]
    fn good_configurations_are_read() {
        let files = fixtures("pass");
        assert!(files.len() >= 2);
        for file in files {
            assert_eq!(outcome(&file).err(), None, "{}", file.display());
        }
    }

    #[test]
    fn bad_configurations_say_what_is_wrong_and_where() {
        let files = fixtures("fail");
        assert!(files.len() >= 8);
        for file in files {
            let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
            let error = outcome(&file).expect_err(&name);
            insta::with_settings!({snapshot_path => "../../../fixtures/config/fail", prepend_module_to_snapshot => false}, {
                insta::assert_snapshot!(name, error);
            });
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(rules:\n)?(- (seriesQuery|metricsQuery|name|resources): [<>{}.a-zA-Z'\" :]{0,30}\n){0,4}") {
            let _ = parse(&text, Path::new("config.yaml"));
        }
    }
}

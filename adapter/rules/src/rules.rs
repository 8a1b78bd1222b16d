//! The rules of a configuration file, compiled.

use std::sync::Arc;

use crate::config::{DiscoveryRule, MetricsDiscoveryConfig, ResourceRules};
use crate::metrics::Metrics;
use crate::resources::RestMapper;
use crate::rule::{Rule, RuleError};
use crate::series::SeriesNames;

/// The rules of a configuration file.
#[derive(Debug, Clone)]
pub struct Rules {
    custom: Vec<Arc<Rule>>,
    external: Vec<Arc<Rule>>,
    resource: Option<ResourceRules>,
}

/// Why a configuration can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The text isn't YAML, or isn't a configuration; the message shows where.
    #[error(transparent)]
    Yaml(Box<serde_saphyr::Error>),
    /// A rule can't be used.
    #[error("{list}[{index}] (seriesQuery `{series_query}`)")]
    Rule {
        /// `rules` or `externalRules`.
        list: &'static str,
        /// The position of the rule in the list, from 0.
        index: usize,
        /// `seriesQuery` of the rule.
        series_query: String,
        /// What is wrong with it.
        #[source]
        source: Box<RuleError>,
    },
}

impl Rules {
    /// Parses a configuration file.
    ///
    /// # Errors
    /// The first thing in it that can't be used.
    pub fn parse(yaml: &str) -> Result<Self, ConfigError> {
        let config: MetricsDiscoveryConfig =
            serde_saphyr::from_str(yaml).map_err(|error| ConfigError::Yaml(Box::new(error)))?;
        Ok(Self {
            custom: compiled("rules", &config.rules)?,
            external: compiled("externalRules", &config.external_rules)?,
            resource: config.resource_rules,
        })
    }

    /// The rules for custom metrics, in the order of the file.
    #[must_use]
    pub fn custom(&self) -> &[Arc<Rule>] {
        &self.custom
    }

    /// The rules for external metrics, in the order of the file.
    #[must_use]
    pub fn external(&self) -> &[Arc<Rule>] {
        &self.external
    }

    /// The queries for CPU and memory.
    #[must_use]
    pub fn resource(&self) -> Option<&ResourceRules> {
        self.resource.as_ref()
    }

    /// The custom metrics of series. `series_of` gives the series that a `seriesQuery` selects;
    /// none as long as they aren't known.
    #[must_use]
    pub fn discover<'a>(
        &self,
        series_of: impl Fn(&str) -> Option<&'a SeriesNames>,
        mapper: Arc<RestMapper>,
    ) -> Metrics {
        Metrics::new(&self.custom, series_of, mapper)
    }
}

fn compiled(list: &'static str, rules: &[DiscoveryRule]) -> Result<Vec<Arc<Rule>>, ConfigError> {
    let compile = |(index, rule): (usize, &DiscoveryRule)| match Rule::new(index, rule) {
        Ok(rule) => Ok(Arc::new(rule)),
        Err(error) => Err(ConfigError::Rule {
            list,
            index,
            series_query: rule.series_query.clone(),
            source: Box::new(error),
        }),
    };
    rules.iter().enumerate().map(compile).collect()
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use proptest::prelude::*;
    use setpoint_support::error_chain;

    use super::*;

    fn fixtures(folder: &str) -> Vec<PathBuf> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../fixtures/config")
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

    /// The number of custom rules, or the error with its causes.
    fn outcome(file: &Path) -> Result<usize, String> {
        let text = std::fs::read_to_string(file).unwrap();
        let rules = Rules::parse(&text).map_err(|error| error_chain(&error))?;
        Ok(rules.custom().len())
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
            let _ = Rules::parse(&text);
        }
    }
}

//! The rules of a configuration file, compiled.

use std::sync::Arc;

use crate::config::{self, DiscoveryRule, MetricsDiscoveryConfig, ResourceRules};
use crate::destination::{DestinationError, SeriesQuery};
use crate::external::ExternalMetrics;
use crate::findings::{self, At, Finding, Looked};
use crate::metrics::Metrics;
use crate::place::Place;
use crate::resources::RestMapper;
use crate::rule::{Compiled, Rule, RuleError};
use crate::series::SeriesNames;
use crate::upstream::{Upstream, UpstreamError, Upstreams};
use crate::usage::UsageRules;
use crate::yaml_error::YamlError;

/// The rules of a configuration file.
#[derive(Debug, Clone)]
pub struct Rules {
    upstreams: Vec<Arc<Upstream>>,
    custom: Vec<Arc<Rule>>,
    external: Vec<Arc<Rule>>,
    usage: Option<Arc<UsageRules>>,
    findings: Vec<Finding>,
}

/// Why a configuration can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The text isn't YAML, or isn't a configuration; the message shows where.
    #[error(transparent)]
    Yaml(YamlError),
    /// The text is something else that holds a configuration.
    #[error("line {line}, column {column}: {what}")]
    Shape {
        /// Where that is seen, from 1.
        line: usize,
        /// The column there, from 1.
        column: usize,
        /// What it is, and what to do.
        what: &'static str,
        /// What is wrong with it as a configuration.
        #[source]
        source: YamlError,
    },
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
    /// An upstream can't be used.
    #[error("upstreams[{index}]")]
    Upstream {
        /// Its position in the list, from 0.
        index: usize,
        /// What is wrong with it.
        #[source]
        source: Box<UpstreamError>,
    },
    /// The rules for CPU and memory can't be used.
    #[error("{key}")]
    Usage {
        /// `resourceRules`, or the key of a rule in it.
        key: &'static str,
        /// What is wrong with it.
        #[source]
        source: Box<RuleError>,
    },
}

impl ConfigError {
    /// What is wrong, without the rule that it is about.
    #[must_use]
    pub fn reason(&self) -> String {
        match self {
            Self::Yaml(error) => error.to_string(),
            Self::Shape { what, .. } => (*what).to_owned(),
            Self::Rule { source, .. } | Self::Usage { source, .. } => match &**source {
                RuleError::Template { source, .. } => source.to_string(),
                error => error.to_string(),
            },
            Self::Upstream { source, .. } => match &**source {
                UpstreamError::Url(reason) => format!("url: {reason}"),
                error => error.to_string(),
            },
        }
    }
}

/// A configuration, as far as it can be used.
#[derive(Debug)]
pub(crate) struct Examined {
    /// The rules that can be used, and what is found in them, without places.
    pub(crate) rules: Rules,
    /// What can't be used.
    pub(crate) refused: Vec<(At, ConfigError)>,
}

impl Rules {
    /// Parses a configuration file.
    ///
    /// # Errors
    /// The first thing in it that can't be used.
    pub fn parse(yaml: &str) -> Result<Self, ConfigError> {
        let config =
            MetricsDiscoveryConfig::from_yaml(yaml).map_err(|error| shape(yaml, error.into()))?;
        let Examined { mut rules, refused } = Self::examine(&config);
        if let Some((_, error)) = refused.into_iter().next() {
            return Err(error);
        }
        if !rules.findings.is_empty() {
            let places = Place::of(yaml);
            for finding in &mut rules.findings {
                finding.place_in(|at| {
                    let place = at.below(places.key(at.list));
                    (place.line, place.column)
                });
            }
        }
        Ok(rules)
    }

    /// Compiles a configuration, and looks at it.
    pub(crate) fn examine(config: &MetricsDiscoveryConfig) -> Examined {
        let mut refused = Vec::new();
        let upstreams = upstreams(&config.upstreams, &mut refused);
        let custom = compiled(CUSTOM, &config.rules, &upstreams, &mut refused);
        let external = &config.external_rules;
        let external = compiled("externalRules", external, &upstreams, &mut refused);
        let usage = config.resource_rules.as_ref();
        let usage = usage.map(|rules| usage_rules(rules, &upstreams));
        let usage = usage.and_then(|usage| {
            let refuse = |error: ConfigError| refused.push((At::usage(""), error));
            usage.map_err(refuse).ok()
        });
        // That an upstream is refused is told once, and not of each rule that names it.
        let is_written = |error: &ConfigError| {
            let (ConfigError::Rule { source, .. } | ConfigError::Usage { source, .. }) = error
            else {
                return false;
            };
            let written = |name: &String| config.upstreams.iter().any(|other| other.name == *name);
            matches!(&**source, RuleError::Destination(DestinationError::NoUpstream { name, .. }) if written(name))
        };
        refused.retain(|(_, error)| !is_written(error));
        let mut rules = Self {
            upstreams: upstreams
                .into_iter()
                .map(|(upstream, _)| upstream)
                .collect(),
            custom,
            external,
            usage,
            findings: Vec::new(),
        };
        rules.findings = findings::found(&rules.looked_at(config));
        Examined { rules, refused }
    }

    /// The rules beside the configuration that they are made of.
    pub(crate) fn looked_at<'a>(&'a self, config: &'a MetricsDiscoveryConfig) -> Looked<'a> {
        Looked {
            config,
            custom: (&self.custom, &config.rules),
            external: (&self.external, &config.external_rules),
            usage: self.usage.as_deref(),
        }
    }

    /// What isn't as it was meant in rules that can be used, in the order of the file.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The upstreams beside the Prometheus that flags name, in the order of the file.
    #[must_use]
    pub fn upstreams(&self) -> &[Arc<Upstream>] {
        &self.upstreams
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

    /// The rules for CPU and memory.
    #[must_use]
    pub fn usage(&self) -> Option<&Arc<UsageRules>> {
        self.usage.as_ref()
    }

    /// The custom metrics of series. `series_of` gives the series that a `seriesQuery` selects of whom the rule asks; none
    /// as long as they aren't known.
    #[must_use]
    pub fn discover<'a>(
        &self,
        series_of: impl Fn(&SeriesQuery) -> Option<&'a SeriesNames>,
        mapper: Arc<RestMapper>,
    ) -> Metrics {
        Metrics::new(&self.custom, series_of, mapper)
    }

    /// The external metrics of series; `series_of` is that of [`Self::discover`].
    #[must_use]
    pub fn discover_external<'a>(
        &self,
        series_of: impl Fn(&SeriesQuery) -> Option<&'a SeriesNames>,
        mapper: Arc<RestMapper>,
    ) -> ExternalMetrics {
        ExternalMetrics::new(&self.external, series_of, mapper)
    }
}

/// The upstreams of a configuration that can be used.
fn upstreams(upstreams: &[config::Upstream], refused: &mut Vec<(At, ConfigError)>) -> Upstreams {
    let mut usable = Upstreams::new();
    for (index, upstream) in upstreams.iter().enumerate() {
        match Upstream::new(upstream, &usable) {
            Ok(upstream) => usable.push(upstream),
            Err(error) => {
                let at = At::rule(UPSTREAMS, index, error.key());
                let source = Box::new(error);
                refused.push((at, ConfigError::Upstream { index, source }));
            }
        }
    }
    usable
}

fn usage_rules(
    rules: &ResourceRules,
    upstreams: &Upstreams,
) -> Result<Arc<UsageRules>, ConfigError> {
    let failed = |(key, source)| ConfigError::Usage {
        key,
        source: Box::new(source),
    };
    UsageRules::new(rules, upstreams)
        .map(Arc::new)
        .map_err(failed)
}

/// The list of the rules for custom metrics.
const CUSTOM: &str = "rules";
/// The list of the upstreams.
const UPSTREAMS: &str = "upstreams";

/// What a text is that isn't a configuration.
fn shape(yaml: &str, source: YamlError) -> ConfigError {
    let places = Place::of(yaml);
    let has = |key: &str| !std::ptr::eq(places.key(key), &places);
    let (place, what) = if places.key("rules").is_map() && has("rules") {
        let what = "these are values of prometheus-adapter's chart; in the configuration, `rules.custom` is the list `rules`, \
             `rules.external` is `externalRules`, and `rules.resource` is `resourceRules`";
        (places.key("rules"), what)
    } else if has("kind") && has("data") {
        let what = "this is a manifest; the configuration is the text of a key below its `data`";
        (places.key("data"), what)
    } else {
        return ConfigError::Yaml(source);
    };
    ConfigError::Shape {
        line: place.line,
        column: place.column,
        what,
        source,
    }
}

/// The rules of a list that can be used.
fn compiled(
    list: &'static str,
    rules: &[DiscoveryRule],
    upstreams: &Upstreams,
    refused: &mut Vec<(At, ConfigError)>,
) -> Vec<Arc<Rule>> {
    let mut compiled = Compiled::default();
    let compile = |(index, rule): (usize, &DiscoveryRule)| match Rule::new(
        index,
        rule,
        upstreams,
        &mut compiled,
    ) {
        Ok(rule) => Some(Arc::new(rule)),
        Err(error) => {
            let at = At::rule(list, index, error.key());
            let error = ConfigError::Rule {
                list,
                index,
                series_query: rule.series_query.clone(),
                source: Box::new(error),
            };
            refused.push((at, error));
            None
        }
    };
    rules.iter().enumerate().filter_map(compile).collect()
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
        assert!(files.len() >= 7);
        for file in files {
            let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
            let error = outcome(&file).expect_err(&name);
            insta::with_settings!({snapshot_path => "../../../fixtures/config/fail", prepend_module_to_snapshot => false}, {
                insta::assert_snapshot!(name, error);
            });
        }
    }

    #[test]
    fn rules_that_lack_something_are_used_and_told_with_their_places() {
        for file in fixtures("incomplete") {
            let text = std::fs::read_to_string(&file).unwrap();
            let rules = Rules::parse(&text)
                .map_err(|error| error_chain(&error))
                .unwrap();
            let found = rules.findings().iter();
            let found =
                found.map(|finding| format!("{}:{}: {finding}", finding.line, finding.column));
            let found: Vec<_> = found.collect();
            let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
            insta::with_settings!({snapshot_path => "../../../fixtures/config/incomplete", prepend_module_to_snapshot => false}, {
                insta::assert_snapshot!(name, found.join("\n"));
            });
        }
    }

    #[test]
    fn what_go_takes_for_a_text_or_for_nothing_is_taken() {
        let rules = Rules::parse(
            "rules:\n- seriesQuery: 5\n  seriesFilters:\n  name:\n    matches:\n    as: yes\n  resources: {template: '<<.Resource>>', overrides: , namespaced: }\n  metricsQuery: true\n-\nexternalRules: ~\nresourceRules:\n",
        );
        // The second rule has no seriesQuery, which says that the first one was taken.
        let error = rules.unwrap_err();
        assert!(
            matches!(error, ConfigError::Rule { index: 1, .. }),
            "{error}"
        );
        for empty in ["", "# nothing\n", "{}", "rules: []\n", "---\n"] {
            let rules = Rules::parse(empty).map_err(|error| error.to_string());
            assert_eq!(rules.map(|rules| rules.custom().len()), Ok(0), "{empty:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(rules:\n)?(- (seriesQuery|metricsQuery|name|resources): [<>{}.a-zA-Z'\" :]{0,30}\n){0,4}") {
            let _ = Rules::parse(&text);
        }
    }

    #[test]
    fn a_text_of_another_shape_says_which() {
        let shape = |text: &str| Rules::parse(text).unwrap_err();
        for (text, at) in [
            ("kind: ConfigMap\ndata: {config.yaml: x}\n", (2, 7)),
            ("rules: {custom: []}\n", (1, 8)),
        ] {
            let error = shape(text);
            let ConfigError::Shape { line, column, .. } = error else {
                panic!("{text}: {error}");
            };
            assert_eq!((line, column), at, "{text}");
        }
        for text in ["kind: ConfigMap\n", "data: {}\n"] {
            let error = shape(text);
            assert!(matches!(error, ConfigError::Yaml(_)), "{text}: {error}");
        }
    }

    #[test]
    fn a_label_names_objects_by_override_or_template() {
        let rules = Rules::parse(
            "rules: [{seriesQuery: x, resources: {template: 'kube_<<.Resource>>', overrides: {ns: {resource: namespace}}}, metricsQuery: x}]",
        );
        let rules = rules.unwrap();
        let mapper = RestMapper::built_in();
        let of = |label: &str| {
            let resource = rules.custom()[0].resource_of_label(label, &mapper);
            resource.map(|resource| resource.to_string())
        };
        assert_eq!(of("ns").as_deref(), Some("namespaces"));
        assert_eq!(of("kube_pod").as_deref(), Some("pods"));
        assert_eq!(of("pod"), None);
    }
}

//! From series to metrics and back (`pkg/naming` of prometheus-adapter v0.12.0). Pure: no I/O.

mod metrics_query;
mod resource_converter;
mod template;

use regex::Regex;

use crate::config::{DiscoveryRule, RegexFilter};
use crate::prometheus::Series;
use crate::provider::GroupResource;
use crate::rest_mapping::RestMapping;
use crate::selector::Selector;

pub use metrics_query::{MetricsQuery, QueryError};
pub(crate) use resource_converter::is_root_scoped;
pub use resource_converter::{LabelError, ResourceConverter};
pub use template::{Template, TemplateError};

/// What a rule says, compiled.
#[derive(Debug)]
pub struct MetricNamer {
    series_query: String,
    series_filters: Vec<(Regex, bool)>,
    name_matches: Regex,
    name_as: String,
    resources: ResourceConverter,
    metrics_query: MetricsQuery,
}

/// Why a rule can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RuleError {
    /// There is nothing to look for.
    #[error("seriesQuery is empty")]
    NoSeriesQuery,
    /// A filter says both or nothing.
    #[error("seriesFilters[{index}]: exactly one of `is` and `isNot` is needed")]
    Filter {
        /// The filter's position.
        index: usize,
    },
    /// A regular expression isn't one.
    #[error("{key}: `{pattern}` is no regular expression: {reason}")]
    Regex {
        /// Where it stands.
        key: String,
        /// The text.
        pattern: String,
        /// What is wrong.
        reason: String,
    },
    /// There are several captures, and nothing says which is the name.
    #[error("name.as is needed, because name.matches `{matches}` has several captures")]
    NoName {
        /// The expression.
        matches: String,
    },
    /// A template isn't one.
    #[error("{key}")]
    Template {
        /// Where it stands.
        key: &'static str,
        /// What is wrong.
        #[source]
        source: TemplateError,
    },
    /// The label template can't be turned around.
    #[error(
        "resources.template `{template}` must name <<.Resource>>, so that objects can be told from labels"
    )]
    NoResource {
        /// The template.
        template: String,
    },
    /// Nothing says which objects the series belong to.
    #[error("resources needs `template` or `overrides`: else no series belongs to any object")]
    NoMapping,
}

impl MetricNamer {
    /// Compiles a rule.
    ///
    /// # Errors
    /// The first thing in it that can't be used.
    pub fn new(rule: &DiscoveryRule) -> Result<Self, RuleError> {
        if rule.series_query.trim().is_empty() {
            return Err(RuleError::NoSeriesQuery);
        }
        let mut series_filters = Vec::new();
        for (index, filter) in rule.series_filters.iter().enumerate() {
            series_filters.push(series_filter(index, filter)?);
        }
        let name_matches = match rule.name.matches.as_str() {
            "" => regex("name.matches", ".*")?,
            matches => {
                series_filters.push((regex("name.matches", matches)?, true));
                regex("name.matches", matches)?
            }
        };
        let name_as = match (rule.name.as_.as_str(), name_matches.captures_len()) {
            ("", 1) => "$0".to_owned(),
            ("", 2) => "$1".to_owned(),
            ("", _) => {
                return Err(RuleError::NoName {
                    matches: rule.name.matches.clone(),
                });
            }
            (name, _) => name.to_owned(),
        };
        Ok(Self {
            series_query: rule.series_query.clone(),
            series_filters,
            name_matches,
            name_as,
            resources: ResourceConverter::new(&rule.resources)?,
            metrics_query: MetricsQuery::new(&rule.metrics_query)?,
        })
    }

    /// The PromQL selector of the series that may be metrics of this rule.
    #[must_use]
    pub fn series_query(&self) -> &str {
        &self.series_query
    }

    /// Whether a series passes the filters.
    #[must_use]
    pub fn accepts(&self, series: &Series) -> bool {
        self.series_filters
            .iter()
            .all(|(regex, positive)| regex.is_match(&series.name) == *positive)
    }

    /// What a series is called in the API; none where `name.matches` doesn't match.
    #[must_use]
    pub fn metric_name(&self, series: &Series) -> Option<String> {
        let captures = self.name_matches.captures(&series.name)?;
        let mut name = String::new();
        captures.expand(&self.name_as, &mut name);
        Some(name)
    }

    /// Which objects a series belongs to, and whether they live in namespaces.
    #[must_use]
    pub fn resources(&self, series: &Series, mapping: &RestMapping) -> (Vec<GroupResource>, bool) {
        self.resources.resources_for_series(series, mapping)
    }

    /// The label that names objects of a resource.
    ///
    /// # Errors
    /// When the rule has none for it.
    pub fn label(
        &self,
        resource: &GroupResource,
        mapping: &RestMapping,
    ) -> Result<String, LabelError> {
        self.resources.label_for_resource(resource, mapping)
    }

    /// The PromQL query for objects' values of a series.
    ///
    /// # Errors
    /// When a selector or a resource can't be put into the query.
    pub fn query(
        &self,
        series: &str,
        resource: &GroupResource,
        namespace: Option<&str>,
        names: &[String],
        selector: &Selector,
        mapping: &RestMapping,
    ) -> Result<String, QueryError> {
        let label = |resource: &GroupResource| self.resources.label_for_resource(resource, mapping);
        self.metrics_query
            .build(series, resource, namespace, names, selector, &label)
    }
}

fn series_filter(index: usize, filter: &RegexFilter) -> Result<(Regex, bool), RuleError> {
    match (filter.is.as_str(), filter.is_not.as_str()) {
        ("", "") => Err(RuleError::Filter { index }),
        (is, "") => Ok((regex(&format!("seriesFilters[{index}].is"), is)?, true)),
        ("", is_not) => Ok((
            regex(&format!("seriesFilters[{index}].isNot"), is_not)?,
            false,
        )),
        _ => Err(RuleError::Filter { index }),
    }
}

fn regex(key: &str, pattern: &str) -> Result<Regex, RuleError> {
    Regex::new(pattern).map_err(|error| RuleError::Regex {
        key: key.to_owned(),
        pattern: pattern.to_owned(),
        // The library's message draws the pattern over several lines; its last line says what is wrong.
        reason: error
            .to_string()
            .lines()
            .last()
            .unwrap_or_default()
            .trim_start_matches("error: ")
            .to_owned(),
    })
}

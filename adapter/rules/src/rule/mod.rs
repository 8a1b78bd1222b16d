//! A rule, compiled (`pkg/naming` of prometheus-adapter v0.12.0).

mod go_regex;
mod labels;
mod promql;

use regex::Regex;

use crate::config::{DiscoveryRule, RegexFilter};
use crate::finding::Lack;
use crate::template::TemplateError;

pub use labels::LabelError;
pub use promql::PromqlError;

pub(crate) use labels::ResourceLabels;
pub(crate) use promql::{Asked, QueryTemplate};

/// A rule of the configuration, compiled: prometheus-adapter's `MetricNamer`.
#[derive(Debug)]
pub struct Rule {
    position: usize,
    series_query: String,
    /// Regular expressions, and whether the name of a series must match them or must not.
    series_filters: Vec<(Regex, bool)>,
    name_matches: Regex,
    name_as: String,
    pub(crate) resources: ResourceLabels,
    /// Whether the query for an external metric contains the namespace.
    pub(crate) namespaced: bool,
    pub(crate) metrics_query: QueryTemplate,
    /// What it lacks, by the key that it is about.
    lacks: Vec<(&'static str, Lack)>,
}

/// Why a rule can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RuleError {
    /// `seriesQuery` is left out.
    #[error("seriesQuery is empty")]
    NoSeriesQuery,
    /// A filter has both expressions or none.
    #[error("seriesFilters[{index}]: exactly one of `is` and `isNot` is needed")]
    Filter {
        /// The position of the filter, from 0.
        index: usize,
    },
    /// A regular expression can't be compiled.
    #[error("{key}: `{pattern}` is no regular expression: {reason}")]
    Regex {
        /// The key that holds it.
        key: String,
        /// The expression.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// `name.matches` has several captures, and no `name.as` says which of them is the name.
    #[error("name.as is needed, because name.matches `{matches}` has several captures")]
    NoName {
        /// `name.matches`
        matches: String,
    },
    /// A template can't be compiled.
    #[error("{key}")]
    Template {
        /// The key that holds it.
        key: &'static str,
        /// What is wrong with it.
        #[source]
        source: TemplateError,
    },
    /// The template of label names doesn't contain the resource.
    #[error("{key} `{template}` must name <<.Resource>>, so that objects can be told from labels")]
    NoResource {
        /// The key that holds it.
        key: &'static str,
        /// The template.
        template: String,
    },
    /// A text is no duration.
    #[error("{key}: `{text}` is no duration such as 5m or 1h30m")]
    Duration {
        /// The key that holds it.
        key: &'static str,
        /// The text.
        text: String,
    },
}

impl Rule {
    /// A rule at a position of its list, from 0.
    pub(crate) fn new(position: usize, rule: &DiscoveryRule) -> Result<Self, RuleError> {
        if rule.series_query.trim().is_empty() {
            return Err(RuleError::NoSeriesQuery);
        }
        let mut series_filters = Vec::new();
        for (index, filter) in rule.series_filters.iter().enumerate() {
            series_filters.push(series_filter(index, filter)?);
        }
        let name_matches = match rule.name.matches.as_str() {
            "" => ".*",
            matches => matches,
        };
        let name_matches = regex("name.matches", name_matches)?;
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
        let mut lacks = Vec::new();
        if rule.resources.template.is_empty() && rule.resources.overrides.is_empty() {
            lacks.push(("resources", Lack::NoMapping));
        }
        let metrics_query = QueryTemplate::new("metricsQuery", &rule.metrics_query)?;
        lacks.extend(metrics_query.lack().map(|lack| ("metricsQuery", lack)));
        Ok(Self {
            position,
            series_query: rule.series_query.clone(),
            series_filters,
            name_matches,
            name_as,
            resources: ResourceLabels::new("resources.template", &rule.resources)?,
            namespaced: rule.resources.namespaced.unwrap_or(true),
            metrics_query,
            lacks,
        })
    }

    /// What it lacks, by the key that it is about.
    pub(crate) fn lacks(&self) -> &[(&'static str, Lack)] {
        &self.lacks
    }

    /// The position of the rule in its list of the configuration, from 0.
    #[must_use]
    pub fn position(&self) -> usize {
        self.position
    }

    /// The PromQL selector of the series that the rule is about.
    #[must_use]
    pub fn series_query(&self) -> &str {
        &self.series_query
    }

    /// The name that the metric of a series has in the API; none where the rule leaves the series
    /// out.
    pub(crate) fn metric_name(&self, series: &str) -> Option<String> {
        let accepted = self
            .series_filters
            .iter()
            .all(|(regex, positive)| regex.is_match(series) == *positive);
        let captures = self.name_matches.captures(series).filter(|_| accepted)?;
        Some(go_regex::expanded(&self.name_as, &captures))
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
    go_regex::compile(pattern).map_err(|error| {
        let message = error.to_string();
        // The message draws the pattern over several lines; the last one says what is wrong.
        let last = message.lines().last().unwrap_or(&message);
        RuleError::Regex {
            key: key.to_owned(),
            pattern: pattern.to_owned(),
            reason: last.trim_start_matches("error: ").to_owned(),
        }
    })
}

//! A rule, compiled (`pkg/naming` of prometheus-adapter v0.12.0).

mod assumed;
mod compiled;
mod labels;
mod name;
mod promql;
mod window;

use setpoint_go_regex::{GoRegex, expanded, has_group};

use crate::config::{DiscoveryRule, RegexFilter, ValuePolicy};
use crate::destination::{Asks, Destination, DestinationError, SeriesQuery};
use crate::headers::HeaderError;
use crate::resources::{GroupResource, RestMapper};
use crate::series::SeriesNames;
use crate::template::TemplateError;
use crate::upstream::{Upstream, Upstreams};

pub use labels::LabelError;
pub use promql::PromqlError;

pub(crate) use compiled::Compiled;
pub(crate) use labels::{ResourceLabels, Unknown};
pub(crate) use name::NamePart;
pub(crate) use promql::{Asked, QueryTemplate};

/// A rule of the configuration, compiled: prometheus-adapter's `MetricNamer`.
#[derive(Debug)]
pub struct Rule {
    position: usize,
    series_asked: SeriesQuery,
    /// Regular expressions, and whether the name of a series must match them or must not.
    series_filters: Vec<(GoRegex, bool)>,
    name_matches: GoRegex,
    name_as: String,
    pub(crate) resources: ResourceLabels,
    /// Whether the query for an external metric contains the namespace.
    pub(crate) namespaced: bool,
    pub(crate) metrics_query: QueryTemplate,
    value_policy: ValuePolicy,
    asks: Asks,
    /// The seconds that its values are of, as answers say it.
    pub(crate) window_seconds: Option<i64>,
    /// The series that it is about where there is none, if it has values then.
    assumed: Option<SeriesNames>,
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
    /// The window can't be told from the query.
    #[error(
        "window: `fromQuery` needs a query with one range such as `[2m]`, and {found}; write the duration"
    )]
    Window {
        /// What the query has.
        found: String,
    },
    /// Who is asked isn't there, or can't be asked so.
    #[error(transparent)]
    Destination(#[from] DestinationError),
}

impl RuleError {
    /// The key that it is about.
    #[must_use]
    pub fn key(&self) -> &'static str {
        match self {
            Self::NoSeriesQuery => "seriesQuery",
            Self::Filter { .. } => "seriesFilters",
            Self::Regex { key, .. } if key.starts_with("series") => "seriesFilters",
            Self::Regex { key, .. } if key.starts_with("name") => "name.matches",
            Self::Regex { .. } => "resources.template",
            Self::NoName { .. } => "name",
            Self::Template { key, .. }
            | Self::NoResource { key, .. }
            | Self::Duration { key, .. } => key,
            Self::Window { .. } => "window",
            Self::Destination(error) => error.key(),
        }
    }
}

impl Rule {
    /// A rule at a position of its list, from 0.
    pub(crate) fn new(
        position: usize,
        rule: &DiscoveryRule,
        upstreams: &Upstreams,
        compiled: &mut Compiled,
    ) -> Result<Self, RuleError> {
        if rule.series_query.trim().is_empty() {
            return Err(RuleError::NoSeriesQuery);
        }
        let mut series_filters = Vec::new();
        for (index, filter) in rule.series_filters.iter().enumerate() {
            series_filters.push(series_filter(index, filter, compiled)?);
        }
        let name_matches = match rule.name.matches.as_str() {
            "" => ".*",
            matches => matches,
        };
        let name_matches = regex("name.matches", name_matches, compiled)?;
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
        let asks = Asks::new(&rule.upstream, &rule.headers, upstreams)?;
        let resources = ResourceLabels::new("resources.template", &rule.resources, compiled)?;
        let metrics_query = QueryTemplate::new("metricsQuery", &rule.metrics_query)?;
        Ok(Self {
            position,
            window_seconds: window::seconds(&rule.window, &metrics_query)?,
            assumed: assumed::series(rule, &resources),
            series_asked: SeriesQuery {
                selector: rule.series_query.clone(),
                to: asks.about(None).map_err(DestinationError::from)?,
            },
            series_filters,
            name_matches,
            name_as,
            resources,
            namespaced: rule.resources.namespaced.unwrap_or(true),
            metrics_query,
            value_policy: rule.value_policy.clone(),
            asks,
        })
    }

    /// The position of the rule in its list of the configuration, from 0.
    #[must_use]
    pub fn position(&self) -> usize {
        self.position
    }

    /// The PromQL selector of the series that the rule is about.
    #[must_use]
    pub fn series_query(&self) -> &str {
        &self.series_asked.selector
    }

    /// What is asked for them, and who is asked.
    #[must_use]
    pub fn series_asked(&self) -> &SeriesQuery {
        &self.series_asked
    }

    /// The upstream that is asked; none is the Prometheus that flags name.
    #[must_use]
    pub fn upstream(&self) -> Option<&Upstream> {
        self.asks.upstream().map(|upstream| &**upstream)
    }

    /// The names of the headers of its requests, some of which may not be sent, for lack of a namespace.
    pub fn header_names(&self) -> impl Iterator<Item = &str> {
        self.asks.header_names().map(|name| &**name)
    }

    /// Who is asked for values about a namespace, and by which headers.
    ///
    /// # Errors
    /// A header that can't be sent.
    pub fn asks(&self, namespace: Option<&str>) -> Result<Destination, HeaderError> {
        self.asks.about(namespace)
    }

    /// What is answered where there is no number.
    #[must_use]
    pub fn value_policy(&self) -> &ValuePolicy {
        &self.value_policy
    }

    /// The series that metrics are made of in place of none: of a rule that says what counts where series are absent.
    pub(crate) fn assumed_series(&self) -> Option<&SeriesNames> {
        self.assumed.as_ref()
    }

    /// Whether its metrics are known while Prometheus has no series of it.
    pub(crate) fn is_known_without_series(&self) -> bool {
        self.assumed.is_some()
    }

    /// The name of all its metrics, where that doesn't depend on the series.
    pub(crate) fn fixed_name(&self) -> Option<String> {
        let text = |part: NamePart<'_>| match part {
            NamePart::Text(text) => Some(text.to_owned()),
            NamePart::Alone => Some("$".to_owned()),
            NamePart::NoGroup(_) => Some(String::new()),
            NamePart::Group(_) => None,
        };
        self.name_parts().into_iter().map(text).collect()
    }

    /// What `name.as` is made of.
    pub(crate) fn name_parts(&self) -> Vec<NamePart<'_>> {
        name::parts(&self.name_as, self.name_matches.regex())
    }

    /// How many groups `name.matches` has.
    pub(crate) fn count_groups(&self) -> usize {
        self.name_matches.captures_len().saturating_sub(1)
    }

    /// The group of `name.matches` that a name of `name.as` begins with, the longest, and the rest: letters behind `$1` are all of the name.
    pub(crate) fn meant_group<'a>(&self, name: &'a str) -> Option<(&'a str, &'a str)> {
        let mut cuts = name.char_indices().rev().map(|(cut, _)| name.split_at(cut));
        cuts.find(|(group, _)| has_group(self.name_matches.regex(), group))
    }

    /// The key of a condition that leaves a name of series out, and the regular expression.
    #[must_use]
    pub fn leaves_out(&self, series: &str) -> Option<(&'static str, &str)> {
        let mut filters = self.series_filters.iter();
        let filter = filters.find(|(regex, positive)| regex.is_match(series) != *positive);
        let filter = filter.map(|(regex, _)| ("seriesFilters", regex.text()));
        let named = || {
            let regex = &self.name_matches;
            (!regex.is_match(series)).then_some(("name.matches", regex.text()))
        };
        filter.or_else(named)
    }

    /// A part of all its metrics' names that is empty, because `name.as` names a group that `name.matches` doesn't have.
    pub(crate) fn empty_part(&self) -> Option<String> {
        let mut parts = self.name_parts().into_iter();
        let group = parts.find_map(|part| match part {
            NamePart::NoGroup(name) => Some(name),
            _ => None,
        })?;
        let meant = self.meant_group(group);
        let cure = meant.map_or(String::new(), |(group, rest)| {
            format!("; write `${{{group}}}{rest}`")
        });
        Some(format!(
            "in name.as `{}` the group `{group}` is empty, because name.matches has no group of this name{cure}",
            self.name_as
        ))
    }

    /// The name that the metric of a series has in the API; none where the rule leaves the series
    /// out.
    #[must_use]
    pub fn metric_name(&self, series: &str) -> Option<String> {
        let accepted = self
            .series_filters
            .iter()
            .all(|(regex, positive)| regex.is_match(series) == *positive);
        let captures = self.name_matches.captures(series).filter(|_| accepted)?;
        Some(expanded(&self.name_as, &captures))
    }

    /// The resource whose objects a label of its series names.
    #[must_use]
    pub fn resource_of_label(&self, label: &str, mapper: &RestMapper) -> Option<GroupResource> {
        self.resources.of_label(label, mapper)
    }
}

/// Whether a matcher of PromQL fits series without its label. An expression that can't be compiled fits none.
pub(crate) fn may_match_empty(operator: &str, value: &str) -> bool {
    let fits = || {
        let whole = GoRegex::anchored(value, true);
        whole.map(|regex| regex.is_match(""))
    };
    match operator {
        "=" => value.is_empty(),
        "!=" => !value.is_empty(),
        "=~" => fits().unwrap_or(false),
        _ => fits().is_ok_and(|fits| !fits),
    }
}

fn series_filter(
    index: usize,
    filter: &RegexFilter,
    compiled: &mut Compiled,
) -> Result<(GoRegex, bool), RuleError> {
    let mut regex =
        |key: &str, pattern| regex(&format!("seriesFilters[{index}].{key}"), pattern, compiled);
    match (filter.is.as_str(), filter.is_not.as_str()) {
        ("", "") => Err(RuleError::Filter { index }),
        (is, "") => Ok((regex("is", is)?, true)),
        ("", is_not) => Ok((regex("isNot", is_not)?, false)),
        _ => Err(RuleError::Filter { index }),
    }
}

fn regex(key: &str, pattern: &str, compiled: &mut Compiled) -> Result<GoRegex, RuleError> {
    compiled.regex(pattern).map_err(|error| RuleError::Regex {
        key: key.to_owned(),
        pattern: pattern.to_owned(),
        reason: error.to_string(),
    })
}

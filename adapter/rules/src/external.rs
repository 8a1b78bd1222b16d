//! External metrics: of anything that Prometheus has series of
//! (`pkg/external-provider` of prometheus-adapter v0.12.0).

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;
use setpoint_metrics_api::external::ExternalMetricValue;
use setpoint_metrics_api::{Quantity, Time};

use crate::attempts::Given;
use crate::config::{Instead, ValuePolicy};
use crate::destination::{Destination, SeriesQuery};
use crate::headers::HeaderError;
use crate::metrics::{Remark, counted};
use crate::origins::{Origin, Origins, Yield};
use crate::query::ExternalQuery;
use crate::resources::{GroupResource, RestMapper};
use crate::rule::{Asked, PromqlError, Rule};
use crate::series::{Sample, SeriesNames, written};

/// The external metrics at one point in time, immutable once they are made by
/// [`Rules::discover_external`](crate::Rules::discover_external). The default has none.
#[derive(Debug, Default)]
pub struct ExternalMetrics {
    mapper: Arc<RestMapper>,
    origins: Origins<Arc<str>>,
}

/// A request for an external metric that exists, with one rule and one series that give its values.
#[derive(Debug)]
pub struct ResolvedExternal<'a> {
    query: &'a ExternalQuery,
    origin: &'a Origin,
    mapper: &'a RestMapper,
}

/// The values of an external metric, collected from samples.
#[derive(Debug)]
pub struct ExternalValues<'a> {
    query: &'a ExternalQuery,
    policy: &'a ValuePolicy,
    window_seconds: Option<i64>,
    values: Vec<ExternalMetricValue>,
    /// Bytes of their labels.
    bytes: usize,
    failure: Option<ExternalError>,
    /// The first one.
    remark: Option<Remark>,
}

/// The most values of an answer; the HorizontalPodAutoscaler adds them up.
const MAX_VALUES: usize = 10_000;
/// The most bytes that their labels may have.
const MAX_BYTES: usize = 8 << 20;

/// Why there are no values of an external metric.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExternalError {
    /// No rule gives the metric. The message is that of prometheus-adapter in the namespace
    /// `default`; in others it leaves `namespaces` out.
    #[error("the server could not find the metric {metric} for namespaces")]
    NoSuchMetric {
        /// The metric.
        metric: String,
    },
    /// The rule gives no query for this request.
    #[error("the rule of the metric {metric} gives no query: {source}")]
    NoQuery {
        /// The metric.
        metric: String,
        /// Why there is no query.
        source: Box<PromqlError>,
    },
    /// The query has no result, and the rule wants an error then.
    #[error("the metric {metric} has no value now: the query of its rule has no result")]
    NoValue {
        /// The metric.
        metric: String,
    },
    /// A quantity can't hold a value. prometheus-adapter answers a number that depends on the
    /// machine. The others alone would be no answer, because clients add them up.
    #[error("a series of {metric} has the value {}, which no quantity can express", written(*.value))]
    Unrepresentable {
        /// The metric.
        metric: String,
        /// The value.
        value: f64,
    },
    /// The query gives more than an answer may hold.
    #[error(
        "{metric} has more than {MAX_VALUES} series, or more than {MAX_BYTES} bytes of labels; aggregate them in metricsQuery"
    )]
    TooMany {
        /// The metric.
        metric: String,
    },
}

impl ExternalError {
    /// The HTTP status of an answer.
    #[must_use]
    pub fn code(&self) -> u16 {
        match self {
            Self::NoSuchMetric { .. } | Self::NoValue { .. } => 404,
            Self::NoQuery { .. } | Self::Unrepresentable { .. } | Self::TooMany { .. } => 500,
        }
    }

    /// The kind of a rule's failure in one word; none if the rule has not failed.
    #[must_use]
    pub fn kind(&self) -> Option<&'static str> {
        match self {
            Self::NoSuchMetric { .. } | Self::NoValue { .. } => None,
            Self::NoQuery { .. } => Some("no_query"),
            Self::Unrepresentable { .. } => Some("unrepresentable"),
            Self::TooMany { .. } => Some("too_long"),
        }
    }

    /// Whether the next series or rule of the same metric is asked, which may have what this one lacks.
    #[must_use]
    pub fn asks_the_next(&self) -> bool {
        matches!(self, Self::NoValue { .. } | Self::NoQuery { .. })
    }
}

impl ExternalMetrics {
    /// The metrics that rules make of series.
    pub(crate) fn new<'a>(
        rules: &[Arc<Rule>],
        series_of: impl Fn(&SeriesQuery) -> Option<&'a SeriesNames>,
        mapper: Arc<RestMapper>,
    ) -> Self {
        let add = |origins: &mut Origins<Arc<str>>, rule: &Arc<Rule>, series: &SeriesNames| {
            let of_each_series = rule.metrics_query.names_series();
            let mut known = HashSet::new();
            // One query for all series is asked once.
            origins.add(rule, series, |metric, _| {
                let is_new = of_each_series || known.insert(metric.clone());
                is_new.then_some((metric, None))
            });
            if !mapper.resources().is_empty() {
                origins.remark_on_unknown(rule, &mapper);
            }
        };
        let origins = Origins::of(rules, series_of, add);
        Self { mapper, origins }
    }

    /// The names of all metrics, sorted: the content of the discovery documents.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<str>> {
        self.origins.metrics()
    }

    /// What is wrong with some of the series and metrics, in words, as
    /// [`Metrics::remarks`](crate::Metrics::remarks).
    pub fn remarks(&self) -> impl Iterator<Item = String> {
        self.origins.remarks()
    }

    /// How much each rule gives, in the order of the configuration.
    #[must_use]
    pub fn yields(&self) -> &[Yield] {
        self.origins.yields()
    }

    /// Finds what gives the metric that a request asks for, as
    /// [`Metrics::resolve`](crate::Metrics::resolve) does.
    ///
    /// # Errors
    /// [`ExternalError::NoSuchMetric`] if no rule gives the metric.
    pub fn resolve<'a>(
        &'a self,
        query: &'a ExternalQuery,
    ) -> Result<Vec<ResolvedExternal<'a>>, ExternalError> {
        let metric = Arc::from(query.metric.as_str());
        let resolved = |origin| ResolvedExternal {
            query,
            origin,
            mapper: &self.mapper,
        };
        let candidates: Vec<_> = self.origins.of_metric(&metric).map(resolved).collect();
        if candidates.is_empty() {
            let metric = query.metric.clone();
            return Err(ExternalError::NoSuchMetric { metric });
        }
        Ok(candidates)
    }
}

impl ResolvedExternal<'_> {
    /// The rule that gives the values.
    #[must_use]
    pub fn rule(&self) -> &Rule {
        &self.origin.rule
    }

    /// The PromQL query for the values.
    ///
    /// # Errors
    /// [`ExternalError::NoQuery`] if the rule gives none.
    pub fn promql(&self) -> Result<String, ExternalError> {
        let Origin { series, rule, .. } = self.origin;
        let asked = Asked {
            series,
            selector: &self.query.selector,
            namespace: Some(self.query.namespace.as_str()).filter(|_| rule.namespaced),
            objects: None,
            container_label: "",
        };
        let label = |resource: &GroupResource| rule.resources.label(resource, self.mapper);
        let promql = rule.metrics_query.render(&asked, label);
        promql.map_err(|source| ExternalError::NoQuery {
            metric: self.query.metric.clone(),
            source: Box::new(source),
        })
    }

    /// Who is asked, and by which headers: by those of the request's namespace, whether or not the query contains it.
    ///
    /// # Errors
    /// A header that can't be sent.
    pub fn asks(&self) -> Result<Destination, HeaderError> {
        self.rule().asks(Some(&self.query.namespace))
    }

    /// Collects values from the samples of [`Self::promql`].
    #[must_use]
    pub fn values(&self) -> ExternalValues<'_> {
        ExternalValues {
            query: self.query,
            policy: self.rule().value_policy(),
            window_seconds: self.rule().window_seconds,
            values: Vec::new(),
            bytes: 0,
            failure: None,
            remark: None,
        }
    }
}

impl ExternalValues<'_> {
    /// Adds a sample of a vector: a value with the labels of its series.
    pub fn add(&mut self, sample: Sample) {
        if self.failure.is_some() {
            return;
        }
        let metric = || self.query.metric.clone();
        let labels = sample.labels.iter();
        self.bytes += labels
            .map(|(name, value)| name.len() + value.len())
            .sum::<usize>();
        if self.values.len() == MAX_VALUES || self.bytes > MAX_BYTES {
            self.failure = Some(ExternalError::TooMany { metric: metric() });
            self.values = Vec::new();
            return;
        }
        let nan = Instead::Error;
        let value = counted(sample.value, self.policy, &nan);
        let remark = Remark::of_value(sample.value, self.policy, nan, || "a series".to_owned());
        self.remark = self.remark.take().or(remark);
        match value {
            Some(value) => {
                let (labels, timestamp) = (Some(sample.labels), sample.timestamp);
                self.values.push(self.value(labels, timestamp, value));
            }
            None => {
                self.failure = Some(ExternalError::Unrepresentable {
                    metric: metric(),
                    value: sample.value,
                });
            }
        }
    }

    fn value(
        &self,
        metric_labels: Option<BTreeMap<String, String>>,
        timestamp: Timestamp,
        value: Quantity,
    ) -> ExternalMetricValue {
        ExternalMetricValue {
            metric_name: self.query.metric.clone(),
            metric_labels,
            timestamp: Time(timestamp),
            window_seconds: self.window_seconds,
            value,
        }
    }

    /// What the samples say of the rule.
    #[must_use]
    pub fn remark(&self) -> Option<&Remark> {
        self.remark.as_ref()
    }

    /// The values, in the order of the samples; where there is none, the one without labels that the rule has for
    /// that. `scalar` says that the query gave a single number, which has no labels.
    ///
    /// # Errors
    /// [`ExternalError::Unrepresentable`], [`ExternalError::TooMany`], and [`ExternalError::NoValue`] if the rule wants
    /// that.
    pub fn items(
        mut self,
        scalar: bool,
        now: Timestamp,
    ) -> Result<Given<ExternalMetricValue>, ExternalError> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        let mut values = std::mem::take(&mut self.values);
        if scalar {
            values
                .iter_mut()
                .for_each(|value| value.metric_labels = None);
        }
        let of_samples = !values.is_empty();
        match &self.policy.absent {
            Some(instead) if !of_samples => match instead.value() {
                Some(value) => values.push(self.value(Some(BTreeMap::new()), now, value)),
                None => {
                    let metric = self.query.metric.clone();
                    return Err(ExternalError::NoValue { metric });
                }
            },
            _ => {}
        }
        Ok(Given { values, of_samples })
    }
}

#[cfg(test)]
mod tests;

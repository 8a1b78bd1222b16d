//! What the API needs of custom metrics.

use futures::future::BoxFuture;
use setpoint_metrics_api::MetricValue;
use setpoint_rules::{GroupResource, MetricError, MetricInfo, MetricQuery};

use crate::kubernetes::AnswerError;
use crate::prometheus::PrometheusError;

/// Serves custom metrics from immutable snapshots; a request never waits for a background task.
pub(crate) trait CustomMetricsProvider: Send + Sync + 'static {
    /// All metrics, sorted and without duplicates.
    fn metrics(&self) -> Vec<MetricInfo>;

    /// The values that a request asks for, sorted by the names of the objects.
    fn values<'a>(
        &'a self,
        query: &'a MetricQuery,
    ) -> BoxFuture<'a, Result<Vec<MetricValue>, ProviderError>>;

    /// Whether the first relist attempt has ended, whether or not it succeeded.
    fn relist_attempted(&self) -> bool;

    /// How the last relist of each rule ended, and that of the cluster's resources. They are a
    /// bounded number.
    fn relists(&self) -> Vec<Relist>;
}

/// How the last relist of something ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Relist {
    /// Such as `relist-rule-0`.
    pub(crate) name: String,
    /// The kind of its failure, in one word; `pending` if none has ended yet.
    pub(crate) failure: Option<&'static str>,
}

/// Why there are no values.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProviderError {
    #[error(transparent)]
    Metric(#[from] MetricError),
    #[error("unable to fetch metrics")]
    Prometheus(#[from] PrometheusError),
    #[error(
        "unable to list matching resources: the adapter's ServiceAccount needs the verb `list` on {group_resource}"
    )]
    List {
        group_resource: GroupResource,
        #[source]
        source: AnswerError,
    },
    #[error("the selector selects more than {limit} {group_resource}: narrow it")]
    TooManyObjects {
        group_resource: GroupResource,
        limit: usize,
    },
}

impl ProviderError {
    /// The kind of a rule's failure in one word; none if the rule has not failed.
    pub(crate) fn kind(&self) -> Option<&'static str> {
        match self {
            Self::Prometheus(error) => Some(error.kind()),
            Self::Metric(MetricError::NoQuery { .. }) => Some("no_query"),
            Self::Metric(MetricError::Unrepresentable { .. }) => Some("unrepresentable"),
            // There is just no value, or the rule was not asked.
            Self::Metric(_) | Self::List { .. } | Self::TooManyObjects { .. } => None,
        }
    }
}

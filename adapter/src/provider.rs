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

    /// Whether the last relist of a rule failed.
    fn relist_fails(&self) -> bool {
        false
    }
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

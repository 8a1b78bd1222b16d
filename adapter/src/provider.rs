//! What the API needs of metrics.

use std::sync::Arc;

use futures::future::BoxFuture;
use setpoint_metrics_api::MetricValue;
use setpoint_metrics_api::external::ExternalMetricValue;
use setpoint_metrics_api::resource::{NodeMetrics, PodMetrics};
use setpoint_rules::{
    ExternalError, ExternalQuery, GroupResource, HeaderError, MetricError, MetricInfo, MetricQuery,
    Resource, UsageError, UsageQuery,
};

use crate::kubernetes::{AnswerError, ListError, MAX_OBJECTS};
use crate::prometheus::PrometheusError;

/// Serves custom metrics from immutable snapshots; a request never waits for a background task.
pub(crate) trait CustomMetricsProvider: Send + Sync + 'static {
    /// Whether there are rules for custom metrics.
    fn has_rules(&self) -> bool;

    /// All metrics, sorted and without duplicates.
    fn metrics(&self) -> Vec<MetricInfo>;

    /// The values that a request asks for, sorted by the names of the objects.
    fn values<'a>(
        &'a self,
        query: &'a MetricQuery,
    ) -> BoxFuture<'a, Result<Vec<MetricValue>, ProviderError>>;
}

/// Serves external metrics, as [`CustomMetricsProvider`] does custom ones.
pub(crate) trait ExternalMetricsProvider: Send + Sync + 'static {
    /// Whether there are rules for external metrics.
    fn has_rules(&self) -> bool;

    /// The names of all metrics, sorted and without duplicates.
    fn metrics(&self) -> Vec<Arc<str>>;

    /// The values that a request asks for.
    fn values<'a>(
        &'a self,
        query: &'a ExternalQuery,
    ) -> BoxFuture<'a, Result<Vec<ExternalMetricValue>, ProviderError>>;
}

/// Serves the CPU and memory of objects.
pub(crate) trait UsageProvider: Send + Sync + 'static {
    /// Whether there are rules for CPU and memory.
    fn has_rules(&self) -> bool;

    /// The pods that a request asks for, sorted by namespace and name.
    fn pods<'a>(
        &'a self,
        query: &'a UsageQuery,
    ) -> BoxFuture<'a, Result<Vec<PodMetrics>, ProviderError>>;

    /// The nodes that a request asks for, sorted by name.
    fn nodes<'a>(
        &'a self,
        query: &'a UsageQuery,
    ) -> BoxFuture<'a, Result<Vec<NodeMetrics>, ProviderError>>;
}

/// Tells how relists go.
pub(crate) trait Relists: Send + Sync + 'static {
    /// Whether the first relist attempt has ended, whether or not it succeeded.
    fn attempted(&self) -> bool;

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
    #[error(transparent)]
    External(#[from] ExternalError),
    #[error(transparent)]
    Usage(#[from] UsageError),
    /// The rule's headers can't be made for the request.
    #[error("unable to fetch metrics: {0}")]
    Header(#[from] HeaderError),
    #[error("unable to fetch metrics")]
    Prometheus(#[from] PrometheusError),
    #[error("unable to list matching resources, which takes the verb `list` on {group_resource}")]
    List {
        group_resource: GroupResource,
        #[source]
        source: AnswerError,
    },
    /// Annotations and managed fields count as well.
    #[error(
        "unable to list matching resources: the metadata of one of the {group_resource} is too long"
    )]
    ObjectTooLong { group_resource: GroupResource },
    #[error("the selector selects more than {limit} {group_resource}: narrow it")]
    TooManyObjects {
        group_resource: GroupResource,
        limit: usize,
    },
}

impl ProviderError {
    /// Why objects of a resource aren't listed.
    pub(crate) fn list(resource: &Resource, error: ListError) -> Self {
        let group_resource = resource.group_resource();
        match error {
            ListError::Answer(source) => Self::List {
                group_resource,
                source,
            },
            ListError::TooMany => Self::TooManyObjects {
                group_resource,
                limit: MAX_OBJECTS,
            },
            ListError::TooLong => Self::ObjectTooLong { group_resource },
        }
    }

    /// Whether it is about a server that can't be used, and not about what is asked.
    pub(crate) fn is_unusable(&self) -> bool {
        match self {
            Self::Prometheus(error) => error.is_unusable(),
            Self::List { .. } => true,
            _ => false,
        }
    }

    /// The kind of a rule's failure in one word; none if the rule has not failed.
    pub(crate) fn kind(&self) -> Option<&'static str> {
        match self {
            Self::Prometheus(error) => Some(error.kind()),
            Self::External(error) => error.kind(),
            Self::Metric(MetricError::NoQuery { .. }) | Self::Header(_) => Some("no_query"),
            Self::Metric(MetricError::Unrepresentable { .. }) => Some("unrepresentable"),
            Self::Usage(error) => error.kind(),
            // There is just no value, or the rule was not asked.
            Self::Metric(_)
            | Self::List { .. }
            | Self::TooManyObjects { .. }
            | Self::ObjectTooLong { .. } => None,
        }
    }
}

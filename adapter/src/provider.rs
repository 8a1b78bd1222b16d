//! The seam between the API (which parses requests and renders answers) and whoever knows the metrics.

use futures::future::BoxFuture;
use setpoint_metrics_api::{MetricValue, Quantity};

/// A resource's group and plural name, such as `deployments.apps` or `pods`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupResource {
    /// The API group; empty for the core group.
    pub group: String,
    /// The plural, lower case.
    pub resource: String,
}

impl GroupResource {
    /// What `pods` or `deployments.apps` stands for (`schema.ParseGroupResource`).
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let (resource, group) = text.split_once('.').unwrap_or((text, ""));
        Self {
            group: group.to_owned(),
            resource: resource.to_owned(),
        }
    }
}

impl std::fmt::Display for GroupResource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.group.as_str() {
            "" => f.write_str(&self.resource),
            group => write!(f, "{}.{group}", self.resource),
        }
    }
}

/// One metric that can be asked for on one kind of object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CustomMetricInfo {
    /// The objects' resource.
    pub group_resource: GroupResource,
    /// Whether the objects live in namespaces.
    pub namespaced: bool,
    /// The metric's name.
    pub metric: String,
}

/// A parsed request for values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricQuery {
    /// The described objects' resource.
    pub group_resource: GroupResource,
    /// Their namespace; none for root-scoped objects.
    pub namespace: Option<String>,
    /// Which objects.
    pub objects: Objects,
    /// The metric's name.
    pub metric: String,
    /// `metricLabelSelector`, as written; empty means everything. Already known to parse.
    pub metric_selector: String,
}

/// Which objects a request speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Objects {
    /// One, by name.
    Named(String),
    /// All that match a label selector, as written; empty means all. Already known to parse.
    Selected(String),
}

/// Serves custom metrics.
///
/// Answers come from immutable snapshots; a request never waits for a background task.
pub trait CustomMetricsProvider: Send + Sync + 'static {
    /// All metrics there are, sorted and without duplicates: the same set gives the same list.
    fn metrics(&self) -> Vec<CustomMetricInfo>;

    /// The values asked for, sorted by object name. An empty answer to [`Objects::Named`] is an error,
    /// to [`Objects::Selected`] it is not.
    fn values<'a>(
        &'a self,
        query: &'a MetricQuery,
    ) -> BoxFuture<'a, Result<Vec<MetricValue>, ProviderError>>;

    /// Whether the first relist attempt has ended, whether or not it succeeded.
    fn relist_attempted(&self) -> bool;
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProviderError {
    /// No rule gives this metric for this resource.
    #[error("the server could not find the metric {metric} for {group_resource}")]
    NoSuchMetric {
        /// The metric.
        metric: String,
        /// The resource it was asked on.
        group_resource: GroupResource,
    },
    /// The metric exists, but has no value for the named object.
    #[error("the server could not find the metric {metric} for {group_resource} {name}")]
    NoValue {
        /// The metric.
        metric: String,
        /// The resource it was asked on.
        group_resource: GroupResource,
        /// The object.
        name: String,
    },
    /// The cluster has no such resource.
    #[error("the cluster has no resource {group_resource}")]
    NoSuchResource {
        /// The resource.
        group_resource: GroupResource,
    },
    /// Prometheus did not answer, or with an error.
    #[error("unable to fetch metrics")]
    Prometheus(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The API server did not answer, or with an error.
    #[error(
        "unable to list matching resources: the adapter's ServiceAccount needs the verb `list` on {group_resource}"
    )]
    Kubernetes {
        /// What was listed.
        group_resource: GroupResource,
        /// What failed.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A sample can't be expressed as a quantity.
    #[error("{metric} has the value {value}, which no quantity can express")]
    Unrepresentable {
        /// The metric.
        metric: String,
        /// The sample.
        value: f64,
    },
}

/// A sample as a quantity in milli-units: cut off below a thousandth, and zero for NaN, as in the Go adapter
/// (`prometheusProvider.metricFor`).
///
/// # Errors
/// Infinities and what exceeds 64 bits of milli-units have no quantity; what Go makes of them is left to the machine.
pub fn quantity_of_sample(metric: &str, value: f64) -> Result<Quantity, ProviderError> {
    if value.is_nan() {
        return Ok(Quantity::from_integer(0));
    }
    let milli = value * 1000.0;
    if !(-9.2e18..=9.2e18).contains(&milli) {
        return Err(ProviderError::Unrepresentable {
            metric: metric.to_owned(),
            value,
        });
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the range was checked above"
    )]
    let milli = milli as i64;
    Ok(Quantity::from_milli(milli))
}

//! What clients read: lists of values, and why there are none.

use serde::Serialize;
use setpoint_metrics_api::MetricValue;
use setpoint_metrics_api::custom::{v1beta1, v1beta2};
pub use setpoint_metrics_api::external::{ExternalMetricValue, ExternalMetricValueList};
pub use setpoint_metrics_api::resource::{NodeMetrics, PodMetrics};

use crate::metrics::MetricError;

/// Values as a version of `custom.metrics.k8s.io` writes them.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum MetricValueList {
    /// With one selector for the list.
    V1beta1(v1beta1::MetricValueList),
    /// With a metric for each value.
    V1beta2(v1beta2::MetricValueList),
}

impl MetricValueList {
    /// The versions of the group, the preferred one first (`k8s.io/metrics/pkg/apis/custom_metrics/install`).
    pub const VERSIONS: &'static [&'static str] = &["v1beta1", "v1beta2"];

    /// Values in a version of the group; none if there is no such version.
    #[must_use]
    pub fn new(version: &str, values: Vec<MetricValue>) -> Option<Self> {
        match version {
            "v1beta1" => Some(Self::V1beta1(values.into())),
            "v1beta2" => Some(Self::V1beta2(values.into())),
            _ => None,
        }
    }
}

impl MetricError {
    /// The HTTP status of an answer.
    #[must_use]
    pub fn code(&self) -> u16 {
        match self {
            Self::NoSuchMetric { .. }
            | Self::NoQuery { .. }
            | Self::NoValue { .. }
            | Self::NoValues { .. } => 404,
            Self::Unrepresentable { .. } => 500,
        }
    }

    /// Whether the next series or rule of the same metric is asked, which may have what this one lacks.
    #[must_use]
    pub fn asks_the_next(&self) -> bool {
        matches!(
            self,
            Self::NoValue { .. } | Self::NoValues { .. } | Self::NoQuery { .. }
        )
    }
}

/// What clients read of a query that Prometheus refuses with a status and an `errorType`: no more, since the rest may be
/// about others.
#[must_use]
pub fn refused_query(status: u16, error_type: &str) -> String {
    const KINDS: [&str; 6] = [
        "timeout",
        "canceled",
        "execution",
        "bad_data",
        "internal",
        "unavailable",
    ];
    let kind = KINDS.into_iter().find(|known| *known == error_type);
    let kind = kind.map_or(String::new(), |kind| format!(" {kind}"));
    format!("unable to fetch metrics: Prometheus answered {status}{kind}")
}

/// What clients read as the cause of a failure (500); the log has the rest.
#[must_use]
pub fn cause_for_clients(cause: &str) -> String {
    format!("{cause}; the adapter's log says more")
}

/// The message of a `Status` with code 500 (`apierrors.NewInternalError`).
#[must_use]
pub fn internal_error(cause: &str) -> String {
    format!("Internal error occurred: {cause}")
}

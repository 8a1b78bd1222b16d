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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::GroupResource;

    #[test]
    fn what_is_absent_is_404_and_the_next_rule_is_asked_unless_there_is_no_such_metric() {
        let metric = "queue_length".to_owned();
        let group_resource = GroupResource::new("", "pods");
        let no_such = MetricError::NoSuchMetric {
            metric: metric.clone(),
            group_resource: group_resource.clone(),
        };
        let no_value = MetricError::NoValue {
            metric: metric.clone(),
            group_resource: group_resource.clone(),
            name: "web".to_owned(),
        };
        let no_values = MetricError::NoValues {
            metric: metric.clone(),
            group_resource,
        };
        let unrepresentable = MetricError::Unrepresentable {
            metric,
            name: "web".to_owned(),
            value: f64::INFINITY,
        };
        let judged = |error: MetricError| (error.code(), error.asks_the_next());
        assert_eq!(judged(no_such), (404, false));
        assert_eq!(judged(no_value), (404, true));
        assert_eq!(judged(no_values), (404, true));
        assert_eq!(judged(unrepresentable), (500, false));
    }

    #[test]
    fn clients_read_of_a_refused_query_what_kinds_prometheus_has_and_no_other_words() {
        for (kind, expected) in [
            ("bad_data", "Prometheus answered 422 bad_data"),
            ("unavailable", "Prometheus answered 422 unavailable"),
            ("tenant-7 is over its limit", "Prometheus answered 422"),
            ("", "Prometheus answered 422"),
        ] {
            let expected = format!("unable to fetch metrics: {expected}");
            assert_eq!(refused_query(422, kind), expected);
        }
    }

    #[test]
    fn clients_are_led_to_the_log() {
        let message = internal_error(&cause_for_clients("unable to fetch metrics"));
        let expected =
            "Internal error occurred: unable to fetch metrics; the adapter's log says more";
        assert_eq!(message, expected);
    }

    #[test]
    fn the_group_has_two_versions() {
        for version in MetricValueList::VERSIONS {
            let list = MetricValueList::new(version, Vec::new()).unwrap();
            let written = serde_json::to_value(list).unwrap();
            let expected = format!("custom.metrics.k8s.io/{version}");
            assert_eq!(written["apiVersion"], expected);
        }
        assert_eq!(MetricValueList::new("v1", Vec::new()), None);
    }
}

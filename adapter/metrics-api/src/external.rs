//! `external.metrics.k8s.io` (`k8s.io/metrics/pkg/apis/external_metrics`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Quantity, Time};

/// The API group.
pub const GROUP: &str = "external.metrics.k8s.io";

/// The value of one series of an external metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExternalMetricValue {
    /// The metric's name.
    pub metric_name: String,
    /// The labels of the series; none, written as `null`, for a value that no series has.
    #[serde(default)]
    pub metric_labels: Option<BTreeMap<String, String>>,
    /// When the value was measured.
    pub timestamp: Time,
    /// The seconds of the window of a rate; none for a value of one moment.
    #[serde(default, rename = "window", skip_serializing_if = "Option::is_none")]
    pub window_seconds: Option<i64>,
    /// The measured value.
    pub value: Quantity,
}

/// The answer to a request: a value for each series.
pub type ExternalMetricValueList = crate::List<ExternalMetricValue>;

impl crate::Item for ExternalMetricValue {
    const LIST_KIND: &'static str = "ExternalMetricValueList";
    const API_VERSION: &'static str = "external.metrics.k8s.io/v1beta1";
}

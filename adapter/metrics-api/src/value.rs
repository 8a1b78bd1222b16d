//! The value of a metric, independent of the API version.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{LabelSelector, ObjectReference, Quantity};

/// The name of a metric, and the `metricLabelSelector` of the request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetricIdentifier {
    /// The name, such as `http_requests`.
    pub name: String,
    /// None is written as `null`, as in Go.
    #[serde(default)]
    pub selector: Option<LabelSelector>,
}

/// The value of a metric for one object.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricValue {
    /// The object that the value describes.
    pub described_object: ObjectReference,
    /// The name and selector of the metric.
    pub metric: MetricIdentifier,
    /// When the value was measured.
    pub timestamp: Timestamp,
    /// The seconds of the window of a rate; none for a value of one moment.
    pub window_seconds: Option<i64>,
    /// The measured value.
    pub value: Quantity,
}

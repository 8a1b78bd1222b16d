//! A value of a metric, independent of the API version it is asked in.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{LabelSelector, ObjectReference, Quantity};

/// A metric's name, and the selector it was asked with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetricIdentifier {
    /// The name.
    pub name: String,
    /// The selector of the request; none where it had none. Written as `null` then, as in Go.
    #[serde(default)]
    pub selector: Option<LabelSelector>,
}

/// The value of a metric for one object.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricValue {
    /// The object.
    pub described_object: ObjectReference,
    /// The metric.
    pub metric: MetricIdentifier,
    /// When it was measured.
    pub timestamp: Timestamp,
    /// The seconds that a rate was taken over; none for what was measured at once.
    pub window_seconds: Option<i64>,
    /// The value.
    pub value: Quantity,
}

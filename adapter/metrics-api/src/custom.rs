//! `custom.metrics.k8s.io`: the documents of its two versions
//! (`k8s.io/metrics/pkg/apis/custom_metrics`).

/// The API group.
pub const GROUP: &str = "custom.metrics.k8s.io";

/// Version v1beta1: the metric is a bare name.
pub mod v1beta1 {
    use serde::{Deserialize, Serialize};

    use crate::{LabelSelector, ObjectReference, Quantity, Time};

    /// The value of a metric for one object.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[serde(rename_all = "camelCase")]
    pub struct MetricValue {
        /// The object that the value describes.
        pub described_object: ObjectReference,
        /// The metric's name.
        pub metric_name: String,
        /// When the value was measured.
        pub timestamp: Time,
        /// The seconds of the window of a rate; none for a value of one moment.
        #[serde(default, rename = "window", skip_serializing_if = "Option::is_none")]
        pub window_seconds: Option<i64>,
        /// The measured value.
        pub value: Quantity,
        /// The `metricLabelSelector` of the request.
        #[serde(default)]
        pub selector: Option<LabelSelector>,
    }

    /// The answer to a request: a value for each object, sorted by the objects' names.
    pub type MetricValueList = crate::List<MetricValue>;

    impl crate::Item for MetricValue {
        const LIST_KIND: &'static str = "MetricValueList";
        const API_VERSION: &'static str = "custom.metrics.k8s.io/v1beta1";
    }

    impl From<crate::MetricValue> for MetricValue {
        fn from(value: crate::MetricValue) -> Self {
            Self {
                described_object: value.described_object,
                metric_name: value.metric.name,
                timestamp: Time(value.timestamp),
                window_seconds: value.window_seconds,
                value: value.value,
                selector: value.metric.selector,
            }
        }
    }
}

/// Version v1beta2: the metric is a name and a selector.
pub mod v1beta2 {
    use serde::{Deserialize, Serialize};

    use crate::{MetricIdentifier, ObjectReference, Quantity, Time};

    /// The value of a metric for one object.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[serde(rename_all = "camelCase")]
    pub struct MetricValue {
        /// The object that the value describes.
        pub described_object: ObjectReference,
        /// The name and selector of the metric.
        pub metric: MetricIdentifier,
        /// When the value was measured.
        pub timestamp: Time,
        /// The seconds of the window of a rate; none for a value of one moment.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub window_seconds: Option<i64>,
        /// The measured value.
        pub value: Quantity,
    }

    /// The answer to a request: a value for each object, sorted by the objects' names.
    pub type MetricValueList = crate::List<MetricValue>;

    impl crate::Item for MetricValue {
        const LIST_KIND: &'static str = "MetricValueList";
        const API_VERSION: &'static str = "custom.metrics.k8s.io/v1beta2";
    }

    impl From<crate::MetricValue> for MetricValue {
        fn from(value: crate::MetricValue) -> Self {
            Self {
                described_object: value.described_object,
                metric: value.metric,
                timestamp: Time(value.timestamp),
                window_seconds: value.window_seconds,
                value: value.value,
            }
        }
    }
}

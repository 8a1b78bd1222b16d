//! Messages of `k8s.io/metrics` (`pkg/apis/*/*/generated.proto`), and of `k8s.io/api/core/v1` what they
//! use.

use std::collections::BTreeMap;
use std::fmt::Debug;

use prost::Message;
use serde::Deserialize;
use setpoint_metrics_api::null_as_default;

use super::meta::{Duration, LabelSelector, ListMeta, ObjectMeta, Quantity, Time};

/// Every list of values.
#[derive(Message, Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de> + Debug + Default + Message"))]
pub(super) struct List<T: Debug + Default + Message> {
    #[prost(message, required, tag = "1")]
    metadata: ListMeta,
    #[prost(message, repeated, tag = "2")]
    items: Vec<T>,
}

/// `custom_metrics/v1beta1` `MetricValue`.
#[derive(Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct MetricValueV1beta1 {
    #[prost(message, required, tag = "1")]
    described_object: ObjectReference,
    #[prost(string, required, tag = "2")]
    metric_name: String,
    #[prost(message, required, tag = "3")]
    timestamp: Time,
    #[prost(int64, optional, tag = "4")]
    window: Option<i64>,
    #[prost(message, required, tag = "5")]
    value: Quantity,
    #[prost(message, optional, tag = "6")]
    selector: Option<LabelSelector>,
}

/// `custom_metrics/v1beta2` `MetricValue`.
#[derive(Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct MetricValueV1beta2 {
    #[prost(message, required, tag = "1")]
    described_object: ObjectReference,
    #[prost(message, required, tag = "2")]
    metric: MetricIdentifier,
    #[prost(message, required, tag = "3")]
    timestamp: Time,
    #[prost(int64, optional, tag = "4")]
    window_seconds: Option<i64>,
    #[prost(message, required, tag = "5")]
    value: Quantity,
}

/// `custom_metrics/v1beta2` `MetricIdentifier`.
#[derive(Message, Deserialize)]
#[serde(default)]
struct MetricIdentifier {
    #[prost(string, required, tag = "1")]
    name: String,
    #[prost(message, optional, tag = "2")]
    selector: Option<LabelSelector>,
}

/// `core/v1` `ObjectReference`.
#[derive(Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ObjectReference {
    #[prost(string, required, tag = "1")]
    kind: String,
    #[prost(string, required, tag = "2")]
    namespace: String,
    #[prost(string, required, tag = "3")]
    name: String,
    #[prost(string, required, tag = "4")]
    uid: String,
    #[prost(string, required, tag = "5")]
    api_version: String,
    #[prost(string, required, tag = "6")]
    resource_version: String,
    #[prost(string, required, tag = "7")]
    field_path: String,
}

/// `external_metrics/v1beta1` `ExternalMetricValue`.
#[derive(Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct ExternalMetricValue {
    #[prost(string, required, tag = "1")]
    metric_name: String,
    #[prost(btree_map = "string, string", tag = "2")]
    #[serde(deserialize_with = "null_as_default")]
    metric_labels: BTreeMap<String, String>,
    #[prost(message, required, tag = "3")]
    timestamp: Time,
    #[prost(int64, optional, tag = "4")]
    window: Option<i64>,
    #[prost(message, required, tag = "5")]
    value: Quantity,
}

/// `metrics/v1beta1` `NodeMetrics`.
#[derive(Message, Deserialize)]
#[serde(default)]
pub(super) struct NodeMetrics {
    #[prost(message, required, tag = "1")]
    metadata: ObjectMeta,
    #[prost(message, required, tag = "2")]
    timestamp: Time,
    #[prost(message, required, tag = "3")]
    window: Duration,
    #[prost(btree_map = "string, message", tag = "4")]
    usage: BTreeMap<String, Quantity>,
}

/// `metrics/v1beta1` `PodMetrics`.
#[derive(Message, Deserialize)]
#[serde(default)]
pub(super) struct PodMetrics {
    #[prost(message, required, tag = "1")]
    metadata: ObjectMeta,
    #[prost(message, required, tag = "2")]
    timestamp: Time,
    #[prost(message, required, tag = "3")]
    window: Duration,
    #[prost(message, repeated, tag = "4")]
    containers: Vec<ContainerMetrics>,
}

/// `metrics/v1beta1` `ContainerMetrics`.
#[derive(Message, Deserialize)]
#[serde(default)]
struct ContainerMetrics {
    #[prost(string, required, tag = "1")]
    name: String,
    #[prost(btree_map = "string, message", tag = "2")]
    usage: BTreeMap<String, Quantity>,
}

//! The shape of a test file, in the habits of promtool's unit tests. Unknown keys are errors.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::Value;

use super::duration::PromDuration;

/// A file of tests for the rules of a metrics adapter.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Document {
    /// The file with the rules, by its path from this file: prometheus-adapter's configuration, a ConfigMap that holds it, or
    /// values of the chart. An adapter has one configuration, so it is one file.
    pub(crate) rule_files: Vec<String>,
    /// The time between two samples of a series, for tests that have no `interval`.
    #[serde(default = "minute")]
    pub(crate) evaluation_interval: PromDuration,
    /// The adapter's `--metrics-max-age`: a series counts for discovery if it has a sample that is no older.
    #[serde(default = "ten_minutes")]
    pub(crate) metrics_max_age: PromDuration,
    /// Whether values that differ by a thousandth are equal: the adapter cuts what is less, so that a rate of 1.9999999999999998 is `1999m`.
    #[serde(default)]
    pub(crate) fuzzy_compare: bool,
    /// The version of Prometheus that answers queries, such as `2.42`; before 3.0, windows hold both of their ends.
    #[serde(default)]
    pub(crate) prometheus_version: Option<String>,
    /// Groups of tests, each with its own series and objects.
    pub(crate) tests: Vec<Group>,
}

fn minute() -> PromDuration {
    PromDuration::minutes(1)
}

fn ten_minutes() -> PromDuration {
    PromDuration::minutes(10)
}

/// Series, objects, and what is expected of them.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Group {
    /// What is tested, for the report.
    #[serde(default)]
    pub(crate) name: Option<String>,
    /// The time between two samples of a series.
    #[serde(default)]
    pub(crate) interval: Option<PromDuration>,
    /// What Prometheus has.
    #[serde(default)]
    pub(crate) input_series: Vec<InputSeries>,
    /// What the cluster has, where requests ask for all objects (`*`): manifests, or short forms such as `{pods: [web-1, web-2], namespace: shop, labels: {app: web}}`.
    #[serde(default)]
    pub(crate) objects: Vec<Value>,
    /// Requests for values.
    #[serde(default)]
    pub(crate) metric_test: Vec<MetricTest>,
    /// Lists of metrics.
    #[serde(default)]
    pub(crate) discovery_test: Vec<DiscoveryTest>,
}

/// A text that may look like a number.
struct Scalar;

impl JsonSchema for Scalar {
    fn schema_name() -> Cow<'static, str> {
        "Scalar".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": ["string", "number"]})
    }
}

/// A series in promtool's notation.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct InputSeries {
    /// Name and labels: `http_requests_total{namespace="shop", pod="web-1"}`.
    pub(crate) series: String,
    /// The samples, the first at time 0: `0+60x10 _ 5x3 stale`.
    #[schemars(with = "Scalar")]
    pub(crate) values: String,
}

/// A request for values, and what is answered: `exp_items`, `exp_values`, `exp_usage` or `exp_error`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MetricTest {
    /// When it is asked.
    pub(crate) eval_time: PromDuration,
    /// The whole path, as `kubectl get --raw` takes it. In place of it, `metric` and `object` make one of custom metrics, `external` one of an external metric, and
    /// `usage` one of CPU and memory.
    #[serde(default)]
    pub(crate) path: Option<String>,
    /// The name of the metric.
    #[serde(default)]
    pub(crate) metric: Option<String>,
    /// Whose metric it is: `pods/*`, `pods/web-1`, `deployments.apps/web`, `nodes/n1` or `namespaces/shop`.
    #[serde(default)]
    pub(crate) object: Option<String>,
    /// The name of an external metric.
    #[serde(default)]
    pub(crate) external: Option<String>,
    /// Whose CPU and memory: `pods/*`, `pods/web-1`, `nodes/*` or `nodes/n1`.
    #[serde(default)]
    pub(crate) usage: Option<String>,
    /// The namespace of the object, or of who asks for an external metric; none for nodes, namespaces and others that are in none.
    #[serde(default)]
    pub(crate) namespace: Option<String>,
    /// Which objects, by their labels: `app=web`.
    #[serde(default)]
    pub(crate) label_selector: Option<String>,
    /// Which series of the metric, by their labels: `verb=GET`. Of an external metric it is the selector of the HPA's `metric`.
    #[serde(default)]
    pub(crate) metric_label_selector: Option<String>,
    /// The values that are answered, sorted by the names of the objects.
    #[serde(default)]
    pub(crate) exp_items: Option<Vec<ExpectedItem>>,
    /// The values of an external metric that are answered, sorted by their labels.
    #[serde(default)]
    pub(crate) exp_values: Option<Vec<ExpectedValue>>,
    /// The CPU and memory that are answered, sorted by namespace, name and container.
    #[serde(default)]
    pub(crate) exp_usage: Option<Vec<ExpectedUsage>>,
    /// The error that is answered.
    #[serde(default)]
    pub(crate) exp_error: Option<ExpectedError>,
}

/// A value that is answered. What is left out isn't compared.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExpectedItem {
    /// The name of the object.
    pub(crate) name: String,
    /// The value, a quantity: `5`, `500m` or `1Ki`.
    #[schemars(with = "Scalar")]
    pub(crate) value: String,
    /// The kind of the object.
    #[serde(default)]
    pub(crate) kind: Option<String>,
    /// The namespace of the object.
    #[serde(default)]
    pub(crate) namespace: Option<String>,
}

/// A value of an external metric that is answered.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExpectedValue {
    /// All labels of the value; any where they are left out.
    #[serde(default)]
    pub(crate) labels: Option<BTreeMap<String, String>>,
    /// The value, a quantity.
    #[schemars(with = "Scalar")]
    pub(crate) value: String,
}

/// The CPU and memory of a container, or of a node. What is left out isn't compared.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExpectedUsage {
    /// The name of the pod or node.
    pub(crate) name: String,
    /// The container; none for a node.
    #[serde(default)]
    pub(crate) container: Option<String>,
    /// The namespace of the pod.
    #[serde(default)]
    pub(crate) namespace: Option<String>,
    /// Cores, a quantity such as `250m`.
    #[schemars(with = "Scalar")]
    pub(crate) cpu: String,
    /// Bytes, a quantity such as `64Mi`.
    #[schemars(with = "Scalar")]
    pub(crate) memory: String,
}

/// An error that is answered.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExpectedError {
    /// The HTTP status.
    pub(crate) code: u16,
    /// The whole message; any where it is left out.
    #[serde(default)]
    pub(crate) message: Option<String>,
}

/// The metrics that the adapter lists.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DiscoveryTest {
    /// When the adapter lists the series.
    pub(crate) eval_time: PromDuration,
    /// All custom metrics, each as `RESOURCE/METRIC`, in any order.
    #[serde(default)]
    pub(crate) exp_resources: Option<Vec<String>>,
    /// All external metrics, in any order.
    #[serde(default)]
    pub(crate) exp_external: Option<Vec<String>>,
}

//! The lists against what the real `k8s.io/metrics` wrote (`fixtures/golden/lists.json`), byte by
//! byte.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;
use setpoint_metrics_api::custom::{v1beta1, v1beta2};
use setpoint_metrics_api::external::{ExternalMetricValue, ExternalMetricValueList};
use setpoint_metrics_api::resource::{
    ContainerMetrics, Document, NodeMetrics, NodeMetricsList, ObjectMeta, PodMetrics,
    PodMetricsList, Usage,
};
use setpoint_metrics_api::{
    Duration, Format, IncludeObject, LabelSelector, LabelSelectorRequirement, MetricIdentifier,
    MetricValue, ObjectReference, Quantity, Table, Time,
};

fn golden() -> BTreeMap<String, String> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../fixtures/golden/lists.json"
    );
    serde_json::from_str(&std::fs::read_to_string(path).expect("golden file"))
        .expect("golden documents")
}

/// Reads every document whose name starts with `prefix` and writes it again; says how many there
/// were.
fn read_and_written_again<T: DeserializeOwned + Serialize>(prefix: &str) -> usize {
    let documents: Vec<_> = golden()
        .into_iter()
        .filter(|(name, _)| name.starts_with(prefix))
        .collect();
    for (name, document) in &documents {
        let list: T = serde_json::from_str(document).expect(name);
        assert_eq!(
            &serde_json::to_string(&list).expect(name),
            document,
            "{name}"
        );
    }
    documents.len()
}

#[test]
fn every_list_is_written_as_it_was_read() {
    assert_eq!(
        read_and_written_again::<v1beta1::MetricValueList>("v1beta1"),
        3
    );
    assert_eq!(
        read_and_written_again::<v1beta2::MetricValueList>("v1beta2"),
        3
    );
    assert_eq!(
        read_and_written_again::<ExternalMetricValueList>("external"),
        2
    );
}

fn at(time: &str) -> jiff::Timestamp {
    time.parse().expect("a time")
}

/// The values that the generator of the golden documents was given.
fn values() -> Vec<MetricValue> {
    let requirement = |key: &str, operator: &str, values: &[&str]| LabelSelectorRequirement {
        key: key.to_owned(),
        operator: operator.to_owned(),
        values: values.iter().map(|&value| value.to_owned()).collect(),
    };
    let selector = LabelSelector {
        match_labels: [("verb", "GET"), ("code", "200")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
        match_expressions: vec![
            requirement("path", "In", &["/", "/a"]),
            requirement("host", "Exists", &[]),
        ],
    };
    let object = |kind: &str, namespace: Option<&str>, name: &str| ObjectReference {
        kind: Some(kind.to_owned()),
        namespace: namespace.map(str::to_owned),
        name: Some(name.to_owned()),
        api_version: Some("/v1".to_owned()),
    };
    let metric = |selector| MetricIdentifier {
        name: "http_requests".to_owned(),
        selector,
    };
    vec![
        MetricValue {
            described_object: object("Pod", Some("default"), "sample-metrics-app-0"),
            metric: metric(Some(selector)),
            timestamp: at("2026-03-01T13:04:05.999999999+01:00"),
            window_seconds: Some(120),
            value: Quantity::from_milli(2_500),
        },
        MetricValue {
            described_object: object("Namespace", None, "default"),
            metric: metric(None),
            timestamp: at("1969-12-31T23:59:58.5Z"),
            window_seconds: None,
            value: Quantity::from_milli(3_000_000),
        },
    ]
}

#[test]
fn values_are_written_in_either_version_as_go_writes_them() {
    let golden = golden();
    let old = serde_json::to_string(&v1beta1::MetricValueList::from(values())).unwrap();
    assert_eq!(old, golden["v1beta1 full"]);
    let new = serde_json::to_string(&v1beta2::MetricValueList::from(values())).unwrap();
    assert_eq!(new, golden["v1beta2 full"]);
}

#[test]
fn external_values_are_written_as_go_writes_them() {
    let timestamp = Time(at("2026-03-01T12:04:05.999Z"));
    let value = |labels: &[(&str, &str)], window_seconds, milli| ExternalMetricValue {
        metric_name: "queue_depth".to_owned(),
        metric_labels: Some(
            labels
                .iter()
                .map(|&(key, value)| (key.to_owned(), value.to_owned()))
                .collect(),
        ),
        timestamp,
        window_seconds,
        value: Quantity::from_milli(milli),
    };
    let list = ExternalMetricValueList::from(vec![
        value(&[("topic", "a"), ("queue", "b")], Some(120), 2_500),
        value(&[], None, 3_000_000),
    ]);
    assert_eq!(
        serde_json::to_string(&list).unwrap(),
        golden()["external full"]
    );
}

#[test]
fn nothing_written_as_null_is_read_as_nothing() {
    let golden = golden();
    let old: v1beta1::MetricValueList = serde_json::from_str(&golden["nulls v1beta1"]).unwrap();
    assert!(old.items.is_empty());
    let new: v1beta2::MetricValueList = serde_json::from_str(&golden["nulls v1beta2"]).unwrap();
    assert_eq!(new.items[0].described_object, ObjectReference::default());
    assert!(new.items[0].value.is_zero());
    let external: ExternalMetricValueList =
        serde_json::from_str(&golden["nulls external"]).unwrap();
    assert_eq!(external.items[0].metric_labels, None);
}

fn metadata(namespace: Option<&str>, name: &str, labels: &[(&str, &str)]) -> ObjectMeta {
    ObjectMeta {
        name: name.to_owned(),
        namespace: namespace.map(str::to_owned),
        creation_timestamp: Time(at("2026-03-01T12:04:05.999Z")),
        labels: labels
            .iter()
            .map(|&(key, value)| (key.to_owned(), value.to_owned()))
            .collect(),
    }
}

fn usage(cpu: i64, memory: i64) -> Usage {
    Usage {
        cpu: Quantity::from_milli(cpu),
        memory: Quantity::from_milli(memory).in_format(Format::BinarySi),
    }
}

fn pod() -> PodMetrics {
    let container = |name: &str, usage| ContainerMetrics {
        name: name.to_owned(),
        usage,
    };
    PodMetrics {
        metadata: metadata(Some("default"), "web-1", &[("app", "web")]),
        timestamp: Time(at("2026-03-01T12:04:05.999Z")),
        window: Duration(std::time::Duration::from_secs(300)),
        containers: vec![
            container("proxy", usage(0, 1_048_576_500)),
            container("web", usage(2_500, 104_857_600_000)),
        ],
    }
}

fn node() -> NodeMetrics {
    NodeMetrics {
        metadata: metadata(None, "node-1", &[]),
        timestamp: Time(at("2026-03-01T12:04:05.999Z")),
        window: Duration(std::time::Duration::from_secs(300)),
        usage: usage(2_500, 104_857_600_000),
    }
}

#[test]
fn usage_is_written_as_go_writes_it() {
    let golden = golden();
    let pods = PodMetricsList::from(vec![pod()]);
    assert_eq!(serde_json::to_string(&pods).unwrap(), golden["pods full"]);
    let one = Document::from(pod());
    assert_eq!(serde_json::to_string(&one).unwrap(), golden["pod"]);
    let nodes = NodeMetricsList::from(vec![node()]);
    assert_eq!(serde_json::to_string(&nodes).unwrap(), golden["nodes full"]);
    let none = PodMetricsList::from(Vec::<PodMetrics>::new());
    assert_eq!(serde_json::to_string(&none).unwrap(), golden["pods none"]);
}

#[test]
fn a_table_has_a_row_for_each_object_and_sums_containers() {
    let table = Table::new(vec![pod()], IncludeObject::Metadata);
    assert_eq!(
        serde_json::to_string(&table).unwrap(),
        golden()["pods table"]
    );
    let whole = Table::new(vec![pod()], IncludeObject::Object);
    let whole = serde_json::to_value(&whole).unwrap();
    assert_eq!(whole["rows"][0]["object"]["kind"], "PodMetrics");
    let nodes = serde_json::to_value(Table::new(vec![node()], IncludeObject::None)).unwrap();
    assert_eq!(
        nodes["rows"][0]["cells"],
        serde_json::json!(["node-1", "2500m", "100Mi", "5m0s"])
    );
    let none = Table::new(Vec::<PodMetrics>::new(), IncludeObject::None);
    let none = serde_json::to_value(&none).unwrap();
    assert_eq!(none["columnDefinitions"], serde_json::Value::Null);
    assert_eq!(none["rows"], serde_json::Value::Null);
}

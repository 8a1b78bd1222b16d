//! The documents of the custom metrics API, written from its definition.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::table::{Entry, Table};

const GROUP: &str = "custom.metrics.k8s.io";
/// The versions served, the preferred one first.
pub(super) const VERSIONS: [&str; 2] = ["v1beta1", "v1beta2"];

pub(super) fn group() -> Value {
    let version =
        |version: &str| json!({"groupVersion": format!("{GROUP}/{version}"), "version": version});
    json!({
        "kind": "APIGroup",
        "apiVersion": "v1",
        "name": GROUP,
        "versions": VERSIONS.map(version),
        "preferredVersion": version(VERSIONS[0]),
    })
}

pub(super) fn groups() -> Value {
    let mut group = group();
    // Elements of a list don't say what they are.
    if let Some(fields) = group.as_object_mut() {
        fields.retain(|key, _| !["kind", "apiVersion"].contains(&key.as_str()));
    }
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": [group]})
}

/// Resource and metric of every entry, sorted, each once.
fn offered(table: &Table) -> BTreeSet<(&str, &str)> {
    table
        .metrics
        .iter()
        .map(|entry| (entry.resource.as_str(), entry.metric.as_str()))
        .collect()
}

pub(super) fn resources(table: &Table, version: &str) -> Value {
    let names: BTreeSet<String> = offered(table)
        .into_iter()
        .map(|(resource, metric)| format!("{resource}/{metric}"))
        .collect();
    let resource = |name: String| json!({"name": name, "singularName": "", "namespaced": !name.starts_with("namespaces/"), "kind": "MetricValueList", "verbs": ["get"]});
    json!({
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": format!("{GROUP}/{version}"),
        "resources": names.into_iter().map(resource).collect::<Vec<_>>(),
    })
}

pub(super) fn aggregated(table: &Table, versions: &[&str]) -> Value {
    let offered = offered(table);
    let parents: BTreeSet<&str> = offered.iter().map(|(resource, _)| *resource).collect();
    let subresource = |version: &str, metric: &str| {
        json!({
            "subresource": metric,
            "responseKind": {"group": GROUP, "version": version, "kind": "MetricValueList"},
            "verbs": ["get"],
        })
    };
    let resource = |version: &str, parent: &str| {
        let metrics = offered.iter().filter(|(resource, _)| *resource == parent);
        json!({
            "resource": parent,
            "responseKind": {"group": "", "version": "", "kind": ""},
            "scope": if parent == "namespaces" { "Cluster" } else { "Namespaced" },
            "singularResource": "",
            "verbs": [],
            "subresources": metrics.map(|(_, metric)| subresource(version, metric)).collect::<Vec<_>>(),
        })
    };
    let version = |version: &str| {
        let resources: Vec<Value> = parents
            .iter()
            .map(|parent| resource(version, parent))
            .collect();
        json!({"version": version, "resources": resources, "freshness": "Current"})
    };
    json!({
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": [{"metadata": {"name": GROUP, "creationTimestamp": null}, "versions": versions.iter().map(|one| version(one)).collect::<Vec<_>>()}],
    })
}

/// A selector of series by their labels; null where nothing is selected.
pub(super) fn selector(labels: &[(String, String)]) -> Value {
    let labels: BTreeMap<_, _> = labels.iter().cloned().collect();
    if labels.is_empty() {
        return Value::Null;
    }
    json!({"matchLabels": labels})
}

/// The values of a metric whose series were selected so.
pub(super) fn values(
    version: &str,
    entries: &[&Entry],
    selector: &Value,
    measured: Timestamp,
) -> Value {
    let timestamp = measured.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let item = |entry: &&Entry| {
        let mut item = json!({
            "describedObject": {
                "kind": entry.kind,
                "namespace": entry.namespace,
                "name": entry.name,
                "apiVersion": entry.api_version,
            },
            "timestamp": timestamp,
            "value": entry.value,
        });
        if version == "v1beta1" {
            item["metricName"] = json!(entry.metric);
            item["selector"] = selector.clone();
        } else {
            item["metric"] = json!({"name": entry.metric, "selector": selector});
        }
        item
    };
    json!({
        "kind": "MetricValueList",
        "apiVersion": format!("{GROUP}/{version}"),
        "metadata": {},
        "items": entries.iter().map(item).collect::<Vec<_>>(),
    })
}

pub(super) fn status(code: u16, reason: &str, message: &str) -> Value {
    json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": code,
    })
}

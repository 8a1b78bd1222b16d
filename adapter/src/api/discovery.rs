//! What there is to ask for, as the aggregator and clients want to hear it.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use setpoint_metrics_api::custom::GROUP;

use crate::provider::CustomMetricInfo;

/// The versions served, the preferred one first.
///
/// The Go adapter prefers v1beta1 too (`k8s.io/metrics/pkg/apis/custom_metrics/install`).
pub const VERSIONS: [&str; 2] = ["v1beta1", "v1beta2"];

/// `/apis/<group>`.
#[must_use]
pub fn api_group() -> Value {
    let mut group = group();
    group["kind"] = json!("APIGroup");
    group["apiVersion"] = json!("v1");
    group
}

/// `/apis`, as clients without aggregated discovery ask for it.
#[must_use]
pub fn api_group_list() -> Value {
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": [group()]})
}

fn group() -> Value {
    let version =
        |version: &str| json!({"groupVersion": format!("{GROUP}/{version}"), "version": version});
    json!({
        "name": GROUP,
        "versions": VERSIONS.map(version),
        "preferredVersion": version(VERSIONS[0]),
    })
}

/// `/apis/<group>/<version>`: a resource `<objects>/<metric>` for every metric.
///
/// Invariant: the same metrics give the same document; the Go adapter's order is random.
#[must_use]
pub fn api_resource_list(version: &str, metrics: &[CustomMetricInfo]) -> Value {
    let resources: Vec<Value> = metrics
        .iter()
        .map(|info| {
            json!({
                "name": format!("{}/{}", info.group_resource, info.metric),
                "singularName": "",
                "namespaced": info.namespaced,
                "kind": "MetricValueList",
                "verbs": ["get"],
            })
        })
        .collect();
    json!({
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": format!("{GROUP}/{version}"),
        "resources": sorted_by_name(resources),
    })
}

fn sorted_by_name(mut resources: Vec<Value>) -> Vec<Value> {
    resources.sort_by(|left, right| left["name"].as_str().cmp(&right["name"].as_str()));
    resources
}

/// `/apis` as aggregated discovery, `apidiscovery.k8s.io/v2`.
///
/// Metrics are subresources. Their parents don't exist, so they are written as apiserver's
/// `ConvertGroupVersionIntoToDiscovery` writes stubs: with an empty response kind, which clients drop.
#[must_use]
pub fn aggregated(metrics: &[CustomMetricInfo]) -> Value {
    let versions = VERSIONS.map(|version| {
        json!({"version": version, "resources": aggregated_resources(version, metrics), "freshness": "Current"})
    });
    json!({
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": [{"metadata": {"name": GROUP, "creationTimestamp": null}, "versions": versions}],
    })
}

fn aggregated_resources(version: &str, metrics: &[CustomMetricInfo]) -> Vec<Value> {
    let mut parents: BTreeMap<String, (bool, Vec<&str>)> = BTreeMap::new();
    for info in metrics {
        let (_, names) = parents
            .entry(info.group_resource.to_string())
            .or_insert_with(|| (info.namespaced, Vec::new()));
        names.push(&info.metric);
    }
    let resource = |(parent, (namespaced, mut names)): (String, (bool, Vec<&str>))| {
        names.sort_unstable();
        let subresources: Vec<Value> = names
            .into_iter()
            .map(|name| {
                json!({
                    "subresource": name,
                    "responseKind": {"group": GROUP, "version": version, "kind": "MetricValueList"},
                    "verbs": ["get"],
                })
            })
            .collect();
        json!({
            "resource": parent,
            "responseKind": {"group": "", "version": "", "kind": ""},
            "scope": if namespaced { "Namespaced" } else { "Cluster" },
            "singularResource": "",
            "verbs": [],
            "subresources": subresources,
        })
    };
    parents.into_iter().map(resource).collect()
}

/// Whether an `Accept` header asks for [`aggregated`] discovery.
#[must_use]
pub fn wants_aggregated(accept: &str) -> bool {
    accept.split(',').any(|range| {
        let mut parameters = range.split(';').map(str::trim);
        parameters.next() == Some("application/json")
            && ["g=apidiscovery.k8s.io", "v=v2", "as=APIGroupDiscoveryList"]
                .iter()
                .all(|wanted| {
                    range
                        .split(';')
                        .any(|parameter| parameter.trim() == *wanted)
                })
    })
}

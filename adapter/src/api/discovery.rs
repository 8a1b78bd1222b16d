//! Discovery documents of API groups.
//!
//! The same resources give the same document; those of prometheus-adapter have a random order.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::group::{ApiGroup, DiscoveredResource};

/// The media type of [`aggregated`] discovery.
pub(super) const AGGREGATED: &str =
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// `/apis/<group>`.
pub(super) fn api_group(group: &dyn ApiGroup) -> Value {
    let mut document = listed_group(group);
    document["kind"] = json!("APIGroup");
    document["apiVersion"] = json!("v1");
    document
}

/// `/apis`, as clients without aggregated discovery ask for it.
pub(super) fn api_group_list<'a>(groups: impl Iterator<Item = &'a dyn ApiGroup>) -> Value {
    let groups: Vec<Value> = groups.map(listed_group).collect();
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
}

fn listed_group(group: &dyn ApiGroup) -> Value {
    let name = group.name();
    let version =
        |version: &&str| json!({"groupVersion": format!("{name}/{version}"), "version": version});
    let versions: Vec<Value> = group.versions().iter().map(version).collect();
    json!({
        "name": name,
        "preferredVersion": versions[0],
        "versions": versions,
    })
}

/// `/apis/<group>/<version>`: a resource `<objects>/<metric>` for each metric.
pub(super) fn api_resource_list(group: &dyn ApiGroup, version: &str) -> Value {
    let resource = |found: DiscoveredResource| {
        json!({
            "name": format!("{}/{}", found.parent, found.metric),
            "singularName": "",
            "namespaced": found.namespaced,
            "kind": found.kind,
            "verbs": ["get"],
        })
    };
    let resources = group.resources().into_iter().map(resource).collect();
    json!({
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": format!("{}/{version}", group.name()),
        "resources": sorted_by_name(resources),
    })
}

fn sorted_by_name(mut resources: Vec<Value>) -> Vec<Value> {
    resources.sort_by(|left, right| left["name"].as_str().cmp(&right["name"].as_str()));
    resources
}

/// `/apis` as aggregated discovery, `apidiscovery.k8s.io/v2`.
pub(super) fn aggregated<'a>(groups: impl Iterator<Item = &'a dyn ApiGroup>) -> Value {
    let items: Vec<Value> = groups.map(aggregated_group).collect();
    json!({
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": items,
    })
}

fn aggregated_group(group: &dyn ApiGroup) -> Value {
    let mut parents: BTreeMap<String, Vec<DiscoveredResource>> = BTreeMap::new();
    for found in group.resources() {
        parents.entry(found.parent.clone()).or_default().push(found);
    }
    for metrics in parents.values_mut() {
        metrics.sort();
    }
    let version = |version: &&str| {
        let resources: Vec<Value> = parents
            .iter()
            .map(|(parent, metrics)| aggregated_parent(group.name(), version, parent, metrics))
            .collect();
        json!({"version": version, "resources": resources, "freshness": "Current"})
    };
    let versions: Vec<Value> = group.versions().iter().map(version).collect();
    json!({
        "metadata": {"name": group.name(), "creationTimestamp": null},
        "versions": versions,
    })
}

/// Objects and their metrics. The objects' resource isn't part of the group, so it is written as
/// `ConvertGroupVersionIntoToDiscovery` of apiserver writes such parents: with an empty response
/// kind, which clients drop.
fn aggregated_parent(
    group: &str,
    version: &str,
    parent: &str,
    metrics: &[DiscoveredResource],
) -> Value {
    let subresource = |found: &DiscoveredResource| {
        json!({
            "subresource": found.metric,
            "responseKind": {"group": group, "version": version, "kind": found.kind},
            "verbs": ["get"],
        })
    };
    let namespaced = metrics.iter().any(|found| found.namespaced);
    let subresources: Vec<Value> = metrics.iter().map(subresource).collect();
    json!({
        "resource": parent,
        "responseKind": {"group": "", "version": "", "kind": ""},
        "scope": if namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": "",
        "verbs": [],
        "subresources": subresources,
    })
}

/// Whether an `Accept` header asks for [`AGGREGATED`] discovery.
pub(super) fn wants_aggregated(accept: &str) -> bool {
    accept.split(',').any(|range| {
        let parameters: Vec<&str> = range.split(';').map(str::trim).collect();
        parameters[0] == "application/json"
            && AGGREGATED
                .split(';')
                .skip(1)
                .all(|wanted| parameters.contains(&wanted))
    })
}

//! Discovery documents of API groups.
//!
//! The same resources give the same document; those of prometheus-adapter have a random order.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::group::{ApiGroup, DiscoveredResource};

/// The media type of [`aggregated`] discovery.
pub(super) const AGGREGATED: &str =
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// `metav1.APIGroup`, its fields in Go's order.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Group {
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    api_version: Option<&'static str>,
    name: &'static str,
    versions: Vec<GroupVersion>,
    preferred_version: Option<GroupVersion>,
}

/// `metav1.GroupVersionForDiscovery`
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct GroupVersion {
    group_version: String,
    version: &'static str,
}

/// `metav1.APIGroupList`
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GroupList {
    kind: &'static str,
    api_version: &'static str,
    groups: Vec<Group>,
}

/// `metav1.APIResourceList`
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ResourceList {
    kind: &'static str,
    api_version: &'static str,
    group_version: String,
    resources: Vec<ListedResource>,
}

/// `metav1.APIResource`
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ListedResource {
    name: String,
    singular_name: &'static str,
    namespaced: bool,
    kind: &'static str,
    verbs: &'static [&'static str],
}

/// `/apis/<group>`.
pub(super) fn api_group(group: &dyn ApiGroup) -> Group {
    Group {
        kind: Some("APIGroup"),
        api_version: Some("v1"),
        ..listed_group(group)
    }
}

/// `/apis`, as clients without aggregated discovery ask for it.
pub(super) fn api_group_list<'a>(groups: impl Iterator<Item = &'a dyn ApiGroup>) -> GroupList {
    GroupList {
        kind: "APIGroupList",
        api_version: "v1",
        groups: groups.map(listed_group).collect(),
    }
}

fn listed_group(group: &dyn ApiGroup) -> Group {
    let name = group.name();
    let version = |version: &&'static str| GroupVersion {
        group_version: format!("{name}/{version}"),
        version,
    };
    let versions: Vec<GroupVersion> = group.versions().iter().map(version).collect();
    Group {
        kind: None,
        api_version: None,
        name,
        preferred_version: versions.first().cloned(),
        versions,
    }
}

/// `/apis/<group>/<version>`; of metrics of objects, a resource `<objects>/<metric>` for each.
pub(super) fn api_resource_list(group: &dyn ApiGroup, version: &str) -> ResourceList {
    let resource = |found: DiscoveredResource| ListedResource {
        name: match found.subresource {
            Some(subresource) => format!("{}/{subresource}", found.resource),
            None => found.resource,
        },
        singular_name: "",
        namespaced: found.namespaced,
        kind: found.kind,
        verbs: found.verbs,
    };
    let mut resources: Vec<_> = group.resources().into_iter().map(resource).collect();
    resources.sort_by(|left, right| left.name.cmp(&right.name));
    ResourceList {
        kind: "APIResourceList",
        api_version: "v1",
        group_version: format!("{}/{version}", group.name()),
        resources,
    }
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
    let mut by_resource: BTreeMap<String, Vec<DiscoveredResource>> = BTreeMap::new();
    for found in group.resources() {
        let of_resource = by_resource.entry(found.resource.clone()).or_default();
        of_resource.push(found);
    }
    for found in by_resource.values_mut() {
        found.sort();
    }
    let version = |version: &&str| {
        let resources: Vec<Value> = by_resource
            .iter()
            .map(|(resource, found)| aggregated_resource(group.name(), version, resource, found))
            .collect();
        json!({"version": version, "resources": resources, "freshness": "Current"})
    };
    let versions: Vec<Value> = group.versions().iter().map(version).collect();
    json!({
        "metadata": {"name": group.name(), "creationTimestamp": null},
        "versions": versions,
    })
}

/// A resource and its subresources. Objects of metrics aren't part of the group, so their resource is
/// written as `ConvertGroupVersionIntoToDiscovery` of apiserver writes such parents: with an empty
/// response kind, which clients drop.
fn aggregated_resource(
    group: &str,
    version: &str,
    resource: &str,
    found: &[DiscoveredResource],
) -> Value {
    let kind = |kind: &str| json!({"group": group, "version": version, "kind": kind});
    let subresource = |found: &DiscoveredResource| {
        let subresource = found.subresource.as_ref()?;
        Some(json!({
            "subresource": subresource,
            "responseKind": kind(found.kind),
            "verbs": found.verbs,
        }))
    };
    let itself = found.iter().find(|found| found.subresource.is_none());
    let namespaced = found.iter().any(|found| found.namespaced);
    let subresources: Vec<Value> = found.iter().filter_map(subresource).collect();
    let none = json!({"group": "", "version": "", "kind": ""});
    let mut document = json!({
        "resource": resource,
        "responseKind": itself.map_or(none, |itself| kind(itself.kind)),
        "scope": if namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": "",
        "verbs": itself.map_or(&[][..], |itself| itself.verbs),
    });
    if !subresources.is_empty() {
        document["subresources"] = json!(subresources);
    }
    document
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

//! Which resources the cluster has: what client-go's RESTMapper answers, as an immutable snapshot.

use kube::Client;
use serde::Deserialize;

use crate::provider::GroupResource;

/// One resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// The API group; empty for the core group.
    pub group: String,
    /// The group's preferred version that has it.
    pub version: String,
    /// The kind.
    pub kind: String,
    /// The plural.
    pub plural: String,
    /// The singular.
    pub singular: String,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
}

impl Resource {
    /// Group and plural.
    #[must_use]
    pub fn group_resource(&self) -> GroupResource {
        GroupResource {
            group: self.group.clone(),
            resource: self.plural.clone(),
        }
    }

    /// `apps/v1`; of the core group `/v1`, as the Go adapter writes it (`helpers.ReferenceFor`).
    #[must_use]
    pub fn api_version(&self) -> String {
        format!("{}/{}", self.group, self.version)
    }
}

/// All resources, those of the core group first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RestMapping {
    resources: Vec<Resource>,
}

impl RestMapping {
    /// A mapping with these resources, the preferred ones first.
    #[must_use]
    pub fn new(resources: Vec<Resource>) -> Self {
        Self { resources }
    }

    /// The resource by plural or singular. An empty group looks in all groups; otherwise the group itself
    /// counts before groups that begin with it (`DefaultRESTMapper.ResourcesFor`).
    #[must_use]
    pub fn resource(&self, asked: &GroupResource) -> Option<&Resource> {
        let name = asked.resource.to_ascii_lowercase();
        let named = || {
            self.resources
                .iter()
                .filter(|known| known.plural == name || known.singular == name)
        };
        if asked.group.is_empty() {
            return named().next();
        }
        named()
            .find(|known| known.group == asked.group)
            .or_else(|| named().find(|known| known.group.starts_with(&asked.group)))
    }

    /// Asks the API server, by aggregated discovery: two requests.
    ///
    /// # Errors
    /// When one of them fails.
    pub async fn discover(client: &Client) -> Result<Self, kube::Error> {
        let mut resources = Vec::new();
        for path in ["/api", "/apis"] {
            let request = http::Request::get(path)
                .header(
                    http::header::ACCEPT,
                    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json",
                )
                .body(Vec::new())
                .map_err(kube::Error::HttpError)?;
            let list: GroupDiscoveryList = client.request(request).await?;
            resources.extend(list.items.into_iter().flat_map(resources_of_group));
        }
        Ok(Self { resources })
    }
}

/// `apidiscovery.k8s.io/v2` `APIGroupDiscoveryList`, as far as it is read here.
#[derive(Deserialize)]
struct GroupDiscoveryList {
    #[serde(default)]
    items: Vec<GroupDiscovery>,
}

#[derive(Deserialize)]
struct GroupDiscovery {
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    versions: Vec<VersionDiscovery>,
}

#[derive(Default, Deserialize)]
struct Metadata {
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
struct VersionDiscovery {
    version: String,
    #[serde(default)]
    resources: Vec<ResourceDiscovery>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResourceDiscovery {
    resource: String,
    #[serde(default)]
    singular_resource: String,
    #[serde(default)]
    scope: String,
    response_kind: Option<ResponseKind>,
}

#[derive(Deserialize)]
struct ResponseKind {
    #[serde(default)]
    kind: String,
}

/// A group's resources, each in the first version that has it. Stubs without a kind, such as the parents of
/// metrics, are no resources.
fn resources_of_group(group: GroupDiscovery) -> Vec<Resource> {
    let mut resources: Vec<Resource> = Vec::new();
    for version in group.versions {
        for found in version.resources {
            let Some(kind) = found
                .response_kind
                .map(|kind| kind.kind)
                .filter(|kind| !kind.is_empty())
            else {
                continue;
            };
            if resources.iter().any(|known| known.plural == found.resource) {
                continue;
            }
            let singular = Some(found.singular_resource).filter(|name| !name.is_empty());
            resources.push(Resource {
                group: group.metadata.name.clone(),
                version: version.version.clone(),
                singular: singular.unwrap_or_else(|| kind.to_ascii_lowercase()),
                kind,
                plural: found.resource,
                namespaced: found.scope == "Namespaced",
            });
        }
    }
    resources
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A small cluster.
    pub(crate) fn cluster() -> RestMapping {
        let resource = |group: &str, kind: &str, plural: &str, namespaced: bool| Resource {
            group: group.to_owned(),
            version: "v1".to_owned(),
            kind: kind.to_owned(),
            plural: plural.to_owned(),
            singular: kind.to_ascii_lowercase(),
            namespaced,
        };
        RestMapping::new(vec![
            resource("", "Namespace", "namespaces", false),
            resource("", "Node", "nodes", false),
            resource("", "PersistentVolume", "persistentvolumes", false),
            resource("", "Pod", "pods", true),
            resource("", "Service", "services", true),
            resource("apps", "Deployment", "deployments", true),
            resource("batch", "Job", "jobs", true),
            resource("networking.k8s.io", "Ingress", "ingresses", true),
        ])
    }

    #[test]
    fn resources_are_found_by_plural_singular_and_part_of_the_group() {
        let mapping = cluster();
        for (group, name, found) in [
            ("", "pod", Some("pods")),
            ("", "Pods", Some("pods")),
            ("", "deployment", Some("deployments.apps")),
            ("networking", "ingress", Some("ingresses.networking.k8s.io")),
            ("apps", "pods", None),
            ("", "instance", None),
        ] {
            let asked = GroupResource {
                group: group.to_owned(),
                resource: name.to_owned(),
            };
            let resource = mapping
                .resource(&asked)
                .map(|known| known.group_resource().to_string());
            assert_eq!(resource.as_deref(), found, "{asked}");
        }
    }

    #[test]
    fn discovery_documents_become_resources() {
        let text = r#"{"items": [{"metadata": {"name": "apps"}, "versions": [
            {"version": "v1", "resources": [{"resource": "deployments", "singularResource": "deployment", "scope": "Namespaced",
              "responseKind": {"group": "apps", "version": "v1", "kind": "Deployment"}}]},
            {"version": "v1beta1", "resources": [{"resource": "deployments", "scope": "Namespaced", "responseKind": {"kind": "Old"}}]}]},
            {"metadata": {"name": "custom.metrics.k8s.io"}, "versions": [{"version": "v1beta1", "resources": [
            {"resource": "pods", "scope": "Namespaced", "responseKind": {"kind": ""}}]}]}]}"#;
        let list: GroupDiscoveryList = serde_json::from_str(text).unwrap();
        let resources: Vec<Resource> = list
            .items
            .into_iter()
            .flat_map(resources_of_group)
            .collect();
        assert_eq!(resources.len(), 1);
        assert_eq!(
            (
                resources[0].kind.as_str(),
                resources[0].api_version().as_str()
            ),
            ("Deployment", "apps/v1")
        );
    }
}

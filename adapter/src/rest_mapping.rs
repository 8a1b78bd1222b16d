//! Which resources the cluster has: what client-go's RESTMapper answers, as an immutable snapshot.

mod discovery;

use crate::provider::GroupResource;

pub use discovery::DiscoveryError;

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
}

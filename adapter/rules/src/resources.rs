//! Which resources a cluster has: what client-go's RESTMapper answers, as a table.

use std::fmt;

/// A resource's API group and name, such as `deployments.apps` or `pods`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupResource {
    /// The API group; empty for the core group.
    pub group: String,
    /// The plural, in lower case; in requests and rules the singular as well.
    pub resource: String,
}

impl GroupResource {
    /// A resource in an API group.
    #[must_use]
    pub fn new(group: &str, resource: &str) -> Self {
        Self {
            group: group.to_owned(),
            resource: resource.to_owned(),
        }
    }

    /// Parses `pods` or `deployments.apps` (`schema.ParseGroupResource`).
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let (resource, group) = text.split_once('.').unwrap_or((text, ""));
        Self::new(group, resource)
    }

    /// Whether prometheus-adapter takes the objects for root-scoped, whatever the cluster says
    /// (`pkg/naming/resource_converter.go`).
    pub(crate) fn is_root_scoped(&self) -> bool {
        self.group.is_empty()
            && matches!(
                self.resource.as_str(),
                "namespaces" | "nodes" | "persistentvolumes"
            )
    }
}

impl fmt::Display for GroupResource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.group.as_str() {
            "" => f.write_str(&self.resource),
            group => write!(f, "{}.{group}", self.resource),
        }
    }
}

/// A resource that a cluster serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// The API group; empty for the core group.
    pub group: String,
    /// The first version of the group that has the resource; groups list the preferred one first.
    pub version: String,
    /// The kind, such as `Deployment`.
    pub kind: String,
    /// The plural, such as `deployments`.
    pub plural: String,
    /// The singular, such as `deployment`.
    pub singular: String,
    /// Whether the objects live in namespaces.
    pub namespaced: bool,
}

impl Resource {
    /// A namespaced resource whose singular is its kind in lower case.
    #[must_use]
    pub fn new(group: &str, version: &str, kind: &str, plural: &str) -> Self {
        Self {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: kind.to_owned(),
            plural: plural.to_owned(),
            singular: kind.to_ascii_lowercase(),
            namespaced: true,
        }
    }

    /// The same resource outside of namespaces.
    #[must_use]
    pub fn cluster_scoped(self) -> Self {
        Self {
            namespaced: false,
            ..self
        }
    }

    /// The API group and the plural.
    #[must_use]
    pub fn group_resource(&self) -> GroupResource {
        GroupResource::new(&self.group, &self.plural)
    }

    /// `apps/v1`; `/v1` for the core group, as prometheus-adapter writes it
    /// (`helpers.ReferenceFor`).
    #[must_use]
    pub fn api_version(&self) -> String {
        format!("{}/{}", self.group, self.version)
    }
}

/// Group, version, kind, plural, and whether the objects live in namespaces.
type BuiltIn = (&'static str, &'static str, &'static str, &'static str, bool);

/// In the order of kube-apiserver's groups.
const BUILT_IN: &[BuiltIn] = &[
    ("", "v1", "Node", "nodes", false),
    (
        "",
        "v1",
        "PersistentVolumeClaim",
        "persistentvolumeclaims",
        true,
    ),
    ("", "v1", "PersistentVolume", "persistentvolumes", false),
    ("", "v1", "Pod", "pods", true),
    ("", "v1", "PodTemplate", "podtemplates", true),
    (
        "",
        "v1",
        "ReplicationController",
        "replicationcontrollers",
        true,
    ),
    ("", "v1", "ResourceQuota", "resourcequotas", true),
    ("", "v1", "Secret", "secrets", true),
    ("", "v1", "Service", "services", true),
    ("", "v1", "ServiceAccount", "serviceaccounts", true),
    ("", "v1", "ConfigMap", "configmaps", true),
    ("", "v1", "Endpoints", "endpoints", true),
    ("", "v1", "Event", "events", true),
    ("", "v1", "LimitRange", "limitranges", true),
    ("", "v1", "Namespace", "namespaces", false),
    (
        "apiregistration.k8s.io",
        "v1",
        "APIService",
        "apiservices",
        false,
    ),
    (
        "apps",
        "v1",
        "ControllerRevision",
        "controllerrevisions",
        true,
    ),
    ("apps", "v1", "DaemonSet", "daemonsets", true),
    ("apps", "v1", "Deployment", "deployments", true),
    ("apps", "v1", "ReplicaSet", "replicasets", true),
    ("apps", "v1", "StatefulSet", "statefulsets", true),
    (
        "autoscaling",
        "v2",
        "HorizontalPodAutoscaler",
        "horizontalpodautoscalers",
        true,
    ),
    ("batch", "v1", "CronJob", "cronjobs", true),
    ("batch", "v1", "Job", "jobs", true),
    ("networking.k8s.io", "v1", "Ingress", "ingresses", true),
    (
        "networking.k8s.io",
        "v1",
        "IngressClass",
        "ingressclasses",
        false,
    ),
    (
        "networking.k8s.io",
        "v1",
        "NetworkPolicy",
        "networkpolicies",
        true,
    ),
    (
        "policy",
        "v1",
        "PodDisruptionBudget",
        "poddisruptionbudgets",
        true,
    ),
    (
        "rbac.authorization.k8s.io",
        "v1",
        "ClusterRole",
        "clusterroles",
        false,
    ),
    (
        "rbac.authorization.k8s.io",
        "v1",
        "ClusterRoleBinding",
        "clusterrolebindings",
        false,
    ),
    ("rbac.authorization.k8s.io", "v1", "Role", "roles", true),
    (
        "rbac.authorization.k8s.io",
        "v1",
        "RoleBinding",
        "rolebindings",
        true,
    ),
    ("storage.k8s.io", "v1", "CSIDriver", "csidrivers", false),
    ("storage.k8s.io", "v1", "CSINode", "csinodes", false),
    (
        "storage.k8s.io",
        "v1",
        "StorageClass",
        "storageclasses",
        false,
    ),
    (
        "storage.k8s.io",
        "v1",
        "VolumeAttachment",
        "volumeattachments",
        false,
    ),
    (
        "apiextensions.k8s.io",
        "v1",
        "CustomResourceDefinition",
        "customresourcedefinitions",
        false,
    ),
    (
        "scheduling.k8s.io",
        "v1",
        "PriorityClass",
        "priorityclasses",
        false,
    ),
    ("coordination.k8s.io", "v1", "Lease", "leases", true),
    (
        "discovery.k8s.io",
        "v1",
        "EndpointSlice",
        "endpointslices",
        true,
    ),
];

/// The resources of a cluster. Rules name resources by singular or plural and with part of the
/// group or none; this table says which resource is meant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RestMapper {
    resources: Vec<Resource>,
}

impl RestMapper {
    /// A table of these resources. The earlier of two that fit a name is taken, so the core group
    /// stands first.
    #[must_use]
    pub fn new(resources: Vec<Resource>) -> Self {
        Self { resources }
    }

    /// The resources that kube-apiserver serves by itself and that objects of users are of, the core group first.
    #[must_use]
    pub fn built_in() -> Self {
        let resource = |&(group, version, kind, plural, namespaced): &BuiltIn| Resource {
            namespaced,
            ..Resource::new(group, version, kind, plural)
        };
        Self::new(BUILT_IN.iter().map(resource).collect())
    }

    /// All of them, in their order.
    #[must_use]
    pub fn resources(&self) -> &[Resource] {
        &self.resources
    }

    /// The resource with this plural or singular. An empty group looks in all groups; otherwise the
    /// group itself comes before groups that begin with it (`DefaultRESTMapper.ResourcesFor`).
    #[must_use]
    pub fn resource(&self, name: &GroupResource) -> Option<&Resource> {
        let lower_case = name.resource.to_ascii_lowercase();
        let named = || {
            self.resources
                .iter()
                .filter(|known| known.plural == lower_case || known.singular == lower_case)
        };
        if name.group.is_empty() {
            return named().next();
        }
        named()
            .find(|known| known.group == name.group)
            .or_else(|| named().find(|known| known.group.starts_with(&name.group)))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A small cluster.
    pub(crate) fn cluster() -> RestMapper {
        RestMapper::new(vec![
            Resource::new("", "v1", "Namespace", "namespaces").cluster_scoped(),
            Resource::new("", "v1", "Node", "nodes").cluster_scoped(),
            Resource::new("", "v1", "PersistentVolume", "persistentvolumes").cluster_scoped(),
            Resource::new("", "v1", "Pod", "pods"),
            Resource::new("", "v1", "Service", "services"),
            Resource::new("apps", "v1", "Deployment", "deployments"),
            Resource::new("batch", "v1", "Job", "jobs"),
            Resource::new("networking.k8s.io", "v1", "Ingress", "ingresses"),
        ])
    }

    #[test]
    fn objects_are_in_namespaces_or_not_as_their_resource_says() {
        let gadgets = || Resource::new("example.com", "v1", "Gadget", "gadgets");
        assert!(gadgets().namespaced);
        assert!(!gadgets().cluster_scoped().namespaced);
        let built_in = RestMapper::built_in();
        for (name, namespaced) in [("pods", true), ("nodes", false), ("namespaces", false)] {
            let resource = built_in.resource(&GroupResource::new("", name)).unwrap();
            assert_eq!(resource.namespaced, namespaced, "{name}");
        }
    }

    #[test]
    fn resources_are_found_by_plural_singular_and_part_of_the_group() {
        let mapper = cluster();
        for (group, name, found) in [
            ("", "pod", Some("pods")),
            ("", "Pods", Some("pods")),
            ("", "deployment", Some("deployments.apps")),
            ("networking", "ingress", Some("ingresses.networking.k8s.io")),
            ("apps", "pods", None),
            ("", "instance", None),
        ] {
            let asked = GroupResource::new(group, name);
            let resource = mapper
                .resource(&asked)
                .map(|known| known.group_resource().to_string());
            assert_eq!(resource.as_deref(), found, "{asked}");
        }
    }

    #[test]
    fn versions_are_as_prometheus_adapter_writes_them() {
        let of = |group, name| {
            let resource = cluster()
                .resource(&GroupResource::new(group, name))
                .cloned();
            resource.unwrap().api_version()
        };
        assert_eq!(of("", "pods"), "/v1");
        assert_eq!(of("apps", "deployments"), "apps/v1");
    }
}

//! The resources of a cluster that nothing was added to.

use setpoint_rules::{Resource, RestMapper};

/// The resources that kube-apiserver serves and that objects of users are of, the core group first, the others in its
/// order of groups.
pub(super) fn built_in() -> Vec<Resource> {
    RestMapper::built_in().resources().to_vec()
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::{
        apps::v1 as apps, autoscaling::v2 as autoscaling, batch::v1 as batch,
        coordination::v1 as coordination, core::v1 as core, discovery::v1 as discovery,
        networking::v1 as networking, policy::v1 as policy, rbac::v1 as rbac,
        scheduling::v1 as scheduling, storage::v1 as storage,
    };
    use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1 as apiextensions;
    use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1 as apiregistration;
    use k8s_openapi::{ClusterResourceScope, NamespaceResourceScope, ResourceScope};

    use super::*;

    /// Whether objects of a scope live in namespaces.
    trait Scope: ResourceScope {
        const NAMESPACED: bool;
    }

    impl Scope for NamespaceResourceScope {
        const NAMESPACED: bool = true;
    }

    impl Scope for ClusterResourceScope {
        const NAMESPACED: bool = false;
    }

    fn resource<T: k8s_openapi::Resource>() -> Resource
    where
        T::Scope: Scope,
    {
        Resource {
            namespaced: T::Scope::NAMESPACED,
            ..Resource::new(T::GROUP, T::VERSION, T::KIND, T::URL_PATH_SEGMENT)
        }
    }

    macro_rules! resources {
        ($($kind:ty),* $(,)?) => {
            vec![$(resource::<$kind>()),*]
        };
    }

    fn of_types() -> Vec<Resource> {
        resources![
            core::Node,
            core::PersistentVolumeClaim,
            core::PersistentVolume,
            core::Pod,
            core::PodTemplate,
            core::ReplicationController,
            core::ResourceQuota,
            core::Secret,
            core::Service,
            core::ServiceAccount,
            core::ConfigMap,
            core::Endpoints,
            core::Event,
            core::LimitRange,
            core::Namespace,
            apiregistration::APIService,
            apps::ControllerRevision,
            apps::DaemonSet,
            apps::Deployment,
            apps::ReplicaSet,
            apps::StatefulSet,
            autoscaling::HorizontalPodAutoscaler,
            batch::CronJob,
            batch::Job,
            networking::Ingress,
            networking::IngressClass,
            networking::NetworkPolicy,
            policy::PodDisruptionBudget,
            rbac::ClusterRole,
            rbac::ClusterRoleBinding,
            rbac::Role,
            rbac::RoleBinding,
            storage::CSIDriver,
            storage::CSINode,
            storage::StorageClass,
            storage::VolumeAttachment,
            apiextensions::CustomResourceDefinition,
            scheduling::PriorityClass,
            coordination::Lease,
            discovery::EndpointSlice,
        ]
    }

    #[test]
    fn resources_are_those_of_the_types_of_kubernetes() {
        assert_eq!(built_in(), of_types());
    }

    #[test]
    fn resources_have_the_names_of_kubernetes() {
        let shown: Vec<String> = built_in()
            .into_iter()
            .filter(|resource| ["Endpoints", "Ingress", "Node"].contains(&resource.kind.as_str()))
            .map(|found| {
                let scope = if found.namespaced {
                    "Namespaced"
                } else {
                    "Cluster"
                };
                let (version, plural) = (found.api_version(), &found.plural);
                format!("{version} {plural} {} {scope}", found.singular)
            })
            .collect();
        assert_eq!(
            shown,
            [
                "/v1 nodes node Cluster",
                "/v1 endpoints endpoints Namespaced",
                "networking.k8s.io/v1 ingresses ingress Namespaced"
            ]
        );
    }
}

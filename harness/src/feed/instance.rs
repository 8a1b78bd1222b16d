//! Which pod is the fake Prometheus: the Service's requests go to whichever is ready, and a scenario may replace it.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt as _;

use super::{CONTAINER, PodKey, key_of};
use crate::wait::has_ready_container;

/// A pod of the fake Prometheus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Instance {
    pub(super) namespace: String,
    pub(super) pod: String,
    /// The ID of its container: one that was restarted knows nothing either.
    container: Option<String>,
}

impl Instance {
    pub(super) fn of(pod: &Pod) -> Self {
        let (namespace, name) = key_of(pod);
        let status = pod.status.as_ref();
        let statuses = status.and_then(|status| status.container_statuses.as_deref());
        let mut statuses = statuses.unwrap_or_default().iter();
        let ours = statuses.find(|status| status.name == CONTAINER);
        Self {
            namespace,
            pod: name,
            container: ours.and_then(|status| status.container_id.clone()),
        }
    }
}

/// The pods that the fake Prometheus is ready in.
#[derive(Default)]
pub(super) struct Instances {
    ready: BTreeMap<PodKey, (Option<Time>, Instance)>,
}

impl Instances {
    /// Applies what has changed of a pod.
    pub(super) fn apply(&mut self, pod: &Pod) {
        if has_ready_container(pod, CONTAINER) {
            let made = pod.creation_timestamp();
            self.ready.insert(key_of(pod), (made, Instance::of(pod)));
        } else {
            self.ready.remove(&key_of(pod));
        }
    }

    /// Removes a pod that is gone.
    pub(super) fn remove(&mut self, key: &PodKey) {
        self.ready.remove(key);
    }

    /// The instance in the same namespace to move to from `now`: the pod that was made last, for the others make way for it.
    /// None when that is where the fake Prometheus is already, or it is nowhere.
    pub(super) fn replacement_of(&self, now: &Instance) -> Option<Instance> {
        let here = || {
            let all = self.ready.values();
            all.filter(|(_, instance)| instance.namespace == now.namespace)
        };
        let (made, newest) = here().max_by_key(|(made, _)| made)?;
        let is_as_new = here().any(|(other, instance)| other == made && instance == now);
        (!is_as_new).then(|| newest.clone())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(name: &str, second: u8, container: Option<&str>) -> Pod {
        serde_json::from_value(json!({
            "metadata": {"name": name, "namespace": "prom", "creationTimestamp": format!("2026-01-01T00:00:{second:02}Z")},
            "status": {"containerStatuses": [{
                "name": CONTAINER, "containerID": container, "ready": container.is_some(), "restartCount": 0, "image": "a", "imageID": "a",
            }]},
        }))
        .unwrap()
    }

    #[test]
    fn the_fake_prometheus_is_the_ready_pod_that_was_made_last() {
        let mut instances = Instances::default();
        let [one, older, two] =
            [("one", 5), ("older", 3), ("two", 9)].map(|(name, at)| pod(name, at, Some(name)));
        let instance = Instance::of;
        instances.apply(&one);
        assert_eq!(instances.replacement_of(&instance(&one)), None);
        instances.apply(&older);
        assert_eq!(
            instances.replacement_of(&instance(&one)),
            None,
            "an older one makes way"
        );
        assert_eq!(
            instances.replacement_of(&instance(&older)),
            Some(instance(&one))
        );
        instances.apply(&pod("two", 9, None));
        assert_eq!(
            instances.replacement_of(&instance(&one)),
            None,
            "it can't answer yet"
        );
        instances.apply(&two);
        assert_eq!(
            instances.replacement_of(&instance(&one)),
            Some(instance(&two))
        );
        let elsewhere = Instance {
            namespace: "default".to_owned(),
            ..instance(&one)
        };
        assert_eq!(instances.replacement_of(&elsewhere), None);
        instances.remove(&key_of(&two));
        assert_eq!(
            instances.replacement_of(&instance(&two)),
            Some(instance(&one))
        );
    }

    #[test]
    fn a_container_that_was_restarted_is_another_instance() {
        let mut instances = Instances::default();
        let before = Instance::of(&pod("one", 5, Some("first")));
        let again = pod("one", 5, Some("second"));
        instances.apply(&again);
        assert_eq!(
            instances.replacement_of(&before),
            Some(Instance::of(&again))
        );
    }
}

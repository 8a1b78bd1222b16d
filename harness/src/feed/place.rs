//! Which pod is the fake Prometheus: the Service's requests go to whichever is ready, and a scenario may replace it.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt as _;

use super::{CONTAINER, PodKey, key_of};
use crate::wait::has_ready_container;

/// A pod of the fake Prometheus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) namespace: String,
    pub(super) pod: String,
    /// The ID of its container: one that was restarted knows nothing either.
    container: Option<String>,
}

impl Place {
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
pub(super) struct Places {
    ready: BTreeMap<PodKey, (Option<Time>, Place)>,
}

impl Places {
    /// Takes note of a pod.
    pub(super) fn see(&mut self, pod: &Pod) {
        if has_ready_container(pod, CONTAINER) {
            let made = pod.creation_timestamp();
            self.ready.insert(key_of(pod), (made, Place::of(pod)));
        } else {
            self.ready.remove(&key_of(pod));
        }
    }

    /// A pod is gone.
    pub(super) fn forget(&mut self, key: &PodKey) {
        self.ready.remove(key);
    }

    /// The place in the same namespace to move to from `now`: the pod that was made last, for the others make way for it.
    /// None when that is where the fake Prometheus is already, or it is nowhere.
    pub(super) fn better_than(&self, now: &Place) -> Option<Place> {
        let here = || {
            let all = self.ready.values();
            all.filter(|(_, place)| place.namespace == now.namespace)
        };
        let (made, newest) = here().max_by_key(|(made, _)| made)?;
        let is_as_new = here().any(|(other, place)| other == made && place == now);
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
        let mut places = Places::default();
        let [one, older, two] =
            [("one", 5), ("older", 3), ("two", 9)].map(|(name, at)| pod(name, at, Some(name)));
        let place = Place::of;
        places.see(&one);
        assert_eq!(places.better_than(&place(&one)), None);
        places.see(&older);
        assert_eq!(
            places.better_than(&place(&one)),
            None,
            "an older one makes way"
        );
        assert_eq!(places.better_than(&place(&older)), Some(place(&one)));
        places.see(&pod("two", 9, None));
        assert_eq!(
            places.better_than(&place(&one)),
            None,
            "it can't answer yet"
        );
        places.see(&two);
        assert_eq!(places.better_than(&place(&one)), Some(place(&two)));
        let elsewhere = Place {
            namespace: "default".to_owned(),
            ..place(&one)
        };
        assert_eq!(places.better_than(&elsewhere), None);
        places.forget(&key_of(&two));
        assert_eq!(places.better_than(&place(&two)), Some(place(&one)));
    }

    #[test]
    fn a_container_that_was_restarted_is_another_place() {
        let mut places = Places::default();
        let before = Place::of(&pod("one", 5, Some("first")));
        let again = pod("one", 5, Some("second"));
        places.see(&again);
        assert_eq!(places.better_than(&before), Some(Place::of(&again)));
    }
}

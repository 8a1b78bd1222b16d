//! Who gets how much of a load. Pure.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;

/// Pods that have a load: their namespace, and the Deployment or the labels that they have.
pub(super) type Pods = (String, String);

/// A pod as long as its containers live: who starts anew knows nothing of a load.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Incarnation {
    pub(super) namespace: String,
    pub(super) name: String,
    uid: String,
    restarts: i32,
}

/// A load that is wanted.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Wanted {
    /// The labels of the pods.
    pub(super) selector: BTreeMap<String, String>,
    pub(super) port: u16,
    pub(super) load: Load,
}

/// How much it is, in requests a second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Load {
    /// Of all ready pods together.
    Total(f64),
    /// Of each pod, however many there are.
    Each(f64),
}

/// What a pod is to count.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Share {
    pub(super) port: u16,
    pub(super) requests_per_second: f64,
    /// Whether it is one of those that share the load.
    pub(super) ready: bool,
}

/// The shares of pods. Of a total it is that by the number of the ready ones, and nothing for others.
pub(super) fn shares<'a>(
    wanted: &Wanted,
    namespace: &str,
    pods: impl Iterator<Item = &'a Pod>,
) -> BTreeMap<Incarnation, Share> {
    let selected = |pod: &&Pod| {
        let labels = pod.labels();
        pod.namespace().as_deref() == Some(namespace)
            && wanted
                .selector
                .iter()
                .all(|(key, value)| labels.get(key) == Some(value))
    };
    let pods: Vec<(Incarnation, bool)> = pods
        .filter(selected)
        .map(|pod| (incarnation(pod), is_ready(pod)))
        .collect();
    let ready = u32::try_from(pods.iter().filter(|(_, ready)| *ready).count()).unwrap_or(u32::MAX);
    let share = |ready_one: bool| Share {
        port: wanted.port,
        requests_per_second: match wanted.load {
            Load::Total(total) if ready_one => total / f64::from(ready),
            Load::Total(_) => 0.0,
            Load::Each(each) => each,
        },
        ready: ready_one,
    };
    pods.into_iter()
        .map(|(pod, ready)| (pod, share(ready)))
        .collect()
}

fn incarnation(pod: &Pod) -> Incarnation {
    let statuses = pod
        .status
        .as_ref()
        .and_then(|status| status.container_statuses.as_ref());
    Incarnation {
        namespace: pod.namespace().unwrap_or_default(),
        name: pod.name_any(),
        uid: pod.uid().unwrap_or_default(),
        restarts: statuses
            .into_iter()
            .flatten()
            .map(|status| status.restart_count)
            .sum(),
    }
}

/// Whether a Service would send it requests.
pub(crate) fn is_ready(pod: &Pod) -> bool {
    let conditions = pod
        .status
        .as_ref()
        .and_then(|status| status.conditions.as_ref());
    let ready = |found: &k8s_openapi::api::core::v1::PodCondition| {
        found.type_ == "Ready" && found.status == "True"
    };
    pod.metadata.deletion_timestamp.is_none() && conditions.into_iter().flatten().any(ready)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(name: &str, app: &str, ready: &str) -> Pod {
        let pod = json!({
            "metadata": {"namespace": "default", "name": name, "uid": name, "labels": {"app": app}},
            "status": {"conditions": [{"type": "Ready", "status": ready}]},
        });
        serde_json::from_value(pod).unwrap()
    }

    fn shown(pods: &[Pod]) -> Vec<(String, f64)> {
        shown_of(Load::Total(6.0), pods)
    }

    fn shown_of(load: Load, pods: &[Pod]) -> Vec<(String, f64)> {
        let wanted = Wanted {
            selector: BTreeMap::from([("app".to_owned(), "web".to_owned())]),
            port: 8080,
            load,
        };
        let shares = shares(&wanted, "default", pods.iter());
        let shown = |(pod, share): (Incarnation, Share)| (pod.name, share.requests_per_second);
        shares.into_iter().map(shown).collect()
    }

    #[test]
    fn a_load_is_shared_by_the_pods_that_are_ready() {
        let mut pods = vec![
            pod("a", "web", "True"),
            pod("b", "web", "True"),
            pod("c", "web", "False"),
            pod("d", "other", "True"),
        ];
        let named = |name: &str, value| (name.to_owned(), value);
        let expected = [named("a", 3.0), named("b", 3.0), named("c", 0.0)];
        assert_eq!(shown(&pods), expected);
        // One that is going gets nothing, however ready it is.
        let now = k8s_openapi::jiff::Timestamp::now();
        pods[0].metadata.deletion_timestamp =
            Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(now));
        let expected = [named("a", 0.0), named("b", 6.0), named("c", 0.0)];
        assert_eq!(shown(&pods), expected);
        assert_eq!(shown(&[]), []);
    }

    #[test]
    fn a_load_of_each_pod_is_the_same_however_many_there_are() {
        let pods = [
            pod("a", "web", "True"),
            pod("b", "web", "False"),
            pod("c", "other", "True"),
        ];
        let named = |name: &str, value| (name.to_owned(), value);
        let expected = [named("a", 6.0), named("b", 6.0)];
        assert_eq!(shown_of(Load::Each(6.0), &pods), expected);
    }

    #[test]
    fn a_container_that_was_started_anew_is_another() {
        let before = pod("a", "web", "True");
        let mut after = before.clone();
        let statuses =
            json!([{"name": "web", "restartCount": 1, "image": "", "imageID": "", "ready": true}]);
        after.status.as_mut().unwrap().container_statuses =
            Some(serde_json::from_value(statuses).unwrap());
        assert_ne!(incarnation(&before), incarnation(&after));
    }
}

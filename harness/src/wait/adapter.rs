//! Waiting for the adapter's pod.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::core::v1::{ContainerState, ContainerStateTerminated, ContainerStatus, Pod};
use kube::{Client, ResourceExt as _};

use super::{container_status, pods_in, ready_pod};
use crate::outcome::{ClusterProblem, Finding, Kind, Unmet};
use crate::timeouts::Timeouts;

/// The adapter's container.
pub(crate) const ADAPTER: &str = "adapter";
/// Why a container ended that never ran: its program could not be started.
const NOT_STARTED: [&str; 2] = ["StartError", "ContainerCannotRun"];

/// The adapter ran, and did not become ready.
#[derive(Debug, thiserror::Error)]
#[error("wait for the adapter: {0}")]
struct AdapterNotReady(ClusterProblem);

impl Finding for AdapterNotReady {
    fn kind(&self) -> Kind {
        Kind::AdapterNotReady
    }
}

/// As [`ready_pod`], for a pod of the adapter. That it isn't ready is its own problem only if it ran.
///
/// # Errors
/// When there is none in time, or it can't be seen.
pub(crate) async fn ready_adapter(
    client: &Client,
    namespace: &str,
    within: Duration,
    timeouts: &Timeouts,
) -> Result<Pod, Unmet> {
    let problem = match ready_pod(client, namespace, ADAPTER, within).await {
        Err(problem @ ClusterProblem::PodNotReady { .. }) => problem,
        pod => return Ok(pod?),
    };
    match pods_in(client, namespace, timeouts).await {
        Ok(pods) if pods.iter().any(has_run) => Err(AdapterNotReady(problem).into()),
        _ => Err(problem.into()),
    }
}

/// Whether the adapter's container runs in a pod, or did.
fn has_run(pod: &Pod) -> bool {
    let adapter = container_status(pod, ADAPTER).into_iter();
    let mut states = adapter.flat_map(|status| [&status.state, &status.last_state]);
    states.any(|state| state.as_ref().is_some_and(is_of_a_run))
}

fn is_of_a_run(state: &ContainerState) -> bool {
    let reason = |reason: &Option<String>| reason.as_deref().unwrap_or_default().to_owned();
    let ended = state.terminated.as_ref().map(|ended| reason(&ended.reason));
    state.running.is_some() || ended.is_some_and(|reason| !NOT_STARTED.contains(&reason.as_str()))
}

/// How often the adapter has ended in each of its pods.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct AdapterEnds(BTreeMap<String, i32>);

/// The adapter ended while nothing was done to it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the adapter ended{how} while nothing was done to it (pod {pod}; ends since the first step: {times})"
)]
struct AdapterEnded {
    pod: String,
    how: String,
    times: i32,
}

impl Finding for AdapterEnded {
    fn kind(&self) -> Kind {
        Kind::AdapterEnded
    }
}

impl AdapterEnds {
    /// Those in these pods.
    pub(crate) fn of(pods: &[Pod]) -> Self {
        let ends = pods.iter().filter_map(|pod| {
            let status = container_status(pod, ADAPTER)?;
            Some((pod.name_any(), ends(status)))
        });
        Self(ends.collect())
    }

    /// Whether the adapter hasn't ended since, in any of the pods that there were.
    ///
    /// # Errors
    /// When it has.
    pub(crate) fn none_since(&self, pods: &[Pod]) -> Result<(), Unmet> {
        match pods.iter().find_map(|pod| self.ended_since(pod)) {
            Some(ended) => Err(ended.into()),
            None => Ok(()),
        }
    }

    fn ended_since(&self, pod: &Pod) -> Option<AdapterEnded> {
        if is_leaving(pod) {
            return None;
        }
        let status = container_status(pod, ADAPTER)?;
        let before = self.0.get(&pod.name_any())?;
        let states = [&status.state, &status.last_state];
        let last = states.iter().find_map(|state| {
            let ended = state.as_ref()?.terminated.as_ref()?;
            Some(how(ended))
        });
        (ends(status) > *before).then(|| AdapterEnded {
            pod: pod.name_any(),
            how: last.unwrap_or_default(),
            times: ends(status) - before,
        })
    }
}

/// Whether others have ended it: it is being deleted, or was evicted.
fn is_leaving(pod: &Pod) -> bool {
    let phase = pod
        .status
        .as_ref()
        .and_then(|status| status.phase.as_deref());
    pod.metadata.deletion_timestamp.is_some() || phase == Some("Failed")
}

/// How often a container has ended. One that waits to be started again is counted by Kubernetes once it has been.
fn ends(status: &ContainerStatus) -> i32 {
    let state = status.state.as_ref();
    let is_over = state.is_some_and(|state| state.terminated.is_some());
    let waiting = state.and_then(|state| state.waiting.as_ref()?.reason.as_deref());
    status.restart_count + i32::from(is_over || waiting == Some("CrashLoopBackOff"))
}

fn how(ended: &ContainerStateTerminated) -> String {
    match (ended.reason.as_deref(), ended.exit_code) {
        (Some("OOMKilled"), _) => {
            " because it took more memory than its container may have".to_owned()
        }
        // As container runtimes have it. Go's klog ends by 255.
        (_, code @ 129..=192) => format!(" by signal {}", code - 128),
        (_, code) => format!(" with exit code {code}"),
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
    use serde_json::{Value, json};

    use super::*;

    fn pod(name: &str, state: Value, last_state: Value) -> Pod {
        serde_json::from_value(json!({"status": {"containerStatuses": [{
            "name": name, "state": state, "lastState": last_state,
            "ready": false, "restartCount": 0, "image": "a", "imageID": "a",
        }]}}))
        .unwrap()
    }

    #[test]
    fn an_adapter_that_is_not_ready_is_at_fault_only_when_it_ran() {
        let running = json!({"running": {}});
        let waiting = |reason| json!({"waiting": {"reason": reason}});
        let ended = |reason| json!({"terminated": {"exitCode": 1, "reason": reason}});
        let has_run = |state, last| has_run(&pod(ADAPTER, state, last));
        assert!(has_run(running.clone(), json!({})));
        assert!(has_run(ended("Error"), json!({})));
        assert!(has_run(waiting("CrashLoopBackOff"), ended("Error")));
        assert!(!has_run(waiting("ErrImagePull"), json!({})));
        assert!(!has_run(waiting("CrashLoopBackOff"), ended("StartError")));
        assert!(!super::has_run(&pod("prometheus", running, json!({}))));
        assert!(!super::has_run(&Pod::default()));
    }

    #[test]
    fn an_adapter_that_was_started_again_has_ended_and_it_is_told_how() {
        let ended = |count: i32, last: Value| {
            let mut pod = pod(ADAPTER, json!({"running": {}}), last);
            pod.metadata.name = Some("adapter-x".to_owned());
            let statuses = pod.status.as_mut().unwrap();
            statuses.container_statuses.as_mut().unwrap()[0].restart_count = count;
            let before = AdapterEnds(BTreeMap::from([("adapter-x".to_owned(), 1)]));
            before.ended_since(&pod).map(|ended| ended.to_string())
        };
        let last = |exit: i32, more: &str| {
            let more: Value = serde_json::from_str(more).unwrap();
            let mut last = json!({"terminated": {"exitCode": exit}});
            json_patch::merge(&mut last["terminated"], &more);
            last
        };
        assert_eq!(ended(1, last(1, "{}")), None);
        let told = [
            ended(3, last(101, "{}")).unwrap(),
            ended(2, last(134, "{}")).unwrap(),
            ended(2, last(255, "{}")).unwrap(),
            ended(2, last(137, r#"{"reason": "OOMKilled"}"#)).unwrap(),
        ];
        insta::assert_snapshot!(told.join("\n"), @r"
        the adapter ended with exit code 101 while nothing was done to it (pod adapter-x; ends since the first step: 2)
        the adapter ended by signal 6 while nothing was done to it (pod adapter-x; ends since the first step: 1)
        the adapter ended with exit code 255 while nothing was done to it (pod adapter-x; ends since the first step: 1)
        the adapter ended because it took more memory than its container may have while nothing was done to it (pod adapter-x; ends since the first step: 1)
        ");
        let mut leaving = pod(ADAPTER, json!({"terminated": {"exitCode": 0}}), json!({}));
        leaving.metadata.name = Some("adapter-x".to_owned());
        let before = AdapterEnds(BTreeMap::from([("adapter-x".to_owned(), 0)]));
        assert!(before.ended_since(&leaving).is_some());
        leaving.metadata.deletion_timestamp = Some(Time(jiff::Timestamp::UNIX_EPOCH));
        assert_eq!(before.ended_since(&leaving), None);
        let waiting = json!({"waiting": {"reason": "CrashLoopBackOff"}});
        let mut pod = pod(ADAPTER, waiting, last(1, "{}"));
        assert_eq!(container_status(&pod, ADAPTER).map(ends), Some(1));
        pod.status = None;
        assert_eq!(AdapterEnds::default().ended_since(&pod), None);
    }
}

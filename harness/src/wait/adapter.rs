//! Waiting for the adapter's pod.

use std::time::Duration;

use k8s_openapi::api::core::v1::{ContainerState, Pod};
use kube::api::ListParams;
use kube::{Api, Client};
use tokio::time::timeout;

use super::ready_pod;
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
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let all = ListParams::default();
    match timeout(timeouts.api_server, pods.list(&all)).await {
        Ok(Ok(pods)) if pods.iter().any(has_run) => Err(AdapterNotReady(problem).into()),
        _ => Err(problem.into()),
    }
}

/// Whether the adapter's container runs in a pod, or did.
fn has_run(pod: &Pod) -> bool {
    let statuses = pod
        .status
        .as_ref()
        .and_then(|status| status.container_statuses.as_ref());
    let adapters = statuses
        .into_iter()
        .flatten()
        .filter(|status| status.name == ADAPTER);
    let mut states = adapters.flat_map(|status| [&status.state, &status.last_state]);
    states.any(|state| state.as_ref().is_some_and(is_of_a_run))
}

fn is_of_a_run(state: &ContainerState) -> bool {
    let reason = |reason: &Option<String>| reason.as_deref().unwrap_or_default().to_owned();
    let ended = state.terminated.as_ref().map(|ended| reason(&ended.reason));
    state.running.is_some() || ended.is_some_and(|reason| !NOT_STARTED.contains(&reason.as_str()))
}

#[cfg(test)]
mod tests {
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
}

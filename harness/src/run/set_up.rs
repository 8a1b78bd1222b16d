//! Brings a scenario to its first step.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{ContainerState, Pod};
use kube::api::ListParams;
use kube::{Api, Client};
use serde_json::Value;
use setpoint_cluster::Cluster;
use tokio::time::timeout;

use super::RunOptions;
use crate::expect::{Missed, ready_pod};
use crate::feed::{self, Feed};
use crate::install::{InstallError, apply, install};
use crate::outcome::{ClusterProblem, Finding, HarnessProblem, Kind, Unmet};
use crate::scenario::Scenario;

/// How long the installed pods may take to be ready.
const PODS_READY: Duration = Duration::from_secs(30);
/// How long the API server may take to accept all objects of an installation; it takes a second.
const APPLIED: Duration = Duration::from_secs(60);
/// How long the API server may take to list pods.
const LISTED: Duration = Duration::from_secs(5);
/// The adapter's container.
const ADAPTER: &str = "adapter";
/// Why a container ended that never ran: its program could not be started.
const NOT_STARTED: [&str; 2] = ["StartError", "ContainerCannotRun"];

/// What was installed.
pub(super) struct Installation {
    /// The fake Prometheus, where there is one.
    pub(super) feed: Option<Arc<Feed>>,
    /// All objects, as they were.
    pub(super) installed: Vec<Value>,
}

/// The adapter ran, and did not become ready.
#[derive(Debug, thiserror::Error)]
#[error("wait for the adapter: {0}")]
struct AdapterNotReady(Missed);

impl Finding for AdapterNotReady {
    fn kind(&self) -> Kind {
        Kind::AdapterNotReady
    }
}

/// Installs adapter, Prometheus and the scenario's manifests, and waits for the pods of the first two.
pub(super) async fn set_up(
    scenario: &Scenario,
    options: &RunOptions,
    cluster: &Arc<dyn Cluster>,
    at: impl Fn(&str),
) -> Result<Installation, Unmet> {
    let document = &scenario.document;
    let client = cluster.client();
    at("installing");
    let (programs, profile) = (&options.programs, &options.profile);
    let rules = document.rules.as_deref();
    let installing = install(&client, programs, profile, document.install, rules);
    let mut installed = in_time("install the adapter", installing).await?;
    let namespace = document.install.names().namespace;
    at("waiting for Prometheus");
    let pod = ready_pod(&client, namespace, feed::CONTAINER, PODS_READY).await;
    let pod = pod.map_err(|missed| not_ready("Prometheus", missed))?;
    let feed = if document.install.has_real_prometheus() {
        None
    } else {
        let (metrics, series) = (&document.metrics, &document.series);
        let feed = Feed::start(cluster.clone(), &pod, document.speed, metrics, series).await;
        Some(feed.map_err(|error| HarnessProblem::Prometheus {
            doing: "give the fake Prometheus its script".to_owned(),
            source: Box::new(error),
        })?)
    };
    at("waiting for the adapter");
    if let Err(missed) = ready_pod(&client, namespace, ADAPTER, PODS_READY).await {
        return Err(adapter_not_ready(&client, namespace, missed).await);
    }
    let applying = async { Ok(apply(&client, &document.manifests).await?) };
    in_time("apply the scenario's manifests", applying).await?;
    installed.extend(document.manifests.iter().cloned());
    Ok(Installation { feed, installed })
}

/// Installs something, with a limit. Objects are the cluster's affair, what is done to them before
/// is the harness' own.
async fn in_time<T>(
    doing: &str,
    installing: impl Future<Output = Result<T, InstallError>>,
) -> Result<T, Unmet> {
    let doing = doing.to_owned();
    match timeout(APPLIED, installing).await {
        Ok(Ok(installed)) => Ok(installed),
        Ok(Err(InstallError::Apply(error))) => Err(ClusterProblem::call(doing, error).into()),
        Ok(Err(error)) => {
            let source = Box::new(error);
            Err(HarnessProblem::NotMade { doing, source }.into())
        }
        Err(_) => Err(ClusterProblem::Late {
            doing,
            within: APPLIED,
        }
        .into()),
    }
}

fn not_ready(whom: &str, Missed { what, problem }: Missed) -> ClusterProblem {
    ClusterProblem::PodNotReady {
        what: format!("wait for {whom}: {what}"),
        within: PODS_READY,
        seen: problem,
    }
}

/// Whose fault it is that the adapter isn't ready: its own only if it ran.
async fn adapter_not_ready(client: &Client, namespace: &str, missed: Missed) -> Unmet {
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let all = ListParams::default();
    match timeout(LISTED, pods.list(&all)).await {
        Ok(Ok(pods)) if pods.iter().any(has_run) => AdapterNotReady(missed).into(),
        _ => not_ready("the adapter", missed).into(),
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
    use serde_json::json;

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

//! Waiting for the pods of an installation.

use std::time::Duration;

use futures::StreamExt as _;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use kube::api::ListParams;
use kube::runtime::{WatchStreamExt as _, reflector, watcher};
use kube::{Api, Client, ResourceExt as _};
use tokio::time::{Instant, timeout, timeout_at};

use crate::outcome::ClusterProblem;

/// How long the API server may take to list Deployments.
const LISTED: Duration = Duration::from_secs(5);

/// Waits for a pod of an installation to be ready. Of several it is the one that was made last: the
/// others make way for it.
///
/// # Errors
/// When there is none in time, or it can't be seen.
pub(crate) async fn ready_pod(
    client: &Client,
    namespace: &str,
    container: &str,
    within: Duration,
) -> Result<Pod, ClusterProblem> {
    let what = format!("a pod in {namespace} has a ready container `{container}`");
    let deadline = Instant::now() + within;
    let (store, writer) = reflector::store::<Pod>();
    let pods = Api::<Pod>::namespaced(client.clone(), namespace);
    let mut events = std::pin::pin!(
        watcher(pods, watcher::Config::default())
            .default_backoff()
            .reflect(writer)
    );
    let mut failure = None;
    loop {
        match timeout_at(deadline, events.next()).await {
            Ok(Some(Ok(_))) => failure = None,
            Ok(Some(Err(error))) => failure = Some(error.to_string()),
            Ok(None) => return Err(ClusterProblem::WatchEnded { of: what }),
            Err(_) => {
                let pods = store.state();
                let seen: Vec<String> = pods.iter().map(|pod| describe_pod(pod)).collect();
                let seen = if seen.is_empty() {
                    format!("none{}", refusals(client, namespace).await)
                } else {
                    seen.join("; ")
                };
                return Err(match failure {
                    Some(error) => ClusterProblem::Watch {
                        error,
                        before: Some(format!("{what}: not within {within:?}; pods: {seen}")),
                    },
                    None => ClusterProblem::PodNotReady { what, within, seen },
                });
            }
        }
        let ready = store
            .state()
            .into_iter()
            .filter(|pod| has_ready_container(pod, container))
            .max_by_key(|pod| pod.metadata.creation_timestamp.clone());
        if let Some(pod) = ready {
            return Ok(Pod::clone(&pod));
        }
    }
}

/// Why Deployments get no pods: admission or a quota refuses them.
async fn refusals(client: &Client, namespace: &str) -> String {
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), namespace);
    let listed = timeout(LISTED, deployments.list(&ListParams::default())).await;
    let Ok(Ok(list)) = listed else {
        return String::new();
    };
    let conditions = list.items.into_iter().flat_map(|deployment| {
        let status = deployment.status.unwrap_or_default();
        status.conditions.unwrap_or_default()
    });
    let refused =
        conditions.filter(|condition| condition.type_.as_deref() == Some("ReplicaFailure"));
    let refused = refused.filter_map(|condition| condition.message);
    refused
        .map(|message| format!("; refused: {message}"))
        .collect()
}

pub(crate) fn has_ready_container(pod: &Pod, name: &str) -> bool {
    let ready = |status: &ContainerStatus| status.name == name && status.ready;
    pod.metadata.deletion_timestamp.is_none() && container_statuses(pod).iter().any(ready)
}

fn container_statuses(pod: &Pod) -> &[ContainerStatus] {
    let status = pod.status.as_ref();
    let statuses = status.and_then(|status| status.container_statuses.as_deref());
    statuses.unwrap_or_default()
}

/// A pod's phase, and the state of each of its containers.
pub(crate) fn describe_pod(pod: &Pod) -> String {
    let name = pod.name_any();
    let Some(status) = &pod.status else {
        return format!("{name} without status");
    };
    let containers = container_statuses(pod).iter().map(|container| {
        let state = container.state.as_ref();
        let waiting = state.and_then(|state| state.waiting.as_ref());
        let reason = waiting.and_then(|waiting| waiting.reason.as_deref());
        let pulls = reason.is_some_and(|reason| reason.contains("Image"));
        let cure = if pulls {
            format!(
                " ({}; name what this cluster can pull by --image NAME=REFERENCE)",
                container.image
            )
        } else {
            String::new()
        };
        format!(
            "{} ready={} restarts={} {}{cure}",
            container.name,
            container.ready,
            container.restart_count,
            reason.unwrap_or_default()
        )
    });
    let message = status.message.iter().cloned();
    let parts: Vec<String> = message.chain(containers).collect();
    let phase = status.phase.as_deref().unwrap_or("Unknown");
    format!("{name} {phase}: {}", parts.join(", "))
}

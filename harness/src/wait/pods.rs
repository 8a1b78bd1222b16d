//! Waiting for the pods of an installation.

use std::time::Duration;

use futures::StreamExt as _;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use kube::api::ListParams;
use kube::runtime::{WatchStreamExt as _, reflector, watcher};
use kube::{Api, Client, ResourceExt as _};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::hopeless::{makes, refusal, without_image};
use crate::outcome::ClusterProblem;
use crate::timeouts::Timeouts;

/// After how long it is looked at Deployments.
const LOOKS: Duration = Duration::from_secs(2);
/// How long pods may be refused before they are given up: a new namespace may lack its ServiceAccount for a moment, and an
/// admission webhook may be starting.
const REFUSED: Duration = Duration::from_secs(10);

/// Waits for a pod of an installation to be ready. Of several it is the one that was made last: the
/// others make way for it. It isn't waited for where the cluster says itself that there will be none.
///
/// # Errors
/// When there is none in time, or none can be, or it can't be seen.
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
    let mut refused = std::pin::pin!(refused(client, namespace, container));
    let mut failure = None;
    loop {
        let event = tokio::select! {
            event = timeout_at(deadline, events.next()) => event,
            problem = &mut refused => return Err(problem),
        };
        match event {
            Ok(Some(Ok(_))) => failure = None,
            Ok(Some(Err(error))) => failure = Some(setpoint_support::error_chain(&error)),
            Ok(None) => return Err(ClusterProblem::WatchEnded { of: what }),
            Err(_) => {
                let pods = store.state();
                let seen: Vec<String> = pods.iter().map(|pod| describe_pod(pod)).collect();
                let seen = if seen.is_empty() {
                    "none".to_owned()
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
        let pods = store.state();
        let last = |is_one: &dyn Fn(&Pod) -> bool| {
            let pods = pods.iter().filter(|pod| is_one(pod));
            pods.max_by_key(|pod| pod.metadata.creation_timestamp.clone())
        };
        if let Some(pod) = last(&|pod| has_ready_container(pod, container)) {
            return Ok(Pod::clone(pod));
        }
        let newest = last(&|pod| has_container(pod, container));
        if let Some(problem) = newest.and_then(|pod| without_image(pod, container)) {
            return Err(problem);
        }
    }
}

/// Returns when the pods of a Deployment that makes this container have been refused for a while.
async fn refused(client: &Client, namespace: &str, container: &str) -> ClusterProblem {
    // Most pods are ready before; nobody looks for them then.
    sleep_until(Instant::now() + LOOKS).await;
    let deployments = Api::<Deployment>::namespaced(client.clone(), namespace);
    let deployments = watcher(deployments, watcher::Config::default());
    let mut deployments = std::pin::pin!(deployments.default_backoff().applied_objects());
    let mut found: Option<(Instant, ClusterProblem)> = None;
    loop {
        let patience = async {
            match &found {
                Some((since, _)) => sleep_until(*since + REFUSED).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            deployment = deployments.next() => match deployment {
                Some(Ok(deployment)) if makes(&deployment, container) => {
                    let since = found.as_ref().map(|(since, _)| *since);
                    let since = since.unwrap_or_else(Instant::now);
                    found = refusal(&deployment).map(|problem| (since, problem));
                }
                // A watch that breaks begins again by itself.
                Some(_) => {}
                None => std::future::pending().await,
            },
            () = patience => if let Some((_, problem)) = found.take() {
                return problem;
            }
        }
    }
}

fn has_container(pod: &Pod, name: &str) -> bool {
    container_statuses(pod)
        .iter()
        .any(|status| status.name == name)
}

pub(crate) fn has_ready_container(pod: &Pod, name: &str) -> bool {
    let ready = |status: &ContainerStatus| status.name == name && status.ready;
    pod.metadata.deletion_timestamp.is_none() && container_statuses(pod).iter().any(ready)
}

/// The pods of a namespace as they are now.
///
/// # Errors
/// When they can't be listed in time.
pub(crate) async fn pods_in(
    client: &Client,
    namespace: &str,
    timeouts: &Timeouts,
) -> Result<Vec<Pod>, ClusterProblem> {
    let doing = || format!("list the pods in {namespace}");
    let pods = Api::<Pod>::namespaced(client.clone(), namespace);
    let within = timeouts.api_server;
    let late = |_| ClusterProblem::Late {
        doing: doing(),
        within,
    };
    let listed = timeout(within, pods.list(&ListParams::default())).await;
    let listed = listed.map_err(late)?;
    let listed = listed.map_err(|error| ClusterProblem::call(doing(), error))?;
    Ok(listed.items)
}

/// The state of a pod's container of this name.
pub(crate) fn container_status<'a>(pod: &'a Pod, name: &str) -> Option<&'a ContainerStatus> {
    let mut statuses = container_statuses(pod).iter();
    statuses.find(|status| status.name == name)
}

pub(super) fn container_statuses(pod: &Pod) -> &[ContainerStatus] {
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

//! Waiting for the pods of an installation.

use std::time::Duration;

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::{WatchStreamExt as _, reflector, watcher};
use kube::{Api, Client};
use tokio::time::{Instant, timeout_at};

use super::{Missed, judge};

/// Waits for a pod of an installation to be ready. Of several it is the one that was made last: the others make way for it.
///
/// # Errors
/// When there is none in time.
pub async fn ready_pod(
    client: &Client,
    namespace: &str,
    container: &str,
    within: Duration,
) -> Result<Pod, Missed> {
    let what = format!("a pod in {namespace} has a ready container `{container}`");
    let deadline = Instant::now() + within;
    let (store, writer) = reflector::store::<Pod>();
    let pods = Api::<Pod>::namespaced(client.clone(), namespace);
    let mut events = std::pin::pin!(
        watcher(pods, watcher::Config::default())
            .default_backoff()
            .reflect(writer)
    );
    loop {
        if timeout_at(deadline, events.next()).await.is_err() {
            let seen: Vec<String> = store
                .state()
                .iter()
                .map(|pod| judge::pod_in_words(pod))
                .collect();
            let problem = format!(
                "not within {within:?}; pods: {}",
                if seen.is_empty() {
                    "none".to_owned()
                } else {
                    seen.join("; ")
                }
            );
            return Err(Missed { what, problem });
        }
        let ready = store
            .state()
            .into_iter()
            .filter(|pod| judge::has_ready_container(pod, container))
            .max_by_key(|pod| pod.metadata.creation_timestamp.clone());
        if let Some(pod) = ready {
            return Ok(Pod::clone(&pod));
        }
    }
}

//! Whether those that aren't judged still do their part: without them, nothing that is seen says
//! anything of the adapter.

use std::time::Duration;

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client, ResourceExt as _};
use setpoint_cluster::UNSUPPORTED_FIELD;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use crate::feed::{self, Feed};
use crate::outcome::{ClusterProblem, HarnessProblem, Unmet};
use crate::timeouts::Timeouts;
use crate::wait::container_status;

/// How often it is asked until it is given up.
const TRIES: u32 = 3;
/// How soon it is asked again.
const RETRY: Duration = Duration::from_millis(500);
/// How often it is asked while a scenario is played.
const LOOKS: Duration = Duration::from_secs(2);

/// Returns when the API server has gone.
pub(super) async fn api_server_gone(client: Client, timeouts: Timeouts) -> ClusterProblem {
    let mut looks = interval(LOOKS);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        if let Err(problem) = api_server(&client, &timeouts).await {
            return problem;
        }
    }
}

/// Whether the API server lives.
pub(super) async fn api_server(client: &Client, timeouts: &Timeouts) -> Result<(), ClusterProblem> {
    let mut tries = interval(RETRY);
    tries.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut count = 0;
    loop {
        tries.tick().await;
        count += 1;
        match ask_api_server(client, timeouts.api_server).await {
            Err(problem) if count == TRIES => return Err(problem),
            Err(_) => {}
            Ok(()) => return Ok(()),
        }
    }
}

async fn ask_api_server(client: &Client, within: Duration) -> Result<(), ClusterProblem> {
    let doing = || format!("ask the API server {TRIES} times whether it lives (/livez)");
    let failed = |source| ClusterProblem::Call {
        doing: doing(),
        source,
    };
    let request = http::Request::get("/livez").body(Vec::new());
    let request = request.map_err(|error| failed(error.into()))?;
    match timeout(within, client.request_text(request)).await {
        Ok(answer) => answer.map(drop).map_err(|error| failed(error.into())),
        Err(_) => Err(ClusterProblem::Late {
            doing: doing(),
            within,
        }),
    }
}

/// Whether the fake Prometheus has played the scenario's series all the time. A scenario may replace
/// its pod, which gets them too; a container that was restarted has lost them.
pub(super) async fn fake_prometheus(
    pods: &[Pod],
    feed: &Feed,
    timeouts: &Timeouts,
) -> Result<(), Unmet> {
    if let Some(restarted) = pods.iter().find_map(restarted) {
        return Err(restarted.into());
    }
    let deadline = Instant::now() + timeouts.fake_prometheus;
    let mut tries = interval(RETRY);
    loop {
        tries.tick().await;
        match feed.answers().await {
            Ok(()) => return Ok(()),
            Err(_) if Instant::now() < deadline => {}
            Err(error) => {
                let doing = "ask the fake Prometheus whether it is still there".to_owned();
                let source = Box::new(error);
                return Err(HarnessProblem::Prometheus { doing, source }.into());
            }
        }
    }
}

/// The fake Prometheus' container in a pod, if it was restarted.
fn restarted(pod: &Pod) -> Option<HarnessProblem> {
    let container = container_status(pod, feed::CONTAINER)?;
    let ended = container
        .last_state
        .as_ref()
        .and_then(|state| state.terminated.as_ref());
    (container.restart_count > 0).then(|| HarnessProblem::PrometheusRestarted {
        pod: pod.name_any(),
        count: container.restart_count,
        exit_code: ended.map(|ended| ended.exit_code),
    })
}

/// Waits for a pod that the process kubelet can't run as its manifest says.
pub(super) async fn pod_not_supported(client: Client, watched: watcher::Config) -> ClusterProblem {
    let pods = watcher(Api::<Pod>::all(client), watched);
    let mut pods = std::pin::pin!(pods.default_backoff().applied_objects());
    while let Some(pod) = pods.next().await {
        // A watch that breaks begins again by itself.
        let Ok(pod) = pod else { continue };
        let status = pod.status.as_ref();
        if status.and_then(|status| status.reason.as_deref()) == Some(UNSUPPORTED_FIELD) {
            let namespace = pod.namespace().unwrap_or_default();
            let message = status.and_then(|status| status.message.clone());
            return ClusterProblem::PodNotSupported {
                pod: format!("{namespace}/{}", pod.name_any()),
                message: message.unwrap_or_default(),
            };
        }
    }
    let of = "pods".to_owned();
    ClusterProblem::WatchEnded { of }
}

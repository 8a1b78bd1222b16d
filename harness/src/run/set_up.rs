//! Brings a scenario to its first step.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;
use setpoint_cluster::Cluster;
use tokio::time::timeout;

use super::RunOptions;
use crate::feed::{self, Feed};
use crate::install::{apply, install};
use crate::installed::{Application, CONTAINER, Installed, adapter_image};
use crate::outcome::{ClusterProblem, HarnessProblem, Owner, Unmet};
use crate::request::unanswered;
use crate::scenario::Scenario;
use crate::timeouts::Timeouts;
use crate::traffic::Traffic;
use crate::wait::{ready_adapter, ready_pod};

/// How much longer installed pods may take on a cluster of others, whose nodes have yet to pull the images.
const PULLS: u32 = 4;

/// What was installed.
pub(super) struct Installation {
    /// The fake Prometheus, where there is one.
    pub(super) feed: Option<Arc<Feed>>,
    /// All objects, as they were.
    pub(super) installed: Vec<Value>,
    /// The sample application, where an adapter is there already.
    pub(super) application: Option<Arc<Application>>,
    /// The image of the adapter, and what the node has for it.
    pub(super) adapter_image: Option<String>,
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
    let timeouts = &options.timeouts;
    at("installing");
    let (programs, profile) = (&options.programs, &options.profile);
    let rules = document.rules.as_deref();
    let installing = install(&**cluster, programs, profile, document.install, rules);
    let mut installed = in_time("install the adapter", timeouts.apply, installing).await?;
    let namespace = &document.install.names().on(&**cluster).namespace;
    at("waiting for Prometheus");
    let pods_ready = pods_ready(&**cluster, timeouts);
    let pod = ready_pod(&client, namespace, feed::CONTAINER, pods_ready).await?;
    let feed = if document.install.has_real_prometheus() {
        None
    } else {
        let (metrics, series) = (&document.metrics, &document.series);
        let feed = Feed::start(cluster.clone(), &pod, document.speed, metrics, series).await;
        let failed = unanswered("give the fake Prometheus its script", Owner::Harness);
        Some(feed.map_err(failed)?)
    };
    at("waiting for the adapter");
    // An adapter may wait for its rights before it is ready, as prometheus-adapter does with `resourceRules`.
    let manifests = document.manifests.iter().cloned();
    let (rights, others): (Vec<Value>, Vec<Value>) = manifests.partition(gives_rights);
    apply_manifests(&rights, &client, timeouts).await?;
    let adapter = ready_adapter(&client, namespace, pods_ready, timeouts).await?;
    apply_manifests(&others, &client, timeouts).await?;
    installed.extend(document.manifests.iter().cloned());
    Ok(Installation {
        feed,
        installed,
        application: None,
        adapter_image: image_of(&adapter),
    })
}

/// Applies a scenario's manifests beside an adapter that is there already, and waits until it serves the values that the
/// pods show.
pub(super) async fn set_up_beside(
    installed: &Installed,
    scenario: &Scenario,
    timeouts: Timeouts,
    cluster: &Arc<dyn Cluster>,
    traffic: &Arc<Traffic>,
    at: impl Fn(&str),
) -> Result<Installation, Unmet> {
    let document = &scenario.document;
    let client = cluster.client();
    at("installing the sample application");
    apply_manifests(&document.manifests, &client, &timeouts).await?;
    at("waiting for the sample application");
    for namespace in document.metrics.iter().map(|metric| &metric.namespace) {
        let within = pods_ready(&**cluster, &timeouts);
        ready_pod(&client, namespace, CONTAINER, within).await?;
    }
    at("waiting until the adapter serves its load");
    let application = Application::new(
        installed.clone(),
        cluster.clone(),
        traffic.clone(),
        timeouts,
    );
    tokio::select! {
        given = application.give(&document.metrics) => given.map(drop)?,
        () = traffic.follow(client.clone()) => {
            let what = "the watch on pods that have a load";
            return Err(HarnessProblem::TaskEnded { what }.into());
        }
    }
    Ok(Installation {
        feed: None,
        installed: document.manifests.clone(),
        application: Some(Arc::new(application)),
        adapter_image: timeout(timeouts.evidence, adapter_image(&client))
            .await
            .ok()
            .flatten(),
    })
}

/// How long installed pods may take.
fn pods_ready(cluster: &dyn Cluster, timeouts: &Timeouts) -> Duration {
    match cluster.placement() {
        Some(_) => timeouts.ready * PULLS,
        None => timeouts.ready,
    }
}

fn gives_rights(manifest: &Value) -> bool {
    let kind = manifest["kind"].as_str();
    kind.is_some_and(|kind| matches!(kind, "ClusterRole" | "ClusterRoleBinding"))
}

async fn apply_manifests(
    manifests: &[Value],
    client: &kube::Client,
    timeouts: &Timeouts,
) -> Result<(), Unmet> {
    let doing = "apply the scenario's manifests";
    let applying = async {
        let applied = apply(client, manifests).await;
        applied.map_err(|error| ClusterProblem::call(doing, error).into())
    };
    in_time(doing, timeouts.apply, applying).await
}

/// `<image> (<what the node has>)` of the adapter's container.
fn image_of(adapter: &Pod) -> Option<String> {
    let statuses = adapter.status.as_ref()?.container_statuses.as_ref()?;
    let adapter = statuses.iter().find(|found| found.name == "adapter")?;
    Some(format!("{} ({})", adapter.image, adapter.image_id))
}

/// Installs something, with a limit.
async fn in_time<T>(
    doing: &str,
    within: Duration,
    installing: impl Future<Output = Result<T, Unmet>>,
) -> Result<T, Unmet> {
    let doing = doing.to_owned();
    let late = |_| ClusterProblem::Late { doing, within };
    timeout(within, installing).await.map_err(late)?
}

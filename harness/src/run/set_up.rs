//! Brings a scenario to its first step.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use setpoint_cluster::Cluster;
use tokio::time::timeout;

use super::RunOptions;
use crate::feed::{self, Feed};
use crate::install::{InstallError, apply, install};
use crate::outcome::{ClusterProblem, HarnessProblem, Unmet};
use crate::scenario::Scenario;
use crate::wait::{ready_adapter, ready_pod};

/// What was installed.
pub(super) struct Installation {
    /// The fake Prometheus, where there is one.
    pub(super) feed: Option<Arc<Feed>>,
    /// All objects, as they were.
    pub(super) installed: Vec<Value>,
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
    let installing = install(&client, programs, profile, document.install, rules);
    let mut installed = in_time("install the adapter", timeouts.apply, installing).await?;
    let namespace = document.install.names().namespace;
    at("waiting for Prometheus");
    let pod = ready_pod(&client, namespace, feed::CONTAINER, timeouts.ready).await?;
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
    ready_adapter(&client, namespace, timeouts.ready, timeouts).await?;
    let applying = async { Ok(apply(&client, &document.manifests).await?) };
    in_time("apply the scenario's manifests", timeouts.apply, applying).await?;
    installed.extend(document.manifests.iter().cloned());
    Ok(Installation { feed, installed })
}

/// Installs something, with a limit. Objects are the cluster's affair, what is done to them before
/// is the harness' own.
async fn in_time<T>(
    doing: &str,
    within: Duration,
    installing: impl Future<Output = Result<T, InstallError>>,
) -> Result<T, Unmet> {
    let doing = doing.to_owned();
    match timeout(within, installing).await {
        Ok(Ok(installed)) => Ok(installed),
        Ok(Err(InstallError::Apply(error))) => Err(ClusterProblem::call(doing, error).into()),
        Ok(Err(error)) => {
            let source = Box::new(error);
            Err(HarnessProblem::NotMade { doing, source }.into())
        }
        Err(_) => Err(ClusterProblem::Late { doing, within }.into()),
    }
}

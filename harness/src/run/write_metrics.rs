//! Feeds an adapter that has no Prometheus: the fake Prometheus' values are written to it whenever
//! they change.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use kube::ResourceExt as _;
use setpoint_cluster::{Cluster, Target};
use setpoint_support::error_chain;
use tokio::time::{interval, timeout};

use crate::install::Names;
use crate::outcome::ClusterProblem;
use crate::request::{Limit, send_json};
use crate::scripted::{Entry, table_over};
use crate::timeouts::Timeouts;
use crate::wait::ready_pod;

/// How often the fake Prometheus is asked what there is; a fraction of an HPA's period.
const INTERVAL: Duration = Duration::from_millis(200);
/// The port of the fake Prometheus.
const PROMETHEUS_PORT: u16 = 9090;

/// Writes until it is dropped. What can't be written is tried again: the adapter may be starting.
pub(super) async fn write_metrics(
    cluster: Arc<dyn Cluster>,
    names: Names,
    port: u16,
    timeouts: Timeouts,
) {
    let mut writer = Writer {
        cluster,
        namespace: names.namespace,
        port,
        timeouts,
        pod: String::new(),
        written: BTreeMap::new(),
    };
    let within = timeouts.write;
    let mut rounds = interval(INTERVAL);
    loop {
        rounds.tick().await;
        match timeout(within, writer.write_changes(Limit::of(within))).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::debug!(error = %error_chain(&*error), "write metrics to the adapter");
            }
            Err(_) => tracing::warn!("metrics were not written to the adapter within {within:?}"),
        }
    }
}

struct Writer {
    cluster: Arc<dyn Cluster>,
    namespace: String,
    port: u16,
    timeouts: Timeouts,
    /// The adapter's pod, and what it was given: value by path.
    pod: String,
    written: BTreeMap<String, String>,
}

impl Writer {
    async fn write_changes(&mut self, limit: Limit) -> Result<(), Box<dyn Error + Send + Sync>> {
        let prometheus = self.target(self.ready_pod("prometheus").await?);
        let stream = self.cluster.connect(&prometheus, PROMETHEUS_PORT).await?;
        let client = self.cluster.client();
        let table = table_over(stream, &prometheus.to_string(), &client, limit).await?;
        let pod = self.ready_pod("adapter").await?;
        if self.pod != pod {
            // A new one knows nothing.
            self.pod.clone_from(&pod);
            self.written.clear();
        }
        let adapter = self.target(pod);
        for entry in &table.metrics {
            let path = path(entry);
            if self.written.get(&path) == Some(&entry.value) {
                continue;
            }
            let stream = self.cluster.connect(&adapter, self.port).await?;
            let value = serde_json::to_string(&entry.value)?;
            send_json(stream, http::Method::POST, &path, value, limit).await?;
            self.written.insert(path, entry.value.clone());
        }
        Ok(())
    }

    async fn ready_pod(&self, container: &str) -> Result<String, ClusterProblem> {
        let client = self.cluster.client();
        let pod = ready_pod(&client, &self.namespace, container, self.timeouts.pod).await?;
        Ok(pod.name_any())
    }

    fn target(&self, pod: String) -> Target {
        Target::Pod {
            namespace: self.namespace.clone(),
            name: pod,
        }
    }
}

/// Where a value is written (`custom-metrics-apiserver/test-adapter/provider/provider.go`).
fn path(entry: &Entry) -> String {
    let Entry {
        namespace,
        resource,
        name,
        metric,
        ..
    } = entry;
    if namespace.is_empty() {
        format!("/write-metrics/{resource}/{name}/metrics/{metric}")
    } else {
        format!("/write-metrics/namespaces/{namespace}/{resource}/{name}/{metric}")
    }
}

//! Feeds an adapter that has no Prometheus: the fake Prometheus' values are written to it whenever they change.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kube::ResourceExt as _;
use setpoint_cluster::{Cluster, Target};
use tokio::time::{interval, timeout};

use crate::expect::ready_pod;
use crate::install::Names;
use crate::request::send_json;
use crate::scripted::{Entry, table_over};
use crate::words;

/// How often the fake Prometheus is asked what there is; a fraction of an HPA's period.
const LOOKS: Duration = Duration::from_millis(200);
/// How long a round may take, from the question to the last value written.
const ROUND: Duration = Duration::from_secs(15);
/// The port of the fake Prometheus.
const PROMETHEUS_PORT: u16 = 9090;

/// Writes until it is dropped. What can't be written is tried again: the adapter may be on its way.
pub(super) async fn write_metrics(cluster: Arc<dyn Cluster>, names: Names, port: u16) {
    let mut written: (String, BTreeMap<String, String>) = Default::default();
    let mut looks = interval(LOOKS);
    loop {
        looks.tick().await;
        let round = round(&*cluster, names, port, &mut written);
        match timeout(ROUND, round).await {
            Ok(Ok(())) => {}
            Ok(Err(problem)) => tracing::debug!(problem, "write metrics to the adapter"),
            Err(_) => tracing::warn!("metrics were not written to the adapter within {ROUND:?}"),
        }
    }
}

async fn round(
    cluster: &dyn Cluster,
    names: Names,
    port: u16,
    written: &mut (String, BTreeMap<String, String>),
) -> Result<(), String> {
    let client = cluster.client();
    let pod = async |container: &str| {
        let within = Duration::from_secs(5);
        let pod = ready_pod(&client, names.namespace, container, within).await;
        pod.map(|pod| pod.name_any())
            .map_err(|missed| missed.to_string())
    };
    let target = |name: String| Target::Pod {
        namespace: names.namespace.to_owned(),
        name,
    };
    let prometheus = target(pod("prometheus").await?);
    let stream = cluster.connect(&prometheus, PROMETHEUS_PORT).await;
    let stream = stream.map_err(|error| error.to_string())?;
    let table = table_over(stream, &prometheus.to_string(), &client).await?;
    let adapter = pod("adapter").await?;
    if written.0 != adapter {
        // A new one knows nothing.
        *written = (adapter.clone(), BTreeMap::new());
    }
    let adapter = target(adapter);
    for entry in &table.metrics {
        let path = path(entry);
        if written.1.get(&path) == Some(&entry.value) {
            continue;
        }
        let stream = cluster.connect(&adapter, port).await;
        let stream = stream.map_err(|error| error.to_string())?;
        let value = format!("{:?}", entry.value);
        let sent = send_json(stream, http::Method::POST, &path, value).await;
        sent.map_err(|error| words(&error))?;
        written.1.insert(path, entry.value.clone());
    }
    Ok(())
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

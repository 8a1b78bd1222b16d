//! What the owner of a cluster has installed: a Prometheus, and an adapter by its own manifests.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use kube::Api;
use kube::runtime::wait::await_condition;
use serde_json::{Value, json};
use setpoint::install::apply;
use setpoint_cluster::Cluster as _;
use tokio::time::timeout;

use crate::owned::Owned;

/// Names the program of the Go adapter.
pub(crate) const PROGRAM: &str = "SETPOINT_PROMETHEUS_ADAPTER";
/// Names the folder with its own manifests.
pub(crate) const MANIFESTS: &str = "SETPOINT_PROMETHEUS_ADAPTER_MANIFESTS";
/// The manifests that users of ours apply, with a real Prometheus.
const OURS: &str = include_str!("../../src/install/rendered/base.yaml");
/// How long an adapter may take to be available.
const AVAILABLE: Duration = Duration::from_secs(120);

/// Manifests of ours, but with the intervals of tests.
fn ours() -> String {
    let mut text = OURS.to_owned();
    for (theirs, here) in [
        ("scrape_interval: 15s", "scrape_interval: 500ms"),
        (
            "--metrics-relist-interval=30s",
            "--metrics-relist-interval=1s",
        ),
        (
            "- --storage.tsdb.retention.time=6h",
            "- --scrape.discovery-reload-interval=500ms",
        ),
        // Rates over two minutes would take as long.
        ("[2m]", "[3s]"),
    ] {
        assert!(text.contains(theirs), "{theirs}");
        text = text.replace(theirs, here);
    }
    text
}

/// Our adapter and its Prometheus, as README says.
pub(crate) async fn install_ours(owned: &Owned) {
    let mut certs = Command::new(&owned.programs.certs)
        .arg("certs")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = certs.stdin.take().unwrap();
    input.write_all(ours().as_bytes()).unwrap();
    drop(input);
    let output = certs.wait_with_output().unwrap();
    let filled = String::from_utf8(output.stdout).unwrap();
    let objects: Vec<Value> = serde_saphyr::from_multiple(&filled).unwrap();
    apply(&owned.cluster.client(), &objects).await.unwrap();
    available(owned).await;
}

/// The Go adapter by its own manifests. What they leave to their users is the Prometheus, its URL, the rules, and the APIService of
/// custom metrics; a node of the test runs the program in place of the image.
pub(crate) async fn install_go_adapter(owned: &Owned, manifests: &Path) {
    let client = owned.cluster.client();
    let ours: Vec<Value> = serde_saphyr::from_multiple(&ours()).unwrap();
    let is_prometheus = |object: &&Value| {
        let name = object["metadata"]["name"].as_str().unwrap();
        name.contains("prometheus") || object["kind"] == "Namespace"
    };
    let prometheus: Vec<Value> = ours.iter().filter(is_prometheus).cloned().collect();
    let rules = ours
        .iter()
        .find(|object| object["data"]["config.yaml"].is_string());
    let rules = rules.unwrap()["data"].clone();
    let mut objects = prometheus;
    objects
        .push(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "monitoring"}}));
    for entry in std::fs::read_dir(manifests).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let mut object: Value = serde_saphyr::from_str(&text).unwrap();
        match object["kind"].as_str().unwrap() {
            "ConfigMap" => object["data"] = rules.clone(),
            "Deployment" => {
                let container = &mut object["spec"]["template"]["spec"]["containers"][0];
                for arg in container["args"].as_array_mut().unwrap() {
                    let text = arg.as_str().unwrap();
                    if text.starts_with("--prometheus-url") {
                        *arg = json!("--prometheus-url=http://prometheus.setpoint.svc:9090");
                    }
                    if arg
                        .as_str()
                        .unwrap()
                        .starts_with("--metrics-relist-interval")
                    {
                        *arg = json!("--metrics-relist-interval=1s");
                    }
                }
            }
            // It serves metrics.k8s.io by rules that are not among these.
            "APIService" => {
                object["metadata"]["name"] = json!("v1beta1.custom.metrics.k8s.io");
                object["spec"]["group"] = json!("custom.metrics.k8s.io");
                object["spec"]["groupPriorityMinimum"] = json!(100);
            }
            _ => {}
        }
        objects.push(object);
    }
    apply(&client, &objects).await.unwrap();
    available(owned).await;
}

async fn available(owned: &Owned) {
    let services: Api<APIService> = Api::all(owned.cluster.client());
    let is_available = |service: Option<&APIService>| {
        let status = service.and_then(|service| service.status.as_ref());
        let conditions = status.and_then(|status| status.conditions.as_ref());
        let mut conditions = conditions.into_iter().flatten();
        conditions.any(|found| found.type_ == "Available" && found.status == "True")
    };
    let name = "v1beta1.custom.metrics.k8s.io";
    let available = await_condition(services, name, is_available);
    timeout(AVAILABLE, available).await.unwrap().unwrap();
}

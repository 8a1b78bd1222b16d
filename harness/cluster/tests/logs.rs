//! Pods that speak, on a real control plane: `kubectl logs` through API server and kubelet to the log file, and
//! the names that a pod finds in its hosts file.
//!
//! Ignored with a reason where the control plane's programs are missing, unless `SETPOINT_REQUIRE=local`.

#![expect(
    clippy::unwrap_used,
    reason = "a test's own steps fail by panicking, in its helpers too"
)]

use std::time::Duration;

use futures::AsyncBufReadExt;
use futures::io::Lines;
use futures::{AsyncBufRead, TryStreamExt};
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::Api;
use kube::api::{DeleteParams, LogParams, PostParams};
use kube::runtime::conditions::is_pod_running;
use kube::runtime::wait::await_condition;
use serde_json::json;
use setpoint_cluster::local::{LocalCluster, LocalOptions};
use setpoint_cluster::{Cluster, ImageRoot, ImageTable, LocalImage, provision};
use setpoint_test_support::trials;
use tokio::time::timeout;

/// How long anything may take that is not the start of a plane.
const LIMIT: Duration = Duration::from_secs(20);

async fn plane() -> LocalCluster {
    let mut images = ImageTable::default();
    images.insert(
        "registry.example/shell",
        LocalImage {
            program: "/bin/sh".into(),
            root: ImageRoot::HostLibraries,
        },
    );
    let mut options = LocalOptions::default();
    options.images = images;
    options.plane_binary = Some(env!("CARGO_BIN_EXE_setpoint-plane").into());
    LocalCluster::start(options).await.unwrap()
}

/// Speaks, and speaks again when it is told to end.
const SPEAKER: &str =
    "trap 'echo good bye; exit 0' TERM; echo one; echo two >&2; while :; do sleep 0.05; done";

/// A pod `speaker` whose one container runs the shell script.
async fn run(pods: &Api<Pod>, script: &str) {
    let pod = serde_json::from_value(json!({
        "metadata": {"name": "speaker"},
        "spec": {
            "containers": [{"name": "c", "image": "registry.example/shell:v1", "args": ["-c", script]}],
            "terminationGracePeriodSeconds": 10,
        },
    }))
    .unwrap();
    pods.create(&PostParams::default(), &pod).await.unwrap();
    let running = await_condition(pods.clone(), "speaker", is_pod_running());
    if timeout(LIMIT, running).await.is_err() {
        panic!("last seen: {:?}", pods.get("speaker").await.unwrap().status);
    }
}

async fn line(lines: &mut Lines<impl AsyncBufRead + Unpin>) -> Option<String> {
    let next = timeout(LIMIT, lines.try_next()).await;
    next.expect("a line of the log, or its end").unwrap()
}

async fn logs_are_followed_to_the_containers_last_words() {
    let cluster = plane().await;
    let pods: Api<Pod> = Api::default_namespaced(cluster.client());
    run(&pods, SPEAKER).await;

    let follow = LogParams {
        follow: true,
        ..LogParams::default()
    };
    let mut lines = pods.log_stream("speaker", &follow).await.unwrap().lines();
    let mut first = [
        line(&mut lines).await.unwrap(),
        line(&mut lines).await.unwrap(),
    ];
    // Two streams have no order between them.
    first.sort();
    assert_eq!(first, ["one", "two"]);

    let last = LogParams {
        tail_lines: Some(1),
        timestamps: true,
        ..LogParams::default()
    };
    let last = pods.logs("speaker", &last).await.unwrap();
    let (time, text) = last.trim_end().split_once(' ').unwrap();
    assert!(time.parse::<jiff::Timestamp>().is_ok(), "{last}");
    assert!(["one", "two"].contains(&text), "{last}");

    pods.delete("speaker", &DeleteParams::default())
        .await
        .unwrap();
    assert_eq!(line(&mut lines).await.as_deref(), Some("good bye"));
    assert_eq!(line(&mut lines).await, None);
    cluster.stop().await.unwrap();
}

async fn what_has_no_log_says_why() {
    let cluster = plane().await;
    let pods: Api<Pod> = Api::default_namespaced(cluster.client());
    run(&pods, SPEAKER).await;
    let previous = LogParams {
        previous: true,
        ..LogParams::default()
    };
    let error = pods
        .logs("speaker", &previous)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("previous terminated container \"c\" in pod \"speaker\" not found"),
        "{error}"
    );
    cluster.stop().await.unwrap();
}

async fn a_running_pod_learns_the_name_of_a_new_service() {
    let cluster = plane().await;
    let pods: Api<Pod> = Api::default_namespaced(cluster.client());
    run(
        &pods,
        "until getent hosts web.default.svc; do sleep 0.05; done",
    )
    .await;
    let services: Api<Service> = Api::default_namespaced(cluster.client());
    let web = json!({"metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}});
    let web = serde_json::from_value(web).unwrap();
    let web = services.create(&PostParams::default(), &web).await.unwrap();
    let address = web.spec.unwrap().cluster_ip.unwrap();

    let follow = LogParams {
        follow: true,
        ..LogParams::default()
    };
    let mut lines = pods.log_stream("speaker", &follow).await.unwrap().lines();
    let found = line(&mut lines).await.unwrap();
    let names: Vec<&str> = found.split_whitespace().collect();
    let domain = "web.default.svc.cluster.local";
    assert_eq!(
        names,
        [&address, "web", "web.default", "web.default.svc", domain]
    );
    cluster.stop().await.unwrap();
}

fn main() {
    setpoint_test_support::run(
        Vec::new(),
        trials![async
            logs_are_followed_to_the_containers_last_words,
            what_has_no_log_says_why,
            a_running_pod_learns_the_name_of_a_new_service,
        ],
        provision::find(&provision::Options::from_env()),
    );
}

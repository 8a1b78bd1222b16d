//! A cluster that is cleared for the next scenario, on a real control plane.
//!
//! Ignored with a reason where the control plane's programs are missing, unless `SETPOINT_REQUIRE=local`.

#![expect(
    clippy::unwrap_used,
    reason = "a test's own steps fail by panicking, in its helpers too"
)]

mod deployments;

use std::fmt::Debug;
use std::time::Duration;

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ListParams};
use kube::{Client, Resource};
use serde::de::DeserializeOwned;
use serde_json::json;
use setpoint::install::apply;
use setpoint::run::clean::clean;
use setpoint::timeouts::Timeouts;
use setpoint_cluster::local::{LocalCluster, LocalOptions};
use setpoint_cluster::{Cluster, provision};
use setpoint_test_support::trials;

/// How long any step may take that is not the start of a plane.
const LIMIT: Duration = Duration::from_secs(20);

/// The names of all objects of a kind in `default`.
async fn names<K>(client: &Client) -> Vec<String>
where
    K: Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>
        + Clone
        + Debug
        + DeserializeOwned,
{
    let api: Api<K> = Api::namespaced(client.clone(), "default");
    let list = api.list(&ListParams::default()).await.unwrap();
    list.iter().map(kube::ResourceExt::name_any).collect()
}

/// A ReplicaSet that outlives the pods that are killed makes new ones, which the next scenario would meet.
async fn what_is_cleared_leaves_nobody_who_makes_new_pods() {
    let options = LocalOptions::default();
    let cluster = LocalCluster::start(options).await.unwrap();
    let client = cluster.client();
    let web = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {
            "replicas": 3,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web", "image": "example.org/web:v1"}]}
            }
        }
    });
    apply(&client, std::slice::from_ref(&web)).await.unwrap();
    deployments::ready(&client, "web", 3, LIMIT).await;

    clean(&client, &[web], &Timeouts::default()).await.unwrap();
    assert_eq!(names::<Deployment>(&client).await, [""; 0]);
    assert_eq!(names::<ReplicaSet>(&client).await, [""; 0]);
    assert_eq!(names::<Pod>(&client).await, [""; 0]);
    cluster.stop().await.unwrap();
}

fn main() {
    setpoint_test_support::run(
        Vec::new(),
        trials![async
            what_is_cleared_leaves_nobody_who_makes_new_pods,
        ],
        provision::find(&provision::Options::from_env()),
    );
}

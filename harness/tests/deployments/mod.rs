//! Deployments of tests that run on a control plane.

use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use kube::runtime::wait::await_condition;
use kube::{Api, Client};
use tokio::time::timeout;

/// Waits until a Deployment of `default` has that many ready replicas.
pub(crate) async fn ready(client: &Client, name: &str, replicas: i32, limit: Duration) {
    let deployments: Api<Deployment> = Api::default_namespaced(client.clone());
    let is_there = |found: Option<&Deployment>| {
        let status = found.and_then(|found| found.status.as_ref());
        status.and_then(|status| status.ready_replicas) == Some(replicas)
    };
    let ready = await_condition(deployments, name, is_there);
    timeout(limit, ready).await.unwrap().unwrap();
}

//! Removes a scenario's objects from a cluster that the next one is to have.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::time::Duration;

use futures::future::{try_join, try_join_all};
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, ListParams};
use kube::runtime::conditions::is_deleted;
use kube::runtime::wait::await_condition;
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::Value;
use setpoint_support::error_chain;
use tokio::time::timeout;

use crate::install::remove;
use crate::outcome::ClusterProblem;
use crate::timeouts::Timeouts;

/// What a call or a watch of the API server fails with.
type ApiError = Box<dyn std::error::Error + Send + Sync>;

/// Deletes the objects, all but Namespaces, and waits until the pods that they brought about have
/// ended, and nothing is left that could make new ones.
///
/// # Errors
/// When something can't be deleted, or doesn't end in time.
pub async fn clean(
    client: &Client,
    objects: &[Value],
    timeouts: &Timeouts,
) -> Result<(), ClusterProblem> {
    let doing = || "delete the scenario's objects".to_owned();
    let within = timeouts.delete;
    let removed = timeout(within, remove(client, objects)).await;
    let late = |_| ClusterProblem::Late {
        doing: doing(),
        within,
    };
    let removed = removed.map_err(late)?;
    removed.map_err(|error| ClusterProblem::call(doing(), error))?;
    let has_pods = |object: &&Value| matches!(object["kind"].as_str(), Some("Deployment" | "Pod"));
    let namespace = |object| Value::pointer(object, "/metadata/namespace")?.as_str();
    let namespaces: BTreeSet<&str> = objects
        .iter()
        .filter(has_pods)
        .map(|object| namespace(object).unwrap_or("default"))
        .collect();
    let cleaned = namespaces
        .into_iter()
        .map(|namespace| clean_namespace(client, namespace, timeouts.end));
    try_join_all(cleaned).await?;
    Ok(())
}

async fn clean_namespace(
    client: &Client,
    namespace: &str,
    within: Duration,
) -> Result<(), ClusterProblem> {
    let doing = format!("delete the pods in namespace {namespace}");
    match timeout(within, delete_pods(client, namespace)).await {
        Ok(deleted) => deleted.map_err(|error| ClusterProblem::call(doing, error)),
        Err(_) => {
            let left = names_left(client, namespace, within).await;
            let doing = format!("{doing}, of which {left} are left");
            Err(ClusterProblem::Late { doing, within })
        }
    }
}

/// Waits for the end of the Deployments, which are being deleted in the foreground, and of all pods. A
/// ReplicaSet that isn't being deleted itself yet replaces a pod that ends, and the next scenario would
/// meet the new one: so the pods are deleted after that, and the Deployments end last.
async fn delete_pods(client: &Client, namespace: &str) -> Result<(), ApiError> {
    let sets: Api<ReplicaSet> = Api::namespaced(client.clone(), namespace);
    let is_being_deleted =
        |set: Option<&ReplicaSet>| set.is_none_or(|set| set.metadata.deletion_timestamp.is_some());
    let all = ListParams::default();
    for set in sets.list(&all).await? {
        await_condition(sets.clone(), &set.name_any(), is_being_deleted).await?;
    }
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    // Their last requests tell nobody anything any more.
    let at_once = DeleteParams::default().grace_period(1);
    pods.delete_collection(&at_once, &all).await?;
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), namespace);
    wait_for_end(&deployments).await?;
    wait_for_end(&pods).await
}

/// Waits until all objects of a kind that there are now have ended.
async fn wait_for_end<K>(api: &Api<K>) -> Result<(), ApiError>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + 'static,
{
    let list = api.list(&ListParams::default()).await?;
    let ends = list.items.iter().map(|object| {
        let (name, uid) = (object.name_any(), object.uid().unwrap_or_default());
        async move { await_condition(api.clone(), &name, is_deleted(&uid)).await }
    });
    try_join_all(ends).await?;
    Ok(())
}

/// The names of the Deployments and pods that are left, or why they aren't known.
async fn names_left(client: &Client, namespace: &str, within: Duration) -> String {
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), namespace);
    let all = ListParams::default();
    let listed = try_join(deployments.list(&all), pods.list(&all));
    match timeout(within, listed).await {
        Ok(Ok((deployments, pods))) => {
            let deployments = deployments.iter().map(ResourceExt::name_any);
            let pods = pods.iter().map(ResourceExt::name_any);
            deployments.chain(pods).collect::<Vec<_>>().join(", ")
        }
        Ok(Err(error)) => error_chain(&error),
        Err(_) => "the API server doesn't list them".to_owned(),
    }
}

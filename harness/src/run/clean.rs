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
use tokio::time::timeout;

use crate::install::{ApplyError, remove};

/// How long pods and their owners may take to go, once the pods are killed.
const GONE: Duration = Duration::from_secs(60);

/// Why a cluster could not be cleared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CleanError {
    /// The API server refuses to delete an object.
    #[error(transparent)]
    Delete(#[from] ApplyError),
    /// What runs in a namespace can't be deleted or watched.
    #[error("delete what runs in namespace {namespace}")]
    Namespace {
        /// The namespace.
        namespace: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Something doesn't go.
    #[error("what runs in namespace {namespace} is not gone within {GONE:?}: {left}")]
    Stay {
        /// The namespace.
        namespace: String,
        /// The names of Deployments and pods.
        left: String,
    },
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Deletes the objects, all but Namespaces, and waits until the pods that they brought about are gone, and nobody is
/// left who could make new ones.
///
/// # Errors
/// When something can't be deleted, or doesn't go in time.
pub async fn clean(client: &Client, objects: &[Value]) -> Result<(), CleanError> {
    remove(client, objects).await?;
    let namespaces: BTreeSet<&str> = objects
        .iter()
        .filter(|object| matches!(object["kind"].as_str(), Some("Deployment" | "Pod")))
        .map(|object| {
            object["metadata"]["namespace"]
                .as_str()
                .unwrap_or("default")
        })
        .collect();
    let cleared = namespaces.into_iter().map(async |namespace| {
        let failed = |source| CleanError::Namespace {
            namespace: namespace.to_owned(),
            source,
        };
        match timeout(GONE, cleared(client, namespace)).await {
            Ok(cleared) => cleared.map_err(failed),
            Err(_) => Err(CleanError::Stay {
                namespace: namespace.to_owned(),
                left: left(client, namespace).await,
            }),
        }
    });
    try_join_all(cleared).await?;
    Ok(())
}

/// Waits for the end of the Deployments, which are being deleted in the foreground, and of all pods. A ReplicaSet that
/// isn't being deleted itself yet puts a new pod in a killed one's place, and the next scenario would meet it: so the
/// pods are killed after that, and the Deployments end last.
async fn cleared(client: &Client, namespace: &str) -> Result<(), Failure> {
    let sets: Api<ReplicaSet> = Api::namespaced(client.clone(), namespace);
    let is_going =
        |set: Option<&ReplicaSet>| set.is_none_or(|set| set.metadata.deletion_timestamp.is_some());
    let all = ListParams::default();
    for set in sets.list(&all).await? {
        await_condition(sets.clone(), &set.name_any(), is_going).await?;
    }
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    // Nobody learns anything from their last requests any more.
    let at_once = DeleteParams::default().grace_period(1);
    pods.delete_collection(&at_once, &all).await?;
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), namespace);
    gone(&deployments).await?;
    gone(&pods).await
}

/// Waits for the end of all objects of a kind that there are.
async fn gone<K>(api: &Api<K>) -> Result<(), Failure>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + 'static,
{
    let list = api.list(&ListParams::default()).await?;
    let gone = list.items.iter().map(|object| {
        let (name, uid) = (object.name_any(), object.uid().unwrap_or_default());
        async move { await_condition(api.clone(), &name, is_deleted(&uid)).await }
    });
    try_join_all(gone).await?;
    Ok(())
}

/// The names of what is left.
async fn left(client: &Client, namespace: &str) -> String {
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), namespace);
    let all = ListParams::default();
    match try_join(deployments.list(&all), pods.list(&all)).await {
        Ok((deployments, pods)) => {
            let deployments = deployments.iter().map(ResourceExt::name_any);
            let pods = pods.iter().map(ResourceExt::name_any);
            let names: Vec<_> = deployments.chain(pods).collect();
            names.join(", ")
        }
        Err(error) => error.to_string(),
    }
}

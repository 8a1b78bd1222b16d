//! Removes a scenario's objects from a cluster that the next one is to have.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::try_join_all;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, ListParams};
use kube::runtime::conditions::is_deleted;
use kube::runtime::wait::await_condition;
use kube::{Api, Client, ResourceExt};
use serde_json::Value;
use tokio::time::timeout;

use crate::install::{ApplyError, remove};

/// How long pods may take to go, once they are killed.
const PODS_GONE: Duration = Duration::from_secs(60);

/// Why a cluster could not be cleared.
#[derive(Debug, thiserror::Error)]
pub(super) enum CleanError {
    #[error(transparent)]
    Delete(#[from] ApplyError),
    #[error("delete the pods of namespace {namespace}")]
    Pods {
        namespace: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("the pods of namespace {namespace} are not gone within {PODS_GONE:?}: {left}")]
    Stay { namespace: String, left: String },
}

/// Deletes the objects, all but Namespaces, and waits until the pods that they brought about are gone.
pub(super) async fn clean(client: &Client, objects: &[Value]) -> Result<(), CleanError> {
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
    try_join_all(
        namespaces
            .into_iter()
            .map(|namespace| pods_gone(client, namespace)),
    )
    .await?;
    Ok(())
}

async fn pods_gone(client: &Client, namespace: &str) -> Result<(), CleanError> {
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let failed = |source: Box<dyn std::error::Error + Send + Sync>| CleanError::Pods {
        namespace: namespace.to_owned(),
        source,
    };
    // Nobody learns anything from their last requests any more.
    let at_once = DeleteParams::default().grace_period(1);
    let deleted = pods
        .delete_collection(&at_once, &ListParams::default())
        .await;
    deleted.map_err(|error| failed(error.into()))?;
    let list = pods.list(&ListParams::default()).await;
    let list = list.map_err(|error| failed(error.into()))?;
    let gone = list.items.iter().map(|pod| {
        let (pods, name, uid) = (pods.clone(), pod.name_any(), pod.uid().unwrap_or_default());
        async move { await_condition(pods, &name, is_deleted(&uid)).await }
    });
    match timeout(PODS_GONE, try_join_all(gone)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(failed(error.into())),
        Err(_) => {
            let left = pods.list(&ListParams::default()).await;
            let names = left.map(|list| list.iter().map(ResourceExt::name_any).collect::<Vec<_>>());
            Err(CleanError::Stay {
                namespace: namespace.to_owned(),
                left: names.map_or_else(|error| error.to_string(), |names| names.join(", ")),
            })
        }
    }
}

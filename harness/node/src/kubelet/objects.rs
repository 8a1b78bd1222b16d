//! Secrets, ConfigMaps and Services that pods use: read when needed, and news of their changes.

use std::collections::BTreeSet;

use futures::StreamExt;
use k8s_openapi::api::core::v1::{ConfigMap, Secret, Service};
use kube::core::PartialObjectMeta;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, Resource, ResourceExt};
use tokio::sync::broadcast;

use super::env::{self, Variables};
use super::volume::Objects;

/// What has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    Secret {
        namespace: String,
        name: String,
    },
    ConfigMap {
        namespace: String,
        name: String,
    },
    /// A watch began anew: anything may have.
    Anything,
}

/// The names of the objects that something uses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Names {
    pub(crate) secrets: BTreeSet<String>,
    pub(crate) config_maps: BTreeSet<String>,
}

impl Names {
    /// Whether a change concerns one of these, in `namespace`.
    pub(crate) fn concern(&self, change: &Change, in_namespace: &str) -> bool {
        match change {
            Change::Secret { namespace, name } => {
                namespace == in_namespace && self.secrets.contains(name)
            }
            Change::ConfigMap { namespace, name } => {
                namespace == in_namespace && self.config_maps.contains(name)
            }
            Change::Anything => true,
        }
    }
}

/// Reads all of `names`; what isn't there is `None`.
pub(crate) async fn read(
    client: &Client,
    namespace: &str,
    names: &Names,
) -> Result<Objects, kube::Error> {
    let mut objects = Objects::default();
    let secrets: Api<Secret> = Api::namespaced(client.clone(), namespace);
    for name in &names.secrets {
        let secret = secrets.get_opt(name).await?;
        objects.secrets.insert(name.clone(), secret);
    }
    let config_maps: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    for name in &names.config_maps {
        let config_map = config_maps.get_opt(name).await?;
        objects.config_maps.insert(name.clone(), config_map);
    }
    Ok(objects)
}

/// The variables of Services for a container in `namespace`: the API server's always, its neighbours' with
/// `links` (`getServiceEnvVarMap`).
pub(crate) async fn service_variables(
    client: &Client,
    namespace: &str,
    links: bool,
) -> Result<Variables, kube::Error> {
    const MASTER: (&str, &str) = ("default", "kubernetes");
    let master: Api<Service> = Api::namespaced(client.clone(), MASTER.0);
    let mut services: Vec<Service> = master.get_opt(MASTER.1).await?.into_iter().collect();
    if links {
        let neighbours: Api<Service> = Api::namespaced(client.clone(), namespace);
        services.extend(neighbours.list(&Default::default()).await?.items);
    }
    Ok(env::of_services(&services))
}

/// Tells of every change until the kubelet ends.
pub(crate) async fn watch(client: Client, changes: broadcast::Sender<Change>) {
    let secrets = follow::<Secret>(client.clone(), changes.clone(), |namespace, name| {
        Change::Secret { namespace, name }
    });
    let config_maps = follow::<ConfigMap>(client, changes, |namespace, name| Change::ConfigMap {
        namespace,
        name,
    });
    tokio::join!(secrets, config_maps);
}

async fn follow<K>(
    client: Client,
    changes: broadcast::Sender<Change>,
    change: fn(String, String) -> Change,
) where
    K: Resource<DynamicType = ()>
        + Clone
        + std::fmt::Debug
        + serde::de::DeserializeOwned
        + Send
        + 'static,
{
    let config = watcher::Config::default();
    let objects = Api::<PartialObjectMeta<K>>::all(client);
    let events = watcher(objects, config).default_backoff();
    let mut events = std::pin::pin!(events);
    while let Some(event) = events.next().await {
        let news = match event {
            Ok(watcher::Event::Apply(object) | watcher::Event::Delete(object)) => {
                change(object.namespace().unwrap_or_default(), object.name_any())
            }
            Ok(watcher::Event::InitDone) => Change::Anything,
            Ok(watcher::Event::Init | watcher::Event::InitApply(_)) => continue,
            Err(error) => {
                tracing::debug!(kind = %K::kind(&()), %error, "watch; trying again");
                continue;
            }
        };
        // Nobody listens while there is no pod.
        let _ = changes.send(news);
    }
}

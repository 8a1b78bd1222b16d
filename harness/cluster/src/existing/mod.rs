//! Backend `existing`: a cluster that somebody else owns, used with care.
//!
//! The user names kubeconfig and context. Each lease is a run of its own: its namespaces have names that nobody else has,
//! every object bears labels with run, process and expiry ([`Placement`]), and everything is removed by these labels,
//! at the end by the run and after SIGKILL by [`Provider::reap`](crate::Provider::reap). Nothing of others is changed.

mod error;
mod look;
mod owner;
mod placement;
mod provider;
mod removal;
mod rights;

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use kube::config::{KubeConfigOptions, Kubeconfig};
use setpoint_node::protocol::Target;

use crate::cluster::{
    Access, Authority, Cluster, ConnectError, Connection, MintError, MintRequest, Minted, StopError,
};

use removal::Removal;

pub use error::ExistingError;
pub use placement::{Images, Placement};
pub use provider::ExistingProvider;
pub use rights::manifest as rights;

/// How long a connection to the API server may take.
const CONNECT: Duration = Duration::from_secs(5);

/// Which cluster is used, and how.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ExistingOptions {
    /// The kubeconfig.
    pub kubeconfig: PathBuf,
    /// Its context.
    pub context: String,
    /// How long a run may last; `reap` removes what is left then.
    pub ttl: Duration,
    /// What the cluster can pull in place of the images that manifests name.
    pub images: Images,
    /// How long a new HPA may wait for the HPA controller: its usual period is 15 seconds, and few choose more than 30.
    pub judged_within: Duration,
    /// How long namespaces and what is in them may take to end; pods have half a minute for that.
    pub ended_within: Duration,
    /// Whether the adapter is the cluster's own: nothing is created outside of the run's namespaces then.
    pub observes: bool,
    /// Whether runs make PodMonitors, for a Prometheus of the Prometheus operator.
    pub pod_monitors: bool,
}

impl ExistingOptions {
    /// This cluster, for runs of two hours, which install an adapter.
    #[must_use]
    pub fn new(kubeconfig: PathBuf, context: String) -> Self {
        Self {
            kubeconfig,
            context,
            ttl: Duration::from_secs(2 * 3600),
            images: Images::default(),
            judged_within: Duration::from_secs(90),
            ended_within: Duration::from_secs(120),
            observes: false,
            pod_monitors: false,
        }
    }

    /// The ClusterRoles with the rights that runs take, as manifests.
    #[must_use]
    pub fn rights(&self) -> Vec<&'static str> {
        let pod_monitors = self.pod_monitors.then_some(rights::POD_MONITORS);
        let way = rights::manifest(self.observes);
        [way].into_iter().chain(pod_monitors).collect()
    }

    fn removal(&self) -> Removal {
        Removal {
            observes: self.observes,
            within: self.ended_within,
        }
    }

    /// The configuration of the context, and of no other.
    async fn config(&self) -> Result<kube::Config, ExistingError> {
        let unusable = |error| ExistingError::of_kubeconfig(&self.kubeconfig, error);
        let file = Kubeconfig::read_from(&self.kubeconfig).map_err(unusable)?;
        let there: Vec<&str> = file.contexts.iter().map(|one| one.name.as_str()).collect();
        if !there.contains(&self.context.as_str()) {
            return Err(ExistingError::NoContext {
                path: self.kubeconfig.clone(),
                context: self.context.clone(),
                there: if there.is_empty() {
                    "none".to_owned()
                } else {
                    there.join(", ")
                },
            });
        }
        let options = KubeConfigOptions {
            context: Some(self.context.clone()),
            ..KubeConfigOptions::default()
        };
        let config = kube::Config::from_custom_kubeconfig(file, &options).await;
        let mut config = config.map_err(unusable)?;
        config.connect_timeout = Some(CONNECT);
        Ok(config)
    }
}

/// A cluster that somebody else owns, as one run uses it.
#[derive(Debug)]
pub struct ExistingCluster {
    access: Access,
    removal: Removal,
}

#[async_trait]
impl Cluster for ExistingCluster {
    fn access(&self) -> &Access {
        &self.access
    }

    async fn connect(&self, to: &Target, port: u16) -> Result<Connection, ConnectError> {
        crate::forward::connect(&self.access.client, to, port).await
    }

    async fn mint(
        &self,
        authority: Authority,
        _request: &MintRequest,
    ) -> Result<Minted, MintError> {
        Err(MintError::NotCapable { authority })
    }

    /// Its components are somebody else's.
    async fn component_logs(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    /// Removes the run; the cluster stays.
    async fn stop(&self) -> Result<(), StopError> {
        self.remove(|| {}).await
    }
}

impl ExistingCluster {
    /// Removes the run, and calls `freed` once another run can begin.
    async fn remove(&self, freed: impl FnOnce()) -> Result<(), StopError> {
        let Some(placement) = self.placement() else {
            return Ok(());
        };
        let selector = placement.selector();
        let client = &self.access.client;
        let removed = self.removal.remove(client, &selector, freed).await;
        removed.map_err(|source| StopError {
            name: selector,
            source: Box::new(source),
        })
    }
}

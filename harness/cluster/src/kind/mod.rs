//! Backend `kind`: a real node in a container, with kubelet, containerd, kube-proxy and CoreDNS.
//!
//! Everything is done through the `kind` command and the Kubernetes API; the engine's own command is asked for
//! the authorities' keys and for kubelet's log. A cluster takes half a minute to start, so it is made to be
//! shared. Its name carries its expiry, so that [`Provider::reap`](crate::Provider::reap) finds what a killed run left.
//!
//! Programs become images without a registry and without a build: each is a layer of its own, with the libraries
//! that it needs, put into the node by `kind load image-archive`.

mod archive;
mod config;
mod cure;
mod error;
mod name;
mod provider;
mod start;
mod tool;

use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{ListParams, LogParams};
use kube::{Api, ResourceExt as _};
use setpoint_node::protocol::Target;
use tokio_util::sync::CancellationToken;

use crate::ControlPlaneOptions;
use crate::cluster::{
    Access, Authority, Capability, Cluster, ConnectError, Connection, Facts, MintError,
    MintRequest, Minted, StopError,
};
use crate::pki::Authorities;
use crate::provider::{ClusterStatus, Progress};
use start::Node;

pub use archive::KindImage;
pub use error::KindError;
pub use provider::KindProvider;

/// What every kind cluster can do.
const CAPABILITIES: [Capability; 3] = [
    Capability::ControlPlaneFlags,
    Capability::Mint,
    Capability::SystemRoles,
];

/// How many of a log's last lines are evidence.
const EVIDENCE_LINES: u32 = 200;
/// How long one log may take.
const LOG_LIMIT: Duration = Duration::from_secs(5);

/// What a kind cluster is made of and what it runs.
#[derive(Clone)]
#[non_exhaustive]
pub struct KindOptions {
    /// What the cluster is called; `setpoint-` and its expiry are put around it.
    pub name: String,
    /// How long it is to live at most; [`Provider::reap`](crate::Provider::reap) removes it then.
    pub ttl: Duration,
    /// The `kind` command; none looks it up in `SETPOINT_KIND`, in PATH and in the cache.
    pub kind: Option<PathBuf>,
    /// The node's image; none takes `SETPOINT_KIND_NODE_IMAGE`, else kind's own.
    pub node_image: Option<String>,
    /// Programs that become images on the node.
    pub images: Vec<KindImage>,
    /// Flags of the control plane.
    pub control_plane: ControlPlaneOptions,
    /// How long the node, the system's pods and each image may take.
    pub ready_timeout: Duration,
    /// Called with what is being waited for.
    pub progress: Option<Progress>,
    /// Gives the start up; what there is by then is removed.
    pub interrupted: CancellationToken,
}

impl KindOptions {
    /// A cluster of one node with kind's own image and the usual options.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ttl: Duration::from_secs(2 * 3600),
            kind: None,
            node_image: None,
            images: Vec::new(),
            control_plane: ControlPlaneOptions::default(),
            ready_timeout: Duration::from_secs(180),
            progress: None,
            interrupted: CancellationToken::new(),
        }
    }
}

impl Default for KindOptions {
    fn default() -> Self {
        Self::new("default")
    }
}

impl std::fmt::Debug for KindOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KindOptions")
            .field("name", &self.name)
            .field("node_image", &self.node_image)
            .field("control_plane", &self.control_plane)
            .finish_non_exhaustive()
    }
}

/// A kind cluster that ends with this value.
pub struct KindCluster {
    node: Node,
    authorities: Authorities,
    access: Access,
}

impl std::fmt::Debug for KindCluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KindCluster")
            .field("name", &self.node.name)
            .field("facts", &self.access.facts)
            .finish_non_exhaustive()
    }
}

impl KindCluster {
    /// Lets it live on without this process, until its time is over.
    ///
    /// # Errors
    /// When that can't be written down; it ends then.
    pub fn keep(&self) -> Result<ClusterStatus, KindError> {
        self.node.disown()?;
        let status = provider::look(&self.node.name)?;
        self.node.detach();
        Ok(status)
    }

    /// Starts a cluster and waits until pods can be created in it and find Services by name.
    ///
    /// # Errors
    /// Says what is missing or which command failed, with its last lines; nothing of the cluster is left then.
    pub async fn start(options: KindOptions) -> Result<Self, KindError> {
        let started = std::time::Instant::now();
        let (node, made) = start::start(&options, true).await?;
        let mut stated = options.control_plane.stated();
        stated.push(format!("kubelet syncFrequency={}", config::KUBELET_SYNC));
        let facts = Facts {
            backend: "kind".to_owned(),
            kubernetes_version: made.kubernetes_version,
            hpa_sync_period: options.control_plane.hpa_sync_period,
            options: stated,
            ready_after: started.elapsed(),
        };
        let access = Access {
            client: made.client,
            config: made.config,
            kubeconfig: node.kubeconfig(),
            capabilities: CAPABILITIES.into(),
            facts,
            placement: None,
        };
        Ok(Self {
            node,
            authorities: made.authorities,
            access,
        })
    }

    /// The name that `kind get clusters` shows.
    #[must_use]
    pub fn name(&self) -> String {
        self.node.name.to_string()
    }

    async fn logs_of_components(&self) -> Vec<(String, String)> {
        let mut logs = Vec::new();
        let pods: Api<Pod> = Api::namespaced(self.client(), "kube-system");
        let parameters = LogParams {
            tail_lines: Some(EVIDENCE_LINES.into()),
            ..LogParams::default()
        };
        let list = pods.list(&ListParams::default()).await;
        for pod in list.map(|list| list.items).unwrap_or_default() {
            let name = pod.name_any();
            let log = tokio::time::timeout(LOG_LIMIT, pods.logs(&name, &parameters)).await;
            let log = match log {
                Ok(Ok(log)) => log,
                Ok(Err(error)) => error.to_string(),
                Err(_) => format!("no answer within {LOG_LIMIT:?}"),
            };
            logs.push((name, log));
        }
        let lines = EVIDENCE_LINES.to_string();
        let journal = [
            "journalctl",
            "--unit=kubelet",
            "--no-pager",
            "--lines",
            &lines,
        ];
        let kubelet = self.node.run(&journal).await;
        logs.push((
            "kubelet".to_owned(),
            kubelet.unwrap_or_else(|error| error.to_string()),
        ));
        logs
    }
}

#[async_trait]
impl Cluster for KindCluster {
    fn access(&self) -> &Access {
        &self.access
    }

    async fn connect(&self, to: &Target, port: u16) -> Result<Connection, ConnectError> {
        crate::forward::connect(&self.access.client, to, port).await
    }

    async fn mint(&self, authority: Authority, request: &MintRequest) -> Result<Minted, MintError> {
        self.authorities.mint(authority, request)
    }

    async fn component_logs(&self) -> Vec<(String, String)> {
        self.logs_of_components().await
    }

    async fn stop(&self) -> Result<(), StopError> {
        let stop_error = |error| StopError {
            name: self.node.name.to_string(),
            source: Box::new(error),
        };
        self.node.remove().await.map_err(stop_error)
    }
}

/// The folder that `kind` is looked up in last: the one that the control plane's programs are cached in.
fn cache() -> Option<PathBuf> {
    crate::provision::Options::from_env().cache
}

fn kubeconfig_in(folder: &Path) -> PathBuf {
    folder.join("kubeconfig")
}

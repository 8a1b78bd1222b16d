//! The use of a cluster, the same for every backend.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use kube::api::ListParams;
use kube::runtime::watcher;
use serde::{Deserialize, Serialize};
use setpoint_node::protocol::Target;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::existing::Placement;

/// A byte stream to a port of a pod or service.
pub type Connection = Box<dyn Stream>;

/// What [`Connection`] can do: read and write, from any task.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A running cluster, whatever it is made of. Its life, from the start to the end, is [`Provider`](crate::Provider)'s.
#[async_trait]
pub trait Cluster: Send + Sync {
    /// What every cluster has in the same form.
    fn access(&self) -> &Access;

    /// Opens a byte stream to `port` of a Service or pod.
    async fn connect(&self, to: &Target, port: u16) -> Result<Connection, ConnectError>;

    /// Issues a certificate from one of the cluster's own authorities.
    async fn mint(&self, authority: Authority, request: &MintRequest) -> Result<Minted, MintError>;

    /// Stops the API server, and lets it go on after a time of at most ten seconds; the pause ends even if nobody waits for it.
    async fn pause_api_server(&self, _time: Duration) -> Result<(), PauseError> {
        Err(PauseError::NotCapable)
    }

    /// The last lines of every part of the cluster that keeps a log, by name: evidence for a report.
    async fn component_logs(&self) -> Vec<(String, String)>;

    /// Ends the cluster and removes what it left on disk. A cluster that has ended is of no more use; to end it again
    /// does nothing.
    async fn stop(&self) -> Result<(), StopError>;

    /// A client with cluster-admin rights.
    fn client(&self) -> kube::Client {
        self.access().client.clone()
    }

    /// The configuration behind [`Cluster::client`]: the API server's URL, its CA and the admin's
    /// credentials, for requests as another user.
    fn config(&self) -> kube::Config {
        self.access().config.clone()
    }

    /// A kubeconfig file that works from outside the cluster.
    fn kubeconfig(&self) -> PathBuf {
        self.access().kubeconfig.clone()
    }

    /// What this cluster can do that not every cluster can.
    fn capabilities(&self) -> &BTreeSet<Capability> {
        &self.access().capabilities
    }

    /// What a report says of this cluster.
    fn facts(&self) -> &Facts {
        &self.access().facts
    }

    /// Where objects go on a cluster that others use too; none where the whole cluster is the holder's.
    fn placement(&self) -> Option<&Placement> {
        self.access().placement.as_ref()
    }

    /// Selects the objects of this holder among those of all namespaces.
    fn listed(&self) -> ListParams {
        let selector = self.placement().map(Placement::selector);
        selector.map_or_else(ListParams::default, |own| {
            ListParams::default().labels(&own)
        })
    }

    /// The same, for a watch.
    fn watched(&self) -> watcher::Config {
        let selector = self.placement().map(Placement::selector);
        selector.map_or_else(watcher::Config::default, |own| {
            watcher::Config::default().labels(&own)
        })
    }
}

/// How a cluster is reached, and what is known of it.
#[derive(Clone)]
pub struct Access {
    /// With cluster-admin rights.
    pub client: kube::Client,
    /// The API server's URL, its CA and the admin's credentials.
    pub config: kube::Config,
    /// A file that works from outside the cluster.
    pub kubeconfig: PathBuf,
    /// What this cluster can do that not every cluster can.
    pub capabilities: BTreeSet<Capability>,
    /// What a report says of it.
    pub facts: Facts,
    /// Where objects go, if others use the cluster too.
    pub placement: Option<Placement>,
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access")
            .field("kubeconfig", &self.kubeconfig)
            .field("facts", &self.facts)
            .finish_non_exhaustive()
    }
}

/// A certificate authority of the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Authority {
    /// The one whose certificates may assert another's identity (`requestheader-client-ca-file`).
    FrontProxy,
    /// The one whose certificates are the caller's own identity (`client-ca-file`).
    Client,
}

/// The subject of a certificate to mint: for client authentication and valid for a day, unless it has a flaw.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MintRequest {
    /// The subject's CN: the user's name.
    pub common_name: String,
    /// The subject's O: the user's groups.
    #[serde(default)]
    pub organizations: Vec<String>,
    /// What is wrong with it.
    #[serde(default)]
    pub flaw: Option<Flaw>,
}

/// What is wrong with a certificate, for judging those who verify it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flaw {
    /// Its time is over.
    Expired,
    /// Its time is still to come.
    NotYetValid,
    /// Its extended key usage names something else than what it is shown for.
    WrongUsage,
    /// It is signed by SHA-1.
    Sha1Signature,
}

/// A certificate and its key, both PEM.
#[derive(Clone)]
pub struct Minted {
    /// The certificate.
    pub certificate: String,
    /// The private key, PKCS#8.
    pub key: String,
}

impl fmt::Debug for Minted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Minted").finish_non_exhaustive()
    }
}

/// Something that not every cluster can do; a scenario that needs it is skipped elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Capability {
    /// The flags of kube-apiserver and kube-controller-manager can be chosen.
    ControlPlaneFlags,
    /// [`Cluster::mint`] works.
    Mint,
    /// [`Cluster::connect`] opens hundreds of streams a second; a port-forward passes the API server and kubelet each time.
    ManyConnections,
    /// Roles of the control plane (`system:…`) may be changed: the cluster ends afterwards.
    SystemRoles,
    /// [`Cluster::pause_api_server`] works.
    PausingApiServer,
}

impl Capability {
    /// Why a cluster doesn't have it.
    #[must_use]
    pub fn lacking(self) -> &'static str {
        match self {
            Self::ControlPlaneFlags => "its control plane has the flags that its owner chose",
            Self::Mint => "its authorities keep their keys to themselves",
            Self::ManyConnections => {
                "a port-forward passes the API server and the kubelet each time"
            }
            Self::SystemRoles => "others need the roles of its control plane",
            Self::PausingApiServer => "its API server is not a process that the harness may stop",
        }
    }
}

/// What a report says of a cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Facts {
    /// The backend's name: `local`, later `kind` and others.
    pub backend: String,
    /// Kubernetes' version as its API server states it.
    pub kubernetes_version: String,
    /// The HPA controller's period: what one `sync` of a scenario is.
    pub hpa_sync_period: Duration,
    /// Flags and choices that differ from Kubernetes' defaults and can change a verdict.
    pub options: Vec<String>,
    /// Wall time from the start to the default ServiceAccount.
    pub ready_after: Duration,
}

/// Why [`Cluster::connect`] failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The way to the cluster itself is broken.
    #[error("reach the cluster to connect to {target} port {port}")]
    Cluster {
        /// Where the stream was to lead.
        target: Target,
        /// The port there.
        port: u16,
        /// The way that is broken, such as the plane's socket.
        #[source]
        source: std::io::Error,
    },
    /// The cluster tried and could not.
    #[error("connect to {target} port {port}: {reason}")]
    Refused {
        /// Where the stream was to lead.
        target: Target,
        /// The port there.
        port: u16,
        /// The other side's words, such as `connection refused`.
        reason: String,
    },
}

/// Why [`Cluster::mint`] failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MintError {
    /// This cluster keeps its authorities' keys to itself.
    #[error("this cluster does not give its {authority:?} authority's key away")]
    NotCapable {
        /// Whose key is out of reach.
        authority: Authority,
    },
    /// The authority's files are unusable or the request is.
    #[error("issue a certificate for `{common_name}`")]
    Issue {
        /// Whom it was for.
        common_name: String,
        /// What is wrong with them.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Why [`Cluster::pause_api_server`] failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PauseError {
    /// This cluster's API server is out of reach.
    #[error("this cluster does not pause its API server")]
    NotCapable,
    /// The plane could not do it.
    #[error("have the plane pause its API server")]
    Plane(#[source] std::io::Error),
}

/// Why [`Cluster::stop`] failed.
#[derive(Debug, thiserror::Error)]
#[error("remove cluster `{name}`")]
pub struct StopError {
    /// The cluster's name.
    pub name: String,
    /// What could not be ended or removed.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

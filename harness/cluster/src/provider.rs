//! The life of a backend's clusters: starting, finding and ending them. The use of one is [`Cluster`].
//!
//! A backend is one module that implements both traits, and one line where its users choose between backends. It says
//! what its clusters can do ([`Provider::capabilities`]), so that what they can't is skipped with a reason; what it can't
//! do for their life, such as starting a cluster that somebody else owns, is an error of [`Fault::Caller`]. Whatever it
//! starts bears a name or label with its expiry, so that [`Provider::reap`] finds what a killed process left. What all
//! backends have in common is in this module and in [`Access`](crate::Access).

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use setpoint_node::control_plane::ControlPlaneOptions;
use tokio_util::sync::CancellationToken;

use crate::cluster::{Capability, Cluster, StopError};

/// Called with what is being waited for while a cluster starts, such as `etcd and kube-apiserver`.
pub type Progress = Arc<dyn Fn(&str) + Send + Sync>;

/// Starts, finds and ends the clusters of one backend.
#[async_trait]
pub trait Provider: Send + Sync {
    /// The backend's name: `local`, `kind`, `existing`.
    fn name(&self) -> &'static str;

    /// What every cluster of this backend can do.
    fn capabilities(&self) -> &'static [Capability];

    /// Whether a cluster may start before it is its holder's turn, beside those that are in use.
    fn starts_ahead(&self) -> bool;

    /// Whether the programs that it needs are there, before anything is built or started for them.
    async fn check(&self) -> Result<(), ProviderError>;

    /// Starts a cluster that outlives this process, until [`Provider::down`] or until `ttl` is over.
    async fn up(
        &self,
        name: &str,
        ttl: Duration,
        options: &StartOptions,
    ) -> Result<ClusterStatus, ProviderError>;

    /// All clusters of this user.
    async fn status(&self) -> Result<Vec<ClusterStatus>, ProviderError>;

    /// Ends the cluster of that name and removes what it left. One that is being started is waited for.
    async fn down(&self, name: &str) -> Result<(), ProviderError>;

    /// Removes what killed processes left, and clusters whose time is over.
    async fn reap(&self) -> Result<Vec<Reaped>, ProviderError>;

    /// A cluster for one holder: a new one, or one that was given back. It ends with this process.
    async fn lease(&self, options: &StartOptions) -> Result<Box<dyn Lease>, ProviderError>;

    /// Ends the clusters that were given back. Leases that are still held end with their holders.
    async fn close(&self) -> Result<(), StopError>;
}

/// A cluster, for as long as its holder needs it.
#[async_trait]
pub trait Lease: Send {
    /// The cluster.
    fn cluster(&self) -> Arc<dyn Cluster>;

    /// Whether the next holder may get this cluster: who gives it back clean has removed what it made.
    fn is_shared(&self) -> bool;

    /// Returns the cluster: one that is shared and clean waits for its next holder, any other one ends.
    async fn give_back(self: Box<Self>, clean: bool) -> Result<(), StopError>;

    /// Lets the cluster live on without this process, until its time is over. `None` where the backend can't: it ends.
    async fn keep(self: Box<Self>) -> Result<Option<ClusterStatus>, ProviderError>;
}

/// What is chosen for each cluster that a [`Provider`] starts.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct StartOptions {
    /// Flags of the control plane.
    pub control_plane: ControlPlaneOptions,
    /// Whether the holder changes what outlives its objects, so that nobody else may have the cluster before or after.
    pub exclusive: bool,
    /// The namespaces that the holder's manifests name: on a cluster that others use, the holder gets its own in their place.
    pub namespaces: BTreeSet<String>,
    /// Called with what is being waited for.
    pub progress: Option<Progress>,
    /// Gives the start up when it is cancelled; nothing of the cluster is left then.
    pub interrupted: CancellationToken,
}

impl StartOptions {
    /// Whether the next holder may get the cluster: one with flags of its own is of no use to others.
    pub(crate) fn may_be_shared(&self) -> bool {
        !self.exclusive && self.control_plane == ControlPlaneOptions::default()
    }
}

impl fmt::Debug for StartOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StartOptions")
            .field("control_plane", &self.control_plane)
            .finish_non_exhaustive()
    }
}

/// What is known of a cluster without connecting to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterStatus {
    /// The name that [`Provider::down`] takes.
    pub name: String,
    /// Whether its processes live.
    pub is_alive: bool,
    /// When its time is over; none for a cluster that ends with the process that started it.
    pub expires: Option<jiff::Timestamp>,
    /// Whether it ends then by itself, without [`Provider::reap`].
    pub ends_by_itself: bool,
    /// A kubeconfig that works from outside.
    pub kubeconfig: PathBuf,
    /// The folder of its logs, where they are files of this machine.
    pub logs: Option<PathBuf>,
}

/// A cluster that [`Provider::reap`] removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reaped {
    /// The name of the cluster, as its backend knows it.
    pub name: String,
    /// Why nobody needs it any more.
    pub why: ReapReason,
}

/// Why a cluster is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReapReason {
    /// It should have ended by now.
    Expired,
    /// The process that it belongs to has ended.
    ClientGone,
    /// Its own processes have ended.
    Dead,
}

impl fmt::Display for ReapReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Expired => "its time is over",
            Self::ClientGone => "its client is gone",
            Self::Dead => "it is dead",
        })
    }
}

/// Whose problem it is that a cluster could not be started, found or ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// What was asked for can't be had: a bad name, a name in use, an address of another machine, a kubeconfig that can't be used.
    Caller,
    /// The cluster, or the machine that it is to run on.
    Cluster,
    /// [`StartOptions::interrupted`] was cancelled.
    Interrupted,
}

/// Why no cluster of a backend, which stands first, can be had by the name that a user gave.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// A cluster of that name is up.
    #[error(
        "{0} cluster `{1}` is up already; `setpoint cluster down --cluster {0} --name {1}` ends it"
    )]
    InUse(&'static str, String),
    /// No cluster has that name.
    #[error(
        "there is no {0} cluster `{1}`; `setpoint cluster status --cluster {0}` lists those that are up"
    )]
    Unknown(&'static str, String),
    /// The backend's clusters have other names: which characters, and how many at most.
    #[error("the name of a {0} cluster is made of {2}, at most {3} of them; `{1}` is not")]
    Malformed(&'static str, String, &'static str, usize),
}

/// Why a [`Provider`] could not do what it was asked for. Its text is that of the backend's own error.
#[derive(Debug)]
pub struct ProviderError {
    fault: Fault,
    error: Box<dyn Error + Send + Sync>,
    left: Option<String>,
}

impl ProviderError {
    /// A backend's own error.
    pub fn new(fault: Fault, error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let error = error.into();
        Self {
            fault,
            error,
            left: None,
        }
    }

    /// The same, and what could not be removed of what was begun: objects by name.
    #[must_use]
    pub fn leaving(mut self, left: String) -> Self {
        self.left = Some(left);
        self
    }

    /// What could not be removed of what was begun, if something could not.
    #[must_use]
    pub fn left(&self) -> Option<&str> {
        self.left.as_deref()
    }

    /// Whose problem it is.
    #[must_use]
    pub fn fault(&self) -> Fault {
        self.fault
    }
}

impl fmt::Display for ProviderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl Error for ProviderError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.error.source()
    }
}

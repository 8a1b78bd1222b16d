//! A real Kubernetes control plane with running pods, from a test, in about three seconds.
//!
//! `kube-apiserver`, `etcd` and `kube-controller-manager` are the real ones; a process kubelet runs the
//! containers of applied pod templates as child processes in namespaces of their own, and a small
//! userspace proxy gives Services their ClusterIPs.
//!
//! Everybody speaks the Kubernetes API: what a test installs are ordinary manifests, and which program
//! stands behind an image name is said by an [`ImageTable`].
//!
//! ```no_run
//! use setpoint_cluster::local::{LocalCluster, LocalOptions};
//! use setpoint_cluster::{Cluster, ImageRoot, ImageTable, LocalImage, provision};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let mut images = ImageTable::default();
//! images.insert(
//!     "registry.example/controller",
//!     LocalImage { program: "/opt/controller".into(), root: ImageRoot::HostLibraries },
//! );
//! let binaries = provision::find(&provision::Options::from_env())?;
//! let cluster = LocalCluster::start(LocalOptions::new(binaries, images)).await?;
//! println!("KUBECONFIG={}", cluster.kubeconfig().display());
//! let version = cluster.client().apiserver_version().await?;
//! println!("{} after {:?}", version.git_version, cluster.facts().ready_after);
//! cluster.stop().await?;
//! # Ok(())
//! # }
//! ```
//!
//! A [`local::LocalCluster`] ends with the process that started it, however that ends. It needs Linux with user
//! namespaces, but neither root nor a container engine.

#![forbid(unsafe_code)]

mod cluster;
pub mod kind;
mod kubeconfig;
pub mod local;
mod pki;
mod provider;
pub mod provision;
mod user_folder;

pub use cluster::{
    Access, Authority, Capability, Cluster, ConnectError, Connection, Facts, Flaw, MintError,
    MintRequest, Minted, StopError,
};
pub use provider::{
    ClusterStatus, Fault, Lease, Progress, Provider, ProviderError, ReapReason, Reaped,
    StartOptions,
};
#[doc(inline)]
pub use setpoint_node::UNSUPPORTED_FIELD;
#[doc(inline)]
pub use setpoint_node::control_plane::{Binaries, ControlPlaneOptions};
#[doc(inline)]
pub use setpoint_node::image::{ImageRoot, ImageTable, LocalImage};
#[doc(inline)]
pub use setpoint_node::protocol::Target;

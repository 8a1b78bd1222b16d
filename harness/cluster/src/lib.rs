#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod cluster;
mod crds;
pub mod existing;
mod expiry;
mod forward;
pub mod kind;
mod kubeconfig;
pub mod local;
mod pki;
mod pool;
mod provider;
pub mod provision;
mod user_folder;

pub use cluster::{
    Access, Authority, Capability, Cluster, ConnectError, Connection, Facts, Flaw, MintError,
    MintRequest, Minted, PauseError, StopError,
};
pub use crds::{CrdError, install_crds};
pub use pki::signed_by_sha1;
pub use provider::{
    ClusterStatus, Fault, Lease, NameError, Progress, Provider, ProviderError, ReapReason, Reaped,
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

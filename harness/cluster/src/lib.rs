//! A real Kubernetes control plane with running pods, from a test, in about three seconds.
//!
//! `kube-apiserver`, `etcd` and `kube-controller-manager` are the real ones; a process kubelet runs the
//! containers of applied pod templates as child processes in namespaces of their own, and a small
//! userspace proxy gives Services their ClusterIPs.
//!
//! Everybody speaks the Kubernetes API: what a test installs are ordinary manifests, and which program
//! stands behind an image name is said by an [`ImageTable`].

#![forbid(unsafe_code)]

mod cluster;
mod image;
mod kubeconfig;
#[doc(hidden)]
pub mod kubelet;
pub mod local;
mod logs;
mod pki;
#[doc(hidden)]
pub mod plane;
pub mod provision;
#[doc(hidden)]
pub mod proxy;
mod state;

pub use cluster::{
    Authority, Capability, Cluster, ConnectError, Connection, Facts, MintError, MintRequest,
    Minted, StopError, Target,
};
pub use image::{ImageRoot, ImageTable, LocalImage};

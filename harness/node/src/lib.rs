//! Internal to `setpoint-cluster`: one node with a Kubernetes control plane in Linux namespaces. Use that crate; this
//! one changes without notice.
//!
//! ```text
//!  plane      the program `setpoint-plane`: namespaces, etcd, kube-apiserver, kube-controller-manager
//!    kubelet    runs pods of known images as child processes
//!    proxy      gives Services their ClusterIPs
//!    network    gives pods their addresses
//!  protocol   what the program's client says to it
//! ```
//!
//! The kubelet is frozen: it supports the pod fields that Setpoint's scenarios and adapter profiles use, and refuses
//! all others by name. A user who needs more uses kind.

#![forbid(unsafe_code)]

pub mod address;
pub mod control_plane;
pub mod dir;
mod failure;
pub mod image;
mod kubelet;
pub mod logs;
mod network;
mod plane;
pub mod process;
pub mod protocol;
mod proxy;

pub use kubelet::{READY_AFTER, UNSUPPORTED_FIELD};
pub use plane::plane_main;

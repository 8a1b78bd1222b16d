//! The plane process: one Kubernetes control plane in namespaces of its own.
//!
//! This is the program `setpoint-plane`. It reads a specification file and uses inherited descriptors; the
//! client that starts it is backend `local` of `setpoint-cluster`, and [`crate::protocol`] is what both share.

mod component;
mod control;
mod flags;
mod init;
mod namespaces;
mod node;
mod pause;
mod relay;
mod run;
mod stage;

pub use stage::plane_main;

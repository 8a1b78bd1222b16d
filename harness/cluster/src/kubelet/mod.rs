//! The process kubelet: runs pods of known images as child processes in namespaces of their own.

pub mod paths;
pub mod server;

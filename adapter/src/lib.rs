//! Serves `custom.metrics.k8s.io`, `external.metrics.k8s.io` and `metrics.k8s.io` from Prometheus: the drop-in successor of prometheus-adapter.
//!
//! A request is handled in this order:
//!
//! ```text
//! TLS (setpoint-serve) -> RequestInfo -> User -> Decision -> ApiGroup -> MetricQuery
//!   -> PromQL -> samples -> MetricValueList          (setpoint-rules: from MetricQuery on)
//! ```
//!
//! `api::status` is the one place that maps errors to `metav1.Status`. Background tasks (relist,
//! certificates, the authentication ConfigMap) only replace immutable snapshots: a request never
//! waits for one and never sees half of one.
//!
//! All of it is for the program `setpoint-adapter`, so only its [`main`] is public
//! (and what `adapter/fuzz` asks for, where cargo-fuzz compiles it).

mod api;
mod args;
mod auth;
mod certs;
mod check;
mod config;
mod custom;
#[cfg(test)]
mod empty_root;
mod error_chain;
mod explain;
mod external;
mod files;
#[cfg(fuzzing)]
pub mod fuzzing;
mod kubernetes;
mod logging;
mod metrics;
mod prometheus;
mod provider;
mod queries;
mod registry;
mod reload;
mod request_info;
mod run;
mod serving;
mod tasks;
mod text;
mod trace;
mod usage;

pub use run::main;

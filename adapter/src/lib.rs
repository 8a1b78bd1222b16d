//! Serves Kubernetes' custom metrics API from Prometheus: the drop-in successor of prometheus-adapter.
//!
//! One request goes one way, through typed values:
//!
//! ```text
//! TLS (setpoint-serve) -> Peer -> RequestInfo -> User -> MetricQuery -> PromQL -> samples -> MetricValueList
//!                                        metav1.Status <- api::status, the one place that maps errors
//! ```
//!
//! Background tasks (relist, the authentication ConfigMap) only swap snapshots: a request never waits for
//! one and never sees half of one.

pub mod api;
pub mod args;
pub mod auth;
pub mod certs;
pub mod config;
pub mod custom;
pub mod files;
pub mod kubernetes;
pub mod naming;
pub mod prometheus;
pub mod provider;
pub mod registry;
pub mod rest_mapping;
pub mod run;
pub mod selector;
pub mod serving;
mod words;

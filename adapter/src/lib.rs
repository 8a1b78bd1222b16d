//! Serves Kubernetes' custom metrics API from Prometheus: the drop-in successor of prometheus-adapter.

pub mod provider;

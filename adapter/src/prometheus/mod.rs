//! Prometheus' HTTP API, as far as the adapter asks it.

mod client;
mod wire;

use std::collections::BTreeMap;

use futures::future::BoxFuture;

pub use client::{HttpClient, HttpClientError, HttpClientOptions};
pub use wire::PrometheusError;

/// A series: its name and its other labels.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Series {
    /// `__name__`
    pub name: String,
    /// All other labels.
    pub labels: BTreeMap<String, String>,
}

/// One element of an instant vector.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The labels, `__name__` included where it is kept.
    pub labels: BTreeMap<String, String>,
    /// The value.
    pub value: f64,
}

/// Asks Prometheus.
pub trait PrometheusClient: Send + Sync + 'static {
    /// The series that match a selector and had a sample since `start` (seconds since 1970).
    fn series<'a>(
        &'a self,
        selector: &'a str,
        start: f64,
    ) -> BoxFuture<'a, Result<Vec<Series>, PrometheusError>>;

    /// The instant vector of a query, now.
    fn query<'a>(&'a self, query: &'a str) -> BoxFuture<'a, Result<Vec<Sample>, PrometheusError>>;
}

//! Prometheus' HTTP API, as far as the adapter uses it.

mod client;
mod wire;

use futures::future::BoxFuture;
use setpoint_rules::{Sample, Series};

pub(crate) use client::{HttpClient, HttpClientOptions};
pub(crate) use wire::PrometheusError;

/// A client of Prometheus.
pub(crate) trait PrometheusClient: Send + Sync + 'static {
    /// The series that match a selector and had a sample since `start` (seconds since 1970).
    fn series<'a>(
        &'a self,
        selector: &'a str,
        start: f64,
    ) -> BoxFuture<'a, Result<Vec<Series>, PrometheusError>>;

    /// The instant vector of a query, now.
    fn query<'a>(&'a self, query: &'a str) -> BoxFuture<'a, Result<Vec<Sample>, PrometheusError>>;
}

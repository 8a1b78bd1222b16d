//! Prometheus' HTTP API, as far as the adapter uses it.

mod client;
mod error;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod stream;
mod upstreams;
mod wire;

use std::time::Duration;

use futures::future::BoxFuture;
use setpoint_rules::{Destination, Sample, SeriesNames, SeriesQuery};

pub(crate) use client::{
    Access, HttpClient, HttpClientError, HttpClientOptions, system_roots, watch_ca,
};
pub(crate) use error::PrometheusError;
pub(crate) use upstreams::{UpstreamClientError, Upstreams};

/// The series that a selector matches.
#[derive(Debug, PartialEq)]
pub(crate) struct FoundSeries {
    pub(crate) names: SeriesNames,
    /// How many series there are.
    pub(crate) count: u64,
}

/// What a query gives. Other results are errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ResultType {
    /// A sample for each series.
    Vector,
    /// One sample without labels.
    Scalar,
}

impl ResultType {
    /// Takes nothing but a vector.
    pub(crate) fn vector(self) -> Result<(), PrometheusError> {
        match self {
            Self::Vector => Ok(()),
            Self::Scalar => Err(PrometheusError::NoVector {
                kind: "scalar".to_owned(),
            }),
        }
    }
}

/// A client of Prometheus. Answers are read as they come in and never held whole.
pub(crate) trait PrometheusClient: Send + Sync + 'static {
    /// The series that match a selector and had a sample within `max_age`. It has no
    /// limit in time: the caller does.
    fn series<'a>(
        &'a self,
        asked: &'a SeriesQuery,
        max_age: Duration,
    ) -> BoxFuture<'a, Result<FoundSeries, PrometheusError>>;

    /// Gives each sample of the result of a query, now, to `take`.
    fn query<'a>(
        &'a self,
        to: &'a Destination,
        query: &'a str,
        take: &'a mut (dyn FnMut(Sample) + Send),
    ) -> BoxFuture<'a, Result<ResultType, PrometheusError>>;
}

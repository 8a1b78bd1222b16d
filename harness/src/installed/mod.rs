//! An adapter that is there already, on a cluster of others. It is observed, and never changed.
//!
//! The pods of a scenario run the sample application then, and show the scenario's values themselves. How these reach the
//! adapter is the affair of the cluster's owner: by the cluster's own Prometheus, which finds the pods by their annotations, by a
//! PodMonitor, or by whatever its owner has arranged.

mod adapter;
mod application;
mod arrival;
mod feed;
mod hops;

use std::time::Duration;

pub(crate) use adapter::image as adapter_image;
pub(crate) use application::{Application, constant};
pub(crate) use arrival::TOLERANCE;
pub use feed::{Feed, PrometheusService, WrongName};

/// The container of the sample application in the pods of a scenario.
pub(crate) const CONTAINER: &str = "sample-app";
/// Its port.
pub(crate) const PORT: u16 = 8080;
/// The name of that port.
pub(crate) const PORT_NAME: &str = "metrics";

/// How scenarios are played with an adapter that is there already.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Installed {
    /// How the cluster's Prometheus finds the sample application.
    pub feed: Feed,
    /// The name by which the adapter serves the load of the sample application; that of the scenario's metric where none is said.
    pub metric: Option<String>,
    /// The name of the gauge that the sample application shows its load by; that of the metric where none is said.
    pub gauge: Option<String>,
    /// Whom to ask for series where a value doesn't arrive.
    pub prometheus: Option<PrometheusService>,
    /// How long a value may take from the sample application to the adapter.
    pub arrives_within: Duration,
}

impl Installed {
    /// Fed in this way, with five minutes for each value.
    #[must_use]
    pub fn new(feed: Feed) -> Self {
        Self {
            feed,
            metric: None,
            gauge: None,
            prometheus: None,
            arrives_within: Duration::from_secs(300),
        }
    }
}

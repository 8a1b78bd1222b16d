//! How long Prometheus takes, as prometheus-adapter measures it (`pkg/client/metrics`).

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// `prometheus.DefBuckets` of Prometheus' Go client.
const SECONDS: [f64; 11] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    path: &'static str,
    server: String,
}

/// The times of all requests to Prometheus.
#[derive(Debug, Clone)]
pub(super) struct Durations(Family<Labels, Histogram>);

impl Default for Durations {
    fn default() -> Self {
        Self(Family::new_with_constructor(|| Histogram::new(SECONDS)))
    }
}

impl Durations {
    pub(super) fn register(&self, registry: &mut Registry) {
        let name = "prometheus_adapter_prometheus_client_request_duration_seconds";
        let help = "Time until Prometheus has answered, by endpoint and server";
        registry.register(name, help, self.0.clone());
    }

    /// Those of requests to a server; its URL has no credentials.
    pub(super) fn of(&self, server: &str) -> PrometheusDurations {
        PrometheusDurations {
            durations: self.clone(),
            server: server.to_owned(),
        }
    }
}

/// The times of requests to one server.
#[derive(Debug, Clone)]
pub(crate) struct PrometheusDurations {
    durations: Durations,
    server: String,
}

impl PrometheusDurations {
    /// A request for an endpoint, such as `/api/v1/query`, was answered.
    pub(crate) fn observe(&self, path: &'static str, took: Duration) {
        let server = self.server.clone();
        let labels = Labels { path, server };
        let duration = self.durations.0.get_or_create(&labels);
        duration.observe(took.as_secs_f64());
    }
}

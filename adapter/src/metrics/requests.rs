//! The requests that are answered, under the names and labels of `k8s.io/apiserver`
//! (`pkg/endpoints/metrics`).

use std::time::Duration;

use http::{Method, StatusCode};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Of those of `k8s.io/apiserver`, every second one.
const SECONDS: [f64; 12] = [
    0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0,
];

/// What a request is about, in words that no client can choose.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Topic {
    /// A group that the adapter has; else empty, as is what follows.
    pub(crate) group: &'static str,
    pub(crate) version: &'static str,
    /// `*` for values of metrics.
    pub(crate) resource: &'static str,
    /// `resource` for objects in namespaces, `cluster` for others.
    pub(crate) scope: &'static str,
    pub(crate) component: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DurationLabels {
    verb: &'static str,
    #[prometheus(flatten)]
    topic: Topic,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    verb: &'static str,
    #[prometheus(flatten)]
    topic: Topic,
    code: u16,
}

#[derive(Debug, Clone)]
pub(super) struct Requests {
    counts: Family<RequestLabels, Counter>,
    durations: Family<DurationLabels, Histogram>,
}

impl Default for Requests {
    fn default() -> Self {
        Self {
            counts: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(SECONDS)),
        }
    }
}

impl Requests {
    pub(super) fn register(&self, registry: &mut Registry) {
        let help = "Requests by their answers";
        registry.register("apiserver_request", help, self.counts.clone());
        let help = "Time until a request is answered";
        let name = "apiserver_request_duration_seconds";
        registry.register(name, help, self.durations.clone());
    }

    pub(super) fn answered(
        &self,
        method: &Method,
        topic: Topic,
        code: StatusCode,
        after: Duration,
    ) {
        let (verb, code) = (verb(method), code.as_u16());
        let labels = RequestLabels { verb, topic, code };
        self.counts.get_or_create(&labels).inc();
        let durations = self
            .durations
            .get_or_create(&DurationLabels { verb, topic });
        durations.observe(after.as_secs_f64());
    }
}

/// The name of a method that HTTP has (`cleanVerb`).
fn verb(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" | "HEAD" => "GET",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "CONNECT" => "CONNECT",
        _ => "other",
    }
}

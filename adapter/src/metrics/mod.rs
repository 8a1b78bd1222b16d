//! The adapter's own metrics, as OpenMetrics on `/metrics`. Names are those of prometheus-adapter
//! where it has them.

mod process;
mod server;

use std::sync::Arc;
use std::time::Duration;

use axum::response::{IntoResponse as _, Response};
use http::{StatusCode, header};
use parking_lot::Mutex;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use process::Process;
pub(crate) use server::ServerCounts;

const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// `RequestDuration` of `k8s.io/apiserver`, in part.
const SECONDS: [f64; 10] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 15.0, 60.0];

/// The metrics; clones are the same ones. No label has a value that a client can choose.
#[derive(Clone)]
pub(crate) struct OwnMetrics {
    registry: Arc<Mutex<Registry>>,
    requests: Family<RequestLabels, Counter>,
    durations: Family<DurationLabels, Histogram>,
    reviews: Family<ReviewLabels, Counter>,
    reloads: Family<ReloadLabels, Counter>,
    restarts: Family<TaskLabels, Counter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    verb: &'static str,
    group: &'static str,
    code: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DurationLabels {
    verb: &'static str,
    group: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReviewLabels {
    kind: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReloadLabels {
    part: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TaskLabels {
    task: &'static str,
}

impl Default for OwnMetrics {
    fn default() -> Self {
        let histogram = || Histogram::new(SECONDS);
        let metrics = Self {
            registry: Arc::default(),
            requests: Family::default(),
            durations: Family::new_with_constructor(histogram),
            reviews: Family::default(),
            reloads: Family::default(),
            restarts: Family::default(),
        };
        metrics.register(|registry| {
            let requests = metrics.requests.clone();
            registry.register("apiserver_request", "Requests by their answers", requests);
            let durations = metrics.durations.clone();
            let help = "Time until a request is answered";
            registry.register("apiserver_request_duration_seconds", help, durations);
            let own = registry.sub_registry_with_prefix("setpoint_adapter");
            let help = "Reviews that the API server was asked for";
            own.register("reviews", help, metrics.reviews.clone());
            let help = "Files that were read again; after a failure the old state stays";
            own.register("reloads", help, metrics.reloads.clone());
            let help = "Background tasks that died and were started again";
            own.register("task_restarts", help, metrics.restarts.clone());
        });
        metrics.collect(Process::starting_now());
        metrics
    }
}

impl OwnMetrics {
    /// Adds metrics of a part of the adapter.
    pub(crate) fn register<T>(&self, add: impl FnOnce(&mut Registry) -> T) -> T {
        add(&mut self.registry.lock())
    }

    /// Adds metrics that are made at each scrape.
    pub(crate) fn collect(&self, collector: impl Collector) {
        self.register(|registry| registry.register_collector(Box::new(collector)));
    }

    /// A request is answered.
    pub(crate) fn answered(
        &self,
        verb: &'static str,
        group: &'static str,
        code: StatusCode,
        after: Duration,
    ) {
        let code = code.as_u16();
        let labels = RequestLabels { verb, group, code };
        self.requests.get_or_create(&labels).inc();
        let labels = DurationLabels { verb, group };
        let seconds = after.as_secs_f64();
        self.durations.get_or_create(&labels).observe(seconds);
    }

    /// A review has ended.
    pub(crate) fn reviewed(&self, kind: &'static str, outcome: &'static str) {
        self.reviews
            .get_or_create(&ReviewLabels { kind, outcome })
            .inc();
    }

    /// Files were read again.
    pub(crate) fn reloaded(&self, part: &'static str, succeeded: bool) {
        let outcome = if succeeded { "success" } else { "failure" };
        self.reloads
            .get_or_create(&ReloadLabels { part, outcome })
            .inc();
    }

    /// A background task was started again.
    pub(crate) fn restarted(&self, task: &'static str) {
        self.restarts.get_or_create(&TaskLabels { task }).inc();
    }

    /// All metrics as a document.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a String doesn't fail.
        let _ = text::encode(&mut text, &self.registry.lock());
        text
    }

    /// The answer to a scrape.
    pub(crate) fn response(&self) -> Response {
        ([(header::CONTENT_TYPE, CONTENT_TYPE)], self.text()).into_response()
    }
}

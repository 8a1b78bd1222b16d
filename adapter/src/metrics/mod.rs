//! The adapter's own metrics, as OpenMetrics on `/metrics`. Names are those of prometheus-adapter
//! where it has them.

mod process;
mod prometheus;
mod requests;
mod rules;
mod server;

use std::sync::Arc;
use std::time::Duration;

use axum::response::{IntoResponse as _, Response};
use http::{Method, StatusCode, header};
use parking_lot::Mutex;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use process::Process;
pub(crate) use prometheus::PrometheusDurations;
pub(crate) use requests::Topic;
pub(crate) use rules::{MAX_RULES, RuleEvents, RuleName};
pub(crate) use server::ServerCounts;

const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The metrics; clones are the same ones. No label has a value that a client or a series can choose.
#[derive(Clone)]
pub(crate) struct OwnMetrics {
    registry: Arc<Mutex<Registry>>,
    requests: requests::Requests,
    prometheus: prometheus::Durations,
    rules: RuleEvents,
    reviews: Family<ReviewLabels, Counter>,
    reloads: Family<ReloadLabels, Counter>,
    restarts: Family<TaskLabels, Counter>,
    reload_failing: Family<PartLabels, Gauge>,
    expirations: Family<PartLabels, Gauge>,
    findings: Gauge,
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

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PartLabels {
    part: &'static str,
}

impl Default for OwnMetrics {
    fn default() -> Self {
        let metrics = Self {
            registry: Arc::default(),
            requests: requests::Requests::default(),
            prometheus: prometheus::Durations::default(),
            rules: RuleEvents::default(),
            reviews: Family::default(),
            reloads: Family::default(),
            restarts: Family::default(),
            reload_failing: Family::default(),
            expirations: Family::default(),
            findings: Gauge::default(),
        };
        metrics.register(|registry| {
            metrics.requests.register(registry);
            metrics.prometheus.register(registry);
            let own = registry.sub_registry_with_prefix("setpoint_adapter");
            let help = "Reviews that the API server was asked for";
            own.register("reviews", help, metrics.reviews.clone());
            let help = "Files that were read again; after a failure the old state stays";
            own.register("reloads", help, metrics.reloads.clone());
            let help = "1 as long as a part is not as its files say";
            own.register("reload_failing", help, metrics.reload_failing.clone());
            let help = "Background tasks that died and were started again";
            own.register("task_restarts", help, metrics.restarts.clone());
            let help = "When a certificate ends, in seconds since 1970";
            let expirations = metrics.expirations.clone();
            own.register(
                "certificate_expiration_timestamp_seconds",
                help,
                expirations,
            );
            let help = "Findings in rules of the configuration that are served nevertheless; the log says what";
            own.register("configuration_findings", help, metrics.findings.clone());
            metrics.rules.register(own);
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

    /// How the relists and queries of rules go.
    pub(crate) fn rules(&self) -> &RuleEvents {
        &self.rules
    }

    /// How long a Prometheus takes; its URL has no credentials.
    pub(crate) fn durations_of(&self, server: &str) -> PrometheusDurations {
        self.prometheus.of(server)
    }

    /// A request is answered.
    pub(crate) fn answered(
        &self,
        method: &Method,
        topic: Topic,
        code: StatusCode,
        after: Duration,
    ) {
        self.requests.answered(method, topic, code, after);
    }

    /// A certificate is used that ends then, in seconds since 1970.
    pub(crate) fn certificate_ends(&self, part: &'static str, at: i64) {
        self.expirations.get_or_create(&PartLabels { part }).set(at);
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

    /// Whether a part is not as its files say.
    pub(crate) fn reload_fails(&self, part: &'static str, fails: bool) {
        let gauge = self.reload_failing.get_or_create(&PartLabels { part });
        gauge.set(fails.into());
    }

    /// So many findings are in the configuration.
    pub(crate) fn configuration_findings(&self, count: usize) {
        self.findings.set(i64::try_from(count).unwrap_or(i64::MAX));
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

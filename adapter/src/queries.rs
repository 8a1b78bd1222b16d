//! Queries for values by rules, and what is counted of them.

use std::sync::Arc;
use std::time::Instant;

use setpoint_rules::{Destination, Remark, Sample};

use crate::metrics::{RuleEvents, RuleName};
use crate::prometheus::{PrometheusClient, PrometheusError, ResultType};
use crate::provider::ProviderError;
use crate::text::cut;

/// Bytes of a query in the log.
const LOGGED_BYTES: usize = 2 << 10;

/// Asks Prometheus for values; clones ask the same one.
#[derive(Clone)]
pub(crate) struct Queries {
    prometheus: Arc<dyn PrometheusClient>,
    events: RuleEvents,
}

impl Queries {
    pub(crate) fn new(prometheus: Arc<dyn PrometheusClient>, events: RuleEvents) -> Self {
        Self { prometheus, events }
    }

    /// Asks a query that a rule gives, now.
    pub(crate) async fn ask(
        &self,
        rule: RuleName,
        to: &Destination,
        promql: &str,
        take: &mut (dyn FnMut(Sample) + Send),
    ) -> Result<ResultType, PrometheusError> {
        let began = Instant::now();
        let answer = self.prometheus.query(to, promql, take).await;
        self.events.queried(rule, began.elapsed());
        let promql = cut(promql, LOGGED_BYTES);
        let upstream = to.upstream.as_ref().map(|upstream| upstream.name.as_str());
        tracing::debug!(%promql, rule = %rule.label(), upstream, "asked Prometheus");
        answer
    }

    /// Logs what results say of a rule, once for each kind of remark.
    pub(crate) fn remark(&self, rule: RuleName, remark: &Remark) {
        if self.events.is_first_remark(rule, remark.kind()) {
            tracing::warn!(rule = %rule.label(), "{remark}");
        }
    }

    /// Counts it if a rule has failed.
    pub(crate) fn note<T>(&self, rule: RuleName, answer: &Result<T, ProviderError>) {
        if let Some(kind) = answer.as_ref().err().and_then(ProviderError::kind) {
            self.events.query_failed(rule, kind);
        }
    }
}

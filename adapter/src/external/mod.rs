//! External metrics by rules, from Prometheus (`pkg/external-provider/provider.go` of
//! prometheus-adapter).

use std::sync::Arc;

use futures::future::BoxFuture;
use jiff::Timestamp;
use setpoint_metrics_api::external::ExternalMetricValue;
use setpoint_rules::{Attempts, ExternalError, ExternalQuery, Given, ResolvedExternal};

use crate::error_chain::error_chain;
use crate::metrics::RuleName;
use crate::prometheus::ResultType;
use crate::provider::{ExternalMetricsProvider, ProviderError};
use crate::queries::Queries;
use crate::registry::Registry;

/// Answers requests with the rules' external metrics and Prometheus' values.
pub(crate) struct ExternalMetrics {
    registry: Arc<Registry>,
    queries: Queries,
}

impl ExternalMetrics {
    pub(crate) fn new(registry: Arc<Registry>, queries: Queries) -> Self {
        Self { registry, queries }
    }

    async fn answer(
        &self,
        query: &ExternalQuery,
    ) -> Result<Vec<ExternalMetricValue>, ProviderError> {
        let snapshot = self.registry.snapshot();
        let mut attempts = Attempts::default();
        for candidate in snapshot.external.resolve(query)? {
            let rule = RuleName::External(candidate.rule().position());
            let given = self.ask(rule, &candidate).await;
            self.queries.note(rule, &given);
            if let Err(ProviderError::External(error @ ExternalError::NoQuery { .. })) = &given {
                tracing::error!(error = %error_chain(error), "make a query");
            }
            // Where there is nothing, what the others give may have a value.
            let asks_the_next = |error: &ProviderError| matches!(error, ProviderError::External(error) if error.asks_the_next());
            if !attempts.take(given, asks_the_next) {
                break;
            }
        }
        attempts.finish()
    }

    /// The values by one rule and one series.
    async fn ask(
        &self,
        rule: RuleName,
        resolved: &ResolvedExternal<'_>,
    ) -> Result<Given<ExternalMetricValue>, ProviderError> {
        let to = resolved.asks()?;
        let promql = resolved.promql()?;
        let mut values = resolved.values();
        let mut take = |sample| values.add(sample);
        let kind = self.queries.ask(rule, &to, &promql, &mut take).await?;
        if let Some(remark) = values.remark() {
            self.queries.remark(rule, remark);
        }
        Ok(values.items(kind == ResultType::Scalar, Timestamp::now())?)
    }
}

impl ExternalMetricsProvider for ExternalMetrics {
    fn has_rules(&self) -> bool {
        !self.registry.snapshot().external.yields().is_empty()
    }

    fn metrics(&self) -> Vec<Arc<str>> {
        self.registry.snapshot().external.iter().cloned().collect()
    }

    fn values<'a>(
        &'a self,
        query: &'a ExternalQuery,
    ) -> BoxFuture<'a, Result<Vec<ExternalMetricValue>, ProviderError>> {
        Box::pin(self.answer(query))
    }
}

#[cfg(test)]
mod tests;

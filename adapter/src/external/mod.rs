//! External metrics by rules, from Prometheus (`pkg/external-provider/provider.go` of
//! prometheus-adapter).

use std::sync::Arc;

use futures::future::BoxFuture;
use setpoint_metrics_api::external::ExternalMetricValue;
use setpoint_rules::{ExternalError, ExternalQuery, ResolvedExternal};

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
        let mut answer = Ok(Vec::new());
        for candidate in snapshot.external.resolve(query)? {
            let rule = RuleName::External(candidate.rule().position());
            answer = self.ask(rule, &candidate).await;
            self.queries.note(rule, &answer);
            // Where there is nothing, what the others give may have a value.
            if answer.as_ref().is_ok_and(|values| !values.is_empty()) {
                break;
            }
            if let Err(ProviderError::External(error @ ExternalError::NoQuery { .. })) = &answer {
                tracing::error!(error = %error_chain(error), "make a query");
            } else if answer.is_err() {
                break;
            }
        }
        answer
    }

    /// The values by one rule and one series.
    async fn ask(
        &self,
        rule: RuleName,
        resolved: &ResolvedExternal<'_>,
    ) -> Result<Vec<ExternalMetricValue>, ProviderError> {
        let promql = resolved.promql()?;
        let mut values = resolved.values();
        let mut take = |sample| values.add(sample);
        let kind = self.queries.ask(rule, &promql, &mut take).await?;
        Ok(values.items(kind == ResultType::Scalar)?)
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

//! Custom metrics by rules, from Prometheus (`pkg/custom-provider/provider.go` of
//! prometheus-adapter).

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::Timestamp;
use kube::Client;
use setpoint_metrics_api::MetricValue;
use setpoint_rules::{
    Attempts, Given, Items, MetricError, MetricInfo, MetricQuery, Objects, ResolvedQuery, Resource,
    Selector,
};

use crate::error_chain::error_chain;
use crate::kubernetes::object_names;
use crate::metrics::RuleName;
use crate::provider::{CustomMetricsProvider, ProviderError};
use crate::queries::Queries;
use crate::registry::Registry;

/// Answers requests with the rules' metrics and Prometheus' values.
pub(crate) struct CustomMetrics {
    registry: Arc<Registry>,
    queries: Queries,
    kubernetes: Client,
    /// How long the API server may take for an answer.
    answer_timeout: Duration,
}

impl CustomMetrics {
    pub(crate) fn new(
        registry: Arc<Registry>,
        queries: Queries,
        kubernetes: Client,
        answer_timeout: Duration,
    ) -> Self {
        Self {
            registry,
            queries,
            kubernetes,
            answer_timeout,
        }
    }

    async fn answer(&self, query: &MetricQuery) -> Result<Vec<MetricValue>, ProviderError> {
        let snapshot = self.registry.snapshot();
        let candidates = snapshot.custom.resolve(query)?;
        let names = match (&query.objects, candidates.first()) {
            (Objects::Named(name), _) => vec![name.clone()],
            (Objects::Selected(_), None) => Vec::new(),
            (Objects::Selected(selector), Some(candidate)) => {
                self.object_names(candidate.resource(), query.namespace.as_deref(), selector)
                    .await?
            }
        };
        let mut attempts = Attempts::default();
        for candidate in &candidates {
            let rule = RuleName::Custom(candidate.rule().position());
            let given = self.ask(rule, candidate, &names).await;
            self.queries.note(rule, &given);
            // What the others give may have a value, or a query.
            let asks_the_next = |error: &ProviderError| matches!(error, ProviderError::Metric(error) if error.asks_the_next());
            if !attempts.take(given, asks_the_next) {
                break;
            }
        }
        attempts.finish()
    }

    /// The values of objects by one rule and one series.
    async fn ask(
        &self,
        rule: RuleName,
        resolved: &ResolvedQuery<'_>,
        names: &[String],
    ) -> Result<Given<MetricValue>, ProviderError> {
        let to = resolved.asks()?;
        let promql = resolved.promql(names)?;
        let mut values = resolved.values(names)?;
        let mut take = |sample| values.add(&sample);
        let kind = self.queries.ask(rule, &to, &promql, &mut take).await?;
        kind.vector()?;
        for remark in values.remarks() {
            self.queries.remark(rule, remark);
        }
        let Items { given, left_out } = values.items(Timestamp::now())?;
        for error in left_out {
            tracing::debug!(%error, "leave an object out");
        }
        Ok(given)
    }

    /// The names of the objects that a selector selects, sorted.
    async fn object_names(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        selector: &Selector,
    ) -> Result<Vec<String>, ProviderError> {
        let (client, timeout) = (&self.kubernetes, self.answer_timeout);
        let names = object_names(client, resource, namespace, selector, timeout).await;
        names.map_err(|error| ProviderError::list(resource, error))
    }
}

impl CustomMetricsProvider for CustomMetrics {
    fn has_rules(&self) -> bool {
        !self.registry.snapshot().custom.yields().is_empty()
    }

    fn metrics(&self) -> Vec<MetricInfo> {
        self.registry.snapshot().custom.iter().cloned().collect()
    }

    fn values<'a>(
        &'a self,
        query: &'a MetricQuery,
    ) -> BoxFuture<'a, Result<Vec<MetricValue>, ProviderError>> {
        Box::pin(async move {
            let answer = self.answer(query).await;
            if let Err(ProviderError::Metric(error @ MetricError::NoQuery { .. })) = &answer {
                // Clients only read that there is no such metric.
                tracing::error!(error = %error_chain(error), "make a query");
            }
            answer
        })
    }
}

#[cfg(test)]
mod tests;

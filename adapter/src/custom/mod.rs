//! Custom metrics by rules, from Prometheus (`pkg/custom-provider/provider.go` of
//! prometheus-adapter).

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::Timestamp;
use kube::api::{ApiResource, DynamicObject, ListParams};
use kube::{Api, Client};
use setpoint_metrics_api::MetricValue;
use setpoint_rules::{MetricError, MetricInfo, MetricQuery, Objects, Resource, Rules, Selector};
use tokio_util::sync::CancellationToken;

use crate::error_chain::error_chain;
use crate::kubernetes::within;
use crate::prometheus::PrometheusClient;
use crate::provider::{CustomMetricsProvider, ProviderError};
use crate::registry::{Registry, RelistOptions};

/// Answers requests with the rules' metrics and Prometheus' values.
pub(crate) struct CustomMetrics {
    registry: Arc<Registry>,
    prometheus: Arc<dyn PrometheusClient>,
    kubernetes: Client,
    /// How long the API server may take for an answer.
    answer_timeout: Duration,
}

impl CustomMetrics {
    /// Starts to relist, in a task that ends with `shutdown`.
    pub(crate) fn start(
        rules: Rules,
        prometheus: Arc<dyn PrometheusClient>,
        kubernetes: Client,
        options: RelistOptions,
        shutdown: CancellationToken,
    ) -> Self {
        let registry = Arc::new(Registry::new(
            rules,
            prometheus.clone(),
            kubernetes.clone(),
            options,
        ));
        let relisted = registry.clone();
        tokio::spawn(async move { relisted.run(shutdown).await });
        Self {
            registry,
            prometheus,
            kubernetes,
            answer_timeout: options.answer_timeout,
        }
    }

    async fn answer(&self, query: &MetricQuery) -> Result<Vec<MetricValue>, ProviderError> {
        let metrics = self.registry.metrics();
        let resolved = metrics.resolve(query)?;
        let names = match &query.objects {
            Objects::Named(name) => vec![name.clone()],
            Objects::Selected(selector) => {
                self.object_names(resolved.resource(), query.namespace.as_deref(), selector)
                    .await?
            }
        };
        let promql = resolved.promql(&names)?;
        let samples = self.prometheus.query(&promql).await?;
        tracing::debug!(promql, samples = samples.len(), "asked Prometheus");
        Ok(resolved.items(&names, &samples, Timestamp::now())?)
    }

    /// The names of the objects that a selector selects, sorted.
    async fn object_names(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        selector: &Selector,
    ) -> Result<Vec<String>, ProviderError> {
        let api_resource = ApiResource {
            group: resource.group.clone(),
            version: resource.version.clone(),
            api_version: resource.api_version().trim_start_matches('/').to_owned(),
            kind: resource.kind.clone(),
            plural: resource.plural.clone(),
        };
        let api: Api<DynamicObject> = match namespace {
            Some(namespace) if resource.namespaced => {
                Api::namespaced_with(self.kubernetes.clone(), namespace, &api_resource)
            }
            _ => Api::all_with(self.kubernetes.clone(), &api_resource),
        };
        let parameters = ListParams::default().labels(&selector.to_string());
        let listed = within(
            self.answer_timeout,
            "a list of objects",
            api.list_metadata(&parameters),
        )
        .await;
        let listed = listed.map_err(|source| ProviderError::List {
            group_resource: resource.group_resource(),
            source,
        })?;
        let mut names: Vec<String> = listed
            .items
            .into_iter()
            .filter_map(|object| object.metadata.name)
            .collect();
        names.sort();
        Ok(names)
    }
}

impl CustomMetricsProvider for CustomMetrics {
    fn metrics(&self) -> Vec<MetricInfo> {
        self.registry.metrics().iter().cloned().collect()
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

    fn relist_attempted(&self) -> bool {
        self.registry.attempted()
    }
}

#[cfg(test)]
mod tests;

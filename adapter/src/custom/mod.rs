//! Custom metrics by rules, from Prometheus (`pkg/custom-provider/provider.go` of
//! prometheus-adapter).

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use jiff::Timestamp;
use kube::api::{ApiResource, DynamicObject, ListParams};
use kube::{Api, Client};
use setpoint_metrics_api::MetricValue;
use setpoint_rules::{
    Items, MetricError, MetricInfo, MetricQuery, Objects, ResolvedQuery, Resource, Rules, Selector,
    is_object_name,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::error_chain::error_chain;
use crate::kubernetes::within;
use crate::metrics::{MAX_RULES, OwnMetrics, RuleEvents};
use crate::prometheus::PrometheusClient;
use crate::provider::{CustomMetricsProvider, ProviderError, Relist};
use crate::registry::{Registry, RelistOptions, RelistState};
use crate::tasks::supervise;
use crate::text::cut;

/// Answers requests with the rules' metrics and Prometheus' values.
pub(crate) struct CustomMetrics {
    registry: Arc<Registry>,
    prometheus: Arc<dyn PrometheusClient>,
    kubernetes: Client,
    /// How long the API server may take for an answer.
    answer_timeout: Duration,
    events: RuleEvents,
}

/// Bytes of a query in the log.
const LOGGED_BYTES: usize = 2 << 10;
/// How many objects are listed with one request, and the most that a selector may select.
const PAGE: u32 = 500;
const MAX_OBJECTS: usize = 10_000;

impl CustomMetrics {
    /// Starts to relist, in a thread that ends with `shutdown`.
    pub(crate) fn start(
        rules: watch::Receiver<Rules>,
        prometheus: Arc<dyn PrometheusClient>,
        kubernetes: Client,
        options: RelistOptions,
        metrics: OwnMetrics,
        shutdown: CancellationToken,
    ) -> std::io::Result<Self> {
        let events = metrics.rules().clone();
        let registry = Registry::new(
            prometheus.clone(),
            kubernetes.clone(),
            options,
            events.clone(),
        );
        let registry = Arc::new(registry);
        registry.show_in(&metrics);
        let relisted = registry.clone();
        // A thread of its own, so that requests don't wait while answers are read and metrics made.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let relist = move || {
            // In this block, since it starts tasks of the runtime.
            runtime.block_on(async {
                let run = move || relisted.clone().run(rules.clone(), shutdown.clone());
                // Only a panic of its own could fail it.
                let _ = supervise("relist", metrics, run).await;
            });
        };
        std::thread::Builder::new()
            .name("relist".to_owned())
            .spawn(relist)?;
        Ok(Self {
            registry,
            prometheus,
            kubernetes,
            answer_timeout: options.answer_timeout,
            events,
        })
    }

    async fn answer(&self, query: &MetricQuery) -> Result<Vec<MetricValue>, ProviderError> {
        let metrics = self.registry.metrics();
        let candidates = metrics.resolve(query)?;
        let names = match (&query.objects, candidates.first()) {
            (Objects::Named(name), _) => vec![name.clone()],
            (Objects::Selected(_), None) => Vec::new(),
            (Objects::Selected(selector), Some(candidate)) => {
                self.object_names(candidate.resource(), query.namespace.as_deref(), selector)
                    .await?
            }
        };
        let mut answer = Ok(Vec::new());
        for candidate in &candidates {
            answer = self.ask(candidate, &names).await;
            if let Some(kind) = answer.as_ref().err().and_then(ProviderError::kind) {
                self.events.query_failed(candidate.rule().position(), kind);
            }
            match &answer {
                Ok(values) if values.is_empty() => {}
                // What the others give may have a value, or a query.
                Err(ProviderError::Metric(error)) if error.asks_the_next() => {}
                _ => break,
            }
        }
        answer
    }

    /// The values of objects by one rule and one series.
    async fn ask(
        &self,
        resolved: &ResolvedQuery<'_>,
        names: &[String],
    ) -> Result<Vec<MetricValue>, ProviderError> {
        let promql = resolved.promql(names)?;
        let mut values = resolved.values(names)?;
        let mut take = |sample| values.add(&sample);
        let began = Instant::now();
        let asked = self.prometheus.query(&promql, &mut take).await;
        let took = began.elapsed();
        self.events.queried(resolved.rule().position(), took);
        asked?;
        let position = resolved.rule().position();
        for remark in values.remarks() {
            if self.events.is_first_remark(position, remark.kind()) {
                tracing::warn!(rule = position, "{remark}");
            }
        }
        let Items { values, left_out } = values.items(Timestamp::now())?;
        let promql = cut(&promql, LOGGED_BYTES);
        tracing::debug!(%promql, values = values.len(), "asked Prometheus");
        for error in left_out {
            tracing::debug!(%error, "leave an object out");
        }
        Ok(values)
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
        let mut parameters = ListParams::default()
            .labels(&selector.to_string())
            .limit(PAGE);
        let failed = |source| ProviderError::List {
            group_resource: resource.group_resource(),
            source,
        };
        let mut names = Vec::new();
        loop {
            let listed = api.list_metadata(&parameters);
            let listed = within(self.answer_timeout, "a list of objects", listed);
            let page = listed.await.map_err(failed)?;
            let found = page
                .items
                .into_iter()
                .filter_map(|object| object.metadata.name);
            names.extend(found.filter(|name| is_object_name(name)));
            if names.len() > MAX_OBJECTS {
                return Err(ProviderError::TooManyObjects {
                    group_resource: resource.group_resource(),
                    limit: MAX_OBJECTS,
                });
            }
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => parameters.continue_token = Some(token),
                None => break,
            }
        }
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

    fn relists(&self) -> Vec<Relist> {
        let relist = |name, state: RelistState| Relist {
            name,
            failure: match state.attempted {
                true => state.failure,
                false => Some("pending"),
            },
        };
        let states = self.registry.rule_states().into_iter().take(MAX_RULES);
        let rules =
            states.map(|rule| relist(format!("relist-rule-{}", rule.position), rule.relist));
        let resources = self.registry.resources_state();
        let resources = relist("relist-resources".to_owned(), resources);
        std::iter::once(resources).chain(rules).collect()
    }
}

#[cfg(test)]
mod tests;

//! The custom metrics provider (`pkg/custom-provider/provider.go` of prometheus-adapter v0.12.0).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::Timestamp;
use kube::api::{ApiResource, DynamicObject, ListParams};
use kube::{Api, Client};
use setpoint_metrics_api::{MetricIdentifier, MetricValue, ObjectReference};
use tokio_util::sync::CancellationToken;

use crate::kubernetes::within;
use crate::naming::{MetricNamer, QueryError};
use crate::prometheus::{PrometheusClient, Sample};
use crate::provider::{
    CustomMetricInfo, CustomMetricsProvider, GroupResource, MetricQuery, Objects, ProviderError,
    quantity_of_sample,
};
use crate::registry::{Registry, RelistOptions, SeriesInfo, Snapshot};
use crate::rest_mapping::Resource;
use crate::selector::Selector;

/// Serves custom metrics by rules, from Prometheus.
pub struct CustomMetrics {
    registry: Arc<Registry>,
    prometheus: Arc<dyn PrometheusClient>,
    kubernetes: Client,
    /// How long the API server may take for an answer.
    answer_timeout: Duration,
}

impl CustomMetrics {
    /// Starts to relist, in a task that ends with `shutdown`.
    #[must_use]
    pub fn start(
        namers: Vec<Arc<MetricNamer>>,
        prometheus: Arc<dyn PrometheusClient>,
        kubernetes: Client,
        options: RelistOptions,
        shutdown: CancellationToken,
    ) -> Self {
        let registry = Arc::new(Registry::new(
            namers,
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
        let snapshot = self.registry.snapshot();
        let (resource, info) = found(&snapshot, query)?;
        let names = match &query.objects {
            Objects::Named(name) => vec![name.clone()],
            Objects::Selected(selector) => {
                let names = self
                    .object_names(resource, query.namespace.as_deref(), selector)
                    .await?;
                // The Go adapter can't make a query without names, and says so with these words.
                if names.is_empty() {
                    return Err(no_such_metric(query, &resource.group_resource()));
                }
                names
            }
        };
        let selector = Selector::parse(&query.metric_selector).unwrap_or_default();
        let group_resource = resource.group_resource();
        let namespace = query.namespace.as_deref();
        let promql = info.namer.query(
            &info.series,
            &group_resource,
            namespace,
            &names,
            &selector,
            &snapshot.mapping,
        );
        let promql = promql.map_err(|error| no_query(query, &group_resource, &error))?;
        let label = info.namer.label(&group_resource, &snapshot.mapping);
        let label = label.map_err(|error| no_query(query, &group_resource, &error.into()))?;
        let samples = self
            .prometheus
            .query(&promql)
            .await
            .map_err(|error| ProviderError::Prometheus(Box::new(error)))?;
        tracing::debug!(promql, samples = samples.len(), "asked Prometheus");
        let by_name = by_name(&samples, &label);
        let values: Vec<MetricValue> = names
            .iter()
            .filter_map(|name| Some((name, *by_name.get(name.as_str())?)))
            .map(|(name, value)| metric_value(query, resource, name, value, &selector))
            .collect::<Result<_, _>>()?;
        match (&query.objects, values.is_empty()) {
            (Objects::Named(name), true) => Err(ProviderError::NoValue {
                metric: query.metric.clone(),
                group_resource,
                name: name.clone(),
            }),
            _ => Ok(values),
        }
    }

    /// Names of the objects that a selector selects, sorted.
    async fn object_names(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        selector: &str,
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
        let parameters = ListParams::default().labels(selector);
        let listed = within(
            self.answer_timeout,
            "a list of objects",
            api.list_metadata(&parameters),
        )
        .await;
        let listed = listed.map_err(|error| ProviderError::Kubernetes {
            group_resource: resource.group_resource(),
            source: Box::new(error),
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
    fn metrics(&self) -> Vec<CustomMetricInfo> {
        self.registry.snapshot().metrics()
    }

    fn values<'a>(
        &'a self,
        query: &'a MetricQuery,
    ) -> BoxFuture<'a, Result<Vec<MetricValue>, ProviderError>> {
        Box::pin(self.answer(query))
    }

    fn relist_attempted(&self) -> bool {
        self.registry.attempted()
    }
}

/// The resource and the metric that a request speaks of.
fn found<'a>(
    snapshot: &'a Snapshot,
    query: &MetricQuery,
) -> Result<(&'a Resource, &'a SeriesInfo), ProviderError> {
    let unknown = || no_such_metric(query, &query.group_resource);
    let resource = snapshot
        .mapping
        .resource(&query.group_resource)
        .ok_or_else(unknown)?;
    let info = CustomMetricInfo {
        group_resource: resource.group_resource(),
        namespaced: query.namespace.is_some(),
        metric: query.metric.clone(),
    };
    Ok((resource, snapshot.find(&info).ok_or_else(unknown)?))
}

fn no_such_metric(query: &MetricQuery, group_resource: &GroupResource) -> ProviderError {
    ProviderError::NoSuchMetric {
        metric: query.metric.clone(),
        group_resource: group_resource.clone(),
    }
}

/// What can't be asked doesn't exist, to the caller; the log says why.
fn no_query(
    query: &MetricQuery,
    group_resource: &GroupResource,
    error: &QueryError,
) -> ProviderError {
    tracing::error!(metric = query.metric, %error, "make a query");
    no_such_metric(query, group_resource)
}

/// The values by the object they are labelled with; of several for one object the last counts.
fn by_name<'a>(samples: &'a [Sample], label: &str) -> BTreeMap<&'a str, f64> {
    let name = |sample: &'a Sample| sample.labels.get(label).map_or("", String::as_str);
    samples
        .iter()
        .map(|sample| (name(sample), sample.value))
        .collect()
}

fn metric_value(
    query: &MetricQuery,
    resource: &Resource,
    name: &str,
    value: f64,
    selector: &Selector,
) -> Result<MetricValue, ProviderError> {
    Ok(MetricValue {
        described_object: ObjectReference {
            kind: Some(resource.kind.clone()),
            namespace: query.namespace.clone(),
            name: Some(name.to_owned()),
            api_version: Some(resource.api_version()),
        },
        metric: MetricIdentifier {
            name: query.metric.clone(),
            selector: selector.document(),
        },
        // The Go adapter's is the time of the answer too, not the sample's.
        timestamp: Timestamp::now(),
        window_seconds: None,
        value: quantity_of_sample(&query.metric, value)?,
    })
}

#[cfg(test)]
mod tests;

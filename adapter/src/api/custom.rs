//! `custom.metrics.k8s.io`.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::response::{IntoResponse as _, Response};
use futures::future::BoxFuture;
use setpoint_metrics_api::custom::GROUP;
use setpoint_rules::{MetricInfo, MetricQuery, MetricValueList, ResourcePath};
use tokio::time::Instant;

use super::group::{ApiGroup, DiscoveredResource};
use super::health::Check;
use super::status::ApiError;
use crate::provider::{CustomMetricsProvider, Relist};

/// The custom metrics of a provider.
pub(crate) struct CustomMetricsGroup {
    provider: Arc<dyn CustomMetricsProvider>,
    started: Instant,
}

/// How long the first relist keeps the adapter from being ready. After that it answers what it can:
/// Prometheus may be down, and requests say so better than an adapter that isn't there.
const FIRST_RELIST: Duration = Duration::from_secs(30);

impl CustomMetricsGroup {
    pub(crate) fn new(provider: Arc<dyn CustomMetricsProvider>) -> Self {
        let started = Instant::now();
        Self { provider, started }
    }

    async fn values(&self, path: &ResourcePath, query_string: &str) -> Result<Response, ApiError> {
        let query = MetricQuery::new(path, query_string)?;
        let values = self.provider.values(&query).await?;
        let list = MetricValueList::new(&path.version, values).ok_or(ApiError::NotFound)?;
        Ok(Json(list).into_response())
    }
}

impl ApiGroup for CustomMetricsGroup {
    fn name(&self) -> &'static str {
        GROUP
    }

    fn versions(&self) -> &'static [&'static str] {
        MetricValueList::VERSIONS
    }

    fn resources(&self) -> Vec<DiscoveredResource> {
        let resource = |info: MetricInfo| DiscoveredResource {
            parent: info.group_resource.to_string(),
            metric: info.metric.to_string(),
            namespaced: info.namespaced,
            kind: "MetricValueList",
        };
        self.provider.metrics().into_iter().map(resource).collect()
    }

    fn checks(&self) -> Vec<Check> {
        let attempted = self.provider.relist_attempted();
        let waited = self.started.elapsed() >= FIRST_RELIST;
        let shown = |relist: Relist| Check::shown(relist.name, relist.failure);
        std::iter::once(Check::required("relist-attempted", attempted || waited))
            .chain(self.provider.relists().into_iter().map(shown))
            .collect()
    }

    fn get<'a>(
        &'a self,
        path: &'a ResourcePath,
        query_string: &'a str,
    ) -> BoxFuture<'a, Result<Response, ApiError>> {
        Box::pin(self.values(path, query_string))
    }
}

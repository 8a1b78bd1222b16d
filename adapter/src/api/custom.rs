//! `custom.metrics.k8s.io`.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::response::{IntoResponse as _, Response};
use futures::future::BoxFuture;
use setpoint_metrics_api::custom::{GROUP, v1beta1, v1beta2};
use setpoint_rules::{MetricInfo, MetricQuery, ResourcePath};
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
        match path.version.as_str() {
            "v1beta1" => Ok(Json(v1beta1::MetricValueList::from(values)).into_response()),
            "v1beta2" => Ok(Json(v1beta2::MetricValueList::from(values)).into_response()),
            _ => Err(ApiError::NotFound),
        }
    }
}

impl ApiGroup for CustomMetricsGroup {
    fn name(&self) -> &'static str {
        GROUP
    }

    // `k8s.io/metrics/pkg/apis/custom_metrics/install` prefers v1beta1 too.
    fn versions(&self) -> &'static [&'static str] {
        &["v1beta1", "v1beta2"]
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

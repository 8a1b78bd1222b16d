//! `external.metrics.k8s.io`.

use std::sync::Arc;

use axum::response::Response;
use futures::future::BoxFuture;
use setpoint_metrics_api::external::{ExternalMetricValueList, GROUP};
use setpoint_rules::ExternalQuery;

use super::group::{ApiGroup, DiscoveredResource, GetRequest};
use super::json;
use super::status::ApiError;
use crate::provider::ExternalMetricsProvider;

/// The external metrics of a provider.
pub(crate) struct ExternalMetricsGroup {
    provider: Arc<dyn ExternalMetricsProvider>,
}

impl ExternalMetricsGroup {
    pub(crate) fn new(provider: Arc<dyn ExternalMetricsProvider>) -> Self {
        Self { provider }
    }

    async fn values(&self, request: GetRequest<'_>) -> Result<Response, ApiError> {
        let query = ExternalQuery::new(request.path, request.query_string)?;
        // Clients would read a list as the first of a stream of events.
        if request.is_watch() {
            return Err(ApiError::MethodNotAllowed);
        }
        let values = self.provider.values(&query).await?;
        Ok(json(&ExternalMetricValueList::from(values)))
    }
}

impl ApiGroup for ExternalMetricsGroup {
    fn name(&self) -> &'static str {
        GROUP
    }

    fn versions(&self) -> &'static [&'static str] {
        &["v1beta1"]
    }

    fn component(&self) -> &'static str {
        "external-metrics"
    }

    fn is_served(&self) -> bool {
        self.provider.has_rules()
    }

    fn resources(&self) -> Vec<DiscoveredResource> {
        let resource = |metric: Arc<str>| DiscoveredResource {
            resource: metric.to_string(),
            subresource: None,
            // Also those whose rules say `namespaced: false`: their paths have a namespace too
            // (`provider/resource_lister.go`).
            namespaced: true,
            kind: "ExternalMetricValueList",
            verbs: &["get"],
        };
        self.provider.metrics().into_iter().map(resource).collect()
    }

    fn get<'a>(&'a self, request: GetRequest<'a>) -> BoxFuture<'a, Result<Response, ApiError>> {
        Box::pin(self.values(request))
    }
}

//! `custom.metrics.k8s.io`.

use std::sync::Arc;

use axum::response::Response;
use futures::future::BoxFuture;
use setpoint_metrics_api::custom::GROUP;
use setpoint_rules::{MetricInfo, MetricQuery, MetricValueList};

use super::group::{ApiGroup, DiscoveredResource, GetRequest};
use super::json;
use super::status::ApiError;
use crate::provider::CustomMetricsProvider;

/// The custom metrics of a provider.
pub(crate) struct CustomMetricsGroup {
    provider: Arc<dyn CustomMetricsProvider>,
}

impl CustomMetricsGroup {
    pub(crate) fn new(provider: Arc<dyn CustomMetricsProvider>) -> Self {
        Self { provider }
    }

    async fn values(&self, request: GetRequest<'_>) -> Result<Response, ApiError> {
        let query = MetricQuery::new(request.path, request.query_string)?;
        let values = self.provider.values(&query).await?;
        let version = &request.path.version;
        let list = MetricValueList::new(version, values).ok_or(ApiError::NotFound)?;
        Ok(json(&list))
    }
}

impl ApiGroup for CustomMetricsGroup {
    fn name(&self) -> &'static str {
        GROUP
    }

    fn versions(&self) -> &'static [&'static str] {
        MetricValueList::VERSIONS
    }

    fn component(&self) -> &'static str {
        "custom-metrics"
    }

    fn is_served(&self) -> bool {
        self.provider.has_rules()
    }

    fn resources(&self) -> Vec<DiscoveredResource> {
        let resource = |info: MetricInfo| DiscoveredResource {
            resource: info.group_resource.to_string(),
            subresource: Some(info.metric.to_string()),
            namespaced: info.namespaced,
            kind: "MetricValueList",
            verbs: &["get"],
        };
        self.provider.metrics().into_iter().map(resource).collect()
    }

    fn get<'a>(&'a self, request: GetRequest<'a>) -> BoxFuture<'a, Result<Response, ApiError>> {
        Box::pin(self.values(request))
    }
}

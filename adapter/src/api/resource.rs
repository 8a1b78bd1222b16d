//! `metrics.k8s.io`.

use std::sync::Arc;

use axum::response::Response;
use futures::future::BoxFuture;
use serde::Serialize;
use setpoint_metrics_api::resource::{GROUP, ObjectMetrics};
use setpoint_metrics_api::{IncludeObject, Table};
use setpoint_rules::{UsageDocument, UsageQuery};

use super::group::{ApiGroup, DiscoveredResource, GetRequest};
use super::json;
use super::status::ApiError;
use crate::provider::UsageProvider;

/// The CPU and memory of pods and nodes.
pub(crate) struct ResourceMetricsGroup {
    provider: Arc<dyn UsageProvider>,
}

impl ResourceMetricsGroup {
    pub(crate) fn new(provider: Arc<dyn UsageProvider>) -> Self {
        Self { provider }
    }

    async fn usage(&self, request: GetRequest<'_>) -> Result<Response, ApiError> {
        let query = UsageQuery::new(request.path, request.query_string)?;
        if request.is_watch() {
            return Err(ApiError::MethodNotAllowed);
        }
        Ok(match query.resource {
            "nodes" => document(request, &query, self.provider.nodes(&query).await?),
            _ => document(request, &query, self.provider.pods(&query).await?),
        })
    }
}

/// A list, the one object that is asked for, or a table of them.
fn document<T: ObjectMetrics + Serialize>(
    request: GetRequest<'_>,
    query: &UsageQuery,
    objects: Vec<T>,
) -> Response {
    if wants_table(request.accept) {
        let include = included(request.query_string);
        return json(&Table::new(objects, include));
    }
    json(&UsageDocument::new(query, objects))
}

/// Whether an `Accept` header asks for a table before it asks for the objects
/// (`negotiation.NegotiateMediaTypeOptions`).
fn wants_table(accept: &str) -> bool {
    let kind = |range: &str| {
        let parameters: Vec<&str> = range.split(';').map(str::trim).collect();
        let has = |parameter| parameters.contains(&parameter);
        match (parameters.first(), has("as=Table")) {
            (Some(&"application/json"), true) if has("g=meta.k8s.io") && has("v=v1") => Some(true),
            (Some(&("application/json" | "application/*" | "*/*")), false) => Some(false),
            _ => None,
        }
    };
    accept.split(',').find_map(kind).unwrap_or(false)
}

fn included(query_string: &str) -> IncludeObject {
    let mut parameters = url::form_urlencoded::parse(query_string.as_bytes());
    let value = parameters.find(|(key, _)| key == "includeObject");
    match value.as_ref().map(|(_, value)| &**value) {
        Some("None") => IncludeObject::None,
        Some("Object") => IncludeObject::Object,
        _ => IncludeObject::Metadata,
    }
}

impl ApiGroup for ResourceMetricsGroup {
    fn name(&self) -> &'static str {
        GROUP
    }

    fn versions(&self) -> &'static [&'static str] {
        &["v1beta1"]
    }

    fn component(&self) -> &'static str {
        "resource-metrics"
    }

    fn is_served(&self) -> bool {
        self.provider.has_rules()
    }

    fn resources(&self) -> Vec<DiscoveredResource> {
        let resource = |resource: &str, namespaced, kind| DiscoveredResource {
            resource: resource.to_owned(),
            subresource: None,
            namespaced,
            kind,
            verbs: &["get", "list"],
        };
        vec![
            resource("nodes", false, "NodeMetrics"),
            resource("pods", true, "PodMetrics"),
        ]
    }

    fn get<'a>(&'a self, request: GetRequest<'a>) -> BoxFuture<'a, Result<Response, ApiError>> {
        Box::pin(self.usage(request))
    }
}

//! The wire edge: requests in, documents and `Status` out.

pub mod discovery;
mod health;
mod log_limit;
mod openapi;
pub mod request_info;
pub mod status;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use setpoint_metrics_api::custom;
use setpoint_serve::Peer;
use tower_http::catch_panic::CatchPanicLayer;

use crate::auth::{Authenticator, Authorizer, Decision};
use crate::provider::{CustomMetricsProvider, GroupResource, MetricQuery, Objects};
use crate::selector::Selector;
use crate::words::words;

use log_limit::LogLimit;
use request_info::{RequestInfo, ResourceRequest};
use status::ApiError;

/// Refused credentials in the log.
static REFUSALS: LogLimit = LogLimit::new(10, Duration::from_secs(1));

/// What requests are answered from.
#[derive(Clone)]
pub struct Api {
    /// Knows the metrics.
    pub provider: Arc<dyn CustomMetricsProvider>,
    /// Says who asks.
    pub authenticator: Arc<dyn Authenticator>,
    /// Says who may.
    pub authorizer: Arc<dyn Authorizer>,
}

/// The whole API as a service. Requests carry the [`Peer`] that they came from as an extension.
pub fn router(api: Api) -> Router {
    Router::new()
        .fallback(answer)
        .with_state(api)
        .layer(CatchPanicLayer::custom(|_| ApiError::Panic.into_response()))
}

async fn answer(State(api): State<Api>, request: Request) -> Response {
    match api.answer(request).await {
        Ok(response) => response,
        Err(error) => error.into_response(),
    }
}

impl Api {
    async fn answer(&self, request: Request) -> Result<Response, ApiError> {
        let (head, _body) = request.into_parts();
        let info = RequestInfo::new(&head.method, head.uri.path())?;
        let certificates = head
            .extensions
            .get::<Peer>()
            .map(|peer| peer.certificates.clone())
            .unwrap_or_default();
        let user = match self
            .authenticator
            .authenticate(&certificates, &head.headers)
            .await
        {
            Ok(user) => user,
            Err(error) => {
                // Anybody can cause this line, so there is an end to how often.
                if let Some(unsaid) = REFUSALS.admits(Instant::now()) {
                    tracing::warn!(
                        error = %words(&error),
                        unsaid,
                        "Unable to authenticate the request"
                    );
                }
                return Err(ApiError::Unauthorized);
            }
        };
        match self.authorizer.authorize(&user, &info).await {
            Ok(Decision::Allow) => {}
            Ok(Decision::Deny(reason)) => {
                return Err(ApiError::Forbidden {
                    request: Box::new(info),
                    user: Box::new(user),
                    reason,
                });
            }
            Err(source) => {
                return Err(ApiError::Authorizer {
                    uri: head.uri.to_string(),
                    source,
                });
            }
        }
        match info {
            RequestInfo::Resource(resource) => {
                let query = head.uri.query().unwrap_or_default();
                self.metrics(&head.method, resource, query).await
            }
            RequestInfo::Path { path, .. } => {
                self.document(&head.method, &path, &head.uri, &head.headers)
            }
        }
    }

    /// Everything that is no metric.
    fn document(
        &self,
        method: &Method,
        path: &str,
        uri: &http::Uri,
        headers: &HeaderMap,
    ) -> Result<Response, ApiError> {
        const GROUP: &str = custom::GROUP;
        let accept = headers
            .get(header::ACCEPT)
            .and_then(|accept| accept.to_str().ok())
            .unwrap_or_default();
        let segments: Vec<&str> = path
            .split('/')
            .filter(|segment| !segment.is_empty())
            .collect();
        if !matches!(*method, Method::GET | Method::HEAD) {
            return Err(ApiError::MethodNotAllowed);
        }
        Ok(match segments.as_slice() {
            ["healthz" | "livez"] => health::answer(path, uri.query(), &[]),
            ["readyz"] => health::answer(path, uri.query(), &self.readiness()),
            ["version"] => Json(health::version()).into_response(),
            ["openapi", "v2"] => Json(openapi::v2()).into_response(),
            ["apis"] if discovery::wants_aggregated(accept) => {
                let document = discovery::aggregated(&self.provider.metrics());
                with_etag(
                    &document,
                    headers,
                    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
                )
            }
            ["apis"] => Json(discovery::api_group_list()).into_response(),
            ["apis", group] if *group == GROUP => Json(discovery::api_group()).into_response(),
            ["apis", group, version]
                if *group == GROUP && discovery::VERSIONS.contains(version) =>
            {
                Json(discovery::api_resource_list(
                    version,
                    &self.provider.metrics(),
                ))
                .into_response()
            }
            _ => return Err(ApiError::NotFound),
        })
    }

    fn readiness(&self) -> [(&'static str, bool); 2] {
        [
            ("relist-attempted", self.provider.relist_attempted()),
            (
                "authentication-configured",
                self.authenticator.is_configured(),
            ),
        ]
    }

    async fn metrics(
        &self,
        method: &Method,
        resource: ResourceRequest,
        query: &str,
    ) -> Result<Response, ApiError> {
        let known = resource.group == custom::GROUP
            && discovery::VERSIONS.contains(&resource.version.as_str());
        if !known {
            return Err(ApiError::NotFound);
        }
        if !matches!(*method, Method::GET | Method::HEAD) {
            return Err(ApiError::MethodNotAllowed);
        }
        let v1beta1 = resource.version == "v1beta1";
        let metric_query = metric_query(resource, query)?;
        let values = self.provider.values(&metric_query).await?;
        Ok(if v1beta1 {
            Json(custom::v1beta1::MetricValueList::from(values)).into_response()
        } else {
            Json(custom::v1beta2::MetricValueList::from(values)).into_response()
        })
    }
}

/// The query that a path and its parameters stand for
/// (`custom-metrics-apiserver/pkg/apiserver/installer/cmhandlers.go`, `endpoints/handlers/get.go`).
fn metric_query(resource: ResourceRequest, parameters: &str) -> Result<MetricQuery, ApiError> {
    let parameter = |name: &str| {
        url::form_urlencoded::parse(parameters.as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
            .unwrap_or_default()
    };
    let selector = |name: &'static str| -> Result<String, ApiError> {
        let text = parameter(name);
        match Selector::parse(&text) {
            Ok(_) => Ok(text),
            Err(error) => Err(ApiError::BadRequest(format!("{name} `{text}`: {error}"))),
        }
    };
    let metric_selector = selector("metricLabelSelector")?;
    let namespace = Some(resource.namespace).filter(|namespace| !namespace.is_empty());
    match (resource.parts.as_slice(), namespace) {
        // The metrics of a namespace itself.
        ([metrics, metric], Some(namespace)) if metrics == "metrics" => Ok(MetricQuery {
            group_resource: GroupResource {
                group: String::new(),
                resource: "namespaces".to_owned(),
            },
            namespace: None,
            objects: Objects::Named(namespace),
            metric: metric.clone(),
            metric_selector,
        }),
        ([group_resource, name, metric], namespace) => Ok(MetricQuery {
            group_resource: GroupResource::parse(group_resource),
            namespace,
            objects: match name.as_str() {
                "*" => Objects::Selected(selector("labelSelector")?),
                name => Objects::Named(name.to_owned()),
            },
            metric: metric.clone(),
            metric_selector,
        }),
        _ => Err(ApiError::BadRequest("invalid request path".to_owned())),
    }
}

/// A document that clients may keep as long as its tag stays the same.
fn with_etag(
    document: &serde_json::Value,
    headers: &HeaderMap,
    content_type: &'static str,
) -> Response {
    let body = document.to_string();
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    let tag = format!("\"{:016x}\"", hasher.finish());
    let known = headers
        .get(header::IF_NONE_MATCH)
        .is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        (StatusCode::OK, body).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::VARY, HeaderValue::from_static("Accept"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    response
}

#[cfg(test)]
pub(crate) mod tests;

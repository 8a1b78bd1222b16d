//! The scripted adapter: an honest custom metrics API fed by a table, to prove what the control plane does with one.
//!
//! It knows nothing of Prometheus and of the product: its documents are written here, from the API's definition, so
//! that a mistake of the product can't be shared by what judges it.

mod documents;
mod table;

use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;

pub use table::{Entry, Table, TableError};

/// The whole API over a table. Whoever asks is answered: what it shows is for everybody.
pub fn router(table: Table) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok" }))
        .route("/livez", get(|| async { "ok" }))
        .route("/readyz", get(|| async { "ok" }))
        .route("/apis", get(groups))
        .route("/apis/custom.metrics.k8s.io", get(|| async { Json(documents::group()) }))
        .route("/apis/custom.metrics.k8s.io/{version}", get(resources))
        .route("/apis/custom.metrics.k8s.io/{version}/namespaces/{namespace}/{resource}/{name}/{metric}", get(values))
        .fallback(|| async { failure(StatusCode::NOT_FOUND, "NotFound", "the server could not find the requested resource") })
        .with_state(Arc::new(table))
}

async fn groups(State(table): State<Arc<Table>>, headers: HeaderMap) -> Response {
    let accept = headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .unwrap_or_default();
    if accept.contains("as=APIGroupDiscoveryList") && accept.contains("v=v2") {
        let content_type = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
        return (
            [(header::CONTENT_TYPE, content_type)],
            documents::aggregated(&table).to_string(),
        )
            .into_response();
    }
    Json(documents::groups()).into_response()
}

async fn resources(State(table): State<Arc<Table>>, Path(version): Path<String>) -> Response {
    match documents::VERSIONS.contains(&version.as_str()) {
        true => Json(documents::resources(&table, &version)).into_response(),
        false => failure(
            StatusCode::NOT_FOUND,
            "NotFound",
            "the server could not find the requested resource",
        ),
    }
}

#[derive(Debug, Deserialize)]
struct ValuePath {
    version: String,
    namespace: String,
    resource: String,
    name: String,
    metric: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Selectors {
    #[serde(default)]
    label_selector: String,
}

async fn values(
    State(table): State<Arc<Table>>,
    Path(path): Path<ValuePath>,
    Query(query): Query<Selectors>,
) -> Response {
    let Some(labels) = table::required_labels(&query.label_selector) else {
        return failure(
            StatusCode::BAD_REQUEST,
            "BadRequest",
            "the scripted adapter understands label=value selectors only",
        );
    };
    let known = documents::VERSIONS.contains(&path.version.as_str())
        && table.has(&path.resource, &path.metric);
    if !known {
        let message = format!(
            "the server could not find the metric {} for {}",
            path.metric, path.resource
        );
        return failure(StatusCode::NOT_FOUND, "NotFound", &message);
    }
    let found = table.find(
        &path.namespace,
        &path.resource,
        &path.name,
        &path.metric,
        &labels,
    );
    if found.is_empty() && path.name != "*" {
        let message = format!(
            "the server could not find the metric {} for {} {}",
            path.metric, path.resource, path.name
        );
        return failure(StatusCode::NOT_FOUND, "NotFound", &message);
    }
    Json(documents::values(&path.version, &found)).into_response()
}

fn failure(code: StatusCode, reason: &str, message: &str) -> Response {
    (
        code,
        Json(documents::status(code.as_u16(), reason, message)),
    )
        .into_response()
}

#[cfg(test)]
mod tests;

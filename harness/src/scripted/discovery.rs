//! What is offered, and what a liar says of that.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{Html, IntoResponse as _, Response};
use http::{HeaderMap, StatusCode, header};
use serde_json::Value;

use super::failures::{failure, no_such_path, unavailable};
use super::{Lie, Scripted, Table, documents};

/// What a liar takes for each metric.
const SLOW: Duration = Duration::from_micros(500);
/// Of how many requests a liar answers one. kube-apiserver makes five at once to see whether an APIService is available (kube-aggregator,
/// pkg/controllers/status/remote/remote_available_controller.go), and asks for other reasons meanwhile: of fewer than five, one of its own is answered.
pub(super) const SELDOM: u64 = 3;
/// The tag of every document of a liar for whom nothing changes.
const TAG: &str = "\"always\"";

pub(super) async fn groups(State(scripted): State<Arc<Scripted>>, headers: HeaderMap) -> Response {
    match scripted.lie {
        Some(Lie::HtmlDiscovery) => return html(),
        Some(Lie::FailsDiscovery) => return unavailable(),
        Some(Lie::NeverChanged) if headers.contains_key(header::IF_NONE_MATCH) => {
            return StatusCode::NOT_MODIFIED.into_response();
        }
        _ => {}
    }
    if let Some(elsewhere) = scripted.elsewhere() {
        return elsewhere;
    }
    let accept = headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .unwrap_or_default();
    if !accept.contains("as=APIGroupDiscoveryList") || !accept.contains("v=v2") {
        let mut document = documents::groups();
        if scripted.lies(Lie::ListsNoGroups) {
            document["groups"] = Value::Array(Vec::new());
        }
        return Json(document).into_response();
    }
    if matches!(scripted.lie, Some(Lie::OlderDiscovery | Lie::MixedScopes)) {
        let message = "only the older form can be written";
        return failure(StatusCode::NOT_ACCEPTABLE, "NotAcceptable", message);
    }
    let table = match scripted.listed().await {
        Ok(table) => table,
        Err(response) => return response,
    };
    let content_type = match scripted.lie {
        Some(Lie::PlainAggregated) => "application/json",
        _ => "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
    };
    let versions = match scripted.lie {
        Some(Lie::AggregatesOneVersion) => &documents::VERSIONS[..1],
        _ => &documents::VERSIONS[..],
    };
    let aggregated = |table: &Table| documents::aggregated(table, versions);
    let text = scripted.aggregated.of(&table, aggregated).await;
    let mut response = ([(header::CONTENT_TYPE, content_type)], text).into_response();
    if scripted.lies(Lie::NeverChanged) {
        let tag = header::HeaderValue::from_static(TAG);
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

pub(super) async fn group(State(scripted): State<Arc<Scripted>>) -> Response {
    let mut document = documents::group();
    if scripted.lies(Lie::NoPreferredVersion)
        && let Some(fields) = document.as_object_mut()
    {
        fields.remove("preferredVersion");
    }
    Json(document).into_response()
}

pub(super) async fn resources(
    State(scripted): State<Arc<Scripted>>,
    Path(version): Path<String>,
) -> Response {
    match scripted.lie {
        Some(Lie::HtmlDiscovery) => return html(),
        Some(Lie::HoldsDiscovery) => return std::future::pending().await,
        Some(Lie::SeldomDiscovery) if !scripted.is_seldom_discovered(&version) => {
            return unavailable();
        }
        _ => {}
    }
    if let Some(elsewhere) = scripted.elsewhere() {
        return elsewhere;
    }
    let mut known = documents::VERSIONS.iter().zip(&scripted.versions);
    let Some((version, written)) = known.find(|(one, _)| **one == version) else {
        return no_such_path();
    };
    let table = match scripted.listed().await {
        Ok(table) => table,
        Err(response) => return response,
    };
    let document = |table: &Table| {
        let mut document = documents::resources(table, version);
        if let Some(resources) = document["resources"].as_array_mut() {
            match scripted.lie {
                Some(Lie::UnsortedDiscovery) => resources.reverse(),
                Some(Lie::MixedScopes | Lie::OtherScopes) => mix_scopes(resources),
                _ => {}
            }
        }
        document
    };
    let text = written.of(&table, document).await;
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}

/// Says of every second resource the other scope.
fn mix_scopes(resources: &mut [Value]) {
    for resource in resources.iter_mut().step_by(2) {
        let is_namespaced = resource["namespaced"] == true;
        resource["namespaced"] = (!is_namespaced).into();
    }
}

fn html() -> Response {
    Html("<h1>It works!</h1>").into_response()
}

impl Scripted {
    /// The table that is listed; a slow liar takes its time.
    async fn listed(&self) -> Result<Arc<Table>, Response> {
        let table = self.offered().await?;
        if self.lies(Lie::SlowDiscovery) {
            let metrics = u32::try_from(table.metrics.len()).unwrap_or(u32::MAX);
            tokio::time::sleep(SLOW.saturating_mul(metrics)).await;
        }
        Ok(table)
    }
}

//! `/openapi/v2`: what kube-aggregator merges into its own document.

use serde_json::{Value, json};
use setpoint_metrics_api::custom::GROUP;

use super::discovery::VERSIONS;

/// A document with the discovery paths of the group. Metrics have no paths of their own in it: they come and
/// go, and the Go adapter's document does not name them either.
pub(super) fn v2() -> Value {
    let mut paths = serde_json::Map::new();
    paths.insert(
        format!("/apis/{GROUP}/"),
        path("get information of a group", "getAPIGroup"),
    );
    for version in VERSIONS {
        paths.insert(
            format!("/apis/{GROUP}/{version}/"),
            path(
                "get available resources",
                &format!("getAPIResources{version}"),
            ),
        );
    }
    json!({
        "swagger": "2.0",
        "info": {"title": "setpoint-adapter", "version": concat!("v", env!("CARGO_PKG_VERSION"))},
        "paths": paths,
        "definitions": {},
    })
}

fn path(description: &str, operation: &str) -> Value {
    json!({
        "get": {
            "description": description,
            "operationId": format!("{operation}CustomMetrics"),
            "produces": ["application/json"],
            "schemes": ["https"],
            "responses": {"200": {"description": "OK"}, "401": {"description": "Unauthorized"}},
        },
    })
}

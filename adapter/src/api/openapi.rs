//! `/openapi/v2`: what kube-aggregator merges into its own document.

use serde_json::{Map, Value, json};

use super::group::ApiGroup;

/// A document with the discovery paths of the groups. Metrics have no paths in it: they come and
/// go, and prometheus-adapter's document doesn't name them either.
pub(super) fn v2<'a>(groups: impl Iterator<Item = &'a dyn ApiGroup>) -> Value {
    let mut paths = Map::new();
    for group in groups {
        let name = group.name();
        let suffix = camel_case(name.trim_end_matches(".k8s.io"));
        paths.insert(
            format!("/apis/{name}/"),
            path(
                "get information of a group",
                &format!("getAPIGroup{suffix}"),
            ),
        );
        for version in group.versions() {
            paths.insert(
                format!("/apis/{name}/{version}/"),
                path(
                    "get available resources",
                    &format!("getAPIResources{version}{suffix}"),
                ),
            );
        }
    }
    json!({
        "swagger": "2.0",
        "info": {"title": "setpoint-adapter", "version": concat!("v", env!("CARGO_PKG_VERSION"))},
        "paths": paths,
        "definitions": {},
    })
}

/// `CustomMetrics` for `custom.metrics`.
fn camel_case(name: &str) -> String {
    let capitalized = |word: &str| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_ascii_uppercase() + rest
    };
    name.split('.').map(capitalized).collect()
}

fn path(description: &str, operation_id: &str) -> Value {
    json!({
        "get": {
            "description": description,
            "operationId": operation_id,
            "produces": ["application/json"],
            "schemes": ["https"],
            "responses": {"200": {"description": "OK"}, "401": {"description": "Unauthorized"}},
        },
    })
}

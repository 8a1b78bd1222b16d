//! `/openapi/v2` and `/openapi/v3`: what kube-aggregator merges into its own documents, and what
//! `kubectl explain` reads.

use serde_json::{Map, Value, json};

use super::group::ApiGroup;
use super::operation::{Form, Operation};

/// The kinds of each group and version, as Swagger has them.
const DEFINITIONS: &str = include_str!("openapi.json");

/// The document of all groups.
pub(super) fn v2<'a>(groups: impl Iterator<Item = &'a dyn ApiGroup>) -> Value {
    let (mut paths, mut definitions) = (Map::new(), Map::new());
    for group in groups {
        let of_the_group = Operation::of_the_group(group);
        paths.insert(of_the_group.path.clone(), of_the_group.item(Form::V2));
        for version in group.versions() {
            let operations = Operation::of_a_version(group, version);
            paths.extend(
                operations
                    .iter()
                    .map(|operation| (operation.path.clone(), operation.item(Form::V2))),
            );
            definitions.extend(definitions_of(group, version));
        }
    }
    json!({
        "swagger": "2.0",
        "info": info(),
        "paths": paths,
        "definitions": definitions,
    })
}

/// Where the documents of the versions are (`handler3.OpenAPIV3Discovery` of `k8s.io/kube-openapi`). A
/// client keeps a document as long as its address stays the same, so the address has its hash.
pub(super) fn v3_index<'a>(
    groups: impl Iterator<Item = &'a dyn ApiGroup>,
    hash: impl Fn(&Value) -> String,
) -> Value {
    let mut paths = Map::new();
    for group in groups {
        for version in group.versions() {
            let name = format!("apis/{}/{version}", group.name());
            let hash = hash(&v3(group, version));
            let address = format!("/openapi/v3/{name}?hash={hash}");
            paths.insert(name, json!({"serverRelativeURL": address}));
        }
    }
    json!({"paths": paths})
}

/// The document of a version of a group.
pub(super) fn v3(group: &dyn ApiGroup, version: &str) -> Value {
    let operations = Operation::of_a_version(group, version);
    let paths: Map<String, Value> = operations
        .iter()
        .map(|operation| (operation.path.clone(), operation.item(Form::V3)))
        .collect();
    let mut schemas = Value::Object(definitions_of(group, version));
    refer_to_components(&mut schemas);
    json!({
        "openapi": "3.0.0",
        "info": info(),
        "paths": paths,
        "components": {"schemas": schemas},
    })
}

fn info() -> Value {
    json!({"title": "setpoint-adapter", "version": concat!("v", env!("CARGO_PKG_VERSION"))})
}

fn definitions_of(group: &dyn ApiGroup, version: &str) -> Map<String, Value> {
    let all: Map<String, Value> = serde_json::from_str(DEFINITIONS).unwrap_or_default();
    let of_the_version = all.get(&format!("{}/{version}", group.name()));
    let of_the_version = of_the_version.and_then(Value::as_object);
    of_the_version.cloned().unwrap_or_default()
}

/// Swagger's references as those of OpenAPI v3.
fn refer_to_components(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                match value {
                    Value::String(reference) if key == "$ref" => {
                        *reference = reference.replace(Form::V2.prefix(), Form::V3.prefix());
                    }
                    value => refer_to_components(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(refer_to_components),
        _ => {}
    }
}

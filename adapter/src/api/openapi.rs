//! `/openapi/v2` and `/openapi/v3`: what kube-aggregator merges into its own documents, and what
//! `kubectl explain` reads.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use super::group::ApiGroup;
use super::operation::{Form, Operation};

/// The kinds of each group and version, as Swagger has them.
static DEFINITIONS: LazyLock<Map<String, Value>> =
    LazyLock::new(|| serde_json::from_str(include_str!("openapi.json")).unwrap_or_default());

/// The document of all groups.
pub(super) fn v2<'a>(groups: impl Iterator<Item = &'a dyn ApiGroup>) -> Value {
    let (mut paths, mut definitions) = (Map::new(), Map::new());
    for group in groups {
        paths.extend([Operation::of_the_group(group).into_path(Form::V2)]);
        for version in group.versions() {
            paths.extend(paths_of(group, version, Form::V2));
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
    let paths: Map<String, Value> = paths_of(group, version, Form::V3).collect();
    let mut schemas = Value::Object(definitions_of(group, version));
    refer_to_components(&mut schemas);
    json!({
        "openapi": "3.0.0",
        "info": info(),
        "paths": paths,
        "components": {"schemas": schemas},
    })
}

/// The paths of a version and their items.
fn paths_of(
    group: &dyn ApiGroup,
    version: &str,
    form: Form,
) -> impl Iterator<Item = (String, Value)> {
    let operations = Operation::of_a_version(group, version).into_iter();
    operations.map(move |operation| operation.into_path(form))
}

fn info() -> Value {
    json!({"title": "setpoint-adapter", "version": concat!("v", env!("CARGO_PKG_VERSION"))})
}

fn definitions_of(group: &dyn ApiGroup, version: &str) -> Map<String, Value> {
    let of_the_version = DEFINITIONS.get(&format!("{}/{version}", group.name()));
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

//! What can be said of Kubernetes objects before an API server says it.

use serde_json::Value;

use super::place::Place;
use crate::quantity::is_quantity;

/// What is wrong with an object, each with its place.
pub(super) fn problems<'a>(object: &Value, place: &'a Place) -> Vec<(&'a Place, String)> {
    let mut found = Vec::new();
    for key in ["apiVersion", "kind"] {
        if !object[key].is_string() {
            found.push((
                place.key(key),
                format!("a manifest has no `{key}`: {object}"),
            ));
        }
    }
    if !object["metadata"]["name"].is_string() {
        let problem = format!("a manifest has no `metadata.name`: {object}");
        found.push((place.key("metadata"), problem));
    }
    if object["kind"] == "HorizontalPodAutoscaler" {
        let place = place.key("spec").key("metrics");
        let metrics = object["spec"]["metrics"].as_array();
        for (index, metric) in metrics.into_iter().flatten().enumerate() {
            targets(metric, place.item(index), &mut found);
        }
    }
    found
}

/// The API server says of such a quantity only that it can't be read, and of the object nothing else.
fn targets<'a>(metric: &Value, place: &'a Place, found: &mut Vec<(&'a Place, String)>) {
    for (kind, source) in metric.as_object().into_iter().flatten() {
        for key in ["averageValue", "value"] {
            let text = match &source["target"][key] {
                Value::String(text) => text.clone(),
                Value::Number(number) => number.to_string(),
                _ => continue,
            };
            if !is_quantity(&text) {
                let place = place.key(kind).key("target").key(key);
                found.push((place, no_quantity(&text)));
            }
        }
    }
}

pub(super) fn no_quantity(text: &str) -> String {
    format!("`{text}` is no quantity; expected one such as 500m or 2k")
}

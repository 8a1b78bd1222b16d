//! What can be said of Kubernetes objects before an API server says it.

use crate::quantity::is_quantity;
use serde_json::Value;

use super::Place;
use super::quantity::no_quantity;
use crate::obsolete::{self, Obsolete};
use crate::text::cut;

/// How much is shown of an object that lacks something.
const SHOWN: usize = 200;

/// What is wrong with an object, each with its place.
pub(super) fn problems<'a>(object: &Value, place: &'a Place) -> Vec<(&'a Place, String)> {
    if !object.is_object() {
        let problem = "expected an object of Kubernetes, such as `{apiVersion: v1, kind: Service, metadata: {name: web}}`";
        return vec![(place, problem.to_owned())];
    }
    let mut found = lacking(object, place);
    if object["kind"] == "HorizontalPodAutoscaler" {
        let place = place.key("spec").key("metrics");
        let metrics = object["spec"]["metrics"].as_array();
        for (index, metric) in metrics.into_iter().flatten().enumerate() {
            targets(metric, place.item(index), &mut found);
        }
    }
    obsolete_in(object, place, &mut found);
    found
}

/// What every object has.
fn lacking<'a>(object: &Value, place: &'a Place) -> Vec<(&'a Place, String)> {
    let mut lacking = Vec::new();
    for key in ["apiVersion", "kind"] {
        if !object[key].is_string() {
            lacking.push((place.key(key), key));
        }
    }
    if !object["metadata"]["name"].is_string() {
        lacking.push((place.key("metadata"), "metadata.name"));
    }
    if lacking.is_empty() {
        return Vec::new();
    }
    let object = object.to_string();
    let shown = cut(&object, SHOWN);
    let lacking = lacking.into_iter();
    lacking
        .map(|(place, key)| (place, format!("a manifest has no `{key}`: {shown}")))
        .collect()
}

/// What no cluster of today takes, or would ever make Available.
fn obsolete_in<'a>(object: &Value, place: &'a Place, found: &mut Vec<(&'a Place, String)>) {
    let mut add = |place: &'a Place, obsolete: Option<&Obsolete>| {
        found.extend(obsolete.map(|obsolete| (place, obsolete.to_string())));
    };
    if let Some(version) = object["apiVersion"].as_str() {
        add(place.key("apiVersion"), obsolete::of_api(version));
    }
    let spec = &object["spec"];
    if object["kind"] == "APIService"
        && let (Some(group), Some(version)) = (spec["group"].as_str(), spec["version"].as_str())
    {
        let api = format!("{group}/{version}");
        add(place.key("spec").key("version"), obsolete::of_api(&api));
    }
    let of_pod = place.key("spec");
    let of_template = of_pod.key("template").key("spec");
    for (pod, place) in [(spec, of_pod), (&spec["template"]["spec"], of_template)] {
        for key in ["containers", "initContainers"] {
            let containers = pod[key].as_array();
            for (index, container) in containers.into_iter().flatten().enumerate() {
                if let Some(image) = container["image"].as_str() {
                    let place = place.key(key).item(index).key("image");
                    add(place, obsolete::of_image(image));
                }
            }
        }
    }
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(object: &Value) -> Vec<String> {
        let place = Place::of("{}");
        let found = problems(object, &place).into_iter();
        found.map(|(_, problem)| problem).collect()
    }

    #[test]
    fn of_a_large_object_only_the_beginning_is_told() {
        let mut object = json!({"data": "x".repeat(100_000)});
        let all = told(&object);
        assert_eq!(all.len(), 3);
        for problem in all {
            assert!(problem.ends_with("xxx…"), "{problem}");
            assert!(problem.chars().count() < 300, "{problem}");
        }
        object["apiVersion"] = json!("v1");
        object["kind"] = json!("ConfigMap");
        object["metadata"]["name"] = json!("large");
        assert!(told(&object).is_empty());
    }

    #[test]
    fn of_what_is_no_object_nothing_is_told() {
        for text in [json!("root:x:0:0"), json!(["root:x:0:0"]), json!(null)] {
            let all = told(&text);
            assert_eq!(all.len(), 1);
            assert!(all[0].starts_with("expected an object"), "{all:?}");
        }
    }
}

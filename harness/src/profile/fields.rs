//! What Kubernetes knows of the fields that a profile has for a container or a volume, told by the types of its API.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::format::{Checks, Place};

/// What is left of a value when the document that it stands in is read: nothing where the document has no such field.
type Left = Result<Option<Value>, serde_json::Error>;
type Reading<'r> = &'r dyn Fn(Value) -> Left;

/// Tells which fields of a value a type of Kubernetes doesn't have, and which it has with values of another type.
pub(super) fn check<T: DeserializeOwned + Serialize>(
    value: &Value,
    place: &Place,
    checks: &mut Checks<'_>,
) {
    look(
        value,
        place,
        &|document| read::<T>(document).map(Some),
        checks,
    );
}

/// The fields that the type always has and the value lacks, each with its place.
pub(super) fn missing<'p, T: DeserializeOwned + Serialize>(
    value: &Value,
    place: &'p Place,
) -> Vec<(&'p Place, String)> {
    let mut found = Vec::new();
    // What the type can't hold is told by `check`.
    if let Ok(whole) = read::<T>(value.clone()) {
        compare(value, &whole, place, &mut found);
    }
    found
}

/// A document as the type has it: with no fields but those that the type knows, and with all that it always has.
fn read<T: DeserializeOwned + Serialize>(document: Value) -> Result<Value, serde_json::Error> {
    serde_json::to_value(serde_json::from_value::<T>(document)?)
}

/// Reads each part of a value alone, so that it is known which part an error is about.
fn look(value: &Value, place: &Place, reading: Reading<'_>, checks: &mut Checks<'_>) {
    let without_parts = match value {
        Value::Object(_) => json!({}),
        Value::Array(_) => json!([]),
        scalar => scalar.clone(),
    };
    if let Err(error) = reading(without_parts) {
        checks.at(place, error.to_string());
        return;
    }
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                look_at_field(key, field, place.key(key), reading, checks);
            }
        }
        Value::Array(items) => {
            let of_item = |item: Value| -> Left {
                let list = reading(json!([item]))?;
                Ok(list.and_then(|mut list| list.get_mut(0).map(Value::take)))
            };
            for (index, item) in items.iter().enumerate() {
                look(item, place.item(index), &of_item, checks);
            }
        }
        _ => {}
    }
}

fn look_at_field(
    key: &str,
    field: &Value,
    place: &Place,
    reading: Reading<'_>,
    checks: &mut Checks<'_>,
) {
    let of_field = |field: Value| -> Left {
        let alone = std::iter::once((key.to_owned(), field)).collect();
        let document = reading(Value::Object(alone))?;
        Ok(document.and_then(|mut document| document.get_mut(key).map(Value::take)))
    };
    // A type that has the field refuses an empty map there, or keeps it.
    if matches!(of_field(json!({})), Ok(None)) {
        checks.at(place, format!("Kubernetes has no field `{key}` here"));
    } else if !field.is_null() {
        look(field, place, &of_field, checks);
    }
}

fn compare<'p>(
    value: &Value,
    whole: &Value,
    place: &'p Place,
    found: &mut Vec<(&'p Place, String)>,
) {
    match (value, whole) {
        (Value::Object(fields), Value::Object(whole)) => {
            for (key, whole) in whole {
                match fields.get(key).filter(|field| !field.is_null()) {
                    Some(field) => compare(field, whole, place.key(key), found),
                    None => found.push((place, format!("`{key}` is missing"))),
                }
            }
        }
        (Value::Array(items), Value::Array(whole)) => {
            for (index, (item, whole)) in items.iter().zip(whole).enumerate() {
                compare(item, whole, place.item(index), found);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use k8s_openapi::api::core::v1::Container;

    use super::*;

    fn told(text: &str) -> Vec<String> {
        let value: Value = serde_saphyr::from_str(text).unwrap();
        let place = Place::of(text);
        let mut checks = Checks::new(Path::new("."));
        check::<Container>(&value, &place, &mut checks);
        for (place, problem) in missing::<Container>(&value, &place) {
            checks.at(place, problem);
        }
        checks.problems()
    }

    #[test]
    fn fields_that_kubernetes_does_not_have_are_told_at_any_depth() {
        let text = "\
name: adapter
livenessProb: null
readinessProbe: {httpGet: {port: https, paths: /healthz}}
env: [{name: A, values: a}]
";
        let expected = [
            "2:15: Kubernetes has no field `livenessProb` here",
            "3:48: Kubernetes has no field `paths` here",
            "4:25: Kubernetes has no field `values` here",
        ];
        assert_eq!(told(text), expected);
    }

    #[test]
    fn values_of_another_type_are_told_where_they_stand() {
        let text = "\
name: adapter
readinessProbe: 5
args: [--port, 6443]
resources: {limits: {memory: [64Mi]}}
";
        let told = told(text);
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told[0].starts_with("2:17: invalid type: integer `5`"));
        assert!(told[1].starts_with("3:16: invalid type: integer `6443`"));
        assert!(told[2].starts_with("4:30: invalid type: sequence"));
    }

    #[test]
    fn fields_that_kubernetes_always_has_are_told_where_they_are_missing() {
        let text = "name: adapter\nlivenessProbe: {httpGet: {path: /healthz}}\nenv: [{value: a}]\n";
        let expected = ["2:26: `port` is missing", "3:7: `name` is missing"];
        assert_eq!(told(text), expected);
    }

    #[test]
    fn what_kubernetes_takes_is_not_told() {
        let text = "\
name: adapter
livenessProbe: null
readinessProbe: {httpGet: {port: 8443, scheme: HTTPS, httpHeaders: [{name: a, value: b}]}, periodSeconds: 1}
env:
  - {name: A, value: a}
  - {name: B, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}
resources: {limits: {memory: 512Mi, cpu: 1, example.org/device: '1'}}
securityContext: {capabilities: {drop: [ALL]}}
";
        let told = told(text);
        assert!(told.is_empty(), "{told:?}");
    }
}

//! Many of the same: what stands once in a file, with a number in its names.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::Metric;

/// What the number of a copy stands for, counted from 1.
const NUMBER: &str = "{n}";
/// How many copies there may be; a plane on a small machine takes no more.
const MOST: u16 = 10_000;

/// Copies of a manifest.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Copies {
    copies: u16,
    of: Value,
}

/// Manifests, of which one may be `{copies: 100, of: {…}}`.
///
/// # Errors
/// When there are none or too many copies.
pub(crate) fn manifests<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Value>, D::Error> {
    let mut objects = Vec::new();
    for object in Vec::<Value>::deserialize(from)? {
        if object.get("copies").is_none() {
            objects.push(object);
            continue;
        }
        let Copies { copies, of } = serde_json::from_value(object).map_err(D::Error::custom)?;
        objects.extend(numbers(copies).map_err(D::Error::custom)?.map(|number| {
            let mut object = of.clone();
            put(&mut object, &number);
            object
        }));
    }
    Ok(objects)
}

/// Metrics, each as often as its `copies` say.
///
/// # Errors
/// When there are none or too many copies.
pub(crate) fn metrics<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Metric>, D::Error> {
    let mut metrics = Vec::new();
    for metric in Vec::<Metric>::deserialize(from)? {
        let Some(copies) = metric.copies else {
            metrics.push(metric);
            continue;
        };
        let numbers = numbers(copies).map_err(D::Error::custom)?;
        metrics.extend(numbers.map(|number| metric.numbered(|text| put_text(text, &number))));
    }
    Ok(metrics)
}

/// There can't be that many copies.
#[derive(Debug, thiserror::Error)]
#[error("`copies` is between 1 and {MOST}, not {0}")]
struct NoCopies(u16);

fn numbers(copies: u16) -> Result<impl Iterator<Item = String>, NoCopies> {
    if !(1..=MOST).contains(&copies) {
        return Err(NoCopies(copies));
    }
    Ok((1..=copies).map(|number| number.to_string()))
}

fn put(value: &mut Value, number: &str) {
    match value {
        Value::String(text) => put_text(text, number),
        Value::Array(items) => items.iter_mut().for_each(|item| put(item, number)),
        Value::Object(fields) => fields.values_mut().for_each(|field| put(field, number)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn put_text(text: &mut String, number: &str) {
    if text.contains(NUMBER) {
        *text = text.replace(NUMBER, number);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::format::On;

    #[test]
    fn copies_of_a_manifest_differ_by_their_numbers_and_others_stay() {
        let pod = |name: &str| json!({"kind": "Pod", "metadata": {"name": name}, "list": [name]});
        let list = json!([pod("{n}"), {"copies": 3, "of": pod("web-{n}")}]);
        let all = manifests(list).unwrap();
        assert_eq!(all, [pod("{n}"), pod("web-1"), pod("web-2"), pod("web-3")]);
    }

    #[test]
    fn copies_of_a_metric_differ_by_name_and_object() {
        let list = json!([
            {"custom": "a", "on": {"pods": {"app": "web"}}, "values": "1"},
            {"custom": "queue_{n}", "copies": 2, "on": {"object": {"label": "service", "name": "web-{n}"}}, "values": "1"},
        ]);
        let all = metrics(list).unwrap();
        let shown: Vec<String> = all
            .iter()
            .map(|metric| match &metric.on {
                On::Pods(labels) => format!("{} {labels:?}", metric.custom),
                On::Object(object) => format!("{} {}", metric.custom, object.name),
            })
            .collect();
        assert_eq!(
            shown,
            ["a {\"app\": \"web\"}", "queue_1 web-1", "queue_2 web-2"]
        );
    }

    #[test]
    fn none_and_too_many_copies_are_refused() {
        for copies in [0, MOST + 1] {
            let told = manifests(json!([{"copies": copies, "of": {}}])).unwrap_err();
            assert!(told.to_string().contains("between 1 and 10000"), "{told}");
        }
        assert!(manifests(json!([{"copies": 1}])).is_err());
        assert!(manifests(json!([{"copies": 1, "of": {}, "x": 1}])).is_err());
    }
}

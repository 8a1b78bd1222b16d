//! Many of the same: what stands once in a file, with a number in its names.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::{Metric, ObjectRef};

/// What the number of a copy stands for, counted from 1.
pub(super) const NUMBER: &str = "{n}";
/// How many copies there may be; a plane on a small machine takes no more.
const MOST: u16 = 10_000;

/// How many copies there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u64")]
pub(crate) struct Count(u16);

/// There can't be that many copies.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`copies` is between 1 and {MOST}, not {0}")]
pub(crate) struct NoCopies(String);

impl TryFrom<u64> for Count {
    type Error = NoCopies;

    fn try_from(copies: u64) -> Result<Self, NoCopies> {
        let count = u16::try_from(copies);
        let count = count.ok().filter(|count| (1..=MOST).contains(count));
        count.map(Self).ok_or_else(|| NoCopies(copies.to_string()))
    }
}

impl Count {
    /// What a manifest says of it.
    pub(super) fn of(copies: &Value) -> Result<Self, NoCopies> {
        match copies.as_u64() {
            Some(copies) => Self::try_from(copies),
            None => Err(NoCopies(copies.to_string())),
        }
    }

    /// As a number, 1 or more.
    pub(super) fn get(self) -> usize {
        self.0.into()
    }

    /// The numbers of the copies.
    pub(super) fn numbers(self) -> impl Iterator<Item = String> {
        (1..=self.0).map(|number| number.to_string())
    }
}

/// All objects that manifests say. What is no copy stays as it is, and so do copies that can't be, which were told before.
pub(crate) fn manifests(written: Vec<Value>) -> Vec<Value> {
    let all = |object: Value| copied(&object).unwrap_or_else(|| vec![object]);
    written.into_iter().flat_map(all).collect()
}

/// The objects that `{copies: 100, of: {…}}` says; none where it is something else.
fn copied(written: &Value) -> Option<Vec<Value>> {
    let of = written.get("of")?;
    let count = Count::of(written.get("copies")?).ok()?;
    let numbers = count.numbers();
    Some(numbers.map(|number| numbered(of, &number)).collect())
}

/// Whether it says copies, whatever they are.
pub(super) fn are_copies(written: &Value) -> bool {
    written.get("copies").is_some()
}

/// What there are copies of; the object itself where it is none.
pub(crate) fn template(written: &Value) -> &Value {
    let of = written.get("of").filter(|_| are_copies(written));
    of.unwrap_or(written)
}

/// A copy of an object.
pub(super) fn numbered(of: &Value, number: &str) -> Value {
    let mut object = of.clone();
    put(&mut object, number);
    object
}

/// What a copy says of itself.
pub(super) fn numbered_reference(of: &ObjectRef, number: &str) -> ObjectRef {
    let mut copy = of.clone();
    put_text(&mut copy.api_version, number);
    put_text(&mut copy.kind, number);
    put_text(&mut copy.name, number);
    if let Some(namespace) = &mut copy.namespace {
        put_text(namespace, number);
    }
    copy
}

/// Metrics, each as often as its `copies` say; copies of one metric follow each other.
///
/// # Errors
/// When they are no metrics.
pub(crate) fn metrics<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Metric>, D::Error> {
    let mut metrics = Vec::new();
    for metric in Vec::<Metric>::deserialize(from)? {
        match metric.copies {
            None => metrics.push(metric),
            Some(count) => metrics.extend(
                count
                    .numbers()
                    .map(|number| metric.numbered(|text| put_text(text, &number))),
            ),
        }
    }
    Ok(metrics)
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
        let written = vec![pod("{n}"), json!({"copies": 3, "of": pod("web-{n}")})];
        assert_eq!(template(&written[0]), &written[0]);
        assert_eq!(template(&written[1]), &pod("web-{n}"));
        let all = manifests(written);
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
        for copies in [json!(0), json!(10_001), json!(-1), json!("2")] {
            let told = Count::of(&copies).unwrap_err().to_string();
            assert_eq!(
                told,
                format!("`copies` is between 1 and 10000, not {copies}")
            );
            let written = vec![json!({"copies": copies, "of": {}})];
            assert_eq!(manifests(written.clone()), written);
        }
        let metric = |copies: u64| {
            let on = json!({"pods": {"app": "web"}});
            metrics(json!([{"custom": "a", "on": on, "values": "1", "copies": copies}]))
        };
        assert_eq!(metric(u64::from(MOST)).unwrap().len(), 10_000);
        let told = metric(100_000_000).unwrap_err().to_string();
        assert!(
            told.contains("between 1 and 10000, not 100000000"),
            "{told}"
        );
    }
}

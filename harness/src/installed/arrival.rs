//! Whether values have arrived at the adapter, by what it answers. Pure.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::quantity::milli;

/// By which part of it a value may differ: measured values are never exact, and an HPA makes no difference within a tenth.
pub(crate) const TOLERANCE: f64 = 0.1;

/// A `MetricValueList`'s values, by the names of their objects. Where an object is named twice, it has the last value.
pub(super) fn values(list: &Value) -> BTreeMap<String, String> {
    let items = list["items"].as_array();
    let items = items.into_iter().flatten().filter_map(|item| {
        let name = item["describedObject"]["name"].as_str()?;
        Some((name.to_owned(), item["value"].as_str()?.to_owned()))
    });
    items.collect()
}

/// Whether there are ready pods, and all have about this value.
pub(super) fn has_arrived(
    ready: &[String],
    values: &BTreeMap<String, String>,
    wanted: f64,
) -> bool {
    let has_it = |pod: &String| values.get(pod).is_some_and(|value| is_about(value, wanted));
    !ready.is_empty() && ready.iter().all(has_it)
}

fn is_about(quantity: &str, wanted: f64) -> bool {
    let Some(milli) = milli(quantity) else {
        return false;
    };
    #[expect(
        clippy::cast_precision_loss,
        reason = "values that differ by so little are the same here"
    )]
    let found = milli as f64 / 1e3;
    // Thousandths are as fine as quantities of metrics are.
    (found - wanted).abs() <= (wanted.abs() * TOLERANCE).max(1e-3)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_has_arrived_when_each_ready_pod_has_about_it() {
        let list = json!({"items": [
            {"describedObject": {"kind": "Pod", "name": "a"}, "value": "40"},
            {"describedObject": {"kind": "Pod", "name": "b"}, "value": "39500m"},
            {"describedObject": {"kind": "Pod", "name": "old"}, "value": "1"},
            {"describedObject": {"kind": "Pod"}, "value": "1"},
        ]});
        let values = values(&list);
        assert_eq!(values.len(), 3);
        let arrived = |ready: &[&str], wanted| {
            let ready: Vec<String> = ready.iter().map(|pod| (*pod).to_owned()).collect();
            has_arrived(&ready, &values, wanted)
        };
        assert!(arrived(&["a", "b"], 40.0));
        assert!(arrived(&["old"], 1.0));
        assert!(!arrived(&["a", "b", "c"], 40.0), "one has none");
        assert!(!arrived(&["a", "old"], 40.0), "one has another");
        assert!(!arrived(&["a"], 50.0));
        assert!(!arrived(&[], 40.0), "none is ready");
        assert!(!arrived(&["old"], 0.0));
    }

    #[test]
    fn what_is_no_list_of_values_has_none() {
        for answer in [
            json!(null),
            json!({"items": 3}),
            json!([]),
            json!({"items": [{"value": 3}]}),
        ] {
            assert!(values(&answer).is_empty(), "{answer}");
        }
    }
}

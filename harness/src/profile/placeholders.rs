//! What stands in profiles for what is known only when an adapter is installed.

use serde_json::Value;

/// The address of Prometheus, `host:port`.
pub(crate) const PROMETHEUS: &str = "$(PROMETHEUS)";
/// The namespace of the adapter.
pub(crate) const ADAPTER_NAMESPACE: &str = "$(ADAPTER_NAMESPACE)";
/// The ServiceAccount of the adapter.
pub(crate) const ADAPTER_SERVICE_ACCOUNT: &str = "$(ADAPTER_SERVICE_ACCOUNT)";
/// An external metric, by the name that a scenario gives it.
pub(crate) const METRIC: &str = "$(METRIC)";
/// The namespace that an external metric is asked in.
pub(crate) const NAMESPACE: &str = "$(NAMESPACE)";
/// A name for objects of an external metric: no other one of the scenario has it.
pub(crate) const OBJECT: &str = "$(OBJECT)";
/// The labels of its series in Prometheus, as `PromQL` writes them between braces.
pub(crate) const MATCHERS: &str = "$(MATCHERS)";

/// A text with these placeholders replaced.
pub(crate) fn filled_text(text: &str, places: &[(&str, &str)]) -> String {
    places.iter().fold(text.to_owned(), |text, (place, with)| {
        text.replace(place, with)
    })
}

/// A value with these placeholders replaced in all its strings, those of keys not.
pub(crate) fn filled(value: &Value, places: &[(&str, &str)]) -> Value {
    match value {
        Value::String(text) => Value::String(filled_text(text, places)),
        Value::Array(items) => items.iter().map(|item| filled(item, places)).collect(),
        Value::Object(fields) => {
            let filled = fields
                .iter()
                .map(|(key, field)| (key.clone(), filled(field, places)));
            Value::Object(filled.collect())
        }
        other => other.clone(),
    }
}

/// The first placeholder of a text that is none of these.
pub(super) fn unknown<'a>(text: &'a str, known: &[&str]) -> Option<&'a str> {
    text.match_indices("$(").find_map(|(start, _)| {
        let end = text[start..]
            .find(')')
            .map_or(text.len(), |end| start + end + 1);
        let found = &text[start..end];
        (!known.contains(&found)).then_some(found)
    })
}

//! What stands in profiles for what is known only when an adapter is installed.

use serde_json::Value;

use crate::format::Place;

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

/// What the adapter's container, its volumes and the manifests beside it may have.
pub(super) const OF_THE_ADAPTER: [&str; 3] =
    [PROMETHEUS, ADAPTER_NAMESPACE, ADAPTER_SERVICE_ACCOUNT];

/// What takes the place of these.
pub(super) fn of_the_adapter<'a>(
    prometheus: &'a str,
    namespace: &'a str,
    service_account: &'a str,
) -> [(&'static str, &'a str); 3] {
    [
        (PROMETHEUS, prometheus),
        (ADAPTER_NAMESPACE, namespace),
        (ADAPTER_SERVICE_ACCOUNT, service_account),
    ]
}

/// A text with these placeholders replaced.
pub(crate) fn filled_text(text: &str, places: &[(&str, &str)]) -> String {
    places.iter().fold(text.to_owned(), |text, (place, with)| {
        text.replace(place, with)
    })
}

/// A value with these placeholders replaced in all its strings, those of keys not.
pub(crate) fn filled(value: &Value, places: &[(&str, &str)]) -> Value {
    changed(value, &|text| filled_text(text, places))
}

/// A value with all its strings changed, those of keys not.
pub(super) fn changed(value: &Value, change: &dyn Fn(&str) -> String) -> Value {
    match value {
        Value::String(text) => Value::String(change(text)),
        Value::Array(items) => items.iter().map(|item| changed(item, change)).collect(),
        Value::Object(fields) => {
            let changed = fields
                .iter()
                .map(|(key, field)| (key.clone(), changed(field, change)));
            Value::Object(changed.collect())
        }
        other => other.clone(),
    }
}

/// A text of a container with what `with` has for each `$(NAME)`; the others stay.
pub(super) fn expanded<'w>(text: &str, with: impl Fn(&str) -> Option<&'w str>) -> String {
    let mut expanded = String::with_capacity(text.len());
    let mut from = 0;
    for (start, reference) in references(text) {
        expanded.push_str(&text[from..start]);
        expanded.push_str(with(reference).unwrap_or(reference));
        from = start + reference.len();
    }
    expanded.push_str(&text[from..]);
    expanded
}

/// Each `$(NAME)` of a text, with how many bytes stand before it. As Kubernetes reads it: `$$` is a `$`, so `$$(NAME)` is none.
fn references(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut from = 0;
    std::iter::from_fn(move || {
        loop {
            let start = from + text.get(from..)?.find('$')?;
            let rest = &text[start..];
            if rest.starts_with("$(") {
                let end = rest.find(')').map_or(rest.len(), |end| end + 1);
                from = start + end;
                return Some((start, &rest[..end]));
            }
            from = start + if rest.starts_with("$$") { 2 } else { 1 };
        }
    })
}

/// The first `$(NAME)` of a text that is none of these. A name begins with a capital: anything else is left to a shell, such as `$(hostname)`.
pub(super) fn unknown(text: &str, is_known: impl Fn(&str) -> bool) -> Option<&str> {
    let is_name = |reference: &str| {
        let begins = reference.trim_start_matches("$(").chars().next();
        let is_meant = |known: &str| known.eq_ignore_ascii_case(reference);
        begins.is_some_and(|c| c.is_ascii_uppercase()) || OF_THE_ADAPTER.into_iter().any(is_meant)
    };
    let mut found = references(text).map(|(_, reference)| reference);
    found.find(|reference| is_name(reference) && !is_known(reference))
}

/// What is told of one that is unknown.
pub(super) fn no_such(unknown: &str, known: &[&str]) -> String {
    format!("{unknown} is unknown; there are {}", known.join(", "))
}

/// The texts of a value, each with its place, but for the commands of probes and the like: Kubernetes expands nothing
/// there, and a shell has such words of its own.
pub(super) fn texts<'v>(value: &'v Value, place: &'v Place) -> Vec<(&'v Place, &'v str)> {
    match value {
        Value::String(text) => vec![(place, text.as_str())],
        Value::Array(items) => {
            let items = items.iter().enumerate();
            items
                .flat_map(|(index, item)| texts(item, place.item(index)))
                .collect()
        }
        Value::Object(fields) => {
            let fields = fields.iter().filter(|(key, _)| *key != "exec");
            fields
                .flat_map(|(key, field)| texts(field, place.key(key)))
                .collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_kubernetes_takes_for_no_variable_is_no_placeholder() {
        let with = |reference: &str| (reference == PROMETHEUS).then_some("p:9090");
        for (text, expected) in [
            ("http://$(PROMETHEUS)/", "http://p:9090/"),
            ("$(PROMETHEUS)$(PROMETHEUS)", "p:9090p:9090"),
            ("$$(PROMETHEUS)", "$$(PROMETHEUS)"),
            ("$$$(PROMETHEUS)", "$$p:9090"),
            ("$(OTHER) $ $PROMETHEUS é$(", "$(OTHER) $ $PROMETHEUS é$("),
            ("$(PROMETHEUS", "$(PROMETHEUS"),
            ("", ""),
        ] {
            assert_eq!(expanded(text, with), expected);
        }
        let unknown = |text| unknown(text, |reference| reference == PROMETHEUS);
        assert_eq!(unknown("$(PROMETHEUS) $$(A) $(B)"), Some("$(B)"));
        assert_eq!(unknown("$(PROMETHEUS) $$(A)"), None);
        assert_eq!(unknown("$(PROM"), Some("$(PROM"));
        assert_eq!(unknown("$(prometheus)"), Some("$(prometheus)"));
        assert_eq!(unknown("exec x --id=$(hostname) $(date +%s) $("), None);
    }
}

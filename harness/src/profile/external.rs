//! How an adapter names external metrics, and what it takes for one to be there.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::placeholders::{MATCHERS, METRIC, NAMESPACE, OBJECT, PROMETHEUS, no_such, unknown};
use crate::format::{Checks, Place};

/// How an adapter is asked for external metrics that it names itself, and the objects that make one. `$(METRIC)` is the name that a scenario gives a metric,
/// `$(NAMESPACE)` the namespace that it is asked in, and `$(OBJECT)` a name for objects that no other metric of the scenario has.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExternalMetrics {
    /// The name that HPAs and requests have in place of the scenario's.
    pub name: String,
    /// The labels that they select by in place of the scenario's.
    #[serde(default)]
    pub selector: BTreeMap<String, String>,
    /// The objects that are applied for each metric, before HPAs. Here `$(MATCHERS)` are the labels of its series in `PromQL`, as in `namespace="default",queue="orders"`,
    /// and `$(PROMETHEUS)` is the address of Prometheus, `host:port`.
    #[serde(default)]
    pub manifests: Vec<Value>,
}

impl ExternalMetrics {
    pub(super) fn check(&self, place: &Place, checks: &mut Checks<'_>) {
        let of_names = [METRIC, NAMESPACE, OBJECT];
        let names = std::iter::once((place.key("name"), &self.name));
        let labels = self
            .selector
            .iter()
            .map(|(label, value)| (place.key("selector").key(label), value));
        for (place, text) in names.chain(labels) {
            if let Some(unknown) = unknown(text, |name| of_names.contains(&name)) {
                checks.at(place, no_such(unknown, &of_names));
            } else if text.is_empty() {
                checks.at(place, "expected a name");
            }
        }
        let known = [METRIC, NAMESPACE, OBJECT, MATCHERS, PROMETHEUS];
        let manifests = place.key("manifests");
        checks.manifests(&self.manifests, manifests);
        for (index, manifest) in self.manifests.iter().enumerate() {
            let text = manifest.to_string();
            if let Some(unknown) = unknown(&text, |name| known.contains(&name)) {
                checks.at(manifests.item(index), no_such(unknown, &known));
            }
        }
    }
}

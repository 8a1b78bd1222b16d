//! prometheus-adapter's configuration file (`pkg/config/config.go`, v0.12.0).

mod load;

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

pub use load::{ConfigError, load, parse};

/// The file.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MetricsDiscoveryConfig {
    /// Which series are custom metrics, and of which objects.
    #[serde(default, deserialize_with = "null_as_default")]
    pub rules: Vec<DiscoveryRule>,
    /// Which series are external metrics. Read and checked; not served yet.
    #[serde(default, deserialize_with = "null_as_default")]
    pub external_rules: Vec<DiscoveryRule>,
    /// Where CPU and memory of pods and nodes come from. Read; not served yet.
    #[serde(default)]
    pub resource_rules: Option<ResourceRules>,
}

/// Which series a rule is about, what they are called, and how they are asked for.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DiscoveryRule {
    /// A PromQL series selector.
    #[serde(default)]
    pub series_query: String,
    /// Regular expressions that the series' names must match or not.
    #[serde(default, deserialize_with = "null_as_default")]
    pub series_filters: Vec<RegexFilter>,
    /// Which labels name Kubernetes objects.
    #[serde(default)]
    pub resources: ResourceMapping,
    /// What the metric is called in the API.
    #[serde(default)]
    pub name: NameMapping,
    /// A template of the PromQL query, between `<<` and `>>`.
    #[serde(default)]
    pub metrics_query: String,
}

/// A regular expression that must match, or must not: one of them.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RegexFilter {
    /// Must match.
    #[serde(default)]
    pub is: String,
    /// Must not match.
    #[serde(default)]
    pub is_not: String,
}

/// Which labels name Kubernetes objects.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResourceMapping {
    /// A template of labels' names, such as `kube_<<.Group>>_<<.Resource>>`.
    #[serde(default)]
    pub template: String,
    /// Labels that the template doesn't fit.
    #[serde(default, deserialize_with = "null_as_default")]
    pub overrides: BTreeMap<String, ResourceName>,
    /// Of external metrics: whether the namespace asked for is part of the query.
    #[serde(default)]
    pub namespaced: Option<bool>,
}

/// A resource, by plural or singular.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResourceName {
    /// The API group; empty looks in all.
    #[serde(default)]
    pub group: String,
    /// The resource.
    pub resource: String,
}

/// What a metric is called in the API.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NameMapping {
    /// A regular expression on the series' name; empty means `.*`.
    #[serde(default)]
    pub matches: String,
    /// The name, with captures as `$1` or `${1}`; empty means the one capture or the whole name.
    #[serde(default, rename = "as")]
    pub as_: String,
}

/// Where CPU and memory come from.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResourceRules {
    /// CPU.
    pub cpu: ResourceRule,
    /// Memory.
    pub memory: ResourceRule,
    /// The window that is reported.
    #[serde(default)]
    pub window: String,
}

/// Where one of them comes from.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResourceRule {
    /// The query for containers.
    #[serde(default)]
    pub container_query: String,
    /// The query for nodes.
    #[serde(default)]
    pub node_query: String,
    /// Which labels name pods, namespaces and nodes.
    #[serde(default)]
    pub resources: ResourceMapping,
    /// Which label names the container.
    #[serde(default)]
    pub container_label: String,
}

/// A key without a value is as good as no key.
fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

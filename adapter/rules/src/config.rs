//! prometheus-adapter's configuration file, key by key (`pkg/config/config.go`, v0.12.0), and keys that it doesn't have.
//!
//! Unknown keys and keys that stand twice are refused. A key or an item without a value counts as left
//! out, and a number or a boolean where a text is expected as that text (`yaml.v2` of Go).

mod policy;
mod upstream;

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use setpoint_metrics_api::null_as_default;

pub use policy::{DefaultValue, Instead, ValuePolicy};
pub use upstream::{BasicAuth, TlsFiles, Upstream};

/// The whole file.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MetricsDiscoveryConfig {
    /// Rules for custom metrics.
    #[serde(default, deserialize_with = "list_with_nulls")]
    pub rules: Vec<DiscoveryRule>,
    /// Rules for external metrics.
    #[serde(default, deserialize_with = "list_with_nulls")]
    pub external_rules: Vec<DiscoveryRule>,
    /// Queries for CPU and memory of pods and nodes.
    #[serde(default)]
    pub resource_rules: Option<ResourceRules>,
    /// Upstreams beside the Prometheus that flags name. prometheus-adapter has no such key.
    #[serde(default, deserialize_with = "list_with_nulls")]
    pub upstreams: Vec<Upstream>,
}

/// A rule: which series it is about, which metrics they are, and how Prometheus is asked for
/// values.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DiscoveryRule {
    /// A PromQL series selector.
    #[serde(default, deserialize_with = "null_as_default")]
    pub series_query: String,
    /// Further conditions on the names of the series.
    #[serde(default, deserialize_with = "list_with_nulls")]
    pub series_filters: Vec<RegexFilter>,
    /// Which labels name Kubernetes objects.
    #[serde(default, deserialize_with = "null_as_default")]
    pub resources: ResourceMapping,
    /// The name of the metric in the API.
    #[serde(default, deserialize_with = "null_as_default")]
    pub name: NameMapping,
    /// The template of the PromQL query, with fields such as `<<.Series>>`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub metrics_query: String,
    /// What is answered where there is no number. prometheus-adapter has no such key.
    #[serde(default, deserialize_with = "null_as_default")]
    pub value_policy: ValuePolicy,
    /// The time that a value is of, which answers report as `windowSeconds`: a duration such as `2m`, or `fromQuery`, the
    /// range in `metricsQuery`. prometheus-adapter has no such key.
    #[serde(default, deserialize_with = "null_as_default")]
    pub window: String,
    /// The name of the upstream that is asked; empty stands for the Prometheus that flags name. prometheus-adapter has
    /// no such key.
    #[serde(default, deserialize_with = "null_as_default")]
    pub upstream: String,
    /// Headers of each request to it, by name; values are templates with `<<.Namespace>>`. prometheus-adapter has no such
    /// key.
    #[serde(default, deserialize_with = "null_as_default")]
    pub headers: BTreeMap<String, String>,
}

/// A condition on the name of a series: one of two regular expressions.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RegexFilter {
    /// The name must match this.
    #[serde(default, deserialize_with = "null_as_default")]
    pub is: String,
    /// The name must not match this.
    #[serde(default, deserialize_with = "null_as_default")]
    pub is_not: String,
}

/// Which labels name Kubernetes objects.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResourceMapping {
    /// A template of label names, such as `kube_<<.Group>>_<<.Resource>>`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub template: String,
    /// Resources by label, for labels that the template doesn't fit.
    #[serde(default, deserialize_with = "null_as_default")]
    pub overrides: BTreeMap<String, ResourceName>,
    /// Whether the query for an external metric contains the namespace; true where it is left out.
    #[serde(default)]
    pub namespaced: Option<bool>,
}

/// A resource, by plural or singular.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResourceName {
    /// The API group; empty stands for any.
    #[serde(default, deserialize_with = "null_as_default")]
    pub group: String,
    /// The plural or singular.
    pub resource: String,
}

/// The name of a metric in the API.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NameMapping {
    /// A regular expression that the name of the series must match; empty stands for `.*`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub matches: String,
    /// The name, with captures as `$1` or `${1}`; empty stands for the only capture, or for the
    /// whole name where there is none.
    #[serde(default, rename = "as", deserialize_with = "null_as_default")]
    pub as_: String,
}

/// Queries for `metrics.k8s.io`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResourceRules {
    /// CPU, in cores.
    #[serde(default, deserialize_with = "null_as_default")]
    pub cpu: ResourceRule,
    /// Memory, in bytes.
    #[serde(default, deserialize_with = "null_as_default")]
    pub memory: ResourceRule,
    /// The window that answers report, such as `5m`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub window: String,
    /// The name of the upstream that is asked; empty stands for the Prometheus that flags name. prometheus-adapter has
    /// no such key.
    #[serde(default, deserialize_with = "null_as_default")]
    pub upstream: String,
    /// Headers of each request to it, as those of a rule. prometheus-adapter has no such key.
    #[serde(default, deserialize_with = "null_as_default")]
    pub headers: BTreeMap<String, String>,
}

/// Queries for CPU, or for memory.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResourceRule {
    /// The template of the query for containers.
    #[serde(default, deserialize_with = "null_as_default")]
    pub container_query: String,
    /// The template of the query for nodes.
    #[serde(default, deserialize_with = "null_as_default")]
    pub node_query: String,
    /// Which labels name pods, namespaces and nodes.
    #[serde(default, deserialize_with = "null_as_default")]
    pub resources: ResourceMapping,
    /// The label that names the container.
    #[serde(default, deserialize_with = "null_as_default")]
    pub container_label: String,
}

impl MetricsDiscoveryConfig {
    /// Reads a file. One without content has no rules, and of several documents the first is meant.
    pub(crate) fn from_yaml(yaml: &str) -> Result<Self, serde_saphyr::Error> {
        let read = match serde_saphyr::from_str::<Option<Self>>(yaml) {
            Err(error) if is_about_documents(&error) => {
                let mut bytes = yaml.as_bytes();
                let mut documents = serde_saphyr::read::<_, Option<Self>>(&mut bytes);
                documents.next().transpose()?.flatten()
            }
            read => read?,
        };
        Ok(read.unwrap_or_default())
    }
}

fn is_about_documents(error: &serde_saphyr::Error) -> bool {
    match error {
        serde_saphyr::Error::MultipleDocuments { .. } => true,
        serde_saphyr::Error::WithSnippet { error, .. } => is_about_documents(error),
        _ => false,
    }
}

/// A list whose items may be left out too.
fn list_with_nulls<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    let items = Option::<Vec<Option<T>>>::deserialize(deserializer)?.unwrap_or_default();
    Ok(items.into_iter().map(Option::unwrap_or_default).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `config.FromYAML` of prometheus-adapter v0.12.0 takes.
    const TAKEN: [&str; 27] = [
        "",
        "---\n",
        "~",
        "rules:\n",
        "rules: []\n---\nrules: 5\n",
        "rules:\n- seriesQuery: 5\n",
        "rules:\n- seriesQuery: yes\n  name: {as: 1.5}\n",
        "rules:\n- seriesQuery: ~\n",
        "rules:\n- ~\n",
        "rules:\n- seriesQuery: x\n  resources: {namespaced: yes}\n",
        "rules:\n- seriesQuery: x\n  resources: {namespaced: y}\n",
        "rules:\n- seriesQuery: x\n  resources: {overrides: {1: {resource: pod}}}\n",
        "rules:\n- &x {seriesQuery: q}\n- <<: *x\n  metricsQuery: m\n",
        "rules:\n- &x {seriesQuery: q}\n- *x\n",
        "rules:\n- seriesQuery: |\n    up\n",
        "resourceRules: {}\n",
        "resourceRules: {window: }\n",
        "resourceRules:\n  cpu:\n  memory:\n",
        "rules:\n- seriesQuery: !!str 5\n",
        "rules:\n- seriesQuery: 0x10\n",
        "rules:\n- seriesQuery: 2020-01-01\n",
        "\u{feff}rules: []\n",
        "rules:\r\n- seriesQuery: x\r\n",
        "rules:\n- seriesQuery: x\n  seriesFilters: [~, {is: }]\n",
        "%YAML 1.1\n---\nrules: []\n",
        "rules: []\n...\n",
        "externalRules: ~\nresourceRules: ~\n",
    ];

    /// What it refuses.
    const REFUSED: [&str; 9] = [
        "rules: {}\n",
        "rules: ''\n",
        "rules: 5\n",
        "a: &x {seriesQuery: q}\nrules: []\n",
        "Rules: []\n",
        "rules: []\nrules: []\n",
        "rules:\n- {seriesQuery: a, seriesQuery: b}\n",
        "rules:\n- seriesQuery: x\n  seriesFilters: {}\n",
        "rules:\n- seriesQuery: [x]\n",
    ];

    #[test]
    fn files_are_taken_and_refused_as_by_gos_yaml() {
        let read = |text: &&str| MetricsDiscoveryConfig::from_yaml(text);
        for text in TAKEN {
            let error = read(&text).err().map(|error| error.to_string());
            assert_eq!(error, None, "{text:?}");
        }
        for text in REFUSED {
            assert!(read(&text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_policy_of_values_is_read_and_another_word_is_told_with_its_place() {
        let policy = |policy: &str| {
            let read = MetricsDiscoveryConfig::from_yaml(&format!(
                "rules:\n- seriesQuery: x\n  valuePolicy: {policy}\n"
            ));
            let shown = read.map(|config| config.rules[0].value_policy.to_string());
            shown.map_err(|error| {
                error
                    .to_string()
                    .lines()
                    .next()
                    .unwrap_or_default()
                    .to_owned()
            })
        };
        for (text, expected) in [
            ("", ""),
            ("{}", ""),
            ("{nan: , absent: ~}", ""),
            ("{nan: error, infinite: zero}", "nan: error, infinite: zero"),
            (
                "{absent: {default: 0}, nan: {default: -2.5}}",
                "nan: default -2500m, absent: default 0",
            ),
            (
                "{absent: {default: 500m}, nan: {default: '1k'}}",
                "nan: default 1k, absent: default 500m",
            ),
        ] {
            assert_eq!(policy(text).as_deref(), Ok(expected), "{text}");
        }
        for refused in [
            "{nan: 0}",
            "{nan: nothing}",
            "{nan: {default: }}",
            "{nan: {default: x}}",
            "{nan: {zero: 1}}",
            "{NaN: zero}",
            "zero",
            "{nan: {default: .inf}}",
            "{nan: {default: .nan}}",
            "{nan: {default: 1e300}}",
            "{nan: {default: [1]}}",
            "{nan: {default: true}}",
            "{nan: [zero]}",
        ] {
            let error = policy(refused).expect_err(refused);
            assert!(error.contains("line 3 column "), "{refused}: {error}");
        }
    }

    #[test]
    fn scalars_are_texts_as_they_are_written() {
        let text = "rules:\n- {seriesQuery: 5, metricsQuery: 0x10, name: {matches: yes, as: 1.50}}\n- {seriesQuery: ~}\n";
        let rules = MetricsDiscoveryConfig::from_yaml(text).unwrap().rules;
        let texts = |rule: &DiscoveryRule| {
            let NameMapping { matches, as_ } = &rule.name;
            [&rule.series_query, &rule.metrics_query, matches, as_].map(Clone::clone)
        };
        assert_eq!(texts(&rules[0]), ["5", "0x10", "yes", "1.50"]);
        assert_eq!(texts(&rules[1]), [""; 4]);
    }
}

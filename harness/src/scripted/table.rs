//! The neutral table: which object has which value of which metric.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use serde::Deserialize;
use setpoint_rules::YamlError;

use crate::quantity::milli;

/// What the scripted adapter serves.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// The values, in any order.
    #[serde(default)]
    pub metrics: Vec<Entry>,
}

/// One object's value of one metric.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Entry {
    /// The metric's name.
    pub metric: String,
    /// The objects' resource, such as `pods` or `deployments.apps`.
    pub resource: String,
    /// The object's kind.
    pub kind: String,
    /// Its API version, such as `v1`.
    pub api_version: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its labels, for requests with a label selector.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// The value, a quantity.
    pub value: String,
}

impl Table {
    /// Reads a table from a YAML or JSON file.
    ///
    /// # Errors
    /// When the file can't be read or is no table.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let doing = || format!("read the table {}", path.display());
        let text = setpoint_support::read_text(path).with_context(doing)?;
        let table = serde_saphyr::from_str(&text).map_err(YamlError::from);
        table.with_context(doing)
    }

    /// Whether any object has the metric.
    pub(super) fn has(&self, resource: &str, metric: &str) -> bool {
        self.metrics
            .iter()
            .any(|entry| entry.resource == resource && entry.metric == metric)
    }

    /// Gives each object the sum over all objects of its name in any namespace.
    pub(super) fn add_namesakes(&mut self) {
        let key = |entry: &Entry| {
            let Entry {
                resource,
                metric,
                name,
                ..
            } = entry;
            (resource.clone(), metric.clone(), name.clone())
        };
        let mut sums = BTreeMap::new();
        for entry in &self.metrics {
            *sums.entry(key(entry)).or_insert(0) += milli(&entry.value).unwrap_or_default();
        }
        for entry in &mut self.metrics {
            entry.value = match sums[&key(entry)] {
                sum if sum % 1000 == 0 => (sum / 1000).to_string(),
                sum => format!("{sum}m"),
            };
        }
    }

    /// Gives the objects of every namespace a namesake in this one, where it has none.
    pub(super) fn fill(&mut self, namespace: &str) {
        if self
            .metrics
            .iter()
            .any(|entry| entry.namespace == namespace)
        {
            return;
        }
        let of_namespaces = |entry: &&Entry| !entry.namespace.is_empty();
        let mut namesakes: Vec<Entry> =
            self.metrics.iter().filter(of_namespaces).cloned().collect();
        for entry in &mut namesakes {
            namespace.clone_into(&mut entry.namespace);
        }
        self.metrics.extend(namesakes);
    }

    /// The values asked for; `*` stands for every name.
    pub(super) fn find(
        &self,
        namespace: &str,
        resource: &str,
        name: &str,
        metric: &str,
        labels: &[(String, String)],
    ) -> Vec<&Entry> {
        self.metrics
            .iter()
            .filter(|entry| {
                entry.namespace == namespace && entry.resource == resource && entry.metric == metric
            })
            .filter(|entry| {
                name == entry.name
                    || name == "*"
                        && labels
                            .iter()
                            .all(|(key, value)| entry.labels.get(key) == Some(value))
            })
            .collect()
    }
}

/// The labels that a selector of the form `a=b,c=d` requires; none for any other form.
pub(super) fn required_labels(selector: &str) -> Option<Vec<(String, String)>> {
    selector
        .split(',')
        .filter(|requirement| !requirement.is_empty())
        .map(|requirement| {
            let (key, value) = requirement.split_once('=')?;
            let is_plain =
                |text: &str| !text.is_empty() && !text.contains(['!', '=', ' ', '(', ')']);
            (is_plain(key) && is_plain(value)).then(|| (key.to_owned(), value.to_owned()))
        })
        .collect()
}

//! A scenario for an adapter that names external metrics itself, or serves no others.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{Document, Scenario};
use crate::format::default_namespace;
use crate::outcome::HarnessProblem;
use crate::profile::placeholders::{
    MATCHERS, METRIC, NAMESPACE, OBJECT, PROMETHEUS, filled, filled_text,
};
use crate::profile::{ExternalMetrics, Profile};

/// Where external metrics of a namespace are.
const PATH: &str = "/apis/external.metrics.k8s.io/v1beta1/namespaces/";
/// The group that a scenario names which any metrics API will do, and the group of an adapter that serves external metrics alone.
const OF_ANY: [(&str, &str); 1] = [("custom.metrics.k8s.io", "external.metrics.k8s.io")];
/// The APIService that is installed with such an adapter.
const INSTALLED: &str = "v1beta1.external.metrics.k8s.io";

/// An external metric of a scenario: what it is asked by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Asked {
    namespace: String,
    metric: String,
    labels: BTreeMap<String, String>,
}

impl Scenario {
    /// The same scenario for an adapter of this profile: external metrics have the names that they have there, beside the objects that make them, and
    /// where the adapter serves external metrics alone, what is asked of any metrics API is asked of that one.
    ///
    /// # Errors
    /// When it can't be read again: a mistake of this program, or of the profile's objects.
    pub(crate) fn for_profile(&self, profile: &Profile) -> Result<Self, HarnessProblem> {
        let metrics = profile.external_metrics.as_ref();
        let alone = profile.is_of_external_metrics_alone();
        // One that brings an adapter along isn't played with another one.
        let stays = self.document.adapter.is_some() || (metrics.is_none() && !alone);
        if stays || profile.lacks_one_of(&self.document.needs).is_some() {
            return Ok(self.clone());
        }
        let mut source = Value::Null;
        let document = self.document_by(|document| {
            if alone {
                ask_external(document);
            }
            if let Some(metrics) = metrics {
                name(document, metrics, &self.document);
            }
            source = document.clone();
        });
        let document = document.map_err(|source| HarnessProblem::NotMade {
            doing: format!(
                "play `{}` with the external metrics of {profile}",
                self.name()
            ),
            source,
        })?;
        Ok(Self {
            path: self.path.clone(),
            // JSON is YAML.
            source: source.to_string(),
            document,
        })
    }
}

/// Asks external.metrics.k8s.io for what any metrics API has. What leads there is installed with the adapter.
fn ask_external(document: &mut Value) {
    if let Some(manifests) = document["manifests"].as_array_mut() {
        manifests.retain(|object| {
            object["kind"] != "APIService" || object["metadata"]["name"] != INSTALLED
        });
    }
    let replaced = filled(document, &OF_ANY);
    *document = replaced;
}

/// Gives the metrics that are fed the names that the adapter has for them, and brings along the objects that make them.
fn name(document: &mut Value, metrics: &ExternalMetrics, read: &Document) {
    let given = read.steps.iter().flat_map(|step| step.metrics());
    let fed = read.metrics.iter().chain(given);
    let mut names = Names {
        metrics,
        fed: fed.map(|metric| metric.custom.clone()).collect(),
        asked: Vec::new(),
    };
    for key in ["manifests", "steps"] {
        names.replace(&mut document[key], &default_namespace());
    }
    let prometheus = read.install.names().prometheus();
    let Some(manifests) = document["manifests"].as_array_mut() else {
        return;
    };
    for (index, asked) in names.asked.iter().enumerate() {
        let object = asked.object(index);
        let matchers = asked.matchers();
        let mut places = asked.places(&object).to_vec();
        places.extend([(MATCHERS, &*matchers), (PROMETHEUS, &*prometheus)]);
        let objects = metrics.manifests.iter();
        manifests.extend(objects.map(|object| filled(object, &places)));
    }
}

impl Asked {
    fn without_labels(metric: &str, namespace: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            metric: metric.to_owned(),
            labels: BTreeMap::new(),
        }
    }

    /// A name for its objects, which no other metric of the scenario has.
    fn object(&self, index: usize) -> String {
        let letter = |c: char| match c.is_ascii_alphanumeric() {
            true => c.to_ascii_lowercase(),
            false => '-',
        };
        let name: String = self.metric.chars().map(letter).collect();
        format!("{}-{index}", name.trim_matches('-'))
    }

    /// The labels of its series, as `PromQL` writes them.
    fn matchers(&self) -> String {
        let labels = self.labels.iter();
        let labels = labels.map(|(label, value)| format!(",{label}={value:?}"));
        format!(
            "namespace={:?}{}",
            self.namespace,
            labels.collect::<String>()
        )
    }

    fn places<'a>(&'a self, object: &'a str) -> [(&'static str, &'a str); 3] {
        [
            (METRIC, &self.metric),
            (NAMESPACE, &self.namespace),
            (OBJECT, object),
        ]
    }
}

/// The names of external metrics in a document.
struct Names<'a> {
    metrics: &'a ExternalMetrics,
    /// What there are series of.
    fed: BTreeSet<String>,
    /// What was found.
    asked: Vec<Asked>,
}

impl Names<'_> {
    fn replace(&mut self, value: &mut Value, namespace: &str) {
        let fields = match value {
            Value::Array(items) => {
                let items = items.iter_mut();
                return items.for_each(|item| self.replace(item, namespace));
            }
            Value::Object(fields) => fields,
            _ => return,
        };
        let own = fields
            .get("metadata")
            .and_then(|of| of["namespace"].as_str());
        let namespace = own.unwrap_or(namespace).to_owned();
        if fields.get("type").is_some_and(|kind| kind == "External")
            && let Some(external) = fields.get_mut("external")
        {
            self.select(&mut external["metric"], &namespace);
        }
        let is_rule = fields.get("apiGroups") == Some(&json!(["external.metrics.k8s.io"]));
        for (key, field) in fields {
            match key.as_str() {
                "path" => self.path(field),
                "metricName" => self.rename(field, &namespace),
                "resources" if is_rule => self.rename(field, &namespace),
                _ => self.replace(field, &namespace),
            }
        }
    }

    /// The metric of an HPA.
    fn select(&mut self, metric: &mut Value, namespace: &str) {
        let labels = metric["selector"]["matchLabels"].as_object();
        let labels = labels.into_iter().flatten().filter_map(|(label, value)| {
            let value = value.as_str()?.to_owned();
            Some((label.clone(), value))
        });
        let asked = metric["name"].as_str().map(|name| Asked {
            labels: labels.collect(),
            ..Asked::without_labels(name, namespace)
        });
        if let Some((name, labels)) = asked.and_then(|asked| self.found(asked)) {
            *metric = json!({"name": name, "selector": {"matchLabels": labels}});
        }
    }

    /// The path of a request. One with a selector, or for a metric without series, stays as it is.
    fn path(&mut self, path: &mut Value) {
        let rest = path.as_str().and_then(|path| path.strip_prefix(PATH));
        let Some((namespace, metric)) = rest.and_then(|rest| rest.split_once('/')) else {
            return;
        };
        if let Some((name, labels)) = self.found(Asked::without_labels(metric, namespace)) {
            let mut query = form_urlencoded::Serializer::new(String::new());
            if !labels.is_empty() {
                let labels = labels
                    .iter()
                    .map(|(label, value)| format!("{label}={value}"));
                query.append_pair("labelSelector", &labels.collect::<Vec<_>>().join(","));
            }
            let query = query.finish();
            let mark = if query.is_empty() { "" } else { "?" };
            *path = json!(format!("{PATH}{namespace}/{name}{mark}{query}"));
        }
    }

    /// A name, or a list of names, that stands for a metric without saying which of its series: it needs no objects.
    fn rename(&self, value: &mut Value, namespace: &str) {
        match value {
            Value::Array(items) => {
                let items = items.iter_mut();
                items.for_each(|item| self.rename(item, namespace));
            }
            Value::String(name) if self.fed.contains(name) => {
                let known = self.asked.iter().position(|known| known.metric == *name);
                let asked = match known {
                    Some(index) => self.asked[index].clone(),
                    None => Asked::without_labels(name, namespace),
                };
                (*name, _) = self.names_of(&asked, known.unwrap_or(self.asked.len()));
            }
            _ => {}
        }
    }

    /// The name and the labels of a metric, if there are series of it; its objects are needed.
    fn found(&mut self, asked: Asked) -> Option<(String, BTreeMap<String, String>)> {
        self.fed.get(&asked.metric)?;
        let known = self.asked.iter().position(|known| *known == asked);
        let found = self.names_of(&asked, known.unwrap_or(self.asked.len()));
        if known.is_none() {
            self.asked.push(asked);
        }
        Some(found)
    }

    /// The name and the labels that the adapter has for a metric.
    fn names_of(&self, asked: &Asked, index: usize) -> (String, BTreeMap<String, String>) {
        let object = asked.object(index);
        let places = asked.places(&object);
        let selector = self.metrics.selector.iter();
        let labels = selector.map(|(label, value)| (label.clone(), filled_text(value, &places)));
        (filled_text(&self.metrics.name, &places), labels.collect())
    }
}

#[cfg(test)]
mod tests;

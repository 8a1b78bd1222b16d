//! The table of what a vector of series says.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::Lie;
use super::prometheus::Labels;
use super::table::{self, Table};

/// What a label stands for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Resource {
    /// As requests name it.
    name: &'static str,
    kind: &'static str,
    api_version: &'static str,
}

const POD: Resource = Resource {
    name: "pods",
    kind: "Pod",
    api_version: "/v1",
};
const SERVICE: Resource = Resource {
    name: "services",
    kind: "Service",
    api_version: "/v1",
};
const DEPLOYMENT: Resource = Resource {
    name: "deployments.apps",
    kind: "Deployment",
    api_version: "apps/v1",
};
const NAMESPACE: Resource = Resource {
    name: "namespaces",
    kind: "Namespace",
    api_version: "/v1",
};
const OBJECTS: [(&str, Resource); 3] = [
    ("pod", POD),
    ("service", SERVICE),
    ("deployment", DEPLOYMENT),
];
/// How far a liar lets the time of a sample be from its own.
const NEAR: Duration = Duration::from_secs(60);

/// Resource, namespace and name of an object that a series is of.
type Object = (Resource, String, String);

/// The value of each pod, Service, Deployment and namespace: the sum over its series that have the labels. Whatever is told twice counts once.
pub(super) fn table(
    vector: &[Value],
    required: &[(String, String)],
    pods: &Labels,
    lie: Option<Lie>,
) -> Table {
    let mut told = HashSet::new();
    let mut values: BTreeMap<(&str, Object), f64> = BTreeMap::new();
    for element in vector {
        let series = &element["metric"];
        let is_required = |(name, value): &(String, String)| series[name].as_str() == Some(value);
        if !required.iter().all(is_required) || is_passed_over(element, lie) {
            continue;
        }
        if !told.insert(series) && lie != Some(Lie::CountsTwice) {
            continue;
        }
        let (Some(metric), Some(value)) = (series["__name__"].as_str(), value(element)) else {
            continue;
        };
        for object in objects(series, lie) {
            match (values.entry((metric, object)), lie) {
                (Entry::Occupied(_), Some(Lie::FirstSeriesOnly)) => {}
                (entry, _) => *entry.or_insert(0.0) += value,
            }
        }
    }
    let entry = |((metric, object), value): ((&str, Object), f64)| {
        let (resource, namespace, name) = object;
        let key = (namespace, name);
        let labels = pods.get(&key).cloned().unwrap_or_default();
        let (namespace, name) = key;
        table::Entry {
            metric: metric.to_owned(),
            resource: resource.name.to_owned(),
            kind: resource.kind.to_owned(),
            api_version: resource.api_version.to_owned(),
            namespace,
            name,
            labels,
            value: quantity(value),
        }
    };
    Table {
        metrics: values.into_iter().map(entry).collect(),
    }
}

/// What a series is of.
fn objects(series: &Value, lie: Option<Lie>) -> Vec<Object> {
    let label = |name: &str| series[name].as_str().map(str::to_owned);
    let Some(namespace) = label("namespace") else {
        return Vec::new();
    };
    let mut objects: Vec<Object> = Vec::new();
    for (name, resource) in OBJECTS {
        let object = label(name).filter(|_| lie != Some(Lie::NamespacesAlone));
        objects.extend(object.map(|object| (resource, namespace.clone(), object)));
    }
    objects.push((NAMESPACE, String::new(), namespace));
    objects
}

/// What is no number counts as zero.
fn value(element: &Value) -> Option<f64> {
    let value: f64 = element["value"][1].as_str()?.parse().ok()?;
    Some(if value.is_nan() { 0.0 } else { value })
}

fn is_passed_over(element: &Value, lie: Option<Lie>) -> bool {
    if lie != Some(Lie::RefusesOtherTimes) {
        return false;
    }
    let now = Timestamp::now().as_duration().as_secs_f64();
    let time = element["value"][0].as_f64();
    time.is_some_and(|time| (now - time).abs() > NEAR.as_secs_f64())
}

/// A value in thousandths, in its shortest form.
fn quantity(value: f64) -> String {
    let milli = (value * 1000.0).trunc();
    if (milli % 1000.0).abs() < f64::EPSILON {
        format!("{}", milli / 1000.0)
    } else {
        format!("{milli}m")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_series_is_a_value_of_each_object_that_its_labels_name() {
        let result = json!([
            {"metric": {"__name__": "rps", "namespace": "default", "pod": "web-1", "service": "web"}, "value": [1, "1.5"]},
            {"metric": {"__name__": "rps", "namespace": "default", "pod": "web-2", "service": "web"}, "value": [1, "2"]},
            {"metric": {"__name__": "length", "namespace": "default", "deployment": "web"}, "value": [1, "3"]},
            {"metric": {"__name__": "up", "job": "x"}, "value": [1, "1"]},
        ]);
        let labels = BTreeMap::from([(
            ("default".to_owned(), "web-1".to_owned()),
            BTreeMap::from([("app".to_owned(), "web".to_owned())]),
        )]);
        let shown = |table: &Table| -> Vec<String> {
            let entry = |entry: &table::Entry| {
                format!(
                    "{}/{} {} {}",
                    entry.resource, entry.metric, entry.name, entry.value
                )
            };
            table.metrics.iter().map(entry).collect()
        };
        let all = table(result.as_array().unwrap(), &[], &labels, None);
        assert_eq!(
            shown(&all),
            [
                "deployments.apps/length web 3",
                "namespaces/length default 3",
                "namespaces/rps default 3500m",
                "pods/rps web-1 1500m",
                "pods/rps web-2 2",
                "services/rps web 3500m"
            ]
        );
        assert_eq!(all.metrics[3].labels["app"], "web");
        let second = [("pod".to_owned(), "web-2".to_owned())];
        assert_eq!(
            shown(&table(result.as_array().unwrap(), &second, &labels, None)),
            [
                "namespaces/rps default 2",
                "pods/rps web-2 2",
                "services/rps web 2"
            ]
        );
    }
}

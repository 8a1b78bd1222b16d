//! Rules in a small cluster, as the adapter asks them.

use std::sync::Arc;

use setpoint_rules::{
    ApiPath, MetricInfo, MetricQuery, Metrics, Resource, ResourcePath, RestMapper, Rules,
    SeriesCollector, SeriesNames,
};

use crate::escaped;

pub fn cluster() -> Arc<RestMapper> {
    Arc::new(RestMapper::new(vec![
        Resource::new("", "v1", "Namespace", "namespaces").cluster_scoped(),
        Resource::new("", "v1", "Node", "nodes").cluster_scoped(),
        Resource::new("", "v1", "Pod", "pods"),
        Resource::new("", "v1", "Service", "services"),
        Resource::new("apps", "v1", "Deployment", "deployments"),
        Resource::new("networking.k8s.io", "v1", "Ingress", "ingresses"),
    ]))
}

/// Series with each of these names, which all have these labels.
pub fn series<'a>(names: impl IntoIterator<Item = &'a str>, labels: &[&str]) -> SeriesNames {
    let mut collector = SeriesCollector::default();
    for name in names {
        let added = collector.add(name, labels.iter().copied());
        added.expect("there are few series");
    }
    collector.finish()
}

/// A text as a YAML string.
pub fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            ' ' | '!' | '#'..='[' | ']'..='~' => quoted.push(c),
            // Whatever YAML makes of line breaks and the like.
            c => quoted.push_str(&format!("\\U{:08x}", u32::from(c))),
        }
    }
    quoted + "\""
}

/// The metrics that rules make of series, whatever these select.
pub fn discovered(rules: &Rules, series: &SeriesNames) -> Metrics {
    rules.discover(|_| Some(series), cluster())
}

pub fn resource_path(path: &str) -> ResourcePath {
    match ApiPath::parse(path) {
        Ok(ApiPath::Resource(path)) => path,
        other => panic!("{path} is no path of a resource: {other:?}"),
    }
}

/// The request for the values that some objects, or all in namespace `shop`, have of a metric.
pub fn request_for(info: &MetricInfo, objects: &str) -> MetricQuery {
    let resource = info.group_resource.to_string();
    let metric = escaped(&info.metric);
    let path = match (resource.as_str(), info.namespaced) {
        ("namespaces", _) => format!("namespaces/{objects}/metrics/{metric}"),
        (_, true) => format!("namespaces/shop/{resource}/{objects}/{metric}"),
        (_, false) => format!("{resource}/{objects}/{metric}"),
    };
    let path = resource_path(&format!("/apis/custom.metrics.k8s.io/v1beta2/{path}"));
    MetricQuery::new(&path, "").expect("what is listed can be asked for")
}

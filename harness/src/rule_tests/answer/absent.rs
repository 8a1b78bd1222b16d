//! Objects that a request is about and that the cluster doesn't have, or not where the request looks for them.

use std::collections::BTreeSet;

use setpoint_rules::{ApiPath, MetricQuery, Objects, UsageQuery};

use super::super::cluster::{Cluster, Object};
use super::{Adapter, ApiGroup};

/// How many objects, namespaces or resources are named.
const NAMED: usize = 5;

/// Which objects a request is about.
struct Wanted<'a> {
    resource: String,
    namespace: Option<&'a str>,
    selector: String,
}

impl Adapter<'_> {
    /// That a request is about all objects of a kind and the cluster has none of them, and what it has instead; none where the
    /// metric isn't there, or one of the objects is.
    pub(in crate::rule_tests) fn absent_objects(&self, target: &str) -> Option<String> {
        let (path, query_string) = target.split_once('?').unwrap_or((target, ""));
        let Ok(ApiPath::Resource(path)) = ApiPath::parse(path) else {
            return None;
        };
        match ApiGroup::of(&path.group)? {
            ApiGroup::Custom => {
                let query = MetricQuery::new(&path, query_string).ok()?;
                let Objects::Selected(selector) = &query.objects else {
                    return None;
                };
                let candidates = self.metrics.as_ref()?.resolve(&query).ok()?;
                let resource = candidates.first()?.resource();
                let namespace = query.namespace.as_deref();
                let namespace = namespace.filter(|_| resource.namespaced);
                let none = self.cluster.names(resource, namespace, selector).is_empty();
                let wanted = Wanted {
                    resource: resource.group_resource().to_string(),
                    namespace,
                    selector: selector.to_string(),
                };
                none.then(|| wanted.missing_of(self.cluster))
            }
            ApiGroup::Resource => {
                let query = UsageQuery::new(&path, query_string).ok()?;
                let none = query.name.is_none() && self.cluster.consumers(&query).is_empty();
                let wanted = Wanted {
                    resource: query.resource.to_owned(),
                    namespace: query.namespace.as_deref(),
                    selector: query.selector.to_string(),
                };
                none.then(|| wanted.missing_of(self.cluster))
            }
            ApiGroup::External => None,
        }
    }

    /// That a request for a custom metric names no namespace, and its objects are in namespaces: to the adapter, that is
    /// another metric. None of other requests.
    pub(in crate::rule_tests) fn lacks_namespace(&self, target: &str) -> Option<String> {
        let (path, query_string) = target.split_once('?').unwrap_or((target, ""));
        let Ok(ApiPath::Resource(path)) = ApiPath::parse(path) else {
            return None;
        };
        if ApiGroup::of(&path.group)? != ApiGroup::Custom {
            return None;
        }
        // Without rules there is no such metric, wherever it is asked for.
        self.metrics.as_ref()?;
        let query = MetricQuery::new(&path, query_string).ok()?;
        let resource = self.cluster.mapper().resource(&query.group_resource)?;
        let is_lacking = resource.namespaced && query.namespace.is_none();
        is_lacking.then(|| {
            let objects = resource.group_resource();
            format!(
                "`namespace` is missing: {objects} are in namespaces (a `path` has namespaces/NAME before {objects})"
            )
        })
    }
}

impl Wanted<'_> {
    fn missing_of(&self, cluster: &Cluster) -> String {
        let namespace = self.namespace;
        let within = namespace.map_or(String::new(), |name| format!(" in namespace {name}"));
        let with = match self.selector.as_str() {
            "" => String::new(),
            selector => format!(" with the labels {selector}"),
        };
        let instead = self.instead(cluster.objects());
        format!(
            "`objects` has none of {}{within}{with}, and a request for all (`*`) is about these; {instead}",
            self.resource
        )
    }

    /// What there is instead: the nearest to what is wanted.
    fn instead(&self, objects: &[Object]) -> String {
        if objects.is_empty() {
            return "the group has no `objects`".to_owned();
        }
        let of_resource = |object: &&Object| object.resource.to_string() == self.resource;
        let of_resource: Vec<&Object> = objects.iter().filter(of_resource).collect();
        let is_near = |object: &&&Object| {
            self.namespace.is_none() || object.namespace.as_deref() == self.namespace
        };
        let near: Vec<String> = of_resource
            .iter()
            .filter(is_near)
            .map(|near| shown(near))
            .collect();
        if !near.is_empty() {
            return format!("there are {}", listed(&near));
        }
        let namespaces = of_resource
            .iter()
            .filter_map(|object| object.namespace.clone());
        let namespaces: BTreeSet<String> = namespaces.collect();
        if !namespaces.is_empty() {
            let namespaces: Vec<String> = namespaces.into_iter().collect();
            return format!("there are some in namespace {}", listed(&namespaces));
        }
        let resources = objects.iter().map(|object| object.resource.to_string());
        let resources: BTreeSet<String> = resources.collect();
        let resources: Vec<String> = resources.into_iter().collect();
        format!("there are only {}", listed(&resources))
    }
}

/// An object with its labels.
fn shown(object: &Object) -> String {
    let labels = &object.labels;
    let labels = labels
        .iter()
        .map(|(label, value)| format!("{label}={value}"));
    let labels = labels.collect::<Vec<_>>().join(",");
    let labels = match labels.as_str() {
        "" => "without labels".to_owned(),
        labels => format!("with {labels}"),
    };
    let runs = if object.runs { "" } else { ", not Running" };
    format!("{} ({labels}{runs})", object.name)
}

fn listed(names: &[String]) -> String {
    let mut shown: Vec<&str> = names.iter().take(NAMED).map(String::as_str).collect();
    let more = names.len().saturating_sub(NAMED);
    let more = if more > 0 {
        format!("{more} more")
    } else {
        String::new()
    };
    shown.extend(Some(&*more).filter(|more| !more.is_empty()));
    shown.join(", ")
}

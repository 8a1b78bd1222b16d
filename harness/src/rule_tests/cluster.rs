//! What the cluster of a test has: resources and objects.

use std::collections::hash_map;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use serde_json::Value;
use setpoint_rules::{
    Consumer, GroupResource, Resource, RestMapper, Selector, UsageQuery, is_object_name,
};

use super::entry::{Entry, entries};
use super::resources::built_in;
use crate::format::{Checks, Place, default_namespace};

/// The most objects of a group; the adapter serves no more for one request either.
const MAX_OBJECTS: usize = 10_000;

/// The resources and objects of a cluster.
#[derive(Debug)]
pub(crate) struct Cluster {
    mapper: Arc<RestMapper>,
    objects: Vec<Object>,
}

/// An object, as far as requests for its metrics know it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Object {
    pub(crate) resource: GroupResource,
    pub(crate) namespace: Option<String>,
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    /// Whether usage is listed of it: a pod that has another phase than `Running` has none.
    pub(crate) runs: bool,
}

impl Cluster {
    /// The cluster with these objects, which are manifests, lists of them, or short forms. What is wrong with them goes to `checks`.
    pub(super) fn new(objects: &[Value], place: &Place, checks: &mut Checks<'_>) -> Self {
        let entries = entries(objects, place, checks);
        let mut resources = built_in();
        for Entry { object, .. } in &entries {
            resources.extend(defined(object));
        }
        for Entry { object, .. } in &entries {
            if let Some(resource) = guessed(object, &resources) {
                resources.push(resource);
            }
        }
        let mut cluster = Self {
            mapper: Arc::new(RestMapper::new(resources.clone())),
            objects: Vec::new(),
        };
        let mut lines = HashMap::new();
        for entry in &entries {
            let (object, place) = (&entry.object, entry.place);
            let read = if entry.is_manifest {
                manifest(object, &resources).map(|object| vec![(object, place)])
            } else {
                cluster.short(object, place)
            };
            match read {
                Ok(objects) => cluster.add(objects, &mut lines, checks),
                Err(problem) => checks.at(place, problem.to_string()),
            }
            if cluster.objects.len() > MAX_OBJECTS {
                checks.at(place, format!("more than {MAX_OBJECTS} objects"));
                break;
            }
        }
        cluster
    }

    /// Adds objects with their places; `lines` are those of all objects that there are.
    fn add(
        &mut self,
        objects: Vec<(Object, &Place)>,
        lines: &mut HashMap<Identity, usize>,
        checks: &mut Checks<'_>,
    ) {
        for (object, place) in objects {
            match lines.entry(object.identity()) {
                hash_map::Entry::Vacant(vacant) => {
                    vacant.insert(place.line);
                    self.objects.push(object);
                }
                hash_map::Entry::Occupied(first) => {
                    let object = object.to_string();
                    let line = *first.get();
                    checks.at(place, ObjectError::Twice { object, line }.to_string());
                }
            }
        }
    }

    /// A cluster with these resources and no object.
    pub(super) fn of(mapper: RestMapper) -> Self {
        Self {
            mapper: Arc::new(mapper),
            objects: Vec::new(),
        }
    }

    /// The resources.
    pub(crate) fn mapper(&self) -> &Arc<RestMapper> {
        &self.mapper
    }

    /// The names of the objects that a selector selects, sorted, as the adapter has them from the API server.
    pub(crate) fn names(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        selector: &Selector,
    ) -> Vec<String> {
        let group_resource = resource.group_resource();
        let namespace = namespace.filter(|_| resource.namespaced);
        let mut names: Vec<String> = self
            .objects
            .iter()
            .filter(|object| object.resource == group_resource)
            .filter(|object| namespace.is_none() || object.namespace.as_deref() == namespace)
            .filter(|object| selector.matches(&object.labels) && is_object_name(&object.name))
            .map(|object| object.name.clone())
            .collect();
        names.sort();
        names
    }

    /// The pods or nodes that a request for usage is about, by namespace and name.
    pub(super) fn consumers(&self, query: &UsageQuery) -> Vec<Consumer> {
        let resource = GroupResource::new("", query.resource);
        let mut consumers: Vec<Consumer> = self
            .objects
            .iter()
            .filter(|object| object.resource == resource && object.runs)
            .filter(|object| is_object_name(&object.name))
            .map(|object| Consumer {
                name: object.name.clone(),
                namespace: object.namespace.clone(),
                labels: object.labels.clone(),
            })
            .filter(|consumer| query.selects(consumer))
            .collect();
        consumers.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
        consumers
    }

    /// All objects.
    pub(crate) fn objects(&self) -> &[Object] {
        &self.objects
    }

    /// The objects of a short form, each with its place: `{RESOURCE: [NAME, …], namespace: NAMESPACE, labels: {…}}`.
    fn short<'a>(
        &self,
        object: &Value,
        place: &'a Place,
    ) -> Result<Vec<(Object, &'a Place)>, ObjectError> {
        let keys = object.as_object().ok_or(ObjectError::Shape)?;
        let mut resources = keys
            .iter()
            .filter(|(key, _)| !["namespace", "labels"].contains(&key.as_str()));
        let (Some((key, names)), None) = (resources.next(), resources.next()) else {
            return Err(ObjectError::Shape);
        };
        let resource = self.mapper.resource(&GroupResource::parse(key));
        let resource = resource.ok_or_else(|| ObjectError::UnknownResource(key.clone()))?;
        let namespace = match object.get("namespace") {
            None => resource.namespaced.then(default_namespace),
            Some(namespace) => Some(text(namespace, "namespace")?),
        };
        let labels = labels(object.get("labels"))?;
        let names = names.as_array().ok_or(ObjectError::Shape)?;
        let place = place.key(key);
        let object = |(index, name): (usize, &Value)| {
            let object = Object {
                resource: resource.group_resource(),
                namespace: namespace.clone().filter(|_| resource.namespaced),
                name: text(name, "name")?,
                labels: labels.clone(),
                runs: true,
            };
            Ok((object, place.item(index)))
        };
        names.iter().enumerate().map(object).collect()
    }
}

/// What no two objects of a cluster share: resource, namespace and name.
type Identity = (GroupResource, Option<String>, String);

impl Object {
    fn identity(&self) -> Identity {
        let (resource, namespace) = (self.resource.clone(), self.namespace.clone());
        (resource, namespace, self.name.clone())
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.resource, self.name)?;
        match &self.namespace {
            Some(namespace) => write!(f, " in namespace {namespace}"),
            None => Ok(()),
        }
    }
}

/// Why there is no object.
#[derive(Debug, thiserror::Error)]
pub(super) enum ObjectError {
    #[error(
        "this is no object: expected a manifest with `apiVersion` and `kind`, or a short form such as `{{pods: [web-1, web-2], namespace: shop, labels: {{app: web}}}}`"
    )]
    Shape,
    #[error(
        "no cluster has the resource `{0}` by itself: give its CustomResourceDefinition, or an object of it as a manifest"
    )]
    UnknownResource(String),
    #[error("a manifest has no `{0}`")]
    Missing(&'static str),
    #[error("{object} stands in line {line} already: a cluster has an object once")]
    Twice { object: String, line: usize },
    #[error("a list of objects has them in `items`, and this is no list")]
    NoItems,
    #[error("`{what}` is no text: {value}")]
    NoText { what: &'static str, value: Value },
}

fn text(value: &Value, what: &'static str) -> Result<String, ObjectError> {
    let text = value.as_str().map(str::to_owned);
    text.ok_or_else(|| ObjectError::NoText {
        what,
        value: value.clone(),
    })
}

fn labels(value: Option<&Value>) -> Result<BTreeMap<String, String>, ObjectError> {
    let Some(value) = value else {
        return Ok(BTreeMap::new());
    };
    let pairs = value.as_object().ok_or_else(|| ObjectError::NoText {
        what: "labels",
        value: value.clone(),
    })?;
    let pair = |(key, value): (&String, &Value)| Ok((key.clone(), text(value, "labels")?));
    pairs.iter().map(pair).collect()
}

fn manifest(object: &Value, resources: &[Resource]) -> Result<Object, ObjectError> {
    let metadata = &object["metadata"];
    let name = metadata
        .get("name")
        .ok_or(ObjectError::Missing("metadata.name"))?;
    let resource = of_manifest(object)
        .and_then(|(group, kind)| resource(resources, group, kind))
        .ok_or(ObjectError::Missing("apiVersion` and `kind"))?;
    let namespace = match metadata.get("namespace") {
        _ if !resource.namespaced => None,
        None => Some(default_namespace()),
        Some(namespace) => Some(text(namespace, "metadata.namespace")?),
    };
    Ok(Object {
        resource: resource.group_resource(),
        namespace,
        name: text(name, "metadata.name")?,
        labels: labels(metadata.get("labels"))?,
        runs: object["status"]
            .get("phase")
            .is_none_or(|phase| phase == "Running"),
    })
}

/// The API group and the kind of a manifest.
fn of_manifest(object: &Value) -> Option<(&str, &str)> {
    let version = object["apiVersion"].as_str()?;
    let group = version.split_once('/').map_or("", |(group, _)| group);
    Some((group, object["kind"].as_str()?))
}

fn resource<'a>(resources: &'a [Resource], group: &str, kind: &str) -> Option<&'a Resource> {
    let mut known = resources.iter();
    known.find(|known| known.group == group && known.kind == kind)
}

/// The resource that a CustomResourceDefinition defines.
fn defined(object: &Value) -> Option<Resource> {
    if object["kind"] != "CustomResourceDefinition" {
        return None;
    }
    let spec = &object["spec"];
    let names = &spec["names"];
    let (group, kind, plural) = (
        spec["group"].as_str()?,
        names["kind"].as_str()?,
        names["plural"].as_str()?,
    );
    let versions = spec["versions"].as_array()?;
    let version = versions.iter().find(|version| version["served"] != false)?;
    let mut resource = Resource::new(group, version["name"].as_str()?, kind, plural);
    if let Some(singular) = names["singular"].as_str() {
        singular.clone_into(&mut resource.singular);
    }
    resource.namespaced = spec["scope"] != "Cluster";
    Some(resource)
}

/// The resource of a manifest whose kind no cluster has by itself, by the rule of `meta.UnsafeGuessKindToResource`.
fn guessed(object: &Value, resources: &[Resource]) -> Option<Resource> {
    let (group, kind) = of_manifest(object)?;
    if resource(resources, group, kind).is_some() {
        return None;
    }
    let version = object["apiVersion"].as_str()?.rsplit('/').next()?;
    let singular = kind.to_ascii_lowercase();
    let plural = match singular.as_bytes().last()? {
        b's' => format!("{singular}es"),
        b'y' => format!("{}ies", singular.strip_suffix('y')?),
        _ => format!("{singular}s"),
    };
    Some(Resource::new(group, version, kind, &plural))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn cluster(objects: &str) -> (Cluster, Vec<String>) {
        let read: Vec<Value> = serde_saphyr::from_str(objects).unwrap();
        let mut checks = Checks::new(Path::new("."));
        let cluster = Cluster::new(&read, &Place::of(objects), &mut checks);
        (cluster, checks.problems())
    }

    fn names(cluster: &Cluster, resource: &str, namespace: &str, selector: &str) -> Vec<String> {
        let resource = cluster.mapper.resource(&GroupResource::parse(resource));
        let selector = Selector::parse(selector).unwrap();
        cluster.names(resource.unwrap(), Some(namespace), &selector)
    }

    #[test]
    fn manifests_and_short_forms_are_objects_of_the_same_cluster() {
        let (cluster, problems) = cluster(
            "- {pods: [web-2, web-1], namespace: shop, labels: {app: web}}\n\
             - {pod: [api-1], namespace: shop, labels: {app: api}}\n\
             - {pods: [web-1]}\n\
             - {apiVersion: v1, kind: Pod, metadata: {name: web-3, namespace: shop, labels: {app: web}}}\n\
             - {apiVersion: argoproj.io/v1alpha1, kind: Rollout, metadata: {name: web, namespace: shop}}\n\
             - {nodes: [n1]}\n",
        );
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!(
            names(&cluster, "pods", "shop", "app=web"),
            ["web-1", "web-2", "web-3"]
        );
        assert_eq!(names(&cluster, "pods", "default", ""), ["web-1"]);
        assert_eq!(names(&cluster, "rollouts.argoproj.io", "shop", ""), ["web"]);
        assert_eq!(
            names(&cluster, "nodes", "shop", ""),
            ["n1"],
            "of no namespace"
        );
    }

    #[test]
    fn a_definition_names_its_resource() {
        let (cluster, problems) = cluster(
            "- {queues: [jobs]}\n\
             - kind: CustomResourceDefinition\n  apiVersion: apiextensions.k8s.io/v1\n  metadata: {name: queues.example.com}\n  \
               spec: {group: example.com, scope: Cluster, names: {kind: Kueue, plural: queues}, versions: [{name: v1}]}\n",
        );
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!(names(&cluster, "queues.example.com", "x", ""), ["jobs"]);
    }

    #[test]
    fn an_object_that_stands_twice_is_told_in_whatever_form() {
        let (_, problems) = cluster(
            "- {pods: [p1, p2, p1], namespace: ns}\n\
             - {pod: [p1], namespace: ns, labels: {a: b}}\n\
             - {apiVersion: v1, kind: Pod, metadata: {name: p2, namespace: ns}}\n\
             - {pods: [p1]}\n\
             - {apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: Pod, metadata: {name: p1}}]}\n\
             - {nodes: [n1], namespace: ns}\n\
             - {nodes: [n1]}\n",
        );
        assert_eq!(
            problems,
            [
                "1:19: pods/p1 in namespace ns stands in line 1 already: a cluster has an object once",
                "2:10: pods/p1 in namespace ns stands in line 1 already: a cluster has an object once",
                "3:3: pods/p2 in namespace ns stands in line 1 already: a cluster has an object once",
                "5:40: pods/p1 in namespace default stands in line 4 already: a cluster has an object once",
                "7:12: nodes/n1 stands in line 6 already: a cluster has an object once",
            ]
        );
    }

    #[test]
    fn a_list_is_its_items() {
        let (cluster, problems) = cluster(
            "- apiVersion: v1\n  kind: List\n  items:\n  \
               - {apiVersion: v1, kind: Pod, metadata: {name: web-1, namespace: shop, labels: {app: web}}}\n  \
               - {apiVersion: v1, kind: Pod, metadata: {name: web-2, namespace: shop}, status: {phase: Failed}}\n  \
               - {apiVersion: v1, kind: List, items: [{apiVersion: argoproj.io/v1, kind: Rollout, metadata: {name: web}}]}\n\
             - {apiVersion: v1, kind: PodList, items: [{metadata: {name: web-3, namespace: shop}}]}\n\
             - {apiVersion: example.com/v1, kind: AllowList, metadata: {name: mine}}\n\
             - {apiVersion: v1, kind: List, items: []}\n",
        );
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!(names(&cluster, "pods", "shop", "app=web"), ["web-1"]);
        assert_eq!(
            names(&cluster, "pods", "shop", ""),
            ["web-1", "web-2", "web-3"]
        );
        assert_eq!(
            names(&cluster, "rollouts.argoproj.io", "default", ""),
            ["web"]
        );
        assert_eq!(
            names(&cluster, "allowlists.example.com", "default", ""),
            ["mine"]
        );
        let (_, problems) = self::cluster(
            "- apiVersion: v1\n  kind: List\n  items:\n  - {apiVersion: v1, kind: Pod}\n  - {pods: [a]}\n  - a\n\
             - {apiVersion: v1, kind: List}\n- {apiVersion: v1, kind: PodList, items: x}\n",
        );
        let lines: Vec<&str> = problems
            .iter()
            .filter_map(|problem| problem.split(':').next())
            .collect();
        assert_eq!(lines, ["4", "5", "6", "7", "8"], "{problems:?}");
    }

    #[test]
    fn what_is_no_object_is_told_where_it_stands() {
        let (_, problems) = cluster(
            "- pods\n- {pods: web-1}\n- {pods: [1]}\n- {pods: [a], nodes: [b]}\n- {widgets: [a]}\n- {apiVersion: v1, kind: Pod}\n- {kind: Pod, metadata: {name: x}}\n- {pods: [a], labels: {a: 1}}\n",
        );
        let lines: Vec<&str> = problems
            .iter()
            .filter_map(|problem| problem.split(':').next())
            .collect();
        assert_eq!(
            lines,
            ["1", "2", "3", "4", "5", "6", "7", "8"],
            "{problems:?}"
        );
        assert!(problems[4].contains("`widgets`"), "{problems:?}");
    }
}

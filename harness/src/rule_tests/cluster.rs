//! What the cluster of a test has: resources and objects.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use setpoint_rules::{
    Consumer, GroupResource, Resource, RestMapper, Selector, UsageQuery, is_object_name,
};

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
    /// The cluster with these objects, which are manifests or short forms. What is wrong with them goes to `checks`.
    pub(super) fn new(objects: &[Value], place: &Place, checks: &mut Checks<'_>) -> Self {
        let mut resources = built_in();
        for object in objects.iter().filter(|object| object["kind"].is_string()) {
            resources.extend(defined(object));
        }
        for object in objects {
            if let Some(resource) = guessed(object, &resources) {
                resources.push(resource);
            }
        }
        let mut cluster = Self {
            mapper: Arc::new(RestMapper::new(resources.clone())),
            objects: Vec::new(),
        };
        for (index, object) in objects.iter().enumerate() {
            let place = place.item(index);
            let read = if object["kind"].is_string() || object["apiVersion"].is_string() {
                manifest(object, &resources).map(|object| vec![object])
            } else {
                cluster.short(object)
            };
            match read {
                Ok(objects) => cluster.objects.extend(objects),
                Err(problem) => checks.at(place, problem.to_string()),
            }
            if cluster.objects.len() > MAX_OBJECTS {
                checks.at(place, format!("more than {MAX_OBJECTS} objects"));
                break;
            }
        }
        cluster
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

    /// The objects of a short form: `{RESOURCE: [NAME, …], namespace: NAMESPACE, labels: {…}}`.
    fn short(&self, object: &Value) -> Result<Vec<Object>, ObjectError> {
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
        let object = |name: &Value| {
            Ok(Object {
                resource: resource.group_resource(),
                namespace: namespace.clone(),
                name: text(name, "name")?,
                labels: labels.clone(),
                runs: true,
            })
        };
        names.iter().map(object).collect()
    }
}

/// Why there is no object.
#[derive(Debug, thiserror::Error)]
enum ObjectError {
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

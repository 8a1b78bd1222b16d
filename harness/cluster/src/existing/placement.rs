//! Where the objects of a run go on a cluster that others use too: into namespaces of their own, under names of their own,
//! each with labels that say whose it is and when it may be removed. Pure.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use setpoint_node::image::repository_of;

use super::owner::Owner;
use crate::expiry;

/// The label with the run that an object belongs to.
pub(super) const RUN_LABEL: &str = "setpoint.dev/run";
/// The label with the time after which `reap` removes the object.
pub(super) const EXPIRES_LABEL: &str = "setpoint.dev/expires";
/// The label with the process that removes the object at its end.
pub(super) const OWNER_LABEL: &str = "setpoint.dev/owner";
/// Namespaces that each cluster has; what must be there stays there.
const SYSTEM: [&str; 3] = ["kube-system", "kube-public", "kube-node-lease"];
/// How many of its syncs the HPA controller keeps the highest number it asked for, where an HPA doesn't say so itself.
const STABILIZATION_SYNCS: u64 = 3;

/// Which images a cluster can pull, instead of those that manifests name.
#[derive(Debug, Clone, Default)]
pub struct Images {
    /// By the names that manifests have, without tag.
    pub named: BTreeMap<String, String>,
    /// What stands for all others: an image, and arguments for containers that have none.
    pub stand_in: Option<(String, Vec<String>)>,
}

/// Where the objects of one run go.
#[derive(Debug, Clone)]
pub struct Placement {
    run: String,
    expires: Timestamp,
    owner: Option<Owner>,
    namespaces: BTreeSet<String>,
    images: Images,
    sync_seconds: u64,
}

impl Placement {
    /// The placement of a run that uses these namespaces, as its manifests call them.
    #[must_use]
    pub(super) fn new(run: &str, expires: Timestamp, owner: Option<Owner>) -> Self {
        Self {
            run: run.to_owned(),
            expires,
            owner,
            namespaces: BTreeSet::new(),
            images: Images::default(),
            sync_seconds: 0,
        }
    }

    /// The same, for manifests that name these namespaces and images.
    #[must_use]
    pub fn of(mut self, namespaces: BTreeSet<String>, images: Images) -> Self {
        self.namespaces = namespaces;
        self.namespaces
            .retain(|name| !SYSTEM.contains(&name.as_str()));
        self.images = images;
        self
    }

    /// The same, where an HPA is synced so often.
    pub(super) fn synced(mut self, period: std::time::Duration) -> Self {
        self.sync_seconds = period.as_secs() + u64::from(period.subsec_nanos() > 0);
        self
    }

    /// What selects the objects of the run.
    #[must_use]
    pub fn selector(&self) -> String {
        format!("{RUN_LABEL}={}", self.run)
    }

    /// The namespaces of the run.
    pub fn namespaces(&self) -> impl Iterator<Item = String> {
        self.namespaces.iter().map(|name| self.namespace(name))
    }

    /// What a namespace is called here.
    #[must_use]
    pub fn namespace(&self, name: &str) -> String {
        if SYSTEM.contains(&name) {
            name.to_owned()
        } else {
            self.own(name)
        }
    }

    fn own(&self, name: &str) -> String {
        format!("setpoint-{}-{name}", self.run)
    }

    /// The labels of each object of the run.
    #[must_use]
    pub fn labels(&self) -> BTreeMap<String, String> {
        let owner = self.owner.as_ref().map(ToString::to_string);
        let owner = owner.map(|owner| (OWNER_LABEL.to_owned(), owner));
        BTreeMap::from([
            (RUN_LABEL.to_owned(), self.run.clone()),
            (EXPIRES_LABEL.to_owned(), expiry::written(self.expires)),
        ])
        .into_iter()
        .chain(owner)
        .collect()
    }

    /// Changes manifests, and whatever speaks of their objects, such as a request's path or an expected body.
    pub fn place(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.text(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.place(item)),
            Value::Object(fields) => {
                fields.values_mut().for_each(|field| self.place(field));
                self.rename(fields);
                if fields.contains_key("apiVersion") && fields.contains_key("metadata") {
                    self.complete(value);
                }
            }
            _ => {}
        }
    }

    /// Names within a text: of DNS, paths, ServiceAccounts, and the values of labels.
    fn text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for name in &self.namespaces {
            let here = self.own(name);
            for (before, after) in [
                (".", ".svc"),
                ("/namespaces/", "/"),
                ("serviceaccount:", ":"),
                ("=\"", "\""),
            ] {
                let (from, to) = (
                    format!("{before}{name}{after}"),
                    format!("{before}{here}{after}"),
                );
                text = text.replace(&from, &to);
            }
        }
        text
    }

    /// The name and the namespace in an object's metadata, in a reference, or beside an expectation.
    fn rename(&self, fields: &mut Map<String, Value>) {
        if let Some(Value::String(namespace)) = fields.get_mut("namespace") {
            *namespace = self.namespace(namespace);
        }
        let kind = fields
            .get("kind")
            .and_then(Value::as_str)
            .map(str::to_owned);
        let in_system = |fields: &Map<String, Value>| {
            let namespace = fields.get("namespace").and_then(Value::as_str);
            namespace.is_some_and(|namespace| SYSTEM.contains(&namespace))
        };
        match fields.get_mut("metadata") {
            Some(Value::Object(metadata)) => {
                let in_system = in_system(metadata);
                self.rename_one(kind.as_deref(), in_system, metadata);
            }
            _ => self.rename_one(kind.as_deref(), in_system(fields), fields),
        }
    }

    fn rename_one(&self, kind: Option<&str>, in_system: bool, fields: &mut Map<String, Value>) {
        let Some(Value::String(name)) = fields.get_mut("name") else {
            return;
        };
        match kind {
            Some("Namespace") => *name = self.namespace(name),
            // Those of Kubernetes itself are bound, never made.
            Some("ClusterRole" | "ClusterRoleBinding") if !name.starts_with("system:") => {
                *name = self.own(name);
            }
            Some("RoleBinding") if in_system => *name = self.own(name),
            _ => {}
        }
    }

    /// Adds to an object what a cluster of others asks for.
    fn complete(&self, object: &mut Value) {
        self.label(&mut object["metadata"]);
        let kind = object["kind"].as_str().unwrap_or_default().to_owned();
        match kind.as_str() {
            "Pod" => self.complete_pod(&mut object["spec"]),
            "Namespace" => {
                let enforce = "pod-security.kubernetes.io/enforce";
                object["metadata"]["labels"][enforce] = json!("restricted");
            }
            "HorizontalPodAutoscaler" => {
                let down = &mut object["spec"]["behavior"]["scaleDown"];
                if down["stabilizationWindowSeconds"].is_null() {
                    down["stabilizationWindowSeconds"] =
                        json!(self.sync_seconds * STABILIZATION_SYNCS);
                }
            }
            _ if object["spec"]["template"]["spec"].is_object() => {
                self.label(&mut object["spec"]["template"]["metadata"]);
                self.complete_pod(&mut object["spec"]["template"]["spec"]);
            }
            _ => {}
        }
    }

    fn label(&self, metadata: &mut Value) {
        for (key, value) in self.labels() {
            metadata["labels"][key] = json!(value);
        }
    }

    /// Images that can be pulled, and what PodSecurity `restricted` wants, where the manifest doesn't say otherwise.
    fn complete_pod(&self, spec: &mut Value) {
        let mut of_pod = json!({"runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}});
        keep(&mut of_pod, &spec["securityContext"]);
        spec["securityContext"] = of_pod;
        let containers = spec["containers"].as_array_mut();
        for container in containers.into_iter().flatten() {
            let mut own =
                json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}});
            keep(&mut own, &container["securityContext"]);
            container["securityContext"] = own;
            let image = container["image"].as_str().unwrap_or_default();
            match (
                self.images.named.get(repository_of(image)),
                &self.images.stand_in,
            ) {
                (Some(here), _) => container["image"] = json!(here),
                (None, Some((image, args))) => {
                    container["image"] = json!(image);
                    if container["args"].is_null() {
                        container["args"] = json!(args);
                    }
                }
                (None, None) => {}
            }
        }
    }
}

/// Keeps what is said already.
fn keep(defaults: &mut Value, said: &Value) {
    for (key, value) in said.as_object().into_iter().flatten() {
        defaults[key] = value.clone();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn placement() -> Placement {
        let namespaces = ["default", "setpoint", "kube-system"].map(str::to_owned);
        let images = Images {
            named: BTreeMap::from([("a/adapter".to_owned(), "r.example/adapter:v9".to_owned())]),
            stand_in: Some((
                "r.example/setpoint:v9".to_owned(),
                vec!["sample-app".to_owned()],
            )),
        };
        let expires = expiry::read("20261125t2359").unwrap();
        Placement::new("x7", expires, None)
            .of(namespaces.into(), images)
            .synced(std::time::Duration::from_millis(14_100))
    }

    fn placed(mut value: Value) -> Value {
        placement().place(&mut value);
        value
    }

    #[test]
    fn objects_get_names_namespaces_and_labels_of_the_run_and_those_of_kubernetes_keep_theirs() {
        let labels = json!({"setpoint.dev/run": "x7", "setpoint.dev/expires": "20261125t2359"});
        let object = |kind: &str, name: &str, namespace: Option<&str>| {
            let mut metadata = json!({"name": name});
            if let Some(namespace) = namespace {
                metadata["namespace"] = json!(namespace);
            }
            json!({"apiVersion": "v1", "kind": kind, "metadata": metadata})
        };
        for (kind, before, after) in [
            (
                "ConfigMap",
                ("c", Some("default")),
                ("c", Some("setpoint-x7-default")),
            ),
            (
                "ClusterRole",
                ("reader", None),
                ("setpoint-x7-reader", None),
            ),
            (
                "RoleBinding",
                ("b", Some("setpoint")),
                ("b", Some("setpoint-x7-setpoint")),
            ),
            (
                "RoleBinding",
                ("b", Some("kube-system")),
                ("setpoint-x7-b", Some("kube-system")),
            ),
            (
                "APIService",
                ("v1beta1.custom.metrics.k8s.io", None),
                ("v1beta1.custom.metrics.k8s.io", None),
            ),
        ] {
            let mut expected = object(kind, after.0, after.1);
            expected["metadata"]["labels"] = labels.clone();
            assert_eq!(placed(object(kind, before.0, before.1)), expected);
        }
        let reference = |name: &str| json!({"roleRef": {"kind": "ClusterRole", "name": name}});
        assert_eq!(
            placed(reference("system:auth-delegator")),
            reference("system:auth-delegator")
        );
        assert_eq!(placed(reference("mine")), reference("setpoint-x7-mine"));
    }

    #[test]
    fn names_within_texts_follow() {
        for (before, after) in [
            (
                "http://prometheus.setpoint.svc:9090",
                "http://prometheus.setpoint-x7-setpoint.svc:9090",
            ),
            (
                "/apis/x/v1/namespaces/default/pods/*/q",
                "/apis/x/v1/namespaces/setpoint-x7-default/pods/*/q",
            ),
            (
                r#"q{namespace="default",pod="a"}"#,
                r#"q{namespace="setpoint-x7-default",pod="a"}"#,
            ),
            (
                "system:serviceaccount:setpoint:a",
                "system:serviceaccount:setpoint-x7-setpoint:a",
            ),
            (
                "the default of elsewhere.svc",
                "the default of elsewhere.svc",
            ),
        ] {
            assert_eq!(placed(json!(before)), json!(after));
        }
    }

    #[test]
    fn pods_meet_podsecurity_restricted_and_have_images_that_can_be_pulled() {
        let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": {"template": {"spec": {
            "securityContext": {"runAsUser": 7},
            "containers": [{"image": "a/adapter:v1", "securityContext": {"readOnlyRootFilesystem": true}}, {"image": "web"}, {"image": "b", "args": ["c"]}],
        }}}});
        let pod = &placed(deployment)["spec"]["template"];
        assert_eq!(pod["metadata"]["labels"]["setpoint.dev/run"], "x7");
        let of_pod = json!({"runAsNonRoot": true, "runAsUser": 7, "seccompProfile": {"type": "RuntimeDefault"}});
        assert_eq!(pod["spec"]["securityContext"], of_pod);
        let containers = &pod["spec"]["containers"];
        let own = json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": true});
        assert_eq!(
            containers[0],
            json!({"image": "r.example/adapter:v9", "securityContext": own})
        );
        assert_eq!(containers[1]["image"], "r.example/setpoint:v9");
        assert_eq!(containers[1]["args"], json!(["sample-app"]));
        assert_eq!(containers[2]["args"], json!(["c"]));
    }

    #[test]
    fn an_hpa_is_stabilized_for_some_syncs_unless_it_says_otherwise() {
        let hpa = |behavior: Value| json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "h"}, "spec": {"behavior": behavior}});
        let window = |behavior: Value| {
            placed(hpa(behavior))["spec"]["behavior"]["scaleDown"]["stabilizationWindowSeconds"]
                .clone()
        };
        assert_eq!(window(json!({})), 45);
        assert_eq!(
            window(json!({"scaleDown": {"stabilizationWindowSeconds": 7}})),
            7
        );
    }

    proptest! {
        #[test]
        fn no_object_stays_in_a_namespace_of_others(name in "[a-z][a-z0-9-]{0,20}", namespace in "[a-z][a-z0-9-]{0,20}") {
            let object = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": namespace}});
            let placed = placed(object);
            let here = placed["metadata"]["namespace"].as_str().unwrap();
            prop_assert!(here.starts_with("setpoint-x7-") || SYSTEM.contains(&here), "{}", here);
            prop_assert!(here.len() <= 63);
            prop_assert_eq!(&placed["metadata"]["labels"]["setpoint.dev/run"], "x7");
        }
    }
}

//! What an adapter has beside it: other programs, and manifests of its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::ProfileError;
use super::placeholders::{ADAPTER_NAMESPACE, ADAPTER_SERVICE_ACCOUNT, PROMETHEUS, filled};
use crate::format::{in_file, located};

/// Programs and objects that an adapter needs beside its own.
#[derive(Debug, Clone, Default)]
pub struct Beside {
    /// The programs, by the names of the images that stand for them.
    pub programs: BTreeMap<String, PathBuf>,
    /// The objects, as their files have them.
    pub manifests: Vec<Value>,
    /// What the adapter's container has mounted besides.
    pub volumes: Vec<Mount>,
}

/// A volume of the adapter's pod, and where its container has it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Mount {
    /// The folder in the container.
    pub mount_path: String,
    /// The volume without its name, as a pod has it: `{secret: {secretName: certificates}}`.
    pub volume: serde_json::Map<String, Value>,
}

impl Beside {
    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.programs.is_empty() && self.manifests.is_empty()
    }

    /// Mounts the volumes in the container called `adapter`.
    pub(crate) fn mount(&self, objects: &mut [Value]) {
        for object in objects {
            let Some(pod) = object.pointer_mut("/spec/template/spec") else {
                continue;
            };
            let containers = pod["containers"].as_array_mut().into_iter().flatten();
            let mut adapters = containers.filter(|container| container["name"] == "adapter");
            let Some(adapter) = adapters.next() else {
                continue;
            };
            let mut volumes = Vec::new();
            for (index, mount) in self.volumes.iter().enumerate() {
                let name = json!(format!("profile-{index}"));
                let mounted =
                    json!({"name": name, "mountPath": mount.mount_path, "readOnly": true});
                add(&mut adapter["volumeMounts"], mounted);
                let mut volume = mount.volume.clone();
                volume.insert("name".to_owned(), name);
                volumes.push(Value::Object(volume));
            }
            for volume in volumes {
                add(&mut pod["volumes"], volume);
            }
        }
    }

    /// The objects beside an adapter in this namespace and of this ServiceAccount, whose Prometheus has this address.
    pub(crate) fn objects(
        &self,
        namespace: &str,
        service_account: &str,
        prometheus: &str,
    ) -> Vec<Value> {
        let places = [
            (ADAPTER_NAMESPACE, namespace),
            (ADAPTER_SERVICE_ACCOUNT, service_account),
            (PROMETHEUS, prometheus),
        ];
        self.manifests
            .iter()
            .map(|object| filled(object, &places))
            .collect()
    }
}

/// Adds an item to a list, which may be missing.
fn add(list: &mut Value, item: Value) {
    match list {
        Value::Array(items) => items.push(item),
        other => *other = json!([item]),
    }
}

/// The objects of a file, which may hold several documents.
///
/// # Errors
/// When it can't be read, and when a document is no object.
pub(super) fn objects_of(path: &Path) -> Result<Vec<Value>, ProfileError> {
    let text = setpoint_support::read_text(path).map_err(|source| ProfileError::Read {
        path: path.to_owned(),
        source,
    })?;
    let broken = |problems| ProfileError::File {
        problems: in_file(path, problems),
    };
    let objects: Vec<Value> =
        serde_saphyr::from_multiple(&text).map_err(|error| broken(vec![located(&error)]))?;
    let is_object = |object: &Value| {
        ["/apiVersion", "/kind", "/metadata/name"]
            .iter()
            .all(|field| object.pointer(field).is_some_and(Value::is_string))
    };
    let objects: Vec<Value> = objects
        .into_iter()
        .filter(|object| !object.is_null())
        .collect();
    match objects.iter().position(|object| !is_object(object)) {
        Some(index) => {
            let nth = index + 1;
            let problem = format!(
                "1:1: document {nth} has no apiVersion, kind or metadata.name, so it is no Kubernetes object"
            );
            Err(broken(vec![problem]))
        }
        None => Ok(objects),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::Install;

    #[test]
    fn manifests_beside_an_adapter_are_where_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("beside.yaml");
        let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: $(ADAPTER_NAMESPACE)}\ndata: {a: 'http://$(PROMETHEUS)', b: $(HOME), c: $(ADAPTER_SERVICE_ACCOUNT)}\n---\n---\n\
            apiVersion: v1\nkind: Secret\nmetadata: {name: b}\n";
        std::fs::write(&file, text).unwrap();
        let beside = Beside {
            manifests: objects_of(&file).unwrap(),
            ..Beside::default()
        };
        let objects = beside.objects("prom", "prom-cm-adapter", "prometheus.prom.svc:9090");
        assert_eq!(objects.len(), 2);
        assert_eq!(objects[0]["metadata"]["namespace"], "prom");
        assert_eq!(objects[0]["data"]["a"], "http://prometheus.prom.svc:9090");
        assert_eq!(objects[0]["data"]["b"], "$(HOME)");
        assert_eq!(objects[0]["data"]["c"], "prom-cm-adapter");
    }

    #[test]
    fn a_volume_is_mounted_in_the_adapters_container_alone() {
        let volume = json!({"secret": {"secretName": "certificates"}});
        let beside = Beside {
            volumes: vec![Mount {
                mount_path: "/certs".to_owned(),
                volume: volume.as_object().unwrap().clone(),
            }],
            ..Beside::default()
        };
        let mut objects = Install::Base.objects().unwrap();
        let before = objects.clone();
        beside.mount(&mut objects);
        let changed: Vec<&Value> = objects
            .iter()
            .filter(|object| !before.contains(object))
            .collect();
        assert_eq!(changed.len(), 1);
        let pod = &changed[0]["spec"]["template"]["spec"];
        let mounts = pod["containers"][0]["volumeMounts"].as_array().unwrap();
        let mounted = json!({"name": "profile-0", "mountPath": "/certs", "readOnly": true});
        assert_eq!(mounts.last(), Some(&mounted));
        assert_eq!(mounts.len(), 3);
        let volumes = pod["volumes"].as_array().unwrap();
        let expected = json!({"name": "profile-0", "secret": {"secretName": "certificates"}});
        assert_eq!(volumes.last(), Some(&expected));
    }

    #[test]
    fn a_document_that_is_no_object_is_told_by_its_number() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("beside.yaml");
        std::fs::write(
            &file,
            "{apiVersion: v1, kind: Secret, metadata: {name: a}}\n---\nkind: Secret\n",
        )
        .unwrap();
        let error = objects_of(&file).unwrap_err().to_string();
        assert!(
            error.ends_with("beside.yaml:1:1: document 2 has no apiVersion, kind or metadata.name, so it is no Kubernetes object"),
            "{error}"
        );
    }
}

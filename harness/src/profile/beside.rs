//! What an adapter has beside it: other programs, and manifests of its own.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::container::{names_of, of_adapter};
use super::mount::Mount;
use super::placeholders::{filled, filled_text, of_the_adapter};
use crate::format::Install;

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

impl Beside {
    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.programs.is_empty() && self.manifests.is_empty()
    }

    /// Mounts the volumes in the container called `adapter`.
    pub(crate) fn mount(&self, objects: &mut [Value]) {
        for object in objects {
            let (namespace, service_account) = names_of(object);
            // Wherever Prometheus is, its Service has the same name.
            let mut names = Install::Base.names();
            names.namespace.clone_from(&namespace);
            let prometheus = names.prometheus();
            let places = of_the_adapter(&prometheus, &namespace, &service_account);
            for (index, mount) in self.volumes.iter().enumerate() {
                let Some(adapter) = of_adapter(object) else {
                    break;
                };
                let name = json!(format!("profile-{index}"));
                let path = filled_text(&mount.mount_path, &places);
                let mounted = json!({"name": name, "mountPath": path, "readOnly": true});
                add(&mut adapter["volumeMounts"], mounted);
                let mut volume = filled(&Value::Object(mount.volume.clone()), &places);
                volume["name"] = name;
                add(&mut object["spec"]["template"]["spec"]["volumes"], volume);
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
        let places = of_the_adapter(prometheus, namespace, service_account);
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

#[cfg(test)]
mod tests {
    use super::super::manifests::objects_of;
    use super::*;

    #[test]
    fn manifests_beside_an_adapter_are_where_it_is() {
        let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: $(ADAPTER_NAMESPACE)}\ndata: {a: 'http://$(PROMETHEUS)', b: $(HOME), c: $(ADAPTER_SERVICE_ACCOUNT)}\n---\n---\n\
            apiVersion: v1\nkind: Secret\nmetadata: {name: b}\n";
        let beside = Beside {
            manifests: objects_of(text).unwrap(),
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
    fn a_volume_has_the_addresses_and_names_of_its_installation() {
        let mount = |mount_path: &str, volume: Value| Mount {
            mount_path: mount_path.to_owned(),
            volume: volume.as_object().unwrap().clone(),
        };
        let of_csi = json!({"csi": {"driver": "a", "volumeAttributes": {"from": "$(PROMETHEUS)"}}});
        let of_secret = json!({"secret": {"secretName": "$(ADAPTER_SERVICE_ACCOUNT)-certs"}});
        let beside = Beside {
            volumes: vec![
                mount("/a", of_csi),
                mount("/$(ADAPTER_NAMESPACE)", of_secret),
            ],
            ..Beside::default()
        };
        let mut objects = Install::Walkthrough.objects().unwrap();
        beside.mount(&mut objects);
        let mut each = objects.iter_mut();
        let index = each.position(|object| of_adapter(object).is_some());
        let placed = &mut objects[index.unwrap()];
        let volumes = placed["spec"]["template"]["spec"]["volumes"].as_array();
        let added: Vec<&Value> = volumes.unwrap().iter().rev().take(2).collect();
        assert_eq!(added[0]["secret"]["secretName"], "prom-cm-adapter-certs");
        let from = &added[1]["csi"]["volumeAttributes"]["from"];
        assert_eq!(from, "prometheus.prom.svc:9090");
        let mounts = of_adapter(placed).unwrap()["volumeMounts"].take();
        let last = mounts.as_array().unwrap().last().unwrap();
        assert_eq!(last["mountPath"], "/prom");
    }
}

//! The roles that metrics take.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use setpoint_rules::{Expected, GroupResource};

use super::discovery::Discovered;

/// What roles are made of.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    /// Resources of `custom.metrics.k8s.io`, such as `pods/load`.
    custom: BTreeSet<String>,
    /// Names of metrics of namespaces.
    of_namespaces: BTreeSet<String>,
    external: BTreeSet<String>,
    usage: bool,
    /// Whose objects the adapter lists.
    listed: BTreeSet<GroupResource>,
    /// How many rules have metrics whose names aren't known.
    unknown: usize,
}

impl Wanted {
    /// What rules take, by the series that there are; where those aren't known, by the rules alone.
    pub(super) fn add(
        &mut self,
        expected: &Expected,
        discovered: Option<&Discovered>,
        usage: bool,
    ) {
        let mut add = |resource: &GroupResource, metric: &str| {
            if resource.to_string() == "namespaces" {
                self.of_namespaces.insert(metric.to_owned());
            } else {
                self.custom.insert(format!("{resource}/{metric}"));
            }
        };
        match discovered {
            Some(discovered) => {
                for info in discovered.custom.iter() {
                    add(&info.group_resource, &info.metric);
                    self.listed.insert((*info.group_resource).clone());
                }
                let external = discovered.external.iter();
                self.external.extend(external.map(ToString::to_string));
            }
            None => {
                for (resource, metric) in &expected.custom {
                    add(resource, metric);
                }
                self.listed.extend(expected.resources.iter().cloned());
                self.external.extend(expected.external.iter().cloned());
                self.unknown += expected.unknown_custom + expected.unknown_external;
            }
        }
        if usage {
            self.usage = true;
            let usage = ["nodes", "pods"].map(|resource| GroupResource::new("", resource));
            self.listed.extend(usage);
        }
    }

    /// The roles as YAML.
    pub(super) fn roles(&self) -> String {
        let mut text = String::new();
        if self.unknown > 0 {
            let _ = writeln!(
                text,
                "# {} rules have further metrics, whose names or objects depend on the series: with --prometheus-url they are among these.",
                self.unknown
            );
        }
        text.push_str(
            "# Who reads the metrics, such as the HorizontalPodAutoscaler's controller.\n",
        );
        role(
            &mut text,
            "setpoint-adapter-metrics-reader",
            &self.readers(),
        );
        text.push_str(
            "---\n# The controller, where kube-controller-manager runs with --use-service-account-credentials.\n",
        );
        text.push_str(BINDING);
        text.push_str(
            "---\n# What the adapter lists, beside the roles that each adapter takes (system:auth-delegator, extension-apiserver-authentication-reader).\n",
        );
        role(
            &mut text,
            "setpoint-adapter-resource-lister",
            &self.adapter(),
        );
        text
    }

    fn readers(&self) -> Vec<Grant> {
        let mut grants = Vec::new();
        let mut grant = |group: &str, resources: Vec<String>, names: Vec<String>, verbs| {
            if !resources.is_empty() {
                grants.push(Grant {
                    group: group.to_owned(),
                    resources,
                    names,
                    verbs,
                });
            }
        };
        let all = |names: &BTreeSet<String>| names.iter().cloned().collect::<Vec<_>>();
        let custom = "custom.metrics.k8s.io";
        grant(custom, all(&self.custom), Vec::new(), "get");
        if !self.of_namespaces.is_empty() {
            // Their paths are namespaces/NAMESPACE/metrics/METRIC.
            let metrics = vec!["metrics".to_owned()];
            grant(custom, metrics, all(&self.of_namespaces), "get");
        }
        let external = "external.metrics.k8s.io";
        grant(external, all(&self.external), Vec::new(), "list");
        if self.usage {
            let resources = vec!["nodes".to_owned(), "pods".to_owned()];
            grant("metrics.k8s.io", resources, Vec::new(), "get, list");
        }
        grants
    }

    fn adapter(&self) -> Vec<Grant> {
        let mut by_group: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for resource in &self.listed {
            let of_group = by_group.entry(&resource.group).or_default();
            of_group.push(resource.resource.clone());
        }
        let grants = by_group.into_iter().map(|(group, resources)| Grant {
            group: group.to_owned(),
            resources,
            names: Vec::new(),
            verbs: "get, list",
        });
        grants.collect()
    }
}

struct Grant {
    group: String,
    resources: Vec<String>,
    names: Vec<String>,
    verbs: &'static str,
}

const BINDING: &str = "apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: setpoint-adapter-metrics-reader
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: setpoint-adapter-metrics-reader
subjects:
- kind: ServiceAccount
  name: horizontal-pod-autoscaler
  namespace: kube-system
";

fn role(text: &mut String, name: &str, grants: &[Grant]) {
    let _ = writeln!(
        text,
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: {name}"
    );
    if grants.is_empty() {
        text.push_str("rules: []\n");
        return;
    }
    text.push_str("rules:\n");
    for grant in grants {
        let _ = writeln!(text, "- apiGroups: [{:?}]\n  resources:", grant.group);
        list(text, &grant.resources);
        if !grant.names.is_empty() {
            text.push_str("  resourceNames:\n");
            list(text, &grant.names);
        }
        let _ = writeln!(text, "  verbs: [{}]", grant.verbs);
    }
}

/// Strings of JSON are those of YAML.
fn list(text: &mut String, names: &[String]) {
    for name in names {
        let _ = writeln!(text, "  - {}", serde_json::Value::from(name.as_str()));
    }
}

//! Generated requests: which of the listed metrics is asked of what, and how.

use proptest::prelude::*;
use proptest::sample::{Index, select};
use setpoint::against::{Custom, Listed};

use super::world::{NAMESPACES, NODES, PODS, WORKLOADS};

/// Selectors of objects, encoded.
const OBJECTS: [&str; 9] = [
    "",
    "app%3Dweb",
    "app%21%3Dweb",
    "app%20in%20(web%2Capi%2Cstore)",
    "app%20notin%20(web)",
    "app",
    "%21app",
    "app%3Ddotted",
    "app%3Dweb%2Capp%21%3Dapi",
];
/// Selectors of series, encoded.
const SERIES: [&str; 14] = [
    "",
    "",
    "verb%3DGET",
    "verb%3D%3DPOST",
    "verb%20in%20(GET%2CPOST)",
    "verb%20in%20(GET)",
    "verb%20notin%20(GET%2CPUT)",
    "verb",
    "%21verb",
    "topic%3Dorders",
    "topic%20notin%20(orders)",
    "partition%3D0%2Ctopic%21%3Dmails",
    "verb%3DGET%2Cverb%3DPOST",
    "pod%3Dweb-1",
];
/// Forms of an answer.
const FORMS: [&str; 7] = [
    "",
    "",
    "",
    " | Accept=application/yaml",
    " | Accept=application/vnd.kubernetes.protobuf",
    " | Accept=application/vnd.kubernetes.protobuf, */*",
    " | Accept=application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
];

#[derive(Debug, Clone, Copy)]
enum Kind {
    Named,
    All,
    Root,
    Namespaces,
    External,
    Pods,
    Nodes,
}

/// A request for what is listed somewhere.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    kind: Kind,
    metric: Index,
    object: Index,
    namespace: &'static str,
    version: &'static str,
    /// How the resource is named: as it is listed, or otherwise.
    otherwise: u8,
    objects: &'static str,
    series: &'static str,
    form: &'static str,
}

pub(crate) fn ask() -> impl Strategy<Value = Ask> {
    let kind = select(vec![
        Kind::All,
        Kind::All,
        Kind::Named,
        Kind::Named,
        Kind::Namespaces,
        Kind::Root,
        Kind::External,
        Kind::External,
        Kind::External,
        Kind::Pods,
        Kind::Nodes,
    ]);
    let namespaces = [&NAMESPACES[..], &["shop", "shop", "*"]].concat();
    let parts = (
        any::<Index>(),
        any::<Index>(),
        select(namespaces),
        select(vec!["v1beta2", "v1beta1"]),
        0..12_u8,
    );
    let selectors = (
        select(OBJECTS.to_vec()),
        select(SERIES.to_vec()),
        select(FORMS.to_vec()),
    );
    (kind, parts, selectors).prop_map(
        |(kind, (metric, object, namespace, version, otherwise), (objects, series, form))| Ask {
            kind,
            metric,
            object,
            namespace,
            version,
            otherwise,
            objects,
            series,
            form,
        },
    )
}

impl Ask {
    /// The line, in the form of a corpus.
    pub(crate) fn line(&self, listed: &Listed) -> String {
        let Self {
            namespace,
            version,
            form,
            ..
        } = self;
        let path = match self.kind {
            Kind::Named | Kind::All | Kind::Root | Kind::Namespaces => {
                let metric = self.custom(listed);
                let group = format!("/apis/custom.metrics.k8s.io/{version}");
                format!("{group}{}", self.of_metric(&metric))
            }
            Kind::External => {
                let metric = if listed.external.is_empty() {
                    "absent"
                } else {
                    self.metric.get(&listed.external)
                };
                let selector = query(&[("labelSelector", self.series)]);
                format!(
                    "/apis/external.metrics.k8s.io/v1beta1/namespaces/{namespace}/{metric}{selector}"
                )
            }
            Kind::Pods if self.otherwise < 4 => {
                let pod = self.object.get(&PODS);
                format!("/apis/metrics.k8s.io/v1beta1/namespaces/{namespace}/pods/{pod}")
            }
            Kind::Pods => {
                let selector = query(&[("labelSelector", self.objects)]);
                format!("/apis/metrics.k8s.io/v1beta1/namespaces/{namespace}/pods{selector}")
            }
            Kind::Nodes if self.otherwise < 4 => {
                format!(
                    "/apis/metrics.k8s.io/v1beta1/nodes/{}",
                    self.object.get(&NODES)
                )
            }
            Kind::Nodes => "/apis/metrics.k8s.io/v1beta1/nodes".to_owned(),
        };
        format!("GET {path}{form}")
    }

    /// One of the listed metrics.
    fn custom(&self, listed: &Listed) -> Custom {
        if listed.custom.is_empty() {
            return Custom {
                resource: "pods".to_owned(),
                metric: "absent".to_owned(),
                namespaced: true,
            };
        }
        self.metric.get(&listed.custom).clone()
    }

    fn of_metric(&self, custom: &Custom) -> String {
        let Custom {
            resource, metric, ..
        } = custom;
        let (plain, group) = resource.split_once('.').unwrap_or((resource, ""));
        let named = match self.otherwise {
            0 => plain.to_owned(),
            1 => plain.trim_end_matches('s').to_owned(),
            2 if !group.is_empty() => format!("{}.{group}", plain.trim_end_matches('s')),
            _ => resource.clone(),
        };
        let series = ("metricLabelSelector", self.series);
        let both = query(&[("labelSelector", self.objects), series]);
        let series = query(&[series]);
        let (namespace, name) = (self.namespace, self.name(plain));
        match self.kind {
            Kind::Named => format!("/namespaces/{namespace}/{named}/{name}/{metric}{series}"),
            Kind::Namespaces => format!("/namespaces/{namespace}/metrics/{metric}{both}"),
            Kind::Root if self.otherwise.is_multiple_of(2) => {
                format!("/{named}/{name}/{metric}{series}")
            }
            Kind::Root => format!("/{named}/*/{metric}{both}"),
            _ => format!("/namespaces/{namespace}/{named}/*/{metric}{both}"),
        }
    }

    /// The name of an object of a kind.
    fn name(&self, resource: &str) -> &'static str {
        let names: &[&'static str] = match resource {
            "pods" => &PODS,
            "nodes" => &NODES,
            "namespaces" => &NAMESPACES,
            "ingresses" => &["front", "gone"],
            "jobs" => &["backup"],
            "persistentvolumes" => &["volume-1"],
            "clusterroles" => &["view"],
            _ => &WORKLOADS,
        };
        self.object.get::<&'static str>(names)
    }
}

fn query(parameters: &[(&str, &str)]) -> String {
    let given = parameters.iter().filter(|(_, value)| !value.is_empty());
    let given: Vec<String> = given
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    match given.is_empty() {
        true => String::new(),
        false => format!("?{}", given.join("&")),
    }
}

//! Series and objects that generated rules are about. What a value is doesn't depend on the second in which it is asked for.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// Objects beside those of the corpus, in its form: names that a regular expression takes for one another.
pub(crate) const OBJECTS: &str = "\
apiVersion: v1
kind: Pod
metadata: {name: web.1, namespace: shop, labels: {app: dotted}}
spec: {containers: [{name: web, image: example.invalid/web}]}
---
apiVersion: v1
kind: Pod
metadata: {name: webx1, namespace: shop, labels: {app: web}}
spec: {containers: [{name: web, image: example.invalid/web}]}
";
pub(crate) const NAMESPACES: [&str; 4] = ["shop", "bank", "absent", "default"];
pub(crate) const PODS: [&str; 7] = [
    "web-1", "web-2", "api-1", "web.1", "webx1", "waiting", "gone",
];
pub(crate) const NODES: [&str; 3] = ["node-1", "node-2", "gone"];
pub(crate) const WORKLOADS: [&str; 4] = ["web", "api", "store", "gone"];
const TOPICS: [&str; 4] = ["orders", "mails", "a|b", "say \\\"hi\\\" \\\\ é"];

/// A label, and the values that it has.
type Label = (&'static str, &'static [&'static str]);

/// The labels that series may have together.
const SHAPES: [&[Label]; 15] = [
    &[("namespace", &NAMESPACES), ("pod", &PODS)],
    &[
        ("namespace", &NAMESPACES),
        ("pod", &PODS),
        ("verb", &["GET", "POST"]),
    ],
    &[
        ("namespace", &NAMESPACES),
        ("pod", &PODS),
        ("service", &WORKLOADS),
    ],
    &[("kube_namespace", &NAMESPACES), ("kube_pod", &PODS)],
    &[
        ("namespace", &["monitoring"]),
        ("pod", &["exporter-1"]),
        ("exported_namespace", &NAMESPACES),
        ("exported_pod", &PODS),
    ],
    &[
        ("kube_namespace", &NAMESPACES),
        ("kube_apps_deployment", &WORKLOADS),
        ("kube_pod", &PODS),
    ],
    &[
        ("namespace", &NAMESPACES),
        ("deployment", &WORKLOADS),
        ("statefulset", &WORKLOADS),
    ],
    &[
        ("namespace", &NAMESPACES),
        ("ingress", &["front", "gone"]),
        ("job", &["backup"]),
    ],
    &[
        ("namespace", &NAMESPACES),
        ("pod", &PODS),
        ("node", &NODES),
        ("container", &["web", "POD"]),
    ],
    &[("node", &NODES)],
    &[
        ("persistentvolume", &["volume-1"]),
        ("clusterrole", &["view"]),
    ],
    &[("namespace", &NAMESPACES), ("topic", &TOPICS)],
    &[("topic", &TOPICS), ("partition", &["0", "1"])],
    &[("namespace", &NAMESPACES)],
    &[],
];

/// Values that don't change, behind gaps that are past, and some that ended.
const GAUGES: [&str; 20] = [
    "7x960",
    "0x960",
    "12.5x960",
    "0.0005x960",
    "0.9999x960",
    "-0.0015x960",
    "-3x960",
    "1e-9x960",
    "3.3333333333x960",
    "1e15x960",
    "9223372036854775x960",
    "9223372036854776x960",
    "1e18x960",
    "NaNx960",
    "+Infx960",
    "-Infx960",
    "5x20",
    "5x20 stale",
    "5x30 _x20 6x910",
    "_x40 8x920",
];
/// Counters whose sums of three at most don't lie on a thousandth a second.
const COUNTERS: [&str; 4] = [
    "0+15.0045x960",
    "0+0.0045x960",
    "0+30.0045x960",
    "5+1.5045x960",
];

/// Series of one name.
#[derive(Debug, Clone)]
pub(crate) struct Family {
    pub(crate) name: String,
    pub(crate) labels: Vec<&'static str>,
}

/// Series, in the form of a corpus, and what generated rules have to know of them.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) families: Vec<Family>,
    pub(crate) series: String,
}

/// Series of twelve names at most.
pub(crate) fn world() -> impl Strategy<Value = World> {
    vec(family(), 8..=12).prop_map(|all| {
        let mut world = World {
            families: Vec::new(),
            series: String::new(),
        };
        let mut names = BTreeSet::new();
        for (family, series) in all {
            if names.insert(family.name.clone()) {
                for line in series {
                    let _ = writeln!(world.series, "{line}");
                }
                world.families.push(family);
            }
        }
        world
    })
}

fn name() -> impl Strategy<Value = String> {
    let first = select(vec!["gen", "Gen", "container", "gen9"]);
    let second = select(vec!["hits", "CPU_usage", "queue", "a__b", "x"]);
    let last = select(vec![
        "",
        "_total",
        "_seconds_total",
        "_bytes",
        ":rate1m",
        ":sum:avg",
        "_",
    ]);
    (first, second, last).prop_map(|(first, second, last)| format!("{first}_{second}{last}"))
}

/// Labels with values, each of which may be missing in a series.
fn family() -> impl Strategy<Value = (Family, Vec<String>)> {
    let series = (vec(any::<prop::sample::Index>(), 6), 0..10_usize);
    let series = vec(series, 1..=6);
    (name(), select(SHAPES.to_vec()), series, any::<bool>()).prop_map(
        |(name, shape, series, counts)| {
            let mut known = BTreeSet::new();
            let mut lines = Vec::new();
            for (picks, lacks) in series {
                let labels = shape.iter().zip(&picks).enumerate();
                let labels = labels.filter(|(at, _)| *at != lacks);
                let labels = labels.map(|(_, ((label, values), pick))| {
                    format!("{label}=\"{}\"", pick.get(values))
                });
                let labels: Vec<String> = labels.collect();
                let labels = labels.join(",");
                let values: &[&str] = if counts { &COUNTERS } else { &GAUGES };
                let values = picks.last().map_or(&values[0], |pick| pick.get(values));
                if known.insert(labels.clone()) {
                    lines.push(format!(
                        "- {{series: '{name}{{{labels}}}', values: '{values}'}}"
                    ));
                }
            }
            let labels = shape.iter().map(|(label, _)| *label).collect();
            (Family { name, labels }, lines)
        },
    )
}

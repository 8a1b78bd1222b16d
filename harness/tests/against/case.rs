//! Generated configurations of an adapter, with what is asked then.

use std::fmt::{self, Write as _};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use setpoint::against::Listed;

use super::asks::{Ask, ask};
use super::rules::{Rule, rule};
use super::world::World;

/// The metric of a rule that is always there, so that an adapter that lists it has asked for all series.
const LAST: &str = "last_one";

/// A configuration, and what is asked.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    custom: Option<Vec<Rule>>,
    external: Option<Vec<Rule>>,
    resources: Option<Resources>,
    asks: Vec<Ask>,
}

/// `resourceRules`.
#[derive(Debug, Clone)]
struct Resources {
    cpu: &'static str,
    nodes: Option<&'static str>,
    memory: &'static str,
    labels: &'static str,
    container: Option<&'static str>,
    window: Option<&'static str>,
}

/// Configurations for series.
pub(crate) fn case(world: &World) -> impl Strategy<Value = Case> + use<> {
    let rules = |external| prop::option::weighted(0.7, vec(rule(world, external), 0..=3));
    let resources = prop::option::weighted(0.25, resources());
    (rules(false), rules(true), resources, vec(ask(), 16..=40)).prop_map(
        |(custom, external, resources, asks)| Case {
            custom,
            external,
            resources,
            asks,
        },
    )
}

fn resources() -> impl Strategy<Value = Resources> {
    let cpu = select(vec![
        "sum(rate(container_cpu_usage_seconds_total{<<.LabelMatchers>>}[2m])) by (<<.GroupBy>>)",
        "sum by (<<.GroupBy>>) (irate(container_cpu_usage_seconds_total{<<.LabelMatchers>>,container!=\"POD\"}[3m]))",
        "sum(container_memory_working_set_bytes{<<.LabelMatchers>>}) by (<<.GroupBy>>) / 1e9",
        "sum(broken_cpu{<<.LabelMatchers>>}) by (<<.GroupBy>>)",
        "sum(rate(container_cpu_usage_seconds_total{<<.LabelMatchers>>}[2m])) by (pod)",
    ]);
    let nodes = select(vec![
        "sum(rate(node_cpu_seconds_total{<<.LabelMatchers>>,mode!=\"idle\"}[2m])) by (<<.GroupBy>>)",
        "sum(node_memory_MemTotal_bytes{<<.LabelMatchers>>}) by (<<.GroupBy>>)",
        "sum(node_memory_MemTotal_bytes{<<.LabelMatchers>>})",
        "-sum(node_memory_MemTotal_bytes{<<.LabelMatchers>>}) by (<<.GroupBy>>)",
    ]);
    let memory = select(vec![
        "sum(container_memory_working_set_bytes{<<.LabelMatchers>>}) by (<<.GroupBy>>)",
        "sum(broken_memory{<<.LabelMatchers>>}) by (<<.GroupBy>>)",
        "max(container_memory_working_set_bytes{<<.LabelMatchers>>,container=\"web\"}) by (<<.GroupBy>>)",
    ]);
    let labels = select(vec![
        "{template: '<<.Resource>>'}",
        "{overrides: {namespace: {resource: namespace}, pod: {resource: pod}, node: {resource: node}}}",
        "{template: 'kube_<<.Resource>>', overrides: {namespace: {resource: namespaces}, pod: {resource: pods}, node: {resource: nodes}}}",
    ]);
    let container = prop::option::weighted(0.9, Just("container"));
    let window = prop::option::of(select(vec!["5m", "30s", "1m30s", "500ms", "0s", "2h"]));
    let nodes = prop::option::weighted(0.9, nodes);
    (cpu, nodes, memory, labels, container, window).prop_map(
        |(cpu, nodes, memory, labels, container, window)| Resources {
            cpu,
            nodes,
            memory,
            labels,
            container,
            window,
        },
    )
}

impl Case {
    /// What the other adapter lists once it has asked for series.
    pub(crate) fn serves(&self) -> Vec<(&'static str, String)> {
        let mut serves = Vec::new();
        if self.custom.is_some() {
            serves.push(("custom.metrics.k8s.io/v1beta1", format!("pods/{LAST}")));
        }
        if self.external.is_some() {
            serves.push(("external.metrics.k8s.io/v1beta1", LAST.to_owned()));
        }
        serves
    }

    /// The requests, where so much is listed.
    pub(crate) fn requests(&self, listed: &Listed) -> Vec<String> {
        self.asks.iter().map(|ask| ask.line(listed)).collect()
    }
}

/// The adapter's file.
impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (key, rules) in [("rules", &self.custom), ("externalRules", &self.external)] {
            let Some(rules) = rules else { continue };
            writeln!(f, "{key}:")?;
            for (number, rule) in rules.iter().enumerate() {
                rule.write(f, number)?;
            }
            writeln!(
                f,
                "- seriesQuery: 'queue_length{{namespace!=\"\",pod!=\"\"}}'\n  resources: {{template: '<<.Resource>>'}}\n  name: {{as: {LAST}}}\n  metricsQuery: 'sum(<<.Series>>{{<<.LabelMatchers>>}}) by (<<.GroupBy>>)'"
            )?;
        }
        let Some(resources) = &self.resources else {
            return Ok(());
        };
        writeln!(f, "resourceRules:")?;
        let Resources {
            cpu,
            nodes,
            memory,
            labels,
            container,
            window,
        } = resources;
        for (name, query) in [("cpu", cpu), ("memory", memory)] {
            writeln!(f, "  {name}:\n    containerQuery: '{query}'")?;
            if let Some(nodes) = nodes {
                writeln!(f, "    nodeQuery: '{nodes}'")?;
            }
            writeln!(f, "    resources: {labels}")?;
            if let Some(container) = container {
                writeln!(f, "    containerLabel: {container}")?;
            }
        }
        match window {
            Some(window) => writeln!(f, "  window: {window}"),
            None => Ok(()),
        }
    }
}

/// `configuration.yaml` of a corpus, with requests.
pub(crate) fn configuration<'a>(case: &Case, requests: impl Iterator<Item = &'a str>) -> String {
    let mut text = "covers: \n".to_owned();
    let serves = case.serves();
    if !serves.is_empty() {
        text.push_str("serves:\n");
    }
    for (version, resource) in serves {
        let _ = writeln!(text, "- {{version: {version}, resource: {resource}}}");
    }
    text.push_str("requests:\n");
    for request in requests {
        let _ = writeln!(text, "- {request}");
    }
    text
}

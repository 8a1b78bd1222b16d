//! `resourceRules`, as kinds of findings look at them.

use std::fmt;

use crate::config::{ResourceRule, ResourceRules};
use crate::resources::GroupResource;
use crate::rule::{Asked, ResourceLabels};
use crate::selector::Selector;
use crate::usage::UsageRules;

use super::finding::At;
use super::mapping::Mapping;
use super::subject::{BUILT_IN, NAMESPACE, Of, Query, rendered};

/// `resourceRules`.
pub(super) struct Usage<'a> {
    pub(super) measures: [Measure<'a>; 2],
    /// Those of which the labels are known.
    pub(super) queries: Vec<Query<'a>>,
}

/// CPU or memory.
pub(super) struct Measure<'a> {
    /// Below `resourceRules`.
    pub(super) key: &'static str,
    pub(super) written: &'a ResourceRule,
    pub(super) labels: &'a ResourceLabels,
}

impl<'a> Usage<'a> {
    pub(super) fn new(written: &'a ResourceRules, rules: &'a UsageRules) -> Self {
        let [cpu, memory] = rules.labels();
        let measure = |key, written, labels| Measure {
            key,
            written,
            labels,
        };
        Self {
            measures: [
                measure("cpu", &written.cpu, cpu),
                measure("memory", &written.memory, memory),
            ],
            queries: queries(rules),
        }
    }
}

/// Whose values a query gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Consumers {
    Pods,
    Nodes,
}

impl Consumers {
    pub(super) const BOTH: [Self; 2] = [Self::Pods, Self::Nodes];

    /// The key of the query.
    pub(super) fn query(self) -> &'static str {
        match self {
            Self::Pods => "containerQuery",
            Self::Nodes => "nodeQuery",
        }
    }

    /// The resources that need labels.
    pub(super) fn resources(self) -> &'static [&'static str] {
        match self {
            Self::Pods => &["namespaces", "pods"],
            Self::Nodes => &["nodes"],
        }
    }
}

impl fmt::Display for Consumers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pods => "pods",
            Self::Nodes => "nodes",
        })
    }
}

impl Measure<'_> {
    /// Whether it has a query for them.
    pub(super) fn asks_about(&self, consumers: Consumers) -> bool {
        let query = match consumers {
            Consumers::Pods => &self.written.container_query,
            Consumers::Nodes => &self.written.node_query,
        };
        !query.trim().is_empty()
    }

    /// Whether it has a query at all.
    pub(super) fn has_query(&self) -> bool {
        Consumers::BOTH
            .into_iter()
            .any(|consumers| self.asks_about(consumers))
    }

    /// A key of it.
    pub(super) fn at(&self, key: &str) -> At {
        At::usage(self.key).key(key)
    }

    /// The labels that name its objects.
    pub(super) fn mapping(&self) -> Mapping<'_> {
        Mapping {
            at: self.at("resources"),
            of: Of::Pods,
            in_namespaces: true,
            labels: self.labels,
            series: None,
        }
    }
}

/// The queries of `resourceRules`.
fn queries(rules: &UsageRules) -> Vec<Query<'_>> {
    let queries = rules.queries().into_iter();
    let query = queries.filter_map(|of_key| {
        let resource = match of_key.of_nodes {
            true => "nodes",
            false => "pods",
        };
        let resource = GroupResource::new("", resource);
        let label = of_key.labels.label(&resource, &BUILT_IN).ok()?;
        let asked = Asked {
            series: "",
            selector: &Selector::default(),
            namespace: (!of_key.of_nodes).then_some(NAMESPACE),
            objects: None,
            container_label: of_key.container_label,
        };
        let mut sample = rendered(
            of_key.template,
            of_key.labels,
            asked,
            Some((resource, label)),
        );
        let container = Some(of_key.container_label.to_owned()).filter(|label| !label.is_empty());
        sample.others.extend(container);
        Some(Query {
            at: At::usage(of_key.key),
            of: match of_key.of_nodes {
                true => Of::Nodes,
                false => Of::Pods,
            },
            template: of_key.template,
            samples: vec![sample],
        })
    });
    query.collect()
}

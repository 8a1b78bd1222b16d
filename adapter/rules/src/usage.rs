//! CPU and memory of pods and nodes (`pkg/resourceprovider` of prometheus-adapter v0.12.0).

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use jiff::Timestamp;
use setpoint_metrics_api::resource::{
    ContainerMetrics, NodeMetrics, ObjectMeta, PodMetrics, Usage,
};
use setpoint_metrics_api::{self as api, Format, Quantity, Time};

use crate::config::{self, ResourceRules};
use crate::destination::{Asks, Destination};
use crate::duration::parse_duration;
use crate::headers::HeaderError;
use crate::metrics::truncated;
use crate::resources::{GroupResource, RestMapper};
use crate::rule::{Asked, Compiled, PromqlError, QueryTemplate, ResourceLabels, RuleError};
use crate::selector::Selector;
use crate::series::Sample;
use crate::upstream::{Upstream, Upstreams};

mod found;

pub use found::{UsageDocument, of_namespaces};

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Measure {
    /// In cores.
    Cpu,
    /// In bytes.
    Memory,
}

/// `resourceRules`, compiled.
#[derive(Debug)]
pub struct UsageRules {
    cpu: UsageRule,
    memory: UsageRule,
    window: Duration,
    asks: Asks,
}

#[derive(Debug)]
struct UsageRule {
    resources: ResourceLabels,
    container_query: Option<QueryTemplate>,
    node_query: Option<QueryTemplate>,
    container_label: String,
}

/// A query of `resourceRules`.
pub(crate) struct OfKey<'a> {
    /// Below `resourceRules`.
    pub(crate) key: &'static str,
    /// Whether its values are of nodes, or of pods.
    pub(crate) of_nodes: bool,
    pub(crate) template: &'a QueryTemplate,
    pub(crate) labels: &'a ResourceLabels,
    /// Empty for nodes.
    pub(crate) container_label: &'a str,
}

/// Whose usage is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consumers<'a> {
    /// Pods of this namespace, each with its containers.
    Pods(&'a str),
    /// Nodes.
    Nodes,
}

/// An object that usage is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consumer {
    /// Its name.
    pub name: String,
    /// Its namespace; none for nodes.
    pub namespace: Option<String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

/// What a measure is of objects, collected from samples.
#[derive(Debug)]
pub struct Measured<'a> {
    measure: Measure,
    /// The label that names the objects.
    label: String,
    /// The label that names containers; none for nodes.
    container_label: Option<&'a str>,
    by_object: HashMap<&'a str, Option<BTreeMap<String, Value>>>,
    samples: usize,
}

/// None is a value that no quantity can express.
type Value = (Option<Quantity>, Timestamp);

/// The most samples of an answer that are kept.
const MAX_SAMPLES: usize = 100_000;

/// Why there is no usage.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UsageError {
    /// The rule gives no query.
    #[error("resourceRules.{measure} gives no query for {consumers}: {source}", measure = .measure.key())]
    NoQuery {
        /// Of what.
        measure: Measure,
        /// `pods` or `nodes`.
        consumers: &'static str,
        /// Why.
        source: Box<PromqlError>,
    },
    /// The object that is asked for by name isn't there, or has no values (`apierrors.NewNotFound`).
    #[error("{group_resource} {name:?} not found")]
    NotFound {
        /// Of which kind the object or its values are.
        group_resource: GroupResource,
        /// Its name; that of values of a pod with the namespace.
        name: String,
    },
    /// The query gives more than an answer may hold.
    #[error(
        "the query of resourceRules.{measure} gives more than {MAX_SAMPLES} samples of the objects; aggregate them by <<.GroupBy>>",
        measure = .measure.key()
    )]
    TooMany {
        /// Of what.
        measure: Measure,
    },
}

impl UsageError {
    /// The HTTP status of an answer.
    #[must_use]
    pub fn code(&self) -> u16 {
        match self {
            Self::NotFound { .. } => 404,
            Self::NoQuery { .. } | Self::TooMany { .. } => 500,
        }
    }

    /// The kind of a rule's failure in one word; none if the rule has not failed.
    #[must_use]
    pub fn kind(&self) -> Option<&'static str> {
        match self {
            Self::NotFound { .. } => None,
            Self::NoQuery { .. } => Some("no_query"),
            Self::TooMany { .. } => Some("too_long"),
        }
    }
}

impl Measure {
    /// Its key in `resourceRules`.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
        }
    }

    /// A value in thousandths, cut off below, and zero for what is negative or no number.
    fn quantity(self, value: f64) -> Option<Quantity> {
        // NaN is none of those above zero.
        let value = if value > 0.0 { value } else { 0.0 };
        let quantity = truncated(value)?;
        Some(match self {
            Self::Cpu => quantity,
            Self::Memory => quantity.in_format(Format::BinarySi),
        })
    }
}

impl Consumers<'_> {
    fn plural(self) -> &'static str {
        match self {
            Self::Pods(_) => "pods",
            Self::Nodes => "nodes",
        }
    }
}

impl UsageRules {
    /// # Errors
    /// What can't be compiled, with the key of its rule.
    pub(crate) fn new(
        rules: &ResourceRules,
        upstreams: &Upstreams,
    ) -> Result<Self, (&'static str, RuleError)> {
        let rule = |key, rule| UsageRule::new(rule).map_err(|error| (key, error));
        let window = match rules.window.as_str() {
            "" => Ok(Duration::ZERO),
            window => parse_duration(window).ok_or_else(|| RuleError::Duration {
                key: "window",
                text: window.to_owned(),
            }),
        };
        Ok(Self {
            cpu: rule("resourceRules.cpu", &rules.cpu)?,
            memory: rule("resourceRules.memory", &rules.memory)?,
            window: window.map_err(|error| ("resourceRules", error))?,
            asks: Asks::new(&rules.upstream, &rules.headers, upstreams)
                .map_err(|error| ("resourceRules", error.into()))?,
        })
    }

    /// The upstream that is asked; none is the Prometheus that flags name.
    #[must_use]
    pub fn upstream(&self) -> Option<&Upstream> {
        self.asks.upstream().map(|upstream| &**upstream)
    }

    /// The names of the headers of its requests.
    pub fn header_names(&self) -> impl Iterator<Item = &str> {
        self.asks.header_names().map(|name| &**name)
    }

    /// Who is asked about objects, and by which headers: by those of the namespace of pods.
    ///
    /// # Errors
    /// A header that can't be sent.
    pub fn asks(&self, consumers: Consumers<'_>) -> Result<Destination, HeaderError> {
        self.asks.about(match consumers {
            Consumers::Pods(namespace) => Some(namespace),
            Consumers::Nodes => None,
        })
    }

    /// All queries that there are.
    pub(crate) fn queries(&self) -> Vec<OfKey<'_>> {
        let mut queries = Vec::new();
        let rules = [("cpu", &self.cpu), ("memory", &self.memory)];
        for (measure, rule) in rules {
            for of_nodes in [false, true] {
                let (template, key) = match (measure, of_nodes) {
                    ("cpu", false) => (&rule.container_query, "cpu.containerQuery"),
                    ("cpu", true) => (&rule.node_query, "cpu.nodeQuery"),
                    (_, false) => (&rule.container_query, "memory.containerQuery"),
                    (_, true) => (&rule.node_query, "memory.nodeQuery"),
                };
                queries.extend(template.as_ref().map(|template| OfKey {
                    key,
                    of_nodes,
                    template,
                    labels: &rule.resources,
                    container_label: if of_nodes { "" } else { &rule.container_label },
                }));
            }
        }
        queries
    }

    /// The labels of CPU, and those of memory.
    pub(crate) fn labels(&self) -> [&ResourceLabels; 2] {
        [&self.cpu, &self.memory].map(|rule| &rule.resources)
    }

    fn rule(&self, measure: Measure) -> &UsageRule {
        match measure {
            Measure::Cpu => &self.cpu,
            Measure::Memory => &self.memory,
        }
    }

    /// The PromQL query for a measure of objects with these names.
    ///
    /// # Errors
    /// [`UsageError::NoQuery`] if the rule gives none.
    pub fn promql(
        &self,
        measure: Measure,
        consumers: Consumers<'_>,
        names: &[String],
        mapper: &RestMapper,
    ) -> Result<String, UsageError> {
        let rule = self.rule(measure);
        let resource = GroupResource::new("", consumers.plural());
        let (template, namespace, container_label) = match consumers {
            Consumers::Pods(namespace) => {
                let container_label = rule.container_label.as_str();
                (&rule.container_query, Some(namespace), container_label)
            }
            Consumers::Nodes => (&rule.node_query, None, ""),
        };
        let asked = Asked {
            series: "",
            selector: &Selector::default(),
            namespace,
            objects: Some((&resource, names)),
            container_label,
        };
        let label = |resource: &GroupResource| rule.resources.label(resource, mapper);
        let template = template.as_ref().ok_or(PromqlError::Empty);
        template
            .and_then(|template| template.render(&asked, label))
            .map_err(|source| no_query(measure, consumers, source))
    }

    /// Collects a measure of objects from the samples of [`Self::promql`].
    ///
    /// # Errors
    /// [`UsageError::NoQuery`] if no label names the objects.
    pub fn measured<'a>(
        &'a self,
        measure: Measure,
        consumers: Consumers<'_>,
        names: &'a [String],
        mapper: &RestMapper,
    ) -> Result<Measured<'a>, UsageError> {
        let rule = self.rule(measure);
        let resource = GroupResource::new("", consumers.plural());
        let label = rule.resources.label(&resource, mapper);
        let label = label.map_err(|error| no_query(measure, consumers, error.into()))?;
        let is_pods = matches!(consumers, Consumers::Pods(_));
        Ok(Measured {
            measure,
            label,
            container_label: is_pods.then_some(rule.container_label.as_str()),
            by_object: names.iter().map(|name| (name.as_str(), None)).collect(),
            samples: 0,
        })
    }

    /// The usage of a pod; none where one of the measures has no value of it.
    #[must_use]
    pub fn pod(
        &self,
        pod: &Consumer,
        cpu: &Measured<'_>,
        memory: &Measured<'_>,
        now: Timestamp,
    ) -> Option<PodMetrics> {
        let (cpu, memory) = (cpu.of(&pod.name)?, memory.of(&pod.name)?);
        let names: std::collections::BTreeSet<_> = cpu.keys().chain(memory.keys()).collect();
        let zero = || Quantity::from_integer(0);
        let of = |values: &BTreeMap<String, Value>, name: &str| match values.get(name) {
            Some((value, _)) => value.clone(),
            None => Some(zero()),
        };
        let container = |name: &String| {
            Some(ContainerMetrics {
                name: name.clone(),
                usage: Usage {
                    cpu: of(cpu, name)?,
                    memory: of(memory, name)?,
                },
            })
        };
        let containers: Option<Vec<_>> = names.into_iter().map(container).collect();
        let times = cpu.values().chain(memory.values()).map(|(_, time)| *time);
        Some(PodMetrics {
            metadata: metadata(pod, now),
            timestamp: Time(times.min()?),
            window: api::Duration(self.window),
            containers: containers?,
        })
    }

    /// The usage of a node; none where one of the measures has no value of it.
    #[must_use]
    pub fn node(
        &self,
        node: &Consumer,
        cpu: &Measured<'_>,
        memory: &Measured<'_>,
        now: Timestamp,
    ) -> Option<NodeMetrics> {
        // Nodes have no containers, so there is one value.
        let value = |measured: &Measured<'_>| -> Option<(Quantity, Timestamp)> {
            let (value, time) = measured.of(&node.name)?.values().next()?;
            Some((value.clone()?, *time))
        };
        let ((cpu, first), (memory, second)) = (value(cpu)?, value(memory)?);
        Some(NodeMetrics {
            metadata: metadata(node, now),
            timestamp: Time(first.min(second)),
            window: api::Duration(self.window),
            usage: Usage { cpu, memory },
        })
    }
}

fn no_query(measure: Measure, consumers: Consumers<'_>, source: PromqlError) -> UsageError {
    UsageError::NoQuery {
        measure,
        consumers: consumers.plural(),
        source: Box::new(source),
    }
}

fn metadata(object: &Consumer, now: Timestamp) -> ObjectMeta {
    ObjectMeta {
        name: object.name.clone(),
        namespace: object.namespace.clone(),
        creation_timestamp: Time(now),
        labels: object.labels.clone(),
    }
}

impl UsageRule {
    fn new(rule: &config::ResourceRule) -> Result<Self, RuleError> {
        let template = |key, text: &str| match text.trim() {
            "" => Ok(None),
            _ => QueryTemplate::new(key, text).map(Some),
        };
        Ok(Self {
            resources: ResourceLabels::new(
                "resources.template",
                &rule.resources,
                &mut Compiled::default(),
            )?,
            container_query: template("containerQuery", &rule.container_query)?,
            node_query: template("nodeQuery", &rule.node_query)?,
            container_label: rule.container_label.clone(),
        })
    }
}

impl Measured<'_> {
    /// Adds a sample; those of other objects don't count. Of several samples for a container the
    /// last counts, for a node the first, as in prometheus-adapter.
    pub fn add(&mut self, sample: &Sample) {
        let name = sample.labels.get(&self.label);
        let Some(of_object) = name.and_then(|name| self.by_object.get_mut(name.as_str())) else {
            return;
        };
        self.samples += 1;
        if self.samples > MAX_SAMPLES {
            return;
        }
        let value = (self.measure.quantity(sample.value), sample.timestamp);
        let of_object = of_object.get_or_insert_default();
        match self.container_label {
            Some(label) => {
                let container = sample.labels.get(label).cloned().unwrap_or_default();
                of_object.insert(container, value);
            }
            None => {
                of_object.entry(String::new()).or_insert(value);
            }
        }
    }

    /// Ends collecting.
    ///
    /// # Errors
    /// [`UsageError::TooMany`]
    pub fn finish(self) -> Result<Self, UsageError> {
        if self.samples > MAX_SAMPLES {
            let measure = self.measure;
            return Err(UsageError::TooMany { measure });
        }
        Ok(self)
    }

    fn of(&self, name: &str) -> Option<&BTreeMap<String, Value>> {
        self.by_object.get(name)?.as_ref()
    }
}

#[cfg(test)]
mod tests;

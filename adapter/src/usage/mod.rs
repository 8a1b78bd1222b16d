//! CPU and memory of pods and nodes by rules, from Prometheus (`pkg/resourceprovider/provider.go` of
//! prometheus-adapter).

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _};
use jiff::Timestamp;
use kube::Client;
use setpoint_metrics_api::resource::{NodeMetrics, PodMetrics};
use setpoint_rules::{
    Consumer, Consumers, Measure, Measured, Resource, UsageQuery, UsageRules, of_namespaces,
};

use crate::error_chain::error_chain;
use crate::kubernetes::{ObjectMetadata, Wanted, list};
use crate::metrics::RuleName;
use crate::provider::{ProviderError, UsageProvider};
use crate::queries::Queries;
use crate::registry::{Registry, Snapshot};

/// Answers requests with Prometheus' values of the objects that the API server lists. Nothing of
/// the objects is kept between requests, so that memory doesn't grow with the cluster.
pub(crate) struct ObjectUsage {
    registry: Arc<Registry>,
    queries: Queries,
    kubernetes: Client,
    /// How long the API server may take for an answer.
    answer_timeout: Duration,
}

/// How many namespaces Prometheus is asked about at a time, with two queries each.
const PARALLEL: usize = 4;

/// The usage of some objects; or why there is none.
type Answer<T> = Result<Vec<T>, ProviderError>;

impl ObjectUsage {
    pub(crate) fn new(
        registry: Arc<Registry>,
        queries: Queries,
        kubernetes: Client,
        answer_timeout: Duration,
    ) -> Self {
        Self {
            registry,
            queries,
            kubernetes,
            answer_timeout,
        }
    }

    /// The objects that are asked for, by namespace and name. The one that is asked for by name has
    /// to be there.
    async fn objects(
        &self,
        resource: &Resource,
        query: &UsageQuery,
    ) -> Result<Vec<Consumer>, ProviderError> {
        let wanted = Wanted {
            resource,
            namespace: query.namespace.as_deref(),
            selector: &query.selector,
            field_selector: &query.field_selector(),
        };
        let listed = list(&self.kubernetes, wanted, self.answer_timeout).await;
        let listed = listed.map_err(|error| ProviderError::list(resource, error))?;
        let consumer = |object: ObjectMetadata| Consumer {
            name: object.name,
            namespace: object.namespace,
            labels: object.labels,
        };
        let mut objects: Vec<_> = listed.into_iter().map(consumer).collect();
        objects.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
        Ok(query.objects(objects)?)
    }

    /// What both measures are of objects with these names.
    async fn measured<'a>(
        &self,
        snapshot: &Snapshot,
        rules: &'a UsageRules,
        consumers: Consumers<'_>,
        names: &'a [String],
    ) -> Result<(Measured<'a>, Measured<'a>), ProviderError> {
        let of = |measure| self.measured_by(snapshot, rules, measure, consumers, names);
        futures::try_join!(of(Measure::Cpu), of(Measure::Memory))
    }

    /// What one measure is of them.
    async fn measured_by<'a>(
        &self,
        snapshot: &Snapshot,
        rules: &'a UsageRules,
        measure: Measure,
        consumers: Consumers<'_>,
        names: &'a [String],
    ) -> Result<Measured<'a>, ProviderError> {
        let rule = RuleName::Usage(measure);
        let asked = async {
            let to = rules.asks(consumers)?;
            let promql = rules.promql(measure, consumers, names, &snapshot.mapper)?;
            let mut measured = rules.measured(measure, consumers, names, &snapshot.mapper)?;
            let mut take = |sample| measured.add(&sample);
            let kind = self.queries.ask(rule, &to, &promql, &mut take).await?;
            kind.vector()?;
            Ok::<_, ProviderError>(measured.finish()?)
        };
        let answer = asked.await;
        self.queries.note(rule, &answer);
        answer
    }

    async fn pods_of(
        &self,
        snapshot: &Snapshot,
        rules: &UsageRules,
        pods: &[Consumer],
    ) -> Answer<PodMetrics> {
        let namespace = pods.first().and_then(|pod| pod.namespace.as_deref());
        let consumers = Consumers::Pods(namespace.unwrap_or_default());
        let names: Vec<_> = pods.iter().map(|pod| pod.name.clone()).collect();
        let measured = self.measured(snapshot, rules, consumers, &names).await;
        let (cpu, memory) = measured?;
        let now = Timestamp::now();
        let pod = |pod| rules.pod(pod, &cpu, &memory, now);
        Ok(pods.iter().filter_map(pod).collect())
    }

    async fn pods(&self, query: &UsageQuery) -> Answer<PodMetrics> {
        let snapshot = self.registry.snapshot();
        let Some(rules) = &snapshot.usage else {
            return Ok(Vec::new());
        };
        let pods = Resource::new("", "v1", "Pod", "pods");
        let pods = self.objects(&pods, query).await?;
        let mut asked = Vec::new();
        for pods in pods.chunk_by(|a, b| a.namespace == b.namespace) {
            asked.push(self.pods_of(&snapshot, rules, pods).boxed());
        }
        let answers: Vec<_> = futures::stream::iter(asked)
            .buffered(PARALLEL)
            .collect()
            .await;
        let metrics = of_namespaces(answers, |error| {
            tracing::debug!(error = %error_chain(error), "leave a namespace out");
        })?;
        Ok(query.values(metrics)?)
    }

    async fn nodes(&self, query: &UsageQuery) -> Answer<NodeMetrics> {
        let snapshot = self.registry.snapshot();
        let Some(rules) = &snapshot.usage else {
            return Ok(Vec::new());
        };
        let nodes = Resource::new("", "v1", "Node", "nodes").cluster_scoped();
        let nodes = self.objects(&nodes, query).await?;
        if nodes.is_empty() {
            return Ok(Vec::new());
        }
        let names: Vec<_> = nodes.iter().map(|node| node.name.clone()).collect();
        let measured = self.measured(&snapshot, rules, Consumers::Nodes, &names);
        let (cpu, memory) = measured.await?;
        let now = Timestamp::now();
        let node = |node| rules.node(node, &cpu, &memory, now);
        Ok(query.values(nodes.iter().filter_map(node).collect())?)
    }
}

impl UsageProvider for ObjectUsage {
    fn has_rules(&self) -> bool {
        self.registry.snapshot().usage.is_some()
    }

    fn pods<'a>(&'a self, query: &'a UsageQuery) -> BoxFuture<'a, Answer<PodMetrics>> {
        Box::pin(self.pods(query))
    }

    fn nodes<'a>(&'a self, query: &'a UsageQuery) -> BoxFuture<'a, Answer<NodeMetrics>> {
        Box::pin(self.nodes(query))
    }
}

#[cfg(test)]
mod tests;

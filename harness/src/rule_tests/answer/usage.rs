//! `metrics.k8s.io`.

use serde_json::Value as Json;
use setpoint_rules::{
    Consumer, Consumers, Measure, Measured, NodeMetrics, PodMetrics, ResourcePath, UsageDocument,
    UsageError, UsageQuery, UsageRules, of_namespaces,
};

use super::{Adapter, ApiGroup, Asked, Failure, Found, Refusal, Taken};

impl Adapter<'_> {
    pub(super) fn usage(
        &self,
        path: &ResourcePath,
        query_string: &str,
        asked: &mut Vec<Asked>,
    ) -> Result<(Found, Json), Refusal> {
        let rules = self.usage.as_deref().ok_or_else(Refusal::not_found)?;
        let query = UsageQuery::new(path, query_string)?;
        let objects = query.objects(self.cluster.consumers(&query))?;
        if query.resource == "nodes" {
            let nodes = self.nodes(rules, &objects, asked);
            let nodes = query.values(nodes.map_err(Failure::into_refusal)?)?;
            let taken = nodes.iter().map(of_node).collect();
            let document = serde_json::to_value(UsageDocument::new(&query, nodes));
            Ok((Found::Usage(taken), document.unwrap_or_default()))
        } else {
            let namespaces = objects.chunk_by(|a, b| a.namespace == b.namespace);
            let answers: Vec<_> = namespaces
                .map(|pods| self.pods(rules, pods, asked))
                .collect();
            let pods = of_namespaces(answers, |_| {}).map_err(Failure::into_refusal)?;
            let pods = query.values(pods)?;
            let taken = pods.iter().flat_map(of_containers).collect();
            let document = serde_json::to_value(UsageDocument::new(&query, pods));
            Ok((Found::Usage(taken), document.unwrap_or_default()))
        }
    }

    /// The usage of pods of one namespace.
    fn pods(
        &self,
        rules: &UsageRules,
        pods: &[Consumer],
        asked: &mut Vec<Asked>,
    ) -> Result<Vec<PodMetrics>, Failure<UsageError>> {
        let namespace = pods.first().and_then(|pod| pod.namespace.as_deref());
        let consumers = Consumers::Pods(namespace.unwrap_or_default());
        let names: Vec<String> = pods.iter().map(|pod| pod.name.clone()).collect();
        let cpu = self.measured(rules, Measure::Cpu, consumers, &names, asked)?;
        let memory = self.measured(rules, Measure::Memory, consumers, &names, asked)?;
        let now = self.now();
        let pod = |pod| rules.pod(pod, &cpu, &memory, now);
        Ok(pods.iter().filter_map(pod).collect())
    }

    fn nodes(
        &self,
        rules: &UsageRules,
        nodes: &[Consumer],
        asked: &mut Vec<Asked>,
    ) -> Result<Vec<NodeMetrics>, Failure<UsageError>> {
        if nodes.is_empty() {
            return Ok(Vec::new());
        }
        let names: Vec<String> = nodes.iter().map(|node| node.name.clone()).collect();
        let cpu = self.measured(rules, Measure::Cpu, Consumers::Nodes, &names, asked)?;
        let memory = self.measured(rules, Measure::Memory, Consumers::Nodes, &names, asked)?;
        let now = self.now();
        let node = |node| rules.node(node, &cpu, &memory, now);
        Ok(nodes.iter().filter_map(node).collect())
    }

    fn measured<'a>(
        &self,
        rules: &'a UsageRules,
        measure: Measure,
        consumers: Consumers<'_>,
        names: &'a [String],
        asked: &mut Vec<Asked>,
    ) -> Result<Measured<'a>, Failure<UsageError>> {
        let mapper = self.cluster.mapper();
        let promql = rules.promql(measure, consumers, names, mapper)?;
        let mut measured = rules.measured(measure, consumers, names, mapper)?;
        let answers = self.ask((ApiGroup::Resource, promql), names, asked);
        let samples = answers.and_then(super::Answers::vector);
        for sample in &samples.map_err(Failure::Prometheus)? {
            measured.add(sample);
        }
        Ok(measured.finish()?)
    }
}

fn of_node(node: &NodeMetrics) -> Taken {
    Taken {
        namespace: None,
        name: node.metadata.name.clone(),
        container: None,
        cpu: node.usage.cpu.to_string(),
        memory: node.usage.memory.to_string(),
    }
}

fn of_containers(pod: &PodMetrics) -> impl Iterator<Item = Taken> {
    pod.containers.iter().map(|container| Taken {
        namespace: pod.metadata.namespace.clone(),
        name: pod.metadata.name.clone(),
        container: Some(container.name.clone()),
        cpu: container.usage.cpu.to_string(),
        memory: container.usage.memory.to_string(),
    })
}

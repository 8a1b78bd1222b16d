//! `custom.metrics.k8s.io`.

use serde_json::Value as Json;
use setpoint_rules::{
    Attempts, Items, MetricError, MetricQuery, MetricValueList, Objects, ResolvedQuery,
    ResourcePath,
};

use super::{Adapter, ApiGroup, Asked, Failure, Found, Item, Refusal};

impl Adapter<'_> {
    pub(super) fn custom(
        &self,
        path: &ResourcePath,
        query_string: &str,
        asked: &mut Vec<Asked>,
    ) -> Result<(Found, Json), Refusal> {
        let metrics = self.metrics.as_ref().ok_or_else(Refusal::not_found)?;
        let query = MetricQuery::new(path, query_string)?;
        let candidates = metrics.resolve(&query)?;
        let names = match candidates.first() {
            Some(candidate) => self.names(&query, candidate),
            None => Vec::new(),
        };
        // One after another until one has values.
        let mut attempts = Attempts::default();
        for candidate in &candidates {
            let given = self.values_of_objects(candidate, &names, asked);
            let asks_the_next = |failure: &Failure<MetricError>| matches!(failure, Failure::Rule(error) if error.asks_the_next());
            if !attempts.take(given.map(|items| items.given), asks_the_next) {
                break;
            }
        }
        let values = attempts.finish().map_err(Failure::into_refusal)?;
        let items = values.iter().map(|value| Item {
            kind: value.described_object.kind.clone().unwrap_or_default(),
            namespace: value.described_object.namespace.clone(),
            name: value.described_object.name.clone().unwrap_or_default(),
            value: value.value.to_string(),
        });
        let items = Found::Items(items.collect());
        let list = MetricValueList::new(&path.version, values).ok_or_else(Refusal::not_found)?;
        Ok((items, serde_json::to_value(list).unwrap_or_default()))
    }

    /// The names of the objects that a request is about.
    fn names(&self, query: &MetricQuery, candidate: &ResolvedQuery<'_>) -> Vec<String> {
        match &query.objects {
            Objects::Named(name) => vec![name.clone()],
            Objects::Selected(selector) => {
                let namespace = query.namespace.as_deref();
                self.cluster
                    .names(candidate.resource(), namespace, selector)
            }
        }
    }

    fn values_of_objects(
        &self,
        candidate: &ResolvedQuery<'_>,
        names: &[String],
        asked: &mut Vec<Asked>,
    ) -> Result<Items, Failure<MetricError>> {
        let promql = candidate.promql(names)?;
        let mut values = candidate.values(names)?;
        let answers = self.ask((ApiGroup::Custom, promql), names, asked);
        let samples = answers.and_then(super::Answers::vector);
        for sample in &samples.map_err(Failure::Prometheus)? {
            values.add(sample);
        }
        Ok(values.items(self.now())?)
    }
}

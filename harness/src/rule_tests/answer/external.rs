//! `external.metrics.k8s.io`.

use serde_json::Value as Json;
use setpoint_rules::{
    Attempts, ExternalError, ExternalMetricValue, ExternalMetricValueList, ExternalQuery, Given,
    ResolvedExternal, ResourcePath,
};

use super::{Adapter, ApiGroup, Asked, Failure, Found, Refusal, SeriesValue};

impl Adapter<'_> {
    pub(super) fn external(
        &self,
        path: &ResourcePath,
        query_string: &str,
        asked: &mut Vec<Asked>,
    ) -> Result<(Found, Json), Refusal> {
        let metrics = self.external.as_ref().ok_or_else(Refusal::not_found)?;
        let query = ExternalQuery::new(path, query_string)?;
        let mut attempts = Attempts::default();
        for candidate in metrics.resolve(&query)? {
            let given = self.values_of_series(&candidate, asked);
            let asks_the_next = |failure: &Failure<ExternalError>| matches!(failure, Failure::Rule(error) if error.asks_the_next());
            if !attempts.take(given, asks_the_next) {
                break;
            }
        }
        let values = attempts.finish().map_err(Failure::into_refusal)?;
        let mut shown: Vec<SeriesValue> = values.iter().map(SeriesValue::from).collect();
        // Prometheus answers in no order that anybody may count on.
        shown.sort();
        let list = serde_json::to_value(ExternalMetricValueList::from(values));
        Ok((Found::Values(shown), list.unwrap_or_default()))
    }

    fn values_of_series(
        &self,
        candidate: &ResolvedExternal<'_>,
        asked: &mut Vec<Asked>,
    ) -> Result<Given<ExternalMetricValue>, Failure<ExternalError>> {
        let promql = candidate.promql()?;
        let mut values = candidate.values();
        let answers = self
            .ask((ApiGroup::External, promql), &[], asked)
            .map_err(Failure::Prometheus)?;
        for sample in answers.samples {
            values.add(sample);
        }
        Ok(values.items(answers.scalar, self.now())?)
    }
}

impl From<&ExternalMetricValue> for SeriesValue {
    fn from(value: &ExternalMetricValue) -> Self {
        Self {
            labels: value.metric_labels.clone().unwrap_or_default(),
            value: value.value.to_string(),
        }
    }
}

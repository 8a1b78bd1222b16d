//! Gives metrics new values from now on.

use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::Deserialize;

use super::context::{Needs, Play, Remark, StepContext};
use crate::format::{Checks, Metric, Place, copies};
use crate::outcome::{Owner, Unmet};
use crate::request::unanswered;

/// The metrics; those of other names go on as they do.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct Metrics(#[serde(deserialize_with = "copies::metrics")] Vec<Metric>);

impl Play for Metrics {
    fn check(&self, place: &Place, checks: &mut Checks<'_>) {
        if self.0.is_empty() {
            checks.at(place, "expected a metric at least");
        }
        checks.metrics(&self.0, place);
    }

    fn describe(&self) -> String {
        let metrics = self.0.iter();
        let metrics = metrics.map(|metric| format!("{} = {}", metric.custom, metric.values));
        format!("metrics {}", metrics.collect::<Vec<_>>().join(", "))
    }

    fn needs(&self) -> Needs {
        Needs::FAKE_PROMETHEUS
    }

    fn metrics(&self) -> &[Metric] {
        &self.0
    }

    fn play<'a>(&'a self, context: &'a StepContext) -> BoxFuture<'a, Result<Remark, Unmet>> {
        Box::pin(async move {
            if let Some(application) = &context.expect.application {
                return application
                    .give(&self.0)
                    .await
                    .map(|said| Some(said.into()));
            }
            let replaced = context.feed()?.replace(&self.0).await;
            replaced.map_err(unanswered("give metrics new values", Owner::Harness))?;
            Ok(None)
        })
    }
}

//! An HPA's state.

mod conditions;
mod judge;
mod mark;
mod metric;
#[cfg(test)]
mod sync_tests;
#[cfg(test)]
mod tests;

use futures::future::BoxFuture;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::Api;
use schemars::JsonSchema;
use serde::Deserialize;

use self::conditions::unknown_condition;
use self::mark::{adapter_is_silent, mark};
use self::metric::MetricType;
pub(crate) use self::metric::{name_and_target, name_and_value};
use super::context::{Expect, ExpectContext};
use crate::format::{Amount, Checks, ConditionStatus, Place, Span, Tolerance, default_namespace};
use crate::outcome::{ClusterProblem, Kind, Unmet};
use crate::wait::Wait;

/// An HPA's state, as the HPA controller wrote it in a sync that began after the step before.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Hpa {
    /// Its name.
    pub name: String,
    /// Its namespace.
    #[serde(default = "default_namespace")]
    pub namespace: String,
    /// A condition's type.
    pub condition: Option<String>,
    /// The condition's status.
    pub status: Option<ConditionStatus>,
    /// The condition's reason.
    pub reason: Option<String>,
    /// What the condition's message must hold.
    pub message: Option<String>,
    /// The current average value, or value, of a metric.
    pub current: Option<Amount>,
    /// By which part of it the current value may differ, such as 0.1.
    #[serde(default)]
    pub tolerance: Tolerance,
    /// The name of the metric that `current` is of. An HPA with a single metric needs none.
    pub metric: Option<String>,
    /// The current values of several metrics.
    #[serde(default)]
    pub metrics: Vec<CurrentMetric>,
    /// Time until then.
    pub within: Option<Span>,
}

/// The current value of one of an HPA's metrics.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CurrentMetric {
    /// The metric's name, or that of the resource.
    pub name: String,
    /// Its type, where several have that name.
    #[serde(rename = "type")]
    pub type_: Option<MetricType>,
    /// The average value, or the value.
    pub current: Amount,
    /// By which part of it the current value may differ, such as 0.1.
    #[serde(default)]
    pub tolerance: Tolerance,
}

impl Expect for Hpa {
    fn check(&self, place: &Place, checks: &mut Checks<'_>) {
        checks.name(&self.name, place.key("name"));
        checks.namespace(&self.namespace, place.key("namespace"));
        checks.longer_than_zero(self.within, place.key("within"));
        if self.current.is_none() && self.condition.is_none() && self.metrics.is_empty() {
            checks.at(
                place,
                "expect a `condition` or a `current` value of the HPA",
            );
        }
        if self.metric.is_some() && self.current.is_none() {
            checks.at(
                place.key("metric"),
                "say by `current` which value the metric has",
            );
        }
        if let Some(problem) = self.condition.as_deref().and_then(unknown_condition) {
            checks.at(place.key("condition"), problem);
        }
        let of_condition = [
            ("status", self.status.is_some()),
            ("reason", self.reason.is_some()),
            ("message", self.message.is_some()),
        ];
        for (key, _) in of_condition.iter().filter(|(_, given)| *given) {
            if self.condition.is_none() {
                checks.at(
                    place.key(key),
                    format!("say by `condition` what the `{key}` is of"),
                );
            }
        }
    }

    fn describe(&self) -> String {
        let condition = self.condition.clone();
        let current = self.current.as_ref();
        let what = condition
            .or_else(|| current.map(|current| format!("current {current}")))
            .or_else(|| {
                self.metrics
                    .first()
                    .map(|metric| format!("current {}", metric.current))
            });
        format!("HPA {} {}", self.name, what.unwrap_or_default())
    }

    fn judge<'a>(&'a self, context: &'a ExpectContext) -> BoxFuture<'a, Result<(), Unmet>> {
        Box::pin(async move {
            let (client, timeouts) = (context.cluster.client(), &context.timeouts);
            let hpas: Api<HorizontalPodAutoscaler> =
                Api::namespaced(client.clone(), &self.namespace);
            let marked = mark(&hpas, &self.name, timeouts).await?;
            if let Some(hpa) = &marked {
                self.judge_names(hpa)?;
            }
            let wait = Wait::until(self.state(), context.within(self.within));
            let judge = |hpa: Option<HorizontalPodAutoscaler>| Ok(self.judge_object(hpa.as_ref())?);
            let judged = wait.on(hpas, &self.name, judge).await;
            match (judged, marked) {
                (Err(unmet), Some(hpa))
                    if unmet.kind() == Kind::NotJudged
                        && !adapter_is_silent(&client, &hpa, timeouts).await =>
                {
                    let name = self.name.clone();
                    Err(unmet.because_of(ClusterProblem::NotJudged { name }))
                }
                (judged, _) => judged,
            }
        })
    }
}

impl Hpa {
    /// One of any name that has a metric with this value.
    pub(super) fn that_measures(current: Amount) -> Self {
        Self {
            name: String::new(),
            namespace: default_namespace(),
            condition: Some("ScalingActive".to_owned()),
            status: Some(ConditionStatus::True),
            reason: Some("ValidMetricFound".to_owned()),
            message: None,
            current: Some(current),
            tolerance: Tolerance::default(),
            metric: None,
            metrics: Vec::new(),
            within: None,
        }
    }

    /// The state as a sentence.
    fn state(&self) -> String {
        let mut parts = vec![format!("HPA {}", self.name)];
        if let Some(condition) = &self.condition {
            let status = self.status;
            let status = status.map_or_else(String::new, |status| format!("={status}"));
            parts.push(format!("has {condition}{status}"));
        }
        let (reason, message) = (self.reason.iter(), self.message.iter());
        parts.extend(reason.map(|reason| format!("by {reason}")));
        parts.extend(message.map(|message| format!("saying `{message}`")));
        if let Some(current) = &self.current {
            let of = self.metric.as_ref();
            let of = of.map_or_else(String::new, |metric| format!(" of {metric}"));
            parts.push(format!("measures {current}{of}"));
        }
        let metrics = self.metrics.iter();
        parts.extend(
            metrics.map(|metric| format!("measures {} of {}", metric.current, metric.name)),
        );
        parts.join(" ")
    }
}

//! Whether an HPA is as expected. Pure.

use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;

use super::Hpa;
use super::mark::is_marked;
use super::metric::{MetricName, MetricType, current};
use crate::expect::condition::{Condition, ExpectedCondition, UnexpectedCondition};
use crate::format::{Amount, ConditionStatus, Tolerance};
use crate::outcome::{Finding, HarnessProblem, Kind};

/// An HPA is not as expected.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::expect) enum HpaFinding {
    #[error("there is no such HPA")]
    Absent,
    #[error("the HPA controller has not judged it since the step before")]
    NotJudged,
    #[error("it measures {}{}{}", .seen.as_deref().unwrap_or("nothing"), of(.metric), why(.inactive))]
    Value {
        /// The metric, where the scenario names it.
        metric: Option<String>,
        /// The current value; none where the HPA controller could not get the metric.
        seen: Option<String>,
        /// Why the HPA doesn't scale, where it says so.
        inactive: Option<Box<Condition>>,
    },
    #[error(transparent)]
    Condition(#[from] UnexpectedCondition),
}

fn of(metric: &Option<String>) -> String {
    let of = metric.as_ref();
    of.map_or_else(String::new, |metric| format!(" of {metric}"))
}

fn why(inactive: &Option<Box<Condition>>) -> String {
    let inactive = inactive.as_ref();
    inactive.map_or_else(String::new, |condition| format!("; it has {condition}"))
}

impl Finding for HpaFinding {
    fn kind(&self) -> Kind {
        match self {
            Self::Absent => Kind::NoSuchObject,
            Self::NotJudged => Kind::NotJudged,
            Self::Value { .. } => Kind::UnexpectedValue,
            Self::Condition(_) => Kind::UnexpectedCondition,
        }
    }
}

/// A metric whose current value is expected.
struct Expected<'a> {
    name: Option<&'a str>,
    type_: Option<MetricType>,
    current: &'a Amount,
    tolerance: Tolerance,
}

impl Hpa {
    /// Whether an HPA's status is as expected, and not one of before.
    pub(in crate::expect) fn judge_object(
        &self,
        hpa: Option<&HorizontalPodAutoscaler>,
    ) -> Result<(), HpaFinding> {
        let hpa = hpa.ok_or(HpaFinding::Absent)?;
        let conditions = conditions(hpa);
        let able = find(&conditions, "AbleToScale").ok_or(HpaFinding::NotJudged)?;
        if is_marked(able) {
            return Err(HpaFinding::NotJudged);
        }
        let looks_at_more = self.current.is_some()
            || !self.metrics.is_empty()
            || self.condition.as_deref() != Some("AbleToScale");
        if looks_at_more && ended_early(able) {
            return Err(able.clone().unexpected().into());
        }
        for expected in self.expected_metrics() {
            judge_metric(hpa, &expected, &conditions)?;
        }
        let Some(type_) = &self.condition else {
            return Ok(());
        };
        let expected = ExpectedCondition {
            status: self.status,
            reason: self.reason.as_deref(),
            message: self.message.as_deref(),
        };
        Ok(expected.judge(type_, conditions)?)
    }

    /// Whether the HPA has the metrics that are meant, each once.
    pub(super) fn judge_names(&self, hpa: &HorizontalPodAutoscaler) -> Result<(), HarnessProblem> {
        let specs = hpa.spec.metrics.as_deref();
        let specs = specs.unwrap_or_default().iter();
        let metrics: Vec<MetricName> = specs.filter_map(MetricName::of_spec).collect();
        for expected in self.expected_metrics() {
            let named = metrics.iter().filter(|metric| expected.is(metric)).count();
            let cure = match (expected.name, named) {
                (_, 1) => continue,
                (None, _) => "say by `metric` which of them `current` is of".to_owned(),
                (Some(name), 0) => format!("`{name}` is none of them"),
                (Some(name), _) => format!("say by `type` in `metrics` which `{name}` is meant"),
            };
            let names: Vec<String> = metrics.iter().map(ToString::to_string).collect();
            return Err(HarnessProblem::Scenario {
                problem: format!(
                    "HPA {} has the metrics [{}]; {cure}",
                    self.name,
                    names.join(", ")
                ),
            });
        }
        Ok(())
    }

    fn expected_metrics(&self) -> Vec<Expected<'_>> {
        let one = self.current.as_ref().map(|current| Expected {
            name: self.metric.as_deref(),
            type_: None,
            current,
            tolerance: self.tolerance,
        });
        let several = self.metrics.iter().map(|metric| Expected {
            name: Some(&metric.name),
            type_: metric.type_,
            current: &metric.current,
            tolerance: metric.tolerance,
        });
        one.into_iter().chain(several).collect()
    }
}

impl Expected<'_> {
    fn is(&self, metric: &MetricName) -> bool {
        self.name.is_none_or(|name| metric.is(name, self.type_))
    }
}

/// Whether the sync that wrote the condition ended before it got to the metrics: all else in the
/// status is of a sync before.
fn ended_early(able: &Condition) -> bool {
    able.is(ConditionStatus::False) && able.reason != "FailedUpdateScale"
}

fn judge_metric(
    hpa: &HorizontalPodAutoscaler,
    expected: &Expected<'_>,
    conditions: &[Condition],
) -> Result<(), HpaFinding> {
    let status = hpa.status.as_ref();
    let statuses = status.and_then(|status| status.current_metrics.as_deref());
    let mut found = statuses.unwrap_or_default().iter().filter_map(current);
    let seen = found.find(|(metric, _)| expected.is(metric));
    let seen = seen.map(|(_, quantity)| quantity);
    let near = |quantity: &String| expected.current.is_near(quantity, expected.tolerance);
    if seen.as_ref().is_some_and(near) {
        return Ok(());
    }
    let inactive = find(conditions, "ScalingActive");
    Err(HpaFinding::Value {
        metric: expected.name.map(str::to_owned),
        seen,
        inactive: inactive
            .filter(|active| active.is(ConditionStatus::False))
            .cloned()
            .map(Box::new),
    })
}

fn conditions(hpa: &HorizontalPodAutoscaler) -> Vec<Condition> {
    let status = hpa.status.as_ref();
    let conditions = status.and_then(|status| status.conditions.as_deref());
    let conditions = conditions.unwrap_or_default().iter();
    conditions.map(Condition::from).collect()
}

fn find<'a>(conditions: &'a [Condition], type_: &str) -> Option<&'a Condition> {
    conditions.iter().find(|found| found.type_ == type_)
}

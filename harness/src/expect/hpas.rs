//! All HPAs of a namespace: that each has measured a value.

use std::time::Duration;

use futures::future::BoxFuture;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::api::ListParams;
use kube::{Api, ResourceExt as _};
use schemars::JsonSchema;
use serde::Deserialize;

use super::context::{Expect, ExpectContext};
use super::hpa::Hpa;
use crate::format::{Amount, Checks, Place, Span, default_namespace};
use crate::outcome::{Finding, Kind, Unmet};
use crate::wait::Wait;

/// The pause before they are listed again.
const PAUSE: Duration = Duration::from_millis(250);
/// How many of those that are otherwise are told.
const TOLD: usize = 3;

/// The HPAs of a namespace: there are as many, and each has ScalingActive=True ValidMetricFound and measures the value. Unlike with `hpa`, a
/// status may be of a sync before; a value that changed shows that it isn't.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Hpas {
    /// Their namespace.
    #[serde(default = "default_namespace")]
    pub namespace: String,
    /// How many there are.
    pub count: usize,
    /// The current average value, or value, of the metric of each; each has one.
    pub current: Amount,
    /// Time until then.
    pub within: Option<Span>,
}

/// HPAs are not as expected.
#[derive(Debug, thiserror::Error)]
enum HpasFinding {
    #[error("there are {seen} HPAs instead of {expected}")]
    Number { expected: usize, seen: usize },
    #[error("{} of {of} HPAs are otherwise: {}", .otherwise.len(), told(.otherwise))]
    Otherwise { otherwise: Vec<String>, of: usize },
}

fn told(otherwise: &[String]) -> String {
    let more = if otherwise.len() > TOLD { "; …" } else { "" };
    let told = &otherwise[..otherwise.len().min(TOLD)];
    format!("{}{more}", told.join("; "))
}

impl Finding for HpasFinding {
    fn kind(&self) -> Kind {
        match self {
            Self::Number { .. } => Kind::NoSuchObject,
            Self::Otherwise { .. } => Kind::UnexpectedValue,
        }
    }
}

impl Expect for Hpas {
    fn check(&self, place: &Place, checks: &mut Checks<'_>) {
        checks.namespace(&self.namespace, place.key("namespace"));
        checks.longer_than_zero(self.within, place.key("within"));
        if self.count == 0 {
            checks.at(place.key("count"), "expect an HPA at least");
        }
    }

    fn describe(&self) -> String {
        format!("{} HPAs current {}", self.count, self.current)
    }

    fn judge<'a>(&'a self, context: &'a ExpectContext) -> BoxFuture<'a, Result<(), Unmet>> {
        Box::pin(async move {
            let client = context.cluster.client();
            let hpas: Api<HorizontalPodAutoscaler> = Api::namespaced(client, &self.namespace);
            let what = format!("{} HPAs measure {}", self.count, self.current);
            let all = ListParams::default();
            let ask = || async {
                let listed = context.timeouts.call("list HPAs", hpas.list(&all)).await?;
                Ok::<(), Unmet>(self.judge_all(&listed.items)?)
            };
            Wait::until(what, context.within(self.within))
                .asking(PAUSE, ask)
                .await
        })
    }
}

impl Hpas {
    fn judge_all(&self, hpas: &[HorizontalPodAutoscaler]) -> Result<(), HpasFinding> {
        if hpas.len() != self.count {
            return Err(HpasFinding::Number {
                expected: self.count,
                seen: hpas.len(),
            });
        }
        let one = Hpa::that_measures(self.current.clone());
        let otherwise: Vec<String> = hpas
            .iter()
            .filter_map(|hpa| {
                let finding = one.judge_object(Some(hpa)).err()?;
                Some(format!("{}: {finding}", hpa.name_any()))
            })
            .collect();
        if otherwise.is_empty() {
            return Ok(());
        }
        let of = self.count;
        Err(HpasFinding::Otherwise { otherwise, of })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn hpa(name: usize, current: &str, active: &str) -> HorizontalPodAutoscaler {
        let condition = |type_: &str, status: &str, reason: &str| json!({"type": type_, "status": status, "reason": reason});
        let metric: Value = json!({"type": "Object", "object": {"metric": {"name": "q"}, "describedObject": {"kind": "Service", "name": "web"},
            "current": {"averageValue": current}}});
        serde_json::from_value(json!({
            "metadata": {"name": format!("web-{name}")},
            "spec": {"maxReplicas": 2, "scaleTargetRef": {"kind": "Deployment", "name": "web"}},
            "status": {"desiredReplicas": 1, "currentMetrics": [metric], "conditions": [
                condition("AbleToScale", "True", "ReadyForNewScale"), condition("ScalingActive", active, "ValidMetricFound"),
            ]},
        }))
        .unwrap()
    }

    #[test]
    fn each_hpa_measures_the_value_and_a_few_that_do_not_are_told() {
        let expected: Hpas = serde_json::from_value(json!({"count": 5, "current": "7"})).unwrap();
        let judge = |hpas: Vec<_>| expected.judge_all(&hpas).map_err(|told| told.to_string());
        let all = |current: &str, active: &str| (1..=5).map(|n| hpa(n, current, active)).collect();
        assert_eq!(judge(all("7", "True")), Ok(()));
        assert_eq!(
            judge(vec![hpa(1, "7", "True")]),
            Err("there are 1 HPAs instead of 5".to_owned())
        );
        let told = judge(all("8", "True")).unwrap_err();
        assert_eq!(
            told,
            "5 of 5 HPAs are otherwise: web-1: it measures 8; web-2: it measures 8; web-3: it measures 8; …"
        );
        assert!(judge(all("7", "False")).is_err());
    }
}

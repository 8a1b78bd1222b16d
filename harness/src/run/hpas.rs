//! What an HPA's object says of its metrics, for curves. Pure.

use k8s_openapi::api::autoscaling::v2::{
    HorizontalPodAutoscaler, MetricSpec, MetricStatus, MetricValueStatus,
};
use kube::ResourceExt as _;

use crate::expect::{name_and_target, name_and_value};
use crate::quantity::milli;
use crate::report::{HpaChange, HpaMetric};

/// An HPA as it is at some time.
pub(super) fn change_of(hpa: &HorizontalPodAutoscaler, seconds: f64) -> HpaChange {
    let namespace = hpa.namespace().unwrap_or_default();
    let status = hpa.status.as_ref();
    let statuses = status.and_then(|status| status.current_metrics.as_deref());
    let statuses = statuses.unwrap_or_default();
    let specs = hpa.spec.metrics.as_deref().unwrap_or_default();
    HpaChange {
        seconds,
        hpa: format!("{namespace}/{}", hpa.name_any()),
        scales: format!("{namespace}/{}", hpa.spec.scale_target_ref.name),
        least: hpa.spec.min_replicas.unwrap_or(1),
        most: hpa.spec.max_replicas,
        metrics: specs
            .iter()
            .filter_map(|spec| metric(spec, statuses))
            .collect(),
    }
}

/// A metric's type and name, its target, and what was measured of it.
fn metric(spec: &MetricSpec, statuses: &[MetricStatus]) -> Option<HpaMetric> {
    let (name, target) = name_and_target(spec)?;
    let mut found = statuses.iter().filter_map(name_and_value);
    let current = found
        .find(|(of, _)| *of == name)
        .map(|(_, current)| current);
    let quantities = [&target.value, &target.average_value];
    let target_value = quantities
        .into_iter()
        .flatten()
        .find_map(|quantity| number(&quantity.0));
    let part = target.average_utilization.map(f64::from);
    Some(HpaMetric {
        name: format!("{} {name}", name.type_),
        current: current
            .and_then(|current| measured(current, part.is_some(), target.value.is_some())),
        target: part.or(target_value),
    })
}

/// What was measured, in the unit of the target.
fn measured(current: &MetricValueStatus, is_part: bool, is_value: bool) -> Option<f64> {
    if is_part {
        return current.average_utilization.map(f64::from);
    }
    let first = if is_value {
        &current.value
    } else {
        &current.average_value
    };
    let quantity = first
        .as_ref()
        .or(current.average_value.as_ref())
        .or(current.value.as_ref())?;
    number(&quantity.0)
}

fn number(quantity: &str) -> Option<f64> {
    milli(quantity).map(|milli| milli as f64 / 1_000.0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_metric_is_measured_in_the_unit_of_its_target() {
        let hpa = json!({
            "metadata": {"name": "web", "namespace": "default"},
            "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "web"}, "maxReplicas": 8, "metrics": [
                {"type": "Pods", "pods": {"metric": {"name": "queue"}, "target": {"type": "AverageValue", "averageValue": "1500m"}}},
                {"type": "Object", "object": {"describedObject": {"kind": "Service", "name": "web"}, "metric": {"name": "rps"},
                    "target": {"type": "Value", "value": "2k"}}},
                {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}}},
            ]},
            "status": {"desiredReplicas": 1, "currentMetrics": [
                {"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 45, "averageValue": "90m"}}},
                {"type": "Object", "object": {"describedObject": {"kind": "Service", "name": "web"}, "metric": {"name": "rps"},
                    "current": {"value": "500", "averageValue": "250"}}},
            ]},
        });
        let change = change_of(&serde_json::from_value(hpa).unwrap(), 2.5);
        assert_eq!(
            (change.least, change.most, change.scales.as_str()),
            (1, 8, "default/web")
        );
        let told: Vec<_> = change
            .metrics
            .iter()
            .map(|metric| (metric.name.as_str(), metric.current, metric.target))
            .collect();
        assert_eq!(
            told,
            [
                ("Pods queue", None, Some(1.5)),
                ("Object rps", Some(500.0), Some(2_000.0)),
                ("Resource cpu", Some(45.0), Some(60.0)),
            ]
        );
    }
}

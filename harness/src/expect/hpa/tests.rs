use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use serde_json::{Value, json};

use super::Hpa;
use super::judge::HpaFinding;
use crate::outcome::{Finding, Kind};

fn expected(keys: Value) -> Hpa {
    let mut keys = keys;
    keys["name"] = json!("web");
    serde_json::from_value(keys).unwrap()
}

fn condition(type_: &str, status: &str, reason: &str) -> Value {
    json!({"type": type_, "status": status, "reason": reason, "message": format!("{reason} it is")})
}

fn able() -> Value {
    condition("AbleToScale", "True", "ReadyForNewScale")
}

fn pods(name: &str) -> Value {
    json!({"type": "Pods", "pods": {"metric": {"name": name}, "target": {"type": "AverageValue"}}})
}

fn current_pods(name: &str, average: &str) -> Value {
    json!({"type": "Pods", "pods": {"metric": {"name": name}, "current": {"averageValue": average}}})
}

fn hpa(metrics: &[Value], conditions: &[Value], current: &[Value]) -> HorizontalPodAutoscaler {
    let hpa = json!({
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"maxReplicas": 8, "scaleTargetRef": {"kind": "Deployment", "name": "web"}, "metrics": metrics},
        "status": {"desiredReplicas": 1, "conditions": conditions, "currentMetrics": current},
    });
    serde_json::from_value(hpa).unwrap()
}

fn judged(keys: Value, conditions: &[Value], current: &[Value]) -> Result<(), HpaFinding> {
    let hpa = hpa(&[pods("queue")], conditions, current);
    expected(keys).judge_object(Some(&hpa))
}

#[test]
fn a_current_value_must_be_near_the_expected_one() {
    let current = [current_pods("queue", "10900m")];
    let judged = |keys| judged(keys, &[able()], &current);
    assert_eq!(judged(json!({"current": "10900m"})), Ok(()));
    assert_eq!(judged(json!({"current": "10", "tolerance": 0.1})), Ok(()));
    let finding = judged(json!({"current": "10"})).unwrap_err();
    assert_eq!(finding.to_string(), "it measures 10900m");
    assert_eq!(finding.kind(), Kind::UnexpectedValue);
}

#[test]
fn a_status_of_before_the_mark_is_not_judged_however_well_it_fits() {
    let current = [current_pods("queue", "10")];
    let marked = condition("AbleToScale", "Unknown", "SetpointWaitsForSync");
    for conditions in [vec![marked], vec![]] {
        let finding = judged(json!({"current": "10"}), &conditions, &current);
        assert_eq!(finding, Err(HpaFinding::NotJudged));
    }
}

#[test]
fn a_sync_that_did_not_get_to_the_metrics_says_nothing_of_them() {
    let current = [current_pods("queue", "10")];
    let active = condition("ScalingActive", "True", "ValidMetricFound");
    let without_target = [condition("AbleToScale", "False", "FailedGetScale"), active];
    for stale in [
        json!({"current": "10"}),
        json!({"condition": "ScalingActive", "status": "True"}),
        json!({"condition": "AbleToScale", "status": "False", "current": "10"}),
    ] {
        let finding = judged(stale.clone(), &without_target, &current).unwrap_err();
        assert_eq!(finding.kind(), Kind::UnexpectedCondition, "{stale}");
        assert_eq!(
            finding.to_string(),
            "it has AbleToScale=False by FailedGetScale: FailedGetScale it is"
        );
    }
    let able = json!({"condition": "AbleToScale", "status": "False", "reason": "FailedGetScale"});
    assert_eq!(judged(able, &without_target, &current), Ok(()));
    // This one has measured, and could not write the new scale.
    let unwritten = [condition("AbleToScale", "False", "FailedUpdateScale")];
    let measured = judged(json!({"current": "10"}), &unwritten, &current);
    assert_eq!(measured, Ok(()));
}

#[test]
fn a_metric_that_could_not_be_measured_says_why() {
    let inactive = condition("ScalingActive", "False", "FailedGetPodsMetric");
    let finding = judged(
        json!({"current": "10"}),
        &[able(), inactive],
        &[json!({"type": ""})],
    );
    assert_eq!(
        finding.unwrap_err().to_string(),
        "it measures nothing; it has ScalingActive=False by FailedGetPodsMetric: FailedGetPodsMetric it is"
    );
}

#[test]
fn conditions_are_judged_by_all_their_parts() {
    let active = condition("ScalingActive", "True", "ValidMetricFound");
    let judged = |keys| judged(keys, &[able(), active.clone()], &[]);
    let all = json!({"condition": "ScalingActive", "status": "True", "reason": "ValidMetricFound", "message": "it is"});
    assert_eq!(judged(all), Ok(()));
    let other = json!({"condition": "ScalingActive", "status": "False"});
    assert_eq!(
        judged(other).unwrap_err().to_string(),
        "it has ScalingActive=True by ValidMetricFound: ValidMetricFound it is"
    );
    assert!(judged(json!({"condition": "ScalingLimited"})).is_err());
    let absent = expected(json!({"current": "1"})).judge_object(None);
    assert_eq!(absent.unwrap_err().kind(), Kind::NoSuchObject);
}

/// An HPA with a metric of each type, of which the first can't be measured.
fn with_all_types() -> HorizontalPodAutoscaler {
    let of = |type_: &str, key: &str, source: Value| json!({"type": type_, key: source});
    let target = json!({"type": "Value"});
    let specs = [
        pods("broken"),
        of(
            "Object",
            "object",
            json!({"metric": {"name": "hits"}, "describedObject": {"kind": "Service", "name": "web"}, "target": target}),
        ),
        of(
            "External",
            "external",
            json!({"metric": {"name": "jobs"}, "target": target}),
        ),
        of(
            "Resource",
            "resource",
            json!({"name": "cpu", "target": target}),
        ),
        of(
            "ContainerResource",
            "containerResource",
            json!({"name": "cpu", "container": "web", "target": target}),
        ),
    ];
    let current = [
        json!({"type": ""}),
        of(
            "Object",
            "object",
            json!({"metric": {"name": "hits"}, "describedObject": {"kind": "Service", "name": "web"}, "current": {"value": "7"}}),
        ),
        of(
            "External",
            "external",
            json!({"metric": {"name": "jobs"}, "current": {"value": "90", "averageValue": "30"}}),
        ),
        of(
            "Resource",
            "resource",
            json!({"name": "cpu", "current": {"averageUtilization": 50, "averageValue": "250m"}}),
        ),
        of(
            "ContainerResource",
            "containerResource",
            json!({"name": "cpu", "container": "web", "current": {"averageValue": "200m"}}),
        ),
    ];
    hpa(&specs, &[able()], &current)
}

#[test]
fn each_of_several_metrics_is_looked_at_by_its_name_and_type() {
    let hpa = with_all_types();
    let judged = |keys| expected(keys).judge_object(Some(&hpa));
    let all = json!({"metrics": [
        {"name": "hits", "current": "7"},
        {"name": "jobs", "current": "30"},
        {"name": "cpu", "type": "Resource", "current": "250m"},
        {"name": "cpu", "type": "ContainerResource", "current": "200m"},
    ]});
    assert_eq!(judged(all), Ok(()));
    assert_eq!(judged(json!({"metric": "jobs", "current": "30"})), Ok(()));
    let other = judged(json!({"metric": "jobs", "current": "90"})).unwrap_err();
    assert_eq!(other.to_string(), "it measures 30 of jobs");
    let broken = judged(json!({"metric": "broken", "current": "7"})).unwrap_err();
    assert_eq!(broken.to_string(), "it measures nothing of broken");
}

#[test]
fn which_metric_is_meant_must_be_clear() {
    let named = |keys| {
        let named = expected(keys).judge_names(&with_all_types());
        named.err().map(|problem| problem.to_string())
    };
    let of = "HPA web has the metrics [broken, hits, jobs, cpu, cpu]";
    for (keys, cure) in [
        (
            json!({"current": "7"}),
            "say by `metric` which of them `current` is of",
        ),
        (
            json!({"metric": "other", "current": "7"}),
            "`other` is none of them",
        ),
        (
            json!({"metric": "cpu", "current": "7"}),
            "say by `type` in `metrics` which `cpu` is meant",
        ),
    ] {
        assert_eq!(named(keys), Some(format!("{of}; {cure}")));
    }
    let typed = json!({"metrics": [{"name": "cpu", "type": "Resource", "current": "1"}]});
    assert_eq!(named(typed), None);
    assert_eq!(named(json!({"condition": "ScalingActive"})), None);
    let single = hpa(&[pods("queue")], &[], &[]);
    assert!(
        expected(json!({"current": "7"}))
            .judge_names(&single)
            .is_ok()
    );
}

//! An HPA's status that fits what a step expects, and is of before that step, fails the scenario.

use serde_json::{Value, json};
use setpoint_test_support::{Trial, trials};

use super::run::{Ended, Run};

/// Plays steps after an HPA has measured 10.
fn played(steps: &[Value]) -> Ended {
    let container = json!({"name": "web", "image": "example.org/web:v1"});
    let labels = json!({"app": "web"});
    let target = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"});
    let pods = json!({"metric": {"name": "queue_length"}, "target": {"type": "AverageValue", "averageValue": "10"}});
    let object = |api_version: &str, kind: &str, spec: Value| json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "web", "namespace": "default"}, "spec": spec});
    let deployment = json!({"selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}}});
    let hpa = json!({"scaleTargetRef": target, "maxReplicas": 8, "metrics": [{"type": "Pods", "pods": pods}]});
    let measured = json!({"expect": {"hpa": {"name": "web", "current": "10"}}});
    let steps = [&[measured], steps].concat();
    let scenario = json!({
        "apiVersion": "setpoint.dev/v1alpha1",
        "scenario": "a status of before fits",
        "cluster": {"hpaSyncPeriod": "3s"},
        "metrics": [metric("10")],
        "manifests": [object("apps/v1", "Deployment", deployment), object("autoscaling/v2", "HorizontalPodAutoscaler", hpa)],
        "steps": steps,
    });
    Run::on_slow_machine("2", &scenario.to_string()).end()
}

/// An expectation that the HPA measures a value. On the slow machine it has twenty seconds.
fn measures(value: &str) -> Value {
    json!({"expect": {"hpa": {"name": "web", "current": value, "within": "10s"}}})
}

fn metric(value: &str) -> Value {
    json!({"custom": "queue_length", "on": {"pods": {"app": "web"}}, "values": value})
}

fn assert_failed(ended: &Ended, kind: &str, cause: &str) {
    ended.assert_failed(kind, cause);
    ended.assert_failed(kind, "not within 20s");
}

fn what_was_measured_before_the_target_was_deleted_fails() {
    let target = json!({"apiVersion": "apps/v1", "kind": "Deployment", "namespace": "default", "name": "web"});
    let ended = played(&[json!({"delete": target}), measures("10")]);
    assert_failed(
        &ended,
        "unexpected-condition",
        "AbleToScale=False by FailedGetScale",
    );
}

fn what_was_measured_before_a_fault_fails() {
    let fault = json!({"fault": {"prometheus": {"answer": 503}}});
    let ended = played(&[fault, measures("10")]);
    assert_failed(
        &ended,
        "unexpected-value",
        "it measures nothing; it has ScalingActive=False",
    );
}

/// A sync that takes five seconds is under way when the values change. After the sync that ends the expectation before, one begins at once and the next
/// five seconds later, or one three seconds later, as the controller's resync falls. Whichever is under way six and a half seconds later has measured
/// another value than is in the status, so it writes one; it differs by too little to scale.
fn what_a_sync_that_was_under_way_has_measured_fails() {
    let passes = |time: &str| json!({"expect": {"apiservice": {"name": "v1beta2.custom.metrics.k8s.io", "available": "True", "for": time}}});
    let ended = played(&[
        json!({"fault": {"prometheus": {"paths": ["/api/v1/query"], "delay": "5s"}}}),
        measures("10"),
        json!({"metrics": [metric("10.5")]}),
        passes("2s"),
        json!({"metrics": [metric("10.7")]}),
        passes("4500ms"),
        json!({"metrics": [metric("20")]}),
        measures("10700m"),
    ]);
    assert_failed(&ended, "unexpected-value", "it measures 20");
    // The HPA controller could not write what it had measured before.
    let timeline = ended.outcome["timeline"].to_string();
    assert!(timeline.contains("FailedUpdateStatus"), "{timeline}");
}

pub(crate) fn trials() -> Vec<Trial> {
    trials![
        what_was_measured_before_the_target_was_deleted_fails,
        what_was_measured_before_a_fault_fails,
        what_a_sync_that_was_under_way_has_measured_fails,
    ]
}

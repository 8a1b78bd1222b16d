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

/// The values rise all the time by too little to scale, so each sync writes a status. The next one begins within the three seconds of the controller's
/// period after the one that ends an expectation, and takes six: it is under way four and a half seconds after that end, however the controller's resync falls.
fn what_a_sync_that_was_under_way_has_measured_fails() {
    let about_ten = json!({"expect": {"hpa": {"name": "web", "current": "10.3", "tolerance": 0.04, "within": "10s"}}});
    let passes = json!({"expect": {"apiservice": {"name": "v1beta2.custom.metrics.k8s.io", "available": "True", "for": "4500ms"}}});
    let ended = played(&[
        json!({"metrics": [metric("10+0.01x600")]}),
        json!({"fault": {"prometheus": {"paths": ["/api/v1/query"], "delay": "6s"}}}),
        about_ten.clone(),
        passes,
        json!({"metrics": [metric("20")]}),
        about_ten,
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

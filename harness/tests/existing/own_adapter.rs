//! With an adapter of the run's own: whatever ends the run, nothing is left.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use setpoint::install::apply;
use setpoint::profile::Profile;
use setpoint::report::Outcome;
use setpoint::run::{Backend, Progress, RunOptions, run};
use setpoint_cluster::Cluster as _;
use setpoint_cluster::existing::ExistingProvider;
use setpoint_test_support::{Trial, trials};

use crate::owned::{self, Owned, scenario};

/// Four pods of 10 each are wanted where one has 40.
const SCALES: &str = "  - expect: {replicas: {of: deployment/web, equals: 4}}\n";
/// What never comes.
const WAITS: &str = "  - expect: {replicas: {of: deployment/web, equals: 3, within: 100s}}\n";

async fn whatever_ends_a_run_the_cluster_is_as_it_was_before() {
    let owned = Owned::start().await;
    let before = owned.resources().await;

    let printed = owned.setpoint(&scenario(SCALES), &[]).ends_with(2);
    let (cluster_wide, namespaced) = printed.split_once("in namespace").unwrap();
    for expected in [
        "APIService v1beta1.custom.metrics.k8s.io",
        "ClusterRoleBinding setpoint-<run>-setpoint-adapter:system:auth-delegator",
        "Namespace setpoint-<run>-default",
    ] {
        assert!(cluster_wide.contains(expected), "{printed}");
    }
    assert!(namespaced.contains("Deployment web"), "{printed}");
    assert!(printed.contains("name: setpoint-own-adapter"), "{printed}");
    owned
        .is_as(&before, "it was printed what would be done")
        .await;

    // A request without `as` is the user's of the kubeconfig: nobody issues certificates here.
    let asks = format!(
        "{SCALES}  - request: {{path: /apis/custom.metrics.k8s.io/v1beta1, expect: {{status: 200}}}}\n"
    );
    let report = owned.setpoint(&scenario(&asks), &["--yes"]).ends_with(0);
    assert!(report.contains(r#""backend": "existing""#), "{report}");
    owned::names_the_image_that_ran(&report);
    owned.is_as(&before, "a pass").await;

    let fails = "  - expect: {replicas: {of: deployment/web, equals: 3, within: 1s}}\n";
    let report = owned.setpoint(&scenario(fails), &["--yes"]).ends_with(1);
    // Evidence is of the run alone.
    assert!(!report.contains("default/of-others"), "{report}");
    owned.is_as(&before, "a failure").await;

    let start = || owned.setpoint(&scenario(WAITS), &["--yes"]);
    owned
        .survives_interruption(&before, "step 2 of 2", start)
        .await;
    owned.stop().await;
}

/// The cause of the only scenario's verdict, in a report.
fn cause(report: &str) -> String {
    let report: Value = serde_json::from_str(report).unwrap();
    let verdict = &report["scenarios"][0]["verdict"];
    assert_eq!(verdict["verdict"], "inconclusive", "{report:#}");
    verdict["cause"].as_str().unwrap().to_owned()
}

async fn pods_that_a_policy_refuses_are_told_in_its_words_and_not_waited_for() {
    let owned = Owned::start().await;
    let policy = json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy", "metadata": {"name": "few"},
        "spec": {"matchConstraints": {"resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}]},
            "validations": [{"expression": "!('setpoint.dev/run' in object.metadata.labels)", "message": "no pods of strangers"}]}});
    let binding = json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": "few"}, "spec": {"policyName": "few", "validationActions": ["Deny"]}});
    apply(&owned.cluster.client(), &[policy, binding])
        .await
        .unwrap();
    let before = owned.resources().await;
    let began = Instant::now();
    let report = owned.setpoint(&scenario(SCALES), &["--yes"]).ends_with(3);
    let took = began.elapsed();
    let cause = cause(&report);
    for expected in [
        "the pods of Deployment ",
        " are refused: ",
        "no pods of strangers",
    ] {
        assert!(cause.contains(expected), "{cause}");
    }
    // Pods that are merely slow are waited for as long.
    assert!(took < Duration::from_secs(100), "{took:?}");
    owned.is_as(&before, "pods were refused").await;
    owned.stop().await;
}

async fn what_cannot_be_removed_is_named_in_the_report_and_the_run_is_no_success() {
    let owned = Owned::start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kept.yaml");
    let kept = "manifests:\n  - {apiVersion: v1, kind: ConfigMap, metadata: {name: kept, namespace: default, finalizers: [example.org/never]}}\n";
    std::fs::write(&file, scenario(SCALES).replace("manifests:\n", kept)).unwrap();
    let scenarios = setpoint::scenario::load(&[file]).unwrap();
    let mut options = owned.options();
    // Pods have half a minute to end.
    options.ended_within = Duration::from_secs(45);
    let backend = Backend::existing(ExistingProvider::new(options));
    let profile = Profile::named("binary").unwrap();
    let options = RunOptions::new(backend, owned.programs.clone(), profile);
    let report = run(scenarios, options, Arc::new(Quiet)).await;
    assert_eq!(
        report.counts().passed,
        1,
        "{:?}",
        report.scenarios[0].verdict
    );
    let left = report.scenarios[0].left.clone().unwrap();
    assert!(left.contains("Namespace setpoint-"), "{left}");
    assert!(
        left.contains("-default (") && left.contains("example.org/never"),
        "{left}"
    );
    // What could be removed is.
    assert!(
        !left.contains("APIService") && !left.contains("-setpoint ("),
        "{left}"
    );
    assert_eq!(report.exit_code(), 3);
    owned.stop().await;
}

/// Libtest says what passed.
struct Quiet;

impl Progress for Quiet {
    fn at(&self, _scenario: &str, _doing: &str) {}

    fn ended(&self, _outcome: &Outcome) {}
}

pub(crate) fn trials() -> Vec<Trial> {
    trials![async
        whatever_ends_a_run_the_cluster_is_as_it_was_before,
        pods_that_a_policy_refuses_are_told_in_its_words_and_not_waited_for,
        what_cannot_be_removed_is_named_in_the_report_and_the_run_is_no_success,
    ]
}

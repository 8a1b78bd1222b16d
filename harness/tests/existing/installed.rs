//! With the adapter and the Prometheus that the cluster's owner has installed: nothing cluster-wide is made, and the sample application
//! is scraped as every other application is.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use setpoint::programs::Programs;
use setpoint::timeouts::Timeouts;
use setpoint_cluster::existing;
use setpoint_test_support::{Trial, trials};

use crate::owned::{self, Owned};
use crate::theirs;

/// The area that is evidence of `pod_autoscaling`.
fn pod_autoscaling() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/pod-autoscaling")
}

fn role() -> Value {
    serde_saphyr::from_str(existing::rights(true)).unwrap()
}

/// The verdicts of a report, each with the cause or the reason.
fn verdicts(report: &str) -> Vec<(String, String)> {
    let report: Value = serde_json::from_str(report).unwrap();
    let scenarios = report["scenarios"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let told = |scenario: &Value| {
        let verdict = &scenario["verdict"];
        let why = verdict["cause"].as_str().map(str::to_owned);
        let why = why.unwrap_or_else(|| verdict["reason"].to_string());
        (text(&verdict["verdict"]), why)
    };
    scenarios.map(told).collect()
}

fn has_passed_what_fits(report: &str) {
    let verdicts: Vec<String> = verdicts(report).into_iter().map(|(name, _)| name).collect();
    let expected = ["skipped", "skipped", "skipped", "passed", "passed"];
    assert_eq!(verdicts, expected, "{report}");
}

/// An adapter and a Prometheus of others, and who may use the cluster with the documented rights.
async fn with_our_adapter() -> Owned {
    let mut owned = Owned::start().await;
    theirs::install_ours(&owned).await;
    owned.used_with(&role()).await;
    owned
}

async fn an_adapter_that_is_there_is_judged_with_the_documented_rights_and_nothing_is_left() {
    let owned = with_our_adapter().await;
    let before = owned.resources().await;

    let arguments = ["--adapter=installed"];
    let printed = owned.run(&pod_autoscaling(), &arguments).ends_with(2);
    let (cluster_wide, _) = printed.split_once("in namespace").unwrap();
    assert!(!cluster_wide.contains("APIService"), "{printed}");
    assert!(!cluster_wide.contains("ClusterRole"), "{printed}");
    assert!(
        printed.contains("name: setpoint-installed-adapter"),
        "{printed}"
    );
    owned
        .is_as(&before, "it was printed what would be done")
        .await;

    let arguments = ["--adapter=installed", "--yes"];
    let report = owned.run(&pod_autoscaling(), &arguments).ends_with(0);
    has_passed_what_fits(&report);
    owned::names_the_image_that_ran(&report);
    owned.is_as(&before, "a pass").await;

    // By its counter, and a rule of its owner's that makes a rate of that.
    let scenario = pod_autoscaling().join("pods-metric.yaml");
    let arguments = ["--adapter=installed", "--metric=http_requests", "--yes"];
    owned.run(&scenario, &arguments).ends_with(0);
    owned.is_as(&before, "a pass by another metric").await;

    let arguments = ["--adapter=installed", "--yes"];
    let start = || owned.run(&scenario, &arguments);
    owned
        .survives_interruption(&before, "step 2 of ", start)
        .await;
    owned.stop().await;
}

async fn a_metric_that_never_arrives_is_inconclusive_and_each_hop_is_told() {
    let owned = with_our_adapter().await;
    let before = owned.resources().await;
    let scenario = pod_autoscaling().join("pods-metric.yaml");
    let arguments = [
        "--adapter=installed",
        "--feed=none",
        "--arrives-within=3s",
        "--prometheus=setpoint/prometheus",
        "--yes",
    ];
    let report = owned.run(&scenario, &arguments).ends_with(3);
    let (verdict, cause) = verdicts(&report).remove(0);
    assert_eq!(verdict, "inconclusive", "{report}");
    for expected in [
        "queue_length did not arrive at the adapter as 10 within 3s: the application: web-",
        "shows `http_requests_total ",
        "`queue_length 10` at /metrics",
        // One may not ask it with these rights.
        "services \"prometheus:9090\" is forbidden",
        "discovery: pods/queue_length is not served",
        "value: ",
        "the HPA: web ScalingActive=False FailedGetPodsMetric",
        "--feed says how",
    ] {
        assert!(cause.contains(expected), "`{expected}` in {cause}");
    }
    owned.is_as(&before, "a metric that never arrived").await;
    owned.stop().await;
}

async fn with_one_right_less_the_error_names_verb_and_resource() {
    let mut owned = Owned::start().await;
    theirs::install_ours(&owned).await;
    let scenario = pod_autoscaling().join("pods-metric.yaml");
    let mut less = role();
    less["metadata"]["name"] = json!("less");
    for rule in less["rules"].as_array_mut().unwrap() {
        if rule["resources"] == json!(["pods/portforward"]) {
            rule["verbs"] = json!(["get"]);
        }
    }
    owned.used_with(&role()).await;
    owned.used_with(&less).await;
    let before = owned.resources().await;
    let run = owned.run(&scenario, &["--adapter=installed", "--yes"]);
    let log = run.fails_with(3);
    let expected = "may not create pods/portforward; bind ClusterRole `setpoint-installed-adapter`";
    assert!(log.contains(expected), "{log}");
    // A PodMonitor takes rights besides.
    owned.used_with(&role()).await;
    let run = owned.run(
        &scenario,
        &["--adapter=installed", "--feed=podmonitor:a=b", "--yes"],
    );
    let log = run.fails_with(3);
    let expected = "may not create podmonitors.monitoring.coreos.com";
    assert!(log.contains(expected), "{log}");
    assert!(log.contains("ClusterRole `setpoint-pod-monitors`"), "{log}");
    owned.is_as(&before, "rights were missing").await;
    owned.stop().await;
}

/// Where `ci/peers/installed` names its program and the folder of its own manifests.
async fn the_go_adapter_that_was_installed_by_its_own_manifests_is_judged_too() {
    let named = |variable: &str| std::env::var_os(variable).map(PathBuf::from);
    let (Some(program), Some(manifests)) = (named(theirs::PROGRAM), named(theirs::MANIFESTS))
    else {
        panic!("{} and {} are not set", theirs::PROGRAM, theirs::MANIFESTS);
    };
    let programs = Programs::find(Some(program), &Timeouts::default())
        .await
        .unwrap();
    let mut owned = Owned::of(programs).await;
    theirs::install_go_adapter(&owned, &manifests).await;
    owned.used_with(&role()).await;
    let before = owned.resources().await;
    let arguments = ["--adapter=installed", "--yes"];
    let report = owned.run(&pod_autoscaling(), &arguments).ends_with(0);
    has_passed_what_fits(&report);
    assert!(report.contains("prometheus-adapter:v0.12.0"), "{report}");
    owned.is_as(&before, "a pass").await;
    owned.stop().await;
}

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = trials![async
        an_adapter_that_is_there_is_judged_with_the_documented_rights_and_nothing_is_left,
        a_metric_that_never_arrives_is_inconclusive_and_each_hop_is_told,
        with_one_right_less_the_error_names_verb_and_resource,
    ];
    let of_go = trials![async the_go_adapter_that_was_installed_by_its_own_manifests_is_judged_too];
    let is_named = std::env::var_os(theirs::PROGRAM).is_some();
    trials.extend(of_go.into_iter().map(|trial| {
        if is_named {
            return trial;
        }
        let trial = trial.with_kind("run by ci/peers/installed");
        trial.with_ignored_flag(true)
    }));
    trials
}

//! What a run says, and what it leaves, when it must not pass: the API server or the fake Prometheus ends or hangs, the
//! user presses Ctrl-C, the adapter ends or never serves, or an HPA's status fits only because it is of before.
//!
//! Ignored with a reason where the control plane's programs are missing, unless `SETPOINT_REQUIRE=local`.

#![expect(
    clippy::unwrap_used,
    reason = "a test's own steps fail by panicking, in its helpers too"
)]

mod processes;
mod run;
mod stale_status;

use std::path::Path;

use setpoint_cluster::provision;
use setpoint_test_support::trials;

use processes::signal;
use run::{Ended, Run};

/// A scenario whose second step waits for what never comes.
fn waits_for_ever(within: &str) -> String {
    format!(
        r#"
apiVersion: setpoint.dev/v1alpha1
scenario: an APIService is unavailable for no reason
steps:
  - expect: {{apiservice: {{name: v1beta1.custom.metrics.k8s.io, available: "True"}}}}
  - expect: {{apiservice: {{name: v1beta1.custom.metrics.k8s.io, available: "False", reason: None, within: {within}}}}}
"#
    )
}

const PASSES: &str = r#"
apiVersion: setpoint.dev/v1alpha1
scenario: an APIService is available
steps:
  - expect: {apiservice: {name: v1beta1.custom.metrics.k8s.io, available: "True"}}
"#;

/// A scenario that passes whether the adapter ends or not.
const ENDS: &str = r#"
apiVersion: setpoint.dev/v1alpha1
scenario: an APIService becomes unavailable
steps:
  - expect: {apiservice: {name: v1beta1.custom.metrics.k8s.io, available: "True"}}
  - expect: {apiservice: {name: v1beta1.custom.metrics.k8s.io, available: "False", within: 60s}}
"#;

const LAST_STEP: &str = "step 2 of 2";

fn assert_inconclusive(ended: &Ended, owner: &str, kind: &str) {
    ended.assert_verdict(["inconclusive", owner, kind], 3);
}

fn assert_evidence(ended: &Ended) {
    let names = ended.outcome["evidence"].as_array().into_iter().flatten();
    let names: Vec<&str> = names.filter_map(|piece| piece["name"].as_str()).collect();
    assert!(names.contains(&"kube-apiserver"), "{names:?}");
    assert!(ended.outcome["timeline"].is_array(), "{}", ended.outcome);
}

fn an_api_server_that_dies_is_the_clusters_problem() {
    let mut run = Run::start(&waits_for_ever("60s"));
    run.until(LAST_STEP);
    signal("KILL", run.find("/kube-apiserver "));
    let ended = run.end();
    assert_inconclusive(&ended, "cluster", "api-server-unreachable");
    assert_evidence(&ended);
    let cause = ended.outcome["verdict"]["cause"].as_str().unwrap();
    assert!(cause.starts_with("step 2 of 2"), "{cause}");
    assert!(cause.contains("whether it lives"), "{cause}");
}

fn an_api_server_that_hangs_is_the_clusters_problem() {
    let mut run = Run::start(&waits_for_ever("60s"));
    run.until(LAST_STEP);
    signal("STOP", run.find("/kube-apiserver "));
    let ended = run.end();
    assert_inconclusive(&ended, "cluster", "api-server-unreachable");
    assert_evidence(&ended);
}

fn a_fake_prometheus_that_is_killed_is_the_harness_problem() {
    let mut run = Run::start(&waits_for_ever("10s"));
    run.until(LAST_STEP);
    run.find(" replay ");
    run.until_it_ends(|seen| {
        let replays = seen.iter().filter(|seen| seen.command.contains(" replay "));
        for replay in replays.filter(|replay| replay.is_alive()) {
            signal("KILL", replay.pid);
        }
    });
    let ended = run.end();
    assert_inconclusive(&ended, "harness", "prometheus-restarted");
    assert_evidence(&ended);
}

fn an_adapter_that_ends_fails_by_that_though_all_steps_pass() {
    let mut run = Run::start(ENDS);
    run.until(LAST_STEP);
    run.find(" --prometheus-url=");
    run.until_it_ends(|seen| {
        let adapters = seen
            .iter()
            .filter(|seen| seen.command.contains(" --prometheus-url="));
        for adapter in adapters.filter(|adapter| adapter.is_alive()) {
            signal("KILL", adapter.pid);
        }
    });
    let ended = run.end();
    ended.assert_failed("adapter-ended", "the adapter ended by signal 9");
    assert_evidence(&ended);
}

fn an_adapter_that_runs_and_never_serves_fails_by_that() {
    // It refuses the flags of adapters.
    let ended = Run::of_adapter(Path::new(env!("CARGO_BIN_EXE_setpoint")), PASSES).end();
    ended.assert_failed("adapter-not-ready", "wait for the adapter");
    assert_evidence(&ended);
}

fn ctrl_c_while_a_cluster_starts_leaves_nothing() {
    let mut run = Run::start(PASSES);
    run.find("/kube-apiserver ");
    run.interrupt();
    assert_inconclusive(&run.end(), "harness", "interrupted");
}

fn ctrl_c_while_a_scenario_is_set_up_leaves_nothing() {
    // An adapter that serves may do so before the interrupt.
    let mut run = Run::with_adapter("#!/bin/sh\nexec sleep 600\n", PASSES);
    run.until("waiting for the adapter");
    run.interrupt();
    let ended = run.end();
    assert_inconclusive(&ended, "harness", "interrupted");
    assert_evidence(&ended);
}

fn ctrl_c_in_a_step_and_again_while_evidence_is_collected_leaves_nothing() {
    let mut run = Run::start(&waits_for_ever("60s"));
    run.until(LAST_STEP);
    run.interrupt();
    run.until("collecting evidence");
    run.interrupt();
    let ended = run.end();
    assert_inconclusive(&ended, "harness", "interrupted");
    assert_evidence(&ended);
}

fn ctrl_c_while_the_cluster_is_left_keeps_the_verdict_and_is_no_success() {
    let mut run = Run::start(PASSES);
    run.until("leaving the cluster");
    run.interrupt();
    let ended = run.end();
    assert_eq!(ended.outcome["verdict"]["verdict"], "passed");
    assert_eq!(ended.exit_code, Some(3), "{}", ended.log);
}

fn main() {
    let mut trials = stale_status::trials();
    trials.extend(trials![
        an_api_server_that_dies_is_the_clusters_problem,
        an_api_server_that_hangs_is_the_clusters_problem,
        a_fake_prometheus_that_is_killed_is_the_harness_problem,
        an_adapter_that_ends_fails_by_that_though_all_steps_pass,
        an_adapter_that_runs_and_never_serves_fails_by_that,
        ctrl_c_while_a_cluster_starts_leaves_nothing,
        ctrl_c_while_a_scenario_is_set_up_leaves_nothing,
        ctrl_c_in_a_step_and_again_while_evidence_is_collected_leaves_nothing,
        ctrl_c_while_the_cluster_is_left_keeps_the_verdict_and_is_no_success,
    ]);
    setpoint_test_support::run(
        Vec::new(),
        trials,
        provision::find(&provision::Options::from_env()),
    );
}

//! Runs on a cluster that somebody else owns, as processes: whatever ends them, nothing of theirs is left.
//!
//! Ignored with a reason where the control plane's programs are missing, unless `SETPOINT_REQUIRE=local`.

#![expect(
    clippy::unwrap_used,
    reason = "a test's own steps fail by panicking, in its helpers too"
)]

mod owned;

use setpoint_cluster::provision;
use setpoint_test_support::trials;

use owned::{Owned, scenario};

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

    let report = owned.setpoint(&scenario(SCALES), &["--yes"]).ends_with(0);
    assert!(report.contains(r#""backend": "existing""#), "{report}");
    owned.is_as(&before, "a pass").await;

    let fails = "  - expect: {replicas: {of: deployment/web, equals: 3, within: 1s}}\n";
    let report = owned.setpoint(&scenario(fails), &["--yes"]).ends_with(1);
    // Evidence is of the run alone.
    assert!(!report.contains("default/of-others"), "{report}");
    owned.is_as(&before, "a failure").await;

    let mut run = owned.setpoint(&scenario(WAITS), &["--yes"]);
    run.until("step 2 of 2");
    run.signal("INT");
    run.ends_with(3);
    owned.is_as(&before, "Ctrl-C").await;

    let mut run = owned.setpoint(&scenario(WAITS), &["--yes"]);
    run.until("step 2 of 2");
    run.signal("KILL");
    run.ended();
    let left = owned.resources().await;
    assert!(left.len() > before.len(), "nothing is left to be reaped");
    let reaped = owned.reap();
    assert!(reaped.contains("its client is gone"), "{reaped}");
    owned.is_as(&before, "SIGKILL and `setpoint reap`").await;
    owned.stop().await;
}

fn main() {
    setpoint_test_support::run(
        Vec::new(),
        trials![async whatever_ends_a_run_the_cluster_is_as_it_was_before],
        provision::find(&provision::Options::from_env()),
    );
}

//! Runs on a cluster that somebody else owns, as processes.
//!
//! Ignored with a reason where the control plane's programs are missing, or a Prometheus where the cluster's owner has one, unless
//! `SETPOINT_REQUIRE=local`.

#![expect(
    clippy::unwrap_used,
    reason = "a test's own steps fail by panicking, in its helpers too"
)]

mod installed;
mod own_adapter;
mod owned;
mod theirs;

use setpoint::programs::find_prometheus;
use setpoint::timeouts::Timeouts;
use setpoint_cluster::provision;
use setpoint_test_support::{needing, run_all};
use tokio::runtime::Runtime;

fn main() {
    let programs = || {
        let found = provision::find(&provision::Options::from_env());
        found.map_err(anyhow::Error::new)
    };
    let prometheus = || {
        let found = Runtime::new()?.block_on(find_prometheus(&Timeouts::default()));
        found.map_err(anyhow::Error::new)
    };
    let mut trials = needing(own_adapter::trials(), programs());
    let both = programs().and_then(|_| prometheus());
    trials.extend(needing(installed::trials(), both));
    run_all(trials);
}

//! The program as a whole, without a cluster: an API server that allows everything, and a Prometheus that
//! does what the test wants.

#![expect(clippy::unwrap_used, reason = "a test ends at what it does not expect")]

mod ending;
mod hostile;
#[path = "../launch/mod.rs"]
mod launch;
mod metrics;
mod mixed;
mod reloads;
mod support;
mod upstreams;

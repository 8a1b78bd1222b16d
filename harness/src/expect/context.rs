//! What every expectation does, and what it is judged against.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use setpoint_cluster::Cluster;

use crate::format::{Checks, Place, Span};
use crate::outcome::{HarnessProblem, Unmet};
use crate::prometheus::Prometheus;
use crate::request::Adapter;

/// How long a state is waited for where the scenario doesn't say.
const WITHIN: Duration = Duration::from_secs(20);
/// The same where the HPA controller is slow, in its periods.
const WITHIN_SYNCS: u32 = 5;

/// What every expectation does.
pub trait Expect: Send + Sync {
    /// Notes what is wrong with it beyond its shape.
    fn check(&self, _place: &Place, _checks: &mut Checks<'_>) {}

    /// Itself in a few words.
    fn describe(&self) -> String;

    /// Whether it asks a real Prometheus.
    fn needs_real_prometheus(&self) -> bool {
        false
    }

    /// Waits for the state.
    ///
    /// # Errors
    /// What was there instead, and whose problem it is.
    fn judge<'a>(&'a self, context: &'a ExpectContext) -> BoxFuture<'a, Result<(), Unmet>>;
}

/// What expectations are judged against.
#[derive(Clone)]
pub struct ExpectContext {
    /// The cluster.
    pub cluster: Arc<dyn Cluster>,
    /// The adapter, for questions to itself.
    pub adapter: Arc<Adapter>,
    /// The real Prometheus, where there is one.
    pub prometheus: Option<Arc<Prometheus>>,
}

impl ExpectContext {
    /// The time for an expectation; by default 20 seconds, or more where the HPA controller is slow.
    pub(super) fn within(&self, within: Option<Span>) -> Duration {
        let sync = self.cluster.facts().hpa_sync_period;
        match within {
            Some(within) => within.duration(sync),
            None => WITHIN.max(sync * WITHIN_SYNCS),
        }
    }

    /// The time for which something must stay.
    pub(super) fn hold(&self, hold: Option<Span>) -> Duration {
        let sync = self.cluster.facts().hpa_sync_period;
        hold.map(|span| span.duration(sync)).unwrap_or_default()
    }

    pub(super) fn real_prometheus(&self) -> Result<&Prometheus, Unmet> {
        let none = || HarnessProblem::NotInstalled {
            what: "real Prometheus".to_owned(),
        };
        Ok(self.prometheus.as_deref().ok_or_else(none)?)
    }
}

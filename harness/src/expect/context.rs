//! What every expectation does, and what it is judged against.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use setpoint_cluster::Cluster;

use crate::convergence::Convergence;
use crate::feed::Feed;
use crate::format::{Checks, Place, Span};
use crate::installed::Application;
use crate::outcome::{HarnessProblem, Unmet};
use crate::prometheus::Prometheus;
use crate::request::Adapter;
use crate::timeouts::Timeouts;

/// How long a state is waited for where the scenario doesn't say and the HPA controller is slow, in its periods.
const WITHIN_SYNCS: u32 = 5;

/// What every expectation does.
pub(crate) trait Expect: Send + Sync {
    /// Notes what is wrong with it beyond its shape.
    fn check(&self, _place: &Place, _checks: &mut Checks<'_>) {}

    /// Itself in a few words.
    fn describe(&self) -> String;

    /// Whether it asks a real Prometheus.
    fn needs_real_prometheus(&self) -> bool {
        false
    }

    /// Whether it looks at an adapter that the scenario installed.
    fn looks_at_adapter(&self) -> bool {
        false
    }

    /// Waits for the state.
    ///
    /// # Errors
    /// What was there instead, and whose problem it is.
    fn judge<'a>(&'a self, context: &'a ExpectContext) -> BoxFuture<'a, Result<(), Unmet>>;

    /// The same, and what was measured by the way.
    ///
    /// # Errors
    /// Those of [`Expect::judge`].
    fn measure<'a>(
        &'a self,
        context: &'a ExpectContext,
    ) -> BoxFuture<'a, Result<Option<Convergence>, Unmet>> {
        Box::pin(async move { self.judge(context).await.map(|()| None) })
    }
}

/// What expectations are judged against.
#[derive(Clone)]
pub(crate) struct ExpectContext {
    /// The cluster.
    pub cluster: Arc<dyn Cluster>,
    /// The adapter, for questions to itself.
    pub adapter: Arc<Adapter>,
    /// The fake Prometheus, where there is one.
    pub feed: Option<Arc<Feed>>,
    /// The real Prometheus, where there is one.
    pub prometheus: Option<Arc<Prometheus>>,
    /// The sample application that shows the scenario's values, where an adapter is there already.
    pub application: Option<Arc<Application>>,
    /// How long things may take.
    pub timeouts: Timeouts,
}

impl ExpectContext {
    /// The time for an expectation; by default that for a state, or more where the HPA controller is slow.
    pub(super) fn within(&self, within: Option<Span>) -> Duration {
        let least = self.timeouts.state;
        let stated = within.map(|within| self.stated(within));
        let within = stated.unwrap_or_else(|| least.max(self.stated(Span::Syncs(WITHIN_SYNCS))));
        // The values of new pods take their time too.
        let delay = self.application.as_ref().map(|found| found.delay());
        within + delay.unwrap_or_default()
    }

    /// How long something may take for which the scenario states a time.
    pub(crate) fn stated(&self, within: Span) -> Duration {
        let sync = self.cluster.facts().hpa_sync_period;
        self.timeouts.factor.scale(within.duration(sync))
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

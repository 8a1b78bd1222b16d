//! How a Deployment's replicas converge: watches them, counts syncs beside, and has the trajectory judged at each change
//! and each look.

use std::time::Duration;

use futures::StreamExt as _;
use k8s_openapi::api::apps::v1::Deployment;
use kube::Api;
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::time::{MissedTickBehavior, interval};

use super::number::{UnexpectedReplicas, check_number, counts};
use super::syncs::SyncClock;
use crate::convergence::{
    Bound, Convergence, DoesNotConverge, Judged, Point, Reason, Terms, Trajectory, judge,
};
use crate::expect::context::ExpectContext;
use crate::format::{Checks, DeploymentRef, Place, Span};
use crate::outcome::{ClusterProblem, Context, Unmet};
use crate::wait::watch_object;

/// How often it is looked how many syncs there were, in a sync.
const LOOKS: u32 = 4;
/// How many times longer than their periods syncs may take, before it is the controller that is slow.
const SLOW: u32 = 3;

/// How replicas converge. Every change since the step's beginning is judged, by times and by syncs of the HPA controller, which
/// are counted. A count may be one too high; whatever is judged by it is judged once it is certain.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Converges {
    /// The number that they come to.
    pub to: i32,
    /// The time by which they have come to it for good.
    pub within: Option<Span>,
    /// The time for which they then stay so.
    #[serde(default = "five_syncs")]
    pub settle: Span,
    /// By how many they may go beyond the number before, coming from where they were; where they were there already, in either
    /// direction. Any number where this is left out.
    pub overshoot: Option<u32>,
    /// How often they may turn from rising to falling, or back. Any number of times where this is left out.
    pub direction_changes: Option<u32>,
    /// The most that they may be at any time.
    pub never_above: Option<i32>,
    /// The fewest that they may be at any time.
    pub never_below: Option<i32>,
}

fn five_syncs() -> Span {
    Span::Syncs(5)
}

impl Converges {
    pub(super) fn check(&self, place: &Place, checks: &mut Checks<'_>) {
        checks.longer_than_zero(self.within, place.key("within"));
        checks.longer_than_zero(Some(self.settle), place.key("settle"));
        let numbers = [
            ("to", Some(self.to)),
            ("neverAbove", self.never_above),
            ("neverBelow", self.never_below),
        ];
        for (key, number) in numbers {
            check_number(number, place.key(key), checks);
        }
        if self.never_above.is_some_and(|most| most < self.to) {
            let problem = format!("they can't come to {} then", self.to);
            checks.at(place.key("neverAbove"), problem);
        }
        if self.never_below.is_some_and(|least| least > self.to) {
            let problem = format!("they can't come to {} then", self.to);
            checks.at(place.key("neverBelow"), problem);
        }
    }

    /// Watches until the trajectory is judged.
    pub(super) async fn judge(
        &self,
        context: &ExpectContext,
        namespace: &str,
        of: &DeploymentRef,
    ) -> Result<Convergence, Unmet> {
        let what = format!("{of} converges to {} replicas", self.to);
        let watched = self.watch(context, namespace, of).await;
        watched.map_err(|unmet| unmet.during(Context::State { what }))
    }

    async fn watch(
        &self,
        context: &ExpectContext,
        namespace: &str,
        of: &DeploymentRef,
    ) -> Result<Convergence, Unmet> {
        let terms = self.terms(context);
        let longest = self.longest(context);
        let api: Api<Deployment> = Api::namespaced(context.cluster.client(), namespace);
        let mut clock = SyncClock::start(context).await;
        let mut states = std::pin::pin!(watch_object(api, &of.name));
        let mut looks = interval(clock.period() / LOOKS);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut trajectory: Option<Trajectory> = None;
        let mut blind: Option<String> = None;
        loop {
            let state = tokio::select! {
                state = states.next() => Some(state),
                _ = looks.tick() => None,
            };
            let now = clock.now().await;
            match state {
                None => {}
                Some(None) => return Err(ClusterProblem::WatchEnded { of: of.to_string() }.into()),
                // The watch begins again by itself.
                Some(Some(Err(error))) => blind = Some(setpoint_support::error_chain(&error)),
                Some(Some(Ok(None))) => return Err(UnexpectedReplicas::Absent.into()),
                Some(Some(Ok(Some(deployment)))) => {
                    blind = None;
                    let (wanted, ready) = counts(&deployment);
                    let at = now;
                    see(&mut trajectory, Point { at, wanted, ready });
                }
            }
            let is_late = now.seconds >= longest.as_secs_f64();
            match (&trajectory, &blind) {
                (Some(trajectory), None) => {
                    let judged = judge(trajectory, now, &terms);
                    let convergence = self.concluded(judged, trajectory, &clock, namespace, of)?;
                    if let Some(convergence) = convergence {
                        return Ok(convergence);
                    }
                    if is_late {
                        return Err(clock.too_few(now).into());
                    }
                }
                _ if is_late => return Err(unseen(blind)),
                _ => {}
            }
        }
    }

    /// What a verdict comes to; nothing while there is none.
    fn concluded(
        &self,
        judged: Judged,
        trajectory: &Trajectory,
        clock: &SyncClock,
        namespace: &str,
        of: &DeploymentRef,
    ) -> Result<Option<Convergence>, Unmet> {
        match judged {
            Judged::Undecided => Ok(None),
            Judged::Settled(settled) => Ok(Some(Convergence {
                deployment: format!("{namespace}/{}", of.name),
                from: settled.from,
                to: self.to,
                seconds: settled.since.seconds,
                syncs: settled.since.syncs,
                overshoot: settled.overshoot,
                direction_changes: settled.direction_changes,
                counted_by: clock.counted_by(),
            })),
            Judged::NotReady(Point { wanted, ready, .. }) => {
                Err(ClusterProblem::Replicas { wanted, ready }.into())
            }
            Judged::Breaks(reason) => Err(broken(reason, trajectory, clock)),
        }
    }

    fn terms(&self, context: &ExpectContext) -> Terms {
        let seconds = |time: Duration| Bound::Seconds(time.as_secs_f64());
        let within = match self.within {
            // Values that an application shows take their time to arrive at an adapter that is there already.
            Some(Span::Syncs(syncs)) if context.application.is_none() => Bound::Syncs(syncs.into()),
            within => seconds(context.within(within)),
        };
        let settle = match self.settle {
            Span::Syncs(syncs) => Bound::Syncs(syncs.into()),
            Span::Time(time) => seconds(time),
        };
        Terms {
            to: self.to,
            within,
            settle,
            overshoot: self.overshoot,
            direction_changes: self.direction_changes,
            never_above: self.never_above,
            never_below: self.never_below,
        }
    }

    /// When there must be a verdict, if the HPA controller does its part.
    fn longest(&self, context: &ExpectContext) -> Duration {
        let (within, settle) = (context.within(self.within), context.stated(self.settle));
        (within + settle) * SLOW + context.timeouts.state
    }
}

fn see(trajectory: &mut Option<Trajectory>, point: Point) {
    match trajectory {
        Some(trajectory) => trajectory.push(point),
        None => *trajectory = Some(Trajectory::from(point)),
    }
}

fn broken(reason: Reason, trajectory: &Trajectory, clock: &SyncClock) -> Unmet {
    DoesNotConverge {
        reason,
        trajectory: trajectory.clone(),
        counted_by: clock.counted_by(),
    }
    .into()
}

/// Who sees nothing can't judge.
fn unseen(blind: Option<String>) -> Unmet {
    let Some(error) = blind else {
        return ClusterProblem::NothingSeen.into();
    };
    let before = None;
    ClusterProblem::Watch { error, before }.into()
}

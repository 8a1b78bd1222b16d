//! Whether a number of replicas converges: a trajectory and what is demanded of it in, a verdict out. Pure.
//!
//! - The trajectory has every change that a watch saw since it began, and no samples.
//! - Its clock has two hands: seconds, and syncs of the HPA controller ([`Moment`]).
//! - A count of syncs is taken a moment after the change that it belongs to, so it may be one too high. What is judged by
//!   counts allows for that: something is late, or has stayed long enough, when that is certain.

mod finding;
mod judge;
#[cfg(test)]
mod laws;
mod terms;
#[cfg(test)]
mod tests;
mod trajectory;

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) use finding::{DoesNotConverge, Reason};
pub(crate) use judge::{Judged, judge};
pub(crate) use terms::{Bound, Terms};
pub(crate) use trajectory::{Moment, Point, Trajectory};

/// What counted the syncs of the HPA controller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CountedBy {
    /// The kube-controller-manager itself, by its metric.
    KubeControllerManager,
    /// What the adapter asked Prometheus in consequence of each.
    AdapterRequests,
    /// The controller's period: the time that passed, divided by it.
    Period,
}

impl fmt::Display for CountedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::KubeControllerManager => "by the kube-controller-manager",
            Self::AdapterRequests => "by what the adapter asked Prometheus",
            Self::Period => "by the HPA controller's period",
        })
    }
}

/// How a number of replicas came to the one that it settled at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Convergence {
    /// The Deployment: namespace and name.
    pub deployment: String,
    /// The number at the beginning.
    pub from: i32,
    /// The number that it settled at.
    pub to: i32,
    /// Seconds from the beginning until it was that number for good.
    pub seconds: f64,
    /// Syncs of the HPA controller by then.
    pub syncs: u64,
    /// By how many it went beyond.
    pub overshoot: u32,
    /// How often it turned from rising to falling, or back.
    pub direction_changes: u32,
    /// What counted the syncs.
    pub counted_by: CountedBy,
}

impl fmt::Display for Convergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            deployment: _,
            from,
            to,
            seconds,
            syncs,
            overshoot,
            direction_changes,
            counted_by,
        } = self;
        if from == to && *overshoot == 0 {
            return write!(f, "stayed at {to} (syncs counted {counted_by})");
        }
        write!(
            f,
            "{from} to {to} in {seconds:.1}s and {syncs} syncs (counted {counted_by}), overshoot {overshoot}, {direction_changes} direction changes"
        )
    }
}

//! What a trajectory does wrong, and where.

use super::{CountedBy, Moment, Point, Terms, Trajectory};
use crate::outcome::{Finding, Kind};

/// What a trajectory does wrong.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub(crate) enum Reason {
    #[error("{} are wanted after {}, {by} beyond {}, and {allowed} may be", .point.wanted, .point.at, .terms.to)]
    Overshoot {
        point: Point,
        terms: Terms,
        by: u32,
        allowed: u32,
    },
    #[error("it turns for the {count}. time after {at}, and may turn {allowed} times")]
    Turned {
        at: Moment,
        count: u32,
        allowed: u32,
    },
    #[error("{} are wanted after {}, and never more than {most} may be", .point.wanted, .point.at)]
    Above { point: Point, most: i32 },
    #[error("{} are wanted after {}, and never fewer than {least} may be", .point.wanted, .point.at)]
    Below { point: Point, least: i32 },
    #[error("{wanted} are wanted since {since}, and {to} are to be; it is {now} now")]
    Elsewhere {
        wanted: i32,
        since: Moment,
        to: i32,
        now: Moment,
    },
    #[error("{to} are wanted for good only since {since}, which is too late")]
    Late { to: i32, since: Moment },
}

/// A number of replicas does not converge as demanded.
#[derive(Debug, PartialEq, thiserror::Error)]
#[error("{reason}; all changes, syncs counted {counted_by}: {trajectory}")]
pub(crate) struct DoesNotConverge {
    pub reason: Reason,
    pub trajectory: Trajectory,
    pub counted_by: CountedBy,
}

impl Finding for DoesNotConverge {
    fn kind(&self) -> Kind {
        match self.reason {
            Reason::Overshoot { .. } => Kind::Overshoot,
            Reason::Turned { .. } => Kind::TurnedTooOften,
            Reason::Above { .. } => Kind::WentAbove,
            Reason::Below { .. } => Kind::WentBelow,
            Reason::Elsewhere { .. } | Reason::Late { .. } => Kind::DidNotSettle,
        }
    }
}

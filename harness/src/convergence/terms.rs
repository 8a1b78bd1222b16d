//! What is demanded of a trajectory.

use super::Moment;

/// Time, by either hand of the clock.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Bound {
    /// Seconds.
    Seconds(f64),
    /// Syncs of the HPA controller.
    Syncs(u64),
}

impl Bound {
    /// Whether it has passed for certain.
    pub(super) fn is_over(self, from: Moment, now: Moment) -> bool {
        match self {
            Self::Seconds(seconds) => now.seconds - from.seconds >= seconds,
            // The first of them may have been under way at `from`.
            Self::Syncs(syncs) => now.syncs.saturating_sub(from.syncs) > syncs,
        }
    }
}

/// What is demanded of a trajectory.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Terms {
    /// The number that it converges to.
    pub to: i32,
    /// By when it is that number for good.
    pub within: Bound,
    /// How long it must have been, to be so for good.
    pub settle: Bound,
    /// By how many it may go beyond, if that counts.
    pub overshoot: Option<u32>,
    /// How often it may turn, if that counts.
    pub direction_changes: Option<u32>,
    /// The most that it may be at any time.
    pub never_above: Option<i32>,
    /// The least that it may be at any time.
    pub never_below: Option<i32>,
}

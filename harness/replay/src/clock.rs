//! The map between wall time and scenario time.
//!
//! The fake Prometheus owns it and applies it to the times in queries and to the timestamps in answers, so that a client
//! never sees anything but wall time. Durations inside PromQL (`[2m]`) are scenario time.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Maps wall milliseconds since 1970 to scenario milliseconds and back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClockMap {
    started: i64,
    speed: f64,
}

impl ClockMap {
    /// A clock that shows scenario time 0 at the wall time `started` (milliseconds) and runs `speed` times as fast.
    #[must_use]
    pub fn new(started: i64, speed: f64) -> Self {
        Self { started, speed }
    }

    /// Scenario seconds per wall second.
    #[must_use]
    pub fn speed(&self) -> f64 {
        self.speed
    }

    /// The wall time at which the scenario began. Added to scenario time it makes a time that is wall time as long as
    /// the scenario isn't sped up.
    #[must_use]
    pub fn origin(&self) -> i64 {
        self.started
    }

    /// The scenario time at a wall time.
    ///
    /// ```
    /// let clock = setpoint_replay::ClockMap::new(1_000, 60.0);
    /// assert_eq!(clock.to_scenario(3_000), 120_000);
    /// assert_eq!(clock.to_wall(120_000), 3_000);
    /// ```
    #[must_use]
    pub fn to_scenario(&self, wall: i64) -> i64 {
        rounded(wall.saturating_sub(self.started) as f64 * self.speed)
    }

    /// The wall time at a scenario time.
    #[must_use]
    pub fn to_wall(&self, scenario: i64) -> i64 {
        rounded(scenario as f64 / self.speed).saturating_add(self.started)
    }
}

/// A float as a whole number; what is too large becomes the largest.
fn rounded(value: f64) -> i64 {
    value.round() as i64
}

/// Milliseconds since 1970.
pub(crate) fn wall_millis(now: SystemTime) -> i64 {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

//! When a container that ended starts again, after `client-go/util/flowcontrol/backoff.go` as the kubelet uses it.

use std::time::{Duration, Instant};

/// The first and the longest wait before a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RestartBackoff {
    /// The wait before the second restart; the first restart comes at once.
    pub(crate) first: Duration,
    /// No wait is longer.
    pub(crate) max: Duration,
}

impl Default for RestartBackoff {
    /// The kubelet's own: 10 s, doubled up to 5 min.
    fn default() -> Self {
        Self {
            first: Duration::from_secs(10),
            max: Duration::from_secs(300),
        }
    }
}

/// One container's restarts so far.
#[derive(Debug)]
pub(crate) struct Restarts {
    settings: RestartBackoff,
    /// The wait that the next restart has, and when the last one was counted.
    entry: Option<(Duration, Instant)>,
}

impl Restarts {
    pub(crate) fn new(settings: RestartBackoff) -> Self {
        Self {
            settings,
            entry: None,
        }
    }

    /// How long a container that ended at `ended` waits. A container that ran for twice the longest wait
    /// starts anew.
    pub(crate) fn wait(&mut self, ended: Instant) -> Duration {
        let expired = |updated: Instant| {
            ended.saturating_duration_since(updated) > self.settings.max.saturating_mul(2)
        };
        match self.entry {
            Some((wait, updated)) if !expired(updated) => {
                let next = wait.saturating_mul(2).min(self.settings.max);
                self.entry = Some((next, ended));
                wait
            }
            _ => {
                self.entry = Some((self.settings.first, ended));
                Duration::ZERO
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn restarts_come_at_once_then_after_ten_seconds_doubled_up_to_five_minutes() {
        let mut restarts = Restarts::new(RestartBackoff::default());
        let now = Instant::now();
        let waits: Vec<_> = (0..8).map(|_| restarts.wait(now).as_secs()).collect();
        assert_eq!(waits, [0, 10, 20, 40, 80, 160, 300, 300]);
    }

    #[test]
    fn a_container_that_ran_long_enough_starts_anew() {
        let mut restarts = Restarts::new(RestartBackoff::default());
        let start = Instant::now();
        restarts.wait(start);
        assert_eq!(
            restarts.wait(start + Duration::from_secs(600)).as_secs(),
            10
        );
        assert_eq!(
            restarts.wait(start + Duration::from_secs(1201)).as_secs(),
            0
        );
    }
}

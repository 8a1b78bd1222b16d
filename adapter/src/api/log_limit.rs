//! Keeps log lines that any client can cause from filling the log.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// A number of lines in each period of time; further ones are counted.
pub(super) struct LogLimit {
    most: u32,
    period: Duration,
    state: Mutex<State>,
}

struct State {
    began: Option<Instant>,
    logged: u32,
    unlogged: u64,
}

impl LogLimit {
    pub(super) fn new(most: u32, period: Duration) -> Self {
        Self {
            most,
            period,
            state: Mutex::new(State {
                began: None,
                logged: 0,
                unlogged: 0,
            }),
        }
    }

    /// Whether a line may be logged now; if so, how many weren't since the last one.
    pub(super) fn admits(&self, now: Instant) -> Option<u64> {
        let mut state = self.state.lock();
        let is_over = |began| now.saturating_duration_since(began) >= self.period;
        if state.began.is_none_or(is_over) {
            state.began = Some(now);
            state.logged = 0;
        }
        if state.logged == self.most {
            state.unlogged += 1;
            return None;
        }
        state.logged += 1;
        Some(std::mem::take(&mut state.unlogged))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_beyond_the_number_of_a_period_are_counted_and_not_logged() {
        let limit = LogLimit::new(2, Duration::from_secs(1));
        let start = Instant::now();
        let admitted = |milliseconds| limit.admits(start + Duration::from_millis(milliseconds));
        assert_eq!(
            [admitted(0), admitted(10), admitted(20)],
            [Some(0), Some(0), None]
        );
        assert_eq!(
            [admitted(999), admitted(1000), admitted(1001)],
            [None, Some(2), Some(0)]
        );
        assert_eq!(admitted(1002), None);
    }
}

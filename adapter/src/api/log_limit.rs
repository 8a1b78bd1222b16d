//! Keeps what strangers can cause from filling the log.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// So many lines in a period of time; the others are counted.
pub(super) struct LogLimit {
    most: u32,
    period: Duration,
    state: Mutex<State>,
}

struct State {
    began: Option<Instant>,
    said: u32,
    unsaid: u64,
}

impl LogLimit {
    pub(super) const fn new(most: u32, period: Duration) -> Self {
        Self {
            most,
            period,
            state: Mutex::new(State {
                began: None,
                said: 0,
                unsaid: 0,
            }),
        }
    }

    /// Whether a line may be said now, and how many weren't since the last one that was.
    pub(super) fn admits(&self, now: Instant) -> Option<u64> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = |began| now.saturating_duration_since(began) >= self.period;
        if state.began.is_none_or(is_over) {
            state.began = Some(now);
            state.said = 0;
        }
        if state.said == self.most {
            state.unsaid += 1;
            return None;
        }
        state.said += 1;
        Some(std::mem::take(&mut state.unsaid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_lines_are_said_in_a_period_and_the_others_counted() {
        let limit = LogLimit::new(2, Duration::from_secs(1));
        let start = Instant::now();
        let said = |milliseconds| limit.admits(start + Duration::from_millis(milliseconds));
        assert_eq!([said(0), said(10), said(20)], [Some(0), Some(0), None]);
        assert_eq!(
            [said(999), said(1000), said(1001)],
            [None, Some(2), Some(0)]
        );
        assert_eq!(said(1002), None);
    }
}

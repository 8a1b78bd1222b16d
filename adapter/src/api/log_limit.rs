//! Keeps log lines that any client can cause from filling the log.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Lines in each period.
const PERIOD: Duration = Duration::from_secs(1);
const ALL: u32 = 20;
/// Those about one address, so that one that causes many doesn't hide the others.
const OF_ADDRESS: u32 = 5;

/// A number of lines in each period of time; further ones are counted.
#[derive(Default)]
pub(super) struct LogLimit(Mutex<State>);

#[derive(Default)]
struct State {
    began: Option<Instant>,
    logged: u32,
    /// Of addresses with a line in this period, so at most [`ALL`].
    of_address: HashMap<IpAddr, u32>,
    unlogged: u64,
}

impl LogLimit {
    /// Whether a line about a client may be logged now; if so, how many weren't since the last one.
    pub(super) fn admits(&self, address: IpAddr, now: Instant) -> Option<u64> {
        let mut state = self.0.lock();
        let is_over = |began| now.saturating_duration_since(began) >= PERIOD;
        if state.began.is_none_or(is_over) {
            state.began = Some(now);
            state.logged = 0;
            state.of_address.clear();
        }
        let of_address = state.of_address.get(&address).copied().unwrap_or_default();
        if state.logged == ALL || of_address == OF_ADDRESS {
            state.unlogged += 1;
            return None;
        }
        state.logged += 1;
        state.of_address.insert(address, of_address + 1);
        Some(std::mem::take(&mut state.unlogged))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many lines are logged if each of so many addresses causes 100 of them in one period.
    fn logged(addresses: u8) -> usize {
        let (limit, now) = (LogLimit::default(), Instant::now());
        let lines = (0..100).flat_map(|_| 0..addresses);
        let lines = lines.filter_map(|last| limit.admits([10, 0, 0, last].into(), now));
        lines.count()
    }

    #[test]
    fn an_address_has_a_part_of_the_lines_of_a_period() {
        assert_eq!([logged(1), logged(3), logged(200)], [5, 15, 20]);
    }

    #[test]
    fn lines_that_are_not_logged_are_counted() {
        let (limit, start) = (LogLimit::default(), Instant::now());
        let admitted = |milliseconds| {
            limit.admits(
                [10, 0, 0, 1].into(),
                start + Duration::from_millis(milliseconds),
            )
        };
        assert_eq!([0, 1, 2, 3, 4].map(admitted), [Some(0); 5]);
        assert_eq!([999, 1000, 1001].map(admitted), [None, Some(1), Some(0)]);
    }
}

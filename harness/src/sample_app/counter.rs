//! Counts requests: those that come, and those that a load stands for, exactly.

use std::fmt;
use std::time::Duration;

/// Parts of a request that a load of a millionth of a request a second makes in a nanosecond.
const PARTS: u128 = 1_000_000_000_000_000;
/// The digits of [`PARTS`].
const DIGITS: usize = 15;
/// The largest load, in requests a second: far above what anybody means.
const LARGEST: f64 = 1e9;

/// Requests a second, in millionths.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rate(u64);

/// A number that is no load.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("a load is from 0 to {LARGEST} requests a second, not {0}")]
pub(crate) struct NoRate(f64);

impl Rate {
    /// A rate, rounded to millionths of a request a second.
    ///
    /// # Errors
    /// When it is negative, no number, or absurdly large.
    pub(crate) fn per_second(requests: f64) -> Result<Self, NoRate> {
        if !(0.0..=LARGEST).contains(&requests) {
            return Err(NoRate(requests));
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "from zero to the largest load"
        )]
        Ok(Self((requests * 1e6).round() as u64))
    }

    /// Requests a second.
    #[must_use]
    pub(crate) fn requests_per_second(self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "at most 10^15")]
        let millionths = self.0 as f64;
        millionths / 1e6
    }

    /// What this load is after a time, in [`PARTS`].
    fn over(self, time: Duration) -> u128 {
        u128::from(self.0) * time.as_nanos()
    }
}

/// The number of requests so far. Times are since any beginning.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counter {
    /// What is counted up to `since`, in [`PARTS`].
    counted: u128,
    rate: Option<Rate>,
    since: Duration,
}

impl Counter {
    /// Counts a request that came.
    pub(crate) fn count(&mut self) {
        self.counted += PARTS;
    }

    /// Lets the load be another from `now` on.
    pub(crate) fn load(&mut self, rate: Rate, now: Duration) {
        self.counted = self.total(now).0;
        self.since = self.since.max(now);
        self.rate = Some(rate);
    }

    /// The load.
    #[must_use]
    pub(crate) fn rate(&self) -> Rate {
        self.rate.unwrap_or_default()
    }

    /// The load, once it was set.
    #[must_use]
    pub(crate) fn set_rate(&self) -> Option<Rate> {
        self.rate
    }

    /// The requests up to `now`.
    #[must_use]
    pub(crate) fn total(&self, now: Duration) -> Total {
        Total(self.counted + self.rate().over(now.saturating_sub(self.since)))
    }
}

/// A number of requests, to be shown in full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Total(u128);

impl fmt::Display for Total {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fraction = format!("{:0DIGITS$}", self.0 % PARTS);
        let shown = fraction.trim_end_matches('0');
        let point = if shown.is_empty() { "" } else { "." };
        write!(f, "{}{point}{shown}", self.0 / PARTS)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rate(requests: f64) -> Rate {
        Rate::per_second(requests).unwrap()
    }

    fn seconds(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    #[test]
    fn loads_and_requests_add_up() {
        let mut counter = Counter::default();
        assert_eq!(counter.total(seconds(9.0)).to_string(), "0");
        counter.load(rate(2.5), seconds(10.0));
        assert_eq!(counter.total(seconds(13.0)).to_string(), "7.5");
        counter.count();
        counter.load(rate(0.1), seconds(14.0));
        assert_eq!(counter.total(seconds(15.0)).to_string(), "11.1");
        counter.load(rate(0.0), seconds(15.0));
        assert_eq!(counter.total(seconds(99.0)).to_string(), "11.1");
    }

    #[test]
    fn what_is_no_load_is_refused() {
        for wrong in [-1.0, f64::NAN, f64::INFINITY, 1e10] {
            assert!(Rate::per_second(wrong).is_err(), "{wrong}");
        }
    }

    /// A load for a time, in thousandths and milliseconds, and requests that come at its end.
    fn pieces() -> impl Strategy<Value = Vec<(u32, u32, u8)>> {
        prop::collection::vec((0..100_000u32, 0..100_000u32, 0..3u8), 0..20)
    }

    proptest! {
        #[test]
        fn pieces_of_load_add_up_exactly(pieces in pieces()) {
            let mut counter = Counter::default();
            let mut now = Duration::ZERO;
            let mut expected: u128 = 0;
            for (thousandths, milliseconds, requests) in &pieces {
                counter.load(rate(f64::from(*thousandths) / 1e3), now);
                now += Duration::from_millis((*milliseconds).into());
                expected += u128::from(*thousandths) * u128::from(*milliseconds);
                (0..*requests).for_each(|_| counter.count());
                expected += u128::from(*requests) * 1_000_000;
            }
            prop_assert_eq!(counter.total(now), Total(expected * (PARTS / 1_000_000)));
        }

        #[test]
        fn it_never_falls_and_a_load_that_is_set_again_changes_nothing(pieces in pieces()) {
            let (mut once, mut twice) = (Counter::default(), Counter::default());
            let mut now = Duration::ZERO;
            let mut last = once.total(now);
            for (thousandths, milliseconds, _) in &pieces {
                let load = rate(f64::from(*thousandths) / 1e3);
                once.load(load, now);
                twice.load(load, now);
                now += Duration::from_millis((*milliseconds).into()) / 3;
                twice.load(load, now);
                now += Duration::from_millis((*milliseconds).into()) * 2 / 3;
                let total = once.total(now);
                prop_assert!(total >= last, "{total} after {last}");
                prop_assert_eq!(total, twice.total(now));
                last = total;
            }
        }
    }
}

//! How long to wait for the next relist.

use std::time::Duration;

use setpoint_support::backoff;

/// How soon a failed relist is tried again; doubled up to the interval.
const FIRST_RETRY: Duration = Duration::from_millis(500);

pub(super) struct Pauses {
    interval: Duration,
    /// The pause after the first success, by which the relists of many questions are spread.
    first: Option<Duration>,
    retries: Box<dyn Iterator<Item = Duration> + Send>,
}

impl Pauses {
    /// Those of one of several questions, whose first relists are all at once: later ones are spread
    /// evenly over the interval.
    pub(super) fn of(interval: Duration, position: usize, questions: usize) -> Self {
        let [position, questions] = [position + 1, questions.max(1)]
            .map(|number| u32::try_from(number).unwrap_or(u32::MAX));
        Self {
            interval,
            first: Some((interval * position / questions).min(interval)),
            retries: retries(interval),
        }
    }

    /// The interval after a success; less after a failure, and more with each further one.
    pub(super) fn after(&mut self, good: bool) -> Duration {
        if good {
            self.retries = retries(self.interval);
            return self.first.take().unwrap_or(self.interval);
        }
        self.retries.next().unwrap_or(self.interval)
    }
}

fn retries(interval: Duration) -> Box<dyn Iterator<Item = Duration> + Send> {
    Box::new(backoff(FIRST_RETRY.min(interval), interval))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_tried_again_soon_and_then_less_often() {
        let mut pauses = Pauses::of(Duration::from_secs(3), 0, 1);
        let milliseconds = |good: bool, pauses: &mut Pauses| pauses.after(good).as_millis();
        let mut after_failures = || {
            (0..4)
                .map(|_| milliseconds(false, &mut pauses))
                .collect::<Vec<_>>()
        };
        assert_eq!(after_failures(), [500, 1000, 2000, 3000]);
        assert_eq!(
            after_failures(),
            [3000; 4],
            "never less often than without a failure"
        );
        assert_eq!(milliseconds(true, &mut pauses), 3000);
        assert_eq!(milliseconds(false, &mut pauses), 500, "a success forgets");
        let mut pauses = Pauses::of(Duration::from_millis(100), 0, 1);
        assert_eq!(milliseconds(false, &mut pauses), 100);
    }

    #[test]
    fn later_relists_of_several_questions_are_spread_over_the_interval() {
        let pauses = |position| {
            let mut pauses = Pauses::of(Duration::from_secs(30), position, 3);
            [true, true].map(|good| pauses.after(good).as_secs())
        };
        assert_eq!([0, 1, 2].map(pauses), [[10, 30], [20, 30], [30, 30]]);
    }
}

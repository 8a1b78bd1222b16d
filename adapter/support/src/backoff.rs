//! Times between retries.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};

/// The times to wait between retries: `first`, then twice as long each time, up to `longest`. It
/// never ends.
pub fn backoff(first: Duration, longest: Duration) -> impl Iterator<Item = Duration> + Send {
    ExponentialBuilder::new()
        .with_min_delay(first)
        .with_max_delay(longest)
        .with_factor(2.0)
        .without_max_times()
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_double_up_to_the_longest_and_never_end() {
        let seconds: Vec<u64> = backoff(Duration::from_secs(1), Duration::from_secs(5))
            .take(40)
            .map(|time| time.as_secs())
            .collect();
        assert_eq!(seconds[..5], [1, 2, 4, 5, 5]);
        assert_eq!(seconds.last(), Some(&5));
    }
}

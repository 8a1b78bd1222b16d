//! Durations as Prometheus writes them.

use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;
use setpoint_rules::{DURATION_UNITS, duration_millis};
use thiserror::Error;

/// Nobody tests a longer time, and no sum of times overflows below it.
const LONGEST: u64 = 1_000 * DURATION_UNITS[0].1;

/// `5m`, `1h30m` or `0`: whole numbers with units, the larger ones first (`model.ParseDuration` of Prometheus).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub(crate) struct PromDuration(i64);

/// A text that is no duration.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "`{0}` is no duration of Prometheus: expected whole numbers with units, the larger ones first, such as 30s, 5m or 1h30m"
)]
pub(crate) struct DurationError(String);

impl PromDuration {
    /// So many minutes.
    pub(crate) const fn minutes(minutes: i64) -> Self {
        Self(minutes * 60_000)
    }

    /// How long it is.
    pub(crate) fn millis(self) -> i64 {
        self.0
    }
}

impl TryFrom<String> for PromDuration {
    type Error = DurationError;

    fn try_from(text: String) -> Result<Self, DurationError> {
        let millis = duration_millis(&text).filter(|millis| *millis <= LONGEST);
        let millis = millis.and_then(|millis| i64::try_from(millis).ok());
        millis.map(Self).ok_or(DurationError(text))
    }
}

impl fmt::Display for PromDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.0.unsigned_abs();
        // Weeks and years are read worse than many days.
        for (unit, millis) in &DURATION_UNITS[2..] {
            if rest >= *millis {
                write!(f, "{}{unit}", rest / millis)?;
                rest %= millis;
            }
        }
        Ok(())
    }
}

/// So many milliseconds, as a duration is written.
pub(super) fn of_millis(millis: i64) -> String {
    let duration = PromDuration::try_from(format!("{millis}ms"));
    duration.map_or_else(|_| format!("{millis}ms"), |duration| duration.to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_are_those_of_prometheus() {
        let millis = |text: &str| PromDuration::try_from(text.to_owned()).map(PromDuration::millis);
        assert_eq!(millis("0"), Ok(0));
        assert_eq!(millis("5m"), Ok(300_000));
        assert_eq!(millis("1h30m"), Ok(5_400_000));
        assert_eq!(millis("1d1ms"), Ok(86_400_001));
        for text in [
            "",
            "5",
            "m",
            "5 m",
            "1.5m",
            "-1m",
            "30m1h",
            "1m1m",
            "5min",
            "1001y",
            "9999999999y",
            "é",
        ] {
            assert!(millis(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_as_the_same(millis in 0..LONGEST as i64) {
            let printed = PromDuration(millis).to_string();
            prop_assert_eq!(PromDuration::try_from(printed), Ok(PromDuration(millis)));
        }

        #[test]
        fn no_text_makes_it_panic(text in "[0-9ywdhms é-]{0,12}") {
            let _ = PromDuration::try_from(text);
        }
    }
}

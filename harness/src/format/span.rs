//! Durations in scenarios: seconds, or syncs of the HPA controller.

use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

/// Nobody waits for longer; a clock could not even tell when that is.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
const MOST_SYNCS: u32 = 10_000;

/// `20s`, `500ms`, `1m`, or `3 syncs`.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub(crate) enum Span {
    /// Wall time.
    Time(Duration),
    /// Periods of the HPA controller, by wall clock.
    Syncs(u32),
}

impl Span {
    /// Whether it is no time at all.
    #[must_use]
    pub(crate) fn is_zero(self) -> bool {
        matches!(self, Self::Syncs(0) | Self::Time(Duration::ZERO))
    }

    /// The wall time, with the cluster's HPA period.
    #[must_use]
    pub(crate) fn duration(self, sync: Duration) -> Duration {
        match self {
            Self::Time(duration) => duration,
            Self::Syncs(count) => sync * count,
        }
    }
}

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong =
            || format!("`{text}` is no duration; expected one such as 20s, 500ms, 1m or 3 syncs");
        let end = text
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .ok_or_else(wrong)?;
        let (number, unit) = text.split_at(end);
        let seconds = match unit.trim_start() {
            "sync" | "syncs" => {
                let count = number.parse().map_err(|_| wrong())?;
                return if count <= MOST_SYNCS {
                    Ok(Self::Syncs(count))
                } else {
                    Err(format!(
                        "`{text}` is too long; expected at most {MOST_SYNCS} syncs"
                    ))
                };
            }
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            _ => return Err(wrong()),
        };
        let number: f64 = number.parse().map_err(|_| wrong())?;
        match Duration::try_from_secs_f64(number * seconds) {
            Ok(duration) if duration <= LONGEST => Ok(Self::Time(duration)),
            _ => Err(format!("`{text}` is too long; expected at most a day")),
        }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(duration) => write!(f, "{duration:?}"),
            Self::Syncs(1) => f.write_str("1 sync"),
            Self::Syncs(count) => write!(f, "{count} syncs"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_seconds_or_syncs() {
        let duration = |text: &str| {
            Span::try_from(text.to_owned()).map(|span| span.duration(Duration::from_secs(2)))
        };
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("1.5m"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("3 syncs"), Ok(Duration::from_secs(6)));
        for text in [
            "",
            "5",
            "5 days",
            "-1s",
            "1.5 syncs",
            "s",
            "1.2.3s",
            "99999999999999999999s",
            "1441m",
            "10001 syncs",
            "99999999999 syncs",
        ] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}

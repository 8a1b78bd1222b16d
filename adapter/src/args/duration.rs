//! Durations as Go writes them: `10m`, `1m30s`, `1.5h`, `250ms`. `kube::core::Duration` parses them
//! too, but panics if they are too long.

use std::time::Duration;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a duration such as 30s, 10m or 1h30m, of 292 years at the most")]
pub(crate) struct ParseDurationError;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ParseIntervalError {
    #[error(transparent)]
    Duration(#[from] ParseDurationError),
    #[error(
        "expected at least {:?}: all rules are asked for each time",
        LEAST_INTERVAL
    )]
    Short,
}

/// The longest duration, as in Go: 64 bits of nanoseconds. Adding it to a time doesn't overflow.
const MOST: Duration = Duration::from_nanos(i64::MAX as u64);
const LEAST_INTERVAL: Duration = Duration::from_millis(100);

/// Parses a duration that is long enough for an interval.
pub(crate) fn parse_interval(text: &str) -> Result<Duration, ParseIntervalError> {
    match parse_duration(text)? {
        interval if interval < LEAST_INTERVAL => Err(ParseIntervalError::Short),
        interval => Ok(interval),
    }
}

/// Parses a duration (Go's `time.ParseDuration`, without negative ones).
pub(crate) fn parse_duration(text: &str) -> Result<Duration, ParseDurationError> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let number_end = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .ok_or(ParseDurationError)?;
        let (number, after) = rest.split_at(number_end);
        let unit_end = after
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_end);
        let seconds = match unit {
            "ns" => 1e-9,
            "us" | "µs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return Err(ParseDurationError),
        };
        let number: f64 = number.parse().map_err(|_| ParseDurationError)?;
        let part = Duration::try_from_secs_f64(number * seconds).map_err(|_| ParseDurationError)?;
        total = total.checked_add(part).ok_or(ParseDurationError)?;
        rest = after;
    }
    if text.is_empty() || total > MOST {
        Err(ParseDurationError)
    } else {
        Ok(total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_go_reads_them() {
        for (text, seconds) in [
            ("10m", 600.0),
            ("1m30s", 90.0),
            ("1.5h", 5400.0),
            ("250ms", 0.25),
            ("0", 0.0),
            ("0s", 0.0),
            ("2562047h", 9_223_369_200.0),
        ] {
            assert_eq!(
                parse_duration(text),
                Ok(Duration::from_secs_f64(seconds)),
                "{text}"
            );
        }
        for text in [
            "",
            "10",
            "-5s",
            "1d",
            "s",
            ".s",
            "1h 2m",
            "99999999999999999999h",
            "2562048h",
            "2562047h59m",
        ] {
            assert_eq!(parse_duration(text), Err(ParseDurationError), "{text}");
        }
    }

    #[test]
    fn an_interval_without_a_pause_is_refused() {
        assert_eq!(parse_interval("1s"), Ok(Duration::from_secs(1)));
        for text in ["0", "0s", "1ns", "99ms"] {
            assert_eq!(
                parse_interval(text),
                Err(ParseIntervalError::Short),
                "{text}"
            );
        }
        let nonsense = ParseIntervalError::Duration(ParseDurationError);
        assert_eq!(parse_interval("soon"), Err(nonsense));
    }
}

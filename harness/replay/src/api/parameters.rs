//! Parameters of the API, with the texts of Prometheus' refusals.

use std::time::Duration;

use super::Refusal;

/// The parameters of a request in order.
pub(super) struct Parameters<'a>(pub(super) &'a [(String, String)]);

impl Parameters<'_> {
    pub(super) fn all<'b>(&'b self, name: &'b str) -> impl Iterator<Item = &'b str> {
        self.0
            .iter()
            .filter(move |(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The first value; an empty one is the same as none, as with Go's `FormValue`.
    pub(super) fn first<'b>(&'b self, name: &'b str) -> Option<&'b str> {
        self.all(name).next().filter(|value| !value.is_empty())
    }

    /// A time in milliseconds since 1970; none without the parameter.
    pub(super) fn time(&self, name: &str) -> Result<Option<i64>, Refusal> {
        let Some(text) = self.first(name) else {
            return Ok(None);
        };
        match time_of(text) {
            Some(millis) => Ok(Some(millis)),
            None => Err(invalid(
                name,
                &format!("invalid time value for '{name}': {}", no_time(text)),
            )),
        }
    }

    /// A time that must be there.
    pub(super) fn needed_time(&self, name: &str) -> Result<i64, Refusal> {
        let text = self.first(name).unwrap_or_default();
        time_of(text).ok_or_else(|| invalid(name, &no_time(text)))
    }

    /// A time, or one of those that Prometheus' clients send for "any".
    pub(super) fn bound(&self, name: &str) -> Result<Option<i64>, Refusal> {
        match self.first(name) {
            Some("-292273086-05-16T16:47:06Z" | "292277025-08-18T07:12:54.999999999Z") => Ok(None),
            _ => self.time(name),
        }
    }

    /// A duration in milliseconds, as seconds or as `5m`; none without the parameter.
    pub(super) fn duration(&self, name: &str) -> Result<Option<i64>, Refusal> {
        let Some(text) = self.first(name) else {
            return Ok(None);
        };
        let duration = duration_of(text).map_err(|refused| invalid(name, &refused.to_string()))?;
        Ok(Some(duration))
    }

    /// How far a query looks back, if it says so.
    pub(super) fn lookback(&self) -> Result<Option<Duration>, Refusal> {
        let Some(text) = self.first("lookback_delta") else {
            return Ok(None);
        };
        let refused = |reason: DurationError| {
            Refusal::BadData(format!("error parsing lookback delta duration: {reason}"))
        };
        let millis = duration_of(text).map_err(refused)?;
        // As with none: a Prometheus takes its own then.
        let positive = u64::try_from(millis).ok().filter(|millis| *millis > 0);
        Ok(positive.map(Duration::from_millis))
    }

    /// A whole number, negative without the parameter.
    pub(super) fn number(&self, name: &str) -> Result<i64, Refusal> {
        let Some(text) = self.first(name) else {
            return Ok(-1);
        };
        let refused = |_| Refusal::BadData(format!("{name} must be a number"));
        text.parse().map_err(refused)
    }

    /// How many series at most; all without `limit` or with 0.
    pub(super) fn limit(&self) -> Result<usize, Refusal> {
        let Some(text) = self.first("limit") else {
            return Ok(usize::MAX);
        };
        match text.parse::<i64>() {
            Ok(0) => Ok(usize::MAX),
            Ok(limit) => {
                usize::try_from(limit).map_err(|_| invalid("limit", "limit must be non-negative"))
            }
            Err(_) => Err(invalid(
                "limit",
                &format!("strconv.Atoi: parsing {text:?}: invalid syntax"),
            )),
        }
    }
}

/// Why a text is no duration; in Prometheus' words.
#[derive(Debug, thiserror::Error)]
enum DurationError {
    #[error("cannot parse {0:?} to a valid duration")]
    Unreadable(String),
    #[error("cannot parse {0:?} to a valid duration. It overflows int64")]
    TooLong(String),
}

/// Milliseconds of a duration, written as seconds or as `5m` (`parseDuration`).
fn duration_of(text: &str) -> Result<i64, DurationError> {
    let refused = || DurationError::Unreadable(text.to_owned());
    match text.parse::<f64>() {
        Ok(seconds) if seconds.abs() < 9.2e9 => Ok((seconds * 1000.0) as i64),
        Ok(_) => Err(DurationError::TooLong(text.to_owned())),
        Err(_) => {
            let parsed = promql_parser::util::parse_duration(text).map_err(|_| refused())?;
            i64::try_from(parsed.as_millis()).map_err(|_| refused())
        }
    }
}

/// A duration as Go writes it: `1m30s`, `0s`, `-500ms`.
pub(super) fn written(millis: i64) -> String {
    let sign = if millis < 0 { "-" } else { "" };
    let all = millis.unsigned_abs();
    if all > 0 && all < 1000 {
        return format!("{sign}{all}ms");
    }
    let (hours, minutes) = (all / 3_600_000, all / 60_000 % 60);
    let seconds = (all % 60_000) as f64 / 1000.0;
    match (hours, minutes) {
        (0, 0) => format!("{sign}{seconds}s"),
        (0, _) => format!("{sign}{minutes}m{seconds}s"),
        _ => format!("{sign}{hours}h{minutes}m{seconds}s"),
    }
}

/// Seconds with a fraction, or RFC 3339 (`parseTime`).
fn time_of(text: &str) -> Option<i64> {
    match text.parse::<f64>() {
        Ok(seconds) if seconds.abs() < 9.2e15 => Some((seconds * 1000.0).round() as i64),
        _ => {
            let time = text.parse::<jiff::Timestamp>().ok();
            time.map(jiff::Timestamp::as_millisecond)
        }
    }
}

fn no_time(text: &str) -> String {
    format!("cannot parse {text:?} to a valid timestamp")
}

pub(super) fn invalid(name: &str, reason: &str) -> Refusal {
    Refusal::BadData(format!("invalid parameter {name:?}: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_go_writes_them() {
        for (millis, text) in [
            (0, "0s"),
            (-5_000, "-5s"),
            (250, "250ms"),
            (1_500, "1.5s"),
            (60_000, "1m0s"),
            (3_600_000, "1h0m0s"),
        ] {
            assert_eq!(written(millis), text);
        }
    }
}

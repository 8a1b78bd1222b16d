//! Parameters of the API, with the texts of Prometheus' refusals.

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
        let seconds = text.parse::<f64>().ok();
        let parsed = || promql_parser::util::parse_duration(text).ok();
        let millis = match seconds {
            Some(seconds) => (seconds.abs() < 9.2e9).then_some((seconds * 1000.0) as i64),
            None => parsed().and_then(|duration| i64::try_from(duration.as_millis()).ok()),
        };
        match millis {
            Some(millis) => Ok(Some(millis)),
            None => Err(invalid(
                name,
                &format!("cannot parse {text:?} to a valid duration"),
            )),
        }
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
                &format!("strconv.ParseInt: parsing {text:?}: invalid syntax"),
            )),
        }
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

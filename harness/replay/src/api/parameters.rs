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

    /// A time in milliseconds since 1970 (`parseTime`: seconds with a fraction, or RFC 3339).
    pub(super) fn time(&self, name: &str) -> Result<Option<i64>, Refusal> {
        let Some(text) = self.first(name) else {
            return Ok(None);
        };
        let seconds = text.parse::<f64>().ok().filter(|s| s.abs() < 9.2e15);
        let millis = match seconds {
            Some(seconds) => Some((seconds * 1000.0).round() as i64),
            None => text
                .parse::<jiff::Timestamp>()
                .ok()
                .map(jiff::Timestamp::as_millisecond),
        };
        match millis {
            Some(millis) => Ok(Some(millis)),
            None => Err(invalid(
                name,
                &format!("cannot parse {text:?} to a valid timestamp"),
            )),
        }
    }

    /// A duration, as seconds or as `5m`; only its form matters here.
    pub(super) fn duration(&self, name: &str) -> Result<(), Refusal> {
        match self.first(name) {
            Some(text)
                if !text.parse::<f64>().is_ok_and(f64::is_finite)
                    && promql_parser::util::parse_duration(text).is_err() =>
            {
                Err(invalid(
                    name,
                    &format!("cannot parse {text:?} to a valid duration"),
                ))
            }
            _ => Ok(()),
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

fn invalid(name: &str, reason: &str) -> Refusal {
    Refusal::BadData(format!("invalid parameter {name:?}: {reason}"))
}

//! `PodLogOptions` as they stand in a query (`staging/src/k8s.io/api/core/v1/types.go`).

use axum::http::StatusCode;
use jiff::{SignedDuration, Timestamp};

/// Which part of a log is wanted, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct LogOptions {
    pub(super) follow: bool,
    pub(super) previous: bool,
    pub(super) timestamps: bool,
    pub(super) since: Option<Timestamp>,
    pub(super) tail_lines: Option<u64>,
    pub(super) limit_bytes: Option<u64>,
    /// `stdout` or `stderr` alone.
    pub(super) stream: Option<&'static str>,
}

/// Why a query is no `PodLogOptions`.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum OptionsError {
    /// A value has the wrong form.
    #[error("Unable to decode query: {name}={value:?} is not {expected}")]
    Decode {
        name: &'static str,
        value: String,
        expected: &'static str,
    },
    /// A value is out of range, or two exclude each other.
    #[error("Invalid request: {0}")]
    Invalid(&'static str),
}

impl OptionsError {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Decode { .. } => StatusCode::BAD_REQUEST,
            Self::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
        }
    }
}

impl LogOptions {
    /// Reads a query; parameters of other names are not looked at, as in a kubelet.
    pub(super) fn parse(query: &str, now: Timestamp) -> Result<Self, OptionsError> {
        let mut options = Self::default();
        let mut since_seconds = None;
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let value = value.as_ref();
            match name.as_ref() {
                "follow" => options.follow = truth(value),
                "previous" => options.previous = truth(value),
                "timestamps" => options.timestamps = truth(value),
                "tailLines" => {
                    let least = "tailLines must not be negative";
                    options.tail_lines = Some(at_least(0, number("tailLines", value)?, least)?);
                }
                "limitBytes" => {
                    let least = "limitBytes must be greater than 0";
                    options.limit_bytes = Some(at_least(1, number("limitBytes", value)?, least)?);
                }
                "sinceSeconds" => {
                    let seconds = number("sinceSeconds", value)?;
                    at_least(1, seconds, "sinceSeconds must be greater than 0")?;
                    since_seconds = Some(seconds);
                }
                "sinceTime" => {
                    let time = value.parse().map_err(|_| OptionsError::Decode {
                        name: "sinceTime",
                        value: value.to_owned(),
                        expected: "an RFC 3339 time",
                    })?;
                    options.since = Some(time);
                }
                "stream" => options.stream = stream(value)?,
                _ => {}
            }
        }
        if let Some(seconds) = since_seconds {
            if options.since.is_some() {
                let both = "at most one of `sinceTime` or `sinceSeconds` may be specified";
                return Err(OptionsError::Invalid(both));
            }
            // A start before all time is no restriction.
            options.since = now.checked_sub(SignedDuration::from_secs(seconds)).ok();
        }
        Ok(options)
    }
}

/// As `apimachinery/pkg/runtime/conversion.go`, `Convert_Slice_string_To_bool`: what isn't false is true.
fn truth(value: &str) -> bool {
    !(value == "0" || value.eq_ignore_ascii_case("false"))
}

fn number(name: &'static str, value: &str) -> Result<i64, OptionsError> {
    value.parse().map_err(|_| OptionsError::Decode {
        name,
        value: value.to_owned(),
        expected: "a number",
    })
}

fn at_least(least: u64, number: i64, problem: &'static str) -> Result<u64, OptionsError> {
    let number = u64::try_from(number).ok().filter(|number| *number >= least);
    number.ok_or(OptionsError::Invalid(problem))
}

fn stream(value: &str) -> Result<Option<&'static str>, OptionsError> {
    match value {
        "All" => Ok(None),
        "Stdout" => Ok(Some("stdout")),
        "Stderr" => Ok(Some("stderr")),
        _ => Err(OptionsError::Invalid(
            "stream must be All, Stdout or Stderr",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(query: &str) -> Result<LogOptions, OptionsError> {
        LogOptions::parse(query, Timestamp::from_second(1_000_000).unwrap())
    }

    #[test]
    fn a_query_says_what_kubectl_asked_for() {
        let options = parse("follow=true&tailLines=10&timestamps=true&limitBytes=5&previous=false");
        let expected = LogOptions {
            follow: true,
            timestamps: true,
            tail_lines: Some(10),
            limit_bytes: Some(5),
            ..LogOptions::default()
        };
        assert_eq!(options, Ok(expected));
        assert_eq!(parse(""), Ok(LogOptions::default()));
    }

    #[test]
    fn both_ways_to_say_since_give_a_time() {
        let relative = parse("sinceSeconds=60").unwrap().since;
        assert_eq!(relative, Timestamp::from_second(999_940).ok());
        let absolute = parse("sinceTime=1970-01-12T13:45:40Z").unwrap().since;
        assert_eq!(absolute, relative);
        let ages = parse(&format!("sinceSeconds={}", i64::MAX)).unwrap();
        assert_eq!(ages.since, None);
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_name() {
        for (query, status) in [
            ("tailLines=many", 400),
            ("sinceTime=yesterday", 400),
            ("tailLines=-1", 422),
            ("limitBytes=0", 422),
            ("sinceSeconds=0", 422),
            ("sinceSeconds=1&sinceTime=1970-01-12T13:45:40Z", 422),
            ("stream=Both", 422),
        ] {
            let error = parse(query).unwrap_err();
            assert_eq!(error.status().as_u16(), status, "{query}");
            let name = query.split('=').next().unwrap();
            assert!(error.to_string().contains(name), "{error}");
        }
    }
}

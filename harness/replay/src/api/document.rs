//! The documents that are answered, byte for byte as Prometheus writes numbers and times (`util/jsonutil`).

use std::fmt::Write as _;

use super::{Answer, Refusal};
use crate::{ClockMap, engine::Value, labels::Labels};

/// The data of a successful answer.
pub(super) struct Document {
    data: String,
    series: Option<usize>,
}

impl Document {
    pub(super) fn build_info() -> Self {
        let version = env!("CARGO_PKG_VERSION");
        Self {
            data: format!(
                r#"{{"version":"3.5.0+setpoint-replay.{version}","revision":"","branch":"","buildUser":"","buildDate":"","goVersion":""}}"#
            ),
            series: None,
        }
    }

    /// `at` is the wall time that was asked for; timestamps of samples are mapped to wall time.
    pub(super) fn query(clock: &ClockMap, at: i64, value: &Value, limit: usize) -> Self {
        let now = time(at);
        let (kind, result, series) = match value {
            Value::Scalar(number) => ("scalar", format!(r#"[{now},"{}"]"#, float(*number)), None),
            Value::String(text) => ("string", format!("[{now},{}]", quoted(text)), None),
            Value::Vector(elements) => {
                let count = elements.len().min(limit);
                let list = joined(elements.iter().take(limit).map(|element| {
                    let metric = metric(&element.labels);
                    format!(
                        r#"{{"metric":{metric},"value":[{now},"{}"]}}"#,
                        float(element.value)
                    )
                }));
                ("vector", format!("[{list}]"), Some(count))
            }
            Value::Matrix(series) => {
                let count = series.len().min(limit);
                let list = joined(series.iter().take(limit).map(|(labels, samples)| {
                    let values = joined(samples.iter().map(|(at, value)| {
                        format!(r#"[{},"{}"]"#, time(clock.to_wall(*at)), float(*value))
                    }));
                    format!(r#"{{"metric":{},"values":[{values}]}}"#, metric(labels))
                }));
                ("matrix", format!("[{list}]"), Some(count))
            }
        };
        Self {
            data: format!(r#"{{"resultType":"{kind}","result":{result}}}"#),
            series,
        }
    }

    pub(super) fn series<'a>(found: impl Iterator<Item = &'a Labels>) -> Self {
        let metrics: Vec<String> = found.map(metric).collect();
        Self {
            series: Some(metrics.len()),
            data: format!("[{}]", metrics.join(",")),
        }
    }

    pub(super) fn answer(self) -> Answer {
        Answer {
            status: 200,
            content_type: "application/json",
            body: format!(r#"{{"status":"success","data":{}}}"#, self.data),
            series: self.series,
        }
    }
}

impl Refusal {
    pub(super) fn answer(&self) -> Answer {
        match self {
            Self::BadData(reason) => error(400, "bad_data", reason),
            Self::Execution(reason) => error(422, "execution", reason),
        }
    }
}

/// Prometheus' own error document for a status (`respondError`); what it has no type for is `internal`.
pub(crate) fn error_of_status(status: u16) -> Answer {
    let (kind, reason) = match status {
        400 => ("bad_data", "the request can't be understood"),
        404 => ("not_found", "not found"),
        406 => ("not_acceptable", "not acceptable"),
        422 => ("execution", "the query can't be executed"),
        499 => ("canceled", "query was canceled in query execution"),
        503 => ("timeout", "query timed out in query execution"),
        _ => ("internal", "an error on purpose"),
    };
    error(status, kind, reason)
}

fn error(status: u16, kind: &str, reason: &str) -> Answer {
    Answer {
        status,
        content_type: "application/json",
        body: format!(
            r#"{{"status":"error","errorType":"{kind}","error":{}}}"#,
            quoted(reason)
        ),
        series: None,
    }
}

fn joined(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(",")
}

fn metric(labels: &Labels) -> String {
    let pairs = joined(labels.iter().map(|(name, value)| {
        let (name, value) = (quoted(name), quoted(value));
        format!("{name}:{value}")
    }));
    format!("{{{pairs}}}")
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// `MarshalTimestamp`: seconds, with three decimals where they aren't whole.
fn time(millis: i64) -> String {
    let mut out = String::new();
    if millis < 0 {
        out.push('-');
    }
    let (seconds, rest) = (millis.unsigned_abs() / 1000, millis.unsigned_abs() % 1000);
    let _ = write!(out, "{seconds}");
    if rest != 0 {
        let _ = write!(out, ".{rest:03}");
    }
    out
}

/// `MarshalFloat`: the shortest decimal, with an exponent of at least two digits below 1e-6 and from 1e21.
pub(super) fn float(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let size = value.abs();
    if size == 0.0 || (1e-6..1e21).contains(&size) {
        return value.to_string();
    }
    let text = format!("{value:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, digits) = exponent
        .strip_prefix('-')
        .map_or(('+', exponent), |digits| ('-', digits));
    format!("{mantissa}e{sign}{digits:0>2}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_go_writes_them() {
        for (value, written) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (0.1 + 0.2, "0.30000000000000004"),
            (1e-6, "0.000001"),
            (9.99e-7, "9.99e-07"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (-1.5e300, "-1.5e+300"),
            (f64::NEG_INFINITY, "-Inf"),
        ] {
            assert_eq!(float(value), written);
        }
    }

    #[test]
    fn times_have_three_decimals_or_none() {
        assert_eq!(time(1_435_781_451_000), "1435781451");
        assert_eq!(time(1_435_781_451_070), "1435781451.070");
        assert_eq!(time(-1_500), "-1.500");
    }
}

//! Prometheus' answers (`/api/v1`).

use std::collections::BTreeMap;

use serde::Deserialize;
use setpoint_rules::{Sample, Series};

/// Why Prometheus has no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PrometheusError {
    /// It can't be reached, or the connection broke.
    #[error("reach Prometheus at {url}")]
    Send {
        /// Its address, without credentials.
        url: String,
        /// What failed.
        #[source]
        source: reqwest::Error,
    },
    /// It answered with something that isn't its API's.
    #[error(
        "Prometheus at {url} answered {status} with something that is no API answer ({reason}); is it Prometheus?"
    )]
    NoAnswer {
        /// Its address.
        url: String,
        /// The status.
        status: u16,
        /// What is wrong with it.
        reason: String,
    },
    /// It answered with an error.
    #[error("Prometheus at {url} answered {status} {kind}: {message}")]
    Rejected {
        /// Its address.
        url: String,
        /// The status.
        status: u16,
        /// `errorType`
        kind: String,
        /// `error`
        message: String,
    },
    /// The query has another kind of result than a vector.
    #[error(
        "the query gives a {kind} instead of an instant vector; metricsQuery needs one value for each object"
    )]
    NoVector {
        /// `resultType`
        kind: String,
    },
    /// The token file can't be read.
    #[error("read Prometheus' bearer token from {path}")]
    Token {
        /// The file.
        path: String,
        /// What failed.
        #[source]
        source: std::io::Error,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    status: String,
    #[serde(default)]
    data: serde_json::Value,
    #[serde(default)]
    error_type: String,
    #[serde(default)]
    error: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct QueryResult {
    result_type: String,
    #[serde(default)]
    result: serde_json::Value,
}

#[derive(Deserialize)]
struct VectorElement {
    #[serde(default)]
    metric: BTreeMap<String, String>,
    value: (f64, String),
}

/// The data of an answer.
pub(super) fn data(
    url: &str,
    status: u16,
    body: &[u8],
) -> Result<serde_json::Value, PrometheusError> {
    let no_answer = |reason: String| PrometheusError::NoAnswer {
        url: url.to_owned(),
        status,
        reason,
    };
    // Other codes than these don't come from Prometheus' API (`pkg/client/api.go`).
    if !matches!(status, 200..=299 | 400 | 422 | 503) {
        return Err(no_answer(format!("unknown response code {status}")));
    }
    let answer: Answer =
        serde_json::from_slice(body).map_err(|error| no_answer(error.to_string()))?;
    if answer.status == "success" {
        return Ok(answer.data);
    }
    Err(PrometheusError::Rejected {
        url: url.to_owned(),
        status,
        kind: answer.error_type,
        message: answer.error,
    })
}

/// The series of a `/series` answer.
pub(super) fn series(url: &str, data: serde_json::Value) -> Result<Vec<Series>, PrometheusError> {
    let found: Vec<BTreeMap<String, String>> =
        serde_json::from_value(data).map_err(|error| unreadable(url, &error))?;
    Ok(found.into_iter().map(Series::from_labels).collect())
}

/// The samples of a `/query` answer.
pub(super) fn samples(url: &str, data: serde_json::Value) -> Result<Vec<Sample>, PrometheusError> {
    let result: QueryResult =
        serde_json::from_value(data).map_err(|error| unreadable(url, &error))?;
    if result.result_type != "vector" {
        return Err(PrometheusError::NoVector {
            kind: result.result_type,
        });
    }
    let vector: Vec<VectorElement> =
        serde_json::from_value(result.result).map_err(|error| unreadable(url, &error))?;
    vector
        .into_iter()
        .map(|element| {
            let (_, text) = &element.value;
            // Rust reads what Prometheus writes: `+Inf`, `-Inf`, `NaN` and decimal numbers.
            let value = text.parse().map_err(|_| PrometheusError::NoAnswer {
                url: url.to_owned(),
                status: 200,
                reason: format!("`{text}` is no number"),
            })?;
            Ok(Sample {
                labels: element.metric,
                value,
            })
        })
        .collect()
}

fn unreadable(url: &str, error: &serde_json::Error) -> PrometheusError {
    PrometheusError::NoAnswer {
        url: url.to_owned(),
        status: 200,
        reason: error.to_string(),
    }
}

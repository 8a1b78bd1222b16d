//! Responses of Prometheus' HTTP API (`/api/v1`).

use std::collections::BTreeMap;

use serde::Deserialize;
use setpoint_rules::{Sample, Series};

/// Why a request to Prometheus failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PrometheusError {
    #[error("reach Prometheus at {url}")]
    Send {
        /// Without credentials, in all variants.
        url: String,
        #[source]
        source: reqwest::Error,
    },
    #[error(
        "Prometheus at {url} answered {status} with something that is no API answer ({reason}); is it Prometheus?"
    )]
    NoAnswer {
        url: String,
        status: u16,
        reason: String,
    },
    #[error("Prometheus at {url} answered {status} {kind}: {message}")]
    Rejected {
        url: String,
        status: u16,
        /// `errorType`
        kind: String,
        /// `error`
        message: String,
    },
    #[error(
        "the query gives a {kind} instead of an instant vector; metricsQuery needs one value for each object"
    )]
    NoVector {
        /// `resultType`
        kind: String,
    },
    #[error("read Prometheus' bearer token from {path}")]
    Token {
        path: String,
        #[source]
        source: std::io::Error,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ApiResponse {
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

/// The data of a successful response.
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
    // Prometheus' API has no other codes (`pkg/client/api.go`).
    if !matches!(status, 200..=299 | 400 | 422 | 503) {
        return Err(no_answer(format!("unknown response code {status}")));
    }
    let response: ApiResponse =
        serde_json::from_slice(body).map_err(|error| no_answer(error.to_string()))?;
    if response.status == "success" {
        return Ok(response.data);
    }
    Err(PrometheusError::Rejected {
        url: url.to_owned(),
        status,
        kind: response.error_type,
        message: response.error,
    })
}

/// The series in the data of `/series`.
pub(super) fn series(url: &str, data: serde_json::Value) -> Result<Vec<Series>, PrometheusError> {
    let found: Vec<BTreeMap<String, String>> =
        serde_json::from_value(data).map_err(|error| unreadable(url, &error))?;
    Ok(found.into_iter().map(Series::from_labels).collect())
}

/// The samples in the data of `/query`.
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
            // Rust parses `+Inf`, `-Inf` and `NaN` as Prometheus writes them.
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

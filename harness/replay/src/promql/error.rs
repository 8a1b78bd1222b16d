//! Why a query has no answer.

use std::time::Duration;

use thiserror::Error;

/// Why a query has no answer; the texts are Prometheus'.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum QueryError {
    /// It isn't PromQL.
    #[error("{0}")]
    Parse(String),
    /// It is PromQL that this evaluator doesn't know, or too large for it.
    #[error("not supported by setpoint's fake Prometheus: {0}")]
    Unsupported(String),
    /// Two elements of a vector have the same labels.
    #[error("vector cannot contain metrics with the same labelset")]
    DuplicateLabels,
    /// It can't be evaluated on these series.
    #[error("{0}")]
    Execution(String),
    /// More samples than [`super::Settings::max_samples`].
    #[error("query processing would load too many samples into memory in query execution")]
    TooManySamples,
    /// It took longer than [`super::Settings::timeout`].
    #[error("query timed out in expression evaluation: it takes more than {0:?}")]
    TimedOut(Duration),
}

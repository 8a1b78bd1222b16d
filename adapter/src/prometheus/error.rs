//! Why Prometheus gives no answer.

use setpoint_rules::TooManyNames;

use super::stream::StreamError;

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
    #[error("the answer of Prometheus at {url} is too long: {reason}")]
    TooLong { url: String, reason: String },
    #[error(transparent)]
    TooManyNames(TooManyNames),
    #[error("read Prometheus' {what} from {path}")]
    Secret {
        /// `bearer token` or `password`.
        what: &'static str,
        path: String,
        #[source]
        source: std::io::Error,
    },
    #[error("the upstream `{name}` is none of those of the configuration now")]
    NoUpstream { name: String },
}

impl PrometheusError {
    /// What an answer that can't be read is, at `url` and with this status.
    pub(super) fn unreadable(url: &str, status: u16, error: StreamError) -> Self {
        let url = url.to_owned();
        match error {
            StreamError::NoVector(kind) => Self::NoVector { kind },
            StreamError::TooManyNames(error) => Self::TooManyNames(error),
            StreamError::TooLong { .. } => Self::TooLong {
                url,
                reason: error.to_string(),
            },
            StreamError::Malformed { .. } => Self::NoAnswer {
                url,
                status,
                reason: error.to_string(),
            },
        }
    }

    /// Whether Prometheus has answered, though not as it should.
    pub(super) fn is_answer(&self) -> bool {
        !matches!(
            self,
            Self::Send { .. } | Self::Secret { .. } | Self::NoUpstream { .. }
        )
    }

    /// Whether Prometheus can't be used, whatever it is asked.
    pub(crate) fn is_unusable(&self) -> bool {
        match self {
            Self::Send { .. }
            | Self::NoAnswer { .. }
            | Self::Secret { .. }
            | Self::NoUpstream { .. } => true,
            // Not ready, or too slow.
            Self::Rejected { status, .. } => *status == 503,
            Self::NoVector { .. } | Self::TooLong { .. } | Self::TooManyNames(_) => false,
        }
    }

    /// The kind of failure in one word. Two failures of one kind may have different words.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Send { source, .. } if source.is_timeout() => "timeout",
            Self::Send { .. } => "unreachable",
            Self::NoAnswer { .. } => "no_answer",
            Self::Rejected { .. } => "rejected",
            Self::NoVector { .. } => "no_vector",
            Self::TooLong { .. } | Self::TooManyNames(_) => "too_long",
            Self::Secret { .. } => "token",
            Self::NoUpstream { .. } => "no_upstream",
        }
    }
}

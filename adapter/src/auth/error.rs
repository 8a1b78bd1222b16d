//! Why a request isn't authenticated or authorized.

use std::sync::Arc;

use super::reviews::ReviewError;

/// Why credentials aren't valid. It is for the log: the client only gets 401.
///
/// Any client can present a certificate with any name, so names are escaped: they can't forge lines
/// of the log.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum AuthenticationError {
    #[error("verifying certificate of {common_name:?} failed: x509: {reason}")]
    Certificate {
        common_name: String,
        reason: rustls::Error,
    },
    /// The request-header CA issued the certificate, but not for an allowed name.
    #[error("x509: subject with cn={} is not in the allowed list", .common_name.escape_debug())]
    NotAllowed { common_name: String },
    #[error("read the client certificate: {reason}")]
    Unreadable { reason: String },
    #[error("invalid bearer token")]
    InvalidToken,
    #[error("review the bearer token")]
    TokenReview(#[source] Arc<TokenReviewError>),
}

impl AuthenticationError {
    /// Whether there were too many other questions to the API server.
    pub(crate) fn is_busy(&self) -> bool {
        let Self::TokenReview(error) = self else {
            return false;
        };
        matches!(&**error, TokenReviewError::Ask(ReviewError::Busy))
    }
}

impl AccessReviewError {
    /// Whether there were too many other questions to the API server.
    pub(crate) fn is_busy(&self) -> bool {
        matches!(self, Self::Ask(ReviewError::Busy))
    }
}

/// Why a token couldn't be reviewed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TokenReviewError {
    #[error(
        "ask the API server by TokenReview; the adapter's ServiceAccount needs ClusterRole system:auth-delegator"
    )]
    Ask(#[source] ReviewError),
    /// The error in the status of the TokenReview.
    #[error("{0}")]
    Reviewed(String),
}

/// Why access couldn't be reviewed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AccessReviewError {
    #[error(
        "ask the API server by SubjectAccessReview; the adapter's ServiceAccount needs ClusterRole system:auth-delegator"
    )]
    Ask(#[source] ReviewError),
    #[error("the SubjectAccessReview's answer is both allowed and denied")]
    Both,
    #[error("write a SubjectAccessReview")]
    Write(#[from] serde_json::Error),
}

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

    /// What clients read of it: that the API server refuses the question, in its words, but not what it says of the
    /// adapter's ServiceAccount.
    pub(crate) fn for_clients(&self) -> String {
        match self {
            Self::Ask(ReviewError::Failed(kube::Error::Api(status))) if status.code == 403 => {
                format!("{self}: subjectaccessreviews.authorization.k8s.io is forbidden")
            }
            _ => self.to_string(),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_read_that_a_question_is_forbidden_but_not_for_whom() {
        let status = kube::core::Status {
            code: 403,
            message: "User \"system:serviceaccount:a:adapter\" cannot create resource".to_owned(),
            ..kube::core::Status::default()
        };
        let refused = ReviewError::Failed(kube::Error::Api(Box::new(status)));
        let text = AccessReviewError::Ask(refused).for_clients();
        assert!(
            text.ends_with(": subjectaccessreviews.authorization.k8s.io is forbidden"),
            "{text}"
        );
        assert!(!text.contains("serviceaccount:"), "{text}");
    }
}

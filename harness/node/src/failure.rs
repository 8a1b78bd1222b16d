//! What failed, and what was being done.

use std::error::Error;

type BoxError = Box<dyn Error + Send + Sync>;

/// Something failed that is told, and that nobody tells apart from another failure.
#[derive(Debug, thiserror::Error)]
#[error("{doing}")]
pub(crate) struct Failure {
    doing: String,
    source: BoxError,
}

/// What was being done, before an error that it failed by.
pub(crate) fn failed<E: Into<BoxError>>(doing: impl Into<String>) -> impl FnOnce(E) -> Failure {
    let doing = doing.into();
    move |source| Failure {
        doing,
        source: source.into(),
    }
}

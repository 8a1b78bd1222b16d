//! Errors as people read them.

use std::error::Error;

/// An error and its sources in one line; a source that the text before it already ends with is not repeated.
///
/// Of an API server's refusal only its message is told: the client's own text repeats the whole `Status` behind it,
/// twice.
pub(crate) fn words(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = Some(error);
    while let Some(error) = cause {
        let words = error.to_string();
        if !text.ends_with(&words) {
            text = format!("{text}: {words}");
        }
        if let Some(kube::Error::Api(refusal)) = error.downcast_ref() {
            return text.replace(&words, &refusal.message);
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use kube::core::Status;
    use kube::runtime::watcher;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("ask for rights")]
    struct Asked(#[source] kube::Error);

    fn refusal() -> kube::Error {
        let message = "pods is forbidden: User \"a\" cannot list resource \"pods\"";
        kube::Error::Api(Box::new(
            Status::failure(message, "Forbidden").with_code(403),
        ))
    }

    #[test]
    fn a_refusal_is_told_once_and_without_the_document_behind_it() {
        let told = "pods is forbidden: User \"a\" cannot list resource \"pods\"";
        assert_eq!(words(&refusal()), told);
        assert_eq!(words(&Asked(refusal())), format!("ask for rights: {told}"));
        assert_eq!(
            words(&watcher::Error::InitialListFailed(refusal())),
            format!("failed to perform initial object list: {told}")
        );
    }

    #[test]
    fn sources_are_told_in_their_order() {
        let error = std::io::Error::other("no route");
        let asked = Asked(kube::Error::Service(Box::new(error)));
        assert_eq!(words(&asked), "ask for rights: ServiceError: no route");
    }
}

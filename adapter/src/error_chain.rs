//! Errors as one line of text.

use std::error::Error;

use setpoint_support::error_chain_until;

use crate::text::cut;

/// Bytes of an error in the log.
const LOGGED_BYTES: usize = 2 << 10;

/// An error and its sources in one line of at most 2 KiB. Of an API server's refusal only the message stands in it:
/// the client's own text repeats the whole `Status` behind it, twice.
pub(crate) fn error_chain(error: &(dyn Error + 'static)) -> String {
    let chain = error_chain_until(error, |error| match error.downcast_ref() {
        Some(kube::Error::Api(refusal)) => Some(refusal.message.clone()),
        _ => None,
    });
    cut(&chain, LOGGED_BYTES).into_owned()
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
    fn a_refusal_appears_once_and_without_the_document_behind_it() {
        let message = "pods is forbidden: User \"a\" cannot list resource \"pods\"";
        assert_eq!(error_chain(&refusal()), message);
        assert_eq!(
            error_chain(&Asked(refusal())),
            format!("ask for rights: {message}")
        );
        assert_eq!(
            error_chain(&watcher::Error::InitialListFailed(refusal())),
            format!("failed to perform initial object list: {message}")
        );
    }

    #[test]
    fn what_others_say_is_cut() {
        let error = std::io::Error::other("x".repeat(1 << 20));
        assert!(error_chain(&error).len() < 2100);
    }

    #[test]
    fn sources_appear_in_their_order() {
        let error = std::io::Error::other("no route");
        let asked = Asked(kube::Error::Service(Box::new(error)));
        assert_eq!(
            error_chain(&asked),
            "ask for rights: ServiceError: no route"
        );
    }
}

//! Kubernetes' delegated authentication and authorization.

mod authorize;
mod bearer;
mod config;
mod delegated;
pub(crate) mod error;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod request_header;
mod reviews;
mod user;
mod verdict;
mod watch;
mod x509;

use std::sync::Arc;

use aws_lc_rs::digest;
use futures::future::BoxFuture;
use http::HeaderMap;
use setpoint_serve::Peer;

use crate::request_info::RequestInfo;

pub(crate) use authorize::{
    AllowedPath, ApiServerAccessReviewer, AuthorizationOptions, DelegatedAuthorizer, InnerStar,
};
pub(crate) use bearer::{ApiServerTokenReviewer, BearerTokens};
pub(crate) use config::AuthenticationConfig;
pub(crate) use delegated::DelegatedAuthenticator;
pub(crate) use error::{AccessReviewError, AuthenticationError};
#[cfg(test)]
pub(crate) use reviews::ReviewError;
pub(crate) use user::User;
pub(crate) use watch::{AuthenticationOptions, RequestHeaderOptions, watch_client_ca};

/// What stands for a question in a cache: it is short, and tells nothing of a credential.
type Digest = [u8; digest::SHA256_OUTPUT_LEN];

fn digest_of(question: &[u8]) -> Digest {
    let mut key = [0; digest::SHA256_OUTPUT_LEN];
    key.copy_from_slice(digest::digest(&digest::SHA256, question).as_ref());
    key
}

/// Authenticates requests.
pub(crate) trait Authenticator: Send + Sync + 'static {
    /// The user of a request, by the certificates of its connection and its headers.
    /// It is an error if there are credentials and none of them is valid; without credentials the
    /// user is anonymous.
    fn authenticate<'a>(
        &'a self,
        peer: &'a Peer,
        headers: &'a HeaderMap,
    ) -> BoxFuture<'a, Result<User, AuthenticationError>>;

    /// Whether the first attempt to look up the client CA has ended.
    fn is_configured(&self) -> bool;
}

/// The answer of an authorizer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Decision {
    Allow,
    /// With the reason, which is often empty.
    Deny(String),
}

/// Authorizes requests.
pub(crate) trait Authorizer: Send + Sync + 'static {
    /// Whether a user may make a request. After an error the request must not be served.
    fn authorize<'a>(
        &'a self,
        user: &'a User,
        request: &'a RequestInfo,
    ) -> BoxFuture<'a, Result<Decision, Arc<AccessReviewError>>>;
}

//! Kubernetes' delegated authentication and authorization.

mod authorize;
pub(crate) mod bearer;
mod config;
mod delegated;
mod request_header;
mod watch;
mod x509;

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::BoxFuture;
use http::HeaderMap;
use rustls_pki_types::CertificateDer;

use crate::request_info::RequestInfo;

pub(crate) use authorize::{
    AccessReviewError, ApiServerAccessReviewer, AuthorizationOptions, DelegatedAuthorizer,
};
pub(crate) use bearer::{ApiServerTokenReviewer, BearerTokens};
pub(crate) use config::AuthenticationConfig;
pub(crate) use delegated::{AuthenticationError, DelegatedAuthenticator};
pub(crate) use watch::{AuthenticationOptions, RequestHeaderOptions, watch_client_ca};

/// A user of Kubernetes (`user.Info`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct User {
    /// Such as `system:serviceaccount:kube-system:horizontal-pod-autoscaler`.
    pub(crate) name: String,
    /// Differs between users that have the same name at different times; may be empty.
    pub(crate) uid: String,
    pub(crate) groups: Vec<String>,
    /// Further attributes from the authenticator.
    pub(crate) extra: BTreeMap<String, Vec<String>>,
}

impl User {
    /// The user of a request without credentials (`user.Anonymous`).
    pub(crate) fn anonymous() -> Self {
        Self {
            name: "system:anonymous".to_owned(),
            uid: String::new(),
            groups: vec!["system:unauthenticated".to_owned()],
            extra: BTreeMap::new(),
        }
    }

    /// The same user as a member of `system:authenticated`.
    fn authenticated(mut self) -> Self {
        const AUTHENTICATED: &str = "system:authenticated";
        if !self.groups.iter().any(|group| group == AUTHENTICATED) {
            self.groups.push(AUTHENTICATED.to_owned());
        }
        self
    }
}

/// Authenticates requests.
pub(crate) trait Authenticator: Send + Sync + 'static {
    /// The user of a request, by the certificates of its connection (leaf first) and its headers.
    /// It is an error if there are credentials and none of them is valid; without credentials the
    /// user is anonymous.
    fn authenticate<'a>(
        &'a self,
        certificates: &'a [CertificateDer<'static>],
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

//! Who asks, and whether they may: Kubernetes' delegated authentication and authorization.

mod authorize;
pub(crate) mod bearer;
mod config;
mod delegated;
mod request_header;
mod watch;
mod x509;

use std::collections::BTreeMap;
use std::error::Error;

use futures::future::BoxFuture;
use http::HeaderMap;
use rustls_pki_types::CertificateDer;

use crate::request_info::RequestInfo;

pub(crate) use authorize::{ApiServerAccessReviewer, AuthorizationOptions, DelegatedAuthorizer};
pub(crate) use bearer::{ApiServerTokenReviewer, BearerTokens};
pub(crate) use config::AuthenticationConfig;
pub(crate) use delegated::{AuthenticationError, DelegatedAuthenticator};
pub(crate) use watch::{RequestHeaderSource, TrustSources, follow_trust};

/// Somebody known to Kubernetes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct User {
    /// The name, such as `system:serviceaccount:kube-system:horizontal-pod-autoscaler`.
    pub(crate) name: String,
    /// What tells the user from others of that name, at other times; may be empty.
    pub(crate) uid: String,
    /// The groups.
    pub(crate) groups: Vec<String>,
    /// What else the authenticator knows.
    pub(crate) extra: BTreeMap<String, Vec<String>>,
}

impl User {
    /// Who shows no credentials (`user.Anonymous`).
    pub(crate) fn anonymous() -> Self {
        Self {
            name: "system:anonymous".to_owned(),
            uid: String::new(),
            groups: vec!["system:unauthenticated".to_owned()],
            extra: BTreeMap::new(),
        }
    }

    /// The same user in the group of all authenticated ones.
    fn authenticated(mut self) -> Self {
        const AUTHENTICATED: &str = "system:authenticated";
        if !self.groups.iter().any(|group| group == AUTHENTICATED) {
            self.groups.push(AUTHENTICATED.to_owned());
        }
        self
    }
}

/// Says who asks.
pub(crate) trait Authenticator: Send + Sync + 'static {
    /// The caller behind a connection's certificates (leaf first) and a request's headers.
    ///
    /// # Errors
    /// Credentials were shown and none of them holds. Without credentials the caller is anonymous.
    fn authenticate<'a>(
        &'a self,
        certificates: &'a [CertificateDer<'static>],
        headers: &'a HeaderMap,
    ) -> BoxFuture<'a, Result<User, AuthenticationError>>;

    /// Whether the first attempt to learn whom to trust has ended.
    fn is_configured(&self) -> bool;
}

/// An authorizer's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Decision {
    /// The caller may.
    Allow,
    /// The caller may not, for this reason (often empty).
    Deny(String),
}

/// Says who may.
pub(crate) trait Authorizer: Send + Sync + 'static {
    /// Whether a user may do what a request asks.
    ///
    /// # Errors
    /// It couldn't be found out; the request must not be served.
    fn authorize<'a>(
        &'a self,
        user: &'a User,
        request: &'a RequestInfo,
    ) -> BoxFuture<'a, Result<Decision, Box<dyn Error + Send + Sync>>>;
}

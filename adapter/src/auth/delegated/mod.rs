//! The authenticators, one after the other
//! (`apiserver/pkg/authentication/authenticatorfactory/delegating.go`).

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use futures::future::BoxFuture;
use http::HeaderMap;
use rustls_pki_types::CertificateDer;

use super::error::AuthenticationError;
use super::x509::PresentedChain;
use super::{AuthenticationConfig, Authenticator, BearerTokens, User};

/// Authenticates by request headers, then by client certificate, then by bearer token.
///
/// The first that gives a user counts, whatever the others say. If none does, a request without
/// credentials is anonymous; one with invalid credentials is refused, not anonymous
/// (`union.NewFailOnError`).
#[derive(Default)]
pub(crate) struct DelegatedAuthenticator {
    config: ArcSwapOption<AuthenticationConfig>,
    tokens: Option<BearerTokens>,
}

impl DelegatedAuthenticator {
    /// Trusts no certificate until [`Self::replace`] is called.
    pub(crate) fn new(tokens: Option<BearerTokens>) -> Self {
        Self {
            config: ArcSwapOption::empty(),
            tokens,
        }
    }

    /// Uses `config` from the next request on.
    pub(crate) fn replace(&self, config: Arc<AuthenticationConfig>) {
        self.config.store(Some(config));
    }

    pub(crate) fn has_client_ca(&self) -> bool {
        self.config.load().is_some()
    }

    async fn user(
        &self,
        certificates: &[CertificateDer<'static>],
        headers: &HeaderMap,
    ) -> Result<User, AuthenticationError> {
        let mut refusal = None;
        match self.by_certificate(certificates, headers) {
            Ok(Some(user)) => return Ok(user.authenticated()),
            Ok(None) => {}
            Err(error) => refusal = Some(error),
        }
        if let Some(tokens) = &self.tokens {
            match tokens.authenticate(headers).await {
                Ok(Some(user)) => return Ok(user.authenticated()),
                Ok(None) => {}
                Err(error) => refusal = refusal.or(Some(error)),
            }
        }
        refusal.map_or_else(|| Ok(User::anonymous()), Err)
    }

    fn by_certificate(
        &self,
        certificates: &[CertificateDer<'static>],
        headers: &HeaderMap,
    ) -> Result<Option<User>, AuthenticationError> {
        // Before the client CA is known certificates are ignored, as in the Go library
        // (`VerifyOptions` of `ConfigMapCAController`): the user is anonymous, and the adapter
        // isn't ready.
        let config = self.config.load();
        let chain = PresentedChain::parse(certificates)?;
        let (Some(config), Some(chain)) = (config.as_deref(), chain) else {
            return Ok(None);
        };
        let mut refusal = None;
        if let Some(authorities) = &config.request_header_ca {
            match config.headers.authenticate(authorities, &chain, headers) {
                Ok(Some(user)) => return Ok(Some(user)),
                Ok(None) => {}
                Err(error) => refusal = Some(error),
            }
        }
        if let Some(authorities) = &config.client_ca {
            match (authorities.verify(&chain), chain.subject.user()) {
                (Ok(()), Some(user)) => return Ok(Some(user)),
                // The subject has no name.
                (Ok(()), None) => {}
                (Err(error), _) => refusal = refusal.or(Some(error)),
            }
        }
        refusal.map_or(Ok(None), Err)
    }
}

impl Authenticator for DelegatedAuthenticator {
    fn authenticate<'a>(
        &'a self,
        certificates: &'a [CertificateDer<'static>],
        headers: &'a HeaderMap,
    ) -> BoxFuture<'a, Result<User, AuthenticationError>> {
        Box::pin(self.user(certificates, headers))
    }

    fn is_configured(&self) -> bool {
        self.has_client_ca()
    }
}

#[cfg(test)]
mod laws;
#[cfg(test)]
pub(super) mod tests;

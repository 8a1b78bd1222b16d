//! The authenticators, one after the other (`apiserver/pkg/authentication/authenticatorfactory/delegating.go`).

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use futures::future::BoxFuture;
use http::HeaderMap;
use rustls_pki_types::CertificateDer;

use super::bearer::TokenReviewError;
use super::x509::Shown;
use super::{AuthenticationConfig, Authenticator, BearerTokens, User};

/// Why shown credentials don't hold. For the log: the caller only hears 401.
///
/// Anybody can show a certificate with any name in it, so names are escaped: they can't look like lines of the log.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AuthenticationError {
    /// No trusted authority stands behind the certificate, or it isn't for clients, or not for now.
    #[error("verifying certificate of {common_name:?} failed: x509: {reason}")]
    Certificate {
        /// The subject's CN.
        common_name: String,
        /// What is wrong.
        reason: String,
    },
    /// The front proxy's authority stands behind it, but not for this name.
    #[error("x509: subject with cn={} is not in the allowed list", .common_name.escape_debug())]
    NotAllowed {
        /// The subject's CN.
        common_name: String,
    },
    /// The certificate itself is broken.
    #[error("read the client certificate: {reason}")]
    Unreadable {
        /// What is wrong.
        reason: String,
    },
    /// The bearer token isn't anybody's.
    #[error("invalid bearer token")]
    InvalidToken,
    /// Nobody knows whose the bearer token is.
    #[error("review the bearer token")]
    TokenReview(#[source] Arc<TokenReviewError>),
}

/// Front proxy, then client certificate, then bearer token.
///
/// The first that knows the caller counts, whatever others say. If none does, one that shows no credentials is
/// anonymous; one that shows some which don't hold is refused, not anonymous (`union.NewFailOnError`).
#[derive(Default)]
pub(crate) struct DelegatedAuthenticator {
    config: ArcSwapOption<AuthenticationConfig>,
    tokens: Option<BearerTokens>,
}

impl DelegatedAuthenticator {
    /// Trusts no certificate until [`Self::replace`].
    pub(crate) fn new(tokens: Option<BearerTokens>) -> Self {
        Self {
            config: ArcSwapOption::empty(),
            tokens,
        }
    }

    /// Trusts whom `config` names from the next request on.
    pub(crate) fn replace(&self, config: Arc<AuthenticationConfig>) {
        self.config.store(Some(config));
    }

    /// Whether [`Self::replace`] has been called.
    pub(crate) fn knows_whom_to_trust(&self) -> bool {
        self.config.load().is_some()
    }

    async fn judge(
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
        // While it isn't known whom to trust, a certificate says nothing, as in the Go library (`VerifyOptions` of
        // `ConfigMapCAController`): its holder is anonymous, and the adapter isn't ready.
        let config = self.config.load();
        let (Some(config), Some(shown)) = (config.as_deref(), Shown::of(certificates)?) else {
            return Ok(None);
        };
        let mut refusal = None;
        if let Some(authorities) = &config.front_proxy {
            match config.headers.authenticate(authorities, &shown, headers) {
                Ok(Some(user)) => return Ok(Some(user)),
                Ok(None) => {}
                Err(error) => refusal = Some(error),
            }
        }
        if let Some(authorities) = &config.client_ca {
            match (authorities.verify(&shown), shown.subject.user()) {
                (Ok(()), Some(user)) => return Ok(Some(user)),
                // A subject without a name is nobody.
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
        Box::pin(self.judge(certificates, headers))
    }

    fn is_configured(&self) -> bool {
        self.knows_whom_to_trust()
    }
}

#[cfg(test)]
mod laws;
#[cfg(test)]
pub(super) mod tests;

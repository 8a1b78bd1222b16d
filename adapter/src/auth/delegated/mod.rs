//! The authenticators, one after the other
//! (`apiserver/pkg/authentication/authenticatorfactory/delegating.go`).

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use futures::future::BoxFuture;
use http::HeaderMap;
use setpoint_serve::Peer;

use super::error::AuthenticationError;
use super::verdict::Judge;
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
    judge: Judge,
}

impl DelegatedAuthenticator {
    /// Trusts no certificate until [`Self::replace`] is called.
    pub(crate) fn new(tokens: Option<BearerTokens>) -> Self {
        Self {
            config: ArcSwapOption::empty(),
            tokens,
            judge: Judge::default(),
        }
    }

    /// Uses `config` from the next request on.
    pub(crate) fn replace(&self, config: Arc<AuthenticationConfig>) {
        self.config.store(Some(config));
    }

    pub(crate) fn has_client_ca(&self) -> bool {
        self.config.load().is_some()
    }

    /// Whether a client is a front proxy, whose requests are those of many users.
    pub(crate) async fn is_front_proxy(&self, peer: &Peer) -> bool {
        let Some(config) = self.config.load_full() else {
            return false;
        };
        let verdict = self.judge.verdict(peer, &config).await;
        matches!(verdict, Ok(Some(verdict)) if matches!(verdict.front_proxy, Some(Ok(()))))
    }

    async fn user(&self, peer: &Peer, headers: &HeaderMap) -> Result<User, AuthenticationError> {
        let mut refusal = None;
        match self.by_certificate(peer, headers).await {
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

    async fn by_certificate(
        &self,
        peer: &Peer,
        headers: &HeaderMap,
    ) -> Result<Option<User>, AuthenticationError> {
        // Before the client CA is known certificates are ignored, as in the Go library
        // (`VerifyOptions` of `ConfigMapCAController`): the user is anonymous, and the adapter
        // isn't ready.
        let Some(config) = self.config.load_full() else {
            return Ok(None);
        };
        let Some(verdict) = self.judge.verdict(peer, &config).await? else {
            return Ok(None);
        };
        let mut refusal = None;
        match &verdict.front_proxy {
            Some(Ok(())) => {
                let user = config.headers.user(headers);
                if user.is_some() {
                    return Ok(user);
                }
            }
            Some(Err(error)) => refusal = Some(error),
            None => {}
        }
        match (&verdict.client, verdict.subject.user()) {
            (Some(Ok(())), Some(user)) => return Ok(Some(user)),
            (Some(Err(error)), _) => refusal = refusal.or(Some(error)),
            // There is no client CA, or the subject has no name.
            _ => {}
        }
        refusal.map_or(Ok(None), |error| Err(error.clone()))
    }
}

impl Authenticator for DelegatedAuthenticator {
    fn authenticate<'a>(
        &'a self,
        peer: &'a Peer,
        headers: &'a HeaderMap,
    ) -> BoxFuture<'a, Result<User, AuthenticationError>> {
        Box::pin(self.user(peer, headers))
    }

    fn is_configured(&self) -> bool {
        self.has_client_ca()
    }
}

#[cfg(test)]
mod laws;
#[cfg(test)]
pub(super) mod tests;

//! Bearer tokens, reviewed by the API server
//! (`apiserver/pkg/authentication/{request/bearertoken/bearertoken.go,token/cache}`,
//! `plugin/pkg/authenticator/token/webhook`).

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use http::{HeaderMap, header};
use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec, TokenReviewStatus};
use kube::api::PostParams;
use kube::{Api, Client};
use moka::future::Cache;

use super::error::{AuthenticationError, TokenReviewError};
use super::reviews::{About, Reviews};
use super::{Digest, User, digest_of};
use crate::metrics::OwnMetrics;

/// How many answers are cached.
const CACHED: u64 = 4096;

/// Reviews tokens.
pub(crate) trait TokenReviewer: Send + Sync + 'static {
    /// The user of a token; none if the token is invalid.
    fn review<'a>(
        &'a self,
        token: &'a str,
    ) -> BoxFuture<'a, Result<Option<User>, TokenReviewError>>;
}

/// Lets the API server answer.
pub(crate) struct ApiServerTokenReviewer {
    api: Api<TokenReview>,
    reviews: Reviews,
}

impl ApiServerTokenReviewer {
    /// Needs a client that may create TokenReviews (ClusterRole `system:auth-delegator`).
    pub(crate) fn new(client: Client, metrics: OwnMetrics) -> Self {
        Self {
            api: Api::all(client),
            reviews: Reviews::new("tokenreview", metrics),
        }
    }
}

impl TokenReviewer for ApiServerTokenReviewer {
    fn review<'a>(
        &'a self,
        token: &'a str,
    ) -> BoxFuture<'a, Result<Option<User>, TokenReviewError>> {
        Box::pin(async move {
            let review = TokenReview {
                spec: TokenReviewSpec {
                    token: token.to_owned(),
                    ..TokenReviewSpec::default()
                },
                ..TokenReview::default()
            };
            let parameters = PostParams::default();
            let create = || self.api.create(&parameters, &review);
            let review = self.reviews.ask(About::Known, create).await;
            let review = review.map_err(TokenReviewError::Ask)?;
            reviewed(review.status.unwrap_or_default())
        })
    }
}

fn reviewed(status: TokenReviewStatus) -> Result<Option<User>, TokenReviewError> {
    if !status.authenticated.unwrap_or(false) {
        return match status.error.filter(|error| !error.is_empty()) {
            Some(error) => Err(TokenReviewError::Reviewed(error)),
            None => Ok(None),
        };
    }
    let user = status.user.unwrap_or_default();
    Ok(Some(User {
        name: user.username.unwrap_or_default(),
        uid: user.uid.unwrap_or_default(),
        groups: user.groups.unwrap_or_default(),
        extra: user.extra.unwrap_or_default(),
    }))
}

/// Caches the answers of a reviewer, and asks it once for equal tokens at the same time.
///
/// Errors aren't cached (`tokencache.New(…, cacheErrs: false, …)`). Nor are tokens: the key is
/// their digest.
pub(crate) struct BearerTokens {
    reviewer: Arc<dyn TokenReviewer>,
    answers: Cache<Digest, Option<User>>,
}

impl BearerTokens {
    /// Caches answers for `time_to_live` (`--authentication-token-webhook-cache-ttl`).
    pub(crate) fn new(reviewer: Arc<dyn TokenReviewer>, time_to_live: Duration) -> Self {
        Self {
            reviewer,
            answers: Cache::builder()
                .max_capacity(CACHED)
                .time_to_live(time_to_live)
                .build(),
        }
    }

    /// The user of a request's token; none if the request has no token.
    pub(super) async fn authenticate(
        &self,
        headers: &HeaderMap,
    ) -> Result<Option<User>, AuthenticationError> {
        let Some(token) = token(headers) else {
            return Ok(None);
        };
        let review = self.reviewer.review(&token);
        let key = digest_of(token.as_bytes());
        let answer = self.answers.try_get_with(key, review).await;
        match answer {
            Ok(Some(user)) => Ok(Some(user)),
            Ok(None) => Err(AuthenticationError::InvalidToken),
            Err(error) => Err(AuthenticationError::TokenReview(error)),
        }
    }
}

/// The token in `Authorization: Bearer …`. Other schemes and an empty token count as none.
fn token(headers: &HeaderMap) -> Option<String> {
    let authorization = String::from_utf8_lossy(headers.get(header::AUTHORIZATION)?.as_bytes());
    let mut parts = authorization.trim().splitn(3, ' ');
    let scheme = parts.next()?;
    let token = parts.next()?;
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then(|| token.to_owned())
}

#[cfg(test)]
mod tests;

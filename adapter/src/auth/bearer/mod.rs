//! Bearer tokens, reviewed by the API server
//! (`apiserver/pkg/authentication/{request/bearertoken/bearertoken.go,token/cache}`,
//! `plugin/pkg/authenticator/token/webhook`).

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest;
use futures::future::BoxFuture;
use http::{HeaderMap, header};
use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec, TokenReviewStatus};
use kube::api::PostParams;
use kube::{Api, Client};
use moka::future::Cache;

use super::User;
use super::error::{AuthenticationError, TokenReviewError};

/// How long a review may take (`DelegatingAuthenticationOptions.TokenRequestTimeout`).
const REVIEW_TIMEOUT: Duration = Duration::from_secs(10);
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
    reviews: Api<TokenReview>,
}

impl ApiServerTokenReviewer {
    /// Needs a client that may create TokenReviews (ClusterRole `system:auth-delegator`).
    pub(crate) fn new(client: Client) -> Self {
        Self {
            reviews: Api::all(client),
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
            let asked = self.reviews.create(&parameters, &review);
            let review = tokio::time::timeout(REVIEW_TIMEOUT, asked)
                .await
                .map_err(|_| TokenReviewError::Late(REVIEW_TIMEOUT))?
                .map_err(TokenReviewError::Ask)?;
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
    answers: Cache<[u8; digest::SHA256_OUTPUT_LEN], Option<User>>,
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
        let mut key = [0; digest::SHA256_OUTPUT_LEN];
        key.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
        let answer = self
            .answers
            .try_get_with(key, self.reviewer.review(&token))
            .await;
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

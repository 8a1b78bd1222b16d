//! Bearer tokens, judged by the API server
//! (`apiserver/pkg/authentication/{request/bearertoken/bearertoken.go,token/cache}`, `plugin/pkg/authenticator/token/webhook`).

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest;
use futures::future::BoxFuture;
use http::{HeaderMap, header};
use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec, TokenReviewStatus};
use kube::api::PostParams;
use kube::{Api, Client};
use moka::future::Cache;

use super::{AuthenticationError, User};

/// How long a review may take (`DelegatingAuthenticationOptions.TokenRequestTimeout`).
const REVIEW_TIMEOUT: Duration = Duration::from_secs(10);
/// Answers that are remembered at a time.
const REMEMBERED: u64 = 4096;

/// Says whose a token is.
pub(crate) trait TokenReviewer: Send + Sync + 'static {
    /// The user behind a token; none where it isn't anybody's.
    ///
    /// # Errors
    /// It couldn't be found out.
    fn review<'a>(
        &'a self,
        token: &'a str,
    ) -> BoxFuture<'a, Result<Option<User>, TokenReviewError>>;
}

/// Why nobody knows whose a token is.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TokenReviewError {
    /// The API server can't be asked.
    #[error(
        "ask the API server by TokenReview; the adapter's ServiceAccount needs ClusterRole system:auth-delegator"
    )]
    Ask(#[source] kube::Error),
    /// It doesn't answer in time.
    #[error("no answer to a TokenReview within {0:?}")]
    Late(Duration),
    /// It answered with an error of its own.
    #[error("{0}")]
    Reviewed(String),
}

/// Asks the API server by TokenReview.
pub(crate) struct ApiServerTokenReviewer {
    reviews: Api<TokenReview>,
}

impl ApiServerTokenReviewer {
    /// Asks through a client that may create TokenReviews (ClusterRole `system:auth-delegator`).
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
            judged(review.status.unwrap_or_default())
        })
    }
}

fn judged(status: TokenReviewStatus) -> Result<Option<User>, TokenReviewError> {
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

/// Remembers what a reviewer said for a while, and asks once where many ask at the same time.
///
/// Errors aren't remembered (`tokencache.New(…, cacheErrs: false, …)`). Tokens aren't either: the key is their digest.
pub(crate) struct BearerTokens {
    reviewer: Arc<dyn TokenReviewer>,
    answers: Cache<[u8; digest::SHA256_OUTPUT_LEN], Option<User>>,
}

impl BearerTokens {
    /// Remembers answers for `time_to_live` (`--authentication-token-webhook-cache-ttl`).
    pub(crate) fn new(reviewer: Arc<dyn TokenReviewer>, time_to_live: Duration) -> Self {
        Self {
            reviewer,
            answers: Cache::builder()
                .max_capacity(REMEMBERED)
                .time_to_live(time_to_live)
                .build(),
        }
    }

    /// Whose the request's token is; none where the request has no token.
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

/// The token in `Authorization: Bearer …`. Other schemes and an empty token are as good as none.
fn token(headers: &HeaderMap) -> Option<String> {
    let authorization = String::from_utf8_lossy(headers.get(header::AUTHORIZATION)?.as_bytes());
    let mut parts = authorization.trim().splitn(3, ' ');
    let scheme = parts.next()?;
    let token = parts.next()?;
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then(|| token.to_owned())
}

#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicUsize, Ordering};

use http::HeaderValue;
use k8s_openapi::api::authentication::v1::UserInfo;
use tokio::sync::Semaphore;

use super::*;
use crate::auth::ReviewError;

/// Tokens that begin with `of-` are valid; the review of `of-slow` waits for a permit.
struct Reviewer(AtomicUsize, Semaphore);

impl Default for Reviewer {
    fn default() -> Self {
        Self(AtomicUsize::new(0), Semaphore::new(0))
    }
}

impl TokenReviewer for Reviewer {
    fn review<'a>(
        &'a self,
        token: &'a str,
    ) -> BoxFuture<'a, Result<Option<User>, TokenReviewError>> {
        Box::pin(async move {
            self.0.fetch_add(1, Ordering::SeqCst);
            if token == "of-slow" {
                self.1.acquire().await.unwrap().forget();
            }
            if token == "unlucky" {
                return Err(TokenReviewError::Ask(ReviewError::Busy));
            }
            Ok(token.strip_prefix("of-").map(|name| User {
                name: name.to_owned(),
                ..User::default()
            }))
        })
    }
}

fn with(authorization: &'static [u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(
        header::AUTHORIZATION,
        HeaderValue::from_bytes(authorization).unwrap(),
    );
    headers
}

#[test]
fn only_a_bearer_token_that_is_not_empty_counts() {
    for (authorization, expected) in [
        (&b"Bearer abc"[..], Some("abc")),
        (b"bearer abc def", Some("abc")),
        (b"  BEARER abc  ", Some("abc")),
        (b"Bearer", None),
        (b"Bearer  abc", None),
        (b"Basic abc", None),
        (b"Bearer \xff", Some("\u{fffd}")),
    ] {
        assert_eq!(token(&with(authorization)).as_deref(), expected);
    }
}

#[tokio::test]
async fn a_token_is_reviewed_once_until_its_time_is_over_and_an_error_each_time() {
    let reviewer = Arc::new(Reviewer::default());
    let tokens = BearerTokens::new(reviewer.clone(), Duration::from_secs(10));
    for _ in 0..3 {
        let user = tokens
            .authenticate(&with(b"Bearer of-alice"))
            .await
            .unwrap();
        assert_eq!(user.unwrap().name, "alice");
        let refused = tokens.authenticate(&with(b"Bearer stranger")).await;
        assert_eq!(refused.unwrap_err().to_string(), "invalid bearer token");
    }
    assert_eq!(reviewer.0.load(Ordering::SeqCst), 2);
    for _ in 0..2 {
        tokens
            .authenticate(&with(b"Bearer unlucky"))
            .await
            .unwrap_err();
    }
    assert_eq!(reviewer.0.load(Ordering::SeqCst), 4);
    let forgetful = BearerTokens::new(reviewer.clone(), Duration::ZERO);
    for _ in 0..2 {
        forgetful
            .authenticate(&with(b"Bearer of-alice"))
            .await
            .unwrap();
    }
    assert_eq!(reviewer.0.load(Ordering::SeqCst), 6);
}

#[test]
fn a_review_gives_a_user_or_none_or_an_error() {
    let user = UserInfo {
        username: Some("alice".to_owned()),
        uid: Some("42".to_owned()),
        groups: Some(vec!["a".to_owned()]),
        extra: Some([("scopes".to_owned(), vec!["read".to_owned()])].into()),
    };
    let status = |authenticated, error: Option<&str>| TokenReviewStatus {
        authenticated: Some(authenticated),
        error: error.map(str::to_owned),
        user: Some(user.clone()),
        ..TokenReviewStatus::default()
    };
    let alice = User {
        name: "alice".to_owned(),
        uid: "42".to_owned(),
        groups: vec!["a".to_owned()],
        extra: [("scopes".to_owned(), vec!["read".to_owned()])].into(),
    };
    assert_eq!(reviewed(status(true, None)).unwrap(), Some(alice));
    assert_eq!(reviewed(status(false, None)).unwrap(), None);
    assert_eq!(reviewed(TokenReviewStatus::default()).unwrap(), None);
    let error = reviewed(status(false, Some("token expired"))).unwrap_err();
    assert_eq!(error.to_string(), "token expired");
}

#[tokio::test]
async fn equal_tokens_at_the_same_time_make_one_review() {
    let reviewer = Arc::new(Reviewer::default());
    let tokens = BearerTokens::new(reviewer.clone(), Duration::from_secs(10));
    let slow = with(b"Bearer of-slow");
    let asking = futures::future::join_all((0..50).map(|_| tokens.authenticate(&slow)));
    let opening = async { reviewer.1.add_permits(1) };
    let both = async { futures::join!(asking, opening) };
    let both = tokio::time::timeout(Duration::from_secs(20), both).await;
    let (answers, ()) = both.expect("one permit is enough");
    for answer in answers {
        assert_eq!(answer.unwrap().unwrap().name, "slow");
    }
    assert_eq!(reviewer.0.load(Ordering::SeqCst), 1);
}

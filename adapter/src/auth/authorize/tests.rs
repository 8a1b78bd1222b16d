use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Semaphore;

use super::*;

fn user(name: &str) -> User {
    User {
        name: name.to_owned(),
        groups: vec!["g".to_owned()],
        ..User::default()
    }
}

fn get(path: &str) -> RequestInfo {
    RequestInfo::new(&http::Method::GET, path).unwrap()
}

/// Allows alice, denies others and fails for mallory; counts the reviews.
struct Reviewer {
    asked: AtomicUsize,
    /// Answers wait for a permit each.
    gate: Semaphore,
}

impl Reviewer {
    fn new(permits: usize) -> Arc<Self> {
        Arc::new(Self {
            asked: AtomicUsize::new(0),
            gate: Semaphore::new(permits),
        })
    }
}

impl AccessReviewer for Reviewer {
    fn review(
        &self,
        spec: SubjectAccessReviewSpec,
    ) -> BoxFuture<'_, Result<Decision, AccessReviewError>> {
        Box::pin(async move {
            self.asked.fetch_add(1, Ordering::SeqCst);
            self.gate.acquire().await.unwrap().forget();
            match spec.user.as_deref() {
                Some("alice") => Ok(Decision::Allow),
                Some("mallory") => Err(AccessReviewError::Both),
                _ => Ok(Decision::Deny("no".to_owned())),
            }
        })
    }
}

#[test]
fn a_metric_of_all_pods_is_reviewed_as_a_subresource() {
    let path = "/apis/custom.metrics.k8s.io/v1beta2/namespaces/default/pods/*/http_requests";
    let user = User {
        uid: "42".to_owned(),
        extra: [("scopes".to_owned(), vec!["read".to_owned()])].into(),
        ..user("u")
    };
    insta::assert_json_snapshot!(review(&user, &get(path)));
}

#[test]
fn other_paths_are_reviewed_as_paths() {
    insta::assert_json_snapshot!(review(&user("u"), &get("/openapi/v2")));
}

#[tokio::test]
async fn masters_and_allowed_paths_are_never_reviewed() {
    let reviewer = Reviewer::new(0);
    let options = AuthorizationOptions {
        always_allow_paths: ["readyz", "/open/*", ""]
            .map(|path| path.parse().unwrap())
            .into(),
        ..AuthorizationOptions::default()
    };
    let authorizer = DelegatedAuthorizer::new(reviewer.clone(), options);
    let masters = User {
        groups: vec![MASTERS.to_owned()],
        ..User::default()
    };
    for (user, path) in [
        (masters, "/apis"),
        (User::anonymous(), "/readyz"),
        (User::anonymous(), "/open/door"),
        (User::anonymous(), "/"),
    ] {
        let decision = authorizer.authorize(&user, &get(path)).await.unwrap();
        assert_eq!(decision, Decision::Allow);
    }
    for path in ["/readyz/relist", "//readyz", "/open"] {
        let reviewed = !authorizer.needs_no_review(&User::anonymous(), &get(path));
        assert!(reviewed, "{path}");
    }
    assert_eq!(reviewer.asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn answers_are_cached_each_for_its_question_and_its_time() {
    let reviewer = Reviewer::new(100);
    let options = AuthorizationOptions {
        unauthorized_ttl: Duration::ZERO,
        ..AuthorizationOptions::default()
    };
    let authorizer = DelegatedAuthorizer::new(reviewer.clone(), options);
    let request = get("/apis");
    for _ in 0..3 {
        assert_eq!(
            authorizer
                .authorize(&user("alice"), &request)
                .await
                .unwrap(),
            Decision::Allow
        );
    }
    assert_eq!(reviewer.asked.load(Ordering::SeqCst), 1);
    for _ in 0..3 {
        let decision = authorizer.authorize(&user("bob"), &request).await.unwrap();
        assert_eq!(decision, Decision::Deny("no".to_owned()));
    }
    assert_eq!(
        reviewer.asked.load(Ordering::SeqCst),
        4,
        "a no lives for no time here"
    );
}

#[tokio::test]
async fn errors_are_not_cached() {
    let reviewer = Reviewer::new(100);
    let authorizer = DelegatedAuthorizer::new(reviewer.clone(), AuthorizationOptions::default());
    for _ in 0..2 {
        let error = authorizer.authorize(&user("mallory"), &get("/apis")).await;
        assert!(error.unwrap_err().to_string().contains("both"));
    }
    assert_eq!(reviewer.asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn equal_questions_at_the_same_time_make_one_review() {
    let reviewer = Reviewer::new(0);
    let authorizer = DelegatedAuthorizer::new(reviewer.clone(), AuthorizationOptions::default());
    let (alice, request) = (user("alice"), get("/apis"));
    let asking = futures::future::join_all((0..50).map(|_| authorizer.authorize(&alice, &request)));
    let opening = async { reviewer.gate.add_permits(1) };
    let (answers, ()) = futures::join!(asking, opening);
    assert!(
        answers
            .into_iter()
            .all(|answer| answer.unwrap() == Decision::Allow)
    );
    assert_eq!(reviewer.asked.load(Ordering::SeqCst), 1);
}

#[test]
fn an_answer_that_is_allowed_and_denied_is_an_error() {
    let status = SubjectAccessReviewStatus {
        allowed: true,
        denied: Some(true),
        ..SubjectAccessReviewStatus::default()
    };
    assert!(matches!(decision(status), Err(AccessReviewError::Both)));
}

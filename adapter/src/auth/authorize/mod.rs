//! Authorization by asking the API server (`apiserver/pkg/server/options/authorization.go`).

use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use k8s_openapi::api::authorization::v1::{
    NonResourceAttributes, ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec,
    SubjectAccessReviewStatus,
};
use kube::api::PostParams;
use kube::{Api, Client};
use moka::Expiry;
use moka::future::Cache;

use super::error::AccessReviewError;
use super::reviews::{About, Reviews};
use super::user::ANONYMOUS;
use super::{Authorizer, Decision, Digest, User, digest_of};
use crate::metrics::OwnMetrics;
use crate::request_info::{RequestInfo, ResourceRequest};
use crate::text::cut;

/// The group whose members may do everything.
const MASTERS: &str = "system:masters";
/// How many answers are cached.
const CACHED: u64 = 4096;
/// Bytes of a reason that is cached.
const REASON_BYTES: usize = 1 << 10;

/// Answers SubjectAccessReviews.
pub(crate) trait AccessReviewer: Send + Sync + 'static {
    fn review(
        &self,
        spec: SubjectAccessReviewSpec,
    ) -> BoxFuture<'_, Result<Decision, AccessReviewError>>;
}

/// Lets the API server answer.
pub(crate) struct ApiServerAccessReviewer {
    api: Api<SubjectAccessReview>,
    reviews: Reviews,
}

impl ApiServerAccessReviewer {
    /// Needs a client that may create SubjectAccessReviews (ClusterRole `system:auth-delegator`).
    pub(crate) fn new(client: Client, metrics: OwnMetrics) -> Self {
        Self {
            api: Api::all(client),
            reviews: Reviews::new("subjectaccessreview", metrics),
        }
    }
}

impl AccessReviewer for ApiServerAccessReviewer {
    fn review(
        &self,
        spec: SubjectAccessReviewSpec,
    ) -> BoxFuture<'_, Result<Decision, AccessReviewError>> {
        Box::pin(async move {
            let about = match spec.user.as_deref() {
                Some(ANONYMOUS) => About::Anonymous,
                _ => About::Known,
            };
            let review = SubjectAccessReview {
                spec,
                ..SubjectAccessReview::default()
            };
            let parameters = PostParams::default();
            let create = || self.api.create(&parameters, &review);
            let review = self.reviews.ask(about, create).await;
            let review = review.map_err(AccessReviewError::Ask)?;
            decision(review.status.unwrap_or_default())
        })
    }
}

fn decision(status: SubjectAccessReviewStatus) -> Result<Decision, AccessReviewError> {
    match (status.allowed, status.denied.unwrap_or(false)) {
        (true, true) => Err(AccessReviewError::Both),
        (true, false) => Ok(Decision::Allow),
        (false, _) => {
            let reason = status.reason.unwrap_or_default();
            Ok(Decision::Deny(cut(&reason, REASON_BYTES).into_owned()))
        }
    }
}

/// Options of delegated authorization; the defaults are those of the Go library.
#[derive(Debug, Clone)]
pub(crate) struct AuthorizationOptions {
    /// Paths that need no authorization.
    pub(crate) always_allow_paths: Vec<AllowedPath>,
    /// How long the answer "allowed" is cached.
    pub(crate) authorized_ttl: Duration,
    /// How long the answer "denied" is cached.
    pub(crate) unauthorized_ttl: Duration,
}

impl Default for AuthorizationOptions {
    fn default() -> Self {
        Self {
            always_allow_paths: ["healthz", "readyz", "livez"]
                .map(|path| AllowedPath::Whole(path.to_owned()))
                .into(),
            authorized_ttl: Duration::from_secs(10),
            unauthorized_ttl: Duration::from_secs(10),
        }
    }
}

/// Paths that need no authorization (`apiserver/pkg/authorization/path`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AllowedPath {
    /// One path, without its first `/`.
    Whole(String),
    /// All paths that begin so, without their first `/`.
    Prefix(String),
}

/// A path has a `*` elsewhere than at its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("only a * at the end of a path stands for more than itself")]
pub(crate) struct InnerStar;

impl FromStr for AllowedPath {
    type Err = InnerStar;

    fn from_str(text: &str) -> Result<Self, InnerStar> {
        let path = text.strip_prefix('/').unwrap_or(text);
        let (path, is_prefix) = match path.strip_suffix('*') {
            Some(prefix) => (prefix, true),
            None => (path, false),
        };
        if path.contains('*') {
            return Err(InnerStar);
        }
        let path = path.to_owned();
        Ok(if is_prefix {
            Self::Prefix(path)
        } else {
            Self::Whole(path)
        })
    }
}

impl AllowedPath {
    fn allows(&self, path: &str) -> bool {
        let path = path.strip_prefix('/').unwrap_or(path);
        match self {
            Self::Whole(whole) => path == whole,
            Self::Prefix(prefix) => path.starts_with(prefix),
        }
    }
}

/// Caches the answers of a reviewer, and asks it once for equal questions at the same time. Errors
/// aren't cached.
pub(crate) struct DelegatedAuthorizer {
    reviewer: Arc<dyn AccessReviewer>,
    always_allow_paths: Vec<AllowedPath>,
    answers: Cache<Digest, Decision>,
}

impl DelegatedAuthorizer {
    pub(crate) fn new(reviewer: Arc<dyn AccessReviewer>, options: AuthorizationOptions) -> Self {
        let lifetimes = Lifetimes {
            allow: options.authorized_ttl,
            deny: options.unauthorized_ttl,
        };
        Self {
            reviewer,
            always_allow_paths: options.always_allow_paths,
            answers: Cache::builder()
                .max_capacity(CACHED)
                .expire_after(lifetimes)
                .build(),
        }
    }

    async fn decide(
        &self,
        user: &User,
        request: &RequestInfo,
    ) -> Result<Decision, Arc<AccessReviewError>> {
        if self.needs_no_review(user, request) {
            return Ok(Decision::Allow);
        }
        let question = review(user, request);
        // Different questions have different JSON.
        let json = serde_json::to_vec(&question).map_err(AccessReviewError::from)?;
        let review = self.reviewer.review(question);
        self.answers.try_get_with(digest_of(&json), review).await
    }

    fn needs_no_review(&self, user: &User, request: &RequestInfo) -> bool {
        let allowed = &self.always_allow_paths;
        let open = |path: &str| allowed.iter().any(|allowed| allowed.allows(path));
        matches!(request, RequestInfo::Path { path, .. } if open(path))
            || user.groups.iter().any(|group| group == MASTERS)
    }
}

impl Authorizer for DelegatedAuthorizer {
    fn authorize<'a>(
        &'a self,
        user: &'a User,
        request: &'a RequestInfo,
    ) -> BoxFuture<'a, Result<Decision, Arc<AccessReviewError>>> {
        Box::pin(self.decide(user, request))
    }
}

/// "Allowed" and "denied" are cached for different times.
struct Lifetimes {
    allow: Duration,
    deny: Duration,
}

impl Expiry<Digest, Decision> for Lifetimes {
    fn expire_after_create(&self, _: &Digest, answer: &Decision, _: Instant) -> Option<Duration> {
        Some(match answer {
            Decision::Allow => self.allow,
            Decision::Deny(_) => self.deny,
        })
    }
}

fn review(user: &User, request: &RequestInfo) -> SubjectAccessReviewSpec {
    let filled = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let mut spec = SubjectAccessReviewSpec {
        user: filled(&user.name),
        uid: filled(&user.uid),
        groups: Some(user.groups.clone()),
        extra: Some(user.extra.clone()).filter(|extra| !extra.is_empty()),
        ..SubjectAccessReviewSpec::default()
    };
    match request {
        RequestInfo::Resource(ResourceRequest { verb, path }) => {
            spec.resource_attributes = Some(ResourceAttributes {
                group: filled(&path.group),
                version: filled(&path.version),
                resource: filled(path.resource()),
                subresource: filled(path.subresource()),
                namespace: path.namespace.clone(),
                name: filled(path.name()),
                verb: filled(verb),
                ..ResourceAttributes::default()
            });
        }
        RequestInfo::Path { path, verb } => {
            spec.non_resource_attributes = Some(NonResourceAttributes {
                path: filled(path),
                verb: filled(verb),
            });
        }
    }
    spec
}

#[cfg(test)]
mod tests;

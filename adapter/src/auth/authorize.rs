//! Authorization by asking the API server (`apiserver/pkg/server/options/authorization.go`).

use std::error::Error;

use futures::future::BoxFuture;
use k8s_openapi::api::authorization::v1::{
    NonResourceAttributes, ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec,
};
use kube::api::PostParams;
use kube::{Api, Client};

use super::{Authorizer, Decision, User};
use crate::api::request_info::RequestInfo;

/// Paths that everybody may read (`--authorization-always-allow-paths`' default).
const ALWAYS_ALLOWED: [&str; 3] = ["/healthz", "/readyz", "/livez"];
/// The group that may do everything.
const MASTERS: &str = "system:masters";

/// Asks the API server by SubjectAccessReview.
pub struct DelegatedAuthorizer {
    reviews: Api<SubjectAccessReview>,
}

impl DelegatedAuthorizer {
    /// Asks through a client that may create SubjectAccessReviews (ClusterRole `system:auth-delegator`).
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self {
            reviews: Api::all(client),
        }
    }
}

impl Authorizer for DelegatedAuthorizer {
    fn authorize<'a>(
        &'a self,
        user: &'a User,
        request: &'a RequestInfo,
    ) -> BoxFuture<'a, Result<Decision, Box<dyn Error + Send + Sync>>> {
        Box::pin(async move {
            if needs_no_review(user, request) {
                return Ok(Decision::Allow);
            }
            let review = self
                .reviews
                .create(&PostParams::default(), &review(user, request))
                .await?;
            let status = review.status.unwrap_or_default();
            let reason = status.reason.unwrap_or_default();
            match (status.allowed, status.denied.unwrap_or(false)) {
                (true, true) => Err("the review says both allowed and denied".into()),
                (true, false) => Ok(Decision::Allow),
                (false, _) => Ok(Decision::Deny(reason)),
            }
        })
    }
}

fn needs_no_review(user: &User, request: &RequestInfo) -> bool {
    let open = matches!(request, RequestInfo::Path { path, .. } if ALWAYS_ALLOWED.contains(&path.as_str()));
    open || user.groups.iter().any(|group| group == MASTERS)
}

fn review(user: &User, request: &RequestInfo) -> SubjectAccessReview {
    let filled = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let mut spec = SubjectAccessReviewSpec {
        user: filled(&user.name),
        groups: Some(user.groups.clone()),
        extra: Some(user.extra.clone()).filter(|extra| !extra.is_empty()),
        ..SubjectAccessReviewSpec::default()
    };
    match request {
        RequestInfo::Resource(resource) => {
            spec.resource_attributes = Some(ResourceAttributes {
                group: filled(&resource.group),
                version: filled(&resource.version),
                resource: filled(&resource.resource),
                subresource: filled(&resource.subresource),
                namespace: filled(&resource.namespace),
                name: filled(&resource.name),
                verb: filled(&resource.verb),
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
    SubjectAccessReview {
        spec,
        ..SubjectAccessReview::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(method: &http::Method, path: &str) -> SubjectAccessReviewSpec {
        let user = User {
            name: "u".to_owned(),
            groups: vec!["g".to_owned()],
            ..User::default()
        };
        review(&user, &RequestInfo::new(method, path).unwrap()).spec
    }

    #[test]
    fn a_metric_of_all_pods_is_reviewed_as_a_subresource() {
        let path = "/apis/custom.metrics.k8s.io/v1beta2/namespaces/default/pods/*/http_requests";
        insta::assert_json_snapshot!(asked(&http::Method::GET, path));
    }

    #[test]
    fn other_paths_are_reviewed_as_paths() {
        insta::assert_json_snapshot!(asked(&http::Method::GET, "/openapi/v2"));
    }

    #[test]
    fn masters_and_probes_are_never_reviewed() {
        let masters = User {
            groups: vec![MASTERS.to_owned()],
            ..User::default()
        };
        let probe = RequestInfo::new(&http::Method::GET, "/readyz").unwrap();
        let other = RequestInfo::new(&http::Method::GET, "/readyz/relist").unwrap();
        assert!(needs_no_review(&masters, &other));
        assert!(needs_no_review(&User::anonymous(), &probe));
        assert!(!needs_no_review(&User::anonymous(), &other));
    }
}

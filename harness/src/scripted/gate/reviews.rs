//! What the API server says of tokens and of rights.

use std::fmt::Debug;
use std::time::Duration;

use anyhow::Context as _;
use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec};
use k8s_openapi::api::authorization::v1::{
    NonResourceAttributes, ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec,
};
use kube::api::PostParams;
use kube::{Api, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::super::lie::Lie;
use super::{ANONYMOUS, Gate, User};

/// For whom tokens are that a liar believes.
const OTHER: &str = "https://vault.example";
/// For how long a liar waits for a review.
const IMPATIENCE: Duration = Duration::from_millis(500);

impl Gate {
    pub(super) async fn by_token(&self, token: &str) -> anyhow::Result<User> {
        match self.reviewed(token, None).await {
            Err(_) if self.lie == Some(Lie::TakesAnyAudience) => {
                self.reviewed(token, Some(vec![OTHER.to_owned()])).await
            }
            user => user,
        }
    }

    async fn reviewed(&self, token: &str, audiences: Option<Vec<String>>) -> anyhow::Result<User> {
        let review = TokenReview {
            spec: TokenReviewSpec {
                token: token.to_owned(),
                audiences,
            },
            ..TokenReview::default()
        };
        let status = self.review(&review).await?.status.unwrap_or_default();
        let user = status
            .user
            .filter(|_| status.authenticated == Some(true))
            .context("the token is nobody's")?;
        Ok(User {
            name: user.username.unwrap_or_default(),
            groups: user.groups.unwrap_or_default(),
        })
    }

    /// Nothing if the user may; else the words of the refusal.
    pub(super) async fn may(&self, user: &User, path: &str) -> anyhow::Result<Option<String>> {
        let masters = user.groups.iter().any(|group| group == "system:masters");
        let unasked = match self.lie {
            Some(Lie::ReviewsMasters) => false,
            Some(Lie::SkipsAuthorization) => true,
            Some(Lie::AdmitsAnonymous) => masters || user.name == ANONYMOUS,
            _ => masters,
        };
        if unasked {
            return Ok(None);
        }
        let segments: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let mut spec = SubjectAccessReviewSpec {
            user: Some(user.name.clone()),
            groups: Some(user.groups.clone()),
            ..SubjectAccessReviewSpec::default()
        };
        let refusal = if let [
            "apis",
            group,
            version,
            "namespaces",
            namespace,
            resource,
            name,
            metric,
        ] = segments.as_slice()
        {
            spec.resource_attributes = Some(ResourceAttributes {
                group: Some((*group).to_owned()),
                version: Some((*version).to_owned()),
                namespace: Some((*namespace).to_owned()),
                resource: Some((*resource).to_owned()),
                subresource: Some((*metric).to_owned()),
                name: Some((*name).to_owned()),
                verb: Some("get".to_owned()),
                ..ResourceAttributes::default()
            });
            format!(
                "{resource}.{group} \"{name}\" is forbidden: User \"{}\" cannot get resource \"{resource}/{metric}\" in API group \
                 \"{group}\" in the namespace \"{namespace}\"",
                user.name
            )
        } else if self.lie == Some(Lie::OpensPaths) {
            return Ok(None);
        } else {
            spec.non_resource_attributes = Some(NonResourceAttributes {
                path: Some(path.to_owned()),
                verb: Some("get".to_owned()),
            });
            format!(
                "forbidden: User \"{}\" cannot get path \"{path}\"",
                user.name
            )
        };
        let review = SubjectAccessReview {
            spec,
            ..SubjectAccessReview::default()
        };
        let status = self.review(&review).await?.status;
        let allowed = status.is_some_and(|status| status.allowed);
        Ok((!allowed).then_some(refusal))
    }

    /// The review with its answer.
    async fn review<R>(&self, review: &R) -> anyhow::Result<R>
    where
        R: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Serialize,
    {
        let api = Api::<R>::all(self.client.clone());
        let parameters = PostParams::default();
        let reviewed = api.create(&parameters, review);
        let reviewed = if self.lie == Some(Lie::ImpatientReviews) {
            timeout(IMPATIENCE, reviewed)
                .await
                .context("wait for a review")?
        } else {
            reviewed.await
        };
        reviewed.context("have the caller reviewed")
    }
}

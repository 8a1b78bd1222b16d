//! What the user must be allowed to do: the ClusterRoles that are documented are those that are checked.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use k8s_openapi::api::rbac::v1::{ClusterRole, PolicyRule};
use kube::api::PostParams;
use kube::{Api, Client, ResourceExt as _};

use super::error::ExistingError;

/// How many questions are asked at once.
const AT_ONCE: usize = 16;

/// The ClusterRole of a way to use a cluster, as a manifest.
#[must_use]
pub fn manifest(installed: bool) -> &'static str {
    if installed {
        include_str!("rights/installed.yaml")
    } else {
        include_str!("rights/own-adapter.yaml")
    }
}

/// The ClusterRole that `--feed podmonitor` takes besides, as a manifest.
pub(super) const POD_MONITORS: &str = include_str!("rights/pod-monitors.yaml");

fn role(manifest: &str) -> Result<ClusterRole, ExistingError> {
    serde_saphyr::from_str(manifest)
        .map_err(ExistingError::request("read the embedded ClusterRole"))
}

/// Asks for each right of a ClusterRole.
pub(super) async fn check(
    client: &Client,
    context: &str,
    manifest: &str,
) -> Result<(), ExistingError> {
    let role = role(manifest)?;
    let wanted = role.rules.iter().flatten().flat_map(attributes);
    let mut missing: Vec<String> = stream::iter(wanted)
        .map(|wanted| is_missing(client, wanted))
        .buffered(AT_ONCE)
        .try_filter_map(|missing| std::future::ready(Ok(missing)))
        .try_collect()
        .await?;
    missing.dedup();
    if missing.is_empty() {
        return Ok(());
    }
    Err(ExistingError::Rights {
        context: context.to_owned(),
        missing,
        role: role.name_any(),
    })
}

async fn is_missing(
    client: &Client,
    wanted: ResourceAttributes,
) -> Result<Option<String>, ExistingError> {
    let reviews: Api<SelfSubjectAccessReview> = Api::all(client.clone());
    let review = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(wanted.clone()),
            ..SelfSubjectAccessReviewSpec::default()
        },
        ..SelfSubjectAccessReview::default()
    };
    let answer = reviews.create(&PostParams::default(), &review).await;
    let answer = answer.map_err(ExistingError::request(
        "ask which rights the user has (SelfSubjectAccessReview)",
    ))?;
    let allowed = answer.status.is_some_and(|status| status.allowed);
    Ok((!allowed).then(|| described(&wanted)))
}

/// Each single right of a rule.
fn attributes(rule: &PolicyRule) -> Vec<ResourceAttributes> {
    let groups = rule.api_groups.iter().flatten();
    let names = rule.resource_names.clone().unwrap_or_default();
    let names: Vec<Option<String>> = match names.as_slice() {
        [] => vec![None],
        names => names.iter().cloned().map(Some).collect(),
    };
    let mut wanted = Vec::new();
    for group in groups {
        for resource in rule.resources.iter().flatten() {
            for name in &names {
                wanted.extend(rule.verbs.iter().map(|verb| {
                    let (resource, subresource) = match resource.split_once('/') {
                        Some((resource, sub)) => (resource, Some(sub.to_owned())),
                        None => (resource.as_str(), None),
                    };
                    ResourceAttributes {
                        group: Some(group.clone()),
                        resource: Some(resource.to_owned()),
                        subresource,
                        verb: Some(verb.clone()),
                        name: name.clone(),
                        ..ResourceAttributes::default()
                    }
                }));
            }
        }
    }
    wanted
}

/// `delete apiservices.apiregistration.k8s.io`
fn described(wanted: &ResourceAttributes) -> String {
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    let mut shown = format!("{} {}", text(&wanted.verb), text(&wanted.resource));
    if let Some(sub) = &wanted.subresource {
        shown.push_str(&format!("/{sub}"));
    }
    if let Some(group) = wanted.group.as_ref().filter(|group| !group.is_empty()) {
        shown.push_str(&format!(".{group}"));
    }
    if let Some(name) = &wanted.name {
        shown.push_str(&format!(" `{name}`"));
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_right_of_both_roles_is_asked_for_by_verb_and_resource() {
        for installed in [false, true] {
            let role = role(manifest(installed)).unwrap();
            let rules = role.rules.unwrap();
            let asked: Vec<String> = rules
                .iter()
                .flat_map(attributes)
                .map(|one| described(&one))
                .collect();
            assert!(asked.contains(&"delete namespaces".to_owned()), "{asked:?}");
            assert!(
                asked.contains(&"patch horizontalpodautoscalers/status.autoscaling".to_owned())
            );
            let cluster_wide = "create apiservices.apiregistration.k8s.io".to_owned();
            assert_eq!(asked.contains(&cluster_wide), !installed);
            let bind = "bind clusterroles.rbac.authorization.k8s.io `system:auth-delegator`";
            assert_eq!(asked.iter().any(|one| one == bind), !installed);
        }
    }
}

//! Asks the API server for its resources: by aggregated discovery, else group by group.

use std::time::Duration;

use futures::future::join_all;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{APIGroup, APIResourceList};
use kube::Client;
use kube::core::discovery::v2::APIGroupDiscovery;
use serde::Deserialize;
use setpoint_rules::Resource;

use super::{AnswerError, within};

const AGGREGATED: &str =
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";

/// Why the resources aren't known.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DiscoveryError {
    #[error(transparent)]
    Answer(#[from] AnswerError),
    #[error("{path} of the API server is a {kind:?}, which is no discovery document")]
    Kind { path: &'static str, kind: String },
}

/// The resources of the cluster, those of the core group first, each in its preferred version.
///
/// Aggregated discovery takes two requests; an API server from before Kubernetes 1.30 gets one for
/// each group and version. All of them together may take `limit`.
pub(crate) async fn discover(
    client: &Client,
    limit: Duration,
) -> Result<Vec<Resource>, DiscoveryError> {
    let documents = async {
        Ok([
            ("/api", document(client, "/api").await?),
            ("/apis", document(client, "/apis").await?),
        ])
    };
    let mut resources = Vec::new();
    for (path, document) in within(limit, "discovery", documents).await? {
        match (document.kind.as_str(), document.api_version.as_str()) {
            ("APIGroupDiscoveryList", "apidiscovery.k8s.io/v2") => {
                resources.extend(document.items.into_iter().flat_map(of_aggregated_group));
            }
            ("APIVersions" | "APIGroupList", _) => {
                return Ok(
                    within(limit, "discovery group by group", group_by_group(client)).await?,
                );
            }
            _ => {
                let kind = document.kind;
                return Err(DiscoveryError::Kind { path, kind });
            }
        }
    }
    Ok(resources)
}

async fn document(client: &Client, path: &str) -> Result<Document, kube::Error> {
    let request = http::Request::get(path)
        .header(http::header::ACCEPT, AGGREGATED)
        .body(Vec::new())
        .map_err(kube::Error::HttpError)?;
    client.request(request).await
}

/// An `APIGroupDiscoveryList` of `apidiscovery.k8s.io/v2`, or the answer of an older API server.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    api_version: String,
    #[serde(default)]
    items: Vec<APIGroupDiscovery>,
}

/// The resources of a group, each in the first version that has it. Stubs without a kind, such as
/// the parents of metrics, are left out.
fn of_aggregated_group(group: APIGroupDiscovery) -> Vec<Resource> {
    let name = group.metadata.and_then(|metadata| metadata.name);
    let name = name.unwrap_or_default();
    let mut resources = Vec::new();
    for version in group.versions {
        for found in version.resources {
            let kind = found.response_kind.and_then(|response| response.kind);
            let (Some(version), Some(kind), Some(plural)) =
                (version.version.clone(), kind, found.resource)
            else {
                continue;
            };
            let resource = Resource {
                group: name.clone(),
                version,
                kind,
                plural,
                singular: found.singular_resource.unwrap_or_default(),
                namespaced: found.scope.as_deref() == Some("Namespaced"),
            };
            add(&mut resources, resource);
        }
    }
    resources
}

/// Asks an old API server as client-go does. A group that doesn't answer, such as that of an
/// APIService that is down, is left out.
async fn group_by_group(client: &Client) -> Result<Vec<Resource>, kube::Error> {
    let mut resources = Vec::new();
    for version in client.list_core_api_versions().await?.versions {
        let list = client.list_core_api_resources(&version).await?;
        add_all(&mut resources, "", &version, list);
    }
    let groups = client.list_api_groups().await?.groups;
    for mut of_group in join_all(groups.iter().map(|group| of_group(client, group))).await {
        resources.append(&mut of_group);
    }
    Ok(resources)
}

async fn of_group(client: &Client, group: &APIGroup) -> Vec<Resource> {
    let preferred = group.preferred_version.iter();
    let others = group
        .versions
        .iter()
        .filter(|version| Some(*version) != group.preferred_version.as_ref());
    let mut resources = Vec::new();
    for version in preferred.chain(others) {
        match client
            .list_api_group_resources(&version.group_version)
            .await
        {
            Ok(list) => add_all(&mut resources, &group.name, &version.version, list),
            Err(error) => {
                tracing::warn!(%error, group_version = version.group_version, "leave out its resources");
            }
        }
    }
    resources
}

fn add_all(resources: &mut Vec<Resource>, group: &str, version: &str, list: APIResourceList) {
    // Subresources such as `pods/log` are listed as well.
    let whole = |name: &str| !name.contains('/');
    for found in list
        .resources
        .into_iter()
        .filter(|found| whole(&found.name))
    {
        add(
            resources,
            Resource {
                group: group.to_owned(),
                version: version.to_owned(),
                kind: found.kind,
                plural: found.name,
                singular: found.singular_name,
                namespaced: found.namespaced,
            },
        );
    }
}

fn add(resources: &mut Vec<Resource>, mut found: Resource) {
    let known = |known: &Resource| known.group == found.group && known.plural == found.plural;
    if found.kind.is_empty() || resources.iter().any(known) {
        return;
    }
    if found.singular.is_empty() {
        found.singular = found.kind.to_ascii_lowercase();
    }
    resources.push(found);
}

#[cfg(test)]
mod tests;

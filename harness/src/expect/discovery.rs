//! The adapter's own discovery: sorted, and the same in both forms.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::context::{Expect, ExpectContext};
use crate::format::{Checks, Place, Span};
use crate::outcome::{Finding, Kind, Unmet};
use crate::request::{Adapter, Identity, Limit, Question};
use crate::wait::Wait;

/// The pause before the adapter is asked again; its documents can't be watched.
const PAUSE: Duration = Duration::from_millis(200);
const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// The adapter's own discovery of a group: sorted, and equal in legacy and aggregated form.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Discovery {
    /// The group.
    pub group: String,
    /// The version.
    pub version: String,
    /// Resources that must be there.
    #[serde(default)]
    pub has: Vec<String>,
    /// Time until they are.
    pub within: Option<Span>,
}

/// A resource as a discovery document has it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Resource {
    name: String,
    namespaced: bool,
}

/// A discovery document is wrong.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum DiscoveryFinding {
    #[error("{path} is answered with {status}")]
    Status { path: String, status: u16 },
    #[error("{path} is answered with something that isn't JSON: {error}")]
    NotJson { path: String, error: String },
    #[error("{0}")]
    Malformed(String),
    #[error("the legacy form is not sorted: `{second}` stands before `{first}`")]
    Unsorted { first: String, second: String },
    #[error("`{0}` is in the legacy form alone (or its scope differs)")]
    OnlyLegacy(String),
    #[error("`{0}` is in the aggregated form alone (or its scope differs)")]
    OnlyAggregated(String),
    #[error("`{wanted}` is not among {found:?}")]
    Missing { wanted: String, found: Vec<String> },
}

impl Finding for DiscoveryFinding {
    fn kind(&self) -> Kind {
        match self {
            Self::Status { .. } => Kind::UnexpectedStatus,
            Self::NotJson { .. } | Self::Malformed(_) => Kind::UnexpectedBody,
            Self::Unsorted { .. } => Kind::DiscoveryUnsorted,
            Self::OnlyLegacy(_) | Self::OnlyAggregated(_) => Kind::DiscoveryDiffers,
            Self::Missing { .. } => Kind::DiscoveryIncomplete,
        }
    }
}

impl Expect for Discovery {
    fn check(&self, place: &Place, checks: &mut Checks<'_>) {
        checks.longer_than_zero(self.within, place.key("within"));
    }

    fn describe(&self) -> String {
        format!("discovery of {}/{}", self.group, self.version)
    }

    fn looks_at_adapter(&self) -> bool {
        true
    }

    fn judge<'a>(&'a self, context: &'a ExpectContext) -> BoxFuture<'a, Result<(), Unmet>> {
        Box::pin(async move {
            let Self {
                group,
                version,
                has,
                ..
            } = self;
            let what = format!(
                "the adapter's discovery of {group}/{version} is sorted, the same in both forms, and has {has:?}"
            );
            let within = context.within(self.within);
            let limit = Limit::of(within);
            let ask = || async move {
                let limit = context.timeouts.limit_of_answer(Some(limit.ends()));
                self.ask(&context.adapter, limit).await
            };
            Wait::until(what, within).asking(PAUSE, ask).await
        })
    }
}

impl Discovery {
    async fn ask(&self, adapter: &Adapter, limit: Limit) -> Result<(), Unmet> {
        let path = format!("/apis/{}/{}", self.group, self.version);
        let legacy = document(adapter, &path, "application/json", limit).await?;
        let aggregated = document(adapter, "/apis", AGGREGATED, limit).await?;
        Ok(self.judge_documents(&legacy, &aggregated)?)
    }

    fn judge_documents(&self, legacy: &Value, aggregated: &Value) -> Result<(), DiscoveryFinding> {
        let legacy = legacy_resources(legacy)?;
        compare(
            &legacy,
            &aggregated_resources(aggregated, &self.group, &self.version)?,
        )?;
        let missing = |wanted: &&String| !legacy.iter().any(|found| found.name == **wanted);
        match self.has.iter().find(missing) {
            Some(wanted) => Err(DiscoveryFinding::Missing {
                wanted: wanted.clone(),
                found: legacy.into_iter().map(|found| found.name).collect(),
            }),
            None => Ok(()),
        }
    }
}

async fn document(
    adapter: &Adapter,
    path: &str,
    accept: &str,
    limit: Limit,
) -> Result<Value, Unmet> {
    let question = Question {
        method: http::Method::GET,
        path: path.to_owned(),
        headers: BTreeMap::from([("accept".to_owned(), accept.to_owned())]),
        identity: Identity::aggregator(),
    };
    let answer = adapter.ask(&question, limit).await?;
    let path = path.to_owned();
    if answer.status != 200 {
        let status = answer.status;
        return Err(DiscoveryFinding::Status { path, status }.into());
    }
    serde_json::from_slice(&answer.body).map_err(|error| {
        let error = error.to_string();
        DiscoveryFinding::NotJson { path, error }.into()
    })
}

/// The resources of the legacy form, in its order.
fn legacy_resources(document: &Value) -> Result<Vec<Resource>, DiscoveryFinding> {
    let malformed = |what: String| DiscoveryFinding::Malformed(what);
    let resources = document["resources"]
        .as_array()
        .ok_or_else(|| malformed("the legacy form has no list `resources`".to_owned()))?;
    let read = |resource: &Value| {
        Some(Resource {
            name: resource["name"].as_str()?.to_owned(),
            namespaced: resource["namespaced"].as_bool()?,
        })
    };
    let resources = resources.iter().map(|resource| {
        let without = || malformed(format!("a resource without name or scope: {resource}"));
        read(resource).ok_or_else(without)
    });
    resources.collect()
}

/// The same of the aggregated form.
fn aggregated_resources(
    document: &Value,
    group: &str,
    version: &str,
) -> Result<Vec<Resource>, DiscoveryFinding> {
    let list = |value: &Value, key: &str| value[key].as_array().cloned().unwrap_or_default();
    let found = list(document, "items")
        .into_iter()
        .filter(|item| item["metadata"]["name"] == group)
        .flat_map(|item| list(&item, "versions"))
        .find(|found| found["version"] == version)
        .ok_or_else(|| {
            let without = format!("the aggregated form has no {group}/{version}");
            DiscoveryFinding::Malformed(without)
        })?;
    let mut resources = Vec::new();
    for resource in list(&found, "resources") {
        let parent = resource["resource"].as_str().unwrap_or_default();
        let namespaced = resource["scope"] == "Namespaced";
        for subresource in list(&resource, "subresources") {
            let name = subresource["subresource"].as_str().unwrap_or_default();
            resources.push(Resource {
                name: format!("{parent}/{name}"),
                namespaced,
            });
        }
    }
    Ok(resources)
}

fn compare(legacy: &[Resource], aggregated: &[Resource]) -> Result<(), DiscoveryFinding> {
    if let Some(pair) = legacy.windows(2).find(|pair| pair[0].name >= pair[1].name) {
        return Err(DiscoveryFinding::Unsorted {
            first: pair[1].name.clone(),
            second: pair[0].name.clone(),
        });
    }
    let only = |left: &[Resource], right: &[Resource]| {
        let only = left.iter().find(|resource| !right.contains(resource));
        only.map(|resource| resource.name.clone())
    };
    if let Some(name) = only(legacy, aggregated) {
        return Err(DiscoveryFinding::OnlyLegacy(name));
    }
    match only(aggregated, legacy) {
        Some(name) => Err(DiscoveryFinding::OnlyAggregated(name)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn resources(names: &[&str]) -> Vec<Resource> {
        let resource = |name: &&str| Resource {
            name: (*name).to_owned(),
            namespaced: true,
        };
        names.iter().map(resource).collect()
    }

    fn compared(legacy: &[&str], aggregated: &[&str]) -> Option<Kind> {
        let compared = compare(&resources(legacy), &resources(aggregated));
        compared.err().map(|finding| finding.kind())
    }

    #[test]
    fn order_and_difference_are_named() {
        assert_eq!(compared(&["a", "b"], &["b", "a"]), None);
        let unsorted = Some(Kind::DiscoveryUnsorted);
        assert_eq!(compared(&["b", "a"], &["a", "b"]), unsorted);
        let differs = Some(Kind::DiscoveryDiffers);
        assert_eq!(compared(&["a", "b"], &["a"]), differs);
        assert_eq!(compared(&["a"], &["a", "c"]), differs);
        let other_scope = Resource {
            namespaced: false,
            ..resources(&["a"])[0].clone()
        };
        assert!(compare(&resources(&["a"]), &[other_scope]).is_err());
    }

    fn documents() -> (Value, Value) {
        let legacy = json!({"resources": [{"name": "pods/x", "namespaced": true}]});
        let aggregated = json!({"items": [{"metadata": {"name": "g"}, "versions": [{"version": "v1", "resources": [
            {"resource": "pods", "scope": "Namespaced", "subresources": [{"subresource": "x"}]}]}]}]});
        (legacy, aggregated)
    }

    fn judged(version: &str, has: &str) -> Option<Kind> {
        let (legacy, aggregated) = documents();
        let expected = Discovery {
            group: "g".to_owned(),
            version: version.to_owned(),
            has: vec![has.to_owned()],
            within: None,
        };
        let judged = expected.judge_documents(&legacy, &aggregated);
        judged.err().map(|finding| finding.kind())
    }

    #[test]
    fn the_aggregated_form_is_read_as_resources_with_metrics() {
        assert_eq!(judged("v1", "pods/x"), None);
        assert_eq!(judged("v1", "pods/y"), Some(Kind::DiscoveryIncomplete));
        assert_eq!(judged("v2", "pods/x"), Some(Kind::UnexpectedBody));
    }
}

//! The adapter's own discovery: sorted, and the same in both forms.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, interval};

use super::{Missed, Verdict};
use crate::request::{Adapter, Identity, Limit, Question};

/// How often the adapter is asked; its documents can't be watched.
const TRIES: Duration = Duration::from_millis(200);
const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

pub(super) async fn expect(
    adapter: &Adapter,
    group: &str,
    version: &str,
    has: &[String],
    within: Duration,
) -> Result<(), Missed> {
    let deadline = Instant::now() + within;
    let mut tries = interval(TRIES);
    loop {
        tries.tick().await;
        let limit = Limit::of_answer(Some(deadline));
        let verdict = ask(adapter, group, version, has, limit).await;
        let Err(problem) = verdict else { return Ok(()) };
        if Instant::now() >= deadline {
            let what = format!(
                "the adapter's discovery of {group}/{version} is sorted, the same in both forms, and has {has:?}"
            );
            return Err(Missed {
                what,
                problem: format!("not within {within:?}; {problem}"),
            });
        }
    }
}

async fn ask(
    adapter: &Adapter,
    group: &str,
    version: &str,
    has: &[String],
    limit: Limit,
) -> Verdict {
    let path = format!("/apis/{group}/{version}");
    let legacy = document(adapter, &path, "application/json", limit).await?;
    let aggregated = document(adapter, "/apis", AGGREGATED, limit).await?;
    let names = legacy_names(&legacy)?;
    compare(&names, &aggregated_names(&aggregated, group, version)?)?;
    match has
        .iter()
        .find(|wanted| !names.iter().any(|(name, _)| name == *wanted))
    {
        Some(missing) => Err(format!(
            "`{missing}` is not among {:?}",
            names.iter().map(|(name, _)| name).collect::<Vec<_>>()
        )),
        None => Ok(()),
    }
}

async fn document(
    adapter: &Adapter,
    path: &str,
    accept: &str,
    limit: Limit,
) -> Result<Value, String> {
    let question = Question {
        path: path.to_owned(),
        headers: BTreeMap::from([("accept".to_owned(), accept.to_owned())]),
        identity: Identity::aggregator(),
    };
    let answer = adapter
        .ask(&question, limit)
        .await
        .map_err(|error| crate::words(&error))?;
    if answer.status != 200 {
        return Err(format!("{path} is answered with {}", answer.status));
    }
    serde_json::from_slice(&answer.body)
        .map_err(|error| format!("{path} is answered with something that isn't JSON: {error}"))
}

/// Resource and scope of the legacy form, as they stand.
fn legacy_names(document: &Value) -> Result<Vec<(String, bool)>, String> {
    let resources = document["resources"]
        .as_array()
        .ok_or("the legacy form has no list `resources`")?;
    let name = |resource: &Value| {
        let namespaced = resource["namespaced"].as_bool()?;
        Some((resource["name"].as_str()?.to_owned(), namespaced))
    };
    resources
        .iter()
        .map(|resource| {
            name(resource).ok_or_else(|| format!("a resource without name or scope: {resource}"))
        })
        .collect()
}

/// The same of the aggregated form.
fn aggregated_names(
    document: &Value,
    group: &str,
    version: &str,
) -> Result<Vec<(String, bool)>, String> {
    let list = |value: &Value, key: &str| value[key].as_array().cloned().unwrap_or_default();
    let found = list(document, "items")
        .into_iter()
        .filter(|item| item["metadata"]["name"] == group)
        .flat_map(|item| list(&item, "versions"))
        .find(|found| found["version"] == version)
        .ok_or_else(|| format!("the aggregated form has no {group}/{version}"))?;
    let mut names = Vec::new();
    for resource in list(&found, "resources") {
        let parent = resource["resource"].as_str().unwrap_or_default();
        let namespaced = resource["scope"] == "Namespaced";
        for subresource in list(&resource, "subresources") {
            names.push((
                format!(
                    "{parent}/{}",
                    subresource["subresource"].as_str().unwrap_or_default()
                ),
                namespaced,
            ));
        }
    }
    Ok(names)
}

fn compare(legacy: &[(String, bool)], aggregated: &[(String, bool)]) -> Verdict {
    if let Some(pair) = legacy.windows(2).find(|pair| pair[0].0 >= pair[1].0) {
        return Err(format!(
            "the legacy form is not sorted: `{}` stands before `{}`",
            pair[0].0, pair[1].0
        ));
    }
    let only = |left: &[(String, bool)], right: &[(String, bool)]| {
        left.iter().find(|name| !right.contains(name)).cloned()
    };
    if let Some((name, _)) = only(legacy, aggregated) {
        return Err(format!(
            "`{name}` is in the legacy form alone (or its scope differs)"
        ));
    }
    if let Some((name, _)) = only(aggregated, legacy) {
        return Err(format!(
            "`{name}` is in the aggregated form alone (or its scope differs)"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn names(names: &[&str]) -> Vec<(String, bool)> {
        names
            .iter()
            .map(|name| ((*name).to_owned(), true))
            .collect()
    }

    #[test]
    fn order_and_difference_are_named() {
        assert_eq!(compare(&names(&["a", "b"]), &names(&["b", "a"])), Ok(()));
        assert!(
            compare(&names(&["b", "a"]), &names(&["a", "b"]))
                .unwrap_err()
                .contains("not sorted")
        );
        assert!(
            compare(&names(&["a", "b"]), &names(&["a"]))
                .unwrap_err()
                .contains("`b` is in the legacy form alone")
        );
        assert!(
            compare(&names(&["a"]), &names(&["a", "c"]))
                .unwrap_err()
                .contains("aggregated form alone")
        );
    }

    #[test]
    fn the_aggregated_form_is_read_as_resources_with_metrics() {
        let document = json!({"items": [{"metadata": {"name": "g"}, "versions": [{"version": "v1", "resources": [
            {"resource": "pods", "scope": "Namespaced", "subresources": [{"subresource": "x"}]}]}]}]});
        assert_eq!(
            aggregated_names(&document, "g", "v1"),
            Ok(names(&["pods/x"]))
        );
        assert!(aggregated_names(&document, "g", "v2").is_err());
    }
}

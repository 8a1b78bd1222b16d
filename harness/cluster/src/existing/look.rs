//! What a cluster is like: who serves its metrics, and how often it syncs HPAs.

use std::time::Duration;

use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use kube::api::{ListParams, PostParams};
use kube::runtime::wait::await_condition;
use kube::{Api, Client, ResourceExt as _};
use serde_json::json;
use tokio::time::{Instant, timeout};

use super::error::ExistingError;
use super::placement::{Placement, RUN_LABEL};

/// The groups of metrics that an adapter of ours would take. What serves metrics.k8s.io stays as it is.
const GROUPS: [&str; 2] = ["custom.metrics.k8s.io", "external.metrics.k8s.io"];

/// The API versions that HPAs on custom metrics and their adapters take. A new Kubernetes is used as long as it serves them.
const TAKEN: [&str; 3] = ["apps/v1", "autoscaling/v2", "apiregistration.k8s.io/v1"];

/// Those of [`TAKEN`] that the API server doesn't serve.
pub(super) async fn lacks(client: &Client) -> Result<Vec<&'static str>, ExistingError> {
    let groups = client.list_api_groups().await;
    let groups = groups.map_err(ExistingError::request("list the API groups"))?;
    let served = groups.groups.iter().flat_map(|group| &group.versions);
    let served: Vec<&str> = served
        .map(|version| version.group_version.as_str())
        .collect();
    let lacks = TAKEN.into_iter().filter(|taken| !served.contains(taken));
    Ok(lacks.collect())
}

/// The APIServices of the metrics groups, each with its owner.
pub(super) async fn served(client: &Client) -> Result<Vec<String>, ExistingError> {
    let services: Api<APIService> = Api::all(client.clone());
    let list = services.list(&ListParams::default()).await;
    let list = list.map_err(ExistingError::request("list APIServices"))?;
    let is_of_metrics = |service: &&APIService| {
        let group = service.spec.as_ref().and_then(|spec| spec.group.as_deref());
        group.is_some_and(|group| GROUPS.contains(&group))
    };
    Ok(list.iter().filter(is_of_metrics).map(described).collect())
}

/// `APIService v1 exists: Service a/b serves it; it belongs to Helm release c/d (written by helm)`
fn described(service: &APIService) -> String {
    let name = service.name_any();
    let leads = service.spec.as_ref().and_then(|spec| spec.service.as_ref());
    let leads = leads.map_or_else(String::new, |leads| {
        let text = |field: &Option<String>| field.clone().unwrap_or_default();
        let (namespace, name) = (text(&leads.namespace), text(&leads.name));
        format!(": Service {namespace}/{name} serves it")
    });
    let annotation = |key: &str| service.annotations().get(key);
    let label = |key: &str| service.labels().get(key);
    let helm = annotation("meta.helm.sh/release-name").map(|name| {
        let namespace = annotation("meta.helm.sh/release-namespace");
        let namespace = namespace.map_or("default", String::as_str);
        format!("; it belongs to Helm release {namespace}/{name}")
    });
    let run = label(RUN_LABEL).map(|run| {
        format!("; it belongs to another run of Setpoint, {run}: wait for its end, or remove what it left by `setpoint reap`")
    });
    let managed =
        label("app.kubernetes.io/managed-by").map(|by| format!("; it is managed by {by}"));
    let belongs = run.or(helm).or(managed).unwrap_or_default();
    let managers = service.managed_fields().iter();
    let mut managers: Vec<String> = managers.filter_map(|entry| entry.manager.clone()).collect();
    managers.dedup();
    let written = match managers.as_slice() {
        [] => String::new(),
        managers => format!(" (written by {})", managers.join(", ")),
    };
    format!("APIService {name} exists{leads}{belongs}{written}")
}

/// How long the HPA controller takes to judge a new HPA: it does so one period after it has seen it.
pub(super) async fn sync_period(
    client: &Client,
    placement: &Placement,
    namespace: &str,
    limit: Duration,
) -> Result<Duration, ExistingError> {
    const NAME: &str = "setpoint-sync-period";
    let hpas: Api<HorizontalPodAutoscaler> = Api::namespaced(client.clone(), namespace);
    let mut hpa = json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": NAME, "labels": placement.labels()},
        // There is no such target, which the controller says in its first sync.
        "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": NAME}, "maxReplicas": 1},
    });
    let typed = serde_json::from_value(hpa.take()).map_err(ExistingError::request(
        "write an HPA to measure the sync period",
    ))?;
    let created = hpas.create(&PostParams::default(), &typed).await;
    created.map_err(ExistingError::request(format!(
        "create an HPA in {namespace}"
    )))?;
    let began = Instant::now();
    let is_judged = |hpa: Option<&HorizontalPodAutoscaler>| {
        let status = hpa.and_then(|hpa| hpa.status.as_ref());
        status.is_some_and(|status| {
            status
                .conditions
                .as_ref()
                .is_some_and(|all| !all.is_empty())
        })
    };
    match timeout(limit, await_condition(hpas.clone(), NAME, is_judged)).await {
        Err(_) => return Err(ExistingError::NoHpaController { limit }),
        Ok(judged) => judged.map_err(ExistingError::request(format!(
            "watch an HPA in {namespace}"
        )))?,
    };
    let period = began.elapsed();
    let deleted = hpas.delete(NAME, &kube::api::DeleteParams::default()).await;
    deleted.map_err(ExistingError::request(format!(
        "delete an HPA in {namespace}"
    )))?;
    Ok(period)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_apiservice_is_named_with_its_owner() {
        let service = |metadata: serde_json::Value| -> APIService {
            serde_json::from_value(json!({"metadata": metadata, "spec": {
                "group": "custom.metrics.k8s.io", "groupPriorityMinimum": 1, "versionPriority": 1,
                "service": {"namespace": "monitoring", "name": "adapter"},
            }}))
            .unwrap()
        };
        let helm = json!({"name": "v1", "annotations": {"meta.helm.sh/release-name": "pa", "meta.helm.sh/release-namespace": "m"},
            "managedFields": [{"manager": "helm"}, {"manager": "helm"}]});
        assert_eq!(
            described(&service(helm)),
            "APIService v1 exists: Service monitoring/adapter serves it; it belongs to Helm release m/pa (written by helm)"
        );
        let ours = described(&service(
            json!({"name": "v1", "labels": {(RUN_LABEL): "x7"}}),
        ));
        assert!(ours.contains("another run of Setpoint, x7"), "{ours}");
    }
}

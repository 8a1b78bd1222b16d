//! What a cluster is like: who serves its metrics, and how often it syncs HPAs.

use std::fmt::Debug;
use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use kube::api::{DeleteParams, ListParams, PostParams};
use kube::runtime::wait::await_condition;
use kube::{Api, Client, Resource, ResourceExt as _};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
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

/// What is made to measure the sync period.
const SYNC_PERIOD: &str = "setpoint-sync-period";
/// A new HPA that is judged sooner was judged at once. No cluster's period is as short; if one is, it is measured twice.
const AT_ONCE: Duration = Duration::from_secs(3);

/// The sync period of the HPA controller. Up to Kubernetes 1.36 it judges a new HPA one period after it has seen it; since
/// 1.37 at once, and again one period later (`pkg/controller/podautoscaler/horizontal.go`).
pub(super) async fn sync_period(
    client: &Client,
    placement: &Placement,
    namespace: &str,
    limit: Duration,
) -> Result<Duration, ExistingError> {
    let hpas: Api<HorizontalPodAutoscaler> = Api::namespaced(client.clone(), namespace);
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), namespace);
    let metadata = json!({"name": SYNC_PERIOD, "labels": placement.labels()});
    let hpa = json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": metadata,
        // There is no such target, which the controller says in its first sync.
        "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": SYNC_PERIOD}, "maxReplicas": 1},
    });
    create(&hpas, hpa, namespace).await?;
    let began = Instant::now();
    judged(&hpas, "False", namespace, limit).await?;
    let mut period = began.elapsed();
    if period < AT_ONCE {
        let began = Instant::now();
        let labels = json!({"app": SYNC_PERIOD});
        let target = json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata,
            "spec": {"replicas": 0, "selector": {"matchLabels": labels}, "template": {
                "metadata": {"labels": labels}, "spec": {"containers": [{"name": "none", "image": "none"}]},
            }},
        });
        create(&deployments, target, namespace).await?;
        // The controller doesn't watch targets: it finds this one in its next sync.
        judged(&hpas, "True", namespace, limit).await?;
        period = began.elapsed();
        delete(&deployments, namespace).await?;
    }
    delete(&hpas, namespace).await?;
    Ok(period)
}

async fn create<T>(objects: &Api<T>, object: Value, namespace: &str) -> Result<(), ExistingError>
where
    T: Resource<DynamicType = ()> + Clone + DeserializeOwned + Serialize + Debug,
{
    let kind = T::kind(&());
    let object = serde_json::from_value(object).map_err(ExistingError::request(format!(
        "write the {kind} to measure the sync period"
    )))?;
    let created = objects.create(&PostParams::default(), &object).await;
    created.map(drop).map_err(ExistingError::request(format!(
        "create the {kind} {SYNC_PERIOD} in {namespace}"
    )))
}

async fn delete<T>(objects: &Api<T>, namespace: &str) -> Result<(), ExistingError>
where
    T: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    let kind = T::kind(&());
    let deleted = objects.delete(SYNC_PERIOD, &DeleteParams::default()).await;
    deleted.map(drop).map_err(ExistingError::request(format!(
        "delete the {kind} {SYNC_PERIOD} in {namespace}"
    )))
}

/// Waits until the controller says that it has found the target of the HPA, or that it hasn't.
async fn judged(
    hpas: &Api<HorizontalPodAutoscaler>,
    able_to_scale: &str,
    namespace: &str,
    limit: Duration,
) -> Result<(), ExistingError> {
    let is_judged = |hpa: Option<&HorizontalPodAutoscaler>| {
        let status = hpa.and_then(|hpa| hpa.status.as_ref());
        let conditions = status.and_then(|status| status.conditions.as_ref());
        conditions
            .into_iter()
            .flatten()
            .any(|condition| condition.type_ == "AbleToScale" && condition.status == able_to_scale)
    };
    match timeout(limit, await_condition(hpas.clone(), SYNC_PERIOD, is_judged)).await {
        Err(_) => Err(ExistingError::NoHpaController { limit }),
        Ok(judged) => judged.map(drop).map_err(ExistingError::request(format!(
            "watch an HPA in {namespace}"
        ))),
    }
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

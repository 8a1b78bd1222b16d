//! Objects of the cluster that explain a verdict, a line each.

use futures::future::try_join_all;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{Event, Pod};
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt as _};
use serde::Serialize;
use setpoint_cluster::Cluster;

use super::logs::last_lines;
use crate::install::in_own_namespaces;

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

pub(super) async fn api_services(client: &Client) -> Option<String> {
    let list = Api::<APIService>::all(client.clone())
        .list(&ListParams::default())
        .await
        .ok()?;
    let shown = |service: &APIService| {
        let spec = service.spec.as_ref()?.service.as_ref()?;
        let conditions = service
            .status
            .as_ref()
            .map(|status| json(&status.conditions))
            .unwrap_or_default();
        Some(format!(
            "{} ({}) {conditions}",
            service.name_any(),
            spec.name.as_deref().unwrap_or_default()
        ))
    };
    Some(list.iter().filter_map(shown).collect::<Vec<_>>().join("\n"))
}

pub(super) async fn hpas(cluster: &dyn Cluster) -> Option<String> {
    let list = Api::<HorizontalPodAutoscaler>::all(cluster.client())
        .list(&cluster.listed())
        .await
        .ok()?;
    Some(
        list.iter()
            .map(|hpa| format!("{} {}", hpa.name_any(), json(&hpa.status)))
            .collect::<Vec<_>>()
            .join("\n"),
    )
}

pub(super) async fn pods(cluster: &dyn Cluster) -> Option<String> {
    let list = Api::<Pod>::all(cluster.client())
        .list(&cluster.listed())
        .await
        .ok()?;
    let shown = |pod: &Pod| {
        let status = pod.status.clone().unwrap_or_default();
        let containers = json(&status.container_statuses);
        format!(
            "{}/{} {} {containers}",
            pod.namespace().unwrap_or_default(),
            pod.name_any(),
            status.phase.unwrap_or_default()
        )
    };
    Some(list.iter().map(shown).collect::<Vec<_>>().join("\n"))
}

pub(super) async fn events(cluster: &dyn Cluster) -> Option<String> {
    let apis = in_own_namespaces::<Event>(cluster);
    let all = ListParams::default();
    let lists = try_join_all(apis.iter().map(|api| api.list(&all)));
    let mut list: Vec<Event> = lists.await.ok()?.into_iter().flatten().collect();
    list.sort_by_key(|event| {
        event.last_timestamp.clone().map(|time| time.0).or(event
            .metadata
            .creation_timestamp
            .clone()
            .map(|time| time.0))
    });
    let shown = |event: &Event| {
        let object = event.involved_object.name.as_deref().unwrap_or_default();
        let (reason, message) = (
            event.reason.as_deref().unwrap_or_default(),
            event.message.as_deref().unwrap_or_default(),
        );
        format!("{object} {reason}: {message}")
    };
    Some(last_lines(
        &list.iter().map(shown).collect::<Vec<_>>().join("\n"),
    ))
}

//! Which adapter serves custom.metrics.k8s.io.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Pod, Service};
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use kube::api::ListParams;
use kube::{Api, Client};

use crate::traffic::labels;

/// The group of the metrics that are looked at.
pub(super) const GROUP: &str = "custom.metrics.k8s.io";

/// The images of the pods behind the APIService of custom metrics, each with what the node has for it; none where they can't
/// be seen. One that runs outside of the cluster has none.
pub(crate) async fn image(client: &Client) -> Option<String> {
    let services: Api<APIService> = Api::all(client.clone());
    let list = services.list(&ListParams::default()).await.ok()?;
    let mut specs = list.items.into_iter().filter_map(|service| service.spec);
    let spec = specs.find(|spec| spec.group.as_deref() == Some(GROUP))?;
    let reference = spec.service?;
    let (namespace, name) = (reference.namespace?, reference.name?);
    let service = Api::<Service>::namespaced(client.clone(), &namespace);
    let selector = service.get(&name).await.ok()?.spec?.selector?;
    let pods: Api<Pod> = Api::namespaced(client.clone(), &namespace);
    let selected = ListParams::default().labels(&labels(&selector));
    let pods = pods.list(&selected).await.ok()?;
    let images: BTreeMap<String, String> = pods.iter().flat_map(images).collect();
    let images = images.iter().map(|(image, id)| format!("{image} ({id})"));
    let images: Vec<String> = images.collect();
    (!images.is_empty()).then(|| images.join(", "))
}

fn images(pod: &Pod) -> Vec<(String, String)> {
    let status = pod.status.as_ref();
    let statuses = status.and_then(|status| status.container_statuses.as_deref());
    let statuses = statuses.unwrap_or_default().iter();
    let image = statuses.map(|status| (status.image.clone(), status.image_id.clone()));
    image.collect()
}

//! The scripted adapter as a pod on a real control plane: the shortest way from a manifest to an answer of the
//! aggregation layer.
//!
//! Ignored with a reason where the control plane's programs are missing, unless `SETPOINT_REQUIRE=local`.

#![expect(
    clippy::unwrap_used,
    reason = "a test's own steps fail by panicking, in its helpers too"
)]

use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use kube::Client;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams, TypeMeta};
use kube::runtime::wait::await_condition;
use serde_json::{Value, json};
use setpoint_cluster::local::{LocalCluster, LocalOptions};
use setpoint_cluster::{Cluster, ImageRoot, ImageTable, LocalImage, provision};
use setpoint_test_support::{TestAuthority, trials};
use tokio::time::{interval, timeout};

/// How long any step may take that is not the start of a plane.
const LIMIT: Duration = Duration::from_secs(20);
const APISERVICE: &str = "v1beta2.custom.metrics.k8s.io";

async fn plane() -> LocalCluster {
    let mut images = ImageTable::default();
    let program = env!("CARGO_BIN_EXE_setpoint").into();
    images.insert(
        "ghcr.io/setpoint-dev/setpoint",
        LocalImage {
            program,
            root: ImageRoot::HostLibraries,
        },
    );
    let mut options = LocalOptions::default();
    options.images = images;
    LocalCluster::start(options).await.unwrap()
}

/// The manifests with a serving pair for the Service's name and its CA filled in.
fn manifests() -> Vec<Value> {
    let ca = TestAuthority::default();
    let serving = ca.server("adapter.scripted.svc");
    let mut documents: Vec<Value> =
        serde_saphyr::from_multiple(include_str!("manifests.yaml")).unwrap();
    for document in &mut documents {
        match document["kind"].as_str() {
            Some("Secret") => {
                document["stringData"] =
                    json!({"tls.crt": serving.certificate, "tls.key": serving.key});
            }
            Some("APIService") => {
                document["spec"]["caBundle"] =
                    json!(k8s_openapi::ByteString(ca.certificate().into_bytes()));
            }
            _ => {}
        }
    }
    documents
}

async fn apply(client: &kube::Client, document: &Value) {
    let object: DynamicObject = serde_json::from_value(document.clone()).unwrap();
    let TypeMeta { api_version, kind } = object.types.clone().unwrap();
    let (group, version) = api_version.split_once('/').unwrap_or(("", &api_version));
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, &kind));
    let api: Api<DynamicObject> = match &object.metadata.namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    };
    let name = object.metadata.name.clone().unwrap();
    api.patch(
        &name,
        &PatchParams::apply("test").force(),
        &Patch::Apply(document),
    )
    .await
    .unwrap();
}

fn availability(service: Option<&APIService>) -> Option<(String, String)> {
    let conditions = service?.status.as_ref()?.conditions.as_ref()?;
    let condition = conditions
        .iter()
        .find(|condition| condition.type_ == "Available")?;
    Some((
        condition.status.clone(),
        condition.reason.clone().unwrap_or_default(),
    ))
}

async fn wait_for(services: &Api<APIService>, status: &str, reason: &str) {
    let wanted = Some((status.to_owned(), reason.to_owned()));
    let condition = |service: Option<&APIService>| availability(service) == wanted;
    let waited = timeout(
        LIMIT,
        await_condition(services.clone(), APISERVICE, condition),
    )
    .await;
    if waited.is_err() {
        let seen = services.get(APISERVICE).await.ok();
        panic!(
            "APIService {status} {reason} within {LIMIT:?}; it is {:?}",
            availability(seen.as_ref())
        );
    }
    waited.unwrap().unwrap();
}

/// The value of a pod, as soon as the API server passes requests on: it sees a moment later than others that an APIService is available.
async fn value(client: &Client) -> Value {
    let path = "/apis/custom.metrics.k8s.io/v1beta2/namespaces/default/pods/web-1/rps";
    let mut tries = interval(Duration::from_millis(50));
    loop {
        tries.tick().await;
        let request = http::Request::get(path).body(Vec::new()).unwrap();
        match client.request(request).await {
            Err(kube::Error::Api(status)) if status.code == 503 => {}
            answer => return answer.unwrap(),
        }
    }
}

async fn an_apiservice_is_available_as_long_as_its_pod_serves() {
    let cluster = plane().await;
    let client = cluster.client();
    for document in manifests() {
        apply(&client, &document).await;
    }
    let services: Api<APIService> = Api::all(client.clone());
    wait_for(&services, "True", "Passed").await;

    let answer = timeout(LIMIT, value(&client)).await;
    let answer = answer.expect("the API server passes requests on");
    assert_eq!(answer["items"][0]["value"], "5", "{answer}");

    let deployments: Api<Deployment> = Api::namespaced(client.clone(), "scripted");
    let none = Patch::Merge(json!({"spec": {"replicas": 0}}));
    deployments
        .patch("adapter", &PatchParams::default(), &none)
        .await
        .unwrap();
    wait_for(&services, "False", "MissingEndpoints").await;
    cluster.stop().await.unwrap();
}

fn main() {
    setpoint_test_support::run(
        Vec::new(),
        trials![async
            an_apiservice_is_available_as_long_as_its_pod_serves,
        ],
        provision::find(&provision::Options::from_env()),
    );
}

//! Services on a real control plane: what their ClusterIPs answer, and when.
//!
//! The endpoints are written by hand and lead to the plane's own API server, so no pod is needed. Tests are
//! Ignored with a reason where the control plane's programs are missing, unless `SETPOINT_REQUIRE=local`.

#![expect(
    clippy::unwrap_used,
    reason = "a test's own steps fail by panicking, in its helpers too"
)]

use std::time::Duration;

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use kube::api::{Patch, PatchParams, PostParams};
use kube::runtime::wait::await_condition;
use kube::{Api, Client};
use serde_json::json;
use setpoint_cluster::local::{LocalCluster, LocalOptions};
use setpoint_cluster::{Cluster, ConnectError, Target, provision};
use setpoint_test_support::trials;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{interval, timeout};

/// How long anything may take that is not the start of a plane.
const LIMIT: Duration = Duration::from_secs(20);
/// How often an address is tried, which can't be watched.
const TRIES: Duration = Duration::from_millis(20);
/// Where the plane's API server listens (`plane::NODE_ADDRESS`, `plane::API_PORT`).
const API_SERVER: (&str, u16) = ("172.30.0.2", 6443);
const PORT: u16 = 8443;

async fn plane() -> LocalCluster {
    let mut options = LocalOptions::default();
    options.plane_binary = Some(env!("CARGO_BIN_EXE_setpoint-plane").into());
    LocalCluster::start(options).await.unwrap()
}

fn service(name: &str) -> Target {
    Target::Service {
        namespace: "default".to_owned(),
        name: name.to_owned(),
    }
}

/// A Service without a selector and its one endpoint.
async fn create_service(client: &Client, name: &str, ready: bool) {
    let services: Api<Service> = Api::default_namespaced(client.clone());
    let object =
        json!({"metadata": {"name": name}, "spec": {"ports": [{"name": "https", "port": PORT}]}});
    let object = serde_json::from_value(object).unwrap();
    services
        .create(&PostParams::default(), &object)
        .await
        .unwrap();
    let (address, port) = API_SERVER;
    let slices: Api<EndpointSlice> = Api::default_namespaced(client.clone());
    let object = json!({
        "metadata": {"name": name, "labels": {"kubernetes.io/service-name": name}},
        "addressType": "IPv4",
        "ports": [{"name": "https", "port": port}],
        "endpoints": [{"addresses": [address], "conditions": {"ready": ready}}],
    });
    let object = serde_json::from_value(object).unwrap();
    slices
        .create(&PostParams::default(), &object)
        .await
        .unwrap();
}

async fn set_ready(client: &Client, name: &str, ready: bool) {
    let (address, _) = API_SERVER;
    let slices: Api<EndpointSlice> = Api::default_namespaced(client.clone());
    let endpoints = json!([{"addresses": [address], "conditions": {"ready": ready}}]);
    let change = Patch::Merge(json!({"endpoints": endpoints}));
    let parameters = PatchParams::default();
    slices.patch(name, &parameters, &change).await.unwrap();
}

/// What the port says to an HTTP request without TLS: whoever it is, he says something.
async fn ask(cluster: &dyn Cluster, name: &str, port: u16) -> Result<String, ConnectError> {
    let mut stream = cluster.connect(&service(name), port).await?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    Ok(answer)
}

/// Asks until the port answers, or until it refuses.
async fn until(cluster: &dyn Cluster, name: &str, port: u16, answers: bool) -> String {
    let mut tries = interval(TRIES);
    let asking = async {
        loop {
            tries.tick().await;
            match ask(cluster, name, port).await {
                Ok(answer) if answers => return answer,
                Err(ConnectError::Refused { reason, .. }) if !answers => return reason,
                Ok(_) | Err(ConnectError::Refused { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
    };
    let wanted = if answers { "answer" } else { "refuse" };
    timeout(LIMIT, asking)
        .await
        .unwrap_or_else(|_| panic!("{name}:{port} does not {wanted}"))
}

/// Go's HTTP server says this to a caller who speaks no TLS.
const NOT_TLS: &str = "Client sent an HTTP request to an HTTPS server.";

async fn a_service_refuses_connections_until_an_endpoint_is_ready_and_after_the_last() {
    let cluster = plane().await;
    let own = until(&cluster, "kubernetes", 443, true).await;
    assert!(own.contains(NOT_TLS), "{own}");

    let client = cluster.client();
    create_service(&client, "late", false).await;
    create_service(&client, "probe", true).await;
    // Events come in order: who has seen the second Service's endpoint has seen the first one's.
    until(&cluster, "probe", PORT, true).await;
    let refused = ask(&cluster, "late", PORT).await.unwrap_err();
    assert!(
        refused.to_string().ends_with("connection refused"),
        "{refused}"
    );

    set_ready(&client, "late", true).await;
    let answer = until(&cluster, "late", PORT, true).await;
    assert!(answer.contains(NOT_TLS), "{answer}");
    set_ready(&client, "late", false).await;
    assert_eq!(
        until(&cluster, "late", PORT, false).await,
        "connection refused"
    );
    cluster.stop().await.unwrap();
}

async fn the_aggregator_reaches_an_api_through_its_services_cluster_ip() {
    let cluster = plane().await;
    let client = cluster.client();
    create_service(&client, "api", true).await;
    let apis: Api<APIService> = Api::all(client.clone());
    let api: APIService = serde_json::from_value(json!({
        "metadata": {"name": "v1.probe.example"},
        "spec": {
            "group": "probe.example", "version": "v1", "groupPriorityMinimum": 100, "versionPriority": 100,
            "insecureSkipTLSVerify": true,
            "service": {"namespace": "default", "name": "api", "port": PORT},
        },
    }))
    .unwrap();
    apis.create(&PostParams::default(), &api).await.unwrap();
    let services: Api<Service> = Api::default_namespaced(client);
    let address = services
        .get("api")
        .await
        .unwrap()
        .spec
        .unwrap()
        .cluster_ip
        .unwrap();

    // The plane's own API server stands behind the address, and doesn't serve that group: it answers, by
    // refusing. Without a listener it would be "connection refused" from the address.
    let answered = format!("bad status from https://{address}:{PORT}/apis/probe.example/v1");
    let says_so = |api: Option<&APIService>| {
        let status = api.and_then(|api| api.status.as_ref());
        let conditions = status.and_then(|status| status.conditions.as_ref());
        conditions.into_iter().flatten().any(|condition| {
            let message = condition.message.as_deref().unwrap_or_default();
            condition.type_ == "Available" && message.contains(&answered)
        })
    };
    let waited = timeout(
        LIMIT,
        await_condition(apis.clone(), "v1.probe.example", says_so),
    )
    .await;
    if waited.is_err() {
        panic!(
            "last seen: {:?}",
            apis.get("v1.probe.example").await.unwrap().status
        );
    }
    cluster.stop().await.unwrap();
}

fn main() {
    setpoint_test_support::run(
        Vec::new(),
        trials![async
            a_service_refuses_connections_until_an_endpoint_is_ready_and_after_the_last,
            the_aggregator_reaches_an_api_through_its_services_cluster_ip,
        ],
        provision::find(&provision::Options::from_env()),
    );
}

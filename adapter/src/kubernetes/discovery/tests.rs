use std::collections::BTreeMap;

use kube::client::Body;
use serde_json::{Value, json};

use super::*;

/// An API server with documents by path. Other paths are 503, as of an APIService that is down.
fn server(documents: impl IntoIterator<Item = (&'static str, Value)>) -> Client {
    let documents: BTreeMap<&str, Value> = documents.into_iter().collect();
    let service = tower::service_fn(move |request: http::Request<Body>| {
        let (code, document) = match documents.get(request.uri().path()) {
            Some(document) => (200, document.clone()),
            None => (
                503,
                json!({"kind": "Status", "code": 503, "message": "down"}),
            ),
        };
        let body = Body::from(document.to_string().into_bytes());
        let answer = http::Response::builder().status(code).body(body);
        async move { answer }
    });
    Client::new(service, "default")
}

async fn discovered(
    documents: impl IntoIterator<Item = (&'static str, Value)>,
) -> Result<Vec<String>, String> {
    let resources = discover(&server(documents), Duration::from_secs(10)).await;
    let shown = |known: &Resource| {
        let scope = if known.namespaced { "" } else { " (root)" };
        format!(
            "{} {} {} {}{scope}",
            known.api_version(),
            known.kind,
            known.plural,
            known.singular
        )
    };
    resources
        .map(|resources| resources.iter().map(shown).collect())
        .map_err(|error| error.to_string())
}

fn aggregated(items: &Value) -> Value {
    json!({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items})
}

#[tokio::test]
async fn aggregated_documents_become_resources() {
    let pods = json!([{"metadata": {}, "versions": [{"version": "v1", "resources": [
        {"resource": "pods", "singularResource": "pod", "scope": "Namespaced", "responseKind": {"kind": "Pod"}}]}]}]);
    let groups = json!([
        {"metadata": {"name": "apps"}, "versions": [
            {"version": "v1", "resources": [{"resource": "deployments", "singularResource": "deployment", "scope": "Namespaced",
                "responseKind": {"group": "apps", "version": "v1", "kind": "Deployment"}}]},
            {"version": "v1beta1", "resources": [{"resource": "deployments", "scope": "Namespaced", "responseKind": {"kind": "Old"}}]}]},
        {"metadata": {"name": "custom.metrics.k8s.io"}, "versions": [{"version": "v1beta1", "resources": [
            {"resource": "pods", "scope": "Namespaced", "responseKind": {"kind": ""}}]}]},
    ]);
    let documents = [("/api", aggregated(&pods)), ("/apis", aggregated(&groups))];
    assert_eq!(
        discovered(documents).await.unwrap(),
        [
            "/v1 Pod pods pod",
            "apps/v1 Deployment deployments deployment"
        ]
    );
}

fn resources(resources: &Value) -> Value {
    json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "v1", "resources": resources})
}

#[tokio::test]
async fn an_api_server_without_aggregated_discovery_is_asked_group_by_group() {
    let version = |group: &str, version: &str| json!({"groupVersion": format!("{group}/{version}"), "version": version});
    let groups = json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": [
        {"name": "apps", "versions": [version("apps", "v1beta1"), version("apps", "v1")], "preferredVersion": version("apps", "v1")},
        {"name": "down.example.com", "versions": [version("down.example.com", "v1")]},
    ]});
    let documents = [
        (
            "/api",
            json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}),
        ),
        ("/apis", groups),
        (
            "/api/v1",
            resources(&json!([
                {"name": "nodes", "singularName": "node", "namespaced": false, "kind": "Node", "verbs": []},
                {"name": "pods", "singularName": "", "namespaced": true, "kind": "Pod", "verbs": []},
                {"name": "pods/log", "singularName": "", "namespaced": true, "kind": "Pod", "verbs": []},
            ])),
        ),
        (
            "/apis/apps/v1",
            resources(
                &json!([{"name": "deployments", "singularName": "deployment", "namespaced": true, "kind": "Deployment", "verbs": []}]),
            ),
        ),
        (
            "/apis/apps/v1beta1",
            resources(
                &json!([{"name": "deployments", "singularName": "old", "namespaced": true, "kind": "Old", "verbs": []}]),
            ),
        ),
    ];
    assert_eq!(
        discovered(documents).await.unwrap(),
        [
            "/v1 Node nodes node (root)",
            "/v1 Pod pods pod",
            "apps/v1 Deployment deployments deployment"
        ]
    );
}

#[tokio::test]
async fn what_is_no_discovery_document_is_an_error_and_not_a_cluster_without_resources() {
    let documents = [
        ("/api", json!({"paths": ["/apis"]})),
        ("/apis", aggregated(&json!([]))),
    ];
    assert_eq!(
        discovered(documents).await,
        Err("/api of the API server is a \"\", which is no discovery document".to_owned())
    );
}

#[tokio::test]
async fn an_api_server_that_never_answers_is_given_up() {
    let service = tower::service_fn(|_: http::Request<Body>| {
        std::future::pending::<Result<http::Response<Body>, std::convert::Infallible>>()
    });
    let client = Client::new(service, "default");
    let asking = discover(&client, Duration::from_millis(10));
    let outcome = tokio::time::timeout(Duration::from_secs(20), asking).await;
    assert_eq!(
        outcome.expect("in time").unwrap_err().to_string(),
        "no answer from the API server to discovery within 10ms"
    );
}

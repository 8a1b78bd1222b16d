use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use super::*;

const TABLE: &str = "
metrics:
- {metric: rps, resource: pods, kind: Pod, apiVersion: v1, namespace: default, name: web-1, labels: {app: web}, value: '5'}
- {metric: rps, resource: pods, kind: Pod, apiVersion: v1, namespace: default, name: api-1, labels: {app: api}, value: 1500m}
- {metric: depth, resource: deployments.apps, kind: Deployment, apiVersion: apps/v1, namespace: default, name: web, value: '7'}
";

const V2: &str = "/apis/custom.metrics.k8s.io/v1beta2";

async fn ask(path: &str, accept: &str) -> String {
    let table = serde_saphyr::from_str(TABLE).unwrap();
    let request = http::Request::get(path)
        .header("Accept", accept)
        .body(axum::body::Body::empty())
        .unwrap();
    let response = router(table).oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let mut document: serde_json::Value = serde_json::from_slice(&body).unwrap();
    for item in document["items"].as_array_mut().into_iter().flatten() {
        if item["timestamp"].is_string() {
            item["timestamp"] = "now".into();
        }
    }
    format!(
        "{status} {}",
        serde_json::to_string_pretty(&document).unwrap()
    )
}

#[tokio::test]
async fn it_offers_what_the_table_holds_and_nothing_else() {
    insta::assert_snapshot!("resources", ask(V2, "*/*").await);
    let accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    insta::assert_snapshot!("aggregated", ask("/apis", accept).await);
    assert!(
        ask("/apis/custom.metrics.k8s.io/v1", "*/*")
            .await
            .starts_with("404")
    );
}

#[tokio::test]
async fn values_are_those_of_the_objects_that_the_selector_names() {
    let path = format!("{V2}/namespaces/default/pods/*/rps?labelSelector=app%3Dweb");
    insta::assert_snapshot!("selected", ask(&path, "*/*").await);
    let refused = format!("{V2}/namespaces/default/pods/*/rps?labelSelector=app+in+(web)");
    assert!(ask(&refused, "*/*").await.starts_with("400"));
    assert!(
        ask(&format!("{V2}/namespaces/default/pods/other/rps"), "*/*")
            .await
            .starts_with("404")
    );
}

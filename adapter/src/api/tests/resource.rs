use std::collections::BTreeMap;

use setpoint_metrics_api::resource::{
    ContainerMetrics, NodeMetrics, ObjectMeta, PodMetrics, Usage,
};
use setpoint_metrics_api::{Format, Time};
use setpoint_rules::UsageQuery;

use super::*;
use crate::provider::UsageProvider;

const VERSION: &str = "/apis/metrics.k8s.io/v1beta1";

/// One pod and one node; the pod `other` isn't there.
struct One;

fn metadata(namespace: Option<&str>, name: &str) -> ObjectMeta {
    ObjectMeta {
        name: name.to_owned(),
        namespace: namespace.map(str::to_owned),
        creation_timestamp: Time(Timestamp::UNIX_EPOCH),
        labels: BTreeMap::from([("app".to_owned(), "web".to_owned())]),
    }
}

const WINDOW: setpoint_metrics_api::Duration =
    setpoint_metrics_api::Duration(Duration::from_secs(180));

fn usage() -> Usage {
    Usage {
        cpu: Quantity::from_milli(250),
        memory: Quantity::from_integer(1 << 20).in_format(Format::BinarySi),
    }
}

impl UsageProvider for One {
    fn has_rules(&self) -> bool {
        true
    }

    fn pods<'a>(
        &'a self,
        query: &'a UsageQuery,
    ) -> BoxFuture<'a, Result<Vec<PodMetrics>, ProviderError>> {
        let answer = match query.name.as_deref() {
            Some("other") => query.values(Vec::new()).map_err(ProviderError::from),
            _ => Ok(vec![PodMetrics {
                metadata: metadata(Some("shop"), "web-1"),
                timestamp: Time(Timestamp::UNIX_EPOCH),
                window: WINDOW,
                containers: vec![ContainerMetrics {
                    name: "web".to_owned(),
                    usage: usage(),
                }],
            }]),
        };
        Box::pin(std::future::ready(answer))
    }

    fn nodes<'a>(
        &'a self,
        _: &'a UsageQuery,
    ) -> BoxFuture<'a, Result<Vec<NodeMetrics>, ProviderError>> {
        let node = NodeMetrics {
            metadata: metadata(None, "node-1"),
            timestamp: Time(Timestamp::UNIX_EPOCH),
            window: WINDOW,
            usage: usage(),
        };
        Box::pin(std::future::ready(Ok(vec![node])))
    }
}

async fn ask_with(path: &str, accept: &str) -> (u16, serde_json::Value) {
    let group = ResourceMetricsGroup::new(Arc::new(One));
    let (everybody, not_secret) = (Arc::new(Everybody), Arc::new(NotSecret));
    let relists = Arc::new(Fixed::default());
    let api = Api::new(
        vec![Box::new(group)],
        relists,
        everybody,
        not_secret,
        Reloads::default(),
    );
    let router = api.router().layer(axum::Extension(stranger()));
    let request = http::Request::get(path)
        .header("Accept", accept)
        .body(axum::body::Body::empty());
    let response = router.oneshot(request.unwrap()).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap())
}

/// What is answered below the version.
async fn get(path: &str) -> (u16, serde_json::Value) {
    ask_with(&format!("{VERSION}{path}"), "application/json").await
}

#[tokio::test]
async fn usage_is_a_list_or_one_object() {
    insta::assert_json_snapshot!("usage_resources", get("").await.1);
    insta::assert_json_snapshot!("pod_list", get("/namespaces/shop/pods").await.1);
    insta::assert_json_snapshot!("one_pod", get("/namespaces/shop/pods/web-1").await.1);
    insta::assert_json_snapshot!("node_list", get("/nodes").await.1);
    insta::assert_json_snapshot!("no_such_pod", get("/namespaces/shop/pods/other").await);
    for (path, code) in [
        ("/services", 404),
        ("/pods/web-1", 404),
        ("/pods?watch=1", 405),
        ("/pods?labelSelector=a%20b", 400),
        ("/pods?fieldSelector=spec.nodeName%3Da", 400),
        ("/namespaces/secret/pods", 403),
    ] {
        assert_eq!(get(path).await.0, code, "{path}");
    }
}

#[tokio::test]
async fn kubectl_get_is_answered_with_a_table() {
    const KUBECTL: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";
    let (_, table) = ask_with(&format!("{VERSION}/namespaces/shop/pods"), KUBECTL).await;
    insta::assert_json_snapshot!("pod_table", table);
    let (_, whole) = ask_with(&format!("{VERSION}/nodes?includeObject=Object"), KUBECTL).await;
    assert_eq!(whole["rows"][0]["object"]["kind"], "NodeMetrics");
    for accept in [
        "*/*",
        "application/json,application/json;as=Table;v=v1;g=meta.k8s.io",
    ] {
        let (_, list) = ask_with(&format!("{VERSION}/nodes"), accept).await;
        assert_eq!(list["kind"], "NodeMetricsList", "{accept}");
    }
}

/// The paths of a document and the kinds that they answer, each of which is defined.
fn operations(document: &serde_json::Value, definitions: &str) -> Vec<String> {
    let paths = document["paths"].as_object().unwrap();
    let mut operations = Vec::new();
    for (path, item) in paths {
        let text = item.to_string();
        let reference = text.split("\"$ref\":\"#").nth(1);
        let reference = reference.map(|rest| rest.split('"').next().unwrap());
        if let Some(reference) = reference {
            assert!(document.pointer(reference).is_some(), "{reference}");
            let name = reference.strip_prefix(definitions).unwrap();
            let kind = name.rsplit('.').next().unwrap();
            operations.push(format!("{path} {kind}"));
        }
    }
    operations
}

#[tokio::test]
async fn open_api_documents_say_what_kubectl_explain_looks_for() {
    let of = async |path| ask_with(path, "application/json").await;
    let v2 = of("/openapi/v2").await.1;
    let v3 = of("/openapi/v3/apis/metrics.k8s.io/v1beta1").await.1;
    let found = operations(&v3, "/components/schemas/");
    assert_eq!(found, operations(&v2, "/definitions/"));
    let expected = [
        "/namespaces/{namespace}/pods PodMetricsList",
        "/namespaces/{namespace}/pods/{name} PodMetrics",
        "/nodes NodeMetricsList",
        "/nodes/{name} NodeMetrics",
        "/pods PodMetricsList",
    ];
    assert_eq!(found, expected.map(|path| format!("{VERSION}{path}")));
    let nodes = "/paths/~1apis~1metrics.k8s.io~1v1beta1~1nodes/get/x-kubernetes-group-version-kind";
    let expected =
        serde_json::json!({"group": "metrics.k8s.io", "version": "v1beta1", "kind": "NodeMetrics"});
    assert_eq!(v3.pointer(nodes), Some(&expected));
    for (path, action) in [("nodes", "list"), ("nodes~1{name}", "get")] {
        let pointer =
            format!("/paths/~1apis~1metrics.k8s.io~1v1beta1~1{path}/get/x-kubernetes-action");
        assert_eq!(v3.pointer(&pointer), Some(&action.into()), "{path}");
    }
    assert_eq!(of("/openapi/v3/apis/metrics.k8s.io/v1").await.0, 404);
}

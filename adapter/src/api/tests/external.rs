use setpoint_metrics_api::Time;
use setpoint_metrics_api::external::ExternalMetricValue;
use setpoint_rules::{ExternalError, ExternalQuery};

use super::*;
use crate::provider::ExternalMetricsProvider;

/// One external metric of two topics, or no rules.
struct Queue {
    rules: bool,
}

impl ExternalMetricsProvider for Queue {
    fn has_rules(&self) -> bool {
        self.rules
    }

    fn metrics(&self) -> Vec<Arc<str>> {
        vec!["queue_depth".into(), "topic.backlog".into()]
    }

    fn values<'a>(
        &'a self,
        query: &'a ExternalQuery,
    ) -> BoxFuture<'a, Result<Vec<ExternalMetricValue>, ProviderError>> {
        let value = |topic: &str, milli| ExternalMetricValue {
            metric_name: query.metric.clone(),
            metric_labels: Some([("topic".to_owned(), topic.to_owned())].into()),
            timestamp: Time(Timestamp::UNIX_EPOCH),
            window_seconds: None,
            value: Quantity::from_milli(milli),
        };
        let metric = query.metric.clone();
        let answer = match (query.metric.as_str(), query.selector.to_string().as_str()) {
            ("queue_depth", "topic=none") => Ok(Vec::new()),
            ("queue_depth", _) => Ok(vec![value("a", 2500), value("b", 3000)]),
            ("broken", _) => Err(ExternalError::Unrepresentable {
                metric,
                value: f64::NAN,
            }),
            _ => Err(ExternalError::NoSuchMetric { metric }),
        };
        Box::pin(std::future::ready(answer.map_err(ProviderError::External)))
    }
}

async fn ask_of(rules: bool, request: http::request::Builder) -> (u16, serde_json::Value) {
    let metrics = Arc::new(Fixed::default());
    let groups: Vec<Box<dyn ApiGroup>> = vec![
        Box::new(CustomMetricsGroup::new(metrics.clone())),
        Box::new(ExternalMetricsGroup::new(Arc::new(Queue { rules }))),
    ];
    let (everybody, not_secret) = (Arc::new(Everybody), Arc::new(NotSecret));
    let api = Api::new(groups, metrics, everybody, not_secret, Reloads::default());
    let router = api.router().layer(axum::Extension(stranger()));
    let request = request.body(axum::body::Body::empty()).unwrap();
    let response = router.oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap())
}

const V1: &str = "/apis/external.metrics.k8s.io/v1beta1";

async fn get(path: &str) -> (u16, serde_json::Value) {
    ask_of(true, http::Request::get(format!("{V1}{path}"))).await
}

#[tokio::test]
async fn external_metrics_are_listed_as_namespaced_resources() {
    insta::assert_json_snapshot!("external_resources", get("").await.1);
    let aggregated = http::Request::get("/apis").header("Accept", discovery::AGGREGATED);
    let (_, document) = ask_of(true, aggregated).await;
    insta::assert_json_snapshot!("external_aggregated", document["items"][1]);
}

#[tokio::test]
async fn external_values_are_a_list_and_what_goes_wrong_is_a_status() {
    let path = "/namespaces/default/queue_depth";
    insta::assert_json_snapshot!("external_values", get(path).await.1);
    let (status, none) = get(&format!("{path}?labelSelector=topic%3Dnone")).await;
    assert_eq!((status, &none["items"]), (200, &serde_json::json!([])));
    insta::assert_json_snapshot!(
        "no_such_external_metric",
        get("/namespaces/default/other").await
    );
    insta::assert_json_snapshot!(
        "unrepresentable_external_value",
        get("/namespaces/default/broken").await
    );
    let forbidden = get("/namespaces/secret/queue_depth").await;
    let says = "queue_depth.external.metrics.k8s.io is forbidden: User \"system:anonymous\" cannot list resource \"queue_depth\" in API group \"external.metrics.k8s.io\" in the namespace \"secret\"";
    assert_eq!(forbidden.0, 403);
    assert_eq!(forbidden.1["message"], says);
    for (path, code) in [
        ("/queue_depth", 404),
        ("/namespaces/default/queue_depth/x", 404),
        ("/namespaces/default/queue_depth?labelSelector=a%20b", 400),
        ("/namespaces/a%22b/queue_depth", 400),
        ("/namespaces/default/queue_depth?watch=true", 405),
        ("/namespaces/default/queue_depth?watch=false", 200),
    ] {
        assert_eq!(get(path).await.0, code, "{path}");
    }
}

#[tokio::test]
async fn a_group_without_rules_is_not_there() {
    let path = format!("{V1}/namespaces/default/queue_depth");
    for (rules, code) in [(true, 200), (false, 404)] {
        for path in [&*path, V1, "/apis/external.metrics.k8s.io"] {
            let (status, _) = ask_of(rules, http::Request::get(path)).await;
            assert_eq!(status, code, "{path}");
        }
        let (_, groups) = ask_of(rules, http::Request::get("/apis")).await;
        let groups = groups["groups"].as_array().map_or(0, Vec::len);
        assert_eq!(groups, 1 + usize::from(rules));
    }
}

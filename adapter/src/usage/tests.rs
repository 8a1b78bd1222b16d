use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use kube::client::Body;
use parking_lot::Mutex;
use serde_json::{Value, json};
use setpoint_rules::{ApiPath, Destination, Rules, Sample, SeriesCollector, SeriesQuery};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::metrics::OwnMetrics;
use crate::prometheus::{FoundSeries, PrometheusClient, PrometheusError, ResultType};
use crate::provider::Relists as _;
use crate::registry::RelistOptions;

/// A Prometheus with a value for each object and container that a query names; fails for queries
/// that hold `broken`.
#[derive(Default)]
struct Scripted {
    asked: Mutex<Vec<String>>,
}

impl PrometheusClient for Scripted {
    fn series<'a>(
        &'a self,
        _: &'a SeriesQuery,
        _: Duration,
    ) -> BoxFuture<'a, Result<FoundSeries, PrometheusError>> {
        let names = SeriesCollector::default().finish();
        Box::pin(std::future::ready(Ok(FoundSeries { names, count: 0 })))
    }

    fn query<'a>(
        &'a self,
        _: &'a Destination,
        query: &'a str,
        take: &'a mut (dyn FnMut(Sample) + Send),
    ) -> BoxFuture<'a, Result<ResultType, PrometheusError>> {
        self.asked.lock().push(query.to_owned());
        if query.contains("broken") {
            let kind = "matrix".to_owned();
            return Box::pin(std::future::ready(Err(PrometheusError::NoVector { kind })));
        }
        let label = if query.contains("pod=") {
            "pod"
        } else {
            "node"
        };
        let names = query.split('"').filter(|part| part.contains('-'));
        for name in names.flat_map(|names| names.split('|')) {
            let labels = BTreeMap::from([
                (label.to_owned(), name.to_owned()),
                ("container".to_owned(), "web".to_owned()),
            ]);
            take(Sample {
                labels,
                timestamp: Timestamp::UNIX_EPOCH,
                value: if query.starts_with("cpu") {
                    0.5
                } else {
                    1024.0
                },
            });
        }
        Box::pin(std::future::ready(Ok(ResultType::Vector)))
    }
}

/// An API server with pods in three namespaces, and one node.
fn kubernetes(pods: usize) -> Client {
    let service = tower::service_fn(move |request: http::Request<Body>| async move {
        let query = request.uri().query().unwrap_or_default().to_owned();
        let kind = |kind: &str| json!({"group": "", "version": "v1", "kind": kind});
        let of_group = |items: Value| json!({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "items": items});
        // Go writes an empty list of metadata as null.
        let some = |items: Vec<Value>| Some(items).filter(|items| !items.is_empty());
        let page = |items: Vec<Value>| json!({"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": {}, "items": some(items)});
        let pod = |namespace: &str, name: String| json!({"metadata": {"name": name, "namespace": namespace, "labels": {"app": "web"}, "managedFields": [{"manager": "x", "fieldsV1": {"f:a": {}}}]}});
        let document = match request.uri().path() {
            "/api" => of_group(
                json!([{"metadata": {"name": ""}, "versions": [{"version": "v1", "resources": [
                    {"resource": "namespaces", "singularResource": "namespace", "scope": "Cluster", "responseKind": kind("Namespace")},
                    {"resource": "nodes", "singularResource": "node", "scope": "Cluster", "responseKind": kind("Node")},
                    {"resource": "pods", "singularResource": "pod", "scope": "Namespaced", "responseKind": kind("Pod")},
                ]}]}]),
            ),
            "/apis" => of_group(json!([])),
            "/api/v1/nodes" => page(vec![json!({"metadata": {"name": "node-1"}})]),
            "/api/v1/pods" => page(vec![
                pod("shop", "web-2".to_owned()),
                pod("broken", "web-1".to_owned()),
                pod("shop", "web-1".to_owned()),
            ]),
            "/api/v1/namespaces/broken/pods" => page(vec![pod("broken", "web-1".to_owned())]),
            "/api/v1/namespaces/shop/pods" => {
                assert!(query.contains("status.phase"), "{query}");
                let named = query.contains("metadata.name");
                match (named, query.contains("web-1")) {
                    (true, false) => page(Vec::new()),
                    (true, true) => page(vec![pod("shop", "web-1".to_owned())]),
                    (false, _) => page(
                        (0..pods)
                            .map(|number| pod("shop", format!("web-{number:04}")))
                            .collect(),
                    ),
                }
            }
            other => panic!("asked for {other}"),
        };
        let body = Body::from(document.to_string().into_bytes());
        Ok::<_, Infallible>(http::Response::new(body))
    });
    Client::new(service, "default")
}

const RULES: &str = "resourceRules:
  cpu:
    containerQuery: 'cpu{<<.LabelMatchers>>} by <<.GroupBy>>'
    nodeQuery: 'cpu{<<.LabelMatchers>>}'
    resources: {template: '<<.Resource>>'}
    containerLabel: container
  memory:
    containerQuery: 'memory{<<.LabelMatchers>>}'
    nodeQuery: 'memory{<<.LabelMatchers>>}'
    resources: {template: '<<.Resource>>'}
    containerLabel: container
  window: 3m
";

struct Served {
    usage: ObjectUsage,
    prometheus: Arc<Scripted>,
    metrics: OwnMetrics,
}

async fn served(rules: &str, pods: usize) -> Served {
    let prometheus = Arc::<Scripted>::default();
    let metrics = OwnMetrics::default();
    let options = RelistOptions {
        interval: Duration::from_secs(600),
        max_age: Duration::from_secs(600),
        timeout: Duration::from_secs(5),
        parallel: 1,
        answer_timeout: Duration::from_secs(5),
    };
    let registry = Registry::start(
        watch::channel(Rules::parse(rules).unwrap()).1,
        prometheus.clone(),
        kubernetes(pods),
        options,
        metrics.clone(),
        CancellationToken::new(),
    );
    let registry = registry.unwrap();
    let queries = Queries::new(prometheus.clone(), metrics.rules().clone());
    let usage = ObjectUsage::new(
        registry.clone(),
        queries,
        kubernetes(pods),
        options.answer_timeout,
    );
    let known = tokio::time::timeout(Duration::from_secs(60), async {
        while !registry.attempted() || registry.snapshot().mapper.resources().is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    known.await.unwrap();
    Served {
        usage,
        prometheus,
        metrics,
    }
}

fn query(path: &str) -> UsageQuery {
    match ApiPath::parse(&format!("/apis/metrics.k8s.io/v1beta1/{path}")).unwrap() {
        ApiPath::Resource(path) => UsageQuery::new(&path, "").unwrap(),
        ApiPath::Other(path) => panic!("{path} is below no version"),
    }
}

#[tokio::test]
async fn two_queries_are_asked_for_all_pods_of_a_namespace() {
    let served = served(RULES, 1000).await;
    let pods = UsageProvider::pods(&served.usage, &query("namespaces/shop/pods")).await;
    let pods = pods.unwrap();
    assert_eq!(pods.len(), 1000);
    assert_eq!(pods[999].metadata.name, "web-0999");
    assert_eq!(pods[0].containers[0].usage.cpu.to_string(), "500m");
    assert_eq!(pods[0].metadata.labels["app"], "web");
    let asked = served.prometheus.asked.lock();
    assert_eq!(asked.len(), 2);
    let measures: BTreeSet<_> = asked.iter().map(|query| &query[..3]).collect();
    assert_eq!(measures, BTreeSet::from(["cpu", "mem"]));
    let text = served.metrics.text();
    let counted = "setpoint_adapter_query_duration_seconds_count{rule=\"resource-memory\"} 1";
    assert!(text.contains(counted), "{text}");
}

#[tokio::test]
async fn a_namespace_that_fails_leaves_the_others_and_alone_it_is_an_error() {
    let served = served(RULES, 2).await;
    let all = UsageProvider::pods(&served.usage, &query("pods"))
        .await
        .unwrap();
    let names: Vec<_> = all.iter().map(|pod| pod.metadata.name.as_str()).collect();
    assert_eq!(names, ["web-1", "web-2"]);
    let broken = query("namespaces/broken/pods");
    let alone = UsageProvider::pods(&served.usage, &broken).await;
    assert!(matches!(alone, Err(ProviderError::Prometheus(_))));
    let text = served.metrics.text();
    let failed =
        "setpoint_adapter_query_failures_total{rule=\"resource-cpu\",kind=\"no_vector\"} 2";
    assert!(text.contains(failed), "{text}");
}

#[tokio::test]
async fn one_object_is_asked_for_by_name_and_has_to_be_there() {
    let served = served(RULES, 2).await;
    let web = query("namespaces/shop/pods/web-1");
    let pods = UsageProvider::pods(&served.usage, &web).await.unwrap();
    assert_eq!(pods.len(), 1);
    let nodes = UsageProvider::nodes(&served.usage, &query("nodes")).await;
    let nodes = nodes.unwrap();
    assert_eq!(nodes[0].usage.memory.to_string(), "1Ki");
    let none = query("namespaces/shop/pods/other");
    let none = UsageProvider::pods(&served.usage, &none).await.unwrap_err();
    assert_eq!(none.to_string(), "pods \"other\" not found");
}

#[tokio::test]
async fn an_object_without_values_is_not_found_and_a_rule_without_a_query_says_so() {
    let other = RULES.replace("'<<.Resource>>'", "'k_<<.Resource>>'");
    let unlabelled = served(&other, 2).await;
    let web = query("namespaces/shop/pods/web-1");
    let none = UsageProvider::pods(&unlabelled.usage, &web).await;
    assert_eq!(
        none.unwrap_err().to_string(),
        "podmetrics.metrics.k8s.io \"shop/web-1\" not found"
    );
    let without = RULES.replace("    nodeQuery: 'memory{<<.LabelMatchers>>}'\n", "");
    let without = served(&without, 2).await;
    let error = UsageProvider::nodes(&without.usage, &query("nodes")).await;
    let error = error.unwrap_err().to_string();
    let says = "resourceRules.memory gives no query for nodes: ";
    assert!(error.starts_with(says), "{error}");
}

use std::collections::BTreeMap;

use kube::client::Body;
use parking_lot::Mutex;
use serde_json::{Value, json};
use setpoint_rules::{Destination, GroupResource, Rules, Sample, SeriesCollector, SeriesQuery};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::metrics::OwnMetrics;
use crate::prometheus::{FoundSeries, PrometheusClient, PrometheusError, ResultType};
use crate::provider::Relists as _;
use crate::registry::RelistOptions;

/// A Prometheus with one counter of two pods; records its queries.
#[derive(Default)]
struct Scripted {
    asked: Mutex<Vec<String>>,
    samples: Vec<(&'static str, f64)>,
    /// A query for which there is none.
    empty: &'static str,
    /// Whether it calls its answers scalars.
    scalar: bool,
}

fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|&(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

impl PrometheusClient for Scripted {
    fn series<'a>(
        &'a self,
        _: &'a SeriesQuery,
        _: Duration,
    ) -> BoxFuture<'a, Result<FoundSeries, PrometheusError>> {
        let mut collector = SeriesCollector::default();
        for name in ["http_requests_total", "http_requests"] {
            collector.add(name, ["namespace", "pod"]).unwrap();
        }
        let names = collector.finish();
        Box::pin(std::future::ready(Ok(FoundSeries { names, count: 2 })))
    }

    fn query<'a>(
        &'a self,
        _: &'a Destination,
        query: &'a str,
        take: &'a mut (dyn FnMut(Sample) + Send),
    ) -> BoxFuture<'a, Result<ResultType, PrometheusError>> {
        self.asked.lock().push(query.to_owned());
        let sample = |(pod, value): &(&str, f64)| Sample {
            labels: labels(&[("pod", pod)]),
            timestamp: Timestamp::UNIX_EPOCH,
            value: *value,
        };
        if query != self.empty {
            self.samples.iter().map(sample).for_each(take);
        }
        let kind = if self.scalar {
            ResultType::Scalar
        } else {
            ResultType::Vector
        };
        Box::pin(std::future::ready(Ok(kind)))
    }
}

/// Three pods with annotations of 2 MiB each, as many at a time as are asked for.
fn long_page(asked: &str) -> Value {
    let parameters: BTreeMap<_, _> = url::form_urlencoded::parse(asked.as_bytes()).collect();
    let number = |name: &str| parameters.get(name).and_then(|text| text.parse().ok());
    let (first, limit): (usize, usize) =
        (number("continue").unwrap_or(0), number("limit").unwrap());
    let items = (first..3).take(limit).map(|pod| {
        json!({"metadata": {"name": format!("long-{pod}"), "annotations": {"x": "y".repeat(2 << 20)}}})
    });
    let items: Vec<_> = items.collect();
    let next = first + items.len();
    let next = if next < 3 {
        next.to_string()
    } else {
        String::new()
    };
    json!({"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": {"continue": next}, "items": items})
}

/// An API server with pods `web-1` and `web-2`.
fn kubernetes() -> Client {
    let service = tower::service_fn(|request: http::Request<Body>| async move {
        let kind = |kind: &str| json!({"group": "", "version": "v1", "kind": kind});
        let document: Value = match request.uri().path() {
            "/api" => {
                json!({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "items": [{"metadata": {"name": ""}, "versions": [{"version": "v1", "resources": [
                    {"resource": "namespaces", "singularResource": "namespace", "scope": "Cluster", "responseKind": kind("Namespace")},
                    {"resource": "pods", "singularResource": "pod", "scope": "Namespaced", "responseKind": kind("Pod")},
                ]}]}]})
            }
            "/apis" => {
                json!({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "items": []})
            }
            "/api/v1/namespaces/silent/pods" => std::future::pending().await,
            "/api/v1/namespaces/default/pods" => {
                let asked = request.uri().query().unwrap_or_default();
                assert!(
                    asked.contains("long") || asked.contains("limit=500"),
                    "{asked}"
                );
                let pod = |name: &str| json!({"metadata": {"name": name}});
                let page = |pods: Value, next: &str| json!({"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": {"continue": next}, "items": pods});
                match asked {
                    none if none.contains("none") => page(json!([]), ""),
                    long if long.contains("long") => long_page(long),
                    next if next.contains("continue=next") => {
                        page(json!([pod("web-1"), pod("x\"}")]), "")
                    }
                    endless if endless.contains("endless") => {
                        page(vec![pod("web-1"); 500].into(), "again")
                    }
                    _ => page(json!([pod("web-2")]), "next"),
                }
            }
            other => panic!("asked for {other}"),
        };
        Ok::<_, std::convert::Infallible>(http::Response::new(Body::from(
            document.to_string().into_bytes(),
        )))
    });
    Client::new(service, "default")
}

const COUNTER: &str = "{seriesQuery: 'http_requests_total', resources: {template: '<<.Resource>>'}, \
    name: {matches: '^(.*)_total$'}, metricsQuery: 'sum(rate(<<.Series>>{<<.LabelMatchers>>}[2m])) by (<<.GroupBy>>)'}";
const GAUGE: &str = "{seriesQuery: 'http_requests', seriesFilters: [{isNot: '_total$'}], resources: {template: '<<.Resource>>'}, metricsQuery: '<<.Series>>'}";

async fn provider(prometheus: Arc<Scripted>) -> CustomMetrics {
    provider_by(COUNTER, prometheus).await
}

async fn provider_by(rules: &str, prometheus: Arc<Scripted>) -> CustomMetrics {
    let rules = Rules::parse(&format!("rules: [{rules}]")).unwrap();
    let options = RelistOptions {
        interval: Duration::from_secs(600),
        max_age: Duration::from_secs(60),
        timeout: Duration::from_secs(5),
        parallel: 1,
        answer_timeout: Duration::from_millis(200),
    };
    let metrics = OwnMetrics::default();
    let registry = Registry::start(
        watch::channel(rules).1,
        prometheus.clone(),
        kubernetes(),
        options,
        metrics.clone(),
        CancellationToken::new(),
    );
    let registry = registry.unwrap();
    let queries = Queries::new(prometheus, metrics.rules().clone());
    let provider = CustomMetrics::new(
        registry.clone(),
        queries,
        kubernetes(),
        options.answer_timeout,
    );
    let attempted = tokio::time::timeout(Duration::from_secs(60), async {
        // The metrics are made after the last answer.
        while !registry.attempted() || provider.metrics().is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    attempted.await.unwrap();
    provider
}

fn query(resource: &str, metric: &str, objects: Objects) -> MetricQuery {
    MetricQuery {
        group_resource: GroupResource::parse(resource),
        namespace: Some("default".to_owned()),
        objects,
        metric: metric.to_owned(),
        metric_selector: Selector::default(),
    }
}

fn shown(values: &[MetricValue]) -> Vec<String> {
    let one = |value: &MetricValue| {
        let object = &value.described_object;
        format!(
            "{:?} {:?} {}",
            object.api_version.as_deref(),
            object.name.as_deref(),
            value.value
        )
    };
    values.iter().map(one).collect()
}

#[tokio::test]
async fn objects_that_a_selector_selects_are_asked_for_in_one_query() {
    let samples = vec![("web-2", 2.5), ("web-1", f64::NAN), ("other", 9.0)];
    let prometheus = Arc::new(Scripted {
        samples,
        ..Scripted::default()
    });
    let provider = provider(prometheus.clone()).await;
    let selected = query(
        "pod",
        "http_requests",
        Objects::Selected(Selector::parse("app=web").unwrap()),
    );
    let values = provider.values(&selected).await.unwrap();
    assert_eq!(
        shown(&values),
        [
            r#"Some("/v1") Some("web-1") 0"#,
            r#"Some("/v1") Some("web-2") 2500m"#
        ]
    );
    let asked =
        r#"sum(rate(http_requests_total{namespace="default",pod=~"web-1|web-2"}[2m])) by (pod)"#;
    assert_eq!(*prometheus.asked.lock(), [asked]);
}

#[tokio::test]
async fn missing_metrics_and_values_have_the_messages_of_prometheus_adapter() {
    let provider = provider(Arc::default()).await;
    let said = async |query: MetricQuery| {
        provider
            .values(&query)
            .await
            .map(|values| values.len())
            .map_err(|error| error.to_string())
    };
    let all = || Objects::Selected(Selector::default());
    assert_eq!(said(query("pods", "http_requests", all())).await, Ok(0));
    for (query, words) in [
        (
            query("pods", "other", all()),
            "the server could not find the metric other for pods",
        ),
        (
            query("instances", "http_requests", all()),
            "the server could not find the metric http_requests for instances",
        ),
        (
            query("pods", "http_requests", Objects::Named("web-1".to_owned())),
            "the server could not find the metric http_requests for pods web-1",
        ),
        (
            query(
                "pods",
                "http_requests",
                Objects::Selected(Selector::parse("none").unwrap()),
            ),
            "the server could not find the metric http_requests for pods",
        ),
    ] {
        assert_eq!(said(query).await, Err(words.to_owned()));
    }
}

#[tokio::test]
async fn a_gauge_without_a_value_leaves_the_counter_of_the_same_metric() {
    let named = || query("pods", "http_requests", Objects::Named("web-1".to_owned()));
    let counter = r#"sum(rate(http_requests_total{namespace="default",pod="web-1"}[2m])) by (pod)"#;
    for (empty, asked) in [
        ("http_requests", &["http_requests", counter][..]),
        ("", &["http_requests"]),
    ] {
        let prometheus = Arc::new(Scripted {
            samples: vec![("web-1", 2.0)],
            empty,
            ..Scripted::default()
        });
        let provider = provider_by(&format!("{COUNTER}, {GAUGE}"), prometheus.clone()).await;
        let values = provider.values(&named()).await.unwrap();
        assert_eq!(shown(&values), [r#"Some("/v1") Some("web-1") 2"#]);
        assert_eq!(*prometheus.asked.lock(), asked);
    }
}

#[tokio::test]
async fn a_selector_that_selects_too_many_objects_is_an_error() {
    let provider = provider(Arc::default()).await;
    let endless = Objects::Selected(Selector::parse("endless").unwrap());
    let error = provider
        .values(&query("pods", "http_requests", endless))
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the selector selects more than 10000 pods: narrow it"
    );
}

#[tokio::test]
async fn objects_with_long_annotations_are_listed_one_by_one() {
    let prometheus = Arc::new(Scripted {
        samples: vec![("long-0", 1.0), ("long-2", 3.0)],
        ..Scripted::default()
    });
    let provider = provider(prometheus.clone()).await;
    let long = Objects::Selected(Selector::parse("long").unwrap());
    let values = provider
        .values(&query("pods", "http_requests", long))
        .await
        .unwrap();
    assert_eq!(
        shown(&values),
        [
            r#"Some("/v1") Some("long-0") 1"#,
            r#"Some("/v1") Some("long-2") 3"#
        ]
    );
    assert!(prometheus.asked.lock()[0].contains(r#"pod=~"long-0|long-1|long-2""#));
}

#[tokio::test]
async fn a_value_that_no_quantity_can_express_is_an_error() {
    let prometheus = Arc::new(Scripted {
        samples: vec![("web-1", f64::INFINITY)],
        ..Scripted::default()
    });
    let provider = provider(prometheus).await;
    let named = query("pods", "http_requests", Objects::Named("web-1".to_owned()));
    assert!(matches!(
        provider.values(&named).await,
        Err(ProviderError::Metric(MetricError::Unrepresentable { .. }))
    ));
}

#[tokio::test]
async fn what_is_absent_from_all_rules_counts_as_one_of_them_says() {
    let absent = |rule: &str, value: &str| {
        rule.replacen(
            '{',
            &format!("{{valuePolicy: {{absent: {{default: {value}}}}}, "),
            1,
        )
    };
    let rules = format!("{}, {}", absent(COUNTER, "1"), absent(GAUGE, "2"));
    let answer = async |samples: Vec<(&'static str, f64)>, empty, scalar| {
        let prometheus = Scripted {
            samples,
            empty,
            scalar,
            ..Scripted::default()
        };
        let provider = provider_by(&rules, Arc::new(prometheus)).await;
        let named = query("pods", "http_requests", Objects::Named("web-1".to_owned()));
        let values = provider.values(&named).await;
        values.map(|values| values[0].value.to_string())
    };
    assert_eq!(answer(vec![], "", false).await.unwrap(), "2");
    // The gauge has no value, and the counter has.
    let of_counter = answer(vec![("web-1", 7.0)], "http_requests", false).await;
    assert_eq!(of_counter.unwrap(), "7");
    let failed = answer(vec![], "", true).await;
    assert!(matches!(failed, Err(ProviderError::Prometheus(_))));
}

#[tokio::test]
async fn a_scalar_is_no_value_of_an_object() {
    let prometheus = Scripted {
        samples: vec![("web-1", 1.0)],
        scalar: true,
        ..Scripted::default()
    };
    let provider = provider(Arc::new(prometheus)).await;
    let named = query("pods", "http_requests", Objects::Named("web-1".to_owned()));
    let answer = provider.values(&named).await;
    assert!(matches!(
        answer,
        Err(ProviderError::Prometheus(PrometheusError::NoVector { .. }))
    ));
}

#[tokio::test]
async fn an_api_server_that_never_lists_is_an_error_in_time() {
    let provider = provider(Arc::default()).await;
    let silent = MetricQuery {
        namespace: Some("silent".to_owned()),
        ..query(
            "pods",
            "http_requests",
            Objects::Selected(Selector::default()),
        )
    };
    let answer = tokio::time::timeout(Duration::from_secs(20), provider.values(&silent)).await;
    let error = answer.expect("in time").unwrap_err();
    assert_eq!(
        crate::error_chain::error_chain(&error),
        "unable to list matching resources, which takes the verb `list` on pods: no answer from the API server to a list of objects within 200ms"
    );
}

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use jiff::Timestamp;
use kube::Client;
use kube::client::Body;
use parking_lot::Mutex;
use serde_json::json;
use setpoint_rules::{Destination, Rules, Sample, Selector, SeriesCollector, SeriesQuery};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::metrics::OwnMetrics;
use crate::prometheus::{FoundSeries, PrometheusClient, PrometheusError};
use crate::provider::Relists as _;
use crate::registry::RelistOptions;

/// A Prometheus that has two series and answers some queries; records them.
#[derive(Default)]
struct Scripted {
    asked: Mutex<Vec<String>>,
    /// Values by query; other queries give an empty vector.
    values: BTreeMap<&'static str, Vec<f64>>,
    kind: Option<ResultType>,
}

impl PrometheusClient for Scripted {
    fn series<'a>(
        &'a self,
        _: &'a SeriesQuery,
        _: Duration,
    ) -> BoxFuture<'a, Result<FoundSeries, PrometheusError>> {
        let mut collector = SeriesCollector::default();
        for name in ["queue_depth", "queue_depth_total"] {
            collector.add(name, ["topic"]).unwrap();
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
        let values = self.values.get(query).into_iter().flatten();
        let sample = |value: &f64| Sample {
            labels: BTreeMap::new(),
            timestamp: Timestamp::UNIX_EPOCH,
            value: *value,
        };
        values.map(sample).for_each(take);
        let kind = self.kind.unwrap_or(ResultType::Vector);
        Box::pin(std::future::ready(Ok(kind)))
    }
}

/// An API server without resources.
fn kubernetes() -> Client {
    let service = tower::service_fn(|_: http::Request<Body>| async {
        let document = json!({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "items": []});
        let body = Body::from(document.to_string().into_bytes());
        Ok::<_, Infallible>(http::Response::new(body))
    });
    Client::new(service, "default")
}

const COUNTER: &str = "{seriesQuery: c, seriesFilters: [{is: '_total$'}], name: {matches: '^(.*)_total$'}, metricsQuery: 'rate(<<.Series>>)', resources: {namespaced: false}}";
const GAUGE: &str = "{seriesQuery: g, seriesFilters: [{isNot: '_total$'}], metricsQuery: '<<.Series>>{<<.LabelMatchers>>}', resources: {namespaced: false}}";

struct Served {
    external: ExternalMetrics,
    prometheus: Arc<Scripted>,
    metrics: OwnMetrics,
    registry: Arc<Registry>,
}

async fn served(rules: &str, prometheus: Scripted) -> Served {
    let prometheus = Arc::new(prometheus);
    let metrics = OwnMetrics::default();
    let options = RelistOptions {
        interval: Duration::from_secs(600),
        max_age: Duration::from_secs(600),
        timeout: Duration::from_secs(5),
        parallel: 1,
        answer_timeout: Duration::from_secs(5),
    };
    let lists = !rules.is_empty();
    let rules = Rules::parse(&format!("externalRules: [{rules}]")).unwrap();
    let registry = Registry::start(
        watch::channel(rules).1,
        prometheus.clone(),
        kubernetes(),
        options,
        metrics.clone(),
        CancellationToken::new(),
    );
    let registry = registry.unwrap();
    let queries = Queries::new(prometheus.clone(), metrics.rules().clone());
    let external = ExternalMetrics::new(registry.clone(), queries);
    let listed = tokio::time::timeout(Duration::from_secs(60), async {
        while !registry.attempted() || (lists && external.metrics().is_empty()) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    listed.await.unwrap();
    Served {
        external,
        prometheus,
        metrics,
        registry,
    }
}

fn query(metric: &str) -> ExternalQuery {
    ExternalQuery {
        namespace: "shop".to_owned(),
        metric: metric.to_owned(),
        selector: Selector::default(),
    }
}

#[tokio::test]
async fn where_the_later_rule_has_no_value_the_next_is_asked() {
    for (values, given, asked) in [
        (BTreeMap::new(), 0, 2),
        (
            BTreeMap::from([("rate(queue_depth_total)", vec![1.0])]),
            1,
            2,
        ),
        (BTreeMap::from([("queue_depth{}", vec![1.0, 2.0])]), 2, 1),
    ] {
        let prometheus = Scripted {
            values,
            ..Scripted::default()
        };
        let served = served(&format!("{COUNTER}, {GAUGE}"), prometheus).await;
        let values = served.external.values(&query("queue_depth")).await;
        assert_eq!(values.unwrap().len(), given);
        assert_eq!(served.prometheus.asked.lock().len(), asked);
    }
}

#[tokio::test]
async fn the_group_is_there_where_rules_give_external_metrics() {
    let some = served(GAUGE, Scripted::default()).await;
    assert!(some.external.has_rules());
    let none = served("", Scripted::default()).await;
    assert!(!none.external.has_rules());
}

#[tokio::test]
async fn a_scalar_is_a_value_without_labels() {
    let prometheus = Scripted {
        values: BTreeMap::from([("queue_depth{}", vec![4.0])]),
        kind: Some(ResultType::Scalar),
        ..Scripted::default()
    };
    let served = served(GAUGE, prometheus).await;
    let values = served.external.values(&query("queue_depth")).await.unwrap();
    assert_eq!(values[0].metric_labels, None);
}

#[tokio::test]
async fn rules_of_external_metrics_are_counted_and_checked_under_their_own_names() {
    let prometheus = Scripted {
        values: BTreeMap::from([("queue_depth{}", vec![f64::NAN])]),
        ..Scripted::default()
    };
    let served = served(&format!("{COUNTER}, {GAUGE}"), prometheus).await;
    let failed = served.external.values(&query("queue_depth")).await;
    assert!(failed.is_err());
    let text = served.metrics.text();
    for line in [
        "setpoint_adapter_rule_info{rule=\"external-0\",series_query=\"c\"} 1",
        "setpoint_adapter_rule_metrics{rule=\"external-1\"} 1",
        "setpoint_adapter_query_failures_total{rule=\"external-1\",kind=\"unrepresentable\"} 1",
        "setpoint_adapter_query_duration_seconds_count{rule=\"external-1\"} 1",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
    let names: Vec<_> = served.registry.relists();
    let names: Vec<_> = names.into_iter().map(|relist| relist.name).collect();
    assert_eq!(
        names,
        [
            "relist-resources",
            "relist-rule-external-0",
            "relist-rule-external-1"
        ]
    );
}

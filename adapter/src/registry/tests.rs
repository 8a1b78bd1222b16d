use std::collections::BTreeSet;
use std::convert::Infallible;

use futures::future::BoxFuture;
use kube::client::Body;
use serde_json::json;
use setpoint_rules::{Destination, MetricInfo, Sample, SeriesCollector};

use super::relist::SLOT;
use super::*;
use crate::prometheus::{FoundSeries, PrometheusError, ResultType};

/// Has one series for each selector, of the same name. Fails for broken selectors, and never answers
/// for `silent`.
struct Prometheus {
    broken: watch::Sender<BTreeSet<&'static str>>,
    asked: Mutex<Vec<String>>,
}

impl Prometheus {
    fn with_broken(broken: impl IntoIterator<Item = &'static str>) -> Arc<Self> {
        let broken = watch::Sender::new(broken.into_iter().collect());
        let asked = Mutex::default();
        Arc::new(Self { broken, asked })
    }
}

impl PrometheusClient for Prometheus {
    fn series<'a>(
        &'a self,
        asked: &'a SeriesQuery,
        _: Duration,
    ) -> BoxFuture<'a, Result<FoundSeries, PrometheusError>> {
        let selector = asked.selector.as_str();
        Box::pin(async move {
            if selector.starts_with("silent") {
                std::future::pending::<()>().await;
            }
            if self.broken.borrow().contains(selector) {
                let kind = "a matrix".to_owned();
                return Err(PrometheusError::NoVector { kind });
            }
            assert_ne!(selector, "panics");
            self.asked.lock().push(selector.to_owned());
            let mut collector = SeriesCollector::default();
            let name = match selector {
                // Another one each time.
                "changing" => format!("changing_{}", self.asked.lock().len()),
                name => name.to_owned(),
            };
            collector.add(&name, ["namespace", "pod"]).unwrap();
            Ok(FoundSeries {
                names: collector.finish(),
                count: 7,
            })
        })
    }

    fn query<'a>(
        &'a self,
        _: &'a Destination,
        _: &'a str,
        _: &'a mut (dyn FnMut(Sample) + Send),
    ) -> BoxFuture<'a, Result<ResultType, PrometheusError>> {
        Box::pin(std::future::ready(Ok(ResultType::Vector)))
    }
}

/// An API server with pods, or one that accepts requests and never answers.
fn kubernetes(answers: bool) -> Client {
    let service = tower::service_fn(move |request: http::Request<Body>| async move {
        if !answers {
            std::future::pending::<()>().await;
        }
        let resource = |name: &str, kind: &str, scope: &str| json!({"resource": name, "scope": scope, "responseKind": {"kind": kind}});
        let items = match request.uri().path() {
            "/api" => json!([{"metadata": {}, "versions": [{"version": "v1", "resources": [
                resource("pods", "Pod", "Namespaced"), resource("namespaces", "Namespace", "Cluster")]}]}]),
            _ => json!([]),
        };
        let document = json!({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "items": items});
        Ok::<_, Infallible>(http::Response::new(Body::from(
            document.to_string().into_bytes(),
        )))
    });
    Client::new(service, "default")
}

fn rules_of(selectors: &[&str]) -> Rules {
    let rule = |selector: &&str| {
        format!(
            "- {{seriesQuery: {selector}, resources: {{template: '<<.Resource>>'}}, metricsQuery: x}}\n"
        )
    };
    let rules: String = selectors.iter().map(rule).collect();
    Rules::parse(&format!("rules:\n{rules}")).unwrap()
}

/// A registry that relists, until it is dropped.
struct Running {
    registry: Arc<Registry>,
    metrics: OwnMetrics,
    rules: watch::Sender<Rules>,
    _until: DropGuard,
}

fn registry(
    selectors: &[&str],
    prometheus: Arc<Prometheus>,
    kubernetes: Client,
    interval: Duration,
) -> Running {
    let options = RelistOptions {
        interval,
        max_age: Duration::from_secs(60),
        timeout: Duration::from_secs(20),
        parallel: 2,
        answer_timeout: Duration::from_millis(10),
    };
    let metrics = OwnMetrics::default();
    let events = metrics.rules().clone();
    let registry = Arc::new(Registry::new(prometheus, kubernetes, options, events));
    registry.show_in(&metrics);
    let shutdown = CancellationToken::new();
    let (sender, receiver) = watch::channel(rules_of(selectors));
    tokio::spawn(registry.clone().run(receiver, shutdown.clone()));
    Running {
        registry,
        metrics,
        rules: sender,
        _until: shutdown.drop_guard(),
    }
}

/// The pods' metrics.
fn metrics(registry: &Registry) -> Vec<String> {
    let metrics = &registry.snapshot().custom;
    let of_pods = |info: &&MetricInfo| info.group_resource.resource == "pods";
    let names = metrics.iter().filter(of_pods);
    names.map(|info| info.metric.to_string()).collect()
}

impl Running {
    /// Waits until something holds.
    async fn until(&self, holds: impl Fn(&Registry) -> bool) {
        let looking = async {
            while !holds(&self.registry) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(3600), looking).await;
        assert!(waited.is_ok(), "still: {:?}", metrics(&self.registry));
    }
}

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test(start_paused = true)]
async fn the_first_relist_has_ended_though_it_failed_and_a_later_one_succeeds() {
    let prometheus = Prometheus::with_broken(["load"]);
    let running = registry(&["load"], prometheus.clone(), kubernetes(true), HOUR);
    assert!(!running.registry.attempted());
    running.until(Registry::attempted).await;
    assert!(metrics(&running.registry).is_empty());
    prometheus.broken.send_replace(BTreeSet::new());
    // Long before the interval is over.
    running
        .until(|registry| metrics(registry) == ["load"])
        .await;
    assert!(running.registry.started.elapsed() < Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_never_answers_ends_the_first_relist_in_time() {
    let prometheus = Prometheus::with_broken([]);
    let running = registry(&["load"], prometheus, kubernetes(false), HOUR);
    running.until(Registry::attempted).await;
    assert!(running.registry.started.elapsed() < FIRST_RELISTS);
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_fails_panics_or_never_answers_leaves_the_others() {
    let prometheus = Prometheus::with_broken(["broken"]);
    // More rules without an answer than are asked at a time.
    let rules = [
        "load", "broken", "panics", "silent", "silent1", "silent2", "zload",
    ];
    let running = registry(&rules, prometheus, kubernetes(true), HOUR);
    let served = |registry: &Registry| metrics(registry) == ["load", "zload"];
    running.until(served).await;
    assert!(running.registry.started.elapsed() < 2 * SLOT);
    assert!(!running.registry.attempted(), "some have not answered yet");
    running.until(Registry::attempted).await;
    assert!(running.registry.started.elapsed() > FIRST_RELISTS);
    assert!(served(&running.registry));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_never_ends_is_a_failure_in_time() {
    let prometheus = Prometheus::with_broken([]);
    let running = registry(&["silent"], prometheus, kubernetes(true), HOUR);
    running.until(Registry::attempted).await;
    let elapsed = running.registry.started.elapsed();
    assert_eq!(elapsed.as_secs(), 20, "the time-out of the options");
}

#[tokio::test(start_paused = true)]
async fn of_series_that_change_each_time_only_the_last_are_kept() {
    let prometheus = Prometheus::with_broken([]);
    let second = Duration::from_secs(1);
    let running = registry(&["changing", "load"], prometheus, kubernetes(true), second);
    for _ in 0..5 {
        let before = running.registry.snapshot();
        running
            .until(|registry| !Arc::ptr_eq(&before, &registry.snapshot()))
            .await;
    }
    running.until(|registry| metrics(registry).len() == 2).await;
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_fails_later_keeps_its_metrics() {
    let prometheus = Prometheus::with_broken([]);
    let second = Duration::from_secs(1);
    let selectors = ["first", "second"];
    let running = registry(&selectors, prometheus.clone(), kubernetes(true), second);
    running.until(|registry| metrics(registry).len() == 2).await;
    let before = running.registry.snapshot();
    prometheus.broken.send_replace(BTreeSet::from(["first"]));
    prometheus.asked.lock().clear();
    running.until(|_| prometheus.asked.lock().len() > 4).await;
    assert_eq!(metrics(&running.registry), ["first", "second"]);
    assert!(
        Arc::ptr_eq(&before, &running.registry.snapshot()),
        "nothing changed, so nothing was made anew"
    );
}

#[tokio::test(start_paused = true)]
async fn rules_with_one_selector_ask_once() {
    let prometheus = Prometheus::with_broken([]);
    let running = registry(&["load"; 10], prometheus.clone(), kubernetes(true), HOUR);
    running.until(Registry::attempted).await;
    assert_eq!(*prometheus.asked.lock(), ["load"]);
}

#[tokio::test(start_paused = true)]
async fn new_rules_replace_the_old_ones_when_their_series_are_known() {
    let prometheus = Prometheus::with_broken([]);
    let running = registry(&["a", "b"], prometheus, kubernetes(true), HOUR);
    running.until(|registry| metrics(registry).len() == 2).await;
    let changes = running.registry.clone();
    let seen = tokio::spawn(async move {
        let mut seen = BTreeSet::from([metrics(&changes)]);
        while !seen.contains(&vec!["b".to_owned(), "c".to_owned()]) {
            tokio::task::yield_now().await;
            seen.insert(metrics(&changes));
        }
        seen
    });
    running.rules.send_replace(rules_of(&["b", "c"]));
    let seen = tokio::time::timeout(HOUR, seen).await.unwrap().unwrap();
    assert_eq!(seen.len(), 2, "nothing in between: {seen:?}");
    // Those that can't be asked replace the old ones nevertheless.
    running.rules.send_replace(rules_of(&["b", "silent"]));
    running.until(|registry| metrics(registry) == ["b"]).await;
}

#[tokio::test(start_paused = true)]
async fn metrics_tell_how_each_rule_is() {
    let prometheus = Prometheus::with_broken(["broken"]);
    let selectors = ["load", "broken", "load", "silent"];
    let running = registry(&selectors, prometheus.clone(), kubernetes(true), HOUR);
    let known = |name: &str| running.metrics.text().contains(name);
    tokio::task::yield_now().await;
    assert!(
        known("setpoint_adapter_rule_metrics{rule=\"3\"} 0"),
        "before any answer"
    );
    running
        .until(|registry| metrics(registry) == ["load"])
        .await;
    running
        .until(|registry| registry.rule_states()[1].relist.attempted)
        .await;
    tokio::time::advance(Duration::from_millis(1500)).await;
    let text = running.metrics.text();
    let rules = text
        .lines()
        .filter(|line| line.starts_with("setpoint_adapter_rule_"));
    let rules: Vec<_> = rules.filter(|line| !line.contains("_seconds{")).collect();
    insta::assert_snapshot!(rules.join("\n"), @r#"
    setpoint_adapter_rule_info{rule="0",series_query="load"} 1
    setpoint_adapter_rule_info{rule="1",series_query="broken"} 1
    setpoint_adapter_rule_info{rule="2",series_query="load"} 1
    setpoint_adapter_rule_info{rule="3",series_query="silent"} 1
    setpoint_adapter_rule_metrics{rule="0"} 2
    setpoint_adapter_rule_metrics{rule="1"} 0
    setpoint_adapter_rule_metrics{rule="2"} 2
    setpoint_adapter_rule_metrics{rule="3"} 0
    setpoint_adapter_rule_clashing_metrics{rule="0"} 2
    setpoint_adapter_rule_clashing_metrics{rule="1"} 0
    setpoint_adapter_rule_clashing_metrics{rule="2"} 2
    setpoint_adapter_rule_clashing_metrics{rule="3"} 0
    setpoint_adapter_rule_series{rule="0"} 7
    setpoint_adapter_rule_series{rule="2"} 7
    setpoint_adapter_rule_relist_failing{rule="0"} 0
    setpoint_adapter_rule_relist_failing{rule="1"} 1
    setpoint_adapter_rule_relist_failing{rule="2"} 0
    "#);
    let age = "setpoint_adapter_rule_answer_age_seconds{rule=\"0\"} 1.5";
    assert!(text.contains(age), "{text}");
    assert!(
        !text.contains("answer_age_seconds{rule=\"1\"}"),
        "it has none"
    );
    assert!(known(
        "setpoint_adapter_relist_failures_total{rule=\"1\",kind=\"no_vector\"}"
    ));
    prometheus.broken.send_replace(BTreeSet::new());
    running
        .until(|registry| registry.rule_states()[1].relist.failure.is_none())
        .await;
    assert!(known("setpoint_adapter_rule_relist_failing{rule=\"1\"} 0"));
    running.rules.send_replace(rules_of(&["other"]));
    running
        .until(|registry| metrics(registry) == ["other"])
        .await;
    assert!(
        !known("relist_failures_total{"),
        "of another rule at this position"
    );
}

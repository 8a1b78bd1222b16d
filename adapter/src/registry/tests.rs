use std::collections::BTreeSet;
use std::convert::Infallible;

use futures::future::BoxFuture;
use kube::client::Body;
use serde_json::json;
use setpoint_rules::{MetricInfo, Sample};
use tokio::sync::watch;

use super::*;

/// Has one series for each selector, of the same name. Fails for broken selectors, and never answers
/// for `silent`.
struct Prometheus {
    broken: watch::Sender<BTreeSet<&'static str>>,
}

impl Prometheus {
    fn with_broken(broken: impl IntoIterator<Item = &'static str>) -> Arc<Self> {
        let broken = watch::Sender::new(broken.into_iter().collect());
        Arc::new(Self { broken })
    }
}

impl PrometheusClient for Prometheus {
    fn series<'a>(
        &'a self,
        selector: &'a str,
        _: f64,
    ) -> BoxFuture<'a, Result<Vec<Series>, PrometheusError>> {
        Box::pin(async move {
            if selector == "silent" {
                std::future::pending::<()>().await;
            }
            if self.broken.borrow().contains(selector) {
                let kind = "a matrix".to_owned();
                return Err(PrometheusError::NoVector { kind });
            }
            let label = |name: &str| (name.to_owned(), "x".to_owned());
            Ok(vec![Series {
                name: selector.to_owned(),
                labels: [label("namespace"), label("pod")].into(),
            }])
        })
    }

    fn query<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Vec<Sample>, PrometheusError>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
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

fn registry(
    selectors: &[&str],
    prometheus: Arc<Prometheus>,
    kubernetes: Client,
    interval: Duration,
) -> Arc<Registry> {
    let rule = |selector: &&str| {
        format!(
            "- {{seriesQuery: {selector}, resources: {{template: '<<.Resource>>'}}, metricsQuery: x}}\n"
        )
    };
    let rules: String = selectors.iter().map(rule).collect();
    let rules = Rules::parse(&format!("rules:\n{rules}")).unwrap();
    let options = RelistOptions {
        interval,
        max_age: Duration::from_secs(60),
        answer_timeout: Duration::from_millis(10),
    };
    Arc::new(Registry::new(rules, prometheus, kubernetes, options))
}

/// The pods' metrics.
fn metrics(registry: &Registry) -> Vec<String> {
    let metrics = registry.metrics();
    let of_pods = |info: &&MetricInfo| info.group_resource.resource == "pods";
    let names = metrics.iter().filter(of_pods);
    names.map(|info| info.metric.clone()).collect()
}

/// Relists until something holds.
async fn run_until(registry: &Registry, holds: impl Fn(&Registry) -> bool) {
    let shutdown = CancellationToken::new();
    let looking = async {
        while !holds(registry) {
            tokio::task::yield_now().await;
        }
        shutdown.cancel();
    };
    let both = async { tokio::join!(registry.run(shutdown.clone()), looking) };
    let waited = tokio::time::timeout(Duration::from_secs(20), both).await;
    assert!(waited.is_ok(), "still: {:?}", metrics(registry));
}

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn the_first_relist_has_ended_though_it_failed_and_a_later_one_succeeds() {
    let prometheus = Prometheus::with_broken(["load"]);
    let registry = registry(&["load"], prometheus.clone(), kubernetes(true), HOUR);
    assert!(!registry.attempted());
    run_until(&registry, Registry::attempted).await;
    assert!(metrics(&registry).is_empty());
    prometheus.broken.send_replace(BTreeSet::new());
    // Long before the interval is over.
    run_until(&registry, |registry| metrics(registry) == ["load"]).await;
}

#[tokio::test]
async fn an_api_server_that_never_answers_ends_the_first_relist_in_time() {
    let prometheus = Prometheus::with_broken([]);
    let registry = registry(&["load"], prometheus, kubernetes(false), HOUR);
    run_until(&registry, Registry::attempted).await;
}

#[tokio::test]
async fn a_rule_that_fails_or_never_answers_leaves_the_others() {
    let prometheus = Prometheus::with_broken(["broken"]);
    let rules = ["broken", "load", "silent"];
    let registry = registry(&rules, prometheus, kubernetes(true), HOUR);
    run_until(&registry, |registry| metrics(registry) == ["load"]).await;
    assert!(!registry.attempted(), "one has not answered yet");
}

#[tokio::test]
async fn a_rule_that_fails_later_keeps_its_metrics() {
    let prometheus = Prometheus::with_broken([]);
    let short = Duration::from_millis(1);
    let registry = registry(
        &["first", "second"],
        prometheus.clone(),
        kubernetes(true),
        short,
    );
    run_until(&registry, |registry| metrics(registry).len() == 2).await;
    prometheus.broken.send_replace(BTreeSet::from(["first"]));
    let before = registry.metrics();
    // The other rule goes on to renew the snapshot.
    run_until(&registry, |registry| {
        !Arc::ptr_eq(&before, &registry.metrics())
    })
    .await;
    assert_eq!(metrics(&registry), ["first", "second"]);
}

#[test]
fn failures_are_tried_again_soon_and_then_less_often() {
    let mut pauses = Pauses::new(Duration::from_secs(3));
    let milliseconds = |good: bool, pauses: &mut Pauses| pauses.after(good).as_millis();
    let mut after_failures = || {
        (0..4)
            .map(|_| milliseconds(false, &mut pauses))
            .collect::<Vec<_>>()
    };
    assert_eq!(after_failures(), [500, 1000, 2000, 3000]);
    assert_eq!(
        after_failures(),
        [3000; 4],
        "never less often than without a failure"
    );
    assert_eq!(milliseconds(true, &mut pauses), 3000);
    assert_eq!(milliseconds(false, &mut pauses), 500, "a success forgets");
    let mut pauses = Pauses::new(Duration::from_millis(100));
    assert_eq!(milliseconds(false, &mut pauses), 100);
}

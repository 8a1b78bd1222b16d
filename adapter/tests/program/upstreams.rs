//! Rules that ask another server than the one that flags name.

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;

use super::support::{Adapter, client, config, parameter, series, serve, value};

/// The Prometheus that flags name.
async fn default(request: Request) -> Response {
    if request.uri().path() == "/api/v1/query" {
        value(1)
    } else {
        series(&parameter(&request, "match[]"))
    }
}

/// A server of tenants, below a path: it has a value for one of them, and names of series for two at once.
async fn of_tenants(request: Request) -> Response {
    let tenant = request.headers().get("x-scope-orgid");
    let tenant = tenant.and_then(|tenant| tenant.to_str().ok());
    match (request.uri().path(), tenant) {
        ("/prometheus/api/v1/query", Some("n")) => value(7),
        ("/prometheus/api/v1/series", Some("n|m")) => series(&parameter(&request, "match[]")),
        _ => (StatusCode::UNAUTHORIZED, "no org id").into_response(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_asks_its_upstream_as_the_namespace_of_the_request_and_others_ask_the_default() {
    let there = serve(Router::new().fallback(of_tenants)).await;
    let rules = config(&["here", "there"]);
    let upstreams = |name: &str| {
        let tenants = "<<with .Namespace>><<.>><<else>>n|m<<end>>";
        let upstream = format!(
            "upstreams: [{{name: {name}, url: 'http://{there}/prometheus', headers: {{X-Scope-OrgID: '{tenants}'}}}}]"
        );
        let rules = rules.replace(
            "{seriesQuery: there",
            "{upstream: mimir, seriesQuery: there",
        );
        format!("{upstream}\n{rules}")
    };
    let here = serve(Router::new().fallback(default)).await;
    let adapter = Adapter::start(here, &upstreams("mimir"), &[]).await;
    for position in 0..2 {
        let metrics = format!("setpoint_adapter_rule_metrics{{rule=\"{position}\"}} ");
        adapter.until(&metrics, |metrics| metrics > 0.0).await;
    }
    let client = client();
    let of = async |metric: &str| adapter.value(&client, metric).await.unwrap();
    assert_eq!(of("here").await, (200, "1".into()));
    assert_eq!(of("there").await, (200, "7".into()));
    let other = "/apis/custom.metrics.k8s.io/v1beta1/namespaces/m/pods/p/there";
    let (status, said) = adapter.get(other).await;
    assert!(
        status == 500 && said.contains("Prometheus answered 401"),
        "{status} {said}"
    );
    // Rules that name an upstream which isn't there change nothing.
    adapter.write_config(&upstreams("another"));
    let failures = "setpoint_adapter_reloads_total{part=\"configuration\",outcome=\"failure\"} ";
    adapter.until(failures, |failures| failures > 0.0).await;
    adapter
        .logged("there is no upstream `mimir`; there is `another`")
        .await;
    assert_eq!(of("there").await, (200, "7".into()));
}

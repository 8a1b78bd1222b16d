use serde_json::json;
use setpoint_rules::Rules;
use wiremock::matchers::{header, header_exists, method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::*;

/// The upstreams of a configuration beside a Prometheus that nobody asks.
fn upstreams() -> Upstreams {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let options = HttpClientOptions::of("http://127.0.0.1:1".parse().unwrap());
    let metrics = OwnMetrics::default();
    Upstreams::new(HttpClient::new(options, &metrics).unwrap(), metrics)
}

fn rules(upstreams: &str, rule: &str) -> Rules {
    let text = format!("upstreams: [{upstreams}]\nexternalRules: [{{seriesQuery: up, {rule}}}]\n");
    Rules::parse(&text)
        .map_err(|error| format!("{error:?}"))
        .unwrap()
}

fn vector() -> ResponseTemplate {
    let result = json!([{"metric": {}, "value": [1.5, "2.5"]}]);
    ResponseTemplate::new(200).set_body_json(
        json!({"status": "success", "data": {"resultType": "vector", "result": result}}),
    )
}

async fn asked(
    upstreams: &Upstreams,
    rules: &Rules,
    namespace: Option<&str>,
) -> Result<ResultType, PrometheusError> {
    let to = rules.external()[0].asks(namespace).unwrap();
    upstreams.query(&to, "up", &mut |_| {}).await
}

#[tokio::test]
async fn a_rules_upstream_is_asked_with_its_credentials_and_the_headers_of_the_namespace() {
    let server = MockServer::start().await;
    let folder = tempfile::tempdir().unwrap();
    let password = folder.path().join("password");
    std::fs::write(&password, "hunter2\n").unwrap();
    // user:hunter2 and user:other
    for credentials in ["dXNlcjpodW50ZXIy", "dXNlcjpvdGhlcg=="] {
        Mock::given(method("POST"))
            .and(path("/prometheus/api/v1/query"))
            .and(header(
                "authorization",
                format!("Basic {credentials}").as_str(),
            ))
            .and(header("X-Scope-OrgID", "shop"))
            .respond_with(vector())
            .expect(1)
            .mount(&server)
            .await;
    }
    let without = |request: &Request| !request.headers.contains_key("x-scope-orgid");
    Mock::given(path("/prometheus/api/v1/series"))
        .and(without)
        .and(header_exists("authorization"))
        .respond_with(
            ResponseTemplate::new(200).set_body_json(json!({"status": "success", "data": []})),
        )
        .expect(1)
        .mount(&server)
        .await;
    let upstream = format!(
        "{{name: mimir, url: '{}/prometheus', verb: POST, basicAuth: {{username: user, passwordFile: {}}}, headers: {{X-Scope-OrgID: '<<.Namespace>>'}}}}",
        server.uri(),
        password.display()
    );
    let (upstreams, rules) = (upstreams(), rules(&upstream, "upstream: mimir"));
    upstreams.replace(rules.upstreams()).unwrap();
    asked(&upstreams, &rules, Some("shop")).await.unwrap();
    std::fs::write(&password, "other").unwrap();
    asked(&upstreams, &rules, Some("shop")).await.unwrap();
    let series = rules.external()[0].series_asked();
    let age = Duration::from_secs(60);
    upstreams.series(series, age).await.unwrap();
    std::fs::remove_file(&password).unwrap();
    let error = asked(&upstreams, &rules, Some("shop")).await.unwrap_err();
    let said = format!("read Prometheus' password from {}", password.display());
    assert_eq!((error.to_string(), error.kind()), (said, "token"));
}

#[tokio::test]
async fn an_upstream_has_limits_of_its_own() {
    let server = MockServer::start().await;
    let slow = vector().set_delay(Duration::from_secs(30));
    Mock::given(path("/slow/api/v1/query"))
        .respond_with(slow)
        .mount(&server)
        .await;
    Mock::given(path("/long/api/v1/query"))
        .respond_with(vector())
        .mount(&server)
        .await;
    for (upstream, kind) in [
        (
            format!("{{name: a, url: '{}/slow', timeout: 50ms}}", server.uri()),
            "timeout",
        ),
        (
            format!(
                "{{name: a, url: '{}/long', maxResponseBytes: 20}}",
                server.uri()
            ),
            "too_long",
        ),
    ] {
        let (upstreams, rules) = (upstreams(), rules(&upstream, "upstream: a"));
        upstreams.replace(rules.upstreams()).unwrap();
        let error = asked(&upstreams, &rules, None).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
    }
}

#[test]
fn an_upstream_is_there_as_long_as_rules_that_name_it_are_served_and_keeps_its_client_while_it_is_the_same()
 {
    let of = |upstreams: &Upstreams, rules: &Rules| {
        let to = rules.external()[0].asks(None).unwrap();
        upstreams.asked(&to).ok()
    };
    let all = upstreams();
    let (a, b) = ("{name: a, url: 'http://a'}", "{name: a, url: 'http://b'}");
    let (first, second, third) = (
        rules(a, "upstream: a"),
        rules(b, "upstream: a"),
        rules(a, "upstream: a"),
    );
    all.replace(first.upstreams()).unwrap();
    let client = of(&all, &first).unwrap();
    all.replace(third.upstreams()).unwrap();
    assert!(Arc::ptr_eq(&client, &of(&all, &third).unwrap()), "the same");
    all.replace(second.upstreams()).unwrap();
    assert!(
        Arc::ptr_eq(&client, &of(&all, &first).unwrap()),
        "still served"
    );
    assert!(!Arc::ptr_eq(&client, &of(&all, &second).unwrap()));
    drop((first, third));
    all.replace(&[]).unwrap();
    assert!(of(&all, &second).is_some());
    let unknown = rules(a, "upstream: a");
    assert!(of(&all, &unknown).is_none(), "nobody holds it");
}

#[test]
fn an_upstream_whose_files_are_missing_leaves_those_that_there_are() {
    let all = upstreams();
    let good = rules("{name: a, url: 'http://a'}", "upstream: a");
    all.replace(good.upstreams()).unwrap();
    let missing = rules(
        "{name: b, url: 'https://b', tls: {caFile: /no-such-file}}",
        "upstream: b",
    );
    let error = all.replace(missing.upstreams()).unwrap_err();
    assert_eq!(
        crate::error_chain::error_chain(&error),
        "upstream `b`: read the CA certificates for Prometheus in /no-such-file, which tls.caFile names: No such file or directory (os error 2)"
    );
    assert!(all.asked(&good.external()[0].asks(None).unwrap()).is_ok());
}

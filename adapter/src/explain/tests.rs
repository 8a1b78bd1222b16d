use clap::Parser as _;
use serde_json::json;
use wiremock::matchers::{path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::args::{Args, Command};

const RULES: &str = "rules:\n- seriesQuery: load\n  resources: {template: '<<.Resource>>'}\n  metricsQuery: sum(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>)\nexternalRules:\n- seriesQuery: backlog\n  resources: {namespaced: false}\n  metricsQuery: sum(backlog{<<.LabelMatchers>>})\n";
const TIME: &str = "2026-01-31T08:00:00Z";
const SECONDS: &str = "1769846400.000";

/// A Prometheus that has a value of pod `a` alone, at one time.
async fn prometheus() -> MockServer {
    let server = MockServer::start().await;
    let answer = |data: serde_json::Value| {
        ResponseTemplate::new(200).set_body_json(json!({"status": "success", "data": data}))
    };
    for (name, series) in [
        (
            "load",
            json!([{"__name__": "load", "namespace": "shop", "pod": "a"}]),
        ),
        ("backlog", json!([{"__name__": "backlog"}])),
    ] {
        let asked = Mock::given(path("/api/v1/series")).and(query_param("match[]", name));
        let asked = asked.and(query_param("end", SECONDS));
        asked.respond_with(answer(series)).mount(&server).await;
    }
    let value = json!({"resultType": "vector", "result": [{"metric": {"pod": "a"}, "value": [1_769_846_400, "7"]}]});
    let query = "sum(load{namespace=\"shop\",pod=~\"a|b\"}) by (pod)";
    let asked = Mock::given(path("/api/v1/query")).and(query_param("query", query));
    let asked = asked.and(query_param("time", SECONDS));
    asked.respond_with(answer(value)).mount(&server).await;
    let empty = json!({"resultType": "vector", "result": []});
    Mock::given(path("/api/v1/query"))
        .respond_with(answer(empty))
        .with_priority(10)
        .mount(&server)
        .await;
    server
}

/// What is shown for a path below `/apis/`.
async fn shown(path: &str, more: &[&str]) -> anyhow::Result<(String, bool)> {
    shown_by(RULES, path, more).await
}

async fn shown_by(rules: &str, path: &str, more: &[&str]) -> anyhow::Result<(String, bool)> {
    let server = prometheus().await;
    let shown = shown_at(&server.uri(), rules, path, more).await?;
    Ok((shown.text, shown.has_values))
}

/// What is shown with the Prometheus at a URL.
async fn shown_at(url: &str, rules: &str, path: &str, more: &[&str]) -> anyhow::Result<Shown> {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.yaml");
    std::fs::write(&config, rules).unwrap();
    let path = format!("/apis/{path}");
    let config = config.display().to_string();
    let fixed = [
        "setpoint-adapter",
        "explain",
        &path,
        "--config",
        &config,
        "--prometheus-url",
        url,
        "--at",
        TIME,
    ];
    let mut arguments: Vec<String> = [&fixed[..], more]
        .concat()
        .into_iter()
        .map(str::to_owned)
        .collect();
    if rules.contains("mimir") {
        // It is this one too.
        arguments.push(format!("--upstream-url=mimir={url}"));
    }
    let args = Args::parse_from(arguments);
    let Some(Command::Explain(args)) = args.command else {
        panic!("{args:?}");
    };
    let mut shown = explained(&args).await?;
    let text = anstream::adapter::strip_str(&shown.text).to_string();
    shown.text = text.replace(&config, "config.yaml");
    Ok(shown)
}

#[tokio::test]
async fn the_rule_the_query_the_samples_and_what_is_missing_are_shown() {
    let path = "custom.metrics.k8s.io/v1beta1/namespaces/shop/pods/*/load";
    let objects = ["--object", "a", "--object", "b"];
    let (text, has_values) = shown(path, &objects).await.unwrap();
    assert!(has_values);
    for line in [
        "objects: a, b",
        "rule: config.yaml:4:17: rules[0]",
        "  query: sum(load{namespace=\"shop\",pod=~\"a|b\"}) by (pod)",
        "  samples of Prometheus: 1",
        "    {pod=\"a\"} 7 at 2026-01-31T08:00:00Z",
        "  no value: b: no sample has the name in label `pod`",
        "items of the answer: 1",
    ] {
        assert!(text.lines().any(|shown| shown == line), "{line}\n{text}");
    }
}

#[tokio::test]
async fn a_request_without_values_says_why() {
    let custom = "custom.metrics.k8s.io/v1beta1/namespaces/shop/pods";
    let (text, has_values) = shown(&format!("{custom}/b/load"), &[]).await.unwrap();
    let said = "no answer: the server could not find the metric load for pods b";
    assert!(!has_values && text.contains(said), "{text}");
    let (text, _) = shown(&format!("{custom}/b/lod"), &[]).await.unwrap();
    let said = "metrics that there are: namespaces/load, pods/load";
    assert!(text.contains(said), "{text}");
    let refused = shown(&format!("{custom}/*/load"), &[]).await.unwrap_err();
    assert!(refused.to_string().contains("--object"), "{refused}");
    let external = "external.metrics.k8s.io/v1beta1/namespaces/shop/backlog";
    let (text, has_values) = shown(external, &[]).await.unwrap();
    let said = "rule: config.yaml:8:17: externalRules[0]";
    assert!(!has_values && text.contains(said), "{text}");
    assert!(shown("apps/v1/deployments", &[]).await.is_err());
}

#[tokio::test]
async fn what_counts_in_place_of_absent_values_is_shown() {
    let policy = "  valuePolicy: {nan: error, absent: {default: 3}}\n";
    let rules =
        format!("{RULES}{policy}").replacen("externalRules", &format!("{policy}externalRules"), 1);
    let external = "external.metrics.k8s.io/v1beta1/namespaces/shop/backlog";
    let (text, has_values) = shown_by(&rules, external, &[]).await.unwrap();
    assert!(
        has_values && text.contains("  valuePolicy: nan: error, absent: default 3\n"),
        "{text}"
    );
    let custom = "custom.metrics.k8s.io/v1beta1/namespaces/shop/pods/*/load";
    let objects = ["--object", "a", "--object", "b"];
    let (text, _) = shown_by(&rules, custom, &objects).await.unwrap();
    let said = "  counts as 3: b: no sample has the name in label `pod`\nitems of the answer: 2\n";
    assert!(text.contains(said), "{text}");
}

#[tokio::test]
async fn the_upstream_and_the_names_of_headers_are_shown() {
    let upstream = "upstreams: [{name: mimir, url: 'https://mimir.example', tls: {caFile: /no-such-file}, headers: {X-Scope-OrgID: '<<.Namespace>>'}}]";
    let rule = "  upstream: mimir\n  headers: {X-Team: secret}\nexternalRules";
    let rules = format!("{upstream}\n{}", RULES.replacen("externalRules", rule, 1));
    let path = "custom.metrics.k8s.io/v1beta1/namespaces/shop/pods/*/load";
    let objects = ["--object", "a", "--object", "b"];
    let (text, has_values) = shown_by(&rules, path, &objects).await.unwrap();
    assert!(has_values, "{text}");
    let said = "  upstream: mimir (https://mimir.example/)\n  headers: X-Scope-OrgID, X-Team\n";
    assert!(text.contains(said) && !text.contains("secret"), "{text}");
}

/// The rules, and one of each kind whose series Prometheus doesn't give: it answers 404.
fn with_failing_rules() -> String {
    let failing = "- seriesQuery: other\n  resources: {template: '<<.Resource>>'}\n  metricsQuery: sum(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>)\n";
    let rules = RULES.replacen("externalRules", &format!("{failing}externalRules"), 1);
    rules + failing
}

#[tokio::test]
async fn a_rule_without_series_is_told_beside_the_answer_of_another() {
    let rules = with_failing_rules();
    let path = "custom.metrics.k8s.io/v1beta1/namespaces/shop/pods/*/load";
    let objects = ["--object", "a", "--object", "b"];
    let (text, has_values) = shown_by(&rules, path, &objects).await.unwrap();
    assert!(has_values, "{text}");
    for said in [
        "no series: config.yaml:5:16: rules[1].seriesQuery: Prometheus at ",
        "no series: config.yaml:12:16: externalRules[1].seriesQuery: Prometheus at ",
        "rule: config.yaml:4:17: rules[0]\n",
    ] {
        assert!(text.contains(said), "{said}\n{text}");
    }
}

#[tokio::test]
async fn a_metric_that_may_be_of_a_rule_without_series_is_not_called_missing() {
    let rules = with_failing_rules();
    for (path, rule) in [
        (
            "custom.metrics.k8s.io/v1beta1/namespaces/shop/pods/b/other",
            "config.yaml:5:16: rules[1].seriesQuery: Prometheus at ",
        ),
        (
            "external.metrics.k8s.io/v1beta1/namespaces/shop/other",
            "config.yaml:12:16: externalRules[1].seriesQuery: Prometheus at ",
        ),
    ] {
        let error = shown_by(&rules, path, &[]).await.unwrap_err().to_string();
        assert!(
            error.contains(rule) && error.contains("404"),
            "{path}: {error}"
        );
    }
}

#[tokio::test]
async fn a_prometheus_that_cant_be_reached_is_an_error_and_no_missing_metric() {
    let url = "http://127.0.0.1:1";
    let custom = "custom.metrics.k8s.io/v1beta1/namespaces/shop/pods/b/load";
    let error = shown_at(url, RULES, custom, &[]).await.unwrap_err();
    let said = "config.yaml:2:16: rules[0].seriesQuery: reach Prometheus at http://127.0.0.1:1/: ";
    assert!(error.to_string().contains(said), "{error}");
    let measure =
        "{containerQuery: 'x{<<.LabelMatchers>>}', resources: {template: '<<.Resource>>'}}";
    let rules = format!("resourceRules: {{cpu: {measure}, memory: {measure}}}\n");
    let pods = "metrics.k8s.io/v1beta1/namespaces/shop/pods";
    let shown = shown_at(url, &rules, pods, &["--object", "a"])
        .await
        .unwrap();
    let said = "Prometheus fails: reach Prometheus at http://127.0.0.1:1/: ";
    assert!(shown.text.contains(said), "{}", shown.text);
    assert_eq!(shown.exit_code(), 2);
}

#[tokio::test]
async fn the_exit_code_tells_no_value_from_values() {
    let server = prometheus().await;
    let custom = "custom.metrics.k8s.io/v1beta1/namespaces/shop/pods/*/load";
    for (objects, code) in [(&["--object=a", "--object=b"][..], 0), (&["--object=b"], 1)] {
        let shown = shown_at(&server.uri(), RULES, custom, objects)
            .await
            .unwrap();
        assert_eq!(shown.exit_code(), code, "{}", shown.text);
    }
}

#[tokio::test]
async fn an_upstream_that_the_configuration_lacks_cant_be_reached_elsewhere() {
    let path = "external.metrics.k8s.io/v1beta1/namespaces/shop/backlog";
    let refused = shown(path, &["--upstream-url=a=http://127.0.0.1:1"]).await;
    let refused = refused.unwrap_err().to_string();
    assert!(refused.starts_with("--upstream-url says"), "{refused}");
}

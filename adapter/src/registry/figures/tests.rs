use std::collections::BTreeSet;

use http::{Method, StatusCode};

use super::*;
use crate::metrics::{OwnMetrics, RuleName, ServerCounts, Topic};

/// Metrics of an adapter to which everything has happened once.
fn all() -> String {
    let metrics = OwnMetrics::default();
    let second = Duration::from_secs(1);
    metrics.collect(ServerCounts(setpoint_serve::Counts::default()));
    let relist = RelistState {
        attempted: true,
        succeeded: Some((tokio::time::Instant::now(), std::time::SystemTime::now())),
        ..RelistState::default()
    };
    let rule = RuleState {
        name: RuleName::Custom(0),
        series_query: "{a=\"b\\c\"}\n".to_owned(),
        upstream: None,
        metrics: 1,
        clashes: 0,
        relist,
    };
    metrics.collect(RuleStates {
        interval: second,
        states: move || vec![rule.clone()],
    });
    metrics.rules().queried(RuleName::Custom(0), second);
    metrics.rules().query_failed(RuleName::Custom(0), "timeout");
    metrics
        .rules()
        .relist_failed(RuleName::Custom(0), "timeout");
    let prometheus = metrics.durations_of("http://prometheus");
    prometheus.observe("/api/v1/query", second);
    metrics.answered(&Method::GET, Topic::default(), StatusCode::OK, second);
    metrics.reviewed("tokenreview", "answered");
    metrics.reloaded("configuration", true);
    metrics.reload_fails("configuration", false);
    metrics.restarted("relist");
    metrics.certificate_ends("serving-certificate", 1);
    metrics.text()
}

/// The names in a text that are those of metrics of the adapter.
fn names(text: &str) -> BTreeSet<&str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = text.split(|c| !is_part(c));
    let prefixes = [
        "setpoint_adapter_",
        "prometheus_adapter_",
        "apiserver_",
        "process_",
    ];
    words
        .filter(|word| prefixes.iter().any(|prefix| word.starts_with(prefix)))
        .collect()
}

/// The names of the series in an answer to a scrape.
fn series(text: &str) -> BTreeSet<&str> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .flat_map(|line| line.split(['{', ' ']).next())
        .collect()
}

#[test]
fn the_dashboard_and_the_alerts_name_metrics_that_there_are() {
    let text = all();
    let there_are = series(&text);
    for (shown, least) in [
        (
            include_str!("../../../deploy/monitoring/dashboard.json"),
            15,
        ),
        (include_str!("../../../deploy/monitoring/alerts.yaml"), 10),
    ] {
        let named = names(shown);
        assert!(named.len() >= least, "{named:?}");
        let unknown: Vec<_> = named.difference(&there_are).collect();
        assert!(unknown.is_empty(), "{unknown:?} in none of {there_are:?}");
    }
}

#[test]
fn the_documents_name_all_metrics() {
    let text = all();
    let documented = names(include_str!("../../../../docs/own-metrics.md"));
    let families = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let missing: Vec<_> = families
        .filter_map(|family| family.split(' ').next())
        .filter(|family| !documented.iter().any(|name| name.starts_with(family)))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
    let there_are = series(&text);
    let gone: Vec<_> = documented.difference(&there_are).collect();
    assert!(gone.is_empty(), "{gone:?}");
}

#[test]
fn neither_many_rules_nor_long_queries_make_many_or_long_labels() {
    let metrics = OwnMetrics::default();
    let state = |position| RuleState {
        name: RuleName::Custom(position),
        series_query: "é\"\n".repeat(1000),
        upstream: Some("a".repeat(63)),
        metrics: 1,
        clashes: 0,
        relist: RelistState::default(),
    };
    metrics.collect(RuleStates {
        interval: Duration::from_secs(30),
        states: move || (0..2000).map(state).collect(),
    });
    for position in 0..2000 {
        let position = RuleName::Custom(position);
        metrics.rules().queried(position, Duration::from_millis(3));
        metrics.rules().query_failed(position, "timeout");
        metrics.rules().relist_failed(position, "timeout");
    }
    let text = metrics.text();
    let lines = |start: &str| text.lines().filter(|line| line.starts_with(start)).count();
    assert_eq!(lines("setpoint_adapter_rule_metrics{"), MAX_RULES);
    assert_eq!(
        lines("setpoint_adapter_query_failures_total{"),
        MAX_RULES + 1
    );
    assert_eq!(
        lines("setpoint_adapter_relist_failures_total{"),
        MAX_RULES + 1
    );
    let others = "setpoint_adapter_query_duration_seconds_count{rule=\"others\"} 1500";
    assert!(text.contains(others));
    let longest = text.lines().map(str::len).max();
    assert!(longest < Some(600), "{longest:?}");
    metrics.rules().forget();
    assert!(
        !metrics
            .text()
            .contains("setpoint_adapter_query_failures_total{")
    );
}

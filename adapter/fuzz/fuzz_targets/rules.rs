//! Files of rules: what is listed can be asked for.
#![no_main]

use std::error::Error;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use setpoint_fuzz::rules::{discovered, request_for, series};
use setpoint_rules::{Rules, SeriesNames};

static SERIES: LazyLock<SeriesNames> = LazyLock::new(|| {
    let names = [
        "http_requests_total",
        "http_requests",
        "container_cpu_usage_seconds_total",
        "node:load:avg5m",
        "a",
        "A_B",
        "_x",
    ];
    let labels = [
        "namespace",
        "pod",
        "node",
        "deployment",
        "kube_apps_deployment",
        "kube_pod",
        "kubernetes_namespace",
        "a",
        "le",
        "k8s.pod",
    ];
    series(names, &labels)
});

fuzz_target!(|text: &str| {
    let rules = match Rules::parse(text) {
        Ok(rules) => rules,
        Err(error) => return check_error(&error),
    };
    let metrics = discovered(&rules, &SERIES);
    let objects = ["web-1".to_owned(), "web-2".to_owned()];
    for info in metrics.iter().take(100) {
        let query = request_for(info, "*");
        let candidates = metrics.resolve(&query).expect("what is listed is found");
        assert!(!candidates.is_empty());
        for candidate in &candidates {
            let asked = candidate.promql(&objects);
            assert!(asked.is_err() || candidate.promql(&objects).ok() == asked.ok());
        }
    }
    assert!(metrics.remarks().count() <= 20);
    let yielded: usize = metrics.yields().iter().map(|counts| counts.metrics).sum();
    assert!(yielded >= metrics.iter().count());
    assert_eq!(metrics.yields().len(), rules.custom().len());
});

/// Each cause says something.
fn check_error(error: &dyn Error) {
    assert!(!error.to_string().trim().is_empty());
    if let Some(cause) = error.source() {
        check_error(cause);
    }
}

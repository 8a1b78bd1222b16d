//! Requests: `PUT /path?query`, without a method GET. What is authorized is what is asked for, and Prometheus is asked for
//! that alone.
#![no_main]

use std::sync::LazyLock;

use http::Method;
use libfuzzer_sys::fuzz_target;
use setpoint_adapter::fuzzing::{Attributes, attributes};
use setpoint_fuzz::rules::{discovered, series};
use setpoint_fuzz::{escaped, promql};
use setpoint_rules::{MetricError, MetricQuery, Objects, ResourcePath, Rules, is_object_name};

fuzz_target!(|text: &str| {
    let (method, target) = match text.split_once(' ') {
        Some((method, target)) => (Method::from_bytes(method.as_bytes()), target),
        None => (Ok(Method::GET), text),
    };
    let Ok(method) = method else { return };
    let (path, query_string) = target.split_once('?').unwrap_or((target, ""));
    match attributes(&method, path) {
        Some(Attributes::Resource { verb, path }) => {
            check_again(&method, &written(&path), verb, &path);
            if let Ok(query) = MetricQuery::new(&path, query_string) {
                check_query(&path, &query);
                check_promql(&query);
            }
        }
        Some(Attributes::Path {
            verb,
            path: decoded,
        }) => {
            assert_eq!(verb, method.as_str().to_ascii_lowercase());
            assert_eq!(decoded.contains('%'), path.contains("%25"));
        }
        None => assert!(path.contains('%'), "{path}"),
    }
});

/// The path that has these attributes.
fn written(path: &ResourcePath) -> String {
    let ResourcePath {
        group,
        version,
        namespace,
        parts,
    } = path;
    let mut segments = vec!["apis", group, version];
    if let Some(namespace) = namespace {
        let is_the_object = match parts.as_slice() {
            [first, second] => first == "namespaces" && second == namespace,
            [first, second, third, ..] => {
                first == "namespaces"
                    && second == namespace
                    && ["status", "finalize"].contains(&third.as_str())
            }
            _ => false,
        };
        if !is_the_object {
            segments.extend(["namespaces", namespace]);
        }
    }
    segments.extend(parts.iter().map(String::as_str));
    segments
        .iter()
        .map(|segment| format!("/{}", escaped(segment)))
        .collect()
}

fn check_again(method: &Method, written: &str, verb: &'static str, path: &ResourcePath) {
    let expected = Attributes::Resource {
        verb,
        path: path.clone(),
    };
    assert_eq!(attributes(method, written), Some(expected), "{written}");
}

/// What is asked for is what was authorized.
fn check_query(path: &ResourcePath, query: &MetricQuery) {
    let name = match &query.objects {
        Objects::Named(name) => name.as_str(),
        Objects::Selected(_) => "*",
    };
    assert!(name == "*" || is_object_name(name), "{name:?}");
    if path.resource() == "metrics" && path.parts.len() == 2 {
        assert_eq!(path.namespace.as_deref(), Some(name));
        assert_eq!(query.metric, path.name());
        assert_eq!(
            (query.group_resource.to_string().as_str(), &query.namespace),
            ("namespaces", &None)
        );
    } else {
        assert_eq!(path.parts.len(), 3);
        assert_eq!(
            (name, query.metric.as_str()),
            (path.name(), path.subresource())
        );
        let resource = path.resource();
        let (resource, group) = resource.split_once('.').unwrap_or((resource, ""));
        let named = &query.group_resource;
        assert_eq!(
            (named.resource.as_str(), named.group.as_str()),
            (resource, group)
        );
        assert_eq!(query.namespace, path.namespace);
    }
}

static RULES: LazyLock<Rules> = LazyLock::new(|| {
    Rules::parse(
        r#"
rules:
- seriesQuery: '{__name__!=""}'
  resources: {template: <<.Resource>>}
  metricsQuery: <<.Series>>{<<.LabelMatchers>>}
"#,
    )
    .expect("rules")
});

/// A series that gives the metric is asked by exactly what the request says.
fn check_promql(query: &MetricQuery) {
    let labels = [
        "namespace",
        "node",
        "pod",
        "service",
        "deployment",
        "ingress",
    ];
    let series = series([query.metric.as_str()], &labels);
    let metrics = discovered(&RULES, &series);
    let Ok(candidates) = metrics.resolve(query) else {
        return;
    };
    let objects = match &query.objects {
        Objects::Named(name) => vec![name.clone()],
        Objects::Selected(_) => vec!["web-1".to_owned(), "web.2".to_owned()],
    };
    let [candidate] = candidates.as_slice() else {
        panic!("one series and one rule give one candidate");
    };
    let label = &candidate.resource().singular;
    match (
        candidate.promql(&objects),
        promql::expected(query, label, &objects),
    ) {
        (Ok(asked), Some(expected)) => {
            assert_eq!(
                promql::selector(&asked),
                (query.metric.clone(), expected),
                "{asked}"
            );
        }
        (Err(MetricError::NoQuery { .. }), None) => {}
        (asked, expected) => panic!("{asked:?} where {expected:?} is expected"),
    }
}

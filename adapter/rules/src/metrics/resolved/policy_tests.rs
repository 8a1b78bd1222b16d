//! `valuePolicy` of rules for custom metrics.

use std::sync::Arc;

use super::*;
use crate::Selector;
use crate::resources::tests::cluster;
use crate::series::tests::names;
use crate::{Metrics, Rules};

/// The metrics of a rule with this policy; nothing is known of its series where there are none.
fn metrics(policy: &str, series: &[(&str, &[&str])]) -> Metrics {
    let rule = format!(
        "rules: [{{seriesQuery: 'load{{pod!=\"\"}}', resources: {{overrides: {{namespace: {{resource: namespace}}, pod: {{resource: pod}}}}}}, \
         metricsQuery: '<<.Series>>', valuePolicy: {{{policy}}}}}]"
    );
    let series = names(series);
    Rules::parse(&rule)
        .unwrap()
        .discover(|_| Some(&series), Arc::new(cluster()))
}

const LOAD: &[(&str, &[&str])] = &[("load", &["namespace", "pod"])];

fn query(objects: Objects) -> MetricQuery {
    MetricQuery {
        group_resource: GroupResource::parse("pods"),
        namespace: Some("shop".to_owned()),
        objects,
        metric: "load".to_owned(),
        metric_selector: Selector::default(),
    }
}

/// The answer for pods, and the kinds of remarks.
fn answered(
    policy: &str,
    objects: Objects,
    samples: &[(&str, f64)],
) -> (String, Vec<&'static str>) {
    let (metrics, query) = (metrics(policy, LOAD), query(objects));
    let names = match &query.objects {
        Objects::Named(name) => vec![name.clone()],
        Objects::Selected(_) => vec!["a".to_owned(), "b".to_owned()],
    };
    let resolved = &metrics.resolve(&query).unwrap()[0];
    let mut values = resolved.values(&names).unwrap();
    for (pod, value) in samples {
        values.add(&Sample {
            labels: [("pod".to_owned(), (*pod).to_owned())].into(),
            timestamp: Timestamp::UNIX_EPOCH,
            value: *value,
        });
    }
    let remarks = values.remarks().iter().map(Remark::kind).collect();
    let shown = |item: &MetricValue| {
        let name = item.described_object.name.as_deref().unwrap();
        format!("{name} {}", item.value)
    };
    let answer = match values.items(Timestamp::UNIX_EPOCH) {
        Ok(items) => {
            let values: Vec<_> = items.given.values.iter().map(shown).collect();
            format!(
                "{}{}",
                values.join(", "),
                if items.given.of_samples {
                    ""
                } else {
                    " (no sample)"
                }
            )
        }
        Err(error) => format!("{} {error}", error.code()),
    };
    (answer, remarks)
}

fn of_both(policy: &str, samples: &[(&str, f64)]) -> String {
    answered(policy, Objects::Selected(Selector::default()), samples).0
}

fn of_a(policy: &str, samples: &[(&str, f64)]) -> String {
    answered(policy, Objects::Named("a".to_owned()), samples).0
}

#[test]
fn nan_is_what_the_rule_says_and_zero_with_a_remark_where_it_says_nothing() {
    let samples = [("a", f64::NAN), ("b", 2.0)];
    for (policy, expected) in [
        ("", "a 0, b 2"),
        ("nan: zero", "a 0, b 2"),
        ("nan: error", "b 2"),
        ("nan: {default: 500m}", "a 500m, b 2"),
        ("absent: zero", "a 0, b 2"),
    ] {
        assert_eq!(of_both(policy, &samples), expected, "{policy}");
    }
    let refused = of_a("nan: error, absent: zero", &samples);
    assert_eq!(
        refused,
        "500 load of a has the value NaN, which no quantity can express"
    );
    let all = || Objects::Selected(Selector::default());
    assert_eq!(answered("", all(), &samples).1, ["nan"]);
    assert_eq!(answered("nan: zero", all(), &samples).1, [""; 0]);
}

#[test]
fn an_infinite_value_is_what_the_rule_says_and_one_that_is_too_large_is_always_an_error() {
    for value in [f64::INFINITY, f64::NEG_INFINITY] {
        let samples = [("a", value), ("b", 2.0)];
        assert_eq!(of_both("", &samples), "b 2");
        assert_eq!(of_both("infinite: error", &samples), "b 2");
        assert_eq!(of_both("infinite: zero", &samples), "a 0, b 2");
        assert_eq!(of_both("infinite: {default: 100}", &samples), "a 100, b 2");
        let all = Objects::Selected(Selector::default());
        assert_eq!(answered("", all, &samples).1, ["infinite"]);
    }
    let large = [("a", 1e17)];
    assert!(
        of_a("infinite: zero, nan: zero, absent: zero", &large).starts_with("500 load of a has")
    );
    // What can't be expressed isn't absent for the others either.
    assert!(of_both("absent: zero", &large).starts_with("500 "));
}

#[test]
fn what_is_absent_counts_as_the_rule_says() {
    for (policy, none, one) in [
        ("", " (no sample)", "b 2"),
        ("absent: zero", "a 0, b 0 (no sample)", "a 0, b 2"),
        (
            "absent: {default: 1.5}",
            "a 1500m, b 1500m (no sample)",
            "a 1500m, b 2",
        ),
        (
            "absent: error",
            "404 the server could not find the metric load for pods: none of the selected objects has a value now",
            "b 2",
        ),
    ] {
        assert_eq!(of_both(policy, &[]), none, "{policy}");
        assert_eq!(of_both(policy, &[("b", 2.0)]), one, "{policy}");
    }
    let not_found = "404 the server could not find the metric load for pods a";
    for policy in ["", "absent: error", "nan: zero"] {
        assert_eq!(of_a(policy, &[("b", 2.0)]), not_found, "{policy}");
    }
    assert_eq!(of_a("absent: zero", &[]), "a 0 (no sample)");
}

#[test]
fn a_metric_that_counts_while_it_is_absent_is_there_without_series() {
    let listed = |policy: &str| -> Vec<String> {
        let metrics = metrics(policy, &[]);
        metrics.iter().map(ToString::to_string).collect()
    };
    assert_eq!(listed("absent: zero"), ["namespaces/load", "pods/load"]);
    for policy in ["", "absent: error", "nan: zero"] {
        assert_eq!(listed(policy), [""; 0], "{policy}");
    }
    let metrics = metrics("absent: zero", &[]);
    let query = query(Objects::Named("a".to_owned()));
    let promql = metrics.resolve(&query).unwrap()[0].promql(&["a".to_owned()]);
    assert_eq!(promql.unwrap(), "load");
}

#[test]
fn a_value_has_the_time_of_its_sample_and_one_in_place_of_it_that_of_the_answer() {
    let rule = "absent: zero}, window: 2m, name: {as: load";
    let (metrics, query) = (
        metrics(rule, LOAD),
        query(Objects::Selected(Selector::default())),
    );
    let names = ["a".to_owned(), "b".to_owned()];
    let resolved = &metrics.resolve(&query).unwrap()[0];
    let mut values = resolved.values(&names).unwrap();
    values.add(&Sample {
        labels: [("pod".to_owned(), "b".to_owned())].into(),
        timestamp: Timestamp::from_second(5).unwrap(),
        value: 1.0,
    });
    let items = values.items(Timestamp::from_second(9).unwrap()).unwrap();
    let items = items.given.values.iter();
    let seen: Vec<_> = items
        .map(|item| (item.timestamp.as_second(), item.window_seconds))
        .collect();
    assert_eq!(seen, [(9, Some(120)), (5, Some(120))]);
}

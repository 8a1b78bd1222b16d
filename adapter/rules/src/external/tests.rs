use std::collections::BTreeMap;

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::Rules;
use crate::path::tests::resource;
use crate::resources::tests::cluster;
use crate::series::tests::names;

/// The external metrics of series without labels.
fn discovered(rules: &str, found: &[&str]) -> ExternalMetrics {
    let rules = Rules::parse(&format!("externalRules: [{rules}]")).unwrap();
    let found: Vec<(&str, &[&str])> = found.iter().map(|&name| (name, &[][..])).collect();
    let series = names(&found);
    rules.discover_external(|_| Some(&series), Arc::new(cluster()))
}

fn query(path: &str, selector: &str) -> Result<ExternalQuery, crate::InvalidQuery> {
    let path = format!("/apis/external.metrics.k8s.io/v1beta1/{path}");
    ExternalQuery::new(&resource(&path), &format!("labelSelector={selector}"))
}

fn promql(rule: &str, selector: &str) -> Result<String, ExternalError> {
    let metrics = discovered(rule, &["queue_depth"]);
    let query = query("namespaces/shop/queue_depth", selector).unwrap();
    metrics.resolve(&query)?[0].promql()
}

const SUM: &str = "metricsQuery: 'sum(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>)'";

#[test]
fn a_query_has_the_selectors_matchers_and_the_namespace_unless_the_rule_says_otherwise() {
    let by_namespace = format!(
        "{{seriesQuery: q, resources: {{overrides: {{ns: {{resource: namespace}}}}}}, {SUM}}}"
    );
    let without = format!("{{seriesQuery: q, resources: {{namespaced: false}}, {SUM}}}");
    let all = "a=1,b!=2,c+in+(x,y),d+notin+(z),e,!f";
    for (rule, selector, expected) in [
        (
            &by_namespace,
            "",
            r#"sum(queue_depth{ns="shop"}) by ()"#.to_owned(),
        ),
        (
            &by_namespace,
            all,
            r#"sum(queue_depth{a="1",b!="2",c=~"x|y",d!~"z",e!="",f="",ns="shop"}) by ()"#
                .to_owned(),
        ),
        (&without, "", "sum(queue_depth{}) by ()".to_owned()),
        (
            &without,
            "topic.name=a",
            r#"sum(queue_depth{"topic.name"="a"}) by ()"#.to_owned(),
        ),
    ] {
        assert_eq!(promql(rule, selector).unwrap(), expected, "{selector}");
    }
}

#[test]
fn a_rule_that_cant_name_the_namespace_or_compare_says_so() {
    let no_label = promql(&format!("{{seriesQuery: q, {SUM}}}"), "").unwrap_err();
    assert_eq!(
        no_label.to_string(),
        "the rule of the metric queue_depth gives no query: the rule has no label for namespaces: neither an override nor a template"
    );
    assert_eq!((no_label.code(), no_label.kind()), (500, Some("no_query")));
    let without = format!("{{seriesQuery: q, resources: {{namespaced: false}}, {SUM}}}");
    let compared = promql(&without, "a>1").unwrap_err();
    assert!(
        compared
            .to_string()
            .contains("`a` is compared by < or >, which")
    );
}

#[test]
fn series_are_filtered_and_named_and_the_later_rule_is_asked_first() {
    let first = "{seriesQuery: a, seriesFilters: [{isNot: hidden}], name: {matches: '^queue_(.*)$'}, metricsQuery: 'first(<<.Series>>)', resources: {namespaced: false}}";
    let second = "{seriesQuery: b, name: {matches: '^queue_(.*)$', as: 'depth'}, metricsQuery: 'second(<<.Series>>)', resources: {namespaced: false}}";
    let found = ["queue_depth", "queue_hidden", "other"];
    let listed = |metrics: &ExternalMetrics| metrics.iter().map(ToString::to_string).collect();
    let names: Vec<String> = listed(&discovered(first, &found));
    assert_eq!(names, ["depth"]);
    let both = discovered(&format!("{first}, {second}"), &found);
    let names: Vec<String> = listed(&both);
    assert_eq!(names, ["depth"]);
    let query = query("namespaces/shop/depth", "").unwrap();
    let asked: Vec<_> = both.resolve(&query).unwrap();
    let asked: Vec<_> = asked.iter().map(|one| one.promql().unwrap()).collect();
    assert_eq!(
        asked,
        [
            "second(queue_hidden)",
            "second(queue_depth)",
            "first(queue_depth)"
        ]
    );
    let counts = both.yields().iter();
    let counts: Vec<_> = counts
        .map(|counts| (counts.metrics, counts.clashes))
        .collect();
    assert_eq!(counts, [(1, 1), (1, 1)]);
    assert_eq!(both.remarks().count(), 1);
}

#[test]
fn a_rule_whose_query_names_no_series_is_asked_once_for_all_of_them() {
    let rule = "{seriesQuery: a, name: {matches: '', as: total}, metricsQuery: 'sum(whatever{<<.LabelMatchers>>})', resources: {namespaced: false}}";
    let metrics = discovered(rule, &["queue_a", "queue_b", "queue_c"]);
    let query = query("namespaces/shop/total", "").unwrap();
    assert_eq!(metrics.resolve(&query).unwrap().len(), 1);
    assert_eq!(metrics.remarks().count(), 0, "nothing clashes");
}

#[test]
fn paths_and_metrics_that_are_not_there_are_refused() {
    let metrics = discovered("", &[]);
    let asked = query("namespaces/shop/queue_depth", "").unwrap();
    let missing = metrics.resolve(&asked).unwrap_err();
    assert_eq!(
        missing.to_string(),
        "the server could not find the metric queue_depth for namespaces"
    );
    assert_eq!((missing.code(), missing.kind()), (404, None));
    for path in ["queue_depth", "namespaces/shop/a/b", "namespaces/shop"] {
        let refused = query(path, "");
        assert!(refused.is_err(), "{path}");
    }
    let stranger = query("namespaces/a%22%7D/queue_depth", "");
    assert!(matches!(stranger, Err(crate::InvalidQuery::Name { .. })));
    let broken = query("namespaces/shop/queue_depth", "a+b");
    assert!(matches!(broken, Err(crate::InvalidQuery::Selector { .. })));
}

fn sample(labels: &[(&str, &str)], value: f64) -> Sample {
    Sample {
        labels: labels
            .iter()
            .map(|&(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        timestamp: Timestamp::from_second(5).unwrap(),
        value,
    }
}

/// The values that samples give.
fn values(samples: Vec<Sample>, scalar: bool) -> Result<Vec<ExternalMetricValue>, ExternalError> {
    let rule = format!("{{seriesQuery: q, resources: {{namespaced: false}}, {SUM}}}");
    let metrics = discovered(&rule, &["queue_depth"]);
    let query = query("namespaces/shop/queue_depth", "").unwrap();
    let resolved = metrics.resolve(&query).unwrap();
    let mut values = resolved[0].values();
    samples.into_iter().for_each(|sample| values.add(sample));
    let given = values.items(scalar, Timestamp::UNIX_EPOCH)?;
    Ok(given.values)
}

#[test]
fn values_have_the_labels_and_times_of_their_samples() {
    let samples = vec![sample(&[("topic", "b")], 2.5), sample(&[], 1.0009)];
    insta::assert_json_snapshot!(values(samples, false).unwrap(), @r#"
    [
      {
        "metricName": "queue_depth",
        "metricLabels": {
          "topic": "b"
        },
        "timestamp": "1970-01-01T00:00:05Z",
        "value": "2500m"
      },
      {
        "metricName": "queue_depth",
        "metricLabels": {},
        "timestamp": "1970-01-01T00:00:05Z",
        "value": "1"
      }
    ]
    "#);
    let scalar = values(vec![sample(&[], 7.0)], true).unwrap();
    assert_eq!(scalar[0].metric_labels, None);
    assert!(values(Vec::new(), false).unwrap().is_empty());
}

#[test]
fn a_value_that_no_quantity_can_hold_is_no_value_of_the_others_either() {
    for value in [f64::NAN, f64::INFINITY, -1e17] {
        let error = values(vec![sample(&[], 1.0), sample(&[], value)], false).unwrap_err();
        assert_eq!(error.kind(), Some("unrepresentable"), "{value}");
    }
}

#[test]
fn an_answer_is_bounded_in_series_and_in_bytes() {
    let many = |count: usize| (0..count).map(|_| sample(&[], 1.0)).collect();
    assert_eq!(values(many(MAX_VALUES), false).unwrap().len(), MAX_VALUES);
    let error = values(many(MAX_VALUES + 1), false).unwrap_err();
    assert!(matches!(error, ExternalError::TooMany { .. }), "{error}");
    // The label's name counts too.
    let of_bytes = |bytes: usize| {
        let long = "x".repeat(bytes - 1);
        values(vec![sample(&[("a", &long)], 1.0)], false)
    };
    assert!(of_bytes(MAX_BYTES).is_ok());
    assert!(of_bytes(MAX_BYTES + 1).is_err());
}

proptest! {
    /// What a request can say stands in the query as matchers, and can't end a string or a brace.
    #[test]
    fn no_request_gets_out_of_its_strings(namespace in "[a-z\"}{\\\\|]{1,8}", selector in "[a-c=!\"}{,. ()\\\\]{0,16}") {
        let path = crate::ResourcePath {
            group: "external.metrics.k8s.io".to_owned(),
            version: "v1beta1".to_owned(),
            namespace: Some(namespace),
            parts: vec!["queue_depth".to_owned()],
        };
        let selector: String = form_urlencoded::byte_serialize(selector.as_bytes()).collect();
        if let Ok(query) = ExternalQuery::new(&path, &format!("labelSelector={selector}")) {
            let rule = "{seriesQuery: q, resources: {template: '<<.Resource>>'}, metricsQuery: '<<.LabelMatchers>>'}";
            let metrics = discovered(rule, &["queue_depth"]);
            let matchers = metrics.resolve(&query).unwrap()[0].promql();
            if let Ok(matchers) = matchers {
                let labels: BTreeMap<&str, &str> = matchers
                    .split(',')
                    .filter_map(|matcher| matcher.split_once('='))
                    .collect();
                prop_assert!(labels.contains_key("namespace"), "{}", matchers);
                prop_assert!(!matchers.contains(['{', '}', '\\']), "{}", matchers);
            }
        }
    }
}

/// What a rule with this policy gives for samples: values, an error, and the kind of the remark.
fn by_policy(policy: &str, samples: &[f64]) -> (String, Option<&'static str>) {
    let rule = format!(
        "{{seriesQuery: queue_depth, resources: {{namespaced: false}}, {SUM}, valuePolicy: {{{policy}}}}}"
    );
    let metrics = discovered(&rule, &["queue_depth"]);
    let query = query("namespaces/shop/queue_depth", "").unwrap();
    let resolved = metrics.resolve(&query).unwrap();
    let mut values = resolved[0].values();
    let samples = samples.iter();
    samples.for_each(|value| values.add(sample(&[("topic", "a")], *value)));
    let remark = values.remark().map(Remark::kind);
    let shown = |value: &ExternalMetricValue| format!("{}{:?}", value.value, value.metric_labels);
    let said = match values.items(false, Timestamp::UNIX_EPOCH) {
        Ok(given) => given.values.iter().map(shown).collect::<Vec<_>>().join(" "),
        Err(error) => format!("{} {error}", error.code()),
    };
    (said, remark)
}

#[test]
fn a_value_that_is_none_is_what_the_rule_says() {
    let of = |policy: &str, samples: &[f64]| by_policy(policy, samples).0;
    let (nan, infinite) = ([1.0, f64::NAN], [f64::NEG_INFINITY, 1.0]);
    let one = r#"1Some({"topic": "a"})"#;
    assert_eq!(
        of("nan: zero", &nan),
        format!(r#"{one} 0Some({{"topic": "a"}})"#)
    );
    assert_eq!(
        of("nan: {default: -2}", &nan),
        format!(r#"{one} -2Some({{"topic": "a"}})"#)
    );
    assert_eq!(
        of("infinite: zero", &infinite),
        format!(r#"0Some({{"topic": "a"}}) {one}"#)
    );
    for policy in ["", "infinite: zero", "nan: error", "absent: zero"] {
        assert!(
            of(policy, &nan).starts_with("500 a series of queue_depth has the value NaN"),
            "{policy}"
        );
    }
    assert_eq!(by_policy("", &nan).1, Some("nan"));
    assert_eq!(by_policy("", &infinite).1, Some("infinite"));
    assert_eq!(by_policy("nan: error, infinite: error", &nan).1, None);
}

#[test]
fn a_metric_without_a_result_is_what_the_rule_says() {
    let of = |policy: &str| by_policy(policy, &[]).0;
    assert_eq!(of(""), "");
    assert_eq!(of("absent: zero"), "0Some({})");
    assert_eq!(of("absent: {default: 1k}"), "1kSome({})");
    assert_eq!(
        of("absent: error"),
        "404 the metric queue_depth has no value now: the query of its rule has no result"
    );
    assert_eq!(
        by_policy("absent: zero", &[3.0]).0,
        r#"3Some({"topic": "a"})"#
    );
}

#[test]
fn a_metric_that_counts_while_it_is_absent_is_there_without_series() {
    let listed = |rule: &str| -> Vec<String> {
        let rule = format!(
            "{{{rule}, {SUM}, resources: {{namespaced: false}}, valuePolicy: {{absent: zero}}}}"
        );
        discovered(&rule, &[])
            .iter()
            .map(ToString::to_string)
            .collect()
    };
    let named = "seriesQuery: 'queue_depth{topic=\"a\"}', name: {matches: '^queue_(.*)'}";
    assert_eq!(listed(named), ["depth"]);
    for unknown in [
        "seriesQuery: '{__name__=~\"^queue_.*\"}'",
        "seriesQuery: 'queue_depth', seriesFilters: [{isNot: depth}]",
    ] {
        assert_eq!(listed(unknown), [""; 0], "{unknown}");
    }
}

#[test]
fn answers_report_the_window_that_the_rule_says() {
    let rule = "{seriesQuery: q, resources: {namespaced: false}, metricsQuery: 'rate(<<.Series>>[90s])', window: fromQuery}";
    let metrics = discovered(rule, &["queue_depth"]);
    let query = query("namespaces/shop/queue_depth", "").unwrap();
    let resolved = metrics.resolve(&query).unwrap();
    let mut values = resolved[0].values();
    values.add(sample(&[], 1.0));
    let given = values.items(false, Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!(given.values[0].window_seconds, Some(90));
}

#[test]
fn what_is_absent_is_404_and_the_next_rule_is_asked_where_one_lacks_a_value_or_a_query() {
    let metric = || "queue_depth".to_owned();
    let absent = |error: ExternalError| (error.code(), error.kind(), error.asks_the_next());
    let no_such = ExternalError::NoSuchMetric { metric: metric() };
    assert_eq!(absent(no_such), (404, None, false));
    let no_query = promql("{seriesQuery: q, metricsQuery: '<<if false>>x<<end>>'}", "");
    let expected = (500, Some("no_query"), true);
    assert_eq!(absent(no_query.unwrap_err()), expected);
    let too_many = ExternalError::TooMany { metric: metric() };
    assert_eq!(absent(too_many), (500, Some("too_long"), false));
}

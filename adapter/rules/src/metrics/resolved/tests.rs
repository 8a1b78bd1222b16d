use std::sync::Arc;

use super::*;
use crate::resources::tests::cluster;
use crate::series::tests::names;
use crate::{Metrics, Rules, Selector};

const RULES: &str = "rules: [{seriesQuery: load, resources: {overrides: {\
    namespace: {resource: namespace}, pod: {resource: pod}}}, \
    metricsQuery: 'avg(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>)'}]";

/// Pods in namespaces have the metric `load`.
fn metrics() -> Metrics {
    let series = names(&[("load", &["namespace", "pod"])]);
    let rules = Rules::parse(RULES).unwrap();
    rules.discover(|_| Some(&series), Arc::new(cluster()))
}

fn query(objects: Objects) -> MetricQuery {
    MetricQuery {
        group_resource: GroupResource::parse("pod"),
        namespace: Some("shop".to_owned()),
        objects,
        metric: "load".to_owned(),
        metric_selector: Selector::default(),
    }
}

fn sample(pod: &str, value: f64) -> Sample {
    Sample {
        labels: [("pod".to_owned(), pod.to_owned())].into(),
        timestamp: Timestamp::UNIX_EPOCH,
        value,
    }
}

/// The values of these pods by these samples.
fn answer(objects: Objects, pods: &[&str], samples: &[Sample]) -> Result<Items, MetricError> {
    let (metrics, query) = (metrics(), query(objects));
    let names: Vec<String> = pods.iter().map(|&pod| pod.to_owned()).collect();
    let candidates = metrics.resolve(&query)?;
    let mut values = candidates[0].values(&names)?;
    samples.iter().for_each(|sample| values.add(sample));
    values.items(Timestamp::UNIX_EPOCH)
}

/// The names and values of the pods `web-1` and `web-2`.
fn items(samples: &[Sample]) -> Result<Vec<String>, MetricError> {
    let selected = Objects::Selected(Selector::default());
    let items = answer(selected, &["web-1", "web-2"], samples)?;
    let shown = |item: MetricValue| {
        let name = item.described_object.name.unwrap();
        format!("{name} {}", item.value)
    };
    Ok(items.given.values.into_iter().map(shown).collect())
}

#[test]
fn results_that_a_rule_cant_mean_are_told_with_the_cure() {
    let (metrics, query) = (metrics(), query(Objects::Named("web-1".to_owned())));
    let names = ["web-1".to_owned()];
    let resolved = &metrics.resolve(&query).unwrap()[0];
    let mut values = resolved.values(&names).unwrap();
    values.add(&sample("web-1", 1.0));
    values.add(&sample("web-2", 1.0));
    assert_eq!(values.remarks(), []);
    for _ in 0..2 {
        values.add(&sample("web-1", 2.0));
        values.add(&Sample {
            labels: [].into(),
            timestamp: Timestamp::UNIX_EPOCH,
            value: 7.0,
        });
    }
    let said: Vec<_> = values.remarks().iter().map(ToString::to_string).collect();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].starts_with("several results for pods web-1, of which the last counts"));
    assert!(said[1].starts_with("results without label `"), "{said:?}");
    let items = values.items(Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!(items.given.values.len(), 1);
}

#[test]
fn items_are_in_the_order_of_the_names_and_the_last_sample_of_an_object_counts() {
    let samples = [
        sample("web-2", 1.0),
        sample("other", 2.0),
        sample("web-1", f64::NAN),
        sample("web-2", 2.0015),
    ];
    assert_eq!(items(&samples).unwrap(), ["web-1 0", "web-2 2001m"]);
    assert!(items(&[]).unwrap().is_empty());
}

#[test]
fn a_sample_of_another_namespace_is_no_value() {
    let of = |namespace: &str, value: f64| {
        let mut sample = sample("web-1", value);
        let label = ("namespace".to_owned(), namespace.to_owned());
        sample.labels.extend([label]);
        sample
    };
    let samples = [of("shop", 1.0), of("stranger", 2.0)];
    assert_eq!(items(&samples).unwrap(), ["web-1 1"]);
    assert!(items(&samples[1..]).unwrap().is_empty());
}

#[test]
fn a_value_that_a_quantity_cant_hold_leaves_only_its_object_out() {
    for value in [f64::INFINITY, f64::NEG_INFINITY, 1e16, -1e16] {
        let samples = [sample("web-1", value), sample("web-2", 9e15)];
        assert_eq!(items(&samples).unwrap().len(), 1);
        let selected = Objects::Selected(Selector::default());
        let answer = answer(selected, &["web-1", "web-2"], &samples).unwrap();
        assert!(answer.left_out[0].to_string().contains("load of web-1"));
        let alone = items(&samples[..1]).unwrap_err();
        assert!(matches!(alone, MetricError::Unrepresentable { .. }));
    }
}

#[test]
fn a_named_object_without_a_sample_is_an_error_and_no_selected_object_is_no_metric() {
    let named = Objects::Named("web-1".to_owned());
    let no_value = answer(named, &["web-1"], &[sample("web-2", 1.0)]);
    assert!(matches!(no_value, Err(MetricError::NoValue { .. })));
    let (metrics, query) = (metrics(), query(Objects::Selected(Selector::default())));
    let no_names = metrics.resolve(&query).unwrap()[0].promql(&[]);
    assert!(matches!(no_names, Err(MetricError::NoSuchMetric { .. })));
}

#[test]
fn a_request_that_the_rule_has_no_query_for_says_why_in_its_source() {
    use std::error::Error as _;

    let metrics = metrics();
    let mut compared = query(Objects::Selected(Selector::default()));
    compared.metric_selector = Selector::parse("code>400").unwrap();
    let error = metrics.resolve(&compared).unwrap()[0]
        .promql(&["web-1".to_owned()])
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the server could not find the metric load for pods"
    );
    let source = error.source().expect("the reason").to_string();
    assert!(source.contains("`code` is compared by < or >"), "{source}");
}

#[test]
fn objects_without_a_sample_are_known_by_name() {
    let (metrics, query) = (metrics(), query(Objects::Selected(Selector::default())));
    let names = ["web-1", "web-2"].map(str::to_owned);
    let resolved = &metrics.resolve(&query).unwrap()[0];
    assert_eq!(
        resolved.resource().group_resource(),
        GroupResource::new("", "pods")
    );
    let mut values = resolved.values(&names).unwrap();
    assert_eq!(values.label(), "pod");
    assert_eq!(values.without_sample(), names);
    values.add(&sample("web-1", 1.0));
    assert_eq!(values.without_sample(), ["web-2"]);
}

#[test]
fn a_metric_of_an_unknown_resource_is_none() {
    let mut query = query(Objects::Named("a".to_owned()));
    query.group_resource = GroupResource::parse("gadgets.example.com");
    let error = metrics().resolve(&query).map(|_| ()).unwrap_err();
    assert!(matches!(error, MetricError::NoSuchMetric { .. }), "{error}");
}

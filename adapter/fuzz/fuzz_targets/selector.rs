//! Label selectors: `app=web,tier in (a,b);app=web;tier=a` is a selector and the labels of an object.
#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use setpoint_fuzz::escaped;
use setpoint_fuzz::rules::resource_path;
use setpoint_rules::{Condition, MetricQuery, Objects, Requirement, Selector};

fuzz_target!(|text: &str| {
    // No selector has a semicolon.
    let mut parts = text.split(';');
    let text = parts.next().unwrap_or_default();
    let labels = parts.map(|label| label.split_once('=').unwrap_or((label, "")));
    let labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let labels: BTreeMap<String, String> = labels.collect();

    let parsed = Selector::parse(text);
    assert_eq!(Selector::parse(&text.replace(' ', "\t\r\n ")), parsed);
    let Ok(selector) = parsed else { return };
    assert_eq!(
        Selector::parse(&selector.to_string()).as_ref(),
        Ok(&selector)
    );

    let path = resource_path("/apis/custom.metrics.k8s.io/v1beta2/namespaces/a/pods/*/load");
    let text = escaped(text);
    let query = MetricQuery::new(
        &path,
        &format!("labelSelector={text}&metricLabelSelector={text}"),
    );
    let query = query.expect("what is a selector is one in a request");
    assert_eq!(query.metric_selector, selector);
    assert_eq!(query.objects, Objects::Selected(selector.clone()));

    let of_each = |requirement: &Requirement| {
        let matches = alone(requirement.clone()).matches(&labels);
        if let Some(opposite) = opposite(requirement) {
            assert_ne!(
                matches,
                alone(opposite).matches(&labels),
                "{requirement}, {labels:?}"
            );
        }
        matches
    };
    let of_each: Vec<bool> = selector.requirements.iter().map(of_each).collect();
    assert_eq!(selector.matches(&labels), !of_each.contains(&false));
    assert_eq!(
        selector.to_label_selector().is_none(),
        selector.requirements.is_empty()
    );
});

fn alone(requirement: Requirement) -> Selector {
    Selector {
        requirements: vec![requirement],
    }
}

/// What selects exactly the other objects; none for comparisons, which need the label.
fn opposite(requirement: &Requirement) -> Option<Requirement> {
    let condition = match requirement.condition.clone() {
        Condition::Equals(value) => Condition::NotEquals(value),
        Condition::NotEquals(value) => Condition::Equals(value),
        Condition::In(values) => Condition::NotIn(values),
        Condition::NotIn(values) => Condition::In(values),
        Condition::Exists => Condition::DoesNotExist,
        Condition::DoesNotExist => Condition::Exists,
        Condition::GreaterThan(_) | Condition::LessThan(_) => return None,
    };
    Some(Requirement {
        key: requirement.key.clone(),
        condition,
    })
}

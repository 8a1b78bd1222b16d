//! The series of the neutral `metrics:` layer: a metric's values, for an object or for a pod.

use std::collections::BTreeMap;

use setpoint_replay::ScriptedSeries;
use setpoint_replay::notation::Values;

use crate::format::{Metric, On, Span};

/// A series that has no value from now on.
pub(super) fn ended(name: &str, now: f64) -> ScriptedSeries {
    ScriptedSeries {
        series: name.to_owned(),
        values: Values::stale(),
        interval: 1.0,
        from: now,
        hold: false,
    }
}

pub(super) fn seconds(span: Span) -> f64 {
    span.duration(std::time::Duration::from_secs(1))
        .as_secs_f64()
}

pub(super) fn series_of_object(metric: &Metric, start: f64) -> Option<ScriptedSeries> {
    let On::Object(object) = &metric.on else {
        return None;
    };
    Some(ScriptedSeries {
        series: series_name(metric, &[(&object.label, &object.name)]),
        values: metric.values.clone(),
        interval: seconds(metric.interval),
        from: start,
        hold: metric.hold,
    })
}

/// What is left at `now` of a metric's values that began at `start`, for a pod that it speaks of.
pub(super) fn series_of_pod(
    metric: &Metric,
    start: f64,
    now: f64,
    namespace: &str,
    name: &str,
    labels: &BTreeMap<String, String>,
) -> Option<ScriptedSeries> {
    if !speaks_of(metric, namespace, labels) {
        return None;
    }
    let interval = seconds(metric.interval);
    let (values, from) = rest(&metric.values, interval, start, now, metric.hold)?;
    Some(ScriptedSeries {
        series: series_name_of_pod(metric, name),
        values,
        interval,
        from,
        hold: metric.hold,
    })
}

pub(super) fn speaks_of(
    metric: &Metric,
    namespace: &str,
    labels: &BTreeMap<String, String>,
) -> bool {
    let On::Pods(selector) = &metric.on else {
        return false;
    };
    namespace == metric.namespace
        && selector
            .iter()
            .all(|(key, value)| labels.get(key) == Some(value))
}

/// The name of a metric's series for a pod.
pub(super) fn series_name_of_pod(metric: &Metric, pod: &str) -> String {
    let label = format!("{}pod", metric.label_prefix);
    series_name(metric, &[(&label, pod)])
}

fn series_name(metric: &Metric, object: &[(&str, &str)]) -> String {
    let own = metric
        .labels
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()));
    let namespace = format!("{}namespace", metric.label_prefix);
    let labels: Vec<String> = std::iter::once((namespace.as_str(), metric.namespace.as_str()))
        .chain(object.iter().copied())
        .chain(own)
        .map(|(key, value)| format!("{key}={}", quoted(value)))
        .collect();
    format!("{}{{{}}}", metric.custom, labels.join(","))
}

/// A label's value as PromQL quotes it.
fn quoted(value: &str) -> String {
    let escaped = value.chars().map(|c| match c {
        '"' => "\\\"".to_owned(),
        '\\' => "\\\\".to_owned(),
        '\n' => "\\n".to_owned(),
        other => other.to_string(),
    });
    format!("\"{}\"", escaped.collect::<String>())
}

/// What is left of values, and the time of the first: the one that holds at `now`.
fn rest(values: &Values, interval: f64, start: f64, now: f64, hold: bool) -> Option<(Values, f64)> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a count, from zero up"
    )]
    let passed = ((now - start) / interval).floor().max(0.0) as usize;
    let last = values.points().len().checked_sub(1)?;
    if passed > last && !hold {
        return None;
    }
    let left = values.from_step(passed.min(last));
    Some((left, if passed == 0 { start } else { now }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(start: f64, now: f64, hold: bool) -> Option<(String, f64)> {
        let values = "5 6 7".parse().unwrap();
        let left = rest(&values, 1.0, start, now, hold);
        left.map(|(values, from)| (values.to_string(), from))
    }

    #[test]
    fn a_pod_that_is_born_later_gets_what_is_left() {
        assert_eq!(left(0.0, 0.2, true), Some(("5 6 7".to_owned(), 0.0)));
        assert_eq!(left(0.0, 1.2, true), Some(("6 7".to_owned(), 1.2)));
        assert_eq!(left(10.0, 19.0, true), Some(("7".to_owned(), 19.0)));
        assert_eq!(left(0.0, 9.0, false), None);
    }
}

//! The series of a scenario as they should be, and what the fake Prometheus has of them. Pure.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;
use setpoint_replay::{Fault, ScriptedSeries};

use super::instance::Instances;
use super::series::{ended, series_name_of_pod, series_of_object, series_of_pod, speaks_of};
use super::{PodKey, key_of};
use crate::format::Metric;

/// What is to be played, and what the fake Prometheus has of it.
#[derive(Default)]
pub(super) struct State {
    /// Each metric, and the scenario time at which its values begin.
    pub(super) metrics: Vec<(Metric, f64)>,
    /// The pods there are, with their labels.
    pub(super) pods: BTreeMap<PodKey, BTreeMap<String, String>>,
    /// Those of them whose series the fake Prometheus has.
    pub(super) sent: BTreeSet<PodKey>,
    /// The names of series of pods that are gone, whose end the fake Prometheus doesn't know.
    pub(super) ending: BTreeSet<String>,
    /// Whether all pods are known that there were at the beginning.
    pub(super) is_listed: bool,
    /// The pods in which the fake Prometheus runs.
    pub(super) instances: Instances,
    /// What the fake Prometheus answers instead of values.
    pub(super) faults: Vec<Fault>,
}

impl State {
    /// Takes metrics in the instance of those of the same names; returns what is to be played from now on.
    pub(super) fn replace(&mut self, metrics: &[Metric], now: f64) -> Vec<ScriptedSeries> {
        let is_replaced =
            |known: &Metric| metrics.iter().any(|metric| metric.custom == known.custom);
        let (replaced, kept): (Vec<_>, Vec<_>) = std::mem::take(&mut self.metrics)
            .into_iter()
            .partition(|(known, _)| is_replaced(known));
        self.metrics = replaced;
        let before = self.names();
        self.metrics = metrics.iter().map(|metric| (metric.clone(), now)).collect();
        let after = self.names();
        let mut series: Vec<_> = before
            .difference(&after)
            .map(|name| ended(name, now))
            .collect();
        for metric in metrics {
            series.extend(series_of_object(metric, now));
            for ((namespace, name), labels) in &self.pods {
                series.extend(series_of_pod(metric, now, now, namespace, name, labels));
            }
        }
        self.metrics.extend(kept);
        series
    }

    /// Adds a pod, or what has changed of it.
    pub(super) fn add_pod(&mut self, pod: &Pod) {
        self.instances.apply(pod);
        self.pods
            .entry(key_of(pod))
            .or_insert_with(|| pod.labels().clone());
    }

    /// Removes a pod; its series end.
    pub(super) fn remove_pod(&mut self, key: &PodKey) {
        self.instances.remove(key);
        if let Some(labels) = self.pods.remove(key)
            && self.sent.remove(key)
        {
            let names = self.names_of_pod(key, &labels);
            self.ending.extend(names);
        }
    }

    /// Whether the fake Prometheus has everything.
    pub(super) fn has_nothing_to_send(&self) -> bool {
        self.ending.is_empty()
            && self
                .unsent_pods()
                .all(|(key, labels)| self.names_of_pod(key, labels).is_empty())
    }

    /// The series that the fake Prometheus doesn't have yet.
    pub(super) fn unsent(&self, now: f64) -> Vec<ScriptedSeries> {
        let mut series: Vec<_> = self
            .unsent_pods()
            .flat_map(|((namespace, name), labels)| {
                let of_pod = |(metric, start): &(Metric, f64)| {
                    series_of_pod(metric, *start, now, namespace, name, labels)
                };
                self.metrics.iter().filter_map(of_pod).collect::<Vec<_>>()
            })
            .collect();
        let is_new = |name: &str| series.iter().any(|series| series.series == name);
        let ending = self.ending.iter().filter(|name| !is_new(name));
        let ending: Vec<_> = ending.map(|name| ended(name, now)).collect();
        series.extend(ending);
        series
    }

    fn unsent_pods(&self) -> impl Iterator<Item = (&PodKey, &BTreeMap<String, String>)> {
        let pods = self.pods.iter();
        pods.filter(|(key, _)| !self.sent.contains(*key))
    }

    pub(super) fn mark_all_sent(&mut self) {
        self.sent = self.pods.keys().cloned().collect();
        self.ending.clear();
    }

    /// The names of all series of the metrics.
    fn names(&self) -> BTreeSet<String> {
        let objects = self.metrics.iter();
        let objects = objects.filter_map(|(metric, start)| series_of_object(metric, *start));
        let mut names: BTreeSet<String> = objects.map(|series| series.series).collect();
        for (key, labels) in &self.pods {
            names.extend(self.names_of_pod(key, labels));
        }
        names
    }

    fn names_of_pod(
        &self,
        (namespace, name): &PodKey,
        labels: &BTreeMap<String, String>,
    ) -> Vec<String> {
        let metrics = self.metrics.iter().map(|(metric, _)| metric);
        metrics
            .filter(|metric| speaks_of(metric, namespace, labels))
            .map(|metric| series_name_of_pod(metric, name))
            .collect()
    }

    pub(super) fn missing(&self, listed: &BTreeSet<PodKey>) -> Vec<PodKey> {
        let known = self.pods.keys();
        known
            .filter(|key| !listed.contains(*key))
            .cloned()
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metric(yaml: &str) -> Metric {
        serde_saphyr::from_str(yaml).unwrap()
    }

    fn key(name: &str) -> PodKey {
        ("default".to_owned(), name.to_owned())
    }

    /// Two pods, the second of which is measured by a label of its own too.
    fn state() -> State {
        let labels = |tier: &str| {
            BTreeMap::from([
                ("app".to_owned(), "web".to_owned()),
                ("tier".to_owned(), tier.to_owned()),
            ])
        };
        State {
            pods: BTreeMap::from([(key("web-1"), labels("a")), (key("web-2"), labels("b"))]),
            ..State::default()
        }
    }

    fn told(series: &[ScriptedSeries]) -> Vec<String> {
        let told = series.iter();
        let mut told: Vec<_> = told
            .map(|series| format!("{} {}", series.series, series.values))
            .collect();
        told.sort();
        told
    }

    #[test]
    fn a_series_that_gets_no_new_values_ends() {
        let mut state = state();
        let before = [
            metric("{custom: queue, on: {pods: {app: web}}, values: '5'}"),
            metric("{custom: other, on: {pods: {app: web}}, values: '1'}"),
        ];
        state.replace(&before, 0.0);
        let narrower = metric("{custom: queue, on: {pods: {tier: b}}, values: '6'}");
        assert_eq!(
            told(&state.replace(&[narrower], 2.0)),
            [
                r#"queue{namespace="default",pod="web-1"} stale"#,
                r#"queue{namespace="default",pod="web-2"} 6"#
            ]
        );
        let labelled =
            metric("{custom: queue, on: {pods: {tier: b}}, labels: {shard: x}, values: '7'}");
        assert_eq!(
            told(&state.replace(&[labelled], 4.0)),
            [
                r#"queue{namespace="default",pod="web-2",shard="x"} 7"#,
                r#"queue{namespace="default",pod="web-2"} stale"#
            ]
        );
        let of_object =
            metric("{custom: queue, on: {object: {label: service, name: web}}, values: '8'}");
        assert_eq!(told(&state.replace(&[of_object], 6.0)).len(), 2);
        assert_eq!(state.metrics.len(), 2, "the other one goes on");
    }

    #[test]
    fn pods_that_went_while_nobody_watched_are_known_by_their_absence() {
        let state = state();
        let listed = BTreeSet::from([key("web-2"), key("web-3")]);
        assert_eq!(state.missing(&listed), [key("web-1")]);
    }
}

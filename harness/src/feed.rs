//! Feeds the fake Prometheus: what a scenario says of metrics, for the pods that there are.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use futures::StreamExt as _;
use futures::future::BoxFuture;
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, ResourceExt as _};
use setpoint_cluster::{Cluster, Connection, Target};
use setpoint_replay::client::{Client, ControlError};
use setpoint_replay::notation::{Point, parse_values};
use setpoint_replay::{Clock, Fault, Journal, Script, ScriptedSeries};
use tokio::sync::Mutex;

use crate::scenario::{Metric, On, Sample, Span};

/// The port of the fake Prometheus' control (`adapter/deploy/fake-prometheus`).
const CONTROL_PORT: u16 = 9091;

type Connect = Box<dyn Fn() -> BoxFuture<'static, io::Result<Connection>> + Send + Sync>;

/// The fake Prometheus of a run, and what it is to play.
pub struct Feed {
    control: Client<Connect>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Each metric, and the scenario time at which its values begin.
    metrics: Vec<(Metric, f64)>,
    /// The pods there are, with their labels.
    pods: BTreeMap<(String, String), BTreeMap<String, String>>,
}

impl Feed {
    /// Speaks to the fake Prometheus in a pod and gives it its script: scenario time 0 is now.
    ///
    /// # Errors
    /// When it doesn't take the script.
    pub async fn start(
        cluster: Arc<dyn Cluster>,
        pod: Target,
        speed: f64,
        metrics: &[Metric],
        series: &[Sample],
    ) -> Result<Arc<Self>, ControlError> {
        let connect: Connect = Box::new(move || {
            let (cluster, pod) = (cluster.clone(), pod.clone());
            Box::pin(async move {
                cluster
                    .connect(&pod, CONTROL_PORT)
                    .await
                    .map_err(io::Error::other)
            })
        });
        let control = Client::new(connect);
        let series = series
            .iter()
            .map(|sample| ScriptedSeries {
                series: sample.series.clone(),
                values: sample.values.clone(),
                interval: seconds(sample.interval),
                from: 0.0,
                hold: sample.hold,
            })
            .chain(
                metrics
                    .iter()
                    .filter_map(|metric| series_of_object(metric, 0.0)),
            )
            .collect();
        control
            .load(&Script {
                clock: Clock { speed },
                series,
            })
            .await?;
        let metrics = metrics.iter().map(|metric| (metric.clone(), 0.0)).collect();
        let state = Mutex::new(State {
            metrics,
            pods: BTreeMap::new(),
        });
        Ok(Arc::new(Self { control, state }))
    }

    /// Follows the pods until the future is dropped.
    pub async fn follow_pods(&self, client: kube::Client) {
        let mut events = std::pin::pin!(
            watcher(Api::<Pod>::all(client), watcher::Config::default()).default_backoff()
        );
        while let Some(event) = events.next().await {
            let outcome = match event {
                Ok(watcher::Event::Apply(pod) | watcher::Event::InitApply(pod))
                    if pod.metadata.deletion_timestamp.is_none() =>
                {
                    self.born(&pod).await
                }
                Ok(watcher::Event::Delete(pod) | watcher::Event::Apply(pod)) => {
                    self.gone(&pod).await
                }
                Ok(_) => Ok(()),
                Err(error) => {
                    tracing::warn!(%error, "watch pods to feed the fake Prometheus");
                    Ok(())
                }
            };
            if let Err(error) = outcome {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "feed the fake Prometheus"
                );
            }
        }
    }

    /// Gives metrics new values from now on; metrics of other names go on as they do.
    ///
    /// # Errors
    /// When the fake Prometheus doesn't take them.
    pub async fn replace(&self, metrics: &[Metric]) -> Result<(), ControlError> {
        let mut state = self.state.lock().await;
        let now = self.control.clock().await?.now;
        state
            .metrics
            .retain(|(known, _)| metrics.iter().all(|metric| metric.custom != known.custom));
        state
            .metrics
            .extend(metrics.iter().map(|metric| (metric.clone(), now)));
        let mut series: Vec<_> = metrics
            .iter()
            .filter_map(|metric| series_of_object(metric, now))
            .collect();
        for ((namespace, name), labels) in &state.pods {
            series.extend(
                metrics
                    .iter()
                    .filter_map(|metric| series_of_pod(metric, now, now, namespace, name, labels)),
            );
        }
        self.control.add(&series).await
    }

    /// Replaces the faults on the wire.
    ///
    /// # Errors
    /// When the fake Prometheus doesn't take them.
    pub async fn replace_faults(&self, faults: &[Fault]) -> Result<(), ControlError> {
        self.control.replace_faults(faults).await
    }

    /// What was asked of the fake Prometheus.
    ///
    /// # Errors
    /// When it doesn't say.
    pub async fn journal(&self) -> Result<Journal, ControlError> {
        self.control.journal(0).await
    }

    async fn born(&self, pod: &Pod) -> Result<(), ControlError> {
        let mut state = self.state.lock().await;
        let key = (pod.namespace().unwrap_or_default(), pod.name_any());
        if state.pods.contains_key(&key) {
            return Ok(());
        }
        let labels = pod.labels().clone();
        let now = self.control.clock().await?.now;
        let of_pod = |(metric, start): &(Metric, f64)| {
            series_of_pod(metric, *start, now, &key.0, &key.1, &labels)
        };
        let series: Vec<_> = state.metrics.iter().filter_map(of_pod).collect();
        if !series.is_empty() {
            self.control.add(&series).await?;
        }
        state.pods.insert(key, labels);
        Ok(())
    }

    /// Ends the series of a pod that is going.
    async fn gone(&self, pod: &Pod) -> Result<(), ControlError> {
        let mut state = self.state.lock().await;
        let key = (pod.namespace().unwrap_or_default(), pod.name_any());
        let Some(labels) = state.pods.remove(&key) else {
            return Ok(());
        };
        let now = self.control.clock().await?.now;
        let ended = |(metric, start): &(Metric, f64)| {
            let series = series_of_pod(metric, *start, now, &key.0, &key.1, &labels)?;
            Some(ScriptedSeries {
                values: "stale".to_owned(),
                from: now,
                hold: false,
                ..series
            })
        };
        let series: Vec<_> = state.metrics.iter().filter_map(ended).collect();
        if series.is_empty() {
            Ok(())
        } else {
            self.control.add(&series).await
        }
    }
}

fn seconds(span: Span) -> f64 {
    span.duration(std::time::Duration::from_secs(1))
        .as_secs_f64()
}

fn series_of_object(metric: &Metric, start: f64) -> Option<ScriptedSeries> {
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
fn series_of_pod(
    metric: &Metric,
    start: f64,
    now: f64,
    namespace: &str,
    name: &str,
    labels: &BTreeMap<String, String>,
) -> Option<ScriptedSeries> {
    let On::Pods(selector) = &metric.on else {
        return None;
    };
    let selected = namespace == metric.namespace
        && selector
            .iter()
            .all(|(key, value)| labels.get(key) == Some(value));
    if !selected {
        return None;
    }
    let interval = seconds(metric.interval);
    let (values, from) = rest(&metric.values, interval, start, now, metric.hold)?;
    Some(ScriptedSeries {
        series: series_name(metric, &[("pod", name)]),
        values,
        interval,
        from,
        hold: metric.hold,
    })
}

fn series_name(metric: &Metric, object: &[(&str, &str)]) -> String {
    let own = metric
        .labels
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()));
    let labels: Vec<String> = std::iter::once(("namespace", metric.namespace.as_str()))
        .chain(object.iter().copied())
        .chain(own)
        .map(|(key, value)| format!("{key}={value:?}"))
        .collect();
    format!("{}{{{}}}", metric.custom, labels.join(","))
}

/// The notation of what is left of values, and the time of the first: the one that holds at `now`.
fn rest(values: &str, interval: f64, start: f64, now: f64, hold: bool) -> Option<(String, f64)> {
    let points = parse_values(values).ok()?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a count, from zero up"
    )]
    let passed = ((now - start) / interval).floor().max(0.0) as usize;
    let last = points.len().checked_sub(1)?;
    if passed > last && !hold {
        return None;
    }
    let written = |point: &Point| match point {
        Point::Value(value) => value.to_string(),
        Point::Stale => "stale".to_owned(),
        Point::Missing => "_".to_owned(),
    };
    let left: Vec<String> = points[passed.min(last)..].iter().map(written).collect();
    Some((left.join(" "), if passed == 0 { start } else { now }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_that_is_born_later_gets_what_is_left() {
        assert_eq!(
            rest("5 6 7", 1.0, 0.0, 0.2, true),
            Some(("5 6 7".to_owned(), 0.0))
        );
        assert_eq!(
            rest("5 6 7", 1.0, 0.0, 1.2, true),
            Some(("6 7".to_owned(), 1.2))
        );
        assert_eq!(
            rest("5 6 7", 1.0, 10.0, 19.0, true),
            Some(("7".to_owned(), 19.0))
        );
        assert_eq!(rest("5 6 7", 1.0, 0.0, 9.0, false), None);
    }
}

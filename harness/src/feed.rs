//! Feeds the fake Prometheus: what a scenario says of metrics, for the pods that there are.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};

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

use crate::expect::has_ready_container;
use crate::scenario::{Metric, On, Sample, Span};

/// The port of the fake Prometheus' control (`adapter/deploy/fake-prometheus`).
const CONTROL_PORT: u16 = 9091;
/// The container of the fake Prometheus.
pub(crate) const CONTAINER: &str = "prometheus";

type Connect = Box<dyn Fn() -> BoxFuture<'static, io::Result<Connection>> + Send + Sync>;

/// The fake Prometheus of a run, and what it is to play.
pub struct Feed {
    control: Client<Connect>,
    /// Where the fake Prometheus is now.
    place: Arc<StdMutex<Place>>,
    speed: f64,
    series: Vec<Sample>,
    state: Mutex<State>,
}

/// The pod of the fake Prometheus.
#[derive(Clone)]
struct Place {
    namespace: String,
    pod: String,
}

#[derive(Default)]
struct State {
    /// Each metric, and the scenario time at which its values begin.
    metrics: Vec<(Metric, f64)>,
    /// The pods there are, with their labels.
    pods: BTreeMap<PodKey, BTreeMap<String, String>>,
    /// Those of them that the fake Prometheus was told of.
    told: BTreeSet<PodKey>,
    /// What is broken.
    faults: Vec<Fault>,
}

/// A pod's namespace and name.
type PodKey = (String, String);

fn key_of(pod: &Pod) -> PodKey {
    (pod.namespace().unwrap_or_default(), pod.name_any())
}

impl Feed {
    /// Speaks to the fake Prometheus in a pod and gives it its script: scenario time 0 is now.
    ///
    /// # Errors
    /// When it doesn't take the script.
    pub async fn start(
        cluster: Arc<dyn Cluster>,
        namespace: &str,
        pod: String,
        speed: f64,
        metrics: &[Metric],
        series: &[Sample],
    ) -> Result<Arc<Self>, ControlError> {
        let place = Arc::new(StdMutex::new(Place {
            namespace: namespace.to_owned(),
            pod,
        }));
        let now = place.clone();
        let connect: Connect = Box::new(move || {
            let (cluster, Place { namespace, pod }) = (cluster.clone(), locked(&now).clone());
            let target = Target::Pod {
                namespace,
                name: pod,
            };
            Box::pin(async move {
                cluster
                    .connect(&target, CONTROL_PORT)
                    .await
                    .map_err(io::Error::other)
            })
        });
        let metrics = metrics.iter().map(|metric| (metric.clone(), 0.0)).collect();
        let feed = Self {
            control: Client::new(connect),
            place,
            speed,
            series: series.to_vec(),
            state: Mutex::new(State {
                metrics,
                ..State::default()
            }),
        };
        feed.load(&*feed.state.lock().await).await?;
        Ok(Arc::new(feed))
    }

    /// Gives the fake Prometheus the whole script: its clock begins at 0.
    async fn load(&self, state: &State) -> Result<(), ControlError> {
        let of_pods = state.pods.iter().flat_map(|((namespace, name), labels)| {
            let of_pod = move |(metric, start): &(Metric, f64)| {
                series_of_pod(metric, *start, 0.0, namespace, name, labels)
            };
            state.metrics.iter().filter_map(of_pod)
        });
        let of_objects = state
            .metrics
            .iter()
            .filter_map(|(metric, start)| series_of_object(metric, *start));
        let series = self
            .series
            .iter()
            .map(|sample| ScriptedSeries {
                series: sample.series.clone(),
                values: sample.values.clone(),
                interval: seconds(sample.interval),
                from: 0.0,
                hold: sample.hold,
            })
            .chain(of_objects)
            .chain(of_pods)
            .collect();
        let clock = Clock { speed: self.speed };
        self.control.load(&Script { clock, series }).await?;
        if state.faults.is_empty() {
            return Ok(());
        }
        self.control.replace_faults(&state.faults).await
    }

    /// Follows the pods until the future is dropped.
    pub async fn follow_pods(&self, client: kube::Client) {
        let mut events = std::pin::pin!(
            watcher(Api::<Pod>::all(client), watcher::Config::default()).default_backoff()
        );
        let mut listed = BTreeSet::new();
        while let Some(event) = events.next().await {
            let outcome = match event {
                Ok(watcher::Event::Init) => {
                    listed.clear();
                    Ok(())
                }
                Ok(watcher::Event::InitApply(pod)) if pod.metadata.deletion_timestamp.is_none() => {
                    listed.insert(key_of(&pod));
                    self.there(&pod).await
                }
                // Those that are missing went while the watch was broken.
                Ok(watcher::Event::InitDone) => self.left(&listed).await,
                Ok(watcher::Event::Apply(pod)) if pod.metadata.deletion_timestamp.is_none() => {
                    self.there(&pod).await
                }
                Ok(watcher::Event::Delete(pod) | watcher::Event::Apply(pod)) => {
                    self.gone(&key_of(&pod)).await
                }
                Ok(watcher::Event::InitApply(_)) => Ok(()),
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

    /// Gives metrics new values from now on; metrics of other names go on as they do, and series of these that get no new
    /// values end.
    ///
    /// # Errors
    /// When the fake Prometheus doesn't take them.
    pub async fn replace(&self, metrics: &[Metric]) -> Result<(), ControlError> {
        let mut state = self.state.lock().await;
        let now = self.control.clock().await?.now;
        let series = state.replace(metrics, now);
        self.control.add(&series).await
    }

    /// Replaces the faults on the wire.
    ///
    /// # Errors
    /// When the fake Prometheus doesn't take them.
    pub async fn replace_faults(&self, faults: &[Fault]) -> Result<(), ControlError> {
        faults.clone_into(&mut self.state.lock().await.faults);
        self.control.replace_faults(faults).await
    }

    /// What was asked of the fake Prometheus.
    ///
    /// # Errors
    /// When it doesn't say.
    pub async fn journal(&self) -> Result<Journal, ControlError> {
        self.control.journal(0).await
    }

    /// A pod is there, or something of it has changed.
    async fn there(&self, pod: &Pod) -> Result<(), ControlError> {
        self.moved_to(pod).await?;
        self.born(pod).await
    }

    /// A pod that stands in for the one of the fake Prometheus knows nothing: it gets the script from its
    /// beginning, with all metrics as they were given last.
    async fn moved_to(&self, pod: &Pod) -> Result<(), ControlError> {
        let (namespace, name) = key_of(pod);
        let before = locked(&self.place).clone();
        if namespace != before.namespace
            || name == before.pod
            || !has_ready_container(pod, CONTAINER)
        {
            return Ok(());
        }
        let mut state = self.state.lock().await;
        for (_, start) in &mut state.metrics {
            *start = 0.0;
        }
        locked(&self.place).pod = name;
        let loaded = self.load(&state).await;
        match &loaded {
            Ok(()) => state.told = state.pods.keys().cloned().collect(),
            // Its next event is the next try.
            Err(_) => *locked(&self.place) = before,
        }
        loaded
    }

    async fn born(&self, pod: &Pod) -> Result<(), ControlError> {
        let mut state = self.state.lock().await;
        let key = key_of(pod);
        if state.told.contains(&key) {
            return Ok(());
        }
        // Known before it is told of: the fake Prometheus may be on its way, and is told of all of them then.
        let labels = pod.labels().clone();
        state.pods.insert(key.clone(), labels.clone());
        if state.names_of_pod(&key, &labels).is_empty() {
            state.told.insert(key);
            return Ok(());
        }
        let now = self.control.clock().await?.now;
        let of_pod = |(metric, start): &(Metric, f64)| {
            series_of_pod(metric, *start, now, &key.0, &key.1, &labels)
        };
        let series: Vec<_> = state.metrics.iter().filter_map(of_pod).collect();
        if !series.is_empty() {
            self.control.add(&series).await?;
        }
        state.told.insert(key);
        Ok(())
    }

    /// Ends the series of all pods that aren't listed.
    async fn left(&self, listed: &BTreeSet<PodKey>) -> Result<(), ControlError> {
        let missing = self.state.lock().await.missing(listed);
        for key in missing {
            self.gone(&key).await?;
        }
        Ok(())
    }

    /// Ends the series of a pod that is going.
    async fn gone(&self, key: &PodKey) -> Result<(), ControlError> {
        let mut state = self.state.lock().await;
        state.told.remove(key);
        let Some(labels) = state.pods.remove(key) else {
            return Ok(());
        };
        let names = state.names_of_pod(key, &labels);
        if names.is_empty() {
            return Ok(());
        }
        let now = self.control.clock().await?.now;
        let series: Vec<_> = names.iter().map(|name| ended(name, now)).collect();
        self.control.add(&series).await
    }
}

impl State {
    /// Takes metrics in the place of those of the same names; returns what is to be played from now on.
    fn replace(&mut self, metrics: &[Metric], now: f64) -> Vec<ScriptedSeries> {
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
            .map(|metric| series_name(metric, &[("pod", name)]))
            .collect()
    }

    fn missing(&self, listed: &BTreeSet<PodKey>) -> Vec<PodKey> {
        let known = self.pods.keys();
        known
            .filter(|key| !listed.contains(*key))
            .cloned()
            .collect()
    }
}

/// A series that has no value from now on.
fn ended(name: &str, now: f64) -> ScriptedSeries {
    ScriptedSeries {
        series: name.to_owned(),
        values: "stale".to_owned(),
        interval: 1.0,
        from: now,
        hold: false,
    }
}

/// Nobody panics while holding it.
fn locked<T>(mutex: &StdMutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
    if !speaks_of(metric, namespace, labels) {
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

fn speaks_of(metric: &Metric, namespace: &str, labels: &BTreeMap<String, String>) -> bool {
    let On::Pods(selector) = &metric.on else {
        return false;
    };
    namespace == metric.namespace
        && selector
            .iter()
            .all(|(key, value)| labels.get(key) == Some(value))
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

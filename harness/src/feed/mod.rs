//! Feeds the fake Prometheus: what a scenario says of metrics, for the pods that there are.

mod place;
mod series;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::Duration;

use futures::StreamExt as _;
use futures::future::BoxFuture;
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, ResourceExt as _};
use setpoint_cluster::{Cluster, Connection, Target};
use setpoint_replay::client::{Client, ControlError};
use setpoint_replay::{Clock, Fault, Journal, Script, ScriptedSeries};
use tokio::sync::Mutex;
use tokio::time::sleep;

use self::place::{Place, Places};
use self::series::{ended, seconds, series_name, series_of_object, series_of_pod, speaks_of};
use crate::format::{Metric, Sample};

/// The port of the fake Prometheus' control (`adapter/deploy/fake-prometheus`).
const CONTROL_PORT: u16 = 9091;
/// The container of the fake Prometheus.
pub(crate) const CONTAINER: &str = "prometheus";

/// How soon it is told again what it didn't take.
const AGAIN: Duration = Duration::from_millis(500);

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

#[derive(Default)]
struct State {
    /// Each metric, and the scenario time at which its values begin.
    metrics: Vec<(Metric, f64)>,
    /// The pods there are, with their labels.
    pods: BTreeMap<PodKey, BTreeMap<String, String>>,
    /// Those of them that the fake Prometheus was told of.
    told: BTreeSet<PodKey>,
    /// The names of series of pods that are gone, which the fake Prometheus wasn't told of.
    ending: BTreeSet<String>,
    /// Whether all pods are known that there were at the beginning.
    is_listed: bool,
    /// The pods that could be the fake Prometheus.
    places: Places,
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
        pod: &Pod,
        speed: f64,
        metrics: &[Metric],
        series: &[Sample],
    ) -> Result<Arc<Self>, ControlError> {
        let place = Arc::new(StdMutex::new(Place::of(pod)));
        let now = place.clone();
        let connect: Connect = Box::new(move || {
            let (cluster, now) = (cluster.clone(), locked(&now).clone());
            let target = Target::Pod {
                namespace: now.namespace,
                name: now.pod,
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

    /// Follows the pods until the future is dropped. What the fake Prometheus didn't take is told again soon.
    pub async fn follow_pods(&self, client: kube::Client) {
        let mut events = std::pin::pin!(
            watcher(Api::<Pod>::all(client), watcher::Config::default()).default_backoff()
        );
        let mut listed = BTreeSet::new();
        let mut is_told = true;
        loop {
            tokio::select! {
                event = events.next() => match event {
                    Some(Ok(event)) => self.see(event, &mut listed).await,
                    Some(Err(error)) => tracing::warn!(%error, "watch pods to feed the fake Prometheus"),
                    None => return,
                },
                () = sleep(AGAIN), if !is_told => {}
            }
            let told = self.tell().await;
            is_told = told.is_ok();
            if let Err(error) = told {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "feed the fake Prometheus"
                );
            }
        }
    }

    /// Takes note of what happened to pods; `listed` are those of the list that is on its way.
    async fn see(&self, event: watcher::Event<Pod>, listed: &mut BTreeSet<PodKey>) {
        let mut state = self.state.lock().await;
        match event {
            watcher::Event::Init => listed.clear(),
            watcher::Event::InitApply(pod) if pod.metadata.deletion_timestamp.is_none() => {
                listed.insert(key_of(&pod));
                state.there(&pod);
            }
            watcher::Event::InitApply(_) => {}
            // Those that are missing went while the watch was broken.
            watcher::Event::InitDone => {
                for key in state.missing(listed) {
                    state.gone(&key);
                }
                state.is_listed = true;
            }
            watcher::Event::Apply(pod) if pod.metadata.deletion_timestamp.is_none() => {
                state.there(&pod);
            }
            watcher::Event::Delete(pod) | watcher::Event::Apply(pod) => state.gone(&key_of(&pod)),
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

    /// Whether the fake Prometheus answers.
    ///
    /// # Errors
    /// When it doesn't.
    pub async fn answers(&self) -> Result<(), ControlError> {
        self.control.clock().await.map(drop)
    }

    /// What was asked of the fake Prometheus.
    ///
    /// # Errors
    /// When it doesn't say.
    pub async fn journal(&self) -> Result<Journal, ControlError> {
        self.control.journal(0).await
    }

    /// Tells the fake Prometheus what it doesn't know yet.
    async fn tell(&self) -> Result<(), ControlError> {
        let mut state = self.state.lock().await;
        if !state.is_listed {
            return Ok(());
        }
        self.settle(&mut state).await?;
        if state.is_silent() {
            return Ok(());
        }
        let now = self.control.clock().await?.now;
        self.control.add(&state.untold(now)).await?;
        state.all_is_told();
        Ok(())
    }

    /// A pod that stands in for the one of the fake Prometheus knows nothing: it gets the script from its
    /// beginning, with all metrics as they were given last.
    async fn settle(&self, state: &mut State) -> Result<(), ControlError> {
        let before = locked(&self.place).clone();
        let Some(better) = state.places.better_than(&before) else {
            return Ok(());
        };
        for (_, start) in &mut state.metrics {
            *start = 0.0;
        }
        *locked(&self.place) = better;
        let loaded = self.load(state).await;
        match &loaded {
            Ok(()) => state.all_is_told(),
            Err(_) => *locked(&self.place) = before,
        }
        loaded
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

    /// A pod is there, or something of it has changed.
    fn there(&mut self, pod: &Pod) {
        self.places.see(pod);
        self.pods
            .entry(key_of(pod))
            .or_insert_with(|| pod.labels().clone());
    }

    /// A pod is going, and its series end.
    fn gone(&mut self, key: &PodKey) {
        self.places.forget(key);
        if let Some(labels) = self.pods.remove(key)
            && self.told.remove(key)
        {
            let names = self.names_of_pod(key, &labels);
            self.ending.extend(names);
        }
    }

    /// Whether there is nothing to tell.
    fn is_silent(&self) -> bool {
        self.ending.is_empty()
            && self
                .untold_pods()
                .all(|(key, labels)| self.names_of_pod(key, labels).is_empty())
    }

    /// The series that the fake Prometheus doesn't know of yet.
    fn untold(&self, now: f64) -> Vec<ScriptedSeries> {
        let mut series: Vec<_> = self
            .untold_pods()
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

    fn untold_pods(&self) -> impl Iterator<Item = (&PodKey, &BTreeMap<String, String>)> {
        let pods = self.pods.iter();
        pods.filter(|(key, _)| !self.told.contains(*key))
    }

    fn all_is_told(&mut self) {
        self.told = self.pods.keys().cloned().collect();
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

/// Nobody panics while holding it.
fn locked<T>(mutex: &StdMutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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

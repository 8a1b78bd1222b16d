//! Gives the fake Prometheus the series of a scenario's metrics, for the pods that there are.

mod instance;
mod series;
mod state;

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::future::BoxFuture;
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, ResourceExt as _};
use parking_lot::Mutex as SyncMutex;
use setpoint_cluster::{Cluster, Connection, Target};
use setpoint_replay::client::{Client, ControlError};
use setpoint_replay::{Clock, Fault, Journal, Script, ScriptedSeries};
use tokio::sync::Mutex;
use tokio::time::sleep;

use self::instance::Instance;
use self::series::{seconds, series_of_object, series_of_pod};
use self::state::State;
use crate::format::{Metric, Sample};

/// The port of the fake Prometheus' control (`adapter/deploy/fake-prometheus`).
const CONTROL_PORT: u16 = 9091;
/// The container of the fake Prometheus.
pub(crate) const CONTAINER: &str = "prometheus";

/// How many events of pods that are there at once are taken together.
const EVENTS: usize = 256;

/// How soon it is sent again what it didn't take.
const RETRY: Duration = Duration::from_millis(500);

type Connect = Box<dyn Fn() -> BoxFuture<'static, io::Result<Connection>> + Send + Sync>;

/// The fake Prometheus of a run, and the series that it plays.
pub(crate) struct Feed {
    control: Client<Connect>,
    /// The pod that plays now.
    instance: Arc<SyncMutex<Instance>>,
    speed: f64,
    series: Vec<Sample>,
    state: Mutex<State>,
}

/// A pod's namespace and name.
type PodKey = (String, String);

fn key_of(pod: &Pod) -> PodKey {
    (pod.namespace().unwrap_or_default(), pod.name_any())
}

impl Feed {
    /// Gives the fake Prometheus in a pod its script: scenario time 0 is now.
    ///
    /// # Errors
    /// When it doesn't take the script.
    pub(crate) async fn start(
        cluster: Arc<dyn Cluster>,
        pod: &Pod,
        speed: f64,
        metrics: &[Metric],
        series: &[Sample],
    ) -> Result<Arc<Self>, ControlError> {
        let instance = Arc::new(SyncMutex::new(Instance::of(pod)));
        let now = instance.clone();
        let connect: Connect = Box::new(move || {
            let (cluster, now) = (cluster.clone(), now.lock().clone());
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
            instance,
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
        let clock = Clock {
            speed: self.speed,
            start: None,
        };
        let script = Script {
            clock,
            series,
            ..Script::default()
        };
        self.control.load(&script).await?;
        if state.faults.is_empty() {
            return Ok(());
        }
        self.control.replace_faults(&state.faults).await
    }

    /// Follows the pods that are watched until the future is dropped. What the fake Prometheus didn't take is sent again soon.
    pub(crate) async fn follow_pods(&self, client: kube::Client, watched: watcher::Config) {
        let mut events = std::pin::pin!(
            watcher(Api::<Pod>::all(client), watched)
                .default_backoff()
                .ready_chunks(EVENTS)
        );
        let mut listed = BTreeSet::new();
        let mut all_sent = true;
        loop {
            tokio::select! {
                events = events.next() => {
                    let Some(events) = events else { return };
                    for event in events {
                        match event {
                            Ok(event) => self.apply(event, &mut listed).await,
                            Err(error) => tracing::warn!(%error, "watch pods to feed the fake Prometheus"),
                        }
                    }
                },
                () = sleep(RETRY), if !all_sent => {}
            }
            let sent = self.send_new_series().await;
            all_sent = sent.is_ok();
            if let Err(error) = sent {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "feed the fake Prometheus"
                );
            }
        }
    }

    /// Applies an event of the watch on pods; `listed` are those of the list that is on its way.
    async fn apply(&self, event: watcher::Event<Pod>, listed: &mut BTreeSet<PodKey>) {
        let mut state = self.state.lock().await;
        match event {
            watcher::Event::Init => listed.clear(),
            watcher::Event::InitApply(pod) if pod.metadata.deletion_timestamp.is_none() => {
                listed.insert(key_of(&pod));
                state.add_pod(&pod);
            }
            watcher::Event::InitApply(_) => {}
            // Those that are missing went while the watch was broken.
            watcher::Event::InitDone => {
                for key in state.missing(listed) {
                    state.remove_pod(&key);
                }
                state.is_listed = true;
            }
            watcher::Event::Apply(pod) if pod.metadata.deletion_timestamp.is_none() => {
                state.add_pod(&pod);
            }
            watcher::Event::Delete(pod) | watcher::Event::Apply(pod) => {
                state.remove_pod(&key_of(&pod));
            }
        }
    }

    /// Gives metrics new values from now on; metrics of other names go on as they do, and series of these that get no new
    /// values end.
    ///
    /// # Errors
    /// When the fake Prometheus doesn't take them.
    pub(crate) async fn replace(&self, metrics: &[Metric]) -> Result<(), ControlError> {
        let mut state = self.state.lock().await;
        let now = self.control.clock().await?.now;
        let series = state.replace(metrics, now);
        self.control.add(&series).await
    }

    /// Replaces the faults on the wire.
    ///
    /// # Errors
    /// When the fake Prometheus doesn't take them.
    pub(crate) async fn replace_faults(&self, faults: &[Fault]) -> Result<(), ControlError> {
        faults.clone_into(&mut self.state.lock().await.faults);
        self.control.replace_faults(faults).await
    }

    /// Whether the fake Prometheus answers.
    ///
    /// # Errors
    /// When it doesn't.
    pub(crate) async fn answers(&self) -> Result<(), ControlError> {
        self.control.clock().await.map(drop)
    }

    /// What was asked of the fake Prometheus.
    ///
    /// # Errors
    /// When it doesn't say.
    pub(crate) async fn journal(&self) -> Result<Journal, ControlError> {
        self.control.journal(0).await
    }

    /// Sends the series that the fake Prometheus doesn't have yet.
    async fn send_new_series(&self) -> Result<(), ControlError> {
        let mut state = self.state.lock().await;
        if !state.is_listed {
            return Ok(());
        }
        self.follow_replacement(&mut state).await?;
        if state.has_nothing_to_send() {
            return Ok(());
        }
        let now = self.control.clock().await?.now;
        self.control.add(&state.unsent(now)).await?;
        state.mark_all_sent();
        Ok(())
    }

    /// A pod that replaces the one of the fake Prometheus has no series: it gets the script from its
    /// beginning, with all metrics as they were given last.
    async fn follow_replacement(&self, state: &mut State) -> Result<(), ControlError> {
        let before = self.instance.lock().clone();
        let Some(replacement) = state.instances.replacement_of(&before) else {
            return Ok(());
        };
        for (_, start) in &mut state.metrics {
            *start = 0.0;
        }
        *self.instance.lock() = replacement;
        let loaded = self.load(state).await;
        match &loaded {
            Ok(()) => state.mark_all_sent(),
            Err(_) => *self.instance.lock() = before,
        }
        loaded
    }
}

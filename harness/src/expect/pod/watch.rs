//! Watches pods and their events, and reads a log where only that is missing.

use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt as _};
use k8s_openapi::api::core::v1 as core;
use kube::api::LogParams;
use kube::runtime::reflector::{self, Store};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client, ResourceExt as _};
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::Pod;
use super::judge::{PodEvent, Snapshot, judge_all_but_log};

/// The pause before a log is read again that doesn't hold yet what it should: logs can't be watched.
const PAUSE: Duration = Duration::from_millis(250);
/// How much of a log is read.
const LOG_BYTES: i64 = 1 << 20;

/// All pods that may be meant, anew whenever something changes.
pub(super) fn snapshots<'a>(
    client: &Client,
    expected: &'a Pod,
) -> impl Stream<Item = watcher::Result<Vec<Snapshot>>> + 'a {
    stream::unfold(PodWatcher::new(client, expected), |mut watcher| async {
        Some((watcher.next().await, watcher))
    })
}

type Watched<K> = BoxStream<'static, watcher::Result<watcher::Event<K>>>;

struct PodWatcher<'a> {
    expected: &'a Pod,
    api: Api<core::Pod>,
    pods: Watched<core::Pod>,
    known: Store<core::Pod>,
    events: Watched<core::Event>,
    /// The uid of a pod, and an event on it.
    seen: Vec<(String, PodEvent)>,
    pauses: Interval,
}

impl<'a> PodWatcher<'a> {
    fn new(client: &Client, expected: &'a Pod) -> Self {
        let labels: Vec<String> = expected
            .labels
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        let api: Api<core::Pod> = Api::namespaced(client.clone(), &expected.namespace);
        let (known, writer) = reflector::store();
        let pods = watcher(
            api.clone(),
            watcher::Config::default().labels(&labels.join(",")),
        );
        let events: Api<core::Event> = Api::namespaced(client.clone(), &expected.namespace);
        let of_pods = watcher::Config::default().fields("involvedObject.kind=Pod");
        let mut pauses = interval(PAUSE);
        pauses.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            expected,
            api,
            pods: pods.default_backoff().reflect(writer).boxed(),
            known,
            events: watcher(events, of_pods).default_backoff().boxed(),
            seen: Vec::new(),
            pauses,
        }
    }

    /// The next state: after a change, or because only the log is missing.
    async fn next(&mut self) -> watcher::Result<Vec<Snapshot>> {
        loop {
            let fits = |pod: &Snapshot| judge_all_but_log(pod, self.expected).is_ok();
            let only_log = self.reads_log() && self.snapshots().iter().any(fits);
            tokio::select! {
                Some(event) = self.pods.next() => {
                    event?;
                }
                Some(event) = self.events.next() => match event? {
                    watcher::Event::Apply(event) | watcher::Event::InitApply(event) => self.keep(event),
                    _ => continue,
                },
                _ = self.pauses.tick(), if only_log => {}
            }
            let mut snapshots = self.snapshots();
            if self.reads_log() {
                for snapshot in &mut snapshots {
                    if judge_all_but_log(snapshot, self.expected).is_ok() {
                        let log = log_of(&self.api, &snapshot.pod, self.expected).await;
                        snapshot.log = Some(log);
                    }
                }
            }
            return Ok(snapshots);
        }
    }

    fn keep(&mut self, event: core::Event) {
        let uid = event.involved_object.uid.unwrap_or_default();
        let event = PodEvent {
            reason: event.reason.unwrap_or_default(),
            message: event.message.unwrap_or_default(),
        };
        let seen = (uid, event);
        if !self.seen.contains(&seen) {
            self.seen.push(seen);
        }
    }

    fn snapshots(&self) -> Vec<Snapshot> {
        let alive = |pod: &Arc<core::Pod>| pod.metadata.deletion_timestamp.is_none();
        let pods = self.known.state().into_iter().filter(alive);
        pods.map(|pod| {
            let uid = pod.uid().unwrap_or_default();
            let events = self.seen.iter().filter(|(of, _)| *of == uid);
            Snapshot {
                events: events.map(|(_, event)| event.clone()).collect(),
                log: None,
                pod,
            }
        })
        .collect()
    }

    fn reads_log(&self) -> bool {
        let container = self.expected.container.as_ref();
        container.is_some_and(|container| container.log.is_some())
    }
}

/// The log of the container's run before and of this one; where there is none, why.
async fn log_of(api: &Api<core::Pod>, pod: &core::Pod, expected: &Pod) -> String {
    let container = expected.container.as_ref();
    let parameters = |previous: bool| LogParams {
        container: container.map(|container| container.name.clone()),
        limit_bytes: Some(LOG_BYTES),
        previous,
        ..LogParams::default()
    };
    let name = pod.name_any();
    // There is no run before, most of the time.
    let before = api.logs(&name, &parameters(true)).await;
    let now = match api.logs(&name, &parameters(false)).await {
        Ok(log) => log,
        Err(error) => format!("no log: {}", setpoint_support::error_chain(&error)),
    };
    format!("{}\n{now}", before.unwrap_or_default())
}

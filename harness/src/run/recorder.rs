//! Notes what changes while a scenario runs, in one clock: the raw material of its timeline.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures::StreamExt as _;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::Event;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Resource, ResourceExt as _};
use parking_lot::Mutex;
use serde::de::DeserializeOwned;
use setpoint_cluster::Cluster;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::hpas::change_of;
use crate::install::{Names, in_own_namespaces};
use crate::notes::{Entry, Notes, Source};
use crate::prometheus::Prometheus;
use crate::report::{HpaChange, ReplicaChange, shortened};

/// How often a real Prometheus is asked for its targets.
const LOOKS: Duration = Duration::from_millis(500);

/// Watches a scenario's cluster until it is dropped.
pub(super) struct Recorder {
    notes: Notes,
    replicas: Arc<Mutex<Vec<ReplicaChange>>>,
    hpas: Arc<Mutex<Vec<HpaChange>>>,
    _watching: JoinSet<()>,
}

/// Notes how the targets of a real Prometheus are, whenever that changes, until the future is dropped.
pub(super) async fn follow_targets(notes: &Notes, prometheus: &Prometheus) {
    let mut last = BTreeSet::new();
    let mut looks = interval(LOOKS);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        // Whoever expects something of it is told why it doesn't answer.
        let Ok(targets) = prometheus.targets().await else {
            continue;
        };
        let lines: BTreeSet<String> = targets.describe().into_iter().collect();
        for line in lines.difference(&last) {
            notes.note(Source::Target, line.clone());
        }
        last = lines;
    }
}

impl Recorder {
    /// Of an adapter that is there already, only its APIServices are anybody's business.
    pub(super) fn start(
        started: SystemTime,
        cluster: &dyn Cluster,
        names: &Names,
        is_ours: bool,
    ) -> Self {
        let notes = Notes::since(started);
        let (replicas, hpas) = (Arc::default(), Arc::default());
        let began = began(started);
        let mut watching = JoinSet::new();
        let all = || cluster.client();
        let watched = || cluster.watched();
        let service = names.service;
        watching.spawn(follow(
            notes.clone(),
            Source::ApiService,
            (Api::<APIService>::all(all()), watcher::Config::default()),
            move |object| describe_apiservice(object, is_ours.then_some(service)),
        ));
        if is_ours {
            watching.spawn(follow(
                notes.clone(),
                Source::Endpoints,
                (
                    Api::<EndpointSlice>::namespaced(all(), &names.namespace),
                    watcher::Config::default(),
                ),
                move |object| describe_endpoints(object, service),
            ));
        }
        watching.spawn(follow(
            notes.clone(),
            Source::Hpa,
            (Api::<HorizontalPodAutoscaler>::all(all()), watched()),
            describe_hpa,
        ));
        for events in in_own_namespaces::<Event>(cluster) {
            watching.spawn(follow(
                notes.clone(),
                Source::Event,
                (events, watcher::Config::default()),
                // A shared cluster still has those of the scenario before.
                move |event| (time_of(event)? >= began).then(|| describe_event(event))?,
            ));
        }
        watching.spawn(follow_replicas(
            notes.clone(),
            Arc::clone(&replicas),
            (Api::all(all()), watched()),
        ));
        watching.spawn(follow_hpas(
            notes.clone(),
            Arc::clone(&hpas),
            (Api::all(all()), watched()),
        ));
        Self {
            notes,
            replicas,
            hpas,
            _watching: watching,
        }
    }

    pub(super) fn notes(&self) -> &Notes {
        &self.notes
    }

    /// What was noted so far.
    pub(super) fn entries(&self) -> Vec<Entry> {
        self.notes.entries()
    }

    /// Every change of a Deployment's replicas so far, wanted or ready.
    pub(super) fn replicas(&self) -> Vec<ReplicaChange> {
        self.replicas.lock().clone()
    }

    /// Every change of an HPA so far.
    pub(super) fn hpas(&self) -> Vec<HpaChange> {
        self.hpas.lock().clone()
    }
}

/// Tells of each object that is there, and whenever it changes.
async fn follow_all<K>((api, watched): (Api<K>, watcher::Config), mut tell: impl FnMut(K))
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let objects = watcher(api, watched);
    let mut objects = std::pin::pin!(objects.default_backoff().applied_objects());
    while let Some(object) = objects.next().await {
        // A watch that breaks begins again by itself.
        if let Ok(object) = object {
            tell(object);
        }
    }
}

/// Notes each object's description whenever it becomes another.
async fn follow<K>(
    notes: Notes,
    source: Source,
    watched: (Api<K>, watcher::Config),
    describe: impl Fn(&K) -> Option<String>,
) where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let mut last: BTreeMap<String, String> = BTreeMap::new();
    let tell = |object: K| {
        let Some(text) = describe(&object) else {
            return;
        };
        let key = object.meta().uid.clone().unwrap_or_default();
        if last.insert(key, text.clone()).as_ref() != Some(&text) {
            notes.note(source, text);
        }
    };
    follow_all(watched, tell).await;
}

async fn follow_replicas(
    notes: Notes,
    all: Arc<Mutex<Vec<ReplicaChange>>>,
    watched: (Api<Deployment>, watcher::Config),
) {
    let mut last: BTreeMap<String, (i32, i32)> = BTreeMap::new();
    let tell = |object: Deployment| {
        let namespace = object.namespace().unwrap_or_default();
        let deployment = format!("{namespace}/{}", object.name_any());
        let replicas = object.spec.replicas.unwrap_or(1);
        let ready = object
            .status
            .as_ref()
            .and_then(|status| status.ready_replicas);
        let ready = ready.unwrap_or_default();
        let before = last.insert(deployment.clone(), (replicas, ready));
        if before == Some((replicas, ready)) {
            return;
        }
        match before {
            Some((before, _)) if before == replicas => {}
            Some((before, _)) => {
                let text = format!("{deployment} {before} -> {replicas}");
                notes.note(Source::Replicas, text);
            }
            None => notes.note(Source::Replicas, format!("{deployment} {replicas}")),
        }
        all.lock().push(ReplicaChange {
            seconds: notes.since_start(SystemTime::now()),
            deployment,
            replicas,
            ready,
        });
    };
    follow_all(watched, tell).await;
}

async fn follow_hpas(
    notes: Notes,
    all: Arc<Mutex<Vec<HpaChange>>>,
    watched: (Api<HorizontalPodAutoscaler>, watcher::Config),
) {
    let tell = |object: HorizontalPodAutoscaler| {
        let change = change_of(&object, notes.since_start(SystemTime::now()));
        let mut all = all.lock();
        let before = all.iter().rev().find(|before| before.hpa == change.hpa);
        let seconds = change.seconds;
        let is_same = |before: &HpaChange| {
            HpaChange {
                seconds,
                ..before.clone()
            } == change
        };
        if !before.is_some_and(is_same) {
            all.push(change);
        }
    };
    follow_all(watched, tell).await;
}

/// An APIService that leads to this Service, or to any where none is named.
fn describe_apiservice(object: &APIService, service: Option<&str>) -> Option<String> {
    let spec = object.spec.as_ref()?;
    let leads_to = spec.service.as_ref()?.name.as_deref();
    if service.is_some() && leads_to != service {
        return None;
    }
    let conditions = object.status.as_ref()?.conditions.as_ref()?;
    let found = conditions.iter().find(|found| found.type_ == "Available")?;
    Some(format!(
        "{} Available={} {}: {}",
        object.name_any(),
        found.status,
        found.reason.as_deref().unwrap_or_default(),
        shortened(found.message.as_deref().unwrap_or_default())
    ))
}

fn describe_endpoints(object: &EndpointSlice, service: &str) -> Option<String> {
    let of = object.labels().get("kubernetes.io/service-name")?;
    if of != service {
        return None;
    }
    let is_ready = |ready: Option<bool>| ready.unwrap_or(true);
    let ready: Vec<&str> = object
        .endpoints
        .iter()
        .flatten()
        .filter(|endpoint| is_ready(endpoint.conditions.as_ref().and_then(|found| found.ready)))
        .flat_map(|endpoint| endpoint.addresses.iter().map(String::as_str))
        .collect();
    Some(format!("{of}: ready [{}]", ready.join(", ")))
}

fn describe_hpa(object: &HorizontalPodAutoscaler) -> Option<String> {
    let status = object.status.as_ref()?;
    let conditions = status.conditions.as_deref().unwrap_or_default();
    let told = conditions
        .iter()
        .map(|found| {
            let message = if found.type_ == "ScalingActive" && found.status == "False" {
                format!(
                    " ({})",
                    shortened(found.message.as_deref().unwrap_or_default())
                )
            } else {
                String::new()
            };
            format!(
                "{}={} {}{message}",
                found.type_,
                found.status,
                found.reason.as_deref().unwrap_or_default()
            )
        })
        .collect::<Vec<_>>()
        .join(", ");
    let metrics = status.current_metrics.as_deref().unwrap_or_default();
    let current = metrics.iter().find_map(|metric| {
        let current = metric
            .pods
            .as_ref()
            .map(|pods| &pods.current)
            .or(metric.object.as_ref().map(|object| &object.current))?;
        current.average_value.as_ref().or(current.value.as_ref())
    });
    let current = current.map_or("nothing", |quantity| quantity.0.as_str());
    // One that was never judged has no conditions.
    let told = if told.is_empty() {
        "no conditions yet"
    } else {
        &told
    };
    Some(format!(
        "{} measures {current}, wants {}: {told}",
        object.name_any(),
        status.desired_replicas
    ))
}

/// When an event was last seen, in seconds; events have no finer time.
fn time_of(event: &Event) -> Option<i64> {
    let last = event.last_timestamp.as_ref().map(|time| time.0);
    let first = event.event_time.as_ref().map(|time| time.0);
    let created = event.metadata.creation_timestamp.as_ref();
    let time = last.or(first).or(created.map(|time| time.0))?;
    Some(time.as_second())
}

/// The second in which a scenario began.
fn began(started: SystemTime) -> i64 {
    jiff::Timestamp::try_from(started).map_or(0, jiff::Timestamp::as_second)
}

fn describe_event(object: &Event) -> Option<String> {
    // What is normal in a young cluster explains nothing.
    let warning = object.type_.as_deref() == Some("Warning");
    let about_scaling = object.involved_object.kind.as_deref() == Some("HorizontalPodAutoscaler");
    (warning || about_scaling).then(|| {
        format!(
            "{} {}/{} {}: {}",
            object.type_.as_deref().unwrap_or_default(),
            object.involved_object.kind.as_deref().unwrap_or_default(),
            object.involved_object.name.as_deref().unwrap_or_default(),
            object.reason.as_deref().unwrap_or_default(),
            shortened(object.message.as_deref().unwrap_or_default())
        )
    })
}

//! What explains a failure, collected before anything is removed.

use std::time::{Duration, UNIX_EPOCH};

use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{Event, Pod};
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use kube::api::{ListParams, LogParams};
use kube::{Api, Client, ResourceExt as _};
use serde::Serialize;
use setpoint_cluster::Cluster;

use super::recorder::Recorder;
use crate::feed::Feed;
use crate::install::Names;
use crate::prometheus::Prometheus;
use crate::report::Evidence;
use crate::report::timeline::{Entry, Source, merged, of_journal, of_log};

/// How long one piece of evidence may take: the cluster may be what is broken.
const LIMIT: Duration = Duration::from_secs(5);
/// How many lines of a log, and entries of the journal, are kept as text.
const KEPT: usize = 60;
/// How many of a log's last lines are looked at for the timeline, which tells repetitions once.
const LOG_LINES: i64 = 2_000;
/// The adapter's container.
const ADAPTER: &str = "adapter";
/// Prometheus', real or fake.
const PROMETHEUS: &str = "prometheus";

/// Where evidence comes from.
pub(super) struct Seen<'a> {
    pub(super) cluster: &'a dyn Cluster,
    /// The fake Prometheus, where there is one.
    pub(super) feed: Option<&'a Feed>,
    /// The real Prometheus, where there is one.
    pub(super) prometheus: Option<&'a Prometheus>,
    pub(super) names: Names,
}

pub(super) async fn collect(seen: &Seen<'_>) -> Vec<Evidence> {
    let client = seen.cluster.client();
    // Side by side: a cluster that hangs keeps each of them waiting.
    let (api_services, hpas, pods, events, adapter, journal, prometheus, components) = tokio::join!(
        bounded(api_services(&client)),
        bounded(hpas(&client)),
        bounded(pods(&client)),
        bounded(events(&client)),
        adapter_logs(&client, seen.names.namespace),
        journal_of(seen.feed),
        of_prometheus(seen.prometheus, &client, seen.names.namespace),
        bounded(async { Some(seen.cluster.component_logs().await) }),
    );
    let components = components.unwrap_or_default();
    let components = components
        .into_iter()
        .map(|(name, text)| piece(&name, Some(last_lines(&text))));
    let mut evidence = vec![
        piece("APIServices", api_services),
        piece("HorizontalPodAutoscalers", hpas),
        piece("pods", pods),
        piece("events", events),
    ];
    evidence.extend(adapter);
    evidence.extend(journal);
    evidence.extend(prometheus);
    evidence.extend(components);
    evidence
}

fn piece(name: &str, text: Option<String>) -> Evidence {
    Evidence {
        name: name.to_owned(),
        text: text.unwrap_or_else(|| "could not be collected".to_owned()),
    }
}

/// The adapter's logs, or that there are none.
async fn adapter_logs(client: &Client, namespace: &str) -> Vec<Evidence> {
    let logs = bounded(logs(client, namespace, ADAPTER)).await;
    match logs {
        Some(logs) if !logs.is_empty() => logs
            .iter()
            .map(|log| piece(&log.name(), Some(last_lines(&without_times(&log.text)))))
            .collect(),
        _ => vec![piece("adapter log", None)],
    }
}

/// What the fake Prometheus was asked, where there is one.
async fn journal_of(feed: Option<&Feed>) -> Option<Evidence> {
    let journal = bounded(journal(feed?)).await;
    Some(piece("Prometheus journal", journal))
}

/// What a real Prometheus says of its targets, and its logs, where there is one.
async fn of_prometheus(
    prometheus: Option<&Prometheus>,
    client: &Client,
    namespace: &str,
) -> Vec<Evidence> {
    let Some(prometheus) = prometheus else {
        return Vec::new();
    };
    let targets = async { Some(prometheus.targets().await.ok()?.describe().join("\n")) };
    let (targets, logs) = tokio::join!(
        bounded(targets),
        bounded(logs(client, namespace, PROMETHEUS))
    );
    let logs = logs.unwrap_or_default();
    let logs = logs.iter().map(|log| {
        piece(
            "Prometheus log",
            Some(last_lines(&without_times(&log.text))),
        )
    });
    std::iter::once(piece("Prometheus targets", targets))
        .chain(logs)
        .collect()
}

/// What happened, from the start to now, in the scenario's clock.
pub(super) async fn timeline(seen: &Seen<'_>, recorder: &Recorder) -> Vec<Entry> {
    let notes = recorder.notes();
    let client = seen.cluster.client();
    let namespace = seen.names.namespace;
    let (adapters, prometheus, journal) = tokio::join!(
        bounded(logs(&client, namespace, ADAPTER)),
        async {
            seen.prometheus?;
            bounded(logs(&client, namespace, PROMETHEUS)).await
        },
        async { bounded(async { seen.feed?.journal().await.ok() }).await },
    );
    let since_start = |time| notes.since_start(time);
    let mut entries = recorder.entries();
    let adapters = adapters.unwrap_or_default();
    let several = adapters.iter().any(|log| log.pod != adapters[0].pod);
    for log in &adapters {
        let pod = several.then_some(log.pod.as_str());
        entries.extend(of_log(Source::Adapter, &log.text, pod, since_start));
    }
    for log in prometheus.unwrap_or_default() {
        let warnings = warnings(&log.text);
        entries.extend(of_log(Source::Prometheus, &warnings, None, since_start));
    }
    if let Some(journal) = journal {
        let since_start = |wall: f64| {
            notes.since_start(UNIX_EPOCH + Duration::try_from_secs_f64(wall).unwrap_or_default())
        };
        entries.extend(of_journal(&journal.entries, since_start));
    }
    merged(entries)
}

/// What Prometheus calls worth a look.
fn warnings(log: &str) -> String {
    let is_one = |line: &&str| {
        let line = line.to_lowercase();
        line.contains("level=warn") || line.contains("level=error")
    };
    log.lines().filter(is_one).collect::<Vec<_>>().join("\n")
}

async fn bounded<T>(piece: impl Future<Output = Option<T>>) -> Option<T> {
    tokio::time::timeout(LIMIT, piece).await.ok().flatten()
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(KEPT)..].join("\n")
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

async fn api_services(client: &Client) -> Option<String> {
    let list = Api::<APIService>::all(client.clone())
        .list(&ListParams::default())
        .await
        .ok()?;
    let shown = |service: &APIService| {
        let spec = service.spec.as_ref()?.service.as_ref()?;
        let conditions = service
            .status
            .as_ref()
            .map(|status| json(&status.conditions))
            .unwrap_or_default();
        Some(format!(
            "{} ({}) {conditions}",
            service.name_any(),
            spec.name.as_deref().unwrap_or_default()
        ))
    };
    Some(list.iter().filter_map(shown).collect::<Vec<_>>().join("\n"))
}

async fn hpas(client: &Client) -> Option<String> {
    let list = Api::<HorizontalPodAutoscaler>::all(client.clone())
        .list(&ListParams::default())
        .await
        .ok()?;
    Some(
        list.iter()
            .map(|hpa| format!("{} {}", hpa.name_any(), json(&hpa.status)))
            .collect::<Vec<_>>()
            .join("\n"),
    )
}

async fn pods(client: &Client) -> Option<String> {
    let list = Api::<Pod>::all(client.clone())
        .list(&ListParams::default())
        .await
        .ok()?;
    let shown = |pod: &Pod| {
        let status = pod.status.clone().unwrap_or_default();
        let containers = json(&status.container_statuses);
        format!(
            "{}/{} {} {containers}",
            pod.namespace().unwrap_or_default(),
            pod.name_any(),
            status.phase.unwrap_or_default()
        )
    };
    Some(list.iter().map(shown).collect::<Vec<_>>().join("\n"))
}

async fn events(client: &Client) -> Option<String> {
    let mut list = Api::<Event>::all(client.clone())
        .list(&ListParams::default())
        .await
        .ok()?
        .items;
    list.sort_by_key(|event| {
        event.last_timestamp.clone().map(|time| time.0).or(event
            .metadata
            .creation_timestamp
            .clone()
            .map(|time| time.0))
    });
    let shown = |event: &Event| {
        let object = event.involved_object.name.as_deref().unwrap_or_default();
        let (reason, message) = (
            event.reason.as_deref().unwrap_or_default(),
            event.message.as_deref().unwrap_or_default(),
        );
        format!("{object} {reason}: {message}")
    };
    Some(last_lines(
        &list.iter().map(shown).collect::<Vec<_>>().join("\n"),
    ))
}

/// What a container wrote in one of its runs, each line with its time.
struct Log {
    pod: String,
    previous: bool,
    text: String,
}

impl Log {
    fn name(&self) -> String {
        let run = if self.previous {
            ", the run before"
        } else {
            ""
        };
        format!("adapter log of {}{run}", self.pod)
    }
}

/// The logs of a container in all pods that have it: of its latest run, and of the one before if there was one, which
/// tells why it ended.
async fn logs(client: &Client, namespace: &str, container: &str) -> Option<Vec<Log>> {
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let list = pods.list(&ListParams::default()).await.ok()?;
    let mut logs = Vec::new();
    for pod in &list.items {
        let containers = pod.spec.as_ref().map(|spec| spec.containers.as_slice());
        let mut containers = containers.unwrap_or_default().iter();
        if !containers.any(|found| found.name == container) {
            continue;
        }
        for previous in [true, false] {
            let parameters = LogParams {
                container: Some(container.to_owned()),
                tail_lines: Some(LOG_LINES),
                timestamps: true,
                previous,
                ..LogParams::default()
            };
            // One that has run only once, or not yet, has none.
            if let Ok(text) = pods.logs(&pod.name_any(), &parameters).await {
                logs.push(Log {
                    pod: pod.name_any(),
                    previous,
                    text,
                });
            }
        }
    }
    Some(logs)
}

/// A log without the times that the API puts before each line.
fn without_times(log: &str) -> String {
    let lines = log
        .lines()
        .map(|line| line.split_once(' ').map_or(line, |(_, rest)| rest));
    lines.collect::<Vec<_>>().join("\n")
}

async fn journal(feed: &Feed) -> Option<String> {
    let journal = feed.journal().await.ok()?;
    let shown = |entry: &setpoint_replay::JournalEntry| {
        let parameters: Vec<String> = entry
            .parameters
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        format!(
            "{:.1}s {} {} {} -> {}{} ({} series)",
            entry.at,
            entry.method,
            entry.path,
            parameters.join(" "),
            entry.status,
            if entry.fault { " (fault)" } else { "" },
            entry
                .series
                .map_or_else(|| "-".to_owned(), |count| count.to_string()),
        )
    };
    Some(last_lines(
        &journal
            .entries
            .iter()
            .map(shown)
            .collect::<Vec<_>>()
            .join("\n"),
    ))
}

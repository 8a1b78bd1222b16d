//! What explains a failure, collected before anything is removed.

mod logs;
mod objects;

use std::time::{Duration, UNIX_EPOCH};

use kube::Client;
use setpoint_cluster::Cluster;

use self::logs::{last_lines, logs, warnings, without_times};
use self::objects::{api_services, events, hpas, pods};
use super::recorder::Recorder;
use crate::feed::Feed;
use crate::install::Names;
use crate::prometheus::Prometheus;
use crate::report::Evidence;
use crate::report::timeline::{Entry, Source, merged, of_journal, of_log};

/// How long one piece of evidence may take: the cluster may be what is broken.
const LIMIT: Duration = Duration::from_secs(5);
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

async fn bounded<T>(piece: impl Future<Output = Option<T>>) -> Option<T> {
    tokio::time::timeout(LIMIT, piece).await.ok().flatten()
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

//! What explains a failure, collected before anything is removed.

mod logs;
mod objects;

use std::time::{Duration, UNIX_EPOCH};

use setpoint_cluster::Cluster;
use tokio::time::timeout;

use self::logs::{Log, last_lines, logs, warnings, without_times};
use self::objects::{api_services, events, hpas, pods};
use super::recorder::Recorder;
use crate::feed::Feed;
use crate::install::Names;
use crate::prometheus::Prometheus;
use crate::report::Evidence;
use crate::report::timeline::{Entry, Source, merged, of_journal, of_log};
use crate::wait::ADAPTER;

/// Prometheus', real or fake.
const PROMETHEUS: &str = "prometheus";

/// Where evidence comes from.
pub(super) struct Seen<'a> {
    pub(super) cluster: &'a dyn Cluster,
    /// The fake Prometheus, where there is one.
    pub(super) feed: Option<&'a Feed>,
    /// The real Prometheus, where there is one.
    pub(super) prometheus: Option<&'a Prometheus>,
    pub(super) names: &'a Names,
    /// How long one piece of evidence may take.
    pub(super) within: Duration,
}

impl Seen<'_> {
    /// One piece of evidence, if it can be had in time.
    async fn bounded<T>(&self, piece: impl Future<Output = Option<T>>) -> Option<T> {
        timeout(self.within, piece).await.ok().flatten()
    }

    /// The logs of a container of the installation.
    async fn logs(&self, container: &str) -> Option<Vec<Log>> {
        let client = self.cluster.client();
        let logs = logs(&client, &self.names.namespace, container);
        self.bounded(logs).await
    }
}

pub(super) async fn collect(seen: &Seen<'_>) -> Vec<Evidence> {
    let client = seen.cluster.client();
    // Side by side: a cluster that hangs keeps each of them waiting.
    let (api_services, hpas, pods, events, adapter, journal, prometheus, components) = tokio::join!(
        seen.bounded(api_services(&client)),
        seen.bounded(hpas(seen.cluster)),
        seen.bounded(pods(seen.cluster)),
        seen.bounded(events(seen.cluster)),
        adapter_logs(seen),
        journal_of(seen),
        of_prometheus(seen),
        seen.bounded(async { Some(seen.cluster.component_logs().await) }),
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
async fn adapter_logs(seen: &Seen<'_>) -> Vec<Evidence> {
    match seen.logs(ADAPTER).await {
        Some(logs) if !logs.is_empty() => logs
            .iter()
            .map(|log| piece(&log.name(), Some(last_lines(&without_times(&log.text)))))
            .collect(),
        _ => vec![piece("adapter log", None)],
    }
}

/// What the fake Prometheus was asked, where there is one.
async fn journal_of(seen: &Seen<'_>) -> Option<Evidence> {
    let journal = seen.bounded(journal(seen.feed?)).await;
    Some(piece("Prometheus journal", journal))
}

/// What a real Prometheus says of its targets, and its logs, where there is one.
async fn of_prometheus(seen: &Seen<'_>) -> Vec<Evidence> {
    let Some(prometheus) = seen.prometheus else {
        return Vec::new();
    };
    let targets = async { Some(prometheus.targets().await.ok()?.describe().join("\n")) };
    let (targets, logs) = tokio::join!(seen.bounded(targets), seen.logs(PROMETHEUS));
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
    let (adapters, prometheus, journal) = tokio::join!(
        seen.logs(ADAPTER),
        async {
            seen.prometheus?;
            seen.logs(PROMETHEUS).await
        },
        seen.bounded(async { seen.feed?.journal().await.ok() }),
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
        let since_start = |at: f64| {
            notes.since_start(UNIX_EPOCH + Duration::try_from_secs_f64(at).unwrap_or_default())
        };
        entries.extend(of_journal(&journal.entries, since_start));
    }
    merged(entries)
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

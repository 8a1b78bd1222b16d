//! Logs that explain a verdict.

use k8s_openapi::api::core::v1::Pod;
use kube::api::{ListParams, LogParams};
use kube::{Api, Client, ResourceExt as _};

/// How many of a log's last lines are evidence.
const EVIDENCE_LINES: usize = 60;
/// How many of a log's last lines are looked at for the timeline, which has repetitions once.
const TIMELINE_LINES: i64 = 2_000;

/// What a container wrote in one of its runs, each line with its time.
pub(super) struct Log {
    pub(super) pod: String,
    previous: bool,
    pub(super) text: String,
}

impl Log {
    /// What a piece of evidence is called.
    pub(super) fn name(&self) -> String {
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
pub(super) async fn logs(client: &Client, namespace: &str, container: &str) -> Option<Vec<Log>> {
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
                tail_lines: Some(TIMELINE_LINES),
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
pub(super) fn without_times(log: &str) -> String {
    let lines = log
        .lines()
        .map(|line| line.split_once(' ').map_or(line, |(_, rest)| rest));
    lines.collect::<Vec<_>>().join("\n")
}

/// The lines that Prometheus logs as warnings and errors.
pub(super) fn warnings(log: &str) -> String {
    let is_one = |line: &&str| {
        let line = line.to_lowercase();
        line.contains("level=warn") || line.contains("level=error")
    };
    log.lines().filter(is_one).collect::<Vec<_>>().join("\n")
}

pub(super) fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(EVIDENCE_LINES)..].join("\n")
}

//! Whether one of the pods is as expected.

use std::fmt;
use std::sync::Arc;

use k8s_openapi::api::core::v1 as core;

use super::{Pod, readiness};
use crate::outcome::{Finding, Kind};
use crate::wait::describe_pod;

/// A pod and all that is known of it.
#[derive(Debug, Clone)]
pub(super) struct Snapshot {
    pub(super) pod: Arc<core::Pod>,
    pub(super) events: Vec<PodEvent>,
    /// The container's log, once it is all that is still to be judged.
    pub(super) log: Option<String>,
}

/// What an event says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PodEvent {
    pub(super) reason: String,
    pub(super) message: String,
}

impl fmt::Display for PodEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason, self.message)
    }
}

/// No pod is as expected.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum UnexpectedPods {
    #[error("there is no such pod")]
    Absent,
    #[error("{}", .0.join("; "))]
    Other(Vec<String>),
}

impl Finding for UnexpectedPods {
    fn kind(&self) -> Kind {
        match self {
            Self::Absent => Kind::NoSuchObject,
            Self::Other(_) => Kind::UnexpectedPod,
        }
    }
}

/// What of a pod is not as expected.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Difference {
    #[error("it isn't {0}")]
    Phase(String),
    #[error("{of} is {}", readiness(*.ready))]
    Readiness { of: String, ready: bool },
    #[error("it has no status of container {0}")]
    NoContainer(String),
    #[error("{of} waits by {reason:?}")]
    Waiting { of: String, reason: Option<String> },
    #[error("{of} was restarted {count} times")]
    Restarts { of: String, count: i32 },
    #[error("its events are [{}]", .0.join("; "))]
    Events(Vec<String>),
    #[error("its log wasn't read yet")]
    UnreadLog,
    #[error("its log is empty")]
    EmptyLog,
    #[error("its log ends in `{0}`")]
    Log(String),
}

pub(super) fn judge(pods: &[Snapshot], expected: &Pod) -> Result<(), UnexpectedPods> {
    let mut differences = Vec::new();
    for snapshot in pods {
        let judged =
            judge_all_but_log(snapshot, expected).and_then(|()| judge_log(snapshot, expected));
        match judged {
            Ok(()) => return Ok(()),
            Err(difference) => {
                let pod = describe_pod(&snapshot.pod);
                differences.push(format!("{pod}; {difference}"));
            }
        }
    }
    if differences.is_empty() {
        return Err(UnexpectedPods::Absent);
    }
    Err(UnexpectedPods::Other(differences))
}

/// All that can be told without reading the log.
pub(super) fn judge_all_but_log(snapshot: &Snapshot, expected: &Pod) -> Result<(), Difference> {
    judge_status(snapshot, expected)?;
    judge_events(snapshot, expected)
}

fn judge_status(snapshot: &Snapshot, expected: &Pod) -> Result<(), Difference> {
    let status = snapshot.pod.status.clone().unwrap_or_default();
    if let Some(phase) = &expected.phase
        && status.phase.as_ref() != Some(phase)
    {
        return Err(Difference::Phase(phase.clone()));
    }
    let mut conditions = status.conditions.iter().flatten();
    let ready = conditions.any(|found| found.type_ == "Ready" && found.status == "True");
    if expected.ready.is_some_and(|expected| expected != ready) {
        let of = "it".to_owned();
        return Err(Difference::Readiness { of, ready });
    }
    let Some(expected) = &expected.container else {
        return Ok(());
    };
    let mut containers = status.container_statuses.into_iter().flatten();
    let of = expected.name.clone();
    let Some(found) = containers.find(|found| found.name == of) else {
        return Err(Difference::NoContainer(of));
    };
    let ready = found.ready;
    if expected.ready.is_some_and(|expected| expected != ready) {
        return Err(Difference::Readiness { of, ready });
    }
    let waiting = found.state.and_then(|state| state.waiting);
    let reason = waiting.and_then(|waiting| waiting.reason);
    if expected.waiting.is_some() && reason != expected.waiting {
        return Err(Difference::Waiting { of, reason });
    }
    let count = found.restart_count;
    if expected.restarts.is_some_and(|least| count < least) {
        return Err(Difference::Restarts { of, count });
    }
    Ok(())
}

fn judge_events(snapshot: &Snapshot, expected: &Pod) -> Result<(), Difference> {
    let Some(expected) = &expected.event else {
        return Ok(());
    };
    let part = expected.message.as_deref().unwrap_or_default();
    let fits = |event: &PodEvent| event.reason == expected.reason && event.message.contains(part);
    if snapshot.events.iter().any(fits) {
        return Ok(());
    }
    let events = snapshot.events.iter().map(ToString::to_string);
    Err(Difference::Events(events.collect()))
}

fn judge_log(snapshot: &Snapshot, expected: &Pod) -> Result<(), Difference> {
    let container = expected.container.as_ref();
    let Some(part) = container.and_then(|container| container.log.as_deref()) else {
        return Ok(());
    };
    let log = snapshot.log.as_ref().ok_or(Difference::UnreadLog)?;
    if log.lines().any(|line| line.contains(part)) {
        return Ok(());
    }
    let last = log.lines().rev().find(|line| !line.trim().is_empty());
    Err(last.map_or(Difference::EmptyLog, |last| {
        Difference::Log(last.to_owned())
    }))
}

#[cfg(test)]
mod tests {
    use std::slice;

    use serde_json::{Value, json};

    use super::*;

    fn expected(value: Value) -> Pod {
        serde_json::from_value(value).unwrap()
    }

    fn snapshot(state: Value, log: Option<&str>) -> Snapshot {
        let pod = json!({
            "metadata": {"name": "prometheus-1"},
            "status": {"phase": "Pending", "containerStatuses": [{
                "name": "adapter", "image": "adapter", "imageID": "", "ready": false, "restartCount": 1, "state": state,
            }]},
        });
        Snapshot {
            pod: Arc::new(serde_json::from_value(pod).unwrap()),
            events: vec![PodEvent {
                reason: "FailedMount".to_owned(),
                message: "secret \"serving\" not found".to_owned(),
            }],
            log: log.map(str::to_owned),
        }
    }

    #[test]
    fn everything_must_be_true_of_one_pod() {
        let wanted = expected(json!({
            "labels": {"app": "prometheus"}, "phase": "Pending", "ready": false,
            "container": {"name": "adapter", "ready": false, "waiting": "CrashLoopBackOff", "restarts": 1, "log": "config.yaml"},
            "event": {"reason": "FailedMount", "message": "not found"},
        }));
        let backed_off = json!({"waiting": {"reason": "CrashLoopBackOff"}});
        let good = snapshot(backed_off.clone(), Some("error: config.yaml\n"));
        assert_eq!(judge(slice::from_ref(&good), &wanted), Ok(()));

        let creating = snapshot(json!({"waiting": {"reason": "ContainerCreating"}}), None);
        let silent = snapshot(backed_off, Some("all is well\n\n"));
        let problem = judge(&[creating.clone(), silent], &wanted).unwrap_err();
        insta::assert_snapshot!(problem.to_string());
        assert_eq!(judge(&[creating, good], &wanted), Ok(()));
        assert_eq!(judge(&[], &wanted), Err(UnexpectedPods::Absent));
    }

    #[test]
    fn each_part_of_an_expectation_can_fail_it() {
        let running = snapshot(json!({"running": {}}), Some("hello"));
        for wrong in [
            json!({"phase": "Running"}),
            json!({"ready": true}),
            json!({"event": {"reason": "BackOff"}}),
            json!({"event": {"reason": "FailedMount", "message": "configmap"}}),
            json!({"container": {"name": "other", "ready": false}}),
            json!({"container": {"name": "adapter", "ready": true}}),
            json!({"container": {"name": "adapter", "waiting": "CrashLoopBackOff"}}),
            json!({"container": {"name": "adapter", "restarts": 2}}),
            json!({"container": {"name": "adapter", "log": "good bye"}}),
        ] {
            let mut wrong = wrong;
            wrong["labels"] = json!({"app": "prometheus"});
            let wanted = expected(wrong.clone());
            assert!(
                judge(slice::from_ref(&running), &wanted).is_err(),
                "{wrong}"
            );
        }
    }
}

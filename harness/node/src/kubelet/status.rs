//! A pod's status from what the kubelet knows of its containers: pure, after `pkg/kubelet/status/generate.go`
//! and `getPhase`.

use std::net::Ipv4Addr;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{
    ContainerState, ContainerStateRunning, ContainerStateTerminated, ContainerStateWaiting,
    ContainerStatus, HostIP, PodCondition, PodIP, PodStatus,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::plan::RestartPolicy;

/// How a run of a container ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ending {
    pub(crate) exit_code: i32,
    /// `Completed`, `Error`, `StartError`.
    pub(crate) reason: &'static str,
    pub(crate) message: Option<String>,
    pub(crate) started: Timestamp,
    pub(crate) finished: Timestamp,
    pub(crate) id: String,
}

/// What a container is doing.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum State {
    /// Not running, and why: `ContainerCreating`, `CrashLoopBackOff`.
    Waiting {
        reason: &'static str,
        message: Option<String>,
    },
    Running {
        since: Timestamp,
    },
    Terminated(Ending),
}

/// One container, as the kubelet sees it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Snapshot {
    pub(crate) name: String,
    pub(crate) image: String,
    pub(crate) image_id: String,
    pub(crate) id: Option<String>,
    pub(crate) state: State,
    pub(crate) last: Option<Ending>,
    pub(crate) restarts: u32,
    pub(crate) started: bool,
    pub(crate) ready: bool,
}

impl Snapshot {
    pub(crate) fn creating(name: &str, image: &str) -> Self {
        Self {
            name: name.to_owned(),
            image: image.to_owned(),
            image_id: String::new(),
            id: None,
            state: State::Waiting {
                reason: "ContainerCreating",
                message: None,
            },
            last: None,
            restarts: 0,
            started: false,
            ready: false,
        }
    }
}

/// All that a pod's status is made of.
pub(crate) struct PodFacts<'p> {
    pub(crate) containers: &'p [Snapshot],
    pub(crate) restart_policy: RestartPolicy,
    pub(crate) readiness_gates: Vec<&'p str>,
    /// No container will be started again: the pod is being deleted.
    pub(crate) ending: bool,
    pub(crate) ip: Option<Ipv4Addr>,
    pub(crate) node_ip: Ipv4Addr,
    pub(crate) start: Timestamp,
    pub(crate) generation: Option<i64>,
    pub(crate) now: Timestamp,
}

/// The status, with the transition times of `old` where a condition has not changed.
pub(crate) fn of(facts: &PodFacts<'_>, old: &[PodCondition]) -> PodStatus {
    let phase = phase(facts.containers, facts.restart_policy, facts.ending);
    PodStatus {
        phase: Some(phase.to_owned()),
        conditions: Some(conditions(facts, phase, old)),
        host_ip: Some(facts.node_ip.to_string()),
        host_ips: Some(vec![HostIP {
            ip: facts.node_ip.to_string(),
        }]),
        pod_ip: facts.ip.map(|ip| ip.to_string()),
        pod_ips: facts.ip.map(|ip| vec![PodIP { ip: ip.to_string() }]),
        start_time: Some(Time(facts.start)),
        observed_generation: facts.generation,
        container_statuses: Some(facts.containers.iter().map(container).collect()),
        ..PodStatus::default()
    }
}

/// The status of a pod that can't be run.
pub(crate) fn failed(
    reason: &str,
    message: &str,
    node_ip: Ipv4Addr,
    now: Timestamp,
    old: &[PodCondition],
) -> PodStatus {
    let failed = |kind| condition(kind, Some(("PodFailed", String::new())), None, now, old);
    PodStatus {
        phase: Some("Failed".to_owned()),
        reason: Some(reason.to_owned()),
        message: Some(message.to_owned()),
        host_ip: Some(node_ip.to_string()),
        start_time: Some(Time(now)),
        conditions: Some(vec![failed("ContainersReady"), failed("Ready")]),
        ..PodStatus::default()
    }
}

fn phase(containers: &[Snapshot], policy: RestartPolicy, ending: bool) -> &'static str {
    let (mut running, mut waiting, mut codes) = (0, 0, Vec::new());
    for container in containers {
        match (&container.state, &container.last) {
            (State::Running { .. }, _) => running += 1,
            (State::Terminated(ending), _) | (State::Waiting { .. }, Some(ending)) => {
                codes.push(ending.exit_code);
            }
            (State::Waiting { .. }, None) => waiting += 1,
        }
    }
    let succeeded = codes.iter().all(|&code| code == 0);
    if waiting > 0 {
        "Pending"
    } else if running > 0
        || codes.is_empty()
        || (!ending && codes.iter().any(|&code| policy.restarts(code)))
    {
        "Running"
    } else if succeeded {
        "Succeeded"
    } else {
        "Failed"
    }
}

fn conditions(facts: &PodFacts<'_>, phase: &str, old: &[PodCondition]) -> Vec<PodCondition> {
    let unready: Vec<_> = facts
        .containers
        .iter()
        .filter(|container| !container.ready)
        .map(|container| container.name.as_str())
        .collect();
    let containers_ready = match phase {
        "Succeeded" => Some(("PodCompleted", String::new())),
        "Failed" => Some(("PodFailed", String::new())),
        _ if !unready.is_empty() => Some((
            "ContainersNotReady",
            format!("containers with unready status: [{}]", unready.join(" ")),
        )),
        _ => None,
    };
    let open: Vec<_> = facts
        .readiness_gates
        .iter()
        .filter(|gate| {
            !old.iter()
                .any(|condition| condition.type_ == **gate && condition.status == "True")
        })
        .map(|gate| format!("corresponding condition of pod readiness gate \"{gate}\" does not exist or is not \"True\"."))
        .collect();
    let ready = containers_ready
        .clone()
        .or_else(|| (!open.is_empty()).then(|| ("ReadinessGatesNotReady", open.join(", "))));
    let sandbox = facts.ip.is_none().then_some(("", String::new()));
    [
        ("PodReadyToStartContainers", sandbox),
        ("Initialized", None),
        ("Ready", ready),
        ("ContainersReady", containers_ready),
    ]
    .into_iter()
    .map(|(kind, why_not)| condition(kind, why_not, facts.generation, facts.now, old))
    .collect()
}

/// A condition that is true unless there is a reason why not.
fn condition(
    kind: &str,
    why_not: Option<(&str, String)>,
    generation: Option<i64>,
    now: Timestamp,
    old: &[PodCondition],
) -> PodCondition {
    let status = if why_not.is_none() { "True" } else { "False" };
    let since = old
        .iter()
        .find(|condition| condition.type_ == kind && condition.status == status)
        .and_then(|condition| condition.last_transition_time.clone());
    // Empty, not absent: the patch is to take an old reason away.
    let (reason, message) = why_not.unwrap_or_default();
    PodCondition {
        type_: kind.to_owned(),
        status: status.to_owned(),
        last_transition_time: Some(since.unwrap_or(Time(now))),
        observed_generation: generation,
        reason: Some(reason.to_owned()),
        message: Some(message),
        ..PodCondition::default()
    }
}

fn container(snapshot: &Snapshot) -> ContainerStatus {
    ContainerStatus {
        name: snapshot.name.clone(),
        image: snapshot.image.clone(),
        image_id: snapshot.image_id.clone(),
        container_id: snapshot.id.clone(),
        state: Some(state(&snapshot.state)),
        last_state: Some(
            snapshot
                .last
                .as_ref()
                .map(|ending| terminated(ending.clone()))
                .unwrap_or_default(),
        ),
        restart_count: i32::try_from(snapshot.restarts).unwrap_or(i32::MAX),
        ready: snapshot.ready,
        started: Some(snapshot.started),
        ..ContainerStatus::default()
    }
}

fn state(state: &State) -> ContainerState {
    match state {
        State::Waiting { reason, message } => ContainerState {
            waiting: Some(ContainerStateWaiting {
                reason: Some((*reason).to_owned()),
                message: message.clone(),
            }),
            ..ContainerState::default()
        },
        State::Running { since } => ContainerState {
            running: Some(ContainerStateRunning {
                started_at: Some(Time(*since)),
            }),
            ..ContainerState::default()
        },
        State::Terminated(ending) => terminated(ending.clone()),
    }
}

fn terminated(ending: Ending) -> ContainerState {
    ContainerState {
        terminated: Some(ContainerStateTerminated {
            container_id: Some(ending.id),
            exit_code: ending.exit_code,
            reason: Some(ending.reason.to_owned()),
            message: ending.message,
            started_at: Some(Time(ending.started)),
            finished_at: Some(Time(ending.finished)),
            signal: None,
        }),
        ..ContainerState::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(exit_code: i32) -> Ending {
        Ending {
            exit_code,
            reason: "Error",
            message: None,
            started: Timestamp::UNIX_EPOCH,
            finished: Timestamp::UNIX_EPOCH,
            id: "setpoint://id".to_owned(),
        }
    }

    fn snapshot(name: &str, state: State, ready: bool) -> Snapshot {
        Snapshot {
            state,
            ready,
            started: ready,
            ..Snapshot::creating(name, "image")
        }
    }

    fn running(name: &str, ready: bool) -> Snapshot {
        let since = Timestamp::UNIX_EPOCH;
        snapshot(name, State::Running { since }, ready)
    }

    fn facts<'p>(containers: &'p [Snapshot], seconds: i64) -> PodFacts<'p> {
        PodFacts {
            containers,
            restart_policy: RestartPolicy::Always,
            readiness_gates: Vec::new(),
            ending: false,
            ip: Some(Ipv4Addr::new(10, 244, 0, 2)),
            node_ip: Ipv4Addr::new(172, 30, 0, 2),
            start: Timestamp::UNIX_EPOCH,
            generation: Some(1),
            now: Timestamp::from_second(seconds).expect("a time"),
        }
    }

    fn ready(status: &PodStatus) -> PodCondition {
        let conditions = status.conditions.as_deref().unwrap_or_default();
        let mut ready = conditions
            .iter()
            .filter(|condition| condition.type_ == "Ready");
        ready.next().cloned().expect("a Ready condition")
    }

    #[test]
    fn a_pod_is_pending_until_each_container_has_run() {
        let creating = Snapshot::creating("b", "image");
        let back = Snapshot {
            last: Some(ended(1)),
            ..creating.clone()
        };
        let policy = RestartPolicy::Always;
        assert_eq!(
            phase(&[running("a", true), creating], policy, false),
            "Pending"
        );
        assert_eq!(phase(&[running("a", true), back], policy, false), "Running");
    }

    #[test]
    fn a_pod_ends_when_no_container_will_run_again() {
        let done = |code| [snapshot("a", State::Terminated(ended(code)), false)];
        let phase_of = |code, policy, ending| phase(&done(code), policy, ending);
        assert_eq!(phase_of(0, RestartPolicy::Always, false), "Running");
        assert_eq!(phase_of(0, RestartPolicy::OnFailure, false), "Succeeded");
        assert_eq!(phase_of(1, RestartPolicy::OnFailure, false), "Running");
        assert_eq!(phase_of(1, RestartPolicy::Never, false), "Failed");
        assert_eq!(phase_of(1, RestartPolicy::Always, true), "Failed");
    }

    #[test]
    fn readiness_names_the_containers_that_lack_it_and_keeps_its_transition_time() {
        let containers = [running("a", true), running("b", false)];
        let first = of(&facts(&containers, 1), &[]);
        let condition = ready(&first);
        assert_eq!(condition.status, "False");
        assert_eq!(
            condition.message.as_deref(),
            Some("containers with unready status: [b]")
        );
        let old = first.conditions.expect("conditions");
        let second = ready(&of(&facts(&containers, 2), &old));
        assert_eq!(second.last_transition_time, condition.last_transition_time);

        let containers = [running("a", true), running("b", true)];
        let third = ready(&of(&facts(&containers, 3), &old));
        assert_eq!(third.status, "True");
        assert_eq!(
            third.last_transition_time,
            Some(Time(Timestamp::from_second(3).expect("a time")))
        );
    }

    #[test]
    fn a_readiness_gate_holds_readiness_back_until_its_condition_is_true() {
        let containers = [running("a", true)];
        let gated = PodFacts {
            readiness_gates: vec!["example.com/gate"],
            ..facts(&containers, 1)
        };
        let closed = ready(&of(&gated, &[]));
        assert_eq!(closed.reason.as_deref(), Some("ReadinessGatesNotReady"));
        let open = PodCondition {
            type_: "example.com/gate".to_owned(),
            status: "True".to_owned(),
            ..PodCondition::default()
        };
        assert_eq!(ready(&of(&gated, &[open])).status, "True");
    }
}

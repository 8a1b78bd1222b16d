//! What becomes of one pod from its binding to its removal: pure. The driver tells it what happened, carries out what it
//! answers, and calls it again at its deadline.
//!
//! ```text
//!  Connecting ─► Mounting ─► Running ─► Reporting ─┐
//!      └─────────────┴─────────────────────────────┼─► Leaving ─► Deleting ─► Over
//!  Refused ────────────────────────────────────────┘
//! ```

use std::sync::Arc;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Pod;
use setpoint_support::backoff;

use crate::kubelet::events::Severity;

/// How soon a step that failed is tried again, doubled up to the longest (`exponentialbackoff` of the kubelet).
pub(in crate::kubelet) const FIRST_RETRY: Duration = Duration::from_millis(500);
pub(in crate::kubelet) const LAST_RETRY: Duration = Duration::from_secs(122);
/// How soon volumes of a running pod that could not be written are tried again.
const VOLUMES_RETRY: Duration = Duration::from_secs(2);

/// What happened to a pod.
#[derive(Debug, Clone)]
pub(super) enum Event {
    /// The API server has another state of it; none once it is gone.
    Pod(Option<Arc<Pod>>),
    /// Sandbox and address are there.
    Connected,
    NotConnected(String),
    /// The volumes are as they are to be; a token in them is to be renewed at that time.
    Mounted {
        renew: Option<Instant>,
    },
    NotMounted(String),
    /// A container's state has changed.
    ContainersChanged,
    /// No container will run again.
    ContainersEnded,
    /// Whether the API server has taken the status.
    Reported(bool),
    /// Whether the pod is gone from the API server.
    Deleted(bool),
    /// Something has changed that a volume holds.
    ReferencesChanged,
    /// All tokens are to be issued again.
    RenewTokens,
    /// Services have other names.
    NamesChanged,
    /// The deadline has come.
    Deadline,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Effect {
    /// Make sandbox and address; answered by [`Event::Connected`] or [`Event::NotConnected`].
    Connect,
    /// Write `/etc` and the volumes; answered by [`Event::Mounted`] or [`Event::NotMounted`].
    Mount,
    /// Write the volumes; answered as [`Effect::Mount`].
    WriteVolumes,
    ForgetTokens,
    RewriteHosts,
    StartContainers,
    /// All containers are to end within this time.
    StopContainers(Duration),
    /// Tell the API server the status; answered by [`Event::Reported`].
    Report {
        /// No container will be started again.
        ending: bool,
    },
    /// Tell the API server that the pod is refused; answered by [`Event::Reported`].
    ReportRefused,
    /// Give sandbox and address back.
    Disconnect,
    /// Remove the pod from the API server; answered by [`Event::Deleted`].
    Delete,
    /// Write an event on the pod.
    Record {
        severity: Severity,
        reason: &'static str,
        message: String,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Its specification asks for what isn't supported.
    Refused,
    Connecting,
    Mounting,
    Running,
    /// All containers have ended, and the API server is to know how.
    Reporting,
    /// It waits for its deletion.
    Leaving,
    Deleting,
    Over,
}

/// The times between retries of the present phase, and the next retry.
struct Retry {
    waits: Box<dyn Iterator<Item = Duration> + Send>,
    at: Option<Instant>,
}

impl Retry {
    fn new() -> Self {
        Self {
            waits: Box::new(backoff(FIRST_RETRY, LAST_RETRY)),
            at: None,
        }
    }

    fn later(&mut self, now: Instant) {
        let wait = self.waits.next().unwrap_or(LAST_RETRY);
        self.at = Some(now + wait);
    }
}

/// One pod for its life on this node.
pub(super) struct PodMachine {
    pod: Option<Arc<Pod>>,
    /// Whether one of its containers has a program.
    is_real: bool,
    has_readiness_gates: bool,
    phase: Phase,
    retry: Retry,
    /// What the containers were told last.
    stop: Option<Duration>,
    report_again: Option<Instant>,
    write_volumes_again: Option<Instant>,
    renew_tokens: Option<Instant>,
}

impl PodMachine {
    pub(super) fn new(pod: Arc<Pod>, is_real: bool, has_readiness_gates: bool) -> Self {
        Self {
            pod: Some(pod),
            is_real,
            has_readiness_gates,
            phase: Phase::Connecting,
            retry: Retry::new(),
            stop: None,
            report_again: None,
            write_volumes_again: None,
            renew_tokens: None,
        }
    }

    /// The first things to do. A pod with `refused` fields isn't run, and fails with that message.
    pub(super) fn start(&mut self, refused: Option<(&'static str, String)>) -> Vec<Effect> {
        if self.grace().is_some() || self.pod.as_deref().is_some_and(is_over) {
            return self.leave();
        }
        match refused {
            Some((reason, message)) => {
                self.enter(Phase::Refused);
                vec![warning(reason, message), Effect::ReportRefused]
            }
            None => vec![Effect::Report { ending: false }, Effect::Connect],
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }

    /// Whether containers were started and have not all ended.
    pub(super) fn runs_containers(&self) -> bool {
        self.phase == Phase::Running
    }

    /// Whether the work that is done before containers start is to be given up.
    pub(super) fn is_leaving(&self) -> bool {
        self.grace().is_some()
    }

    /// When [`Event::Deadline`] is due.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::Running => self
                .report_again
                .into_iter()
                .chain(self.volumes_due())
                .min(),
            _ => self.retry.at,
        }
    }

    /// What follows from an event. Events that have no meaning in the present phase change nothing.
    pub(super) fn on(&mut self, event: Event, now: Instant) -> Vec<Effect> {
        match (self.phase, event) {
            (_, Event::Pod(pod)) => self.pod_changed(pod),
            (Phase::Connecting, Event::Connected) => self.connected(),
            (Phase::Connecting, Event::NotConnected(why)) => {
                self.retry.later(now);
                vec![warning("FailedCreatePodSandBox", why)]
            }
            (Phase::Mounting, Event::Mounted { renew }) => self.mounted(renew),
            (Phase::Mounting, Event::NotMounted(why)) => {
                self.retry.later(now);
                vec![warning("FailedMount", why)]
            }
            (Phase::Mounting, Event::ReferencesChanged) if self.retry.at.is_some() => self.again(),
            (Phase::Running, event) => self.running(event, now),
            (Phase::Reporting, Event::Reported(true)) => self.disconnect(),
            (Phase::Refused, Event::Reported(true)) => self.leave(),
            (Phase::Deleting, Event::Deleted(true)) => self.enter(Phase::Over),
            (Phase::Reporting | Phase::Refused, Event::Reported(false))
            | (Phase::Deleting, Event::Deleted(false)) => {
                self.retry.later(now);
                Vec::new()
            }
            (_, Event::Deadline) if self.retry.at.is_some_and(|at| at <= now) => self.again(),
            _ => Vec::new(),
        }
    }

    fn running(&mut self, event: Event, now: Instant) -> Vec<Effect> {
        match event {
            Event::ContainersChanged => self.report(),
            Event::ContainersEnded => {
                self.enter(Phase::Reporting);
                vec![Effect::Report { ending: true }]
            }
            Event::Reported(arrived) => {
                self.report_again = (!arrived).then(|| now + FIRST_RETRY);
                Vec::new()
            }
            Event::Mounted { renew } => {
                (self.renew_tokens, self.write_volumes_again) = (renew, None);
                Vec::new()
            }
            Event::NotMounted(why) => {
                self.write_volumes_again = Some(now + VOLUMES_RETRY);
                vec![warning("FailedMount", why)]
            }
            Event::ReferencesChanged => self.write_volumes().into_iter().collect(),
            Event::RenewTokens => {
                let forget = std::iter::once(Effect::ForgetTokens);
                forget.chain(self.write_volumes()).collect()
            }
            Event::NamesChanged if self.is_real => vec![Effect::RewriteHosts],
            Event::Deadline => {
                let mut effects = Vec::new();
                if self.report_again.is_some_and(|at| at <= now) {
                    effects.extend(self.report());
                }
                if self.volumes_due().is_some_and(|at| at <= now) {
                    effects.extend(self.write_volumes());
                }
                effects
            }
            _ => Vec::new(),
        }
    }

    fn pod_changed(&mut self, pod: Option<Arc<Pod>>) -> Vec<Effect> {
        let before = std::mem::replace(&mut self.pod, pod);
        match self.phase {
            Phase::Connecting | Phase::Mounting if self.is_leaving() => {
                // Nothing has run; the end reports that nothing does.
                let report = std::iter::once(Effect::Report { ending: true });
                report.chain(self.disconnect()).collect()
            }
            Phase::Running => self.running_pod_changed(before.as_deref()),
            Phase::Reporting if self.pod.is_none() => self.disconnect(),
            Phase::Leaving => self.leave(),
            Phase::Deleting if self.pod.is_none() => self.enter(Phase::Over),
            _ => Vec::new(),
        }
    }

    fn running_pod_changed(&mut self, before: Option<&Pod>) -> Vec<Effect> {
        let mut effects = Vec::new();
        if let Some(pod) = &self.pod {
            let old = before.map(|pod| (&pod.metadata.labels, &pod.metadata.annotations));
            if old != Some((&pod.metadata.labels, &pod.metadata.annotations)) {
                effects.extend(self.write_volumes());
            }
            if self.has_readiness_gates {
                effects.extend(self.report());
            }
        }
        let grace = self.grace();
        if let Some(left) = grace
            && grace != self.stop
        {
            self.stop = grace;
            effects.push(Effect::StopContainers(left));
        }
        effects
    }

    /// Begins a phase, with retries of its own.
    fn enter(&mut self, phase: Phase) -> Vec<Effect> {
        self.phase = phase;
        self.retry = Retry::new();
        Vec::new()
    }

    /// Tries again what the phase is about.
    fn again(&mut self) -> Vec<Effect> {
        self.retry.at = None;
        match self.phase {
            Phase::Refused => vec![Effect::ReportRefused],
            Phase::Connecting => vec![Effect::Connect],
            Phase::Mounting => vec![Effect::Mount],
            Phase::Reporting => vec![Effect::Report { ending: true }],
            Phase::Deleting => vec![Effect::Delete],
            Phase::Running | Phase::Leaving | Phase::Over => Vec::new(),
        }
    }

    fn connected(&mut self) -> Vec<Effect> {
        self.enter(Phase::Mounting);
        if self.is_real {
            vec![Effect::Mount]
        } else {
            self.mounted(None)
        }
    }

    fn mounted(&mut self, renew: Option<Instant>) -> Vec<Effect> {
        self.enter(Phase::Running);
        self.renew_tokens = renew;
        let start = std::iter::once(Effect::StartContainers);
        // Whatever a volume holds may have changed before anybody watched it.
        start.chain(self.write_volumes()).collect()
    }

    fn report(&mut self) -> Vec<Effect> {
        self.report_again = None;
        let ending = self.stop.is_some();
        vec![Effect::Report { ending }]
    }

    fn write_volumes(&mut self) -> Option<Effect> {
        // Containers that end look at nothing new any more.
        (self.is_real && self.stop.is_none()).then_some(Effect::WriteVolumes)
    }

    fn volumes_due(&self) -> Option<Instant> {
        let due = self.write_volumes_again.or(self.renew_tokens);
        due.filter(|_| self.is_real && self.stop.is_none())
    }

    fn disconnect(&mut self) -> Vec<Effect> {
        let disconnect = std::iter::once(Effect::Disconnect);
        disconnect.chain(self.leave()).collect()
    }

    /// Nothing of the pod runs: waits for its deletion, and completes it.
    fn leave(&mut self) -> Vec<Effect> {
        if self.pod.is_none() {
            return self.enter(Phase::Over);
        }
        if self.is_leaving() {
            self.enter(Phase::Deleting);
            return vec![Effect::Delete];
        }
        self.enter(Phase::Leaving)
    }

    /// How long the pod's containers have to end, if they are to.
    fn grace(&self) -> Option<Duration> {
        let Some(pod) = &self.pod else {
            return Some(Duration::ZERO);
        };
        pod.metadata.deletion_timestamp.as_ref()?;
        let seconds = pod.metadata.deletion_grace_period_seconds;
        let seconds = seconds.and_then(|seconds| u64::try_from(seconds).ok());
        Some(Duration::from_secs(seconds.unwrap_or_default()))
    }
}

/// Whether nothing of a pod will run again.
pub(in crate::kubelet) fn is_over(pod: &Pod) -> bool {
    let phase = pod
        .status
        .as_ref()
        .and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}

fn warning(reason: &'static str, message: String) -> Effect {
    Effect::Record {
        severity: Severity::Warning,
        reason,
        message,
    }
}

#[cfg(test)]
mod tests;

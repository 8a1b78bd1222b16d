//! What becomes of one container: pure. The driver tells it what happened, carries out what it answers, and calls it
//! again at its deadline.
//!
//! ```text
//!  Configuring ──► Starting ──► Running ──► Ending ──┐
//!     ▲               │            └────────────────►├──► Over
//!     └── BackingOff ◄┴──────────────────────────────┘
//! ```

use std::time::{Duration, Instant};

use crate::kubelet::backoff::{RestartBackoff, Restarts};
use crate::kubelet::clock::Now;
use crate::kubelet::events::Severity;
use crate::kubelet::plan::{ContainerPlan, RestartPolicy};
use crate::kubelet::probe::Kind;
use crate::kubelet::status::{Ending, Snapshot, State};

/// The kubelet's least time between SIGTERM and SIGKILL (`minimumGracePeriodInSeconds`).
pub(super) const LEAST_GRACE: Duration = Duration::from_secs(2);
/// How soon a container whose configuration can't be read is tried again if nothing changes.
const CONFIGURATION_RETRY: Duration = Duration::from_secs(10);
/// The exit code of a container that could not be started, as containerd has it.
const START_ERROR: i32 = 128;

/// What happened to a container.
#[derive(Debug, Clone)]
pub(super) enum Event {
    /// All that its specification refers to is there.
    Configured,
    /// Something isn't, and why.
    NotConfigured(String),
    /// A Secret or ConfigMap has changed.
    ReferencesChanged,
    Started {
        image_id: String,
    },
    NotStarted(String),
    /// A probe has come to a result.
    Probed(Kind, bool),
    /// Its process has ended, and all that it wrote is in its log.
    Exited(i32),
    /// The pod is to end within this time; it may get shorter.
    Stop(Duration),
    /// The deadline has come.
    Deadline,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Effect {
    /// Read what the specification refers to; answered by [`Event::Configured`] or [`Event::NotConfigured`].
    Configure,
    /// Start the process; answered by [`Event::Started`] or [`Event::NotStarted`].
    Start,
    /// Let the readiness and liveness probes begin.
    Probe,
    Terminate,
    Kill,
    /// Report the container's state.
    Publish(Box<Snapshot>),
    /// Write an event on the pod.
    Record {
        severity: Severity,
        reason: &'static str,
        message: String,
    },
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Phase {
    /// The specification is being read, or is to be read again at this time.
    Configuring {
        again: Option<Instant>,
    },
    Starting,
    Running,
    /// SIGTERM was sent; SIGKILL comes when the grace period is over.
    Ending {
        since: Instant,
        grace: Option<Duration>,
        killed: bool,
    },
    BackingOff {
        until: Instant,
    },
    /// Nothing runs: the image is unknown. It becomes ready at this time.
    Simulated {
        ready_at: Option<Instant>,
    },
    /// It won't run again.
    Over,
}

/// Which container of which pod it is, in the words of Kubernetes.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    pub(super) namespace: String,
    pub(super) pod: String,
    pub(super) uid: String,
}

/// One container for the life of its pod.
#[derive(Debug)]
pub(super) struct ContainerMachine {
    plan: ContainerPlan,
    identity: Identity,
    restart_policy: RestartPolicy,
    /// The pod's grace period, for ends that the pod's own end doesn't cause.
    grace: Duration,
    restarts: Restarts,
    snapshot: Snapshot,
    phase: Phase,
    stop: Option<Duration>,
}

impl ContainerMachine {
    pub(super) fn new(
        plan: ContainerPlan,
        identity: Identity,
        restart_policy: RestartPolicy,
        grace: Duration,
        backoff: RestartBackoff,
    ) -> Self {
        Self {
            snapshot: Snapshot::creating(&plan.name, &plan.image),
            plan,
            identity,
            restart_policy,
            grace,
            restarts: Restarts::new(backoff),
            phase: Phase::Configuring { again: None },
            stop: None,
        }
    }

    /// The first thing to do for a container whose image has a program.
    pub(super) fn start(&mut self) -> Vec<Effect> {
        vec![Effect::Configure]
    }

    /// The first thing to do for a container of an unknown image, which runs nothing and is ready after some time.
    pub(super) fn simulate(&mut self, ready_after: Duration, now: Now) -> Vec<Effect> {
        self.snapshot.id = Some(self.id());
        self.snapshot.image_id = "unknown image".to_owned();
        self.snapshot.state = State::Running { since: now.time };
        self.snapshot.started = true;
        self.phase = Phase::Simulated {
            ready_at: now.instant.checked_add(ready_after),
        };
        vec![self.publish()]
    }

    pub(super) fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    pub(super) fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }

    /// Whether a changed Secret or ConfigMap is a reason to act.
    pub(super) fn waits_for_references(&self) -> bool {
        matches!(self.phase, Phase::Configuring { again: Some(_) })
    }

    /// The time that the pod's end leaves, as far as it is known here.
    pub(super) fn stop(&self) -> Option<Duration> {
        self.stop
    }

    /// When [`Event::Deadline`] is due.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::Configuring { again } => again,
            Phase::BackingOff { until } => Some(until),
            Phase::Simulated { ready_at } => ready_at,
            Phase::Ending {
                since,
                grace,
                killed: false,
            } => {
                // The pod's end goes before a grace period of the container's own.
                let grace = self.stop.or(grace).unwrap_or_default();
                Some(since + grace.max(LEAST_GRACE))
            }
            Phase::Ending { killed: true, .. } | Phase::Starting | Phase::Running | Phase::Over => {
                None
            }
        }
    }

    /// What follows from an event. Events that have no meaning in the present phase change nothing.
    pub(super) fn on(&mut self, event: Event, now: Now) -> Vec<Effect> {
        match (self.phase, event) {
            (_, Event::Stop(left)) => self.stop_within(left, now),
            (Phase::Configuring { again: None }, Event::Configured) => {
                self.phase = Phase::Starting;
                vec![Effect::Start]
            }
            (Phase::Configuring { again: None }, Event::NotConfigured(why)) => {
                self.not_configured(why, now)
            }
            (Phase::Configuring { again: Some(_) }, Event::ReferencesChanged) => self.configure(),
            (Phase::Starting, Event::Started { image_id }) => self.started(image_id, now),
            (Phase::Starting, Event::NotStarted(why)) => self.not_started(why, now),
            (Phase::Running, Event::Probed(kind, result)) => self.probed(kind, result, now),
            // The kubelet stops the other probes of a pod that ends (`StopLivenessAndStartup`).
            (Phase::Ending { .. }, Event::Probed(Kind::Readiness, result)) => {
                self.probed(Kind::Readiness, result, now)
            }
            (Phase::Running | Phase::Ending { .. }, Event::Exited(code)) => {
                let reason = if code == 0 { "Completed" } else { "Error" };
                self.ended(code, reason, None, now)
            }
            (_, Event::Deadline) if self.is_due(now) => self.deadline_came(now),
            _ => Vec::new(),
        }
    }

    fn is_due(&self, now: Now) -> bool {
        self.deadline()
            .is_some_and(|deadline| deadline <= now.instant)
    }

    fn deadline_came(&mut self, now: Now) -> Vec<Effect> {
        match &mut self.phase {
            Phase::Configuring { .. } => self.configure(),
            Phase::BackingOff { .. } => self.restart(),
            Phase::Simulated { ready_at } => {
                *ready_at = None;
                self.snapshot.ready = true;
                vec![self.publish()]
            }
            Phase::Ending { killed, .. } => {
                *killed = true;
                vec![Effect::Kill]
            }
            Phase::Starting | Phase::Running | Phase::Over => {
                debug_assert!(false, "no deadline in this phase, at {now:?}");
                Vec::new()
            }
        }
    }

    fn configure(&mut self) -> Vec<Effect> {
        self.phase = Phase::Configuring { again: None };
        vec![Effect::Configure]
    }

    fn restart(&mut self) -> Vec<Effect> {
        self.snapshot.restarts = self.snapshot.restarts.saturating_add(1);
        self.configure()
    }

    fn not_configured(&mut self, why: String, now: Now) -> Vec<Effect> {
        self.phase = Phase::Configuring {
            again: Some(now.instant + CONFIGURATION_RETRY),
        };
        let record = warning("Failed", format!("Error: {why}"));
        self.waits("CreateContainerConfigError", why);
        vec![record, self.publish()]
    }

    fn started(&mut self, image_id: String, now: Now) -> Vec<Effect> {
        self.phase = Phase::Running;
        self.snapshot.id = Some(self.id());
        self.snapshot.image_id = image_id;
        self.snapshot.state = State::Running { since: now.time };
        self.snapshot.started = self.plan.startup.is_none();
        self.snapshot.ready = self.snapshot.started && self.plan.readiness.is_none();
        let mut effects = vec![self.publish(), normal("Started", "Container started")];
        if self.snapshot.started {
            effects.push(Effect::Probe);
        }
        if self.stop.is_some() {
            effects.extend(self.end(None, now));
        }
        effects
    }

    fn not_started(&mut self, why: String, now: Now) -> Vec<Effect> {
        self.snapshot.id = Some(self.id());
        self.snapshot.state = State::Running { since: now.time };
        let mut effects = vec![warning("Failed", format!("Error: {why}"))];
        effects.extend(self.ended(START_ERROR, "StartError", Some(why), now));
        effects
    }

    fn probed(&mut self, kind: Kind, result: bool, now: Now) -> Vec<Effect> {
        match (kind, result) {
            (Kind::Readiness, ready) => {
                self.snapshot.ready = ready;
                vec![self.publish()]
            }
            (Kind::Startup, true) => {
                self.snapshot.started = true;
                self.snapshot.ready = self.plan.readiness.is_none();
                vec![Effect::Probe, self.publish()]
            }
            (Kind::Liveness, true) => Vec::new(),
            (Kind::Liveness | Kind::Startup, false) => self.end_unhealthy(kind, now),
        }
    }

    fn end_unhealthy(&mut self, kind: Kind, now: Now) -> Vec<Effect> {
        let name = &self.plan.name;
        let probe = kind.word().to_ascii_lowercase();
        let message = format!("Container {name} failed {probe} probe, will be restarted");
        let plan = match kind {
            Kind::Startup => &self.plan.startup,
            Kind::Readiness => &self.plan.readiness,
            Kind::Liveness => &self.plan.liveness,
        };
        let own = plan.as_ref().and_then(|plan| plan.termination_grace);
        let mut effects = vec![normal("Killing", message)];
        effects.extend(self.end(Some(own.unwrap_or(self.grace)), now));
        effects
    }

    /// SIGTERM, and SIGKILL when the time is over: `grace`, or what the pod's end leaves.
    fn end(&mut self, grace: Option<Duration>, now: Now) -> Vec<Effect> {
        self.phase = Phase::Ending {
            since: now.instant,
            grace,
            killed: false,
        };
        let stopping = self.stop.map(|_| {
            let message = format!("Stopping container {}", self.plan.name);
            normal("Killing", message)
        });
        stopping.into_iter().chain([Effect::Terminate]).collect()
    }

    fn stop_within(&mut self, left: Duration, now: Now) -> Vec<Effect> {
        self.stop = Some(left);
        match self.phase {
            // Nothing runs, and nothing will.
            Phase::Configuring { .. } | Phase::BackingOff { .. } => {
                self.phase = Phase::Over;
                Vec::new()
            }
            Phase::Simulated { .. } => self.ended(0, "Completed", None, now),
            Phase::Running => self.end(None, now),
            // Its end has begun, with a new deadline from now on; or it begins as soon as the process is there.
            Phase::Ending { .. } | Phase::Starting | Phase::Over => Vec::new(),
        }
    }

    /// Nothing runs any more: is it over, or when is the next start?
    fn ended(
        &mut self,
        exit_code: i32,
        reason: &'static str,
        message: Option<String>,
        now: Now,
    ) -> Vec<Effect> {
        let started = match self.snapshot.state {
            State::Running { since } => since,
            _ => now.time,
        };
        let ending = Ending {
            exit_code,
            reason,
            message,
            started,
            finished: now.time,
            id: self.id(),
        };
        self.snapshot.state = State::Terminated(ending.clone());
        self.snapshot.started = false;
        self.snapshot.ready = false;
        let mut effects = vec![self.publish()];
        if self.stop.is_some() || !self.restart_policy.restarts(exit_code) {
            self.phase = Phase::Over;
            return effects;
        }
        let wait = self.restarts.wait(now.instant);
        self.snapshot.last = Some(ending);
        if wait.is_zero() {
            effects.extend(self.restart());
            return effects;
        }
        self.phase = Phase::BackingOff {
            until: now.instant + wait,
        };
        let whose = self.described();
        self.waits(
            "CrashLoopBackOff",
            format!(
                "back-off {} restarting failed container={whose}",
                go_duration(wait)
            ),
        );
        let event = format!("Back-off restarting failed container {whose}");
        effects.extend([warning("BackOff", event), self.publish()]);
        effects
    }

    fn publish(&self) -> Effect {
        Effect::Publish(Box::new(self.snapshot.clone()))
    }

    fn waits(&mut self, reason: &'static str, message: String) {
        let message = Some(message);
        self.snapshot.state = State::Waiting { reason, message };
    }

    fn id(&self) -> String {
        let (uid, name, run) = (&self.identity.uid, &self.plan.name, self.snapshot.restarts);
        format!("setpoint://{uid}/{name}/{run}")
    }

    fn described(&self) -> String {
        let Identity {
            namespace,
            pod,
            uid,
        } = &self.identity;
        format!("{} in pod {pod}_{namespace}({uid})", self.plan.name)
    }
}

fn normal(reason: &'static str, message: impl Into<String>) -> Effect {
    Effect::Record {
        severity: Severity::Normal,
        reason,
        message: message.into(),
    }
}

fn warning(reason: &'static str, message: impl Into<String>) -> Effect {
    Effect::Record {
        severity: Severity::Warning,
        reason,
        message: message.into(),
    }
}

/// `10s`, `2m40s`, as Go prints a duration.
fn go_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if seconds == 0 {
        format!("{}ms", duration.as_millis())
    } else if seconds < 60 {
        format!("{seconds}s")
    } else {
        format!("{}m{}s", seconds / 60, seconds % 60)
    }
}

#[cfg(test)]
mod tests;

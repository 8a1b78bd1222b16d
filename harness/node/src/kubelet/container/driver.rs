use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use setpoint_support::error_chain;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::task::JoinSet;

use super::machine::{ContainerMachine, Effect, Event, Identity};
use super::specification::{configure, reported};
use crate::image::LocalImage;
use crate::kubelet::clock::{Now, at};
use crate::kubelet::context::{Node, READY_AFTER};
use crate::kubelet::launch::{LaunchError, Process};
use crate::kubelet::logs::Log;
use crate::kubelet::objects::Change;
use crate::kubelet::plan::{ContainerPlan, RestartPolicy};
use crate::kubelet::probe::Kind;
use crate::kubelet::prober::{self, Target};
use crate::kubelet::stage::{ContainerSpec, StopRequest};
use crate::kubelet::status::Snapshot;

/// What a container shares with the others of its pod.
#[derive(Clone)]
pub(in crate::kubelet) struct ContainerContext {
    pub(in crate::kubelet) node: Arc<Node>,
    pub(in crate::kubelet) pod: Arc<Pod>,
    pub(in crate::kubelet) ip: Ipv4Addr,
    /// The process that holds the pod's namespaces; none if nothing of the pod really runs.
    pub(in crate::kubelet) sandbox: Option<u32>,
    pub(in crate::kubelet) host_name: String,
    pub(in crate::kubelet) service_links: bool,
    pub(in crate::kubelet) restart_policy: RestartPolicy,
    pub(in crate::kubelet) grace: Duration,
    /// The time to end in, once the pod is to end.
    pub(in crate::kubelet) stop: watch::Receiver<Option<Duration>>,
    /// The latest state of each container of the pod, in their order.
    pub(in crate::kubelet) snapshots: watch::Sender<Vec<Snapshot>>,
}

/// Runs one container until it won't be started again.
pub(in crate::kubelet) async fn run(plan: ContainerPlan, context: ContainerContext) {
    let image = context.node.config.images.resolve(&plan.image).cloned();
    let mut machine = ContainerMachine::new(
        plan.clone(),
        Identity {
            namespace: context.pod.namespace().unwrap_or_default(),
            pod: context.pod.name_any(),
            uid: context.pod.uid().unwrap_or_default(),
        },
        context.restart_policy,
        context.grace,
        context.node.config.restart_backoff,
    );
    let mut effects = match &image {
        Some(_) => machine.start(),
        None => machine.simulate(ready_after(&context.pod), Now::read()),
    };
    let changes = context.node.changes.subscribe();
    let mut driver = Driver {
        plan,
        context,
        image,
        changes,
        spec: None,
        process: None,
    };
    while !machine.is_over() || !effects.is_empty() {
        let mut events = VecDeque::new();
        for effect in effects {
            events.extend(driver.carry_out(effect, &machine).await);
        }
        if events.is_empty() && !machine.is_over() {
            events.push_back(driver.next_event(&machine).await);
        }
        effects = events
            .into_iter()
            .flat_map(|event| machine.on(event, Now::read()))
            .collect();
    }
}

/// After how many seconds a container of an unknown image is ready, as its pod's annotation says.
fn ready_after(pod: &Pod) -> Duration {
    let seconds = pod.annotations().get(READY_AFTER);
    seconds
        .and_then(|seconds| seconds.parse::<f64>().ok())
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .unwrap_or_default()
}

struct Driver {
    plan: ContainerPlan,
    context: ContainerContext,
    image: Option<LocalImage>,
    /// Of Secrets and ConfigMaps, since the specification was read last.
    changes: broadcast::Receiver<Change>,
    spec: Option<ContainerSpec>,
    process: Option<Running>,
}

/// Why a container's process can't be started, as its status says it.
#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error("{}", reported(path, source))]
    Log {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{}", error_chain(.0))]
    Launch(#[from] LaunchError),
}

/// A process, and what goes on only while it runs.
struct Running {
    process: Process,
    /// Tells those who follow the log whether more of it comes.
    goes_on: watch::Sender<bool>,
    _probes: JoinSet<()>,
    results: mpsc::Receiver<(Kind, bool)>,
    /// Lets readiness and liveness probes begin.
    started: watch::Sender<bool>,
}

impl Driver {
    /// Does one thing; what it led to, if the machine waits for that.
    async fn carry_out(&mut self, effect: Effect, machine: &ContainerMachine) -> Option<Event> {
        match effect {
            Effect::Configure => {
                self.changes = self.context.node.changes.subscribe();
                let image = self.image.as_ref()?;
                Some(match configure(&self.plan, &self.context, image).await {
                    Ok(spec) => {
                        self.spec = Some(spec);
                        Event::Configured
                    }
                    Err(error) => Event::NotConfigured(error.to_string()),
                })
            }
            Effect::Start => {
                let spec = self.spec.take()?;
                Some(match self.start(&spec, machine.snapshot().restarts).await {
                    Ok(()) => Event::Started {
                        image_id: format!("program:{}", spec.program.display()),
                    },
                    Err(error) => Event::NotStarted(error.to_string()),
                })
            }
            Effect::Probe => {
                if let Some(running) = &self.process {
                    running.started.send_replace(true);
                }
                None
            }
            Effect::Terminate => self.request(StopRequest::Terminate).await,
            Effect::Kill => self.request(StopRequest::Kill).await,
            Effect::Publish(snapshot) => {
                self.context.snapshots.send_modify(|all| {
                    let mut same = all.iter_mut();
                    if let Some(old) = same.find(|old| old.name == snapshot.name) {
                        *old = *snapshot;
                    }
                });
                None
            }
            Effect::Record {
                severity,
                reason,
                message,
            } => {
                let (pod, events) = (&self.context.pod, &self.context.node.events);
                events.record(pod, Some(&self.plan.name), severity, reason, message);
                None
            }
        }
    }

    /// Waits for whatever happens first.
    async fn next_event(&mut self, machine: &ContainerMachine) -> Event {
        let stop = *self.context.stop.borrow_and_update();
        if let Some(left) = stop.filter(|_| stop != machine.stop()) {
            return Event::Stop(left);
        }
        loop {
            let (exited, probed) = match &mut self.process {
                Some(running) => (Some(running.process.ended()), Some(running.results.recv())),
                None => (None, None),
            };
            tokio::select! {
                code = or_never(exited) => {
                    if let Some(running) = self.process.take() {
                        // The log is whole now; whoever follows it may stop.
                        running.goes_on.send_replace(false);
                    }
                    return Event::Exited(code);
                }
                Some((kind, result)) = or_never(probed) => return Event::Probed(kind, result),
                Ok(()) = self.context.stop.changed() => {
                    if let Some(left) = *self.context.stop.borrow_and_update() {
                        return Event::Stop(left);
                    }
                }
                // Any change of a Secret or ConfigMap is a reason to try again.
                _ = self.changes.recv(), if machine.waits_for_references() => {
                    return Event::ReferencesChanged;
                }
                () = at(machine.deadline()) => return Event::Deadline,
            }
        }
    }

    async fn start(&mut self, spec: &ContainerSpec, run: u32) -> Result<(), StartError> {
        let pod = &self.context.pod;
        let (uid, name) = (pod.uid().unwrap_or_default(), &self.plan.name);
        let config = &self.context.node.config;
        let path = config.paths.log(&uid, name, run);
        let log = open_log(spec, &path).map_err(|source| StartError::Log { path, source })?;
        let (goes_on, receiver) = watch::channel(true);
        let namespace = pod.namespace().unwrap_or_default();
        config
            .registry
            .runs(&namespace, &pod.name_any(), name, receiver);
        let process = Process::start(spec, log).await?;
        let (sender, results) = mpsc::channel(8);
        let (started, is_started) = watch::channel(false);
        self.process = Some(Running {
            process,
            goes_on,
            _probes: self.spawn_probes(&sender, &is_started),
            results,
            started,
        });
        Ok(())
    }

    fn spawn_probes(
        &self,
        results: &mpsc::Sender<(Kind, bool)>,
        started: &watch::Receiver<bool>,
    ) -> JoinSet<()> {
        let target = Target {
            pod: Arc::clone(&self.context.pod),
            container: self.plan.name.clone(),
            ip: self.context.ip,
            ports: self.plan.ports.clone(),
            since: Instant::now(),
            events: self.context.node.events.clone(),
        };
        let mut probes = JoinSet::new();
        for (kind, plan) in [
            (Kind::Startup, &self.plan.startup),
            (Kind::Readiness, &self.plan.readiness),
            (Kind::Liveness, &self.plan.liveness),
        ] {
            if let Some(plan) = plan.clone() {
                let (target, started) = (target.clone(), started.clone());
                probes.spawn(prober::run(kind, plan, target, started, results.clone()));
            }
        }
        probes
    }

    async fn request(&mut self, request: StopRequest) -> Option<Event> {
        self.process.as_mut()?.process.request(request).await;
        None
    }
}

fn open_log(spec: &ContainerSpec, path: &Path) -> std::io::Result<Log> {
    std::fs::create_dir_all(&spec.root)?;
    Log::create(path)
}

/// What a future that may be absent comes to.
async fn or_never<T>(future: Option<impl Future<Output = T>>) -> T {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}
